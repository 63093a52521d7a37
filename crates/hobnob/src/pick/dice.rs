//! Where random choices come from.

use std::sync::atomic::{AtomicU64, Ordering};

/// Random numbers for choices that need not be secret: SplitMix64 (Steele, Lea & Flood 2014), whose state is a
/// counter, so that many threads can draw at once without waiting for each other.
#[derive(Debug)]
pub(crate) struct Dice(AtomicU64);

impl Dice {
    /// 2^64 over the golden ratio, made odd.
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

    pub(crate) const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    pub(crate) fn draw(&self) -> u64 {
        let state = self.0.fetch_add(Self::STEP, Ordering::Relaxed);
        let mixed = state.wrapping_add(Self::STEP);
        let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// One of `0..count`; `None` of none. Uneven by `count / 2^64` at most (Lemire 2019, without the rejection).
    #[allow(clippy::cast_possible_truncation, reason = "the result is below count")]
    pub(crate) fn below(&self, count: usize) -> Option<usize> {
        let wide = u128::from(self.draw()) * count as u128;
        (count > 0).then_some((wide >> 64) as usize)
    }

    /// Two different ones of `0..count`, or the only one twice; `None` of none.
    pub(super) fn two_below(&self, count: usize) -> Option<(usize, usize)> {
        let first = self.below(count)?;
        // From those that are left: what is at or after the first moved up by one.
        let second = match self.below(count - 1) {
            Some(second) if second >= first => second + 1,
            Some(second) => second,
            None => first,
        };
        Some((first, second))
    }
}
