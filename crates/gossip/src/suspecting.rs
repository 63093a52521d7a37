//! Failure detection around SWIM's own: what this node makes of missing answers, its own and others'
//! (Lifeguard: Dadgar, Phillips, Currey 2017).

use alloc::{vec, vec::Vec};
use core::{net::SocketAddr, time::Duration};

use foca::{Header, Incarnation, Member, Message, State};
use hobnob_wire::Instant;

use crate::{
    codec::SwimPacket,
    gossip::Gossip,
    identity::{Identity, Life, canonical_addr},
    nacks::Errand,
    pack::ItemPacker,
    payload::{Item, Payload},
    suspicion::{Accusation, Suspect},
    swim::Sighting,
};

impl Gossip {
    /// Timers that fire much too late say that this node stood still: paused, swapped out, starved. What was to
    /// be heard meanwhile may still be on its way, so everything gets its time again.
    pub(crate) fn forgive_standstill(&mut self, now: Instant) {
        let tolerated = self.config.get().probe_timeout / 2;
        let Some(late) = self.swim.next_timer().map(|at| now.saturating_since(at)) else {
            return;
        };
        if late > tolerated {
            self.swim.postpone(late);
            self.suspicions.postpone(late);
            self.inquiries.postpone(late);
            self.swim.health.worsen(1);
            self.stats.standstills += 1;
        }
    }

    /// This node's own probe was not answered. SWIM says so too of whoever has refuted the suspicion meanwhile.
    pub(crate) fn accuse(&mut self, now: Instant, life: Life, incarnation: Incarnation) {
        if self.holds_suspect(life, incarnation) {
            self.begin_suspicion(now, life, incarnation);
            self.expect_suspicion(now);
            let accuser = self.me.life.addr;
            let accusation = Accusation {
                life,
                incarnation,
                accuser,
            };
            self.take_accusation(now, &accusation);
        }
    }

    /// Somebody says whose probe was not answered by whom: that node is suspected from now on, or more
    /// than before.
    pub(crate) fn hear_accusation(&mut self, now: Instant, accusation: &Accusation) {
        let Accusation {
            life, incarnation, ..
        } = *accusation;
        if !self.may_count(accusation) {
            return;
        }
        if life == self.me.life {
            if self.hears_badly {
                return;
            }
            self.swim.note_suspected(incarnation);
            self.swim.suspect(now, life, incarnation);
            return;
        }
        let known = self.suspicions.get(life.addr);
        if known.is_none_or(|known| known.incarnation != incarnation) {
            self.swim.suspect(now, life, incarnation);
            self.settle_notes(now);
            if !self.holds_suspect(life, incarnation) {
                return;
            }
            self.hear_suspicion(now, life, incarnation);
            self.expect_suspicion(now);
        }
        self.take_accusation(now, accusation);
    }

    /// A peer holds whoever is live at the address for dead, in this life of it or a later one: as good as a failed
    /// probe of its own, and no better.
    pub(crate) fn hear_verdict(&mut self, now: Instant, from: SocketAddr, addr: SocketAddr) {
        let held = self.directory.get(addr).map(|entry| entry.life);
        if let Some(sighting) = held.and_then(|life| self.swim.sighting(life)) {
            let accusation = Accusation {
                life: sighting.life,
                incarnation: sighting.incarnation,
                accuser: from,
            };
            self.hear_accusation(now, &accusation);
        }
    }

    /// Says of itself that it hears badly, to a few peers, who pass it on: nobody else can know.
    pub(crate) fn accuse_itself(&mut self) {
        let life = self.me.life;
        let accusation = Accusation {
            life,
            incarnation: self.swim.incarnation(),
            accuser: life.addr,
        };
        let fanout = usize::from(self.config.get().gossip_fanout);
        let peers = self.directory.sample_live(&mut self.rng, fanout);
        for peer in peers {
            let mut packer = ItemPacker::news(1);
            packer.push(&Item::Accusation(accusation));
            self.outbox.push_all(peer, packer.finish());
        }
    }

