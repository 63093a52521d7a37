//! Indirect probes made for others, and what becomes of our own: Lifeguard's nacks (section III-A).
//!
//! A helper that has not heard from the target says so in time. Then the prober knows at least that it hears
//! its helpers; one that hears neither answer nor nack has reason to doubt itself.

use alloc::{collections::VecDeque, vec::Vec};
use core::net::SocketAddr;

use hobnob_wire::Instant;

use crate::identity::Life;

/// Indirect probes that are made for others at the same time: what all peers ask of this node in one probe
/// period, in a cluster of which a tenth is dead. One more is made without a nack.
const PENDING_MAX: usize = 1_024;

/// An indirect probe that was made for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Errand {
    pub(crate) origin: SocketAddr,
    pub(crate) target: Life,
    pub(crate) number: u8,
}

/// The errands that were not answered yet, in the order of their ends.
#[derive(Debug, Default)]
pub(crate) struct Errands {
    pending: VecDeque<(Instant, Errand)>,
    /// Errands that were too many to be kept.
    skipped: u64,
}

impl Errands {
    /// If it is not answered by `at`, a nack is due. Errands all take equally long.
    pub(crate) fn begin(&mut self, at: Instant, errand: Errand) {
        if self.pending.len() < PENDING_MAX {
            self.pending.push_back((at, errand));
        } else {
            self.skipped += 1;
        }
    }

    /// How many were made without a nack.
    pub(crate) const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// The target has answered.
    pub(crate) fn answered(&mut self, errand: &Errand) {
        self.pending.retain(|(_, pending)| pending != errand);
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.pending.front().map(|(at, _)| *at)
    }

    /// An errand whose time is up.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Errand> {
        self.next().filter(|at| *at <= now)?;
        self.pending.pop_front().map(|(_, errand)| errand)
    }
}

/// The helpers asked in the present round of probing that have not been heard of.
#[derive(Debug, Default)]
pub(crate) struct Helpers {
    silent: Vec<SocketAddr>,
    asked: usize,
}

impl Helpers {
    /// Another round begins.
    pub(crate) fn clear(&mut self) {
        self.silent.clear();
        self.asked = 0;
    }

    pub(crate) fn asked(&mut self, addrs: impl Iterator<Item = SocketAddr>) {
        self.silent.extend(addrs);
        self.asked = self.silent.len();
    }

    /// The helper said something, if only that it heard nothing.
    pub(crate) fn heard(&mut self, addr: SocketAddr) {
        self.silent.retain(|silent| *silent != addr);
    }

    /// How many were asked.
    pub(crate) const fn asked_count(&self) -> usize {
        self.asked
    }

    /// How many of them were heard of.
    pub(crate) const fn heard_count(&self) -> usize {
        self.asked - self.silent.len()
    }

    /// What a failed probe says of this node itself: one point for each helper that kept silent; one in all
    /// where nobody could be asked.
    pub(crate) fn blame(&self) -> u8 {
        if self.asked == 0 {
            1
        } else {
            u8::try_from(self.silent.len()).unwrap_or(u8::MAX)
        }
    }
}
