//! Reading a value from a text format.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};

use crate::path::{self, Place};
use crate::{MAX_DEPTH, Map, Value};

/// Reads the value at a place.
#[derive(Clone, Copy)]
pub(super) struct TextReader<'a> {
    path: Path<'a>,
    /// The containers and wrappers (options, newtypes) the value lies in.
    level: usize,
}

/// Where a value is, from the inside out.
#[derive(Clone, Copy)]
enum Path<'a> {
    Root,
    Name(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl TextReader<'_> {
    pub(super) const ROOT: TextReader<'static> = TextReader {
        path: Path::Root,
        level: 0,
    };

    /// The level inside this value.
    fn deeper<E: Error>(&self) -> Result<usize, E> {
        if self.level >= MAX_DEPTH {
            let path = self.path.text();
            return Err(E::custom(format_args!(
                "{} is nested deeper than {MAX_DEPTH} levels",
                Place(&path)
            )));
        }
        Ok(self.level + 1)
    }

    fn null<E: Error>(&self) -> E {
        let path = self.path.text();
        E::custom(format_args!(
            "{} is null, and a capsule has no null: leave the name out",
            Place(&path)
        ))
    }
}

impl Path<'_> {
    fn text(&self) -> String {
        let mut text = String::new();
        let mut place = self;
        loop {
            place = match place {
                Path::Root => return text,
                Path::Name(outer, name) => {
                    path::inside_name(&mut text, name);
                    outer
                }
                Path::Item(outer, index) => {
                    path::inside_item(&mut text, *index);
                    outer
                }
            };
        }
    }
}

impl<'de> DeserializeSeed<'de> for TextReader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! scalars {
    ($($method:ident($scalar:ty))*) => {$(
        fn $method<E: Error>(self, value: $scalar) -> Result<Value, E> {
            Ok(value.into())
        }
    )*};
}

impl<'de> Visitor<'de> for TextReader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a capsule")
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
        visit_f32(f32)
        visit_f64(f64)
        visit_str(&str)
        visit_string(String)
        visit_bytes(&[u8])
        visit_byte_buf(Vec<u8>)
    }

    /// Text says no type: an integer is an `i64` if it can be, so that one type reads nearly all.
    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::U64(value), Value::I64))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Value, E> {
        if let Ok(value) = i64::try_from(value) {
            return Ok(Value::I64(value));
        }
        let value = u64::try_from(value);
        value
            .map(Value::U64)
            .map_err(|_| E::invalid_value(Unexpected::Other("an i128"), &"an integer of 64 bits"))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Value, E> {
        match u64::try_from(value) {
            Ok(value) => self.visit_u64(value),
            Err(_) => {
                let found = Unexpected::Other("a u128");
                Err(E::invalid_value(found, &"an integer of 64 bits"))
            }
        }
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Err(self.null())
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Err(self.null())
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        let level = self.deeper()?;
        TextReader { level, ..self }.deserialize(inner)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        self.visit_some(inner)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let level = self.deeper()?;
        let mut items = Vec::new();
        loop {
            let path = Path::Item(&self.path, items.len());
            let Some(item) = access.next_element_seed(TextReader { path, level })? else {
                return Ok(Value::List(items));
            };
            items.push(item);
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let level = self.deeper()?;
        let mut entries = Vec::new();
        while let Some(name) = access.next_key::<String>()? {
            let path = Path::Name(&self.path, &name);
            let value = access.next_value_seed(TextReader { path, level })?;
            entries.push((name, value));
        }
        match Map::from_distinct(entries) {
            Ok(map) => Ok(Value::Capsule(map.into())),
            Err(name) => {
                let path = Path::Name(&self.path, &name).text();
                Err(A::Error::custom(format_args!(
                    "{} is given twice",
                    Place(&path)
                )))
            }
        }
    }
}
