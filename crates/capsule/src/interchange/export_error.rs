//! What can go wrong on the way from a capsule to a serde type.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::path::{self, Name, Place};
use crate::{MAX_DEPTH, Value};

/// Why a capsule could not become a value of a serde type.
///
/// Nothing has changed. It happens in normal operation when sender and receiver do not agree. `path`
/// is the place of the field, empty for the capsule itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A field has no name in the capsule.
    #[error("{} is missing", Place(path))]
    Missing {
        /// The field, with its place.
        path: String,
    },
    /// A value is of another type than the field.
    #[error("{} is {found}, not {wanted}", Place(path))]
    WrongType {
        /// Where it is.
        path: String,
        /// What the field takes.
        wanted: String,
        /// What the value is.
        found: String,
    },
    /// An integer does not fit the type of the field.
    #[error("{} is {value}, out of range for {wanted}", Place(path))]
    OutOfRange {
        /// Where it is.
        path: String,
        /// What the field takes.
        wanted: String,
        /// The integer, as text.
        value: String,
    },
    /// The capsule, or the type, is nested deeper than [`MAX_DEPTH`] levels.
    #[error("{} is nested deeper than {MAX_DEPTH} levels", Place(path))]
    TooDeep {
        /// Where the depth is exceeded.
        path: String,
    },
    /// The type refused the value by a rule of its own.
    #[error("{}: {reason}", Place(path))]
    Refused {
        /// Where it is.
        path: String,
        /// The reason it gave.
        reason: String,
    },
}

impl ExportError {
    pub(super) fn wrong_type(wanted: &str, found: &Value) -> ExportError {
        ExportError::WrongType {
            path: String::new(),
            wanted: wanted.to_owned(),
            found: format!("of type {}", found.kind()),
        }
    }

    pub(super) fn too_deep() -> ExportError {
        ExportError::TooDeep {
            path: String::new(),
        }
    }

    pub(super) fn inside_name(mut self, name: &str) -> ExportError {
        path::inside_name(self.path_mut(), name);
        self
    }

    pub(super) fn inside_item(mut self, index: usize) -> ExportError {
        path::inside_item(self.path_mut(), index);
        self
    }

    fn path_mut(&mut self) -> &mut String {
        match self {
            ExportError::Missing { path }
            | ExportError::WrongType { path, .. }
            | ExportError::OutOfRange { path, .. }
            | ExportError::TooDeep { path }
            | ExportError::Refused { path, .. } => path,
        }
    }
}

impl de::Error for ExportError {
    fn custom<T: fmt::Display>(reason: T) -> ExportError {
        ExportError::Refused {
            path: String::new(),
            reason: reason.to_string(),
        }
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> ExportError {
        ExportError::WrongType {
            path: String::new(),
            wanted: wanted.to_string(),
            found: describe(found),
        }
    }

    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> ExportError {
        let value = match found {
            Unexpected::Unsigned(value) => value.to_string(),
            Unexpected::Signed(value) => value.to_string(),
            other => {
                let found = describe(other);
                return ExportError::custom(format_args!("it is {found}, not {wanted}"));
            }
        };
        ExportError::OutOfRange {
            path: String::new(),
            wanted: wanted.to_string(),
            value,
        }
    }

    fn unknown_variant(name: &str, known: &'static [&'static str]) -> ExportError {
        let name = Name(name);
        ExportError::custom(format_args!("no variant `{name}` among {known:?}"))
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> ExportError {
        let name = Name(name);
        ExportError::custom(format_args!("no field `{name}` among {known:?}"))
    }

    fn missing_field(name: &'static str) -> ExportError {
        ExportError::Missing {
            path: name.to_owned(),
        }
    }
}

/// What was found, without the text or bytes of the payload.
fn describe(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(_) => "a bool".into(),
        Unexpected::Unsigned(value) => format!("the integer {value}"),
        Unexpected::Signed(value) => format!("the integer {value}"),
        Unexpected::Float(_) => "a float".into(),
        Unexpected::Char(_) | Unexpected::Str(_) => "a string".into(),
        Unexpected::Bytes(_) => "bytes".into(),
        Unexpected::Unit => "an empty list".into(),
        Unexpected::Seq => "a list".into(),
        Unexpected::Map => "a map".into(),
        other => other.to_string(),
    }
}
