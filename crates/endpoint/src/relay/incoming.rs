//! What other nodes of a relay tree say.

use core::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use hobnob_messaging as messaging;
use hobnob_wire::{
    Command, FanOutId, Generation, Instant, Peer, Reader, RelayHop, RelayOutcome, RelayReport,
    RelayTargets, limits::RELAY_TARGETS_MAX,
};

use super::{
    errand::{Errand, Owner, Parent, Task},
    limits::{ERRAND_BYTES_MAX, ERRANDS_MAX, HOPS_BYTES_MAX, PACE_MAX, PACE_MIN},
    memory::Known,
};
use crate::{endpoint::Endpoint, event::Event};

impl Endpoint {
    /// Something was told of the relays' own commands.
    pub(crate) fn on_relay_event(&mut self, now: Instant, event: messaging::Event) {
        match event {
            messaging::Event::Message {
                peer,
                command,
                payload,
                ..
            } => self.on_relay_message(now, peer, command, &payload),
            messaging::Event::Unreliable {
                command: Command::RELAY_ONCE,
                payload,
                ..
            } => self.on_once(now, &payload),
            messaging::Event::Unreliable { .. } => self.relays.stats.malformed += 1,
            messaging::Event::Sent { token, result } => {
                self.on_report_sent(now, token, &result);
                self.on_hop_sent(now, token.0, result);
            }
            _ => {}
        }
    }

    fn on_relay_message(&mut self, now: Instant, peer: Peer, command: Command, payload: &Bytes) {
        let Some(remote) = self.sessions.remote(peer) else {
            return;
        };
        let addr = remote.addr;
        let Some(generation) = remote.proven else {
            return;
        };
        let understood = match command {
            Command::RELAY => RelayHop::decode(payload)
                .map(|(hop, targets, message)| {
                    let parent = Parent {
                        addr,
                        generation,
                        part: hop.part,
                    };
                    self.on_hop(now, parent, hop, targets, &payload.slice_ref(message));
                })
                .is_ok(),
            Command::RELAY_REPORT => RelayReport::decode(payload)
                .map(|report| self.on_report(now, addr, &report))
                .is_ok(),
            Command::RELAY_CANCEL => self.on_cancel(now, addr, generation, payload),
            _ => false,
        };
        self.relays.stats.malformed += u64::from(!understood);
    }

    fn on_hop(
        &mut self,
        now: Instant,
        parent: Parent,
        hop: RelayHop,
        targets: RelayTargets<'_>,
        payload: &Bytes,
    ) {
        if self.relays.by_parent.contains_key(&parent) {
            return;
        }
        let outcome = if self.process_at(hop.id.origin) == Some(hop.id.generation) {
            self.take_message(hop.id, hop.floor, hop.command, hop.generation, payload)
        } else {
            // There is room to remember the fan-outs of processes that are known, not of all that can be named.
            RelayOutcome::Unreached
        };
        let deadline = now + Duration::from_millis(hop.timeout_ms.into());
        let task = Task {
            id: hop.id,
            floor: hop.floor,
            command: hop.command,
            payload: self.held(payload, targets.len()),
            deadline,
            limit: usize::try_from(hop.limit)
                .unwrap_or(usize::MAX)
                .min(RELAY_TARGETS_MAX)
                .min(HOPS_BYTES_MAX / payload.len().max(1))
                .max(1),
            pace: Duration::from_millis(hop.pace_ms.into()).clamp(PACE_MIN, PACE_MAX),
            owner: Owner::Parent(parent),
        };
        let mut errand = Errand::new(now, task, targets);
        if !self.has_room_for(&errand) {
            return self.decline(now, parent, &mut [(hop.place, outcome)], deadline);
        }
        errand.upward.add(hop.place, outcome);
        let key = self.relays.next_number();
        self.relays.by_parent.insert(parent, key);
        self.relays.held += errand.bytes();
        self.advance(now, key, errand);
    }

    /// Decides whether this node takes a message for its handlers, once for each fan-out.
    pub(super) fn take_message(
        &mut self,
        id: FanOutId,
        floor: u64,
        command: Command,
        meant: Option<Generation>,
        payload: &Bytes,
    ) -> RelayOutcome {
        let me = self.sessions.generation();
        match meant {
            Some(meant) if meant < me => return RelayOutcome::Restarted,
            Some(meant) if meant > me => return RelayOutcome::Unreached,
            _ => {}
        }
        match self.relays.memory.look(id, floor) {
            Known::Decided(outcome) => {
                self.relays.stats.repeated += 1;
                return outcome;
            }
            Known::Over => return RelayOutcome::Unreached,
            Known::New => {}
        }
        let outcome = if !self.messaging.is_registered(command) {
            RelayOutcome::NoHandler
        } else if !self.messaging.take_place() {
            RelayOutcome::Overloaded
        } else {
            self.relays.stats.taken += 1;
            self.events.push_back(Event::Relayed {
                origin: id.origin,
                command,
                payload: payload.clone(),
                is_reliable: true,
            });
            RelayOutcome::Taken
        };
        self.relays.memory.decide(id, floor, outcome);
        outcome
    }

    /// The payload to hold on to while there are others to serve. A slice of a receive buffer is copied, for
    /// it would keep that whole.
    fn held(&self, payload: &Bytes, targets: usize) -> Bytes {
        if targets == 0 {
            Bytes::new()
        } else if payload.len() < self.datagram_bytes {
            Bytes::copy_from_slice(payload)
        } else {
            payload.clone()
        }
    }

    fn has_room_for(&self, errand: &Errand) -> bool {
        self.relays.by_parent.len() < ERRANDS_MAX
            && self.relays.held + errand.bytes() <= ERRAND_BYTES_MAX
    }

    fn on_report(&mut self, now: Instant, from: SocketAddr, report: &RelayReport<'_>) {
        let part = report.part;
        let Some(&key) = self.relays.by_part.get(&part) else {
            return;
        };
        let Some(mut errand) = self.relays.take(key) else {
            return;
        };
        if errand.child_addr(part) == Some(from) {
            errand.on_heard(now, part);
            for run in report.runs.clone() {
                errand.on_run(part, run);
            }
            self.forget_if_served(&mut errand, part);
            if report.is_declined {
                self.take_over(now, &mut errand, part);
            }
        }
        self.advance(now, key, errand);
    }

    /// Says whether it was understood.
    fn on_cancel(
        &mut self,
        now: Instant,
        addr: SocketAddr,
        generation: Generation,
        payload: &[u8],
    ) -> bool {
        let mut r = Reader::new(payload);
        let Ok(part) = r.varint("relay cancel") else {
            return false;
        };
        let parent = Parent {
            addr,
            generation,
            part: part.get(),
        };
        if let Some(&key) = self.relays.by_parent.get(&parent)
            && let Some(errand) = self.relays.take(key)
        {
            self.give_back(now, key, errand);
        }
        r.finish("relay cancel").is_ok()
    }
}
