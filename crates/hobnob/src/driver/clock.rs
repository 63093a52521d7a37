//! The one place where real time becomes the cores' time.

use std::time::Instant as StdInstant;

use hobnob_endpoint::wire::Instant;

/// Nanoseconds since the node was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    epoch: StdInstant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            epoch: StdInstant::now(),
        }
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::from_duration(self.epoch.elapsed())
    }

    /// The runtime's instant for one of the cores'.
    pub(crate) fn to_tokio(self, at: Instant) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.epoch + at.saturating_since(Instant::ZERO))
    }
}
