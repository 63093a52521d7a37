//! The packed format and its limits.

use alloc::string::String;

use crate::Value;

/// The version of the packed format, the first byte of a packing.
///
/// ```text
/// capsule  version=1  entries
/// entries  count:varint  count × (name value), the names ascending by their bytes
/// name     length:varint  UTF-8
/// value    tag:u8  content
///
/// tag  type            content
///  1   bool            one byte, 0 or 1
///  2   i8              one byte
///  3…5 i16, i32, i64   varint of the zigzag form
///  6   u8              one byte
///  7…9 u16, u32, u64   varint
/// 10   f32             4 bytes, little-endian
/// 11   f64             8 bytes, little-endian
/// 12   string          length:varint  UTF-8
/// 13   bytes           length:varint  bytes
/// 14   list            count:varint  count × value
/// 15   map             entries
/// 16   capsule         entries
/// ```
///
/// A varint is LEB128 of at most ten bytes in its shortest form. The zigzag form of a signed integer
/// n is 2n for n ≥ 0 and -2n - 1 else, so that small integers of either sign are short. Tag 0 is
/// never given out: a buffer of zeros is no capsule.
pub const FORMAT_VERSION: u8 = 1;

/// How deep containers may lie in each other; the outermost capsule counts as the first level.
///
/// A message has a handful of levels. 32 leaves room for capsules inside capsules, and a recursion
/// of 32 steps, through serde and a type's own code too, fits the stack of any thread.
pub const MAX_DEPTH: usize = 32;

/// The length of the longest packing, in bytes: 256 MiB less one.
///
/// Far above what one message carries (16 MiB by default), so it is the message's limit that is met
/// first. It keeps every length and count of a packing within four bytes of varint.
pub const MAX_PACKED_LEN: usize = (1 << 28) - 1;

/// How much memory the values of an unpacked capsule take, as a multiple of its packed length.
///
/// On 64 bits an entry takes 56 bytes of memory and at least 3 bytes of packing (an empty name, a
/// type and one byte of content); a list item takes 32 and at least 2; a byte of text takes one and
/// one. The greatest of these ratios is 56 / 3. What an allocator adds to each allocation comes on
/// top.
pub const MAX_AMPLIFICATION: usize = 19;

/// The shortest value: a tag, and one byte of content.
pub(crate) const MIN_VALUE_LEN: usize = 2;

/// The shortest entry: the length of an empty name, and a value.
pub(crate) const MIN_ENTRY_LEN: usize = 1 + MIN_VALUE_LEN;

const _: () = {
    assert!(size_of::<Value>() <= MAX_AMPLIFICATION * MIN_VALUE_LEN);
    assert!(size_of::<(String, Value)>() <= MAX_AMPLIFICATION * MIN_ENTRY_LEN);
};

pub(crate) mod tag {
    pub(crate) const BOOL: u8 = 1;
    pub(crate) const I8: u8 = 2;
    pub(crate) const I16: u8 = 3;
    pub(crate) const I32: u8 = 4;
    pub(crate) const I64: u8 = 5;
    pub(crate) const U8: u8 = 6;
    pub(crate) const U16: u8 = 7;
    pub(crate) const U32: u8 = 8;
    pub(crate) const U64: u8 = 9;
    pub(crate) const F32: u8 = 10;
    pub(crate) const F64: u8 = 11;
    pub(crate) const STRING: u8 = 12;
    pub(crate) const BYTES: u8 = 13;
    pub(crate) const LIST: u8 = 14;
    pub(crate) const MAP: u8 = 15;
    pub(crate) const CAPSULE: u8 = 16;
}

/// The zigzag form of a signed integer.
pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// The signed integer of a zigzag form.
pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// The length of the shortest varint of `value`, 1 to 10 bytes.
pub(crate) fn varint_len(value: u64) -> usize {
    (u64::BITS - (value | 1).leading_zeros()).div_ceil(7) as usize
}
