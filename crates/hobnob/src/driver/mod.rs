//! The thin driver: one task that owns the socket's receiving side and the clock.
//!
//! A loop: take in whatever arrived, let due things happen once nothing more of that waits, hand out what came of it, send what is to be
//! sent, sleep. Callers send for themselves when the node is idle, so that a lone request hops to no other
//! task; see [`shared`].

mod blocks;
mod clock;
mod completions;
mod run;
mod sender;
mod shared;
mod socket;
mod udp;

pub(crate) use blocks::{Block, Blocks};
pub(crate) use clock::Clock;
pub(crate) use completions::Outcome;
pub(crate) use run::run;
pub(crate) use sender::Drained;
pub(crate) use shared::{Core, NEVER, Shared};
pub(crate) use socket::{Batch, Socket};
