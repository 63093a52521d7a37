//! The measured round trip: RFC 9002, section 5.

use core::time::Duration;

use crate::limits::{GRANULARITY, INITIAL_RTT};

/// Estimates from the samples so far.
#[derive(Debug, Default)]
pub(crate) struct Rtt {
    sampled: Option<Estimate>,
}

#[derive(Debug)]
struct Estimate {
    latest: Duration,
    min: Duration,
    smoothed: Duration,
    variance: Duration,
    /// How long acks were held back lately.
    held: Duration,
}

impl Rtt {
    /// Takes in how long an ack took, of which the receiver held it back for `delay`.
    pub(crate) fn sample(&mut self, latest: Duration, delay: Duration) {
        let held = delay.min(latest);
        let Some(estimate) = &mut self.sampled else {
            self.sampled = Some(Estimate {
                latest,
                min: latest,
                smoothed: latest,
                variance: latest / 2,
                held,
            });
            return;
        };
        estimate.held = held.max((estimate.held * 7 + held) / 8);
        estimate.latest = latest;
        estimate.min = estimate.min.min(latest);
        // A delay that would put the sample below the shortest round trip is not believed.
        let adjusted = match latest.checked_sub(delay) {
            Some(adjusted) if adjusted >= estimate.min => adjusted,
            _ => latest,
        };
        let deviation = estimate.smoothed.abs_diff(adjusted);
        estimate.variance = (estimate.variance * 3 + deviation) / 4;
        estimate.smoothed = (estimate.smoothed * 7 + adjusted) / 8;
    }

    /// The smoothed round trip, once there was a sample.
    pub(crate) fn measured(&self) -> Option<Duration> {
        self.sampled.as_ref().map(|estimate| estimate.smoothed)
    }

    /// The smoothed round trip, or the assumed one.
    pub(crate) fn smoothed(&self) -> Duration {
        self.measured().unwrap_or(INITIAL_RTT)
    }

    /// Whether the smoothed round trip is so near to the shortest that hardly anything waits in queues.
    pub(crate) fn is_quiet(&self) -> bool {
        self.sampled.as_ref().is_some_and(|estimate| {
            estimate.smoothed <= estimate.min + estimate.min / 8 + GRANULARITY
        })
    }

    /// How long an answer may take before a probe is sent, the first time. Section 6.2.1; in place of a
    /// longest ack delay that both sides agreed on, it allows for the delays seen lately.
    pub(crate) fn probe_timeout(&self) -> Duration {
        let (variance, held) = self
            .sampled
            .as_ref()
            .map_or((INITIAL_RTT / 2, Duration::ZERO), |estimate| {
                (estimate.variance, estimate.held)
            });
        (self.smoothed() + variance * 4 + held).max(GRANULARITY)
    }

    /// How much later than a packet a following one must be acknowledged for it to be lost. Section 6.1.2.
    pub(crate) fn loss_delay(&self) -> Duration {
        let latest = self
            .sampled
            .as_ref()
            .map_or(INITIAL_RTT, |estimate| estimate.latest);
        (self.smoothed().max(latest) * 9 / 8).max(GRANULARITY)
    }
}

#[cfg(test)]
#[path = "../tests/unit/rtt.rs"]
mod tests;
