//! Which packets of a peer to acknowledge, and which of their messages to refuse.

use alloc::vec::Vec;
use core::ops::RangeInclusive;

use hobnob_wire::{
    AckFrame, Instant, MessageId, Refusal, Writer,
    limits::{ACK_RANGES_MAX, ACK_REFUSALS_MAX},
};

use crate::limits::ACKS_TOLD;

/// The packets to tell of, with their refusals.
///
/// A refusal stays as long as any packet it came with is told of: an ack that covers a packet says of all
/// its messages that they were taken, except for those it refuses. What [`ACKS_TOLD`] ack frames told of
/// is forgotten.
#[derive(Debug, Default)]
pub(crate) struct AckState {
    /// Ascending, not touching, [`ACK_RANGES_MAX`] at most.
    ranges: Vec<RangeInclusive<u64>>,
    /// What the next ack frame refuses, [`ACK_REFUSALS_MAX`] at most.
    refusals: Vec<Refusal>,
    /// Where each of `refusals` comes from.
    origins: Vec<Origin>,
    largest_at: Instant,
    /// The largest packet of each of the last ack frames.
    told: [Option<u64>; ACKS_TOLD],
    turn: usize,
    is_due: bool,
}

#[derive(Clone, Copy, Debug)]
struct Origin {
    /// The last packet the message came with.
    packet: u64,
    /// Whether an ack frame carried the refusal since.
    is_told: bool,
    /// Whether any packet it came with is told of.
    is_settled: bool,
    /// No packet waits for it: all are told of as taken, and it is only said early.
    is_alone: bool,
}

impl AckState {
    /// Something in the packet was neither taken nor refused: it will not be told of, nor need be what else
    /// of it was refused.
    pub(crate) fn withhold(&mut self) {
        self.retain_refusals(|_, origin| origin.is_settled);
    }

    /// Everything in the packet was taken or refused: it will be told of.
    pub(crate) fn settle(&mut self, now: Instant, packet: u64) {
        for origin in &mut self.origins {
            origin.is_settled = true;
        }
        self.insert(now, packet);
    }

    fn insert(&mut self, now: Instant, packet: u64) {
        if self.largest().is_none_or(|largest| packet > largest) {
            self.largest_at = now;
        }
        let next = self
            .ranges
            .partition_point(|range| *range.start() <= packet);
        let touches_before = next > 0 && *self.ranges[next - 1].end() + 1 >= packet;
        let touches_after = self
            .ranges
            .get(next)
            .is_some_and(|range| *range.start() == packet + 1);
        match (touches_before, touches_after) {
            (true, true) => {
                let after = self.ranges.remove(next);
                self.ranges[next - 1] = *self.ranges[next - 1].start()..=*after.end();
            }
            (true, false) => {
                let before = &self.ranges[next - 1];
                self.ranges[next - 1] = *before.start()..=packet.max(*before.end());
            }
            (false, true) => self.ranges[next] = packet..=*self.ranges[next].end(),
            (false, false) if self.ranges.len() < ACK_RANGES_MAX => {
                self.ranges.insert(next, packet..=packet);
            }
            // Older than all there is room for: it is not told of, and comes again.
            (false, false) if next == 0 => {}
            (false, false) => {
                self.ranges.insert(next, packet..=packet);
                let oldest = *self.ranges[0].end();
                self.forget(oldest);
            }
        }
    }

    /// Adds a refusal that came up with `packet`, which is then to be settled. `false` when there is no room:
    /// the packet must be withheld.
    pub(crate) fn refuse(&mut self, packet: u64, refusal: Refusal) -> bool {
        if let Some(place) = self
            .refusals
            .iter()
            .position(|known| known.message == refusal.message)
        {
            let origin = &mut self.origins[place];
            *origin = Origin {
                packet: packet.max(origin.packet),
                is_told: false,
                is_alone: false,
                ..*origin
            };
            return true;
        }
        if self.refusals.len() >= ACK_REFUSALS_MAX {
            self.retain_refusals(|_, origin| !origin.is_alone);
        }
        if self.refusals.len() >= ACK_REFUSALS_MAX {
            self.forget_told();
        }
        if self.refusals.len() >= ACK_REFUSALS_MAX {
            return false;
        }
        self.refusals.push(refusal);
        self.origins.push(Origin {
            packet,
            is_told: false,
            is_settled: false,
            is_alone: false,
        });
        true
    }

