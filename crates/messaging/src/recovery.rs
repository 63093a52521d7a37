//! When a packet is lost and when to probe: RFC 9002, section 6.
//!
//! The probe timeout runs from the last progress, as that of RFC 6298, and not from the last packet sent: a
//! receiver that acknowledges nothing, because it can neither take nor refuse, would otherwise never be
//! probed as long as there is something new to send.
//!
//! A packet is lost when enough later ones were acknowledged, or enough time has passed since. How many and
//! how long is learned from packets that were given up and came after all: a path with jitter reorders.

use core::{ops::RangeInclusive, time::Duration};

use hobnob_wire::Instant;

use crate::{
    congestion::{Congestion, Loss},
    limits::{
        HARMLESS_PART, MINIMUM_WINDOW_DATAGRAMS, PERSISTENT_CONGESTION_TIMEOUTS, PROBE_BACKOFF_MAX,
        PROBE_TIMEOUT_MAX,
    },
    pacing::Pacer,
    reordering::{Lost, Reordering},
    rtt::Rtt,
    sent::{SentPacket, SentPackets},
};

/// Round trip, congestion window and the packets under way to one peer.
#[derive(Debug)]
pub(crate) struct Recovery {
    pub(crate) rtt: Rtt,
    pub(crate) congestion: Congestion,
    pub(crate) sent: SentPackets,
    pub(crate) pacer: Pacer,
    reordering: Reordering,
    /// What the peer lets be in flight to it, and the packet that said so last.
    credit: Option<(u64, usize)>,
    datagram: usize,
    /// One above the highest number handed to a datagram.
    next: u64,
    largest_acked: Option<u64>,
    /// Since when an ack is missed: packets are under way, and nothing came of them.
    waiting_since: Instant,
    /// Since when nothing was acknowledged, probes or not.
    silent_since: Instant,
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
            pacer: Pacer::new(datagram),
            reordering: Reordering::new(),
            credit: None,
            datagram,
            next: 0,
            largest_acked: None,
            waiting_since: Instant::ZERO,
            silent_since: Instant::ZERO,
            loss_at: None,
            timeouts: 0,
            answered: Instant::ZERO,
        }
    }

    /// When the newest packet was sent that was acknowledged in the current session.
    pub(crate) const fn answered(&self) -> Instant {
        self.answered
    }

    /// Since when packets are under way and none was acknowledged.
    pub(crate) const fn silent_since(&self) -> Instant {
        self.silent_since
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

    /// Bytes that may be in flight: what the path takes, and the peer.
    pub(crate) fn allowed(&self) -> usize {
        let window = self.congestion.window();
        self.credit.map_or(window, |(_, credit)| credit.min(window))
    }

    /// Whether another full datagram of messages may be in flight.
    pub(crate) fn has_window(&self) -> bool {
        self.sent.in_flight() + self.datagram <= self.allowed()
    }

    /// Whether another full datagram of messages may go now.
    pub(crate) fn is_open(&self) -> bool {
        self.pacer.resume_at().is_none() && self.has_window()
    }

    /// The peer, with packet `number`, lets so many bytes be in flight. A little is always allowed: nothing
    /// could ask for more credit otherwise.
    pub(crate) fn on_credit(&mut self, number: u64, bytes: u64) {
        if self.credit.is_none_or(|(last, _)| number > last) {
            let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
            self.credit = Some((number, bytes.max(MINIMUM_WINDOW_DATAGRAMS * self.datagram)));
        }
    }

    /// Notes the number that a datagram has, and the packet if it elicits an ack.
    pub(crate) fn on_sent(&mut self, number: u64, packet: Option<SentPacket>) {
        self.next = number + 1;
        if let Some(packet) = packet {
            if self.sent.is_empty() {
                self.waiting_since = packet.at;
                self.silent_since = packet.at;
            }
            let (allowed, round_trip) = (self.allowed(), self.rtt.measured());
            self.pacer
                .on_sent(packet.at, packet.bytes, allowed, round_trip);
            self.sent.push(packet);
        }
    }

    /// Notes which packets an ack names that had been given up, before [`Recovery::on_ack`]; says how many.
    pub(crate) fn on_late(&mut self, now: Instant, numbers: &RangeInclusive<u64>) -> u64 {
        let largest = self.largest_acked.unwrap_or_default();
        let congestion = &mut self.congestion;
        let mut count = 0;
        self.reordering.on_acked(now, numbers, largest, |late| {
            congestion.on_late(late.given_up_at);
            count += 1;
        });
        count
    }

    /// Whether there was more to send than the window took, so that acks tell something about it.
    pub(crate) fn on_filled(&mut self, has_more: bool) {
        let in_flight = self.sent.in_flight();
        let is_held_by_peer = self.congestion.allows(in_flight) && !self.has_window();
        self.congestion.is_underused =
            is_held_by_peer || self.congestion.allows(in_flight) && !has_more;
    }

    /// Notes that an ack came, which named `largest` and for the first time `newest`.
    pub(crate) fn on_ack(&mut self, now: Instant, largest: u64, newest: Newest, delay: Duration) {
        let largest = largest.min(self.next.saturating_sub(1));
        self.largest_acked = self.largest_acked.max(Some(largest));
        self.waiting_since = now;
        self.silent_since = now;
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
        let delay = self.loss_delay();
        let threshold = self.reordering.packet_threshold();
        let mut lost = 0;
        let mut last = None;
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
            if packet.number + threshold > largest_acked && now < overdue_at {
                let earliest = self.loss_at.map_or(overdue_at, |at| at.min(overdue_at));
                self.loss_at = Some(earliest);
                run.interrupt();
                continue;
            }
            if let Some(packet) = self.sent.take(place) {
                lost += 1;
                last = Some(packet.at);
                run.extend(packet.at);
                self.reordering.on_lost(Lost {
                    number: packet.number,
                    sent_at: packet.at,
                    given_up_at: now,
                });
                on_lost(packet);
            }
        }
        self.sent.trim();
        if let Some(sent_at) = last {
            self.reduce(now, lost, sent_at, run.longest);
        }
        lost
    }

    /// Makes the window smaller for packets that were lost, the last of them sent at `sent_at`.
    fn reduce(&mut self, now: Instant, packets: u64, sent_at: Instant, longest_run: Duration) {
        let timeout = self.rtt.probe_timeout();
        let persistent = timeout * PERSISTENT_CONGESTION_TIMEOUTS;
        let is_reduction = self.congestion.on_lost(
            now,
            Loss {
                packets,
                sent_at,
                is_persistent: self.rtt.measured().is_some() && longest_run >= persistent,
                harmless: self.harmless(),
                patience: timeout,
            },
        );
        if is_reduction {
            self.reordering.on_reduction();
        }
    }

    /// What may be in flight on a bad path whatever is lost. That it is bad and not full is a guess, which those who
    /// came when a queue was full get wrong; so all who send to one peer together must do no harm with it.
    fn harmless(&self) -> usize {
        let credit = self.credit.filter(|_| self.rtt.is_quiet());
        credit.map_or(0, |(_, credit)| credit / HARMLESS_PART)
    }

    /// How much later than a packet a following one must be acknowledged for it to be lost: longer on a path
    /// where that was wrong.
    fn loss_delay(&self) -> Duration {
        self.rtt.loss_delay().max(self.reordering.delay())
    }

    /// The timer the peer needs now. A probe goes before a loss is certain only where that is put off for
    /// reordering.
    pub(crate) fn alarm(&self) -> Option<(Instant, Alarm)> {
        if self.sent.is_empty() {
            return None;
        }
        let timeout = self.rtt.probe_timeout() * (1 << self.timeouts.min(PROBE_BACKOFF_MAX));
        let probe_at = self.waiting_since + timeout.min(PROBE_TIMEOUT_MAX);
        let is_put_off = self.reordering.delay() > self.rtt.loss_delay();
        match self.loss_at {
            Some(loss_at) if loss_at <= probe_at || !is_put_off => Some((loss_at, Alarm::Loss)),
            _ => Some((probe_at, Alarm::Probe)),
        }
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
