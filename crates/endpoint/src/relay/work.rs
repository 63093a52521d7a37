//! Serving a part: hops to its heads, as many at a time as may be in flight.

use alloc::{vec, vec::Vec};

use bytes::Bytes;
use hobnob_messaging::{Call, CallKey, Failure, SendError, Token};
use hobnob_wire::{Command, Instant, RelayHop, RelayTarget, Writer, limits};

use super::errand::{Attempt, Errand, GivenUp, Owner};
use super::reports::Told;
use crate::{
    calling::Target,
    endpoint::Endpoint,
    event::{CallError, Event},
};

/// Bytes of a hop besides its targets and payload, at most.
const HOP_BYTES_MAX: usize = 128;

/// Bytes of one target in a hop, at most.
const TARGET_BYTES_MAX: usize =
    (limits::RELAY_HEAD_BYTES_MAX - HOP_BYTES_MAX) / limits::RELAY_TARGETS_MAX;

impl Endpoint {
    /// Does for an errand what can be done now; ends it when nothing is left, puts it back otherwise.
    pub(super) fn advance(&mut self, now: Instant, key: u64, mut errand: Errand) {
        if now < errand.deadline {
            while let Some(attempt) = errand.next_attempt() {
                self.attempt(now, key, &mut errand, attempt);
            }
        }
        if !errand.is_complete() {
            return self.keep(key, errand);
        }
        self.release_children(now, &mut errand);
        match errand.owner {
            Owner::Origin { token } => {
                self.relays.own.remove(&key);
                let report = errand.into_report();
                self.events.push_back(Event::RelayEnded { token, report });
            }
            Owner::Parent(_) => self.finish(now, key, errand),
        }
    }

    /// All of a part has its result: what is left is to tell it.
    fn finish(&mut self, now: Instant, key: u64, mut errand: Errand) {
        let held = errand.bytes();
        errand.payload = Bytes::new();
        self.relays.held -= held - errand.bytes();
        if errand.upward.has_news() && self.tell_parent(now, key, &mut errand) == Told::Orphaned {
            return self.drop_errand(now, key, errand);
        }
        if errand.upward.is_done() {
            self.drop_errand(now, key, errand);
        } else {
            self.keep(key, errand);
        }
    }

    /// Sends the head of a part its hop, or learns that this cannot be done.
    fn attempt(&mut self, now: Instant, key: u64, errand: &mut Errand, attempt: Attempt) {
        let head = errand.target(attempt.head);
        if head.addr == self.addr {
            let outcome = self.take_message(
                errand.id,
                errand.floor,
                errand.command,
                head.generation,
                &errand.payload,
            );
            errand.tell(attempt.head, outcome);
            return errand.pass_over(&attempt);
        }
        if !errand.is_origin() && !self.may_relay_to(&head) {
            errand.unreached(attempt.head);
            return errand.pass_over(&attempt);
        }
        match self.send_hop(now, errand, &attempt, head) {
            Ok((part, call)) => {
                self.relays.by_part.insert(part, key);
                self.relays.stats.hops += 1;
                errand.begun(now, part, attempt, call);
            }
            Err(CallError::Refused(SendError::QueueFull { .. })) => errand.put_off(&attempt),
            Err(error) => {
                self.on_head_refused(errand, attempt.head, error);
                errand.pass_over(&attempt);
            }
        }
    }

    fn on_head_refused(&self, errand: &mut Errand, head: usize, error: CallError) {
        match error {
            CallError::PeerRestarted => errand.restarted(head),
            error if errand.is_origin() => errand.fail(head, error.into()),
            _ => errand.unreached(head),
        }
    }

    fn send_hop(
        &mut self,
        now: Instant,
        errand: &Errand,
        attempt: &Attempt,
        head: RelayTarget,
    ) -> Result<(u64, CallKey), CallError> {
        let to = Target {
            addr: head.addr,
            generation: head.generation,
        };
        let peer = self.peer(now, to)?;
        let part = self.relays.next_number();
        let rest = errand.open_in(&attempt.rest);
        let call = Call {
            command: Command::RELAY,
            payload: hop(now, errand, part, head, &rest),
            deadline: errand.deadline,
            token: Token(part),
        };
        Ok((part, self.messaging.send(now, peer, call)?))
    }

    /// Whether a relay sends to a target only because it was told to: to members, and to whom it talks. Of a
    /// later process than is known here it learns from that process: a session ends for its word only.
    pub(super) fn may_relay_to(&self, target: &RelayTarget) -> bool {
        let is_acquainted = self.gossip.node(target.addr).is_some()
            || self
                .sessions
                .peer_at(target.addr)
                .is_some_and(|peer| self.is_connected(peer));
        is_acquainted && target.generation <= self.process_at(target.addr)
    }

