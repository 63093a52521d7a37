//! Writing the packed format: first measure and check everything, then write what cannot fail.

use alloc::string::String;
use alloc::vec::Vec;

use crate::format::{FORMAT_VERSION, MAX_DEPTH, MAX_PACKED_LEN, tag, varint_len, zigzag};
use crate::path::{self, Place};
use crate::{Map, Value};

/// Why a capsule could not be packed.
///
/// Nothing has been written. It is the fault of whoever built the capsule, and does not happen to a
/// capsule that was unpacked and left as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PackError {
    /// A container lies deeper than [`MAX_DEPTH`] levels.
    #[error("{} is nested deeper than {MAX_DEPTH} levels", Place(path))]
    TooDeep {
        /// The place of the first container that is too deep.
        path: String,
    },
    /// The packing would be longer than [`MAX_PACKED_LEN`].
    #[error("the packing would take {len} bytes, more than {MAX_PACKED_LEN}")]
    TooLarge {
        /// The length it would have, in bytes.
        len: usize,
    },
}

impl PackError {
    fn inside_name(mut self, name: &str) -> PackError {
        if let PackError::TooDeep { path } = &mut self {
            path::inside_name(path, name);
        }
        self
    }

    fn inside_item(mut self, index: usize) -> PackError {
        if let PackError::TooDeep { path } = &mut self {
            path::inside_item(path, index);
        }
        self
    }
}

/// Appends the packing of the capsule that holds `map`.
pub(crate) fn capsule(map: &Map, out: &mut Vec<u8>) -> Result<(), PackError> {
    begin(entries_len(map, 1)?, out)?;
    write_entries(map, out);
    Ok(())
}

/// The version and one value: the form of a [`Value`] in binary serde formats.
pub(crate) fn value(value: &Value) -> Result<Vec<u8>, PackError> {
    let mut out = Vec::new();
    begin(value_len(value, 0)?, &mut out)?;
    write_value(value, &mut out);
    Ok(out)
}

/// The version and one value that is a map, or a capsule, as `tag` says.
pub(crate) fn map_value(tag: u8, map: &Map) -> Result<Vec<u8>, PackError> {
    let mut out = Vec::new();
    begin(1 + entries_len(map, 1)?, &mut out)?;
    out.push(tag);
    write_entries(map, &mut out);
    Ok(out)
}

/// Writes the version, with room for the `body` that will follow.
fn begin(body: usize, out: &mut Vec<u8>) -> Result<(), PackError> {
    let len = body.saturating_add(1);
    if len > MAX_PACKED_LEN {
        return Err(PackError::TooLarge { len });
    }
    out.reserve(len);
    out.push(FORMAT_VERSION);
    Ok(())
}

/// The packed length of a value inside `level` containers.
fn value_len(value: &Value, level: usize) -> Result<usize, PackError> {
    let content = match value {
        Value::Bool(_) | Value::I8(_) | Value::U8(_) => 1,
        Value::I16(value) => varint_len(zigzag((*value).into())),
        Value::I32(value) => varint_len(zigzag((*value).into())),
        Value::I64(value) => varint_len(zigzag(*value)),
        Value::U16(value) => varint_len((*value).into()),
        Value::U32(value) => varint_len((*value).into()),
        Value::U64(value) => varint_len(*value),
        Value::F32(_) => 4,
        Value::F64(_) => 8,
        Value::String(text) => prefixed_len(text.len()),
        Value::Bytes(bytes) => prefixed_len(bytes.len()),
        Value::List(items) => items_len(items, level + 1)?,
        Value::Map(map) => entries_len(map, level + 1)?,
        Value::Capsule(capsule) => entries_len(capsule.as_map(), level + 1)?,
    };
    Ok(content.saturating_add(1))
}

/// The packed length of a list at `level`.
fn items_len(items: &[Value], level: usize) -> Result<usize, PackError> {
    check_level(level)?;
    let mut len = varint_len(items.len() as u64);
    for (index, item) in items.iter().enumerate() {
        let item = value_len(item, level).map_err(|error| error.inside_item(index))?;
        len = len.saturating_add(item);
    }
    Ok(len)
}

/// The packed length of the entries of a map or a capsule at `level`.
fn entries_len(map: &Map, level: usize) -> Result<usize, PackError> {
    check_level(level)?;
    let mut len = varint_len(map.len() as u64);
    for (name, value) in map {
        let value = value_len(value, level).map_err(|error| error.inside_name(name))?;
        len = len
            .saturating_add(prefixed_len(name.len()))
            .saturating_add(value);
    }
    Ok(len)
}

fn check_level(level: usize) -> Result<(), PackError> {
    if level > MAX_DEPTH {
        return Err(PackError::TooDeep {
            path: String::new(),
        });
    }
    Ok(())
}

/// The packed length of that many bytes and their length.
fn prefixed_len(len: usize) -> usize {
    len.saturating_add(varint_len(len as u64))
}

fn write_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Bool(value) => out.extend([tag::BOOL, u8::from(*value)]),
        Value::I8(value) => out.extend([tag::I8, value.cast_unsigned()]),
        Value::I16(value) => write_integer(tag::I16, zigzag((*value).into()), out),
        Value::I32(value) => write_integer(tag::I32, zigzag((*value).into()), out),
        Value::I64(value) => write_integer(tag::I64, zigzag(*value), out),
        Value::U8(value) => out.extend([tag::U8, *value]),
        Value::U16(value) => write_integer(tag::U16, (*value).into(), out),
        Value::U32(value) => write_integer(tag::U32, (*value).into(), out),
        Value::U64(value) => write_integer(tag::U64, *value, out),
        Value::F32(value) => {
            out.push(tag::F32);
            out.extend(value.to_bits().to_le_bytes());
        }
        Value::F64(value) => {
            out.push(tag::F64);
            out.extend(value.to_bits().to_le_bytes());
        }
        Value::String(text) => {
            out.push(tag::STRING);
            write_prefixed(text.as_bytes(), out);
        }
        Value::Bytes(bytes) => {
            out.push(tag::BYTES);
            write_prefixed(bytes, out);
        }
        Value::List(items) => {
            write_integer(tag::LIST, items.len() as u64, out);
            for item in items {
                write_value(item, out);
            }
        }
        Value::Map(map) => {
            out.push(tag::MAP);
            write_entries(map, out);
        }
        Value::Capsule(capsule) => {
            out.push(tag::CAPSULE);
            write_entries(capsule.as_map(), out);
        }
    }
}

fn write_entries(map: &Map, out: &mut Vec<u8>) {
    write_varint(map.len() as u64, out);
    for (name, value) in map {
        write_prefixed(name.as_bytes(), out);
        write_value(value, out);
    }
}

fn write_integer(tag: u8, value: u64, out: &mut Vec<u8>) {
    out.push(tag);
    write_varint(value, out);
}

fn write_prefixed(bytes: &[u8], out: &mut Vec<u8>) {
    write_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}
