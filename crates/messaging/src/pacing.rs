//! Spreads a window over the round trip, so that it does not arrive at a slow link as one burst: RFC 9002,
//! section 7.7.
//!
//! A bucket fills at 5/4 of a window a round trip and holds a burst. A burst is at least what the rate gives
//! in [`PACING_BURST`]; where the round trip is not longer than that, the bucket would hold the whole window
//! and fill faster than acks allow, so nothing is counted at all.

use core::time::Duration;

use hobnob_wire::Instant;

use crate::limits::{PACING_BURST, PACING_BURST_DATAGRAMS};

/// When the next datagram to one peer may go.
#[derive(Debug)]
pub(crate) struct Pacer {
    datagram: usize,
    /// Bytes that may go at once.
    tokens: u64,
    /// As of when.
    filled_at: Instant,
    resume_at: Option<Instant>,
}

impl Pacer {
    pub(crate) const fn new(datagram: usize) -> Self {
        Self {
            datagram,
            tokens: u64::MAX,
            filled_at: Instant::ZERO,
            resume_at: None,
        }
    }

    /// Until when nothing more may go.
    pub(crate) const fn resume_at(&self) -> Option<Instant> {
        self.resume_at
    }

    /// Lets datagrams go again if it is time.
    pub(crate) fn wake(&mut self, now: Instant) {
        if self.resume_at.is_some_and(|at| at <= now) {
            self.resume_at = None;
        }
    }

    /// Notes that a datagram went, with so many bytes allowed in flight. Before the round trip is known, the
    /// first window is burst enough.
    pub(crate) fn on_sent(
        &mut self,
        now: Instant,
        bytes: usize,
        window: usize,
        round_trip: Option<Duration>,
    ) {
        let Some(round_trip) = round_trip.filter(|it| *it > PACING_BURST) else {
            *self = Self::new(self.datagram);
            return;
        };
        let rate = Rate { window, round_trip };
        let burst = rate
            .bytes_in(PACING_BURST)
            .max((PACING_BURST_DATAGRAMS * self.datagram) as u64);
        let filled = rate.bytes_in(now.saturating_since(self.filled_at));
        self.filled_at = now;
        self.tokens = self
            .tokens
            .saturating_add(filled)
            .min(burst)
            .saturating_sub(bytes as u64);
        let missing = (self.datagram as u64).saturating_sub(self.tokens);
        self.resume_at = (missing > 0).then(|| now + rate.time_for(missing));
    }
}

/// 5/4 of `window` bytes each `round_trip`.
struct Rate {
    window: usize,
    round_trip: Duration,
}

impl Rate {
    fn bytes_in(&self, time: Duration) -> u64 {
        let window = self.window as u128 * 5;
        let bytes = time.as_nanos().saturating_mul(window) / (4 * self.round_trip.as_nanos());
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    fn time_for(&self, bytes: u64) -> Duration {
        let round_trips = u128::from(bytes) * 4;
        let nanos =
            round_trips.saturating_mul(self.round_trip.as_nanos()) / (self.window as u128 * 5);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
#[path = "../tests/unit/pacing.rs"]
mod tests;