    /// A hop was delivered, or could not be.
    pub(super) fn on_hop_sent(&mut self, now: Instant, part: u64, result: Result<(), Failure>) {
        let Some(&key) = self.relays.by_part.get(&part) else {
            return;
        };
        let Some(mut errand) = self.relays.take(key) else {
            return;
        };
        match result {
            Ok(()) => {
                errand.on_delivered(now, part);
                self.forget_if_served(&mut errand, part);
            }
            Err(failure) => {
                let is_lone = errand.is_lone(part);
                if let Some(GivenUp {
                    head, forgotten, ..
                }) = self.give_up(&mut errand, part)
                {
                    debug_assert!(forgotten != Some(part), "the oldest is forgotten first");
                    on_head_lost(&mut errand, head, is_lone, failure);
                }
            }
        }
        self.advance(now, key, errand);
    }

    /// A child was not heard of for too long, or declines.
    pub(super) fn take_over(&mut self, now: Instant, errand: &mut Errand, part: u64) {
        let addr = errand.child_addr(part);
        let Some(GivenUp { head, call, .. }) = self.give_up(errand, part) else {
            return;
        };
        match (call, addr) {
            (Some(call), _) => self.messaging.cancel(now, call),
            (None, Some(addr)) => self.send_cancel(now, part, addr, errand),
            (None, None) => {}
        }
        if errand.is_open(head) {
            errand.unreached(head);
        }
    }

    pub(super) fn forget_if_served(&mut self, errand: &mut Errand, part: u64) {
        if errand.is_served(part) && errand.forget_served(part) {
            self.relays.by_part.remove(&part);
        }
    }

    /// Nobody waits for an errand any more: its children are told, and it ends.
    pub(super) fn give_back(&mut self, now: Instant, key: u64, errand: Errand) {
        for (part, target) in errand.workers() {
            self.send_cancel(now, part, target.addr, &errand);
        }
        self.drop_errand(now, key, errand);
    }

    fn give_up(&mut self, errand: &mut Errand, part: u64) -> Option<GivenUp> {
        let given_up = errand.give_up(part)?;
        self.relays.stats.taken_over += 1;
        if let Some(forgotten) = given_up.forgotten {
            self.relays.by_part.remove(&forgotten);
        }
        Some(given_up)
    }

    /// Tells a child that nobody waits for its part: a courtesy, which may get lost with it.
    fn send_cancel(
        &mut self,
        now: Instant,
        part: u64,
        addr: core::net::SocketAddr,
        errand: &Errand,
    ) {
        let mut number = [0; 8];
        let mut w = Writer::new(&mut number);
        let part = hobnob_wire::VarInt::new(part).unwrap_or(hobnob_wire::VarInt::MAX);
        let encoded = w.varint(part);
        debug_assert!(encoded.is_ok(), "a number has eight bytes at most");
        let payload = Bytes::copy_from_slice(w.written());
        let to = Target {
            addr,
            generation: None,
        };
        let call = Call {
            command: Command::RELAY_CANCEL,
            payload,
            deadline: errand.deadline,
            token: Token(self.relays.next_number()),
        };
        if let Ok(peer) = self.peer(now, to) {
            let _ = self.messaging.send(now, peer, call);
        }
    }
}

/// What a failed hop says of its head.
fn on_head_lost(errand: &mut Errand, head: usize, is_lone: bool, failure: Failure) {
    match failure {
        Failure::PeerRestarted => errand.restarted(head),
        Failure::PeerDown if errand.is_origin() => errand.fail(head, failure.into()),
        // It may have been the list that was too much, and these do not pass.
        Failure::TooLarge | Failure::NoHandler | Failure::Malformed
            if errand.is_origin() && is_lone =>
        {
            errand.fail(head, failure.into());
        }
        _ if errand.is_open(head) => errand.unreached(head),
        _ => {}
    }
}

fn hop(now: Instant, errand: &Errand, part: u64, head: RelayTarget, rest: &[RelayTarget]) -> Bytes {
    let millis = |time: core::time::Duration| {
        u32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX)
    };
    let hop = RelayHop {
        id: errand.id,
        floor: errand.floor,
        part,
        pace_ms: millis(errand.pace),
        timeout_ms: millis(errand.deadline.saturating_since(now)),
        limit: u32::try_from(errand.limit).unwrap_or(u32::MAX),
        command: errand.command,
        place: head.place,
        generation: head.generation,
    };
    let head_max = HOP_BYTES_MAX + rest.len() * TARGET_BYTES_MAX;
    let mut bytes: Vec<u8> = Vec::with_capacity(head_max + errand.payload.len());
    bytes.extend_from_slice(&vec![0; head_max]);
    let mut w = Writer::new(&mut bytes);
    let encoded = hop.encode(rest.iter().copied(), &mut w);
    debug_assert!(encoded.is_ok(), "the longest head fits");
    let len = w.len();
    bytes.truncate(len);
    bytes.extend_from_slice(&errand.payload);
    bytes.into()
}
