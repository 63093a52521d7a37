//! Bounded cursors: nothing is read past the end, nothing is written past the room.

use thiserror::Error;

use crate::varint::VarInt;

/// Why bytes could not be read. The reader's owner drops the rest of the datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes ended before the field did.
    #[error("{field} is missing or cut short")]
    Missing {
        /// Which field.
        field: &'static str,
    },
    /// The field was there, with a value it cannot have.
    #[error("{field} has an invalid value")]
    Invalid {
        /// Which field.
        field: &'static str,
    },
    /// Bytes were left over after the last field.
    #[error("{count} bytes after {field}")]
    Trailing {
        /// The last thing that was read.
        field: &'static str,
        /// How many bytes were left.
        count: usize,
    },
}

/// Reads fields from a slice, in order.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the beginning of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether everything was read.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Bytes not read yet.
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Missing`] when fewer are left; nothing was consumed.
    pub fn take(&mut self, len: usize, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(DecodeError::Missing { field })?;
        self.rest = rest;
        Ok(taken)
    }

    /// All that is left.
    pub fn take_rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.rest)
    }

    /// A byte.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Missing`] at the end.
    pub fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        let (&first, rest) = self
            .rest
            .split_first()
            .ok_or(DecodeError::Missing { field })?;
        self.rest = rest;
        Ok(first)
    }

    /// Two bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Missing`] when fewer are left.
    pub fn u16(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.array(field).map(u16::from_be_bytes)
    }

    /// Four bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Missing`] when fewer are left.
    pub fn u32(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        self.array(field).map(u32::from_be_bytes)
    }

    /// Eight bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Missing`] when fewer are left.
    pub fn u64(&mut self, field: &'static str) -> Result<u64, DecodeError> {
        self.array(field).map(u64::from_be_bytes)
    }

    /// A varint.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] as of [`VarInt::decode`].
    pub fn varint(&mut self, field: &'static str) -> Result<VarInt, DecodeError> {
        VarInt::decode(self, field)
    }

    /// A varint length and that many bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Missing`] when the length reaches past the end.
    pub fn bytes(&mut self, field: &'static str) -> Result<&'a [u8], DecodeError> {
        let len = usize::try_from(self.varint(field)?.get())
            .map_err(|_| DecodeError::Invalid { field })?;
        self.take(len, field)
    }

    /// A fixed number of bytes as an array.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Missing`] when fewer are left.
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let (&taken, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(DecodeError::Missing { field })?;
        self.rest = rest;
        Ok(taken)
    }

    /// Confirms that nothing is left.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Trailing`] when something is.
    pub const fn finish(&self, field: &'static str) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(DecodeError::Trailing { field, count }),
        }
    }
}

/// The writer had no room for what was to be written. Nothing of it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no room left in the datagram")]
pub struct Full;

/// Writes fields into a fixed buffer, in order.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    written: usize,
    held_back: usize,
}

impl<'a> Writer<'a> {
    /// Starts at the beginning of `buffer`, which is all the room there is.
    pub const fn new(buffer: &'a mut [u8]) -> Self {
        Self {
            buffer,
            written: 0,
            held_back: 0,
        }
    }

    /// Bytes written so far.
    pub const fn len(&self) -> usize {
        self.written
    }

    /// Whether nothing was written.
    pub const fn is_empty(&self) -> bool {
        self.written == 0
    }

    /// Bytes that still fit.
    pub const fn room(&self) -> usize {
        (self.buffer.len() - self.written).saturating_sub(self.held_back)
    }

    /// Keeps the last `bytes` of the buffer free for a trailer, until they are released by `hold_back(0)`.
    pub const fn hold_back(&mut self, bytes: usize) {
        self.held_back = bytes;
    }

    /// What was written so far.
    pub fn written(&self) -> &[u8] {
        &self.buffer[..self.written]
    }

    /// Takes back everything after the first `len` bytes.
    ///
    /// # Panics
    ///
    /// When `len` is more than was written: a caller's broken invariant.
    pub fn truncate(&mut self, len: usize) {
        assert!(
            len <= self.written,
            "truncate only takes back what was written"
        );
        self.written = len;
    }

    /// Appends `bytes`, all or nothing.
    ///
    /// # Errors
    ///
    /// [`Full`] when they do not fit.
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.next(bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    /// Appends `len` zero bytes, all or nothing.
    ///
    /// # Errors
    ///
    /// [`Full`] when they do not fit.
    pub fn zeroes(&mut self, len: usize) -> Result<(), Full> {
        self.next(len)?.fill(0);
        Ok(())
    }

    /// Appends a byte.
    ///
    /// # Errors
    ///
    /// [`Full`] when it does not fit.
    pub fn u8(&mut self, value: u8) -> Result<(), Full> {
        self.put(&[value])
    }

    /// Appends two bytes.
    ///
    /// # Errors
    ///
    /// [`Full`] when they do not fit.
    pub fn u16(&mut self, value: u16) -> Result<(), Full> {
        self.put(&value.to_be_bytes())
    }

    /// Appends four bytes.
    ///
    /// # Errors
    ///
    /// [`Full`] when they do not fit.
    pub fn u32(&mut self, value: u32) -> Result<(), Full> {
        self.put(&value.to_be_bytes())
    }

    /// Appends eight bytes.
    ///
    /// # Errors
    ///
    /// [`Full`] when they do not fit.
    pub fn u64(&mut self, value: u64) -> Result<(), Full> {
        self.put(&value.to_be_bytes())
    }

    /// Appends a varint.
    ///
    /// # Errors
    ///
    /// [`Full`] when it does not fit.
    pub fn varint(&mut self, value: impl Into<VarInt>) -> Result<(), Full> {
        value.into().encode(self)
    }

    /// Appends a varint length and the bytes, all or nothing.
    ///
    /// # Errors
    ///
    /// [`Full`] when they do not fit.
    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let start = self.written;
        let len = VarInt::new(bytes.len() as u64).map_err(|_| Full)?;
        self.varint(len)?;
        self.put(bytes).inspect_err(|_| self.written = start)
    }

    /// The next `len` bytes of the buffer, now counted as written.
    fn next(&mut self, len: usize) -> Result<&mut [u8], Full> {
        if len > self.room() {
            return Err(Full);
        }
        let start = self.written;
        self.written += len;
        Ok(&mut self.buffer[start..self.written])
    }
}
