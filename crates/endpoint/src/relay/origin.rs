//! Where a relayed fan-out begins.

use core::num::NonZeroUsize;

use hobnob_messaging::{Call, SendError};
use hobnob_wire::{
    FanOutId, Generation, Instant, RelayTarget,
    limits::{RELAY_PLACES_MAX, RELAY_TARGETS_MAX},
};

use super::{
    RelayKey,
    errand::{Errand, Owner, Task},
    limits::{OWN_MAX, PACE_MAX, PACE_MIN, PACES_PER_TIMEOUT},
};
use crate::{calling::Target, endpoint::Endpoint, event::CallError};

impl Endpoint {
    /// Sends one message to many by way of a tree in which every node serves up to `limit` others at a time;
    /// [`Event::RelayEnded`](crate::Event::RelayEnded) tells how each delivery ended.
    ///
    /// This node itself may be among the targets.
    ///
    /// # Errors
    ///
    /// [`CallError`]; no completion will follow then.
    pub fn relay(
        &mut self,
        now: Instant,
        targets: &[Target],
        limit: NonZeroUsize,
        call: Call,
    ) -> Result<RelayKey, CallError> {
        self.check_relay(now, targets, &call)?;
        let Call {
            command,
            payload,
            deadline,
            token,
        } = call;
        let key = self.relays.next_number();
        self.relays.own.insert(key);
        let task = Task {
            id: FanOutId {
                origin: self.addr,
                generation: self.sessions.generation(),
                serial: key,
            },
            floor: self.relays.own.first().copied().unwrap_or(key),
            command,
            payload,
            deadline,
            limit: limit.get().min(RELAY_TARGETS_MAX),
            pace: (deadline.saturating_since(now) / PACES_PER_TIMEOUT).clamp(PACE_MIN, PACE_MAX),
            owner: Owner::Origin { token },
        };
        let targets = targets.iter().zip(0..).map(|(target, place)| RelayTarget {
            place,
            addr: target.addr,
            generation: target.generation.or_else(|| self.process_at(target.addr)),
        });
        let errand = Errand::new(now, task, targets);
        self.relays.stats.begun += 1;
        self.advance(now, key, errand);
        self.settle(now);
        Ok(RelayKey(key))
    }

    /// Gives a relayed fan-out up: no completion follows, and relays are told to begin nothing more.
    pub fn cancel_relay(&mut self, now: Instant, RelayKey(key): RelayKey) {
        if let Some(errand) = self.relays.take(key) {
            self.give_back(now, key, errand);
            self.settle(now);
        }
    }

    fn check_relay(&self, now: Instant, targets: &[Target], call: &Call) -> Result<(), CallError> {
        Self::check_command(call.command)?;
        let len = call.payload.len();
        let max = self.messaging.config().message_bytes_max;
        if len > max {
            return Err(SendError::TooLarge { len, max }.into());
        }
        if call.deadline <= now {
            return Err(SendError::DeadlinePassed.into());
        }
        if self.relays.own.len() >= OWN_MAX || targets.len() > RELAY_PLACES_MAX as usize {
            let messages = self.relays.own.len();
            return Err(SendError::QueueFull { messages, bytes: 0 }.into());
        }
        Ok(())
    }

    /// The process that is known at an address.
    pub(super) fn process_at(&self, addr: core::net::SocketAddr) -> Option<Generation> {
        if addr == self.addr {
            return Some(self.sessions.generation());
        }
        let proven = self
            .sessions
            .peer_at(addr)
            .and_then(|peer| self.sessions.remote(peer))
            .and_then(|remote| remote.proven);
        let member = self.gossip.node(addr);
        proven.max(member.map(|node| node.identity.generation))
    }
}
