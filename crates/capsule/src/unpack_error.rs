//! What can be wrong with a packing.

use crate::format::{FORMAT_VERSION, MAX_DEPTH, MAX_PACKED_LEN};

/// Why bytes are not the packing of a capsule.
///
/// Nothing has changed. The bytes were damaged or cut, or their sender writes another format; `at`
/// counts bytes from the start of the packing, and `field` is the part of the format that was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnpackError {
    /// The first byte is not a version this crate reads.
    #[error("capsule format {found} is unknown, this is format {FORMAT_VERSION}")]
    UnknownVersion {
        /// The version found.
        found: u8,
    },
    /// The input is longer than any packing may be.
    #[error("the input has {len} bytes, a packing has at most {MAX_PACKED_LEN}")]
    TooLarge {
        /// The length of the input, in bytes.
        len: usize,
    },
    /// The input ends inside a field.
    #[error("the input ends inside the {field} at byte {at}")]
    Truncated {
        /// The field that is cut.
        field: &'static str,
        /// Where the field begins.
        at: usize,
    },
    /// A length or count claims more than the rest of the input can hold.
    #[error(
        "the {field} at byte {at} claims {claimed}, the rest of the input holds at most {most}"
    )]
    ClaimsTooMuch {
        /// The field that makes the claim.
        field: &'static str,
        /// Where the field begins.
        at: usize,
        /// The bytes, items or entries it claims.
        claimed: u64,
        /// The most it could rightly claim.
        most: usize,
    },
    /// Bytes follow the last entry.
    #[error("{count} bytes follow the end of the capsule at byte {at}")]
    TrailingBytes {
        /// Where the capsule ends.
        at: usize,
        /// How many bytes follow.
        count: usize,
    },
    /// A value begins with a byte that stands for no type.
    #[error("{tag} at byte {at} is no type")]
    UnknownType {
        /// The byte.
        tag: u8,
        /// Where it is.
        at: usize,
    },
    /// A bool is neither 0 nor 1.
    #[error("the bool at byte {at} is {found}, neither 0 nor 1")]
    BadBool {
        /// The byte.
        found: u8,
        /// Where it is.
        at: usize,
    },
    /// Text is not UTF-8.
    #[error("the {field} at byte {at} is not UTF-8")]
    BadUtf8 {
        /// The kind of text.
        field: &'static str,
        /// Where its bytes begin.
        at: usize,
    },
    /// An integer takes more bytes than it needs.
    #[error("the {field} at byte {at} is longer than it needs to be")]
    NotShortest {
        /// The field the integer is.
        field: &'static str,
        /// Where it begins.
        at: usize,
    },
    /// An integer is greater than its type holds.
    #[error("the {field} at byte {at} is greater than its type holds")]
    IntegerTooBig {
        /// The field the integer is.
        field: &'static str,
        /// Where it begins.
        at: usize,
    },
    /// A name stands behind one that is greater.
    #[error("the name at byte {at} is out of order")]
    UnsortedName {
        /// Where the name begins.
        at: usize,
    },
    /// A name is there twice.
    #[error("the name at byte {at} is there twice")]
    DuplicateName {
        /// Where its second occurrence begins.
        at: usize,
    },
    /// A container lies deeper than [`MAX_DEPTH`] levels.
    #[error("the container at byte {at} is nested deeper than {MAX_DEPTH} levels")]
    TooDeep {
        /// Where its count is.
        at: usize,
    },
}
