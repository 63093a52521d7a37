//! From a stored value to a Rust type.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{Capsule, GetError, Kind, Map, Value};

/// A type that a [`Value`] can be read as; [`Capsule::get`] lists them.
///
/// This trait is sealed: the types and their rules are the ones of this crate. A type of your own is
/// read with [`Capsule::export`].
pub trait FromValue<'a>: sealed::Sealed + Sized {
    /// Reads one value.
    #[doc(hidden)]
    fn from_value(value: &'a Value) -> Result<Self, GetError>;

    /// Reads a list of values.
    #[doc(hidden)]
    fn list_from_value(value: &'a Value) -> Result<Vec<Self>, GetError> {
        let Value::List(items) = value else {
            return Err(GetError::mismatch(Kind::List, value));
        };
        read_items(items)
    }
}

mod sealed {
    use super::{BTreeMap, Capsule, Map, String, Value, Vec};

    pub trait Sealed {}

    macro_rules! sealed {
        ($($readable:ty)*) => {
            $(impl Sealed for $readable {})*
        };
    }

    sealed! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 String Value Map Capsule
        &str &[u8] &[Value] &Value &Map &Capsule
    }

    impl<T: Sealed> Sealed for Vec<T> {}
    impl<T: Sealed> Sealed for BTreeMap<String, T> {}
}

/// The reverse of the widening table in the crate documentation: for each type that can be asked
/// for, the stored types of which it holds every value.
macro_rules! integers {
    ($($wanted:ty, $kind:ident from $($stored:ident)+ $(, lists $lists:item)?;)*) => {$(
        impl FromValue<'_> for $wanted {
            fn from_value(value: &Value) -> Result<Self, GetError> {
                match value {
                    $(Value::$stored(integer) => Ok(<$wanted>::from(*integer)),)+
                    other => Err(GetError::no_integer(Kind::$kind, other)),
                }
            }

            $($lists)?
        }
    )*};
}

integers! {
    i8, I8 from I8;
    i16, I16 from I8 I16 U8;
    i32, I32 from I8 I16 I32 U8 U16;
    i64, I64 from I8 I16 I32 I64 U8 U16 U32;
    u8, U8 from U8, lists fn list_from_value(value: &Value) -> Result<Vec<u8>, GetError> {
        match value {
            Value::Bytes(bytes) => Ok(bytes.clone()),
            Value::List(items) => read_items(items),
            other => Err(GetError::mismatch(Kind::Bytes, other)),
        }
    };
    u16, U16 from U8 U16;
    u32, U32 from U8 U16 U32;
    u64, U64 from U8 U16 U32 U64;
}

macro_rules! others {
    ($($wanted:ty, $kind:ident from $($stored:pat => $read:expr),+;)*) => {$(
        impl<'a> FromValue<'a> for $wanted {
            fn from_value(value: &'a Value) -> Result<Self, GetError> {
                match value {
                    $($stored => Ok($read),)+
                    other => Err(GetError::mismatch(Kind::$kind, other)),
                }
            }
        }
    )*};
}

others! {
    bool, Bool from Value::Bool(value) => *value;
    f32, F32 from Value::F32(value) => *value;
    f64, F64 from Value::F32(value) => f64::from(*value), Value::F64(value) => *value;
    &'a str, String from Value::String(text) => text;
    String, String from Value::String(text) => text.clone();
    &'a [u8], Bytes from Value::Bytes(bytes) => bytes;
    &'a [Value], List from Value::List(items) => items;
    &'a Map, Map from Value::Map(map) => map, Value::Capsule(capsule) => capsule.as_map();
    Map, Map from Value::Map(map) => map.clone(), Value::Capsule(capsule) => capsule.as_map().clone();
    &'a Capsule, Capsule from Value::Capsule(capsule) => capsule;
    Capsule, Capsule from Value::Capsule(capsule) => capsule.clone();
}

impl<'a> FromValue<'a> for &'a Value {
    fn from_value(value: &'a Value) -> Result<Self, GetError> {
        Ok(value)
    }
}

impl FromValue<'_> for Value {
    fn from_value(value: &Value) -> Result<Self, GetError> {
        Ok(value.clone())
    }
}

impl<'a, T: FromValue<'a>> FromValue<'a> for Vec<T> {
    fn from_value(value: &'a Value) -> Result<Self, GetError> {
        T::list_from_value(value)
    }
}

impl<'a, T: FromValue<'a>> FromValue<'a> for BTreeMap<String, T> {
    fn from_value(value: &'a Value) -> Result<Self, GetError> {
        let map = <&Map>::from_value(value)?;
        let read = |(name, value): (&str, &'a Value)| match T::from_value(value) {
            Ok(value) => Ok((String::from(name), value)),
            Err(error) => Err(error.inside_name(name)),
        };
        map.iter().map(read).collect()
    }
}

fn read_items<'a, T: FromValue<'a>>(items: &'a [Value]) -> Result<Vec<T>, GetError> {
    let read = |(index, item): (usize, &'a Value)| match T::from_value(item) {
        Ok(item) => Ok(item),
        Err(error) => Err(error.inside_item(index)),
    };
    items.iter().enumerate().map(read).collect()
}
