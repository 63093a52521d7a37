//! Chance, from the day's seed.

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

/// A stream of random numbers.
#[derive(Debug)]
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A stream of its own, so that what one part draws does not change what another one does.
    pub(super) fn split(&mut self) -> Self {
        Self::new(self.0.random())
    }

    pub(super) fn chance(&mut self, share: f64) -> bool {
        share > 0.0 && self.0.random::<f64>() < share
    }

    /// Zero, or with a chance of `often` a share up to `most`, small ones more often.
    pub(super) fn share(&mut self, often: f64, most: f64) -> f64 {
        match self.chance(often) {
            true => most * self.0.random::<f64>().powi(2),
            false => 0.0,
        }
    }

    /// Up to `most`, short ones more often.
    pub(super) fn up_to(&mut self, most: Duration) -> Duration {
        most.mul_f64(self.0.random::<f64>().powi(2))
    }

    /// A pause of `mean` on average. No logarithm, which is not the same to the last bit everywhere.
    pub(super) fn pause(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(2.0 * self.0.random::<f64>())
    }
}

impl Deref for Dice {
    type Target = ChaCha8Rng;

    fn deref(&self) -> &ChaCha8Rng {
        &self.0
    }
}

impl DerefMut for Dice {
    fn deref_mut(&mut self) -> &mut ChaCha8Rng {
        &mut self.0
    }
}
