//! What a node's clock shows.

use std::time::Duration;

use hobnob_endpoint::wire::Instant;

const MILLION: u128 = 1_000_000;

/// The monotonic clock of one process: zero when it starts, as the driver's is. It may run fast or slow and
/// jump forward, never backwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// A moment of the world, and what the clock showed then.
    world: Instant,
    shown: Instant,
    /// Parts per million it runs faster than the world (slower when negative).
    ppm: i32,
}

impl Clock {
    /// Fast and slow clocks stay within this, in parts per million: at −100 % a clock would stand still.
    pub(crate) const PPM_MAX: i32 = 500_000;

    pub(crate) const fn starting(world: Instant, ppm: i32) -> Self {
        Self {
            world,
            shown: Instant::ZERO,
            ppm,
        }
    }

    /// What it shows at a moment of the world.
    pub(crate) fn at(&self, world: Instant) -> Instant {
        let passed = nanos(world, self.world);
        let ticks = passed * self.speed() / MILLION;
        Instant::from_nanos(saturated(u128::from(self.shown.as_nanos()) + ticks))
    }

    /// The first moment of the world at which it shows at least `shown`.
    pub(crate) fn world_at(&self, shown: Instant) -> Instant {
        let ticks = nanos(shown, self.shown);
        let passed = (ticks * MILLION).div_ceil(self.speed());
        Instant::from_nanos(saturated(u128::from(self.world.as_nanos()) + passed))
    }

    pub(crate) fn jump(&mut self, now: Instant, by: Duration) {
        self.shown = self.at(now) + by;
        self.world = now;
    }

    pub(crate) fn set_ppm(&mut self, now: Instant, ppm: i32) {
        self.shown = self.at(now);
        self.world = now;
        self.ppm = ppm;
    }

    /// Ticks in a million nanoseconds of the world.
    const fn speed(&self) -> u128 {
        MILLION.saturating_add_signed(self.ppm as i128)
    }
}

const fn nanos(later: Instant, earlier: Instant) -> u128 {
    later.as_nanos().saturating_sub(earlier.as_nanos()) as u128
}

fn saturated(nanos: u128) -> u64 {
    u64::try_from(nanos).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_never_reached_early_and_at_most_a_tick_late() {
        for ppm in [-500_000, -37, 0, 1, 200, 333_333, 500_000] {
            let clock = Clock::starting(Instant::from_nanos(12_345), ppm);
            for shown in [0, 1, 2, 3, 999_999, 1_000_001, 7_777_777_777] {
                let shown = Instant::from_nanos(shown);
                let world = clock.world_at(shown);
                assert!(clock.at(world) >= shown, "{ppm} ppm");
                let earlier = world - Duration::from_nanos(1);
                assert!(
                    shown == Instant::ZERO || clock.at(earlier) < shown,
                    "{ppm} ppm: the moment before was too early"
                );
            }
        }
    }

    #[test]
    fn changes_of_rate_and_jumps_never_set_it_back() {
        let mut clock = Clock::starting(Instant::ZERO, 0);
        let mut last = Instant::ZERO;
        for step in 1..1_000_u32 {
            let now = Instant::from_nanos(u64::from(step) * 1_000_003);
            match step % 3 {
                0 => clock.jump(now, Duration::from_nanos(u64::from(step))),
                1 => clock.set_ppm(now, -400_000),
                _ => clock.set_ppm(now, 300_000),
            }
            assert!(clock.at(now) >= last);
            last = clock.at(now);
        }
    }
}
