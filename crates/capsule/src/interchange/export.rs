//! From a capsule to a serde type: a deserializer whose input is a value.

use alloc::string::ToString;
use alloc::vec::Vec;

use serde::de::value::{BorrowedStrDeserializer, SeqDeserializer};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::forward_to_deserialize_any;

use super::export_parts::{EntryAccess, ItemAccess, VariantExporter};
use super::packed::PackingGiver;
use super::{CAPSULE_TOKEN, ExportError, VALUE_TOKEN};
use crate::format::tag;
use crate::{Capsule, MAX_DEPTH, Map, PackError, Value, pack};

pub(crate) fn export<'a, T: Deserialize<'a>>(capsule: &'a Capsule) -> Result<T, ExportError> {
    T::deserialize(Exporter {
        source: Source::Root(capsule),
        level: 0,
        wrappers: 0,
    })
}

/// Gives one value.
#[derive(Clone, Copy)]
pub(super) struct Exporter<'de> {
    source: Source<'de>,
    /// The containers the value lies in.
    level: usize,
    /// The newtypes and options that were taken off the value. A type may nest them in itself, and
    /// any value then goes on for ever.
    wrappers: usize,
}

#[derive(Clone, Copy)]
enum Source<'de> {
    Root(&'de Capsule),
    Value(&'de Value),
}

impl<'de> Exporter<'de> {
    /// The exporter for a value inside `level` containers.
    pub(super) fn inside(value: &'de Value, level: usize) -> Exporter<'de> {
        Exporter {
            source: Source::Value(value),
            level,
            wrappers: 0,
        }
    }

    pub(super) fn is_empty_list(self) -> bool {
        matches!(self.source, Source::Value(Value::List(items)) if items.is_empty())
    }

    /// The error for a value of another type than `wanted`.
    pub(super) fn wrong_type(self, wanted: &str) -> ExportError {
        match self.source {
            Source::Root(_) => ExportError::wrong_type(wanted, &Value::Capsule(Capsule::new())),
            Source::Value(value) => ExportError::wrong_type(wanted, value),
        }
    }

    fn unwrapped(self) -> Result<Exporter<'de>, ExportError> {
        if self.wrappers >= MAX_DEPTH {
            return Err(ExportError::too_deep());
        }
        Ok(Exporter {
            wrappers: self.wrappers + 1,
            ..self
        })
    }

    fn as_map(self) -> Option<&'de Map> {
        match self.source {
            Source::Root(capsule) => Some(capsule.as_map()),
            Source::Value(value) => value.as_map(),
        }
    }

    fn visit_map<V: Visitor<'de>>(
        self,
        map: &'de Map,
        visitor: V,
    ) -> Result<V::Value, ExportError> {
        if self.level >= MAX_DEPTH {
            return Err(ExportError::too_deep());
        }
        visitor.visit_map(EntryAccess::new(map, self.level + 1))
    }

    fn visit_list<V: Visitor<'de>>(
        self,
        items: &'de [Value],
        visitor: V,
    ) -> Result<V::Value, ExportError> {
        if self.level >= MAX_DEPTH {
            return Err(ExportError::too_deep());
        }
        let mut access = ItemAccess::new(items, self.level + 1);
        let list = visitor.visit_seq(&mut access)?;
        access.end()?;
        Ok(list)
    }

    /// The value in the form in which values of this crate are handed over.
    fn packed_value(self) -> Result<Vec<u8>, PackError> {
        match self.source {
            Source::Root(capsule) => pack::map_value(tag::CAPSULE, capsule.as_map()),
            Source::Value(value) => pack::value(value),
        }
    }
}

impl<'de> Deserializer<'de> for Exporter<'de> {
    type Error = ExportError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ExportError> {
        let value = match self.source {
            Source::Root(capsule) => return self.visit_map(capsule.as_map(), visitor),
            Source::Value(value) => value,
        };
        match value {
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::I8(value) => visitor.visit_i8(*value),
            Value::I16(value) => visitor.visit_i16(*value),
            Value::I32(value) => visitor.visit_i32(*value),
            Value::I64(value) => visitor.visit_i64(*value),
            Value::U8(value) => visitor.visit_u8(*value),
            Value::U16(value) => visitor.visit_u16(*value),
            Value::U32(value) => visitor.visit_u32(*value),
            Value::U64(value) => visitor.visit_u64(*value),
            Value::F32(value) => visitor.visit_f32(*value),
            Value::F64(value) => visitor.visit_f64(*value),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Bytes(bytes) => visitor.visit_borrowed_bytes(bytes),
            Value::List(items) => self.visit_list(items, visitor),
            Value::Map(map) => self.visit_map(map, visitor),
            Value::Capsule(capsule) => self.visit_map(capsule.as_map(), visitor),
        }
    }

    /// serde would round a greater float and turn integers into floats.
    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ExportError> {
        match self.source {
            Source::Value(Value::F32(value)) => visitor.visit_f32(*value),
            _ => Err(self.wrong_type("f32")),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ExportError> {
        match self.source {
            Source::Value(Value::F32(value)) => visitor.visit_f64((*value).into()),
            Source::Value(Value::F64(value)) => visitor.visit_f64(*value),
            _ => Err(self.wrong_type("f64")),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ExportError> {
        let Source::Value(Value::Bytes(bytes)) = self.source else {
            return self.deserialize_any(visitor);
        };
        let mut access = SeqDeserializer::new(bytes.iter().copied());
        let list = visitor.visit_seq(&mut access)?;
        access.end()?;
        Ok(list)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ExportError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ExportError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ExportError> {
        if self.is_empty_list() {
            visitor.visit_unit()
        } else {
            Err(self.wrong_type("an empty list"))
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ExportError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ExportError> {
        visitor.visit_some(self.unwrapped()?)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ExportError> {
        let packed = match name {
            CAPSULE_TOKEN => match self.as_map() {
                Some(map) => {
                    let mut packed = Vec::new();
                    pack::capsule(map, &mut packed).map(|()| packed)
                }
                None => return Err(self.wrong_type("a capsule")),
            },
            VALUE_TOKEN => self.packed_value(),
            _ => return visitor.visit_newtype_struct(self.unwrapped()?),
        };
        visitor.visit_newtype_struct(PackingGiver(packed.map_err(unpackable)?))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ExportError> {
        if let Source::Value(Value::String(name)) = self.source {
            return visitor.visit_enum(BorrowedStrDeserializer::<ExportError>::new(name));
        }
        match self.as_map().map(Map::entries) {
            Some([(name, content)]) => {
                if self.level >= MAX_DEPTH {
                    return Err(ExportError::too_deep());
                }
                let content = Exporter::inside(content, self.level + 1);
                visitor.visit_enum(VariantExporter { name, content })
            }
            _ => Err(self.wrong_type("a variant: a string, or a capsule of one name")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ExportError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str string bytes byte_buf map struct
        identifier
    }
}

/// A capsule to be handed over as such does not pack.
fn unpackable(error: PackError) -> ExportError {
    match error {
        PackError::TooDeep { path } => ExportError::TooDeep { path },
        other => ExportError::custom(other.to_string()),
    }
}
