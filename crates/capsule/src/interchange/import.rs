//! From a serde type to a capsule: a serializer whose output is a value.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::mem;

use serde::ser::{Serialize, Serializer};

use super::import_parts::{Entries, Items};
use super::packed::PackingTaker;
use super::{CAPSULE_TOKEN, ImportError, VALUE_TOKEN};
use crate::{Capsule, MAX_DEPTH, UnpackError, Value, unpack};

pub(crate) fn import<T: Serialize + ?Sized>(value: &T) -> Result<Capsule, ImportError> {
    let mut value = value.serialize(Importer::ROOT)?;
    match &mut value {
        Some(Value::Capsule(capsule)) => Ok(mem::take(capsule)),
        Some(Value::Map(map)) => Ok(mem::take(map).into()),
        other => Err(ImportError::NoNames {
            found: other.as_ref().map_or("none", |value| value.kind().name()),
        }),
    }
}

/// Makes one value; `None` stands for no value.
#[derive(Clone, Copy)]
pub(super) struct Importer {
    /// The containers the value lies in.
    level: usize,
    /// The newtypes and options around the value inside its innermost container. A type may nest
    /// them in itself without any container.
    wrappers: usize,
}

impl Importer {
    const ROOT: Importer = Importer {
        level: 0,
        wrappers: 0,
    };

    /// The importer for the values inside a container that takes the place of this value.
    pub(super) fn inside(self) -> Result<Importer, ImportError> {
        if self.level >= MAX_DEPTH {
            return Err(too_deep());
        }
        Ok(Importer {
            level: self.level + 1,
            wrappers: 0,
        })
    }

    fn unwrapped(self) -> Result<Importer, ImportError> {
        if self.wrappers >= MAX_DEPTH {
            return Err(too_deep());
        }
        Ok(Importer {
            wrappers: self.wrappers + 1,
            ..self
        })
    }
}

fn too_deep() -> ImportError {
    ImportError::TooDeep {
        path: String::new(),
    }
}

/// The value of a variant with content.
pub(super) fn variant(name: &str, content: Value) -> Value {
    Value::Capsule(Capsule::new().with(name, content))
}

macro_rules! scalars {
    ($($method:ident($scalar:ty))*) => {$(
        fn $method(self, value: $scalar) -> Result<Option<Value>, ImportError> {
            Ok(Some(value.into()))
        }
    )*};
}

impl Serializer for Importer {
    type Ok = Option<Value>;
    type Error = ImportError;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Entries;
    type SerializeStruct = Entries;
    type SerializeStructVariant = Entries;

    scalars! {
        serialize_bool(bool)
        serialize_i8(i8)
        serialize_i16(i16)
        serialize_i32(i32)
        serialize_i64(i64)
        serialize_u8(u8)
        serialize_u16(u16)
        serialize_u32(u32)
        serialize_u64(u64)
        serialize_f32(f32)
        serialize_f64(f64)
        serialize_str(&str)
        serialize_bytes(&[u8])
    }

    fn serialize_i128(self, _: i128) -> Result<Option<Value>, ImportError> {
        Err(ImportError::unsupported("an i128"))
    }

    fn serialize_u128(self, _: u128) -> Result<Option<Value>, ImportError> {
        Err(ImportError::unsupported("a u128"))
    }

    fn serialize_char(self, value: char) -> Result<Option<Value>, ImportError> {
        Ok(Some(value.to_string().into()))
    }

    fn serialize_none(self) -> Result<Option<Value>, ImportError> {
        Ok(None)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Self::Ok, ImportError> {
        value.serialize(self.unwrapped()?)
    }

    fn serialize_unit(self) -> Result<Option<Value>, ImportError> {
        self.inside()?;
        Ok(Some(Value::List(Vec::new())))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Option<Value>, ImportError> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Option<Value>, ImportError> {
        Ok(Some(variant.into()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Option<Value>, ImportError> {
        match name {
            CAPSULE_TOKEN => {
                let packed = value.serialize(PackingTaker)?;
                let capsule = unpack::capsule_inside(&packed, self.level).map_err(misfit)?;
                Ok(Some(Value::Capsule(capsule)))
            }
            VALUE_TOKEN => {
                let packed = value.serialize(PackingTaker)?;
                let value = unpack::value_inside(&packed, self.level).map_err(misfit)?;
                Ok(Some(value))
            }
            _ => value.serialize(self.unwrapped()?),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Result<Option<Value>, ImportError> {
        let content = value.serialize(self.inside()?);
        match content.map_err(|error| error.inside_name(name))? {
            Some(content) => Ok(Some(variant(name, content))),
            None => Err(ImportError::NoValue { path: name.into() }),
        }
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Items, ImportError> {
        Ok(Items::new(self.inside()?, len))
    }

    fn serialize_tuple(self, len: usize) -> Result<Items, ImportError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Items, ImportError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        len: usize,
    ) -> Result<Items, ImportError> {
        Ok(Items::new(self.inside()?.inside()?, Some(len)).of_variant(name))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Entries, ImportError> {
        Ok(Entries::of_map(self.inside()?, len))
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Entries, ImportError> {
        Ok(Entries::of_struct(self.inside()?, len))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        len: usize,
    ) -> Result<Entries, ImportError> {
        Ok(Entries::of_struct(self.inside()?.inside()?, len).of_variant(name))
    }
}

/// A capsule inside the imported value packs, but does not fit where it is: it lies too deep.
fn misfit(error: UnpackError) -> ImportError {
    match error {
        UnpackError::TooDeep { .. } => too_deep(),
        other => ImportError::refused(other.to_string()),
    }
}
