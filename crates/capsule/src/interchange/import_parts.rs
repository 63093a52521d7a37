//! Containers while a serde type fills them.

use alloc::string::String;
use alloc::vec::Vec;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::ImportError;
use super::import::{Importer, variant};
use super::import_key::KeyImporter;
use crate::{Map, Value};

/// Room is made ahead for at most this many items: a type may announce any length. Most lists are
/// shorter, longer ones grow by doubling.
const MAX_AHEAD: usize = 1024;

/// The items of a list.
pub(super) struct Items {
    inside: Importer,
    items: Vec<Value>,
    variant: Option<&'static str>,
}

impl Items {
    pub(super) fn new(inside: Importer, len: Option<usize>) -> Items {
        Items {
            inside,
            items: Vec::with_capacity(len.unwrap_or(0).min(MAX_AHEAD)),
            variant: None,
        }
    }

    pub(super) fn of_variant(self, name: &'static str) -> Items {
        Items {
            variant: Some(name),
            ..self
        }
    }

    fn push<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), ImportError> {
        let index = self.items.len();
        let item = item.serialize(self.inside).and_then(some);
        let item = item.map_err(|error| in_variant(error.inside_item(index), self.variant))?;
        self.items.push(item);
        Ok(())
    }

    fn finish(self) -> Option<Value> {
        let list = Value::List(self.items);
        Some(match self.variant {
            Some(name) => variant(name, list),
            None => list,
        })
    }
}

/// The names and values of a map or a struct.
pub(super) struct Entries {
    inside: Importer,
    entries: Vec<(String, Value)>,
    form: Form,
    /// The key of a map whose value has not come yet.
    key: Option<String>,
}

#[derive(Clone, Copy)]
enum Form {
    Map,
    Struct { variant: Option<&'static str> },
}

impl Entries {
    pub(super) fn of_map(inside: Importer, len: Option<usize>) -> Entries {
        Entries {
            inside,
            entries: Vec::with_capacity(len.unwrap_or(0).min(MAX_AHEAD)),
            form: Form::Map,
            key: None,
        }
    }

    pub(super) fn of_struct(inside: Importer, len: usize) -> Entries {
        Entries {
            form: Form::Struct { variant: None },
            ..Entries::of_map(inside, Some(len))
        }
    }

    pub(super) fn of_variant(self, name: &'static str) -> Entries {
        Entries {
            form: Form::Struct {
                variant: Some(name),
            },
            ..self
        }
    }

    fn variant(&self) -> Option<&'static str> {
        match self.form {
            Form::Map => None,
            Form::Struct { variant } => variant,
        }
    }

    /// Adds a field of a struct; without a value it is left out.
    fn push_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), ImportError> {
        let value = value.serialize(self.inside);
        let value = value.map_err(|error| in_variant(error.inside_name(name), self.variant()))?;
        self.entries.extend(value.map(|value| (name.into(), value)));
        Ok(())
    }

    fn finish(self) -> Result<Option<Value>, ImportError> {
        let map = Map::from_distinct(self.entries).map_err(|name| {
            let path = String::new();
            ImportError::DuplicateName { path }.inside_name(&name)
        });
        Ok(Some(match self.form {
            Form::Map => Value::Map(map?),
            Form::Struct { variant: None } => Value::Capsule(map?.into()),
            Form::Struct {
                variant: Some(name),
            } => {
                let map = map.map_err(|error| error.inside_name(name))?;
                variant(name, Value::Capsule(map.into()))
            }
        }))
    }
}

fn some(value: Option<Value>) -> Result<Value, ImportError> {
    value.ok_or(ImportError::NoValue {
        path: String::new(),
    })
}

fn in_variant(error: ImportError, variant: Option<&str>) -> ImportError {
    match variant {
        Some(name) => error.inside_name(name),
        None => error,
    }
}

macro_rules! items {
    ($($compound:ident $method:ident)*) => {$(
        impl $compound for Items {
            type Ok = Option<Value>;
            type Error = ImportError;

            fn $method<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), ImportError> {
                self.push(item)
            }

            fn end(self) -> Result<Option<Value>, ImportError> {
                Ok(self.finish())
            }
        }
    )*};
}

items! {
    SerializeSeq serialize_element
    SerializeTuple serialize_element
    SerializeTupleStruct serialize_field
    SerializeTupleVariant serialize_field
}

macro_rules! fields {
    ($($compound:ident)*) => {$(
        impl $compound for Entries {
            type Ok = Option<Value>;
            type Error = ImportError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), ImportError> {
                self.push_field(name, value)
            }

            fn end(self) -> Result<Option<Value>, ImportError> {
                self.finish()
            }
        }
    )*};
}

fields! { SerializeStruct SerializeStructVariant }

impl SerializeMap for Entries {
    type Ok = Option<Value>;
    type Error = ImportError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ImportError> {
        self.key = Some(key.serialize(KeyImporter)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ImportError> {
        let Some(key) = self.key.take() else {
            return Err(ImportError::refused("a value came without its key".into()));
        };
        let value = value.serialize(self.inside).and_then(some);
        let value = value.map_err(|error| error.inside_name(&key))?;
        self.entries.push((key, value));
        Ok(())
    }

    fn end(self) -> Result<Option<Value>, ImportError> {
        self.finish()
    }
}
