//! From a Rust type to a value.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::{Capsule, Map, Value};

/// A type of which a `Vec`, a slice or an array is a [`Value`].
///
/// For a type of your own that converts into a value, an empty implementation is enough:
///
/// ```
/// use hobnob_capsule::{Capsule, ListItem, Value};
///
/// #[derive(Clone)]
/// struct RoomId(u32);
///
/// impl From<RoomId> for Value {
///     fn from(id: RoomId) -> Value {
///         id.0.into()
///     }
/// }
///
/// impl ListItem for RoomId {}
///
/// let capsule = Capsule::new().with("rooms", vec![RoomId(4), RoomId(7)]);
/// assert_eq!(capsule.get::<Vec<u32>>("rooms"), Ok(vec![4, 7]));
/// ```
pub trait ListItem: Into<Value> + Sized {
    /// The value of a list of such items: a [`Value::List`], but [`Value::Bytes`] for `u8`.
    fn into_list(items: Vec<Self>) -> Value {
        Value::List(items.into_iter().map(Into::into).collect())
    }
}

macro_rules! scalars {
    ($($kind:ident($scalar:ty))*) => {$(
        impl From<$scalar> for Value {
            fn from(value: $scalar) -> Value {
                Value::$kind(value)
            }
        }

        impl ListItem for $scalar {}
    )*};
}

scalars! {
    Bool(bool)
    I8(i8)
    I16(i16)
    I32(i32)
    I64(i64)
    U16(u16)
    U32(u32)
    U64(u64)
    F32(f32)
    F64(f64)
    String(String)
    Map(Map)
    Capsule(Capsule)
}

impl From<u8> for Value {
    fn from(value: u8) -> Value {
        Value::U8(value)
    }
}

impl ListItem for u8 {
    fn into_list(items: Vec<u8>) -> Value {
        Value::Bytes(items)
    }
}

impl ListItem for Value {
    fn into_list(items: Vec<Value>) -> Value {
        Value::List(items)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(text.into())
    }
}

impl ListItem for &str {}

impl From<&String> for Value {
    fn from(text: &String) -> Value {
        Value::String(text.clone())
    }
}

impl ListItem for &String {}

impl From<Cow<'_, str>> for Value {
    fn from(text: Cow<'_, str>) -> Value {
        Value::String(text.into_owned())
    }
}

impl ListItem for Cow<'_, str> {}

impl<T: ListItem> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Value {
        T::into_list(items)
    }
}

impl<T: ListItem> ListItem for Vec<T> {}

impl<T: ListItem + Clone> From<&[T]> for Value {
    fn from(items: &[T]) -> Value {
        T::into_list(items.to_vec())
    }
}

impl<T: ListItem + Clone> ListItem for &[T] {}

impl<T: ListItem, const N: usize> From<[T; N]> for Value {
    fn from(items: [T; N]) -> Value {
        T::into_list(items.into())
    }
}

impl<T: ListItem, const N: usize> ListItem for [T; N] {}

impl<T: ListItem + Clone, const N: usize> From<&[T; N]> for Value {
    fn from(items: &[T; N]) -> Value {
        T::into_list(items.to_vec())
    }
}

impl<T: ListItem + Clone, const N: usize> ListItem for &[T; N] {}

impl<T: Into<Value>> From<BTreeMap<String, T>> for Value {
    fn from(entries: BTreeMap<String, T>) -> Value {
        let entries = entries.into_iter();
        Value::Map(Map::from_sorted(
            entries.map(|(name, value)| (name, value.into())).collect(),
        ))
    }
}

impl<T: Into<Value>> ListItem for BTreeMap<String, T> {}
