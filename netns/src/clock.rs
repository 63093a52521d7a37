//! The one clock of a run: all its processes have the same kernel, so they read the same time.

use hobnob_wire::Instant;
use rustix::time::{ClockId, clock_gettime};

/// Now, by `CLOCK_MONOTONIC`. Network namespaces do not change it (time namespaces do).
pub fn now() -> Instant {
    let now = clock_gettime(ClockId::Monotonic);
    // It counts from the machine's start: neither part is ever negative.
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    let nanos = u64::try_from(now.tv_nsec).unwrap_or_default();
    Instant::from_nanos(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}
