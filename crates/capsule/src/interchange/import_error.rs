//! What can go wrong on the way from a serde type to a capsule.

use alloc::string::{String, ToString};
use core::fmt;

use serde::ser;

use crate::MAX_DEPTH;
use crate::path::{self, Place};

/// Why a value of a serde type could not become a capsule.
///
/// There is no capsule then. The type does not suit a capsule, or this value of it does not. `path`
/// is the place of the field, empty for the value itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The value itself has no named fields.
    #[error(
        "{found} has no names: a capsule is made from a struct, a map or a variant with content"
    )]
    NoNames {
        /// What it is instead.
        found: &'static str,
    },
    /// A list or a map contains `None`, and there is no null.
    #[error(
        "{} is none, which only a field can be: a capsule has no null",
        Place(path)
    )]
    NoValue {
        /// Where it is.
        path: String,
    },
    /// A type that no capsule value stands for.
    #[error("{} is {found}, which a capsule cannot hold", Place(path))]
    Unsupported {
        /// Where it is.
        path: String,
        /// What it is.
        found: &'static str,
    },
    /// A map's key is not of a type that can be a name.
    #[error(
        "{} has {found} for a key: keys are text, integers, bools or unit variants",
        Place(path)
    )]
    BadKey {
        /// Where the map is.
        path: String,
        /// What the key is.
        found: &'static str,
    },
    /// A name is given twice.
    #[error("{} is given twice", Place(path))]
    DuplicateName {
        /// The name, with its place.
        path: String,
    },
    /// The value is nested deeper than [`MAX_DEPTH`] levels.
    #[error("{} is nested deeper than {MAX_DEPTH} levels", Place(path))]
    TooDeep {
        /// Where the depth is exceeded.
        path: String,
    },
    /// The type refused to be serialized.
    #[error("{}: {reason}", Place(path))]
    Refused {
        /// Where it is.
        path: String,
        /// The reason it gave.
        reason: String,
    },
}

impl ImportError {
    pub(super) fn refused(reason: String) -> ImportError {
        ImportError::Refused {
            path: String::new(),
            reason,
        }
    }

    pub(super) fn unsupported(found: &'static str) -> ImportError {
        ImportError::Unsupported {
            path: String::new(),
            found,
        }
    }

    pub(super) fn inside_name(mut self, name: &str) -> ImportError {
        if let Some(path) = self.path_mut() {
            path::inside_name(path, name);
        }
        self
    }

    pub(super) fn inside_item(mut self, index: usize) -> ImportError {
        if let Some(path) = self.path_mut() {
            path::inside_item(path, index);
        }
        self
    }

    fn path_mut(&mut self) -> Option<&mut String> {
        match self {
            ImportError::NoNames { .. } => None,
            ImportError::NoValue { path }
            | ImportError::Unsupported { path, .. }
            | ImportError::BadKey { path, .. }
            | ImportError::DuplicateName { path }
            | ImportError::TooDeep { path }
            | ImportError::Refused { path, .. } => Some(path),
        }
    }
}

impl ser::Error for ImportError {
    fn custom<T: fmt::Display>(reason: T) -> ImportError {
        ImportError::refused(reason.to_string())
    }
}
