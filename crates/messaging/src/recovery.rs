//! When a packet is lost and when to probe: RFC 9002, section 6.
//!
//! The probe timeout runs from the last progress, as that of RFC 6298, and not from the last packet sent: a
//! receiver that acknowledges nothing, because it can neither take nor refuse, would otherwise never be
//! probed as long as there is something new to send.

use core::time::Duration;

use hobnob_wire::Instant;

use crate::{
    congestion::Congestion,
    limits::{
        PACKET_THRESHOLD, PERSISTENT_CONGESTION_TIMEOUTS, PROBE_BACKOFF_MAX, PROBE_TIMEOUT_MAX,
    },
    rtt::Rtt,
    sent::{SentPacket, SentPackets},
};

/// Round trip, congestion window and the packets under way to one peer.
#[derive(Debug)]
pub(crate) struct Recovery {
    pub(crate) rtt: Rtt,
    pub(crate) congestion: Congestion,
    pub(crate) sent: SentPackets,
    /// One above the highest number handed to a datagram.
    next: u64,
    largest_acked: Option<u64>,
    /// Since when an ack is missed: packets are under way, and nothing came of them.
    waiting_since: Instant,
    /// When the oldest packet that a later one overtook is lost.
    loss_at: Option<Instant>,
    /// Probe timeouts since the last ack.
    timeouts: u32,
    /// When the newest packet was sent that was acknowledged.
    answered: Instant,
}

/// What a peer's timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// Packets are lost then.
    Loss,
    /// No answer came: one is to be asked for.
    Probe,
}

/// The newest packet of an ack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Newest {
    pub(crate) number: u64,
    pub(crate) sent_at: Instant,
}

impl Recovery {
    pub(crate) fn new(datagram: usize, window_max: usize) -> Self {
        Self {
            rtt: Rtt::default(),
            congestion: Congestion::new(datagram, window_max),
            sent: SentPackets::default(),
            next: 0,
            largest_acked: None,
            waiting_since: Instant::ZERO,
            loss_at: None,
            timeouts: 0,
            answered: Instant::ZERO,
        }
    }

    /// When the newest packet was sent that was acknowledged in the current session.
    pub(crate) const fn answered(&self) -> Instant {
        self.answered
    }

    /// Another session: numbers start again. The path is the same, so its round trip stays. All packets were
    /// taken out before.
    pub(crate) fn reset(&mut self, datagram: usize, window_max: usize) {
        debug_assert!(self.sent.is_empty());
        let rtt = core::mem::take(&mut self.rtt);
        let sent = core::mem::take(&mut self.sent);
        *self = Self {
            rtt,
            sent,
            ..Self::new(datagram, window_max)
        };
    }

    /// Whether another full datagram of new messages may go.
    pub(crate) const fn has_window(&self) -> bool {
        self.congestion.allows(self.sent.in_flight())
    }

    /// Notes the number that a datagram has, and the packet if it elicits an ack.
    pub(crate) fn on_sent(&mut self, number: u64, packet: Option<SentPacket>) {
        self.next = number + 1;
        if let Some(packet) = packet {
            if self.sent.is_empty() {
                self.waiting_since = packet.at;
            }
            self.sent.push(packet);
        }
    }

    /// Notes that an ack came, which named `largest` and for the first time `newest`.
    pub(crate) fn on_ack(&mut self, now: Instant, largest: u64, newest: Newest, delay: Duration) {
        let largest = largest.min(self.next.saturating_sub(1));
        self.largest_acked = self.largest_acked.max(Some(largest));
        self.waiting_since = now;
        self.timeouts = 0;
        self.answered = self.answered.max(newest.sent_at);
        if newest.number == largest {
            self.rtt.sample(now.saturating_since(newest.sent_at), delay);
        }
    }

    /// Takes out what is lost by now and hands it on; says how many that were.
    pub(crate) fn detect_lost(&mut self, now: Instant, mut on_lost: impl FnMut(SentPacket)) -> u64 {
        self.loss_at = None;
        let Some(largest_acked) = self.largest_acked else {
            return 0;
        };
        let delay = self.rtt.loss_delay();
        let mut lost = 0;
        let mut last_at = None;
        let mut run = Run::default();
        for place in self.sent.places() {
            let Some(packet) = self.sent.get(place) else {
                run.interrupt();
                continue;
            };
            if packet.number >= largest_acked {
                break;
            }
            let overdue_at = packet.at + delay;
            if packet.number + PACKET_THRESHOLD > largest_acked && now < overdue_at {
                let earliest = self.loss_at.map_or(overdue_at, |at| at.min(overdue_at));
                self.loss_at = Some(earliest);
                run.interrupt();
                continue;
            }
            if let Some(packet) = self.sent.take(place) {
                lost += 1;
                last_at = Some(packet.at);
                run.extend(packet.at);
                on_lost(packet);
            }
        }
        self.sent.trim();
        if let Some(sent_at) = last_at {
            let persistent = self.rtt.probe_timeout() * PERSISTENT_CONGESTION_TIMEOUTS;
            let is_persistent = self.rtt.measured().is_some() && run.longest >= persistent;
            self.congestion.on_lost(now, sent_at, is_persistent);
        }
        lost
    }

    /// The timer the peer needs now.
    pub(crate) fn alarm(&self) -> Option<(Instant, Alarm)> {
        if let Some(at) = self.loss_at {
            return Some((at, Alarm::Loss));
        }
        if self.sent.is_empty() {
            return None;
        }
        let timeout = self.rtt.probe_timeout() * (1 << self.timeouts.min(PROBE_BACKOFF_MAX));
        Some((
            self.waiting_since + timeout.min(PROBE_TIMEOUT_MAX),
            Alarm::Probe,
        ))
    }

    /// Nothing is under way any more that an ack could be about.
    pub(crate) fn on_all_forgotten(&mut self) {
        self.sent.trim();
        self.timeouts = 0;
        self.loss_at = None;
    }

    /// Nothing was heard for a probe timeout.
    pub(crate) const fn on_probe_timeout(&mut self, now: Instant) {
        self.waiting_since = now;
        self.timeouts = self.timeouts.saturating_add(1);
    }
}

/// The longest time between two lost packets with only lost ones between them.
#[derive(Default)]
struct Run {
    since: Option<Instant>,
    longest: Duration,
}

impl Run {
    fn extend(&mut self, at: Instant) {
        let since = *self.since.get_or_insert(at);
        self.longest = self.longest.max(at.saturating_since(since));
    }

    const fn interrupt(&mut self) {
        self.since = None;
    }
}

#[cfg(test)]
#[path = "../tests/unit/recovery.rs"]
mod tests;