    /// Whether an accusation is about this node or a member, by a member: another one or, if it hears badly, itself.
    fn may_count(&self, accusation: &Accusation) -> bool {
        let me = self.me.life;
        let is_live = |addr| self.directory.get(addr).is_some_and(|entry| entry.live);
        let accused = accusation.life;
        let is_known = accused == me
            || self
                .directory
                .get(accused.addr)
                .is_some_and(|entry| entry.live && entry.life == accused);
        let accuser = accusation.accuser;
        let is_entitled = accuser == me.addr || is_live(accuser);
        self.leave.is_none() && is_known && is_entitled
    }

    /// Whether SWIM holds the life for suspect in this very incarnation.
    fn holds_suspect(&self, life: Life, incarnation: Incarnation) -> bool {
        let holds = self.swim.sighting(life);
        holds.is_some_and(|holds| holds.suspect && holds.incarnation == incarnation)
    }

    /// Others suspect it. They may say so before they say who accuses it, so it is looked after from now on.
    fn hear_suspicion(&mut self, now: Instant, life: Life, incarnation: Incarnation) -> bool {
        let is_new = self.begin_suspicion(now, life, incarnation);
        if is_new {
            self.consider_check(now, life);
        }
        is_new
    }

    /// Says whether it was not suspected here before.
    fn begin_suspicion(&mut self, now: Instant, life: Life, incarnation: Incarnation) -> bool {
        let health = self.swim.health;
        let is_new = self.suspicions.begin(now, life, incarnation, health);
        if is_new && self.directory.is_contested(life) {
            self.suspicions.hurry(life.addr);
        }
        self.stats.suspicions += u64::from(is_new);
        is_new
    }

    fn take_accusation(&mut self, now: Instant, accusation: &Accusation) {
        if self.suspicions.accuse(now, accusation) {
            self.give_last_call(now, accusation.life);
            self.set_deadline(now, accusation.life);
        }
    }

    /// A confirmation, or a contest for its name, can make a suspect's time be over by now. Where this node is not at its
    /// best, that may be because it heard nobody for a while, and the refutation too: so it asks once more and waits for
    /// the answer.
    pub(crate) fn give_last_call(&mut self, now: Instant, life: Life) {
        let bounds = self.config.suspicion(self.size());
        let health = self.swim.health;
        let known = self.suspicions.get(life.addr);
        let overdue = known.filter(|suspicion| suspicion.deadline(&bounds) <= now);
        if let Some(incarnation) = overdue.map(|suspicion| suspicion.incarnation)
            && health.score() > 0
        {
            let answered_by = now + health.stretch(self.config.get().probe_timeout);
            self.suspicions.spare(life.addr, answered_by);
            self.confront(now, life, incarnation);
        }
    }

    pub(crate) fn set_deadline(&mut self, now: Instant, life: Life) {
        let bounds = self.config.suspicion(self.size());
        if let Some(suspicion) = self.suspicions.get(life.addr) {
            let at = suspicion.deadline(&bounds).max(now);
            self.swim
                .set_deadline(at, suspicion.life, suspicion.incarnation);
        }
    }

    /// Whether this node hears most of what is sent to it, as the owner finds out. While it does not, it refutes
    /// nothing that is said against it, and does not come back from having been declared dead.
    pub const fn set_hearing(&mut self, hears_well: bool) {
        self.hears_badly = !hears_well;
    }

    /// The suspects whose time is up, and those about to be accused by this node: who knows better has to say so, by
    /// [`vouch`](Self::vouch), before the next [`handle_timeout`](Self::handle_timeout).
    pub fn suspects_due(&self, now: Instant) -> impl Iterator<Item = Suspect> {
        let bounds = self.config.suspicion(self.size());
        let now = now.max(self.now);
        let inquired = self.inquiries.due(now);
        self.suspicions.due(now, bounds).chain(inquired)
    }

    /// A suspect has shown since its time began to count that it hears this node and is heard by it, if not in
    /// gossip: it gets its time once more, and is told to its face, so that it can refute the suspicion everywhere.
    /// One that was about to be accused is not. No effect on anybody else.
    pub fn vouch(&mut self, now: Instant, whom: Identity) {
        let now = self.advance(now);
        self.inquiries.heard(whom);
        if let Some((life, incarnation)) = self.suspicions.vouch(now, whom) {
            self.stats.verdicts_put_off += 1;
            self.set_deadline(now, life);
            self.confront(now, life, incarnation);
        }
        self.settle(now);
    }

