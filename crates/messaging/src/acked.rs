//! What the peer's acks, or their absence, mean for what was sent.

use alloc::vec::Vec;
use core::time::Duration;

use bytes::Bytes;
use hobnob_wire::{AckFrame, Instant, Refusal, RefusalReason};

use crate::{
    event::Failure,
    limits::{SUPERSEDED_KEPT, TOLD_IN_VAIN},
    message::{Kind, Lane},
    peer::PeerState,
    recovery::{Alarm, Newest},
    sent::{Cancel, Carried, Matters, Piece},
    shared::{Ending, Shared},
    streams::InStream,
};

impl PeerState {
    pub(crate) fn on_ack(&mut self, shared: &mut Shared, now: Instant, ack: &AckFrame<'_>) {
        self.out.is_refused = false;
        for refusal in ack.refusals() {
            self.out.is_refused = true;
            self.on_refusal(shared, refusal);
        }
        let mut newest: Option<Newest> = None;
        for range in ack.ranges() {
            shared.stats.packets_late += self.recovery.on_late(now, &range);
            for place in self.recovery.sent.places_of(&range).rev() {
                let Some(packet) = self.recovery.sent.take(place) else {
                    continue;
                };
                let candidate = Newest {
                    number: packet.number,
                    sent_at: packet.at,
                };
                newest = newest
                    .filter(|newest| newest.number > packet.number)
                    .or(Some(candidate));
                self.recovery.congestion.on_acked(packet.bytes, packet.at);
                self.on_packet_acked(shared, packet.carried);
            }
        }
        self.recovery.sent.trim();
        if let Some(newest) = newest {
            let delay = Duration::from_micros(ack.delay_us());
            self.recovery.on_ack(now, ack.largest(), newest, delay);
            self.detect_lost(shared, now);
        }
    }

    /// The peer's timer: packets are lost, or a probe is due.
    pub(crate) fn on_alarm(&mut self, shared: &mut Shared, now: Instant) {
        match self.recovery.alarm() {
            Some((at, Alarm::Loss)) if at <= now => self.detect_lost(shared, now),
            Some((at, Alarm::Probe)) if at <= now => self.probe(shared, now),
            _ => {}
        }
    }

    /// Sends a response again whose request came again, unless it may still be on its way.
    pub(crate) fn resend_response(&mut self, shared: &mut Shared, now: Instant, index: u32) {
        let message = shared.messages.at_mut(index);
        let waited = now.saturating_since(message.sent_at);
        if message.lane != Lane::InFlight
            || !message.is_whole
            || waited < self.recovery.rtt.smoothed()
        {
            return;
        }
        if message.carrier.take().is_some() {
            let len = message.content_len();
            let piece = Piece {
                message: shared.messages.key_at(index),
                offset: 0,
                len,
            };
            self.out.retransmit.push_back(piece);
        }
    }

    fn on_packet_acked(&mut self, shared: &mut Shared, carried: Vec<Carried>) {
        for carried in &carried {
            match carried {
                Carried::Piece(piece) => self.on_piece_acked(shared, piece),
                Carried::Floor(floor) => self.out.on_floor_acked(*floor),
                Carried::Cancel(_) | Carried::Credit(_) | Carried::Ping => {}
            }
        }
        shared.return_vec(carried);
    }

    fn on_piece_acked(&mut self, shared: &mut Shared, piece: &Piece) {
        let Some(message) = shared.messages.get_mut(piece.message) else {
            return;
        };
        if message.lane == Lane::Awaiting || !message.on_acked(piece) {
            return;
        }
        let index = piece.message.index;
        match message.kind {
            Kind::Request { .. } => {
                self.out.await_answer(&mut shared.messages, index);
                self.announce_room(shared);
            }
            Kind::OneWay { .. }
            | Kind::Aside { .. }
            | Kind::InOrder { .. }
            | Kind::Delivery { .. } => {
                self.end(shared, index, Ending::Done(Bytes::new()));
            }
            Kind::Response { .. } => self.end(shared, index, Ending::Silent),
        }
    }

    fn on_refusal(&mut self, shared: &mut Shared, refusal: Refusal) {
        let Some(index) = self.out.ids.get(refusal.message.get()) else {
            return;
        };
        self.out.floor.want_above(refusal.message.get());
        let message = shared.messages.at(index);
        if let Some(InStream { distance, .. }) = message.in_stream.filter(|_| !message.is_whole) {
            // The receiver may have dropped it without having seen its head, so it cannot tell its turn.
            let matters = Matters::Always { distance };
            let id = refusal.message;
            self.out.cancel(shared, Cancel { id, matters });
        }
        let failure = match refusal.reason {
            RefusalReason::NoHandler => Failure::NoHandler,
            RefusalReason::TooLarge => Failure::TooLarge,
            RefusalReason::Malformed => Failure::Malformed,
            _ => Failure::Overloaded,
        };
        self.end(shared, index, Ending::Failed(failure));
    }

    fn detect_lost(&mut self, shared: &mut Shared, now: Instant) {
        let out = &mut self.out;
        let lost = self.recovery.detect_lost(now, |packet| {
            if !packet.is_superseded {
                for carried in &packet.carried {
                    out.repeat(shared, now, packet.number, carried);
                }
            }
            shared.return_vec(packet.carried);
        });
        shared.stats.packets_lost += lost;
    }

    /// Asks for an answer by sending the oldest packet's content again, past the congestion window.
    fn probe(&mut self, shared: &mut Shared, now: Instant) {
        self.recovery.on_probe_timeout(now);
        shared.stats.probe_timeouts += 1;
        self.out.drop_ended(&shared.messages);
        let silence = now.saturating_since(self.recovery.silent_since());
        let is_given_up = silence >= TOLD_IN_VAIN;
        for place in self.recovery.sent.places() {
            if !self.out.retransmit.is_empty() || self.out.is_ping_due && !is_given_up {
                break;
            }
            let Some(packet) = self.recovery.sent.get_mut(place) else {
                continue;
            };
            if core::mem::replace(&mut packet.is_superseded, true) {
                continue;
            }
            for carried in &packet.carried {
                self.out.repeat(shared, now, packet.number, carried);
            }
        }
        self.is_probe_due = !self.out.retransmit.is_empty();
        if is_given_up && !self.is_probe_due {
            self.out.put_off();
        }
        if self.is_probe_due || self.out.has_urgent() || self.must_tell_floor(shared) {
            self.forget_superseded(shared, now);
        } else {
            // Nobody waits any more for anything that is under way.
            self.forget_packets(shared);
        }
    }

    /// Drops packets whose content was sent again and whose ack would be too late to tell anything new, so
    /// that probes to a peer which never answers do not add up.
    fn forget_superseded(&mut self, shared: &mut Shared, now: Instant) {
        for place in self.recovery.sent.places() {
            match self.recovery.sent.get(place) {
                Some(packet) if packet.is_superseded && packet.at + SUPERSEDED_KEPT <= now => {}
                _ => break,
            }
            if let Some(packet) = self.recovery.sent.take(place) {
                shared.return_vec(packet.carried);
            }
        }
        self.recovery.sent.trim();
    }

    pub(crate) fn forget_packets(&mut self, shared: &mut Shared) {
        for place in self.recovery.sent.places() {
            if let Some(packet) = self.recovery.sent.take(place) {
                shared.return_vec(packet.carried);
            }
        }
        self.recovery.on_all_forgotten();
    }
}
