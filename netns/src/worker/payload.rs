//! Payloads that carry the number of their call.

use std::sync::atomic::{AtomicU32, Ordering};

use hobnob::Bytes;
use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};

/// Bytes of the number at the head of each payload.
pub(super) const NUMBER_BYTES: usize = 8;

/// Gives each call of a process a number that no other call of the run has.
#[derive(Debug)]
pub(super) struct CallNumbers {
    process: u32,
    next: AtomicU32,
}

impl CallNumbers {
    pub(super) const fn of_process(process: u32) -> Self {
        Self {
            process,
            next: AtomicU32::new(0),
        }
    }

    pub(super) fn next(&self) -> u64 {
        // 2^32 calls of one process are years at the rate of a workload.
        let serial = self.next.fetch_add(1, Ordering::Relaxed);
        u64::from(self.process) << 32 | u64::from(serial)
    }
}

/// The call's number, filled up to `len` bytes with what only this call's payload holds.
pub(super) fn fill(call: u64, len: usize) -> Bytes {
    let mut bytes = vec![0; len.max(NUMBER_BYTES)];
    let (number, rest) = bytes.split_at_mut(NUMBER_BYTES);
    number.copy_from_slice(&call.to_le_bytes());
    ChaCha8Rng::seed_from_u64(call).fill_bytes(rest);
    bytes.into()
}

/// The number at the head of a payload; that of no call if there is none.
pub(super) fn number(payload: &[u8]) -> u64 {
    payload
        .first_chunk::<NUMBER_BYTES>()
        .map_or(u64::MAX, |number| u64::from_le_bytes(*number))
}
