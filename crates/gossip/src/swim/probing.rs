//! This node's own probes: whose answer is missing, and what a missing one says of this node itself.

use alloc::vec::Vec;
use core::net::SocketAddr;

use foca::{Header, Incarnation, Message};
use hobnob_wire::Instant;

use super::{Note, Swim, ring};
use crate::{codec::SwimPacket, identity::Life, why::FailedProbe};

/// The round of probing under way: whose answer is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) life: Life,
    pub(crate) since: Instant,
    incarnation: Incarnation,
    number: u8,
}

/// Whom foca believes to be probing in this round, and under which number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Picked {
    life: Life,
    number: u8,
}

impl Swim {
    /// foca has sent its ping. In every second round that goes to this node's successor instead.
    pub(super) fn begin_round(&mut self, now: Instant) {
        self.answered = false;
        self.stood_in = false;
        self.helpers.clear();
        self.picked = self
            .inbox
            .ping()
            .map(|(life, number)| Picked { life, number });
        let Some(Picked { life, number }) = self.picked else {
            self.probe = None;
            return;
        };
        self.successors_turn = !self.successors_turn;
        let successor = ring::successor(self.foca.identity().addr, self.sightings())
            .filter(|next| self.successors_turn && next.life != life);
        if let Some(next) = successor {
            self.inbox.redirect_ping(number, next.life);
            self.stood_in = true;
        }
        let target = successor.or_else(|| self.sighting(life));
        self.probe = target.map(|target| Probe {
            life: target.life,
            since: now,
            incarnation: target.incarnation,
            number,
        });
    }

    /// Others are asked about whoever is probed. Where foca has asked nobody because its pick is gone by now, nothing
    /// can be found out about the one that stands in for it.
    pub(super) fn begin_help(&mut self) {
        if let (true, Some(picked), Some(probe)) = (self.stood_in, self.picked, self.probe) {
            if self.sighting(picked.life).is_none() {
                self.probe = None;
            }
            self.inbox.redirect_requests(picked.life, probe.life);
        }
        self.helpers.asked(self.inbox.asked());
    }

    /// The next round is about to begin. foca has to hold whomever it picked for probed, unless it really was and
    /// did not answer; a successor that did not is suspected as foca would suspect it.
    pub(super) fn end_round(&mut self, now: Instant) {
        if let Some(picked) = self.picked.take()
            && (self.answered || self.stood_in)
            && self.sighting(picked.life).is_some()
        {
            self.satisfy(now, picked);
        }
        if let Some((_, help)) = self.help.take() {
            // foca counts on it before the next probe, also where nobody had to be asked.
            self.run(now, help);
        }
        if let Some(silent) = self.probe.filter(|_| self.stood_in && !self.answered) {
            self.suspect(now, silent.life, silent.incarnation);
            let accused = Note::Accused(silent.life, silent.incarnation);
            self.inbox.notes.push_back(accused);
        }
    }

    /// Whoever is gone by now has no answer to give, and nobody an answer for another life of this node.
    pub(super) fn drop_vain_probe(&mut self) {
        let notes = self.inbox.notes.iter();
        let ends = |probe: &mut Probe| {
            notes.into_iter().any(|note| match note {
                Note::Down(life) => *life == probe.life,
                Note::Renamed(life) => {
                    life.addr == probe.life.addr && life.is_newer_than(probe.life)
                }
                Note::Renewed(_) => true,
                Note::Up(_) | Note::Accused(..) => false,
            })
        };
        self.probe.take_if(ends);
    }

    /// foca takes this packet as if whomever it picked had answered; incarnation 0 claims nothing about a suspicion.
    fn satisfy(&mut self, now: Instant, picked: Picked) {
        let ack = SwimPacket {
            header: Header {
                src: picked.life,
                src_incarnation: 0,
                dst: *self.foca.identity(),
                message: Message::Ack(picked.number),
            },
            updates: Vec::new(),
        };
        if let Ok(packet) = ack.encode() {
            self.handle_packet(now, &packet);
        }
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

    /// Whoever is probed has shown in another way that it is there.
    pub(crate) fn answer_probe(&mut self) {
        self.answered |= self.probe.take().is_some();
    }
}
