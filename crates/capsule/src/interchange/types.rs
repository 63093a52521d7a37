//! Capsules, maps and values as serde types.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;
use core::mem;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error, Serialize, Serializer};

use super::text_reader::TextReader;
use super::text_writer::{Text, serialize_entries};
use super::{CAPSULE_TOKEN, VALUE_TOKEN};
use crate::format::tag;
use crate::{Capsule, Kind, Map, PackError, Value, pack, unpack};

impl Serialize for Capsule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(CAPSULE_TOKEN, &Content(self))
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(VALUE_TOKEN, &Content(self))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(VALUE_TOKEN, &Content(self))
    }
}

impl<'de> Deserialize<'de> for Capsule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Capsule, D::Error> {
        deserializer.deserialize_newtype_struct(CAPSULE_TOKEN, ContentVisitor(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Map {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Map, D::Error> {
        deserializer.deserialize_newtype_struct(VALUE_TOKEN, ContentVisitor(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_newtype_struct(VALUE_TOKEN, ContentVisitor(PhantomData))
    }
}

/// What the announced newtype holds: text in a text format, a packing in a binary one.
struct Content<'a, T>(&'a T);

impl<T: TwoForms> Serialize for Content<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return self.0.write_text(serializer);
        }
        let packed = self.0.to_packed().map_err(S::Error::custom)?;
        serializer.serialize_bytes(&packed)
    }
}

/// A type with a form for text formats and one for binary formats.
trait TwoForms: Sized {
    const EXPECTED: &'static str;

    fn write_text<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    fn to_packed(&self) -> Result<Vec<u8>, PackError>;

    /// Makes `Self` of what a text format holds, or says why not.
    fn from_text(text: Value) -> Result<Self, String>;

    /// Makes `Self` of a packing, or says why not.
    fn from_packed(packed: &[u8]) -> Result<Self, String>;
}

impl TwoForms for Capsule {
    const EXPECTED: &'static str = "a capsule: names and values";

    fn write_text<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_entries(self.as_map(), 0, serializer)
    }

    fn to_packed(&self) -> Result<Vec<u8>, PackError> {
        self.pack()
    }

    fn from_text(mut text: Value) -> Result<Capsule, String> {
        match &mut text {
            Value::Capsule(capsule) => Ok(mem::take(capsule)),
            // serde buffers parts of a binary format, and forgets that it was binary.
            Value::Bytes(packed) => Capsule::from_packed(packed),
            other => Err(mismatch::<Capsule>(other.kind())),
        }
    }

    fn from_packed(packed: &[u8]) -> Result<Capsule, String> {
        Capsule::unpack(packed).map_err(|error| error.to_string())
    }
}

impl TwoForms for Map {
    const EXPECTED: &'static str = "a map: names and values";

    fn write_text<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_entries(self, 0, serializer)
    }

    fn to_packed(&self) -> Result<Vec<u8>, PackError> {
        pack::map_value(tag::MAP, self)
    }

    fn from_text(mut text: Value) -> Result<Map, String> {
        match &mut text {
            Value::Map(map) => Ok(mem::take(map)),
            Value::Capsule(capsule) => Ok(mem::take(capsule).into()),
            // As for a capsule.
            Value::Bytes(packed) => Map::from_packed(packed),
            other => Err(mismatch::<Map>(other.kind())),
        }
    }

    fn from_packed(packed: &[u8]) -> Result<Map, String> {
        let mut value = Value::from_packed(packed)?;
        match &mut value {
            Value::Map(map) => Ok(mem::take(map)),
            Value::Capsule(capsule) => Ok(mem::take(capsule).into()),
            other => Err(mismatch::<Map>(other.kind())),
        }
    }
}

impl TwoForms for Value {
    const EXPECTED: &'static str = "a value of a capsule";

    fn write_text<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = Text {
            value: self,
            level: 0,
        };
        text.serialize(serializer)
    }

    fn to_packed(&self) -> Result<Vec<u8>, PackError> {
        pack::value(self)
    }

    fn from_text(text: Value) -> Result<Value, String> {
        Ok(text)
    }

    fn from_packed(packed: &[u8]) -> Result<Value, String> {
        unpack::value_inside(packed, 0).map_err(|error| error.to_string())
    }
}

fn mismatch<T: TwoForms>(found: Kind) -> String {
    alloc::format!("found type {found}, expected {}", T::EXPECTED)
}

/// Takes the content of the announced newtype.
struct ContentVisitor<T>(PhantomData<T>);

macro_rules! scalars {
    ($($method:ident($scalar:ty))*) => {$(
        fn $method<E: de::Error>(self, value: $scalar) -> Result<T, E> {
            T::from_text(TextReader::ROOT.$method(value)?).map_err(E::custom)
        }
    )*};
}

impl<'de, T: TwoForms> Visitor<'de> for ContentVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<T, D::Error> {
        if inner.is_human_readable() {
            let text = TextReader::ROOT.deserialize(inner)?;
            return T::from_text(text).map_err(de::Error::custom);
        }
        inner.deserialize_bytes(PackedVisitor(PhantomData))
    }

    // A format that has no newtypes visits their content at once.

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<T, A::Error> {
        let text = TextReader::ROOT.visit_map(access)?;
        T::from_text(text).map_err(de::Error::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<T, A::Error> {
        let text = TextReader::ROOT.visit_seq(access)?;
        T::from_text(text).map_err(de::Error::custom)
    }

    fn visit_unit<E: de::Error>(self) -> Result<T, E> {
        T::from_text(TextReader::ROOT.visit_unit()?).map_err(E::custom)
    }

    scalars! {
        visit_bool(bool)
        visit_i8(i8)
        visit_i16(i16)
        visit_i32(i32)
        visit_i64(i64)
        visit_u8(u8)
        visit_u16(u16)
        visit_u32(u32)
        visit_u64(u64)
        visit_f32(f32)
        visit_f64(f64)
        visit_str(&str)
        visit_bytes(&[u8])
    }
}

/// Takes a packing.
struct PackedVisitor<T>(PhantomData<T>);

impl<T: TwoForms> Visitor<'_> for PackedVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the packing of {}", T::EXPECTED)
    }

    fn visit_bytes<E: de::Error>(self, packed: &[u8]) -> Result<T, E> {
        T::from_packed(packed).map_err(E::custom)
    }
}
