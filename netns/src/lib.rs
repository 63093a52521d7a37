//! A bad day for real processes: five nodes over a real kernel's network, judged by the reference model.
//!
//! The simulator finds what is wrong in the protocol; this finds what is wrong between the protocol and the
//! system: sockets, timers, the driver, what a kernel does to datagrams, to a process that is stopped, and to
//! one that is killed.
//!
//! # Phases
//!
//! 1. [`network`]: a namespace for each node, joined by veth pairs and a bridge in one more. Loss, doubling
//!    and cuts are nftables rules in the bridge's namespace, limits are `tbf` queues.
//! 2. [`crew`]: a process in each namespace, which runs a `hobnob::Mesh` ([`worker`]), calls the others as a
//!    seed says, and writes a [`journal`] of what it did and saw.
//! 3. [`day`]: the faults, one after the other, while the calls go on: 10 % loss, a slow link that everybody
//!    floods, a process stopped for 5 s, one killed and restarted, a node cut off for 20 s. Then quiet.
//! 4. [`verdict`]: the journals, merged by time (all processes read the same clock), are told to
//!    `hobnob_sim::model`, which judges simulated clusters, too. Its report is printed.
//!
//! # What it promises
//!
//! - The host's own interfaces, addresses, rules and routes are never touched: everything is made inside
//!   namespaces whose names hold this process's id.
//! - These are removed however the run ends; those of a run that was killed, at the start of the next.
//! - A slow machine is no violation: nothing is judged by how long it took, but for patience of ten seconds
//!   and more where something must happen at all.
//!
//! # What it leaves open
//!
//! How many deliveries of a fan-out are in flight is seen by the simulator only. The facade does not tell a
//! deadline from a lost session, so that a time-out that comes too early is taken for the latter. A message
//! that was taken by a process within its last seconds may be lost with it; the report counts those.
#![warn(missing_docs)]

pub mod clock;
pub mod crew;
pub mod day;
pub mod folder;
pub mod journal;
pub mod network;
pub mod orders;
pub mod tool;
pub mod verdict;
pub mod worker;

use std::io::{Write, stdout};

/// An error's text is all that anybody does with it here: it is shown, and the run ends.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What can go wrong here is for people to read.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Prints a line. Without a standard output there is nobody to tell.
pub fn say(line: &str) {
    let _ = writeln!(stdout(), "{line}");
}
