//! Reading the packed format: a cursor that never leaves its input and names the field it was in.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use crate::format::{
    FORMAT_VERSION, MAX_DEPTH, MAX_PACKED_LEN, MIN_ENTRY_LEN, MIN_VALUE_LEN, tag, unzigzag,
};
use crate::{Capsule, Map, UnpackError, Value};

/// The capsule of a packing that will lie inside `level` containers.
pub(crate) fn capsule_inside(packed: &[u8], level: usize) -> Result<Capsule, UnpackError> {
    let mut reader = Reader::begin(packed)?;
    let map = reader.map(level)?;
    reader.end()?;
    Ok(map.into())
}

/// The value behind a version byte that will lie inside `level` containers.
pub(crate) fn value_inside(packed: &[u8], level: usize) -> Result<Value, UnpackError> {
    let mut reader = Reader::begin(packed)?;
    let value = reader.value(level)?;
    reader.end()?;
    Ok(value)
}

struct Reader<'a> {
    input: &'a [u8],
    at: usize,
    /// The least number of bytes that items already counted, but not yet read, will take. A count
    /// may not claim them a second time, so what is allocated ahead for all open containers together
    /// stays in proportion to the input.
    owed: usize,
}

impl<'a> Reader<'a> {
    fn begin(input: &'a [u8]) -> Result<Reader<'a>, UnpackError> {
        if input.len() > MAX_PACKED_LEN {
            return Err(UnpackError::TooLarge { len: input.len() });
        }
        let mut reader = Reader {
            input,
            at: 0,
            owed: 0,
        };
        match reader.byte("version")? {
            FORMAT_VERSION => Ok(reader),
            found => Err(UnpackError::UnknownVersion { found }),
        }
    }

    fn end(&self) -> Result<(), UnpackError> {
        match self.left() {
            0 => Ok(()),
            count => Err(UnpackError::TrailingBytes { at: self.at, count }),
        }
    }

    /// A value inside `level` containers.
    fn value(&mut self, level: usize) -> Result<Value, UnpackError> {
        let at = self.at;
        Ok(match self.byte("type")? {
            tag::BOOL => Value::Bool(self.bool()?),
            tag::I8 => Value::I8(self.byte("i8")?.cast_signed()),
            tag::I16 => Value::I16(self.signed("i16")?),
            tag::I32 => Value::I32(self.signed("i32")?),
            tag::I64 => Value::I64(self.signed("i64")?),
            tag::U8 => Value::U8(self.byte("u8")?),
            tag::U16 => Value::U16(self.unsigned("u16")?),
            tag::U32 => Value::U32(self.unsigned("u32")?),
            tag::U64 => Value::U64(self.unsigned("u64")?),
            tag::F32 => Value::F32(f32::from_bits(u32::from_le_bytes(self.array("f32")?))),
            tag::F64 => Value::F64(f64::from_bits(u64::from_le_bytes(self.array("f64")?))),
            tag::STRING => Value::String(self.text("string")?.to_owned()),
            tag::BYTES => Value::Bytes(self.prefixed("bytes")?.to_owned()),
            tag::LIST => Value::List(self.list(level)?),
            tag::MAP => Value::Map(self.map(level)?),
            tag::CAPSULE => Value::Capsule(self.map(level)?.into()),
            tag => return Err(UnpackError::UnknownType { tag, at }),
        })
    }

    fn list(&mut self, level: usize) -> Result<Vec<Value>, UnpackError> {
        let count = self.open("list", level, MIN_VALUE_LEN)?;
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            self.settle(MIN_VALUE_LEN);
            items.push(self.value(level + 1)?);
        }
        Ok(items)
    }

    fn map(&mut self, level: usize) -> Result<Map, UnpackError> {
        let count = self.open("map", level, MIN_ENTRY_LEN)?;
        let mut entries: Vec<(String, Value)> = Vec::with_capacity(count);
        for _ in 0..count {
            self.settle(MIN_ENTRY_LEN);
            let at = self.at;
            let name = self.text("name")?;
            match entries.last().map(|(last, _)| last.as_str().cmp(name)) {
                None | Some(core::cmp::Ordering::Less) => {}
                Some(core::cmp::Ordering::Equal) => {
                    return Err(UnpackError::DuplicateName { at });
                }
                Some(core::cmp::Ordering::Greater) => {
                    return Err(UnpackError::UnsortedName { at });
                }
            }
            let name = name.to_owned();
            entries.push((name, self.value(level + 1)?));
        }
        Ok(Map::from_sorted(entries))
    }

