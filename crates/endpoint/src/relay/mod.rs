//! One message to many nodes by way of a tree: whoever gets it passes it on.
//!
//! The sender of a plain fan-out sends to every node itself. Here it sends to `limit` of them, each with a part
//! of the others to serve, and so on: its cost is `limit`, and the time to reach all grows with the logarithm
//! of their number.
//!
//! # Phases
//!
//! 1. [`Endpoint::relay`] makes the origin's *errand*: all targets, in `limit` parts. The head of each part is
//!    sent a [hop](hobnob_wire::RelayHop): the message, the time left, and the other targets of its part.
//! 2. Who gets a hop takes the message for its own handlers, or refuses it, and remembers which under the id of
//!    the fan-out: a second hop for the same fan-out, from whomever, is answered from memory and not handled
//!    again. If others were named, it has an errand of its own: it does with its part what the origin did with
//!    the whole.
//! 3. Results flow up: an errand tells its parent what it has learned, once at its end, and every *pace*
//!    before that, be it that nothing is new. At each node results of the same kind share a few bytes.
//! 4. A child is given up when its hop cannot be delivered, when it declines, or when it was not heard of for
//!    [`SILENT_PACES`](limits::SILENT_PACES). Its targets that were not reported are split among new children;
//!    what it reports after all still counts. A relay says of the head itself that it could not reach it.
//! 5. What a relay could not reach the origin tries itself, one by one, for as long as there is time: only the
//!    origin gives a node up.
//! 6. The origin's errand ends when every target has its result, or at the deadline, with
//!    [`Event::RelayEnded`](crate::Event::RelayEnded).
//!
//! ```text
//!  origin ── hop {b, c, d, e, f} ──► a ── hop {c} ──► b ── hop ──► c
//!                                    │                │ ◄─ report ─┘
//!                                    │ ◄─ report b, c ┘
//!                                    ├── hop {e, f} ──► d ✗
//!                                    ├── hop {f} ─────► e …          d said nothing: its targets are split anew
//!         ◄─ report a, b, c, e, f; d ┘
//!         ── hop {} ──► d                                           the origin tries d itself
//! ```
//!
//! # Promises
//!
//! - A process takes the message at most once, whatever is lost, repeated, delayed or wrongly suspected, for as
//!   long as the origin is a member. Suspicion costs messages, never correctness.
//! - A target is a process: the one that was named, else the one that is known at its address when the fan-out
//!   begins. `Ok` says that this process took it. Where none is known, it is whoever is there, so a restart in
//!   the middle may bring it to both, and is no result.
//! - That a node has no handler, or too much to do, is its own word, which it keeps: it will not handle it.
//!   Everything else is said of nodes that may have taken it, as with an ordinary message.
//! - A node has at most `limit` hops of one errand in flight: sent, and neither acknowledged nor given up.
//! - What a relay tells is believed only of the nodes it was given.
//! - A hop makes a node send to members it knows and to peers it talks to, each at most a few times however
//!   often it is named, and only until the time is up. A hop whose time is up causes nothing.
//! - A hop teaches a node nothing of others: where it names a later process, or an origin, that is not known here,
//!   the node hands that back to the origin.
//! - Everything held is bounded by [`limits`]. A node that cannot help declines, and is told of as any other.
//!
//! An unreliable message goes down the same tree without any of this: each node gets it from one other, once or
//! never, and nothing is remembered or reported.
//!
//! # What it never does
//!
//! It keeps no order, and never asks a relay to do what was not in its part. It does not protect against
//! members that lie: one that relays can lie about its part, as one that sends can lie about anything.

mod errand;
mod incoming;
pub mod limits;
mod memory;
mod once;
mod origin;
mod reports;
mod stats;
mod tick;
mod work;

use alloc::collections::{BTreeMap, BTreeSet};

use hobnob_messaging::Failure;
use hobnob_wire::{Command, Instant};
use thiserror::Error;

