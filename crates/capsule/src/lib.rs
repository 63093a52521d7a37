//! The dynamic payload: a [`Capsule`] maps names to typed values.
//!
//! Nodes that share a Rust type send that type. Nodes that do not (a gateway, a command line, a
//! server one version ahead) send a capsule: the receiver asks it for what it needs by name and by
//! type, and is told exactly what is wrong when it is not there.
//!
//! ```
//! use hobnob_capsule::{Capsule, Map};
//!
//! let mut schedule = Capsule::new()
//!     .with("owner", "mary")
//!     .with("appointments", vec![
//!         Map::new().with("date", "2031-04-01").with("title", "Dentist"),
//!         Map::new().with("date", "2031-04-02").with("title", "Piano").with("minutes", 45u16),
//!     ]);
//! schedule.set("version", 3u8);
//!
//! let bytes = schedule.pack()?;
//! let received = Capsule::unpack(&bytes)?;
//!
//! assert_eq!(received.get::<&str>("owner")?, "mary");
//! assert_eq!(received.get::<u64>("version")?, 3);
//! for appointment in received.get::<Vec<&Map>>("appointments")? {
//!     let title: &str = appointment.get("title")?;
//!     let minutes = appointment.get_or("minutes", 30u32)?;
//!     assert!(minutes > 0 && !title.is_empty());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Phases
//!
//! 1. Build: [`Capsule::set`] and [`Capsule::with`], or [`Capsule::import`] from any serde type.
//! 2. [`Capsule::pack`] checks depth and size first, then writes the bytes in one go.
//! 3. [`Capsule::unpack`] accepts exactly the bytes that `pack` writes and nothing else.
//! 4. Read: the typed [`Capsule::get`] family, or [`Capsule::export`] into any serde type.
//!
//! # Values
//!
//! | [`Value`] | set from | read as |
//! |---|---|---|
//! | `Bool` | `bool` | `bool` |
//! | `I8` … `U64` | `i8` … `u64` | see below |
//! | `F32`, `F64` | `f32`, `f64` | `f32` as `f32` and `f64`; `f64` as `f64` only |
//! | `String` | `&str`, `String`, `Cow<str>` | `&str`, `String` |
//! | `Bytes` | `Vec<u8>`, `&[u8]`, `[u8; N]` | `&[u8]`, `Vec<u8>` |
//! | `List` | `Vec<T>`, `&[T]`, `[T; N]` of anything else | `&[Value]`, `Vec<T>` |
//! | `Map` | [`Map`], `BTreeMap<String, T>` | `&Map`, `Map`, `BTreeMap<String, T>` |
//! | `Capsule` | [`Capsule`] | `&Capsule`, `Capsule`, and whatever a map is read as |
//!
//! A map's names are data: dates, user names, room ids. A capsule's names are the fields of a
//! message: it can be packed, exported and handed on by itself. Both hold the same values with the
//! same getters; a nested capsule may be read as a map, a map may not be read as a capsule.
//!
//! Bytes win over a list of `u8`: a `Vec<u8>` is set as `Bytes`. A list of single `u8` values is
//! built from `Vec<Value>`, and `get::<Vec<u8>>` reads either.
//!
//! There is no null: what has no value has no name.
//!
//! # Integers widen by type
//!
//! A stored integer is read as another integer type only if that type holds *every* value of the
//! stored type. Whether a read succeeds depends on the types alone, so code that works with 5 works
//! with five billion. Everything else between integers is [`GetError::OutOfRange`], whatever the
//! value; the error names the stored type, which can always be asked for.
//!
//! | stored ╲ read as | i8 | i16 | i32 | i64 | u8 | u16 | u32 | u64 |
//! |---|---|---|---|---|---|---|---|---|
//! | i8  | ✓ | ✓ | ✓ | ✓ | – | – | – | – |
//! | i16 | – | ✓ | ✓ | ✓ | – | – | – | – |
//! | i32 | – | – | ✓ | ✓ | – | – | – | – |
//! | i64 | – | – | – | ✓ | – | – | – | – |
//! | u8  | – | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ | ✓ |
//! | u16 | – | – | ✓ | ✓ | – | ✓ | ✓ | ✓ |
//! | u32 | – | – | – | ✓ | – | – | ✓ | ✓ |
//! | u64 | – | – | – | – | – | – | – | ✓ |
//!
//! Integers never become floats or booleans. A handler that takes any sender's integer reads `i64`
//! and narrows with `try_from`.
//!
//! # What is promised
//!
//! - Entries are kept in the byte order of their names, so equal capsules pack to equal bytes, and
//!   there is exactly one packing of a capsule. Floats are equal when their bits are: a NaN comes
//!   back as the NaN it was, and -0.0 differs from 0.0.
//! - `unpack` never panics, never recurses deeper than [`MAX_DEPTH`] and never holds more than
//!   [`MAX_AMPLIFICATION`] times the input in memory: counts and lengths are checked before anything
//!   is allocated for them.
//! - A capsule built locally may be of any depth: cloning, comparing, printing and dropping it never
//!   recurse without a bound. Packing, importing and exporting one deeper than [`MAX_DEPTH`] is an
//!   error.
//!
//! # What it never does
//!
//! It does not read the clock, does no I/O and logs nothing. Error texts hold names, types and
//! integers, never the strings or bytes of a payload.
//!
//! # serde
//!
//! [`Capsule::import`] and [`Capsule::export`] convert to and from serde types field by field; the
//! representation is described there. [`Capsule`], [`Map`] and [`Value`] are serde types
//! themselves: in a text format (JSON) they are plain objects, arrays, strings and numbers; in a
//! binary format they are one byte string holding their packing.
//!
//! Text has fewer types, so it loses some. Reading it, an integer is `I64`, or `U64` above
//! `i64::MAX`; a fraction is `F64`; an object is a nested `Capsule`; null and a name given twice are
//! errors that say where. Writing it, `Bytes` are a base64 string (RFC 4648, section 4), and both
//! `Map` and `Capsule` are objects.

#![no_std]

extern crate alloc;

mod capsule;
mod deep;
mod format;
mod from_value;
mod get;
mod interchange;
mod into_value;
mod map;
mod pack;
mod path;
mod unpack;
mod unpack_error;
mod value;

pub use capsule::Capsule;
pub use format::{FORMAT_VERSION, MAX_AMPLIFICATION, MAX_DEPTH, MAX_PACKED_LEN};
pub use from_value::FromValue;
pub use get::GetError;
pub use interchange::{ExportError, ImportError};
pub use into_value::ListItem;
pub use map::{IntoIter, Iter, Map};
pub use pack::PackError;
pub use unpack_error::UnpackError;
pub use value::{Kind, Value};
