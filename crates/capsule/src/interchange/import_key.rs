//! The keys of maps, as text.

use alloc::string::{String, ToString};

use serde::ser::{Serialize, Serializer};

use super::ImportError;
use super::refuse::refuse;

/// Makes a name of a map's key.
pub(super) struct KeyImporter;

fn refusal(found: &'static str) -> ImportError {
    ImportError::BadKey {
        path: String::new(),
        found,
    }
}

macro_rules! texts {
    ($($method:ident($key:ty))*) => {$(
        fn $method(self, key: $key) -> Result<String, ImportError> {
            Ok(key.to_string())
        }
    )*};
}

impl Serializer for KeyImporter {
    type Ok = String;
    type Error = ImportError;

    texts! {
        serialize_bool(bool)
        serialize_i8(i8)
        serialize_i16(i16)
        serialize_i32(i32)
        serialize_i64(i64)
        serialize_i128(i128)
        serialize_u8(u8)
        serialize_u16(u16)
        serialize_u32(u32)
        serialize_u64(u64)
        serialize_u128(u128)
        serialize_char(char)
        serialize_str(&str)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
    ) -> Result<String, ImportError> {
        Ok(name.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        key: &T,
    ) -> Result<String, ImportError> {
        key.serialize(KeyImporter)
    }

    refuse! {
        refusal;
        serialize_f32 serialize_f64 serialize_bytes serialize_none serialize_some serialize_unit
        serialize_unit_struct serialize_newtype_variant compounds
    }
}
