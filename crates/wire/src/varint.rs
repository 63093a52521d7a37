//! Variable-length integers, RFC 9000 section 16, in their shortest form only.

use thiserror::Error;

use crate::cursor::{DecodeError, Full, Reader, Writer};

/// An integer below 2^62.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VarInt(u64);

/// A number too large for a [`VarInt`]. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0} does not fit into 62 bits")]
pub struct VarIntOverflow(pub u64);

impl VarInt {
    /// The smallest.
    pub const ZERO: Self = Self(0);
    /// The largest: 2^62 − 1.
    pub const MAX: Self = Self((1 << 62) - 1);

    /// Checks that `number` is below 2^62.
    ///
    /// # Errors
    ///
    /// [`VarIntOverflow`] when it is not.
    pub const fn new(number: u64) -> Result<Self, VarIntOverflow> {
        if number <= Self::MAX.0 {
            Ok(Self(number))
        } else {
            Err(VarIntOverflow(number))
        }
    }

    /// The plain number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The sum, or [`VarInt::MAX`].
    #[must_use]
    pub const fn saturating_add(self, more: u64) -> Self {
        let sum = self.0.saturating_add(more);
        if sum > Self::MAX.0 {
            Self::MAX
        } else {
            Self(sum)
        }
    }

    /// Bytes of the encoding: 1, 2, 4 or 8.
    pub const fn encoded_len(self) -> usize {
        match self.0 {
            0..=0x3f => 1,
            0x40..=0x3fff => 2,
            0x4000..=0x3fff_ffff => 4,
            _ => 8,
        }
    }

    /// Appends the shortest encoding.
    ///
    /// # Errors
    ///
    /// [`Full`] when the writer has no room; nothing was written.
    pub fn encode(self, writer: &mut Writer<'_>) -> Result<(), Full> {
        let bytes = self.0.to_be_bytes();
        let len = self.encoded_len();
        let mut short = [0u8; 8];
        short[..len].copy_from_slice(&bytes[8 - len..]);
        short[0] |= match len {
            1 => 0x00,
            2 => 0x40,
            4 => 0x80,
            _ => 0xc0,
        };
        writer.put(&short[..len])
    }

    /// Reads one, refusing a longer encoding than needed.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] naming `field` when bytes are missing or the form is not the shortest.
    pub fn decode(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let first = reader.u8(field)?;
        let rest = (1usize << (first >> 6)) - 1;
        let mut value = u64::from(first & 0x3f);
        for byte in reader.take(rest, field)? {
            value = value << 8 | u64::from(*byte);
        }
        let decoded = Self(value);
        if decoded.encoded_len() == rest + 1 {
            Ok(decoded)
        } else {
            Err(DecodeError::Invalid { field })
        }
    }
}

impl From<u8> for VarInt {
    fn from(number: u8) -> Self {
        Self(u64::from(number))
    }
}

impl From<u16> for VarInt {
    fn from(number: u16) -> Self {
        Self(u64::from(number))
    }
}

impl From<u32> for VarInt {
    fn from(number: u32) -> Self {
        Self(u64::from(number))
    }
}
