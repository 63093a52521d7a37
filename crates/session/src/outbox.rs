//! Answers that wait to be sent, in bounded queues.

use alloc::collections::VecDeque;
use core::{net::SocketAddr, time::Duration};

use hobnob_wire::{Handshake, Instant, SessionId};

use crate::limits::{ANSWERS_QUEUED_MAX, RESETS_BURST, RESETS_PER_SECOND, RESETS_QUEUED_MAX};

/// There were too many; the answer was not queued.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooMany;

/// Answers to what others sent, none longer than what caused it.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    answers: VecDeque<(SocketAddr, Handshake)>,
    resets: VecDeque<(SocketAddr, SessionId)>,
    rate: Bucket,
}

impl Outbox {
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            answers: VecDeque::new(),
            resets: VecDeque::new(),
            rate: Bucket::full(now),
        }
    }

    pub(crate) fn answer(&mut self, to: SocketAddr, answer: Handshake) -> Result<(), TooMany> {
        if self.answers.len() >= ANSWERS_QUEUED_MAX {
            return Err(TooMany);
        }
        self.answers.push_back((to, answer));
        Ok(())
    }

    pub(crate) fn reset(
        &mut self,
        now: Instant,
        to: SocketAddr,
        unknown: SessionId,
    ) -> Result<(), TooMany> {
        if self.resets.len() >= RESETS_QUEUED_MAX || !self.rate.take(now) {
            return Err(TooMany);
        }
        self.resets.push_back((to, unknown));
        Ok(())
    }

    pub(crate) fn pop(&mut self) -> Option<(SocketAddr, Handshake)> {
        self.answers.pop_front().or_else(|| {
            let (to, unknown) = self.resets.pop_front()?;
            Some((to, Handshake::Reset(unknown)))
        })
    }
}

/// A token bucket whose content is counted as the time it took to fill.
#[derive(Clone, Debug)]
struct Bucket {
    content: Duration,
    counted_at: Instant,
}

impl Bucket {
    const COST: Duration = Duration::from_nanos(1_000_000_000 / RESETS_PER_SECOND as u64);
    const SIZE: Duration = Self::COST.saturating_mul(RESETS_BURST);

    const fn full(now: Instant) -> Self {
        Self {
            content: Self::SIZE,
            counted_at: now,
        }
    }

    fn take(&mut self, now: Instant) -> bool {
        let gained = now.saturating_since(self.counted_at);
        self.content = self.content.saturating_add(gained).min(Self::SIZE);
        self.counted_at = self.counted_at.max(now);
        match self.content.checked_sub(Self::COST) {
            Some(rest) => {
                self.content = rest;
                true
            }
            None => false,
        }
    }
}
