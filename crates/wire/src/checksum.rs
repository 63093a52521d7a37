//! The trailer of an unsealed datagram.
//!
//! XXH3-64 over everything before it. It finds corruption, not forgery: sealing does that.

use twox_hash::XxHash3_64;

use crate::cursor::{DecodeError, Full, Writer};

/// Bytes of the trailer.
pub const CHECKSUM_BYTES: usize = 8;

/// Appends the checksum of what was written so far.
///
/// # Errors
///
/// [`Full`] when it does not fit; nothing was written.
pub fn append_checksum(writer: &mut Writer<'_>) -> Result<(), Full> {
    let sum = XxHash3_64::oneshot(writer.written());
    writer.u64(sum)
}

/// The datagram without its trailer, if the trailer is right.
///
/// # Errors
///
/// [`DecodeError`] when the datagram is too short or was corrupted.
pub fn verify_checksum(datagram: &[u8]) -> Result<&[u8], DecodeError> {
    let (covered, sum) = datagram
        .split_last_chunk::<CHECKSUM_BYTES>()
        .ok_or(DecodeError::Missing { field: "checksum" })?;
    if XxHash3_64::oneshot(covered) == u64::from_be_bytes(*sum) {
        Ok(covered)
    } else {
        Err(DecodeError::Invalid { field: "checksum" })
    }
}
