//! Virtual time: what the cores see instead of a clock.

use core::{
    fmt,
    ops::{Add, Sub},
    time::Duration,
};

/// A point on the caller's monotonic clock, in nanoseconds since an epoch of the caller's choice.
///
/// Cores compare and add; they never ask what time it is. The driver uses the time since it started, the
/// simulator its virtual clock. 2^64 ns are 584 years, so additions saturate rather than wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The epoch itself.
    pub const ZERO: Self = Self(0);

    /// The instant `nanos` nanoseconds after the epoch.
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The instant `since_epoch` after the epoch, or the last representable one.
    pub fn from_duration(since_epoch: Duration) -> Self {
        Self(u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, rhs: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(rhs.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, rhs: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(u64::try_from(rhs.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Duration::from_nanos(self.0))
    }
}

/// When a core wants its `handle_timeout` called, and why, so that a spurious wake-up can be explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline<R> {
    /// The moment; calling later is tolerated, calling earlier changes nothing.
    pub at: Instant,
    /// What will happen then.
    pub reason: R,
}
