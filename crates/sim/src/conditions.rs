//! How bad the network is.

use std::time::Duration;

/// What may happen to a datagram. Shares are of 1.0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions {
    /// Shortest time a datagram takes.
    pub latency_min: Duration,
    /// Longest time a datagram takes, unless it is one of the [`tail`](Self::tail).
    pub latency_max: Duration,
    /// The few that take much longer.
    pub tail: Tail,
    /// Share of datagrams that may overtake others between the same two nodes: each draws its own latency
    /// and arrives by it. The others wait behind the one before them.
    pub reordering: f64,
    /// Share of datagrams that never arrive.
    pub loss: f64,
    /// Loss that comes in bursts, besides the one above.
    pub burst: Burst,
    /// Share of datagrams that arrive twice, at different times.
    pub duplication: f64,
    /// Share of datagrams that arrive with one to [`CORRUPTED_BYTES_MAX`] bytes changed.
    pub corruption: f64,
    /// Share of datagrams that arrive with their end cut off.
    pub truncation: f64,
}

/// Bytes changed in a corrupted datagram, at most: enough to hit header, frames and checksum together.
pub const CORRUPTED_BYTES_MAX: usize = 8;

/// The long tail of a latency distribution: bounded Pareto with shape 1, from the longest ordinary latency
/// on. Half of the tail takes less than twice that; such a datagram is overtaken by those behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tail {
    /// Share of datagrams in the tail.
    pub share: f64,
    /// Longest latency in it.
    pub latency_max: Duration,
}

impl Tail {
    /// No tail.
    pub const NONE: Self = Self {
        share: 0.0,
        latency_max: Duration::ZERO,
    };
}

/// Bursts of loss between two nodes, after Gilbert (1960) and Elliott (1963): a path is good or bad, and
/// changes with a probability for each datagram. A burst is 1 / `leave` datagrams long on average, and
/// `enter / (enter + leave)` of all datagrams meet a bad path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burst {
    /// Probability that a good path turns bad.
    pub enter: f64,
    /// Probability that a bad path turns good.
    pub leave: f64,
    /// Share of datagrams that a bad path loses.
    pub loss: f64,
}

impl Burst {
    /// No bursts.
    pub const NONE: Self = Self {
        enter: 0.0,
        leave: 1.0,
        loss: 0.0,
    };
}

impl Conditions {
    /// The same, if there can be such a network.
    ///
    /// # Panics
    ///
    /// When a share is none, or the shortest latency is longer than the longest.
    pub(crate) fn checked(self) -> Self {
        let shares = [
            ("reordering", self.reordering),
            ("loss", self.loss),
            ("duplication", self.duplication),
            ("corruption", self.corruption),
            ("truncation", self.truncation),
            ("tail.share", self.tail.share),
            ("burst.enter", self.burst.enter),
            ("burst.leave", self.burst.leave),
            ("burst.loss", self.burst.loss),
        ];
        for (field, share) in shares {
            assert!(
                (0.0..=1.0).contains(&share),
                "{field} is {share}: give a share from 0.0 to 1.0"
            );
        }
        let (min, max) = (self.latency_min, self.latency_max);
        assert!(
            min <= max,
            "latency_min is {min:?}, more than latency_max, which is {max:?}"
        );
        self
    }

    /// A quiet local network: 0.2 to 1 ms, nothing lost, all in order.
    pub const LAN: Self = Self {
        latency_min: Duration::from_micros(200),
        latency_max: Duration::from_millis(1),
        tail: Tail::NONE,
        reordering: 0.0,
        loss: 0.0,
        burst: Burst::NONE,
        duplication: 0.0,
        corruption: 0.0,
        truncation: 0.0,
    };

    /// The same network with a share of datagrams lost.
    #[must_use]
    pub const fn with_loss(mut self, loss: f64) -> Self {
        self.loss = loss;
        self
    }

    /// The same network with loss in bursts.
    #[must_use]
    pub const fn with_burst(mut self, burst: Burst) -> Self {
        self.burst = burst;
        self
    }

    /// The same network with a share of datagrams repeated.
    #[must_use]
    pub const fn with_duplication(mut self, duplication: f64) -> Self {
        self.duplication = duplication;
        self
    }

    /// The same network with a share of datagrams damaged.
    #[must_use]
    pub const fn with_corruption(mut self, corruption: f64) -> Self {
        self.corruption = corruption;
        self
    }

    /// The same network with a share of datagrams cut short.
    #[must_use]
    pub const fn with_truncation(mut self, truncation: f64) -> Self {
        self.truncation = truncation;
        self
    }

    /// The same network with a share of datagrams out of order.
    #[must_use]
    pub const fn with_reordering(mut self, reordering: f64) -> Self {
        self.reordering = reordering;
        self
    }

    /// The same network with another range of delays.
    #[must_use]
    pub const fn with_latency(mut self, min: Duration, max: Duration) -> Self {
        self.latency_min = min;
        self.latency_max = max;
        self
    }

    /// The same network with a long tail of delays.
    #[must_use]
    pub const fn with_tail(mut self, share: f64, latency_max: Duration) -> Self {
        self.tail = Tail { share, latency_max };
        self
    }
}
