//! Everything that is drawn at random.

use core::time::Duration;

use hobnob_wire::SessionId;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use crate::config::SessionConfig;

/// Draws ids, nonces and jitter.
#[derive(Debug)]
pub(crate) struct Ids {
    rng: ChaCha8Rng,
}

impl Ids {
    /// Cluster and generation are part of the key, so that a restarted node draws other ids than its past
    /// self even from the same seed.
    pub(crate) fn new(config: &SessionConfig, seed: u64) -> Self {
        let words = [seed, config.generation.0, config.cluster, 0];
        let mut key = [0; 32];
        for (bytes, word) in key.as_chunks_mut().0.iter_mut().zip(words) {
            *bytes = word.to_be_bytes();
        }
        Self {
            rng: ChaCha8Rng::from_seed(key),
        }
    }

    /// An id that leads to `slot`: 48 random bits above the slot.
    pub(crate) fn session(&mut self, slot: u16) -> SessionId {
        loop {
            let id = self.rng.random::<u64>() << 16 | u64::from(slot);
            if id != 0 {
                return SessionId(id);
            }
        }
    }

    pub(crate) fn nonce(&mut self) -> u64 {
        self.rng.random()
    }

    /// Takes up to a quarter off, so that nodes that started together do not stay in step.
    pub(crate) fn jittered(&mut self, delay: Duration) -> Duration {
        delay - delay * self.rng.random_range(0..=256) / 1_024
    }
}

/// The slot that an id of this node leads to.
pub(crate) const fn slot_of(id: SessionId) -> u16 {
    let [.., high, low] = id.0.to_be_bytes();
    u16::from_be_bytes([high, low])
}
