//! A link at work.

use std::time::Duration;

use hobnob_endpoint::wire::Instant;

use crate::host::{LINK_OVERHEAD_BYTES, Link, LinkStats};

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// A link and when it will have carried all that waits: its queue, in time instead of bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queue {
    link: Link,
    busy_until: Instant,
    stats: LinkStats,
}

impl Queue {
    pub(crate) fn new(link: Link) -> Self {
        Self {
            link,
            busy_until: Instant::ZERO,
            stats: LinkStats::default(),
        }
    }

    /// What waits goes on at the old speed.
    pub(crate) const fn set_link(&mut self, link: Link) {
        self.link = link;
    }

    pub(crate) const fn stats(&self) -> LinkStats {
        self.stats
    }

    /// Takes a datagram; says when its last bit is through, or `None` when there is no room for it.
    pub(crate) fn accept(&mut self, now: Instant, bytes: usize) -> Option<Instant> {
        let bytes = bytes + LINK_OVERHEAD_BYTES;
        let waiting = self.busy_until.saturating_since(now);
        if self.bytes_in(waiting) + bytes as u128 > self.link.queue_bytes as u128 {
            self.stats.dropped += 1;
            return None;
        }
        let takes = self.time_of(bytes);
        self.busy_until = self.busy_until.max(now) + takes;
        self.stats.datagrams += 1;
        self.stats.bytes += bytes as u64;
        self.stats.busy += takes;
        Some(self.busy_until)
    }

    fn rate(&self) -> u128 {
        u128::from(self.link.bits_per_second.max(1))
    }

    fn bytes_in(&self, time: Duration) -> u128 {
        time.as_nanos() * self.rate() / (8 * NANOS_PER_SECOND)
    }

    fn time_of(&self, bytes: usize) -> Duration {
        let nanos = (bytes as u128 * 8 * NANOS_PER_SECOND).div_ceil(self.rate());
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}
