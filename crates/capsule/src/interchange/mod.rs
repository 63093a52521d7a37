//! Capsules and serde.
//!
//! Two directions meet here. [`import`](mod@import) and [`export`](mod@export) are serde formats: they
//! turn *other* types into capsules and back. [`types`] makes the types of this crate serde types, to
//! be read and written by *other* formats.
//!
//! Where both meet, a struct with a capsule in it being imported, nothing may be lost. A capsule or
//! value announces itself to the serializer as a newtype struct of a name that only this crate uses,
//! and the two formats of this crate answer by asking for its packing.

mod base64;
mod export;
mod export_error;
mod export_key;
mod export_parts;
mod import;
mod import_error;
mod import_key;
mod import_parts;
mod packed;
mod refuse;
mod text_reader;
mod text_writer;
mod types;

pub(crate) use export::export;
pub use export_error::ExportError;
pub(crate) use import::import;
pub use import_error::ImportError;

/// The newtype name of a capsule; its content in a binary format is the packing.
const CAPSULE_TOKEN: &str = "$hobnob::Capsule";

/// The newtype name of a value or a map; its content in a binary format is the version of the packed
/// format and one value.
const VALUE_TOKEN: &str = "$hobnob::Value";