    /// Begins a container inside `level` others: its count, for which the input is long enough.
    fn open(
        &mut self,
        field: &'static str,
        level: usize,
        least: usize,
    ) -> Result<usize, UnpackError> {
        if level >= MAX_DEPTH {
            return Err(UnpackError::TooDeep { at: self.at });
        }
        let count = self.claim(field, least)?;
        self.owed += count * least;
        Ok(count)
    }

    /// The next item of an open container is about to be read.
    fn settle(&mut self, least: usize) {
        debug_assert!(self.owed >= least, "each item was counted when it was owed");
        self.owed = self.owed.saturating_sub(least);
    }

    fn text(&mut self, field: &'static str) -> Result<&'a str, UnpackError> {
        let bytes = self.prefixed(field)?;
        let at = self.at - bytes.len();
        core::str::from_utf8(bytes).map_err(|_| UnpackError::BadUtf8 { field, at })
    }

    fn prefixed(&mut self, field: &'static str) -> Result<&'a [u8], UnpackError> {
        let len = self.claim(field, 1)?;
        self.take(len, field)
    }

    /// A length or count, for so many things of at least `least` bytes each that are still to come.
    fn claim(&mut self, field: &'static str, least: usize) -> Result<usize, UnpackError> {
        let at = self.at;
        let claimed = self.varint(field)?;
        let most = self.left().saturating_sub(self.owed) / least;
        match usize::try_from(claimed) {
            Ok(count) if count <= most => Ok(count),
            _ => Err(UnpackError::ClaimsTooMuch {
                field,
                at,
                claimed,
                most,
            }),
        }
    }

    fn bool(&mut self) -> Result<bool, UnpackError> {
        let at = self.at;
        match self.byte("bool")? {
            0 => Ok(false),
            1 => Ok(true),
            found => Err(UnpackError::BadBool { found, at }),
        }
    }

    fn signed<T: TryFrom<i64>>(&mut self, field: &'static str) -> Result<T, UnpackError> {
        let at = self.at;
        let value = unzigzag(self.varint(field)?);
        T::try_from(value).map_err(|_| UnpackError::IntegerTooBig { field, at })
    }

    fn unsigned<T: TryFrom<u64>>(&mut self, field: &'static str) -> Result<T, UnpackError> {
        let at = self.at;
        let value = self.varint(field)?;
        T::try_from(value).map_err(|_| UnpackError::IntegerTooBig { field, at })
    }

    fn varint(&mut self, field: &'static str) -> Result<u64, UnpackError> {
        let at = self.at;
        let mut value = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self
                .byte(field)
                .map_err(|_| UnpackError::Truncated { field, at })?;
            let bits = u64::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                return Err(UnpackError::IntegerTooBig { field, at });
            }
            value |= bits << shift;
            if byte == 0 && shift > 0 {
                return Err(UnpackError::NotShortest { field, at });
            }
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(UnpackError::IntegerTooBig { field, at })
    }

    fn byte(&mut self, field: &'static str) -> Result<u8, UnpackError> {
        let [byte] = self.array(field)?;
        Ok(byte)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], UnpackError> {
        let at = self.at;
        let bytes = self.take(N, field)?;
        <[u8; N]>::try_from(bytes).map_err(|_| UnpackError::Truncated { field, at })
    }

    fn take(&mut self, len: usize, field: &'static str) -> Result<&'a [u8], UnpackError> {
        let at = self.at;
        let rest = self.input.get(at..).unwrap_or_default();
        let bytes = rest
            .get(..len)
            .ok_or(UnpackError::Truncated { field, at })?;
        self.at += len;
        Ok(bytes)
    }

    fn left(&self) -> usize {
        self.input.len().saturating_sub(self.at)
    }
}
