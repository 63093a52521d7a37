//! A value and its type.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::mem;

use crate::{Capsule, FromValue, GetError, Map, PackError, UnpackError, pack, unpack};

/// One value of a [`Capsule`], a [`Map`] or a list.
///
/// Values are made with `Value::from` and read with [`read`](Value::read). A value frees what it
/// holds without recursion and so implements `Drop`: a `match` borrows its parts, and an owned part
/// is moved out with `TryFrom`, for example `String::try_from(value)`.
///
/// Two values are equal if their types and contents are; floats are compared by their bits.
#[non_exhaustive]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A signed integer of 8 bits.
    I8(i8),
    /// A signed integer of 16 bits.
    I16(i16),
    /// A signed integer of 32 bits.
    I32(i32),
    /// A signed integer of 64 bits.
    I64(i64),
    /// An unsigned integer of 8 bits.
    U8(u8),
    /// An unsigned integer of 16 bits.
    U16(u16),
    /// An unsigned integer of 32 bits.
    U32(u32),
    /// An unsigned integer of 64 bits.
    U64(u64),
    /// An IEEE 754 float of 32 bits, kept bit for bit.
    F32(f32),
    /// An IEEE 754 float of 64 bits, kept bit for bit.
    F64(f64),
    /// UTF-8 text.
    String(String),
    /// Bytes without a meaning of their own.
    Bytes(Vec<u8>),
    /// Values in an order; they may differ in type.
    List(Vec<Value>),
    /// Values by name, where the names are data.
    Map(Map),
    /// Values by name, where the names are the fields of a message.
    Capsule(Capsule),
}

impl Value {
    /// The type of this value.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Value::Bool(_) => Kind::Bool,
            Value::I8(_) => Kind::I8,
            Value::I16(_) => Kind::I16,
            Value::I32(_) => Kind::I32,
            Value::I64(_) => Kind::I64,
            Value::U8(_) => Kind::U8,
            Value::U16(_) => Kind::U16,
            Value::U32(_) => Kind::U32,
            Value::U64(_) => Kind::U64,
            Value::F32(_) => Kind::F32,
            Value::F64(_) => Kind::F64,
            Value::String(_) => Kind::String,
            Value::Bytes(_) => Kind::Bytes,
            Value::List(_) => Kind::List,
            Value::Map(_) => Kind::Map,
            Value::Capsule(_) => Kind::Capsule,
        }
    }

    /// Reads the value as a `T`, by the same rules as [`Capsule::get`].
    ///
    /// # Errors
    ///
    /// [`GetError::WrongType`] or [`GetError::OutOfRange`], with an empty name when it is this value
    /// itself that does not fit, or the place inside it (`[2]`, `[2].date`).
    pub fn read<'a, T: FromValue<'a>>(&'a self) -> Result<T, GetError> {
        T::from_value(self)
    }

    /// The packing of this value alone.
    ///
    /// # Errors
    ///
    /// [`PackError`] when it is nested too deep or would be too long.
    pub fn pack(&self) -> Result<Vec<u8>, PackError> {
        pack::value(self)
    }

    /// The value of a packing that [`pack`](Self::pack) has made; nothing else is accepted.
    ///
    /// # Errors
    ///
    /// [`UnpackError`] says what is wrong, and where.
    pub fn unpack(packed: &[u8]) -> Result<Self, UnpackError> {
        unpack::value_inside(packed, 0)
    }

    /// The integer as text, or `None` if the value is no integer.
    pub(crate) fn integer_text(&self) -> Option<String> {
        match self {
            Value::I8(value) => Some(value.to_string()),
            Value::I16(value) => Some(value.to_string()),
            Value::I32(value) => Some(value.to_string()),
            Value::I64(value) => Some(value.to_string()),
            Value::U8(value) => Some(value.to_string()),
            Value::U16(value) => Some(value.to_string()),
            Value::U32(value) => Some(value.to_string()),
            Value::U64(value) => Some(value.to_string()),
            _ => None,
        }
    }

    /// The map of a map or of a nested capsule.
    pub(crate) fn as_map(&self) -> Option<&Map> {
        match self {
            Value::Map(map) => Some(map),
            Value::Capsule(capsule) => Some(capsule.as_map()),
            _ => None,
        }
    }
}

/// The type of a [`Value`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// [`Value::Bool`]
    Bool,
    /// [`Value::I8`]
    I8,
    /// [`Value::I16`]
    I16,
    /// [`Value::I32`]
    I32,
    /// [`Value::I64`]
    I64,
    /// [`Value::U8`]
    U8,
    /// [`Value::U16`]
    U16,
    /// [`Value::U32`]
    U32,
    /// [`Value::U64`]
    U64,
    /// [`Value::F32`]
    F32,
    /// [`Value::F64`]
    F64,
    /// [`Value::String`]
    String,
    /// [`Value::Bytes`]
    Bytes,
    /// [`Value::List`]
    List,
    /// [`Value::Map`]
    Map,
    /// [`Value::Capsule`]
    Capsule,
}

impl Kind {
    /// The name of the type, as it stands in error texts: `u16`, `string`, `list` …
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Bool => "bool",
            Kind::I8 => "i8",
            Kind::I16 => "i16",
            Kind::I32 => "i32",
            Kind::I64 => "i64",
            Kind::U8 => "u8",
            Kind::U16 => "u16",
            Kind::U32 => "u32",
            Kind::U64 => "u64",
            Kind::F32 => "f32",
            Kind::F64 => "f64",
            Kind::String => "string",
            Kind::Bytes => "bytes",
            Kind::List => "list",
            Kind::Map => "map",
            Kind::Capsule => "capsule",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

macro_rules! move_out {
    ($($kind:ident($owned:ty))*) => {$(
        impl TryFrom<Value> for $owned {
            type Error = GetError;

            /// Moves the content out of the value, without a copy.
            fn try_from(mut value: Value) -> Result<Self, GetError> {
                match &mut value {
                    Value::$kind(content) => Ok(mem::take(content)),
                    other => Err(GetError::mismatch(Kind::$kind, other)),
                }
            }
        }
    )*};
}

move_out! {
    String(String)
    Bytes(Vec<u8>)
    List(Vec<Value>)
    Map(Map)
    Capsule(Capsule)
}