    /// What the next datagram to an address has to say before all else: that whoever is there is suspected. `None`
    /// when that is not so, or was said within the probe timeout. [`poll_transmit`](Self::poll_transmit) sees to it
    /// for payloads; the owner has to for datagrams that carry none. (Lifeguard, section III-C, the buddy system.)
    pub fn warning(&mut self, now: Instant, to: SocketAddr) -> Option<Vec<u8>> {
        if self.suspicions.is_empty() {
            return None;
        }
        let now = self.advance(now);
        let pause = self.config.get().probe_timeout;
        let (life, incarnation) = self.suspicions.warn(now, canonical_addr(to), pause)?;
        Some(self.to_its_face(life, incarnation))
    }

    /// An errand for somebody begins or ends with this packet.
    pub(crate) fn note_errand(&mut self, now: Instant, header: &Header<Life>) {
        match header.message {
            Message::PingReq {
                target,
                probe_number,
            } => {
                let errand = Errand {
                    origin: header.src.addr,
                    target,
                    number: probe_number,
                };
                // Four fifths of the time the prober waits, as in the paper.
                self.errands
                    .begin(now + self.config.get().probe_timeout * 4 / 5, errand);
            }
            Message::IndirectAck {
                target,
                probe_number,
            } => self.errands.answered(&Errand {
                origin: target.addr,
                target: header.src,
                number: probe_number,
            }),
            _ => {}
        }
    }

    pub(crate) fn send_nacks(&mut self, now: Instant) {
        while let Some(errand) = self.errands.take_due(now) {
            self.outbox
                .push_swim(errand.origin, Payload::nack(errand.number));
        }
    }

    /// Shows whom SWIM suspects by now, each suspected here from now on. Whether a suspect has left is asked at
    /// once: its goodbye may have reached others.
    pub(crate) fn show_suspicions(&mut self, now: Instant) {
        let me = self.me.life.addr;
        let unsettled = now + self.config.suspicion(self.size()).max;
        let confront_again = now + self.config.get().probe_period;
        let (mut fresh, mut suspects, mut confronted) = (Vec::new(), Vec::new(), Vec::new());
        for sighting in self.suspect_sightings() {
            let Sighting {
                life,
                incarnation,
                suspect,
            } = sighting;
            if !suspect {
                self.suspicions.end(life.addr);
            } else if self.hear_suspicion(now, life, incarnation) {
                fresh.push(life);
            }
            let accused = self
                .suspicions
                .get(life.addr)
                .is_some_and(|s| s.is_accused_by(me));
            let confront_at = if accused { confront_again } else { unsettled };
            if self.directory.observe(now, sighting, confront_at) {
                suspects.push(life.addr);
                if accused {
                    confronted.push(sighting);
                }
            }
        }
        for life in fresh {
            self.set_deadline(now, life);
        }
        if !suspects.is_empty() {
            self.ask_around(&suspects);
        }
        for sighting in confronted {
            self.confront(now, sighting.life, sighting.incarnation);
        }
        // Those that have just begun.
        self.run_checks(now);
    }

    /// The members SWIM suspects, and those it has ceased to suspect: few, however large the cluster.
    fn suspect_sightings(&self) -> Vec<Sighting> {
        let suspicions = &self.suspicions;
        let matters =
            |sighting: &Sighting| sighting.suspect || suspicions.get(sighting.life.addr).is_some();
        self.swim.sightings().filter(matters).collect()
    }

    /// Tells a suspect at once. So does whoever accuses it, again and again.
    pub(crate) fn confront(&mut self, now: Instant, life: Life, incarnation: Incarnation) {
        // Whatever else is on its way to it does not have to say so as well.
        let _ = self.suspicions.warn(now, life.addr, Duration::ZERO);
        let payload = self.to_its_face(life, incarnation);
        self.outbox.push_swim(life.addr, payload);
    }

    /// A ping, which a suspect answers with its refutation.
    fn to_its_face(&self, life: Life, incarnation: Incarnation) -> Vec<u8> {
        let ping = SwimPacket {
            header: Header {
                src: self.me.life,
                src_incarnation: 0,
                dst: life,
                message: Message::Ping(0),
            },
            updates: vec![Member::new(life, incarnation, State::Suspect)],
        };
        let packet = ping.encode();
        debug_assert!(packet.is_ok(), "one update fits a packet");
        Payload::swim(&packet.unwrap_or_default())
    }
}
