//! Payloads as they come in. Nothing of them reaches foca or the directory before it was found sound.

use alloc::vec::Vec;
use core::net::SocketAddr;

use foca::{Member, Message, State};
use hobnob_wire::Instant;

use crate::{
    codec::SwimPacket,
    gossip::Gossip,
    identity::{Life, canonical_addr},
    own::Hearsay,
    payload::{Payload, PayloadError},
};

impl Gossip {
    /// Takes a payload that the session with `from` delivered, so that `from` did send it. It may be late,
    /// or one of several to come in another order; a repeated one changes nothing.
    ///
    /// # Errors
    ///
    /// [`PayloadError`] when the payload was refused: nothing was changed, and it is counted. In normal
    /// operation only while versions differ.
    pub fn handle_payload(
        &mut self,
        now: Instant,
        from: SocketAddr,
        payload: &[u8],
    ) -> Result<(), PayloadError> {
        let now = self.advance(now);
        let from = canonical_addr(from);
        let result = self.receive(now, from, payload);
        match result {
            Ok(()) => {
                self.directory.heard(from);
                self.note_company(now, from);
            }
            Err(_) => self.stats.payloads_refused += 1,
        }
        self.settle(now);
        result
    }

    fn receive(
        &mut self,
        now: Instant,
        from: SocketAddr,
        payload: &[u8],
    ) -> Result<(), PayloadError> {
        if from == self.me.life.addr {
            return Err(PayloadError::ForeignSource { claimed: from });
        }
        let payload = Payload::decode(payload)?;
        if payload.is_question() && !self.may_ask(now, from) {
            self.stats.asks_ignored += 1;
            return Ok(());
        }
        match payload {
            Payload::Swim(bytes) => return self.receive_swim(now, from, bytes),
            Payload::Items { items, news } => {
                for item in items {
                    self.handle_item(now, from, item, news);
                }
            }
            Payload::Digest(digest) => self.handle_digest(now, from, &digest),
            Payload::Want(addrs) => self.handle_want(from, &addrs),
            Payload::Resume(range) => {
                self.send_digests(from, range);
            }
            Payload::LeaveAck(ack) => self.leave_confirmed(from, ack),
            Payload::Summary(hash) => self.handle_summary(now, from, hash),
            Payload::Nack(number) => self.swim.note_nack(from, number),
        }
        Ok(())
    }

    fn may_ask(&mut self, now: Instant, from: SocketAddr) -> bool {
        let round = self.config.get().gossip_interval;
        self.asks.take(now, from, round)
    }

    fn receive_swim(
        &mut self,
        now: Instant,
        from: SocketAddr,
        bytes: &[u8],
    ) -> Result<(), PayloadError> {
        let mut packet = SwimPacket::decode(bytes)?;
        self.check_ends(from, &packet)?;
        if self.has_left(packet.header.src) {
            self.remind_of_goodbye(from);
            return Ok(());
        }
        if self.is_outlived(packet.header.src) {
            self.tell_successor(from);
            return Ok(());
        }
        if !self.may_speak(packet.header.src) {
            return Ok(());
        }
        if packet.header.message == Message::TurnUndead {
            self.hear_rebuff(packet.header.src);
        }
        if let Message::PingReq { target, .. } = packet.header.message
            && self.is_shunned(target)
        {
            // Whoever asks is told in time that there is no answer from here.
            self.note_errand(now, &packet.header);
            return Ok(());
        }
        if !self.is_of_use(&packet) || !self.is_for_this_life(now, &packet) {
            return Ok(());
        }
        let src = packet.header.src;
        // foca does not believe those whom it holds for dead, so it will not hear of the lives in their
        // updates; nor must the directory.
        let believed = self
            .directory
            .get(src.addr)
            .is_none_or(|entry| src.is_newer_than(entry.life) || (src == entry.life && entry.live));
        if !self.admit(now, src) {
            return Err(PayloadError::Full);
        }
        let before = packet.updates.len();
        let mut claim = None;
        let mut doubtful = Vec::new();
        if believed {
            claim = self.filter_updates(now, &mut packet.updates);
            doubtful = self.take_doubtful(src, &mut packet.updates);
        } else {
            packet.updates.clear();
        }
        let about_suspicion =
            |update: &Member<Life>| update.state() == State::Suspect || self.suspects(*update.id());
        if self.suspects(src) || packet.updates.iter().any(about_suspicion) {
            self.expect_suspicion(now);
        }
        self.directory.refuted(src, packet.header.src_incarnation);
        for update in &packet.updates {
            self.directory.refuted(*update.id(), update.incarnation());
        }
        self.swim.note_answer(&packet.header);
        self.note_errand(now, &packet.header);
        if packet.updates.len() == before {
            self.swim.handle_packet(now, bytes);
        } else if let Ok(kept) = packet.encode() {
            self.swim.handle_packet(now, &kept);
        }
        self.settle_notes(now);
        self.directory.has_spoken(src);
        for addr in doubtful {
            self.hear_verdict(now, from, addr);
        }
        if let Some(life) = claim {
            self.challenge(now, from, Hearsay::of_life(life));
        }
        Ok(())
    }

