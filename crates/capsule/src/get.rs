//! Reading a value by name and type.

use alloc::borrow::ToOwned;
use alloc::string::String;

use crate::path::{self, Place};
use crate::{FromValue, Kind, Map, Value};

/// Why a value could not be read as the type asked for.
///
/// Nothing has changed. It happens in normal operation when sender and receiver do not agree.
/// `name` is the name asked for; for a value inside a list or a map it goes on to its place, as in
/// `scores[3]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GetError {
    /// The name has no value.
    #[error("{} is missing", Place(name))]
    Missing {
        /// The name asked for.
        name: String,
    },
    /// The value is of another type.
    #[error("{} is of type {found}, not {wanted}", Place(name))]
    WrongType {
        /// The name asked for, or the place inside its value.
        name: String,
        /// The type asked for.
        wanted: Kind,
        /// The type the value has.
        found: Kind,
    },
    /// The value is an integer, but the type asked for does not hold every integer of its type.
    #[error(
        "{} is the {found} {value} and {wanted} does not hold every {found}: read it as {found}",
        Place(name)
    )]
    OutOfRange {
        /// The name asked for, or the place inside its value.
        name: String,
        /// The type asked for.
        wanted: Kind,
        /// The type the value has; it can be read as this.
        found: Kind,
        /// The integer, as text.
        value: String,
    },
}

impl GetError {
    /// The error for a value that is of another type; its name is not known here.
    pub(crate) fn mismatch(wanted: Kind, value: &Value) -> GetError {
        GetError::WrongType {
            name: String::new(),
            wanted,
            found: value.kind(),
        }
    }

    /// The error for a value that cannot be read as the integer type `wanted`.
    pub(crate) fn no_integer(wanted: Kind, value: &Value) -> GetError {
        match value.integer_text() {
            Some(text) => GetError::OutOfRange {
                name: String::new(),
                wanted,
                found: value.kind(),
                value: text,
            },
            None => GetError::mismatch(wanted, value),
        }
    }

    pub(crate) fn inside_name(mut self, name: &str) -> GetError {
        path::inside_name(self.name_mut(), name);
        self
    }

    pub(crate) fn inside_item(mut self, index: usize) -> GetError {
        path::inside_item(self.name_mut(), index);
        self
    }

    fn name_mut(&mut self) -> &mut String {
        match self {
            GetError::Missing { name }
            | GetError::WrongType { name, .. }
            | GetError::OutOfRange { name, .. } => name,
        }
    }
}

pub(crate) fn required<'a, T: FromValue<'a>>(map: &'a Map, name: &str) -> Result<T, GetError> {
    optional(map, name)?.ok_or_else(|| GetError::Missing {
        name: name.to_owned(),
    })
}

pub(crate) fn optional<'a, T: FromValue<'a>>(
    map: &'a Map,
    name: &str,
) -> Result<Option<T>, GetError> {
    let Some(value) = map.get_value(name) else {
        return Ok(None);
    };
    match T::from_value(value) {
        Ok(value) => Ok(Some(value)),
        Err(error) => Err(error.inside_name(name)),
    }
}
