//! What must hold for any bytes at all.
//!
//! Each property is a function from bytes that panics if the property does not hold. The fuzzer looks
//! for such bytes without end; an ordinary test runs every property over its corpus and over changed
//! copies of it.
//!
//! A property has a name, an entry in [`PROPERTIES`], a folder `fuzz/corpus/NAME` that holds the
//! [`seeds`] and whatever was found since, and a target `fuzz/fuzz_targets/NAME.rs`.

mod capsule;
mod frames;
mod operations;
pub mod seeds;
mod session;

pub use capsule::{capsule, capsule_json};
pub use frames::frames;
pub use operations::{operations, show_operations};
pub use session::session;

/// A property's name and the property.
pub type Property = (&'static str, fn(&[u8]));

/// Every property.
pub const PROPERTIES: &[Property] = &[
    ("capsule", capsule),
    ("capsule_json", capsule_json),
    ("frames", frames),
    ("operations", operations),
    ("session", session),
];
