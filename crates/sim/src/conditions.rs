//! How bad the network is.

use std::time::Duration;

/// What may happen to a datagram. Shares are of 1.0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions {
    /// Shortest time a datagram takes.
    pub latency_min: Duration,
    /// Longest time a datagram takes; each draws its own, so a wide range reorders.
    pub latency_max: Duration,
    /// Share of datagrams that never arrive.
    pub loss: f64,
    /// Share of datagrams that arrive twice, at different times.
    pub duplication: f64,
    /// Share of datagrams that arrive with one bit flipped.
    pub corruption: f64,
}

impl Conditions {
    /// A quiet local network: 0.2 to 1 ms, nothing lost.
    pub const LAN: Self = Self {
        latency_min: Duration::from_micros(200),
        latency_max: Duration::from_millis(1),
        loss: 0.0,
        duplication: 0.0,
        corruption: 0.0,
    };

    /// The same network with a share of datagrams lost.
    #[must_use]
    pub const fn with_loss(mut self, loss: f64) -> Self {
        self.loss = loss;
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

    /// The same network with another range of delays.
    #[must_use]
    pub const fn with_latency(mut self, min: Duration, max: Duration) -> Self {
        self.latency_min = min;
        self.latency_max = max;
        self
    }
}