    /// Adds a refusal that came up without a packet, and makes an ack due that tells it. If there is no room,
    /// it is left to the next packet of the message.
    pub(crate) fn refuse_alone(&mut self, refusal: Refusal) {
        let Some(packet) = self.largest() else {
            return;
        };
        let is_known = self
            .refusals
            .iter()
            .any(|known| known.message == refusal.message);
        if is_known || self.refusals.len() >= ACK_REFUSALS_MAX {
            return;
        }
        self.refusals.push(refusal);
        self.origins.push(Origin {
            packet,
            is_told: false,
            is_settled: true,
            is_alone: true,
        });
        self.is_due = true;
    }

    /// The peer waits for an ack.
    pub(crate) const fn set_due(&mut self) {
        self.is_due = true;
    }

    /// Whether an ack frame should go now.
    pub(crate) fn is_due(&self) -> bool {
        self.is_due && !self.ranges.is_empty()
    }

    /// The sender does not care any more for messages below `floor`.
    pub(crate) fn raise(&mut self, floor: MessageId) {
        self.retain_refusals(|refusal, _| refusal.message >= floor);
    }

    /// Writes an ack frame if one is due and fits; says whether it did.
    pub(crate) fn write(&mut self, now: Instant, w: &mut Writer<'_>) -> bool {
        let Some(largest) = self.largest().filter(|_| self.is_due) else {
            return false;
        };
        let delay = now.saturating_since(self.largest_at).as_micros();
        let delay = u32::try_from(delay).unwrap_or(u32::MAX);
        if AckFrame::write(w, delay, self.ranges.iter().rev().cloned(), &self.refusals).is_err() {
            return false;
        }
        self.is_due = false;
        for origin in &mut self.origins {
            origin.is_told = true;
        }
        let told = self.told[self.turn].replace(largest);
        self.turn = (self.turn + 1) % ACKS_TOLD;
        if let Some(told) = told.filter(|_| largest > 0) {
            self.forget(told.min(largest - 1));
        }
        true
    }

    /// Another session: packet numbers start again.
    pub(crate) fn reset(&mut self) {
        self.ranges.clear();
        self.refusals.clear();
        self.origins.clear();
        self.told = [None; ACKS_TOLD];
        self.is_due = false;
    }

    fn largest(&self) -> Option<u64> {
        self.ranges.last().map(|range| *range.end())
    }

    /// Makes room by telling no more of what one ack frame told: if that one was lost, the packets come
    /// again.
    fn forget_told(&mut self) {
        let told = self
            .origins
            .iter()
            .filter(|origin| origin.is_told)
            .map(|origin| origin.packet)
            .max();
        if let Some(packet) = told {
            self.forget_packets(packet);
            self.retain_refusals(|_, origin| !origin.is_told);
        }
    }

    /// Tells no more of the packets up to `packet`.
    fn forget(&mut self, packet: u64) {
        self.forget_packets(packet);
        self.retain_refusals(|_, origin| origin.packet > packet);
    }

    fn forget_packets(&mut self, packet: u64) {
        let passed = self.ranges.partition_point(|range| *range.end() <= packet);
        self.ranges.drain(..passed);
        if let Some(first) = self.ranges.first_mut()
            && *first.start() <= packet
        {
            *first = packet + 1..=*first.end();
        }
    }

    fn retain_refusals(&mut self, keep: impl Fn(&Refusal, &Origin) -> bool) {
        let mut kept = 0;
        for place in 0..self.refusals.len() {
            if keep(&self.refusals[place], &self.origins[place]) {
                self.refusals.swap(kept, place);
                self.origins.swap(kept, place);
                kept += 1;
            }
        }
        self.refusals.truncate(kept);
        self.origins.truncate(kept);
    }
}

#[cfg(test)]
#[path = "../tests/unit/ack_state.rs"]
mod tests;
