//! Messages between the nodes of a mesh: reliable ones, requests, fan-outs, over datagrams that get lost.
//!
//! One [`Messaging`] serves all peers of a node. It is a state machine: it gets commands, the frames of
//! received packets and the time, and gives events and the frames of the next datagrams. Headers, packet
//! numbers and sealing are the session's, which also sees to it that no packet is handed in twice.
//!
//! # Phases
//!
//! 1. A message that is sent waits in its peer's queue: for a session, for the congestion window, for its
//!    turn. Up to now it can still go to whichever session comes, though not to another process than the
//!    one it was meant for.
//! 2. It is transmitted: it gets the next id of the session. A message that fits into a datagram goes as one
//!    frame, with others if they are small; a larger one goes in pieces that fill datagrams. From now on it
//!    belongs to the session and never moves to another.
//! 3. The receiver looks it up in its duplicate table and takes it, which is what gives it to a handler, or
//!    refuses it. A packet is acknowledged once all of its messages are taken or refused, and the ack names
//!    the refused ones. What can be neither taken nor refused now, as it is too far ahead of what came, is
//!    not acknowledged, and comes again.
//! 4. The ack ends a one-way message. A request goes on waiting for its response, which is a message of its
//!    own in the other direction, and an ack of the request in itself.
//! 5. What is not acknowledged is transmitted again, by packet and time gaps or after a probe timeout (RFC
//!    9002), until it is, its deadline passes, or the peer is gone.
//!
//! ```text
//!  caller                                                   handler
//!    │ send ─► queue ─► in flight ── message ─────────► taken ─► Message
//!    │ Sent ◄──────────────────────────────── ack ──────┘ or refused
//!    │
//!    │ request ─► queue ─► in flight ── message ──────► taken ─► Request
//!    │                     awaiting ◄── ack ────────────┘           │
//!    │ Answered ◄────────────────────── message ─── in flight ◄─ respond
//!    ▼                    └── ack ────────────────────► done
//! ```
//!
//! # Flow control
//!
//! What may be in flight to a peer is the smaller of two numbers. The congestion window is the sender's guess
//! of what the path takes: NewReno, smaller steps for small windows, taken back when what looked lost was
//! only late, and not as low as it goes where losses say nothing about a queue. The credit is the receiver's word: its socket buffer, divided among the peers that send much at
//! the moment, told with an ack when it changes by more than a fourth, and repeated if that was lost. Without
//! a credit the window alone counts; two datagrams are always allowed, whatever the other side says.
//!
//! Where the round trip is longer than 2 ms, a window leaves at 5/4 of itself a round trip, in bursts of at
//! most 2 ms or ten datagrams. Acks, probes, cancellations and unreliable messages wait for nothing.
//!
//! Reordering is not loss: packets that were given up and came after all make the receiver of acks wait for
//! more packets and longer before it gives up the next.
//!
//! Memory for messages in pieces is bounded for each peer and for the node. One that finds no room takes that
//! of the oldest unfinished one, whose sender is told at once that it was refused as overloaded.
//!
//! # Order
//!
//! Messages have no order, but for those that are sent in a *stream*, a name among the messages to one peer.
//!
//! - The sender gives the messages of a stream their ids in the order of sending. Each tells how far below its
//!   own id that of the message before it stands, or that there is none: none was transmitted in the current session,
//!   or the receiver has confirmed a floor above it.
//! - The receiver gives a message out when the one before it is *settled*. Until then it is held, and
//!   acknowledged: held is taken. What there is no room to hold is refused.
//! - A message is settled when it was given out; when it was refused or skipped, and the one before it is
//!   settled; when the floor passed it; or when the session ended, as it cannot come any more.
//! - A sender that gives up a message of a stream says with a skip, which names the one before it as the message
//!   did, that those after it go on without it, and repeats that until it is acknowledged, whatever the
//!   message's deadline. Where too many wait to be told, the floor tells it as soon as it can. A receiver that
//!   acknowledges nothing for [long](limits::TOLD_IN_VAIN) is told once it is heard again. So nothing is held for a
//!   message that will not come, and nothing overtakes what is before it.
//! - When the session ends, the receiver gives out all it holds, in order: what they waited for belonged to that
//!   session and cannot come any more.
//!
//! So the messages of a stream are given out in the order of sending, over any number of sessions between the
//! same two processes. One whose call failed may be missing, or was given out unknown to its sender, but never
//! after a later one. One stream never waits for another, nor do messages without a stream.
//!
//! The owner may have commands of its own ([`Messaging::register_inner`]): what comes for them, and how what was
//! sent under them ended, is told apart from everything else. Relay trees are built on that.
//!
//! # Promises
//!
//! - A message is handled at most once, however often it is transmitted, and [`Event::Sent`] with `Ok` means
//!   that it was taken. A message told to be refused was not handled and will not be.
//! - Every call ends once: with its answer, a failure that says which, or, at its deadline, a timeout.
//!   Nothing is transmitted for it afterwards but one word to a far side that may still be at work on it.
//! - A message for a process never goes to its successor at the same address.
//! - What is in flight is bounded by a congestion window for each peer and by the peer's own word; a probe is one datagram, never the
//!   window again. Acks leave with the next datagram that goes there, or alone when the owner flushes; they
//!   are never delayed by a timer.
//! - Each peer's queues, tables and buffers are bounded, by [`Config`] or by a constant in [`limits`].
//! - A peer's bytes never panic it, and what they can make it hold or do is bounded.
//! - Small messages allocate nothing once it is warm: entries are reused, payloads are slices of the
//!   received packet, and each step of a message is O(1), but for finding its stream (the logarithm of how many
//!   there are) and holding it when it came before its turn (a copy, and a place among those that did).
//! - The same calls in the same order give the same result, to the byte.
//!
//! # What it never does
//!
//! It keeps no order between messages of different streams, peers or processes. It owns no socket, clock, task or random source, logs nothing, and
//! knows nothing of membership: which addresses are peers, and whether they are up, it is told.
//!
//! # Example
//!
//! Two cores and a perfect network:
//!
//! ```
//! use bytes::Bytes;
//! use hobnob_messaging::{Call, Config, Event, Messaging, SessionChange, Token};
//! use hobnob_wire::{Command, Instant, PacketNumber, Peer, Writer};
//!
//! let now = Instant::from_nanos(1);
//! let peer = Peer { slot: 0, epoch: 0 };
//! let mut sender = Messaging::new(Config::default(), now)?;
//! let mut receiver = Messaging::new(Config::default(), now)?;
//! receiver.register(Command(100));
//! sender.session_established(now, peer, SessionChange::First);
//! receiver.session_established(now, peer, SessionChange::First);
//!
//! let call = Call {
//!     command: Command(100),
//!     payload: Bytes::from("hello"),
//!     deadline: Instant::from_nanos(1_000_000_000),
//!     token: Token(7),
//! };
//! sender.send(now, peer, call)?;
//!
//! let deliver = |from: &mut Messaging, to: &mut Messaging| {
//!     let mut buffer = [0; 1_200];
//!     let mut w = Writer::new(&mut buffer);
//!     let ready = from.poll_ready(now).expect("it has something to send");
//!     from.fill(now, ready, PacketNumber::ZERO, &mut w);
//!     let packet = Bytes::copy_from_slice(w.written());
//!     to.handle_packet(now, peer, PacketNumber::ZERO, &packet)
//! };
//! deliver(&mut sender, &mut receiver)?;
//! assert!(matches!(receiver.poll_event(), Some(Event::Message { payload, .. }) if payload == "hello"));
//! receiver.handled(1);
//!
//! deliver(&mut receiver, &mut sender)?;
//! assert_eq!(sender.poll_event(), Some(Event::Sent { token: Token(7), result: Ok(()) }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod ack_state;
mod acked;
mod calls;
mod config;
mod congestion;
mod credit;
mod error;
mod event;
mod fan_out;
mod fill;
mod held;
mod id_map;
mod incoming;
mod key;
mod lifecycle;
pub mod limits;
mod list;
mod load;
mod message;
mod messaging;
mod outgoing;
mod pacing;
mod peer;
mod peers;
mod reassembly;
mod recovery;
mod reordering;
mod requests;
mod rtt;
mod seen;
mod sent;
mod shared;
mod stats;
mod streams;
mod stretches;
mod timers;
mod wheel;

pub use calls::Call;
pub use config::{Config, ConfigError};
pub use error::{PacketError, RespondError, SendError};
pub use event::{Event, Failure};
pub use fill::Filled;
pub use key::{CallKey, FanOutKey, RequestKey, Token};
pub use load::PeerLoad;
pub use messaging::{Messaging, SessionChange};
pub use stats::Stats;
pub use timers::TimeoutReason;
