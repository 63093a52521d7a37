//! This node's own probes: whose answer is missing, and what a missing one says of this node itself.

use alloc::vec::Vec;
use core::net::SocketAddr;

use foca::{Header, Incarnation, Message};
use hobnob_wire::Instant;

use super::Swim;
use crate::{codec::SwimPacket, identity::Life, why::FailedProbe};

/// The round of probing under way: whose answer is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) life: Life,
    pub(crate) since: Instant,
    number: u8,
}

impl Swim {
    pub(super) fn begin_round(&mut self, now: Instant) {
        self.answered = false;
        self.helpers.clear();
        self.probe = self.inbox.ping().map(|(life, number)| Probe {
            life,
            since: now,
            number,
        });
    }

    /// Takes in what the round of probing that is about to end says of this node's own health. Returns the probe
    /// if it was not answered.
    pub(crate) fn judge_round(&mut self, now: Instant) -> Option<(Life, FailedProbe)> {
        if self.answered {
            self.health.improve();
            return None;
        }
        let probe = self.probe?;
        self.health.worsen(self.helpers.blame());
        let failed = FailedProbe {
            began: probe.since,
            ended: now,
            helpers: self.helpers.asked_count(),
            nacks: self.helpers.heard_count(),
        };
        Some((probe.life, failed))
    }

    /// In which incarnation this node is: foca takes the next one whenever the present one is suspected.
    pub(crate) const fn incarnation(&self) -> Incarnation {
        self.unsuspected
    }

    /// Somebody suspects this node in one of its incarnations. To have to refute that says something of its own
    /// health, but only once, however many pass it on.
    pub(crate) fn note_suspected(&mut self, incarnation: Incarnation) {
        if incarnation >= self.unsuspected {
            self.unsuspected = incarnation.saturating_add(1);
            self.health.worsen(1);
        }
    }

    /// The probe under way, unless it was answered for.
    pub(crate) const fn probe(&self) -> Option<Probe> {
        self.probe
    }

    /// A packet is about to be handed over: it may be the answer.
    pub(crate) fn note_answer(&mut self, header: &Header<Life>) {
        let is_answer = |probe: &mut Probe| match header.message {
            Message::Ack(number) => header.src == probe.life && number == probe.number,
            Message::ForwardedAck {
                origin,
                probe_number,
            } => origin == probe.life && probe_number == probe.number,
            _ => false,
        };
        self.answered |= self.probe.take_if(is_answer).is_some();
    }

    /// A helper has heard nothing from the target of a probe with this number.
    pub(crate) fn note_nack(&mut self, helper: SocketAddr, number: u8) {
        if self.probe.is_some_and(|probe| probe.number == number) {
            self.helpers.heard(helper);
        }
    }

    /// Whoever is probed has shown in another way that it is there. foca takes the same packet from it as if
    /// it had answered; incarnation 0 claims nothing about a suspicion.
    pub(crate) fn answer_probe(&mut self, now: Instant, me: Life) {
        let Some(probe) = self.probe.take() else {
            return;
        };
        self.answered = true;
        let ack = SwimPacket {
            header: Header {
                src: probe.life,
                src_incarnation: 0,
                dst: me,
                message: Message::Ack(probe.number),
            },
            updates: Vec::new(),
        };
        if let Ok(packet) = ack.encode() {
            self.handle_packet(now, &packet);
        }
    }
}
