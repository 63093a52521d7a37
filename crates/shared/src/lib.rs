//! Data that the whole cluster shares: a map whose last writer wins, counters that add up, and values that each node
//! says of itself.
//!
//! The [`values`] of the nodes are a part of their own, with its own text: each has one writer, and ends with it. What
//! follows is about the map and the counters.
//!
//! Every node has a whole copy, writes to it without asking anybody, and reads from it without waiting. The
//! copies tell each other what is new. What two nodes made of one key at the same time is decided by a rule that
//! gives the same everywhere, so that copies which have heard of the same writes are equal.
//!
//! # What is merged, and how
//!
//! - *Entries.* A key has a value, or was removed, under the [`Version`] of that write: the time of a hybrid
//!   logical clock (Kulkarni, Demirbas, Madappa, Avva, Leone 2014) and the process that wrote. The greater version
//!   wins (the LWW-register of Shapiro, Preguiça, Baquero, Zawirski 2011, INRIA RR-7506, section 3.2.1). A write that
//!   has seen another one always has the greater version, however wrong the clocks are.
//! - *Counters.* Every process has a share of its own in a counter: how much it has added and how much taken
//!   away, both of which only grow. The greater number of each wins, and the value is the sum of all shares (the
//!   PN-counter of RR-7506, section 3.1.3). A share belongs to a process, address and generation: one that was
//!   restarted begins another share and leaves that of its past self alone.
//!
//! An entry and a counter of the same name are two things. A counter that nobody has touched is 0, and none is ever
//! removed: name few of them.
//!
//! # Phases
//!
//! 1. *Writing.* [`SharedData::set`], [`SharedData::remove`], [`SharedData::compare_and_set`] and
//!    [`SharedData::add`] change this node's copy at once, or refuse with a reason.
//! 2. *News.* What was written goes out at once, and what was written in the next [`NEWS_INTERVAL`] together: to all
//!    peers if these are at most [`DIRECT_PEERS_MAX`], else to [`NEWS_PEERS`] of them, who pass on what is new to them
//!    in the same way.
//! 3. *Comparing.* Every [`SYNC_INTERVAL`] a node compares its copy with that of a random peer: one hash; if that
//!    differs, a hash for each 256th of all keys; for those that differ, a hash of each of their items; and then the
//!    items that differ, in both directions. So what news missed arrives, and a node that joins gets everything.
//!    Whoever finds company after being alone, meets a peer that was away, or has learnt something by comparing,
//!    compares within a second.
//! 4. *Forgetting.* A removal is remembered for [`KEPT`], and so are the shares of a counter one by one, in periods of
//!    that length; older ones are folded into one sum, by everybody in the same way.
//!
//! ```text
//!  a                                            b
//!    │ set("k", 1) ─► items {k} ───────────────► merge, pass on      news
//!    │
//!    │ root ───────────────────────────────────► equal: nothing      comparing, mostly
//!    │
//!    │ root ───────────────────────────────────► differs             comparing, at worst
//!    │ differ ◄────────────────────── 256 hashes │
//!    │ hashes of items in those that differ ───► │
//!    │ merge ◄───────────────── items, want {h} ─┘
//!    └ items {h} ──────────────────────────────► merge
//! ```
//!
//! # Promises
//!
//! - Copies that can talk to each other become equal, whatever was lost, repeated, reordered or cut before, and
//!   for however long.
//! - Of two writes to a key of which the later one had seen the other, the later one wins. Of two that had not, one
//!   wins, the same everywhere; the other is gone without a word.
//! - A counter is the sum of what all processes added, those that are gone included, as long as no two parts of the
//!   cluster were apart for longer than [`KEPT`]. Nothing is counted twice, by restarts or otherwise.
//! - What is removed stays removed, unless a node was apart from the others for longer than [`KEPT`] and still has
//!   the old value: it then comes back. No other way of forgetting removals is better: waiting until everybody
//!   has confirmed waits forever for a node that is gone, or takes a timeout in the end to decide that it is.
//! - Time is what this node was told it is. A version that is more than [`CLOCK_AHEAD_MAX`] ahead of it is refused and
//!   counted, and comes again when its time has come: one wrong clock neither drags along the others, nor keeps its
//!   writes above theirs for longer than it is wrong.
//! - Everything held is bounded by [`limits`]. A write that would need more than the cluster's limit is refused;
//!   writes on two sides of a partition, each below it, are all kept when they meet, up to [`BYTES_HARD_MAX`]. Above
//!   that the entries that were written longest ago give way, on every node the same, and everything of their age
//!   or older is not taken any more.
//! - A peer's bytes never panic it, and what one payload makes it do and send is bounded.
//! - The same calls with the same seed give the same payloads and events.
//!
//! # What it never does
//!
//! - It makes no decision with others. Two nodes may [`compare_and_set`](SharedData::compare_and_set) the same
//!   version at the same moment, and both are told that it worked; then one of them is overwritten. It is no lock.
//! - It writes nothing to disk. What every node forgets, because all were stopped, is gone; and so is what a process
//!   wrote and had not passed on when it crashed.
//! - It shows no common order of writes to different keys.
//! - It knows no addresses but those it is given as peers, opens no socket, reads no clock, and does not protect
//!   against members that lie.
//!
//! ```
//! use bytes::Bytes;
//! use core::time::Duration;
//! use hobnob_shared::{Config, Process, SharedData};
//! use hobnob_wire::{Generation, Instant};
//!
//! let now = Instant::ZERO;
//! let unix_time = Duration::from_secs(1_800_000_000);
//! let node = |addr: &str, seed| {
//!     let me = Process { addr: addr.parse().expect("an address"), generation: Generation(1) };
//!     SharedData::new(Config::default(), me, seed, now, unix_time)
//! };
//! let (mut a, mut b) = (node("10.0.0.1:7000", 1)?, node("10.0.0.2:7000", 2)?);
//! a.peer_up(now, b.me().addr);
//! b.peer_up(now, a.me().addr);
//!
//! a.set(now, "motd", Bytes::from("hello"))?;
//! a.add(now, "games", 2)?;
//! b.add(now, "games", 3)?;
//! let now = now + hobnob_shared::limits::NEWS_INTERVAL;
//! a.handle_timeout(now);
//! loop {
//!     if let Some(transmit) = a.poll_transmit() {
//!         b.handle_payload(now, a.me().addr, &transmit.payload)?;
//!     } else if let Some(transmit) = b.poll_transmit() {
//!         a.handle_payload(now, b.me().addr, &transmit.payload)?;
//!     } else {
//!         break;
//!     }
//! }
//! assert_eq!(b.get("motd").expect("it was told").value, "hello");
//! assert_eq!((a.counter("games"), b.counter("games")), (5, 5));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! [`BYTES_HARD_MAX`]: limits::BYTES_HARD_MAX
//! [`CLOCK_AHEAD_MAX`]: limits::CLOCK_AHEAD_MAX
//! [`DIRECT_PEERS_MAX`]: limits::DIRECT_PEERS_MAX
//! [`KEPT`]: limits::KEPT
//! [`NEWS_INTERVAL`]: limits::NEWS_INTERVAL
//! [`NEWS_PEERS`]: limits::NEWS_PEERS
//! [`SYNC_INTERVAL`]: limits::SYNC_INTERVAL
#![no_std]

extern crate alloc;

mod clock;
mod codec;
mod config;
mod counters;
mod data;
mod digest;
mod entries;
mod error;
mod event;
mod incoming;
mod item;
pub mod limits;
mod merge;
mod news;
mod outbox;
mod stats;
mod summary;
mod sync;
pub mod values;

pub use clock::{Process, Version};
pub use config::{Config, ConfigError};
pub use data::{Entry, SharedData, TimeoutReason};
pub use error::{AddError, CompareError, PayloadError, WriteError};
pub use event::Event;
pub use outbox::Transmit;
pub use stats::Stats;
