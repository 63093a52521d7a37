//! Which packets only seemed lost, and what that teaches: RFC 9002, sections 6.1.1 and 6.1.2, leave it open
//! how thresholds adapt; that they last for some reductions of the window is from RFC 8985, section 7.2.

use alloc::collections::VecDeque;
use core::{ops::RangeInclusive, time::Duration};

use hobnob_wire::Instant;

use crate::limits::{
    LOST_REMEMBERED, PACKET_THRESHOLD, PACKET_THRESHOLD_MAX, REORDERING_DELAY_MAX, REORDERING_KEPT,
};

/// How late packets come, as seen from those that were given up too early.
#[derive(Debug)]
pub(crate) struct Reordering {
    /// Packets given up lately, by number.
    lost: VecDeque<Lost>,
    packets: u64,
    delay: Duration,
    /// Reductions of the window since a packet came late.
    reductions: u32,
}

/// A packet that was given up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lost {
    pub(crate) number: u64,
    pub(crate) sent_at: Instant,
    pub(crate) given_up_at: Instant,
}

impl Reordering {
    pub(crate) const fn new() -> Self {
        Self {
            lost: VecDeque::new(),
            packets: PACKET_THRESHOLD,
            delay: Duration::ZERO,
            reductions: 0,
        }
    }

    /// Packets acknowledged after one that was not, until that one is lost.
    pub(crate) const fn packet_threshold(&self) -> u64 {
        self.packets
    }

    /// The longest that a packet took which was given up too early.
    pub(crate) const fn delay(&self) -> Duration {
        self.delay
    }

    /// Remembers a packet that was given up.
    pub(crate) fn on_lost(&mut self, lost: Lost) {
        if self
            .lost
            .back()
            .is_some_and(|last| last.number > lost.number)
        {
            // A threshold shrank in between: the older ones will hardly come any more.
            self.lost.clear();
        }
        if self.lost.len() >= LOST_REMEMBERED {
            self.lost.pop_front();
        }
        self.lost.push_back(lost);
    }

    /// Notes that the window was reduced: reordering that was seen long ago is forgotten.
    pub(crate) fn on_reduction(&mut self) {
        self.reductions += 1;
        if self.reductions > REORDERING_KEPT {
            self.packets = PACKET_THRESHOLD;
            self.delay = Duration::ZERO;
            self.reductions = 0;
        }
    }

    /// Learns from acknowledged packets that had been given up, and hands them on. `largest` is the largest
    /// that had been acknowledged before.
    pub(crate) fn on_acked(
        &mut self,
        now: Instant,
        numbers: &RangeInclusive<u64>,
        largest: u64,
        mut on_late: impl FnMut(Lost),
    ) {
        if self.lost.is_empty() {
            return;
        }
        let start = self
            .lost
            .partition_point(|lost| lost.number < *numbers.start());
        let end = self
            .lost
            .partition_point(|lost| lost.number <= *numbers.end());
        for late in self.lost.drain(start..end) {
            let distance = largest.saturating_sub(late.number) + 1;
            self.packets = self.packets.max(distance.min(PACKET_THRESHOLD_MAX));
            let took = now.saturating_since(late.sent_at);
            self.delay = self.delay.max(took.min(REORDERING_DELAY_MAX));
            self.reductions = 0;
            on_late(late);
        }
    }
}

#[cfg(test)]
#[path = "../tests/unit/reordering.rs"]
mod tests;
