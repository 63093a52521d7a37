//! Payloads: the number of their call, and bytes that differ at every place.

use std::sync::OnceLock;

use bytes::Bytes;
use rand::{Rng, SeedableRng, rngs::ChaCha8Rng};

use crate::model::CallId;

/// Bytes from which payloads are cut: a prime, so that no two places of a message hold the same for long.
const POOL_BYTES: usize = 5_242_877;

/// Bytes of the shortest payload: it has to name its call.
pub(super) const SHORTEST: usize = 8;

/// A payload of `len` bytes, at least [`SHORTEST`], for a call. `salt` tells an answer from its question.
pub(super) fn make(call: CallId, salt: u64, len: usize) -> Bytes {
    let pool = pool();
    let mut bytes = Vec::with_capacity(len.max(SHORTEST));
    bytes.extend_from_slice(&call.0.to_le_bytes());
    let start = (call.0 ^ salt).wrapping_mul(0x9e37_79b9_7f4a_7c15) % (POOL_BYTES as u64);
    let mut rest = &pool[usize::try_from(start).unwrap_or(0)..];
    while bytes.len() < len {
        let part = rest.len().min(len - bytes.len());
        bytes.extend_from_slice(&rest[..part]);
        rest = pool;
    }
    Bytes::from(bytes)
}

/// The call that a payload names.
pub(super) fn call_of(payload: &[u8]) -> CallId {
    let number = payload
        .first_chunk()
        .map_or(u64::MAX, |it| u64::from_le_bytes(*it));
    CallId(number)
}

fn pool() -> &'static [u8] {
    static POOL: OnceLock<Vec<u8>> = OnceLock::new();
    POOL.get_or_init(|| {
        let mut pool = vec![0; POOL_BYTES];
        ChaCha8Rng::seed_from_u64(0).fill_bytes(&mut pool);
        pool
    })
}
