//! Payloads that say which call they are of.

use bytes::Bytes;
use hobnob_sim::model::CallId;

/// Marks the number of a call in the answer to it.
const ANSWER: u64 = 1 << 31;

/// Bytes of a payload that say which call it is of.
const CALL_BYTES: usize = 4;

/// The payload of a call: its number, and bytes that only it has.
pub(super) fn payload(call: CallId, len: usize) -> Bytes {
    let number = u32::try_from(call.0).expect("a run makes few calls");
    let mut bytes = vec![0; len.max(CALL_BYTES)];
    bytes[..CALL_BYTES].copy_from_slice(&number.to_be_bytes());
    let mut next = number;
    for byte in &mut bytes[CALL_BYTES..] {
        next = next.wrapping_mul(0x0019_660d).wrapping_add(0x3c6e_f35f);
        *byte = next.to_be_bytes()[0];
    }
    Bytes::from(bytes)
}

/// What a handler answers: unlike every request, and unlike the answers to others.
pub(super) fn answer_to(call: CallId, len: usize) -> Bytes {
    payload(CallId(call.0 | ANSWER), len)
}

pub(super) fn call_of(payload: &[u8]) -> CallId {
    let number = payload.first_chunk::<CALL_BYTES>();
    let number = number.expect("nobody sends payloads without a number");
    CallId(u32::from_be_bytes(*number).into())
}
