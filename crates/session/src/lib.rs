//! Who is at the other end of a datagram.
//!
//! # Phases
//!
//! A *peer* is a remote address with a place in the table. Between two peers there is at most one
//! *session*: a pair of session ids, one chosen by each side, and two runs of packet numbers.
//!
//! ```text
//! initiator                                                         responder
//!    │ hello: my id, a nonce, my generation, cluster, versions          │
//!    │─────────────────────────────────────────────────────────────────►│ candidate
//!    │                      hello ack: my id, my generation, your echo  │
//!    │◄─────────────────────────────────────────────────────────────────│
//!    │ established                                                      │
//!    │ data for the responder's id                                      │
//!    │─────────────────────────────────────────────────────────────────►│ established
//! ```
//!
//! 1. An *attempt* sends its hello again and again, ever more slowly, until it is answered, refused, or
//!    has lasted [`ATTEMPT_LASTS`](limits::ATTEMPT_LASTS).
//!    Whoever is of another cluster, or runs a version of the application that one of the two does not work with, is
//!    refused at the hello, with the reason: not a byte of anything else is exchanged. The responder knows what both
//!    declare and decides for both, so it does not matter who greets whom.
//! 2. A *candidate* is what a good hello makes at the responder. It becomes the session when data for its
//!    id comes from the very address of the hello: only who got the answer can know the id. The initiator
//!    therefore speaks first, and soon: a candidate lasts [`CANDIDATE_LASTS`](limits::CANDIDATE_LASTS).
//! 3. A *session* ends when the remote says that it does not know it any more (reset), when a later
//!    candidate from the same address is proven, or when it is disconnected here.
//!
//! Two nodes that connect to each other at the same moment end with one session: who gets a hello while
//! its own is under way answers with the id of its own attempt, so both attempts lead to the same pair.
//!
//! # Promises
//!
//! - An address that has not proven that it receives gets no more bytes than it sent, and nothing but
//!   answers to handshakes.
//! - Nothing forged from elsewhere ends or replaces a session, or changes which generation is believed:
//!   that takes an id or nonce that was only ever sent to the peer's address.
//! - A data datagram is handed on at most once, at any later time, after a restart of either side too.
//! - A generation below one that was proven at the address is refused, and the refused node is told.
//! - Every table and queue is bounded by a name in [`limits`]; a flood of hellos displaces other
//!   strangers, never a peer that is remembered.
//! - The same calls with the same seed give the same bytes and events.
//!
//! Datagrams end with a checksum for now: it finds corruption, not forgery by who can read the traffic.
//!
//! # What it never does
//!
//! It opens no socket, reads no clock, and looks into no frame. It does not decide whom to connect to,
//! nor when to try again: it says what became of an attempt. It sends no keep-alives and does not notice
//! silence: membership does. Gaps in the packet numbers it does notice, and
//! [says](Sessions::hears_badly) when they go on.
//!
//! # Use
//!
//! Call one method that changes something, then drain: [`poll_transmit`](Sessions::poll_transmit) and
//! [`poll_event`](Sessions::poll_event) until both return `None`, then wait for a datagram or for
//! [`poll_timeout`](Sessions::poll_timeout).
#![no_std]

extern crate alloc;

mod config;
mod data;
mod error;
mod event;
mod half_open;
mod handshake;
mod hearing;
mod ids;
pub mod limits;
mod outbox;
mod sessions;
mod stats;
mod table;
mod window;

pub use config::{ConfigError, SessionConfig};
pub use data::TRAILER_BYTES;
pub use error::{ConnectError, Dropped, GenerationNotGreater, SealError};
pub use event::{Event, FailedReason, LostReason, Opened, Remote, TimeoutReason};
pub use sessions::Sessions;
pub use stats::Stats;