use crate::{endpoint::Endpoint, event::CallError};

use errand::{Errand, Owner, Parent};
use memory::Memory;

pub use stats::RelayStats;

/// A relayed fan-out under way. A stale one finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RelayKey(u64);

/// Why a relayed message is not known to have been taken by a node.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// The node cannot be talked to.
    #[error(transparent)]
    NotTaken(#[from] CallError),
    /// It could not be delivered, or the node refused it.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// The part of relay trees that this node has.
#[derive(Debug, Default)]
pub(crate) struct Relays {
    /// What is to be done, for others and for this node's own fan-outs; the key of the latter is their serial.
    errands: BTreeMap<u64, Errand>,
    own: BTreeSet<u64>,
    by_parent: BTreeMap<Parent, u64>,
    /// To which errand a hop belongs, by the number of its part, which is the token it was sent with, too.
    by_part: BTreeMap<u64, u64>,
    /// To which errand a report that is under way belongs, by its token.
    by_report: BTreeMap<u64, u64>,
    alarms: BTreeSet<(Instant, u64)>,
    memory: Memory,
    stats: RelayStats,
    /// Bytes of errands for others.
    held: usize,
    last: u64,
}

impl Relays {
    /// When the next errand wants to be looked at.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.alarms.first().map(|(at, _)| *at)
    }

    /// A number that was not used before: for an errand, a part, a report, or a payload of shared data.
    pub(crate) fn next_number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Takes an errand out, to be given to [`Endpoint::keep`] or [`Endpoint::drop_errand`].
    fn take(&mut self, key: u64) -> Option<Errand> {
        let errand = self.errands.remove(&key)?;
        self.alarms.remove(&(errand.alarm, key));
        Some(errand)
    }
}

impl Endpoint {
    /// Whether the command is for the nodes' own messages, which no caller may send.
    pub(crate) fn check_command(command: Command) -> Result<(), CallError> {
        if Command::RELAYING.contains(&command) || Command::SHARING.contains(&command) {
            Err(CallError::Reserved)
        } else {
            Ok(())
        }
    }

    /// Counters of the relay trees this node is part of.
    pub fn relay_stats(&self) -> RelayStats {
        let errands = self.relays.errands.values();
        RelayStats {
            errands: self.relays.errands.len(),
            bytes: errands.map(Errand::bytes).sum(),
            remembered: self.relays.memory.len(),
            ..self.relays.stats
        }
    }

    /// For each fan-out this node works on: hops in flight, and how many may be.
    pub fn relays_in_flight(&self) -> impl Iterator<Item = (usize, usize)> {
        let errands = self.relays.errands.values();
        errands.map(|errand| (errand.in_flight(), errand.limit))
    }

    /// Puts an errand back.
    fn keep(&mut self, key: u64, errand: Errand) {
        self.relays.alarms.insert((errand.alarm, key));
        self.relays.errands.insert(key, errand);
    }

    /// Ends an errand that was taken out: what is in flight for it is not sent again.
    fn drop_errand(&mut self, now: Instant, key: u64, mut errand: Errand) {
        self.release_children(now, &mut errand);
        for report in errand.upward.tokens() {
            self.relays.by_report.remove(&report);
        }
        match errand.owner {
            Owner::Origin { .. } => {
                self.relays.own.remove(&key);
            }
            Owner::Parent(parent) => {
                self.relays.by_parent.remove(&parent);
                self.relays.held -= errand.bytes();
            }
        }
    }

    /// Ends all that is under way to an errand's children, and forgets them.
    fn release_children(&mut self, now: Instant, errand: &mut Errand) {
        for (part, call) in errand.forget_children() {
            self.relays.by_part.remove(&part);
            if let Some(call) = call {
                self.messaging.cancel(now, call);
            }
        }
    }
}

#[cfg(test)]
#[path = "../../tests/unit/relay.rs"]
mod tests;