    /// Who holds this node for dead is there itself, and was asked.
    fn hear_rebuff(&mut self, from: Life) {
        if self.swim.probe().is_some_and(|probe| probe.life == from) {
            self.swim.answer_probe();
        }
    }

    /// Nobody speaks for another address than its own, or asks us about ourselves.
    fn check_ends(&self, from: SocketAddr, packet: &SwimPacket) -> Result<(), PayloadError> {
        let header = &packet.header;
        if header.src.addr != from {
            let claimed = header.src.addr;
            return Err(PayloadError::ForeignSource { claimed });
        }
        let me = self.me.life.addr;
        let third_is_us = match &header.message {
            Message::PingReq { target: third, .. }
            | Message::IndirectAck { target: third, .. }
            | Message::IndirectPing { origin: third, .. }
            | Message::ForwardedAck { origin: third, .. } => third.addr == me,
            _ => false,
        };
        if header.dst.addr != me || third_is_us {
            return Err(PayloadError::Misdirected);
        }
        Ok(())
    }

    /// Whether the packet can still matter. Word of our death cannot once we leave; and what is to be sent on
    /// goes to live members only, so that nobody can use us against others.
    fn is_of_use(&self, packet: &SwimPacket) -> bool {
        match &packet.header.message {
            Message::TurnUndead => self.leave.is_none() && !self.hears_badly,
            Message::PingReq { target, .. } | Message::IndirectAck { target, .. } => self
                .directory
                .get(target.addr)
                .is_some_and(|entry| entry.live),
            _ => true,
        }
    }

    /// foca ignores what is meant for another life of ours. Whoever knows only an earlier one is told of
    /// this one; a later one that is not ours has to be outlived.
    fn is_for_this_life(&mut self, now: Instant, packet: &SwimPacket) -> bool {
        let dst = packet.header.dst;
        if dst == self.me.life || packet.header.message == Message::Announce {
            return true;
        }
        let from = packet.header.src.addr;
        if dst.is_newer_than(self.me.life) {
            self.challenge(now, from, Hearsay::of_life(dst));
        } else {
            self.send_own_record(from);
        }
        false
    }

    /// Keeps the updates that foca is to hear of. Of those about us, one at most: each could make us come
    /// back under another life. Returns the newest life of ours that is not ours.
    fn filter_updates(&mut self, now: Instant, updates: &mut Vec<Member<Life>>) -> Option<Life> {
        let me = self.me.life;
        let mut claim: Option<Life> = None;
        let mut about_us = None;
        updates.retain(|update| {
            let life = *update.id();
            if life.addr != me.addr {
                return self.is_admissible(now, update);
            }
            if life.is_newer_than(me) && claim.is_none_or(|known| life.is_newer_than(known)) {
                claim = Some(life);
            }
            let matters = life == me
                && update.state() != State::Alive
                && self.leave.is_none()
                && !self.hears_badly;
            if matters && about_us.is_none() {
                about_us = Some(update.incarnation());
                return true;
            }
            false
        });
        if let Some(incarnation) = about_us {
            self.swim.note_suspected(incarnation);
        }
        claim
    }

    /// Takes out the verdicts that nobody else confirms: for this node they are no more than accusations. What a
    /// node says of its own earlier life is certain.
    fn take_doubtful(&self, src: Life, updates: &mut Vec<Member<Life>>) -> Vec<SocketAddr> {
        if self.config.suspicion(self.size()).confirmations == 0 {
            return Vec::new();
        }
        let is_doubtful = |update: &mut Member<Life>| {
            let life = *update.id();
            let held = self.directory.get(life.addr).filter(|entry| entry.live);
            let ends = held.is_some_and(|entry| !entry.life.is_newer_than(life));
            update.state() == State::Down
                && ends
                && life.addr != src.addr
                && !self.suspicions.confirms(life.addr, src.addr)
        };
        let doubtful = updates.extract_if(.., is_doubtful);
        doubtful.map(|update| update.id().addr).collect()
    }

    /// Nobody who has left is alive again, and nobody new fits into a full table. Most of what goes round while
    /// many join is known already, and foca would look through all members to find that out.
    fn is_admissible(&mut self, now: Instant, update: &Member<Life>) -> bool {
        let life = *update.id();
        let known = self.directory.get(life.addr);
        let is_known = update.state() == State::Alive
            && update.incarnation() == 0
            && known.is_some_and(|entry| entry.live && entry.life == life);
        let revives = update.state() != State::Down && self.has_left(life);
        !is_known && !revives && !self.is_shunned(life) && self.admit(now, life)
    }

    /// Whether the process has said goodbye.
    pub(crate) fn has_left(&self, life: Life) -> bool {
        self.directory
            .get(life.addr)
            .is_some_and(|entry| entry.has_left() && life.generation <= entry.life.generation)
    }

    /// Whether a later process is known at the address: the sender took itself for newer than it is. SWIM
    /// would tell it no more than that it is dead, again and again, as its next lives are not enough.
    fn is_outlived(&self, life: Life) -> bool {
        let known = self.directory.get(life.addr);
        known.is_some_and(|entry| life.generation < entry.life.generation)
    }

    fn suspects(&self, life: Life) -> bool {
        self.directory
            .get(life.addr)
            .is_some_and(|entry| entry.suspect)
    }
}
