//! How many bytes peers may have in flight to this node: its receive buffer, divided among those that send
//! much at the moment.
//!
//! Time is cut into intervals. A peer counts as a bulk sender in an interval once it has sent more than the
//! smallest credit, and the share is for as many peers as there are in this interval or were in the last one.
//! So a new sender lowers the others' share at once, and one that stops raises it within two intervals.

use hobnob_wire::{Instant, VarInt};

use crate::limits::{CREDIT_CHANGE_PART, CREDIT_INTERVAL, MINIMUM_WINDOW_DATAGRAMS};

/// The node's receive buffer and who uses it.
#[derive(Debug)]
pub(crate) struct ReceiveBuffer {
    bytes: usize,
    credit_min: usize,
    interval: u64,
    ends_at: Instant,
    senders: usize,
    senders_before: usize,
}

/// What one peer sends.
#[derive(Debug, Default)]
pub(crate) struct Inflow {
    interval: u64,
    bytes: usize,
    is_bulk: bool,
}

/// The credit that a peer was told.
#[derive(Debug, Default)]
pub(crate) struct Credit {
    told: Option<VarInt>,
}

impl ReceiveBuffer {
    pub(crate) const fn new(bytes: usize, datagram: usize) -> Self {
        Self {
            bytes,
            credit_min: MINIMUM_WINDOW_DATAGRAMS * datagram,
            interval: 0,
            ends_at: Instant::ZERO,
            senders: 0,
            senders_before: 0,
        }
    }

    /// What each bulk sender may have in flight.
    pub(crate) fn share(&self) -> usize {
        let senders = self.senders.max(self.senders_before).max(1);
        (self.bytes / senders).max(self.credit_min)
    }

    fn turn(&mut self, now: Instant) {
        if now < self.ends_at {
            return;
        }
        let is_next = now < self.ends_at + CREDIT_INTERVAL;
        self.senders_before = if is_next { self.senders } else { 0 };
        self.senders = 0;
        self.interval += 1;
        self.ends_at = now + CREDIT_INTERVAL;
    }
}

impl Inflow {
    /// Notes that a packet came.
    pub(crate) fn on_packet(&mut self, buffer: &mut ReceiveBuffer, now: Instant, bytes: usize) {
        buffer.turn(now);
        if self.interval != buffer.interval {
            self.interval = buffer.interval;
            self.bytes = 0;
            self.is_bulk = false;
        }
        self.bytes = self.bytes.saturating_add(bytes);
        if !self.is_bulk && self.bytes >= buffer.credit_min {
            self.is_bulk = true;
            buffer.senders += 1;
        }
    }

    /// Whether the peer has sent much in this interval.
    pub(crate) const fn is_bulk(&self) -> bool {
        self.is_bulk
    }
}

impl Credit {
    /// What to tell the peer, if it should learn anything: it sends in bulk and was never told, or was told
    /// something quite different.
    pub(crate) fn news(&self, share: usize, is_bulk: bool) -> Option<VarInt> {
        let share = VarInt::new(share as u64).unwrap_or(VarInt::MAX);
        let is_news = self.told.map_or(is_bulk, |told| {
            told.get().abs_diff(share.get()) > told.get() / CREDIT_CHANGE_PART
        });
        is_news.then_some(share)
    }

    pub(crate) const fn on_told(&mut self, credit: VarInt) {
        self.told = Some(credit);
    }

    /// The packet with this credit was lost: unless another was told since, the peer is to be told again.
    pub(crate) fn on_lost(&mut self, credit: VarInt) {
        if self.told == Some(credit) {
            self.told = Some(VarInt::ZERO);
        }
    }
}

#[cfg(test)]
#[path = "../tests/unit/credit.rs"]
mod tests;
