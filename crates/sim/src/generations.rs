//! The generations that processes are started with.

use std::time::Duration;

use hobnob_endpoint::wire::{Generation, Instant};

/// The wall clock when the world begins, in microseconds since 1970: the start of 2026.
const WALL_CLOCK_START: u64 = 1_767_225_600_000_000;

/// What a wall clock shows that is right, as the time since 1970.
pub(crate) fn wall_clock(world_now: Instant) -> Duration {
    Duration::from_micros(WALL_CLOCK_START) + world_now.saturating_since(Instant::ZERO)
}

/// As the driver does it: the wall clock's microseconds, but above every one given out before.
#[derive(Debug, Default)]
pub(crate) struct Generations {
    last: Generation,
}

impl Generations {
    pub(crate) fn next(&mut self, now: Instant) -> Generation {
        let wall_clock = Generation(WALL_CLOCK_START + now.as_nanos() / 1_000);
        self.last = self.last.next().max(wall_clock);
        self.last
    }
}
