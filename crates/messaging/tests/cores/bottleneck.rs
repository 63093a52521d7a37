//! A slow link in front of one node, with a short queue that drops what does not fit.

use std::time::Duration;

use hobnob_wire::{DATA_OVERHEAD_MAX, Instant};

/// Bytes that IPv4, UDP and this crate's owner put around a body.
const OVERHEAD: usize = 28 + DATA_OVERHEAD_MAX;

/// The last hop towards `node`: datagrams of all senders share its rate and wait in its queue.
#[derive(Debug)]
pub(crate) struct Bottleneck {
    node: usize,
    bits_per_second: u64,
    queue_bytes: usize,
    /// When all that is queued will have been passed on.
    idle_at: Instant,
    served: Vec<u64>,
    dropped: Vec<u64>,
}

impl Bottleneck {
    pub(crate) fn new(node: usize, nodes: usize, bits_per_second: u64, queue_bytes: usize) -> Self {
        Self {
            node,
            bits_per_second,
            queue_bytes,
            idle_at: Instant::ZERO,
            served: vec![0; nodes],
            dropped: vec![0; nodes],
        }
    }

    /// When a datagram that reaches the link now leaves it: `None` if it is dropped.
    pub(crate) fn pass(
        &mut self,
        now: Instant,
        from: usize,
        to: usize,
        body: usize,
    ) -> Option<Instant> {
        if to != self.node {
            return Some(now);
        }
        let bytes = body + OVERHEAD;
        let waiting = self.idle_at.saturating_since(now);
        if waiting + self.time(bytes) > self.time(self.queue_bytes) {
            self.dropped[from] += 1;
            return None;
        }
        self.idle_at = now + waiting + self.time(bytes);
        self.served[from] += bytes as u64;
        Some(self.idle_at)
    }

    /// Bytes of each sender that were passed on or wait to be.
    pub(crate) fn served(&self) -> &[u64] {
        &self.served
    }

    /// Bytes that wait.
    pub(crate) fn waiting(&self, now: Instant) -> u64 {
        let nanos = self.idle_at.saturating_since(now).as_nanos();
        u64::try_from(nanos).expect("short") * self.bits_per_second / 8_000_000_000
    }

    /// Datagrams that found the queue full.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// Bytes that it can pass on in so long.
    pub(crate) fn capacity(&self, time: Duration) -> f64 {
        time.as_secs_f64() * self.bits_per_second as f64 / 8.0
    }

    fn time(&self, bytes: usize) -> Duration {
        Duration::from_nanos(bytes as u64 * 8_000_000_000 / self.bits_per_second)
    }
}
