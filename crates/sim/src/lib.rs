//! A seeded simulator: whole nodes, one virtual clock, a bad network.
//!
//! The nodes are the real thing: [`Endpoint`]s, the very code that runs under tokio. Only what is around
//! them is made up: time, which jumps from event to event; the network, which delays, loses, repeats,
//! reorders and corrupts datagrams and can be cut; and the processes, which can be killed, paused and
//! started again.
//!
//! # Phases
//!
//! 1. [`Sim::new`] takes a seed and the network's [`Conditions`]; [`Sim::start`] adds nodes.
//! 2. [`Sim::run_for`] lets time pass. The [`Application`] hears of every process that starts, of whatever it
//!    reports, and of the timers it has set itself; it acts through [`At`]. Between runs the test does the
//!    same by [`Sim::with`].
//! 3. [`Sim::kill`], [`Sim::pause`], [`Sim::cut`] and their opposites make the day worse or better.
//!
//! # Promises
//!
//! The same seed, the same commands: the same run, byte for byte. [`Sim::trace`] is a hash over every
//! datagram with its time, sender and receiver, so that two runs can be compared.
//!
//! # What it never does
//!
//! It reads no clock, opens no socket, starts no thread, and looks into no datagram.

mod application;
mod conditions;
mod network;
mod node;
mod sim;

pub use application::{Application, At, Idle};
pub use conditions::Conditions;
pub use hobnob_endpoint as endpoint;
pub use hobnob_endpoint::wire::Instant;
pub use node::NodeId;
pub use sim::Sim;

#[doc(no_inline)]
pub use hobnob_endpoint::Endpoint;
