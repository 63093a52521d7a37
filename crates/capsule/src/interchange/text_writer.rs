//! Writing a value to a text format.

use serde::ser::{Error, Serialize, SerializeMap, SerializeSeq, Serializer};

use super::base64::Base64;
use crate::{MAX_DEPTH, Map, Value};

/// A value inside `level` containers.
pub(super) struct Text<'a> {
    pub(super) value: &'a Value,
    pub(super) level: usize,
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::I8(value) => serializer.serialize_i8(*value),
            Value::I16(value) => serializer.serialize_i16(*value),
            Value::I32(value) => serializer.serialize_i32(*value),
            Value::I64(value) => serializer.serialize_i64(*value),
            Value::U8(value) => serializer.serialize_u8(*value),
            Value::U16(value) => serializer.serialize_u16(*value),
            Value::U32(value) => serializer.serialize_u32(*value),
            Value::U64(value) => serializer.serialize_u64(*value),
            Value::F32(value) => serializer.serialize_f32(*value),
            Value::F64(value) => serializer.serialize_f64(*value),
            Value::String(text) => serializer.serialize_str(text),
            Value::Bytes(bytes) => serializer.collect_str(&Base64(bytes)),
            Value::List(items) => serialize_items(items, self.level, serializer),
            Value::Map(map) => serialize_entries(map, self.level, serializer),
            Value::Capsule(capsule) => serialize_entries(capsule.as_map(), self.level, serializer),
        }
    }
}

fn serialize_items<S: Serializer>(
    items: &[Value],
    level: usize,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let level = deeper(level)?;
    let mut list = serializer.serialize_seq(Some(items.len()))?;
    for value in items {
        list.serialize_element(&Text { value, level })?;
    }
    list.end()
}

/// Writes a map that lies inside `level` containers.
pub(super) fn serialize_entries<S: Serializer>(
    map: &Map,
    level: usize,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let level = deeper(level)?;
    let mut object = serializer.serialize_map(Some(map.len()))?;
    for (name, value) in map {
        object.serialize_entry(name, &Text { value, level })?;
    }
    object.end()
}

fn deeper<E: Error>(level: usize) -> Result<usize, E> {
    if level >= MAX_DEPTH {
        let reason = format_args!("nested deeper than {MAX_DEPTH} levels");
        return Err(E::custom(reason));
    }
    Ok(level + 1)
}
