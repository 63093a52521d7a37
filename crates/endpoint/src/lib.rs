//! One node, whole and pure: session, gossip, messaging and shared data behind one seam.
//!
//! This is the only pure crate that knows both membership and messages, and what is shared by the one in the other. It
//! turns what one core learns into what the others must do, and puts all their frames into shared datagrams. It runs
//! under tokio and under the simulator alike.
//!
//! # Phases
//!
//! 1. [`Endpoint::new`] makes a node that is alone. [`Endpoint::join`] greets an address.
//! 2. Anything that wants to go to an address without a session waits while the session core shakes
//!    hands; gossip in a bounded queue, messages in the messaging core.
//! 3. A session that is proven releases both. A session whose far side turned out to be a new process ends
//!    what was in flight to the old one; one whose member failed or left ends all calls to it.
//! 4. A message to many may go down a tree of nodes that pass it on: see [`relay`].
//! 5. What is [shared] goes from member to member in messages of the nodes' own, and so does what each says of itself
//!    besides its record: its [values](shared::values).
//! 6. Whoever is of another cluster, or runs an incompatible version of the application, never gets a session. A third
//!    node that both work with may tell each of them of the other: then neither takes the other for a member.
//!    [`Event::Stranger`] says who and why, on both sides.
//! 7. [`Endpoint::leave`] says goodbye until every live peer has confirmed it.
//!
//! # How it is driven
//!
//! Change it once (`handle_*` or a command), then drain it: [`Endpoint::poll_transmit`] until `None`,
//! [`Endpoint::poll_event`] until `None`, then sleep until [`Endpoint::poll_timeout`] or the next datagram.
//! Transmits may be drained later than events when more changes are at hand: messages that wait for the
//! same peer then share its datagrams.
//!
//! # Promises
//!
//! - Gossip frames stand before all others in a datagram, and peers with gossip are served first: load
//!   never starves failure detection.
//! - A peer under probe is asked again until it answers, and whatever it answers counts: neither a few lost
//!   datagrams nor a link full of messages make a suspect of it. To be heard alone does not count.
//!   The same holds for a suspect whose time is up: an answer to anything sent since puts the verdict off.
//! - Whoever is suspected hears of it in the first datagram that goes to it, whatever else that is for.
//! - Datagrams of one transmit are equally long but for the last, so that one system call can send them.
//! - A peer's bytes never panic it, and one bad datagram spoils no other.
//!
//! # What it never does
//!
//! It owns no socket, clock or task, resolves no names and logs nothing.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod bridge;
mod calling;
mod compose;
mod config;
mod endpoint;
mod event;
mod gossip_queue;
mod housekeeping;
pub mod relay;
mod sharing;
mod strangers;
mod values;

pub use calling::Target;
pub use config::{ConfigError, EndpointConfig};
pub use endpoint::Endpoint;
pub use event::{CallError, Event, TimeoutReason};
pub use gossip_queue::PAYLOADS_PER_PEER_MAX as GOSSIP_PAYLOADS_PEER_MAX;
pub use relay::{DeliveryError, RelayKey, RelayStats};
pub use strangers::STRANGERS_MAX;

pub use hobnob_gossip as gossip;
pub use hobnob_messaging as messaging;
pub use hobnob_session as session;
pub use hobnob_shared as shared;
pub use hobnob_wire as wire;
