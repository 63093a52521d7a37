//! The packing of a capsule or value, asked for and handed over through serde.

use alloc::vec::Vec;

use serde::de::{Deserializer, Visitor};
use serde::ser::Serializer;

use super::refuse::refuse;
use super::{ExportError, ImportError};

/// A binary serializer whose output is the one byte string it is given.
pub(super) struct PackingTaker;

fn refusal(given: &str) -> ImportError {
    use alloc::format;
    ImportError::refused(format!(
        "{given} where the packing of a capsule was announced"
    ))
}

impl Serializer for PackingTaker {
    type Ok = Vec<u8>;
    type Error = ImportError;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bytes(self, packed: &[u8]) -> Result<Vec<u8>, ImportError> {
        Ok(packed.into())
    }

    refuse! {
        refusal;
        serialize_bool serialize_i8 serialize_i16 serialize_i32 serialize_i64 serialize_i128
        serialize_u8 serialize_u16 serialize_u32 serialize_u64 serialize_u128 serialize_f32
        serialize_f64 serialize_char serialize_str serialize_none serialize_some serialize_unit
        serialize_unit_struct serialize_unit_variant serialize_newtype_struct
        serialize_newtype_variant compounds
    }
}

/// A binary deserializer whose input is one byte string.
pub(super) struct PackingGiver(pub(super) Vec<u8>);

impl<'de> Deserializer<'de> for PackingGiver {
    type Error = ExportError;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ExportError> {
        visitor.visit_byte_buf(self.0)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
