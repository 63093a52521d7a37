//! The capsule: a map that stands by itself.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{
    ExportError, FromValue, GetError, ImportError, IntoIter, Iter, Map, PackError, UnpackError,
    Value, interchange, pack, unpack,
};

/// A message as names and typed values.
///
/// The names are kept in byte order; every capsule has one packing, and equal capsules have equal
/// packings. See the [crate documentation](crate) for the types and an example.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Capsule {
    map: Map,
}

impl Capsule {
    /// A capsule without names.
    #[must_use]
    pub const fn new() -> Capsule {
        Capsule { map: Map::new() }
    }

    /// Sets `name` to `value`, in place of what it was set to before.
    ///
    /// ```
    /// use hobnob_capsule::Capsule;
    ///
    /// let mut capsule = Capsule::new();
    /// capsule.set("room", 7u32).set("title", "Lobby").set("members", ["ann", "bob"]);
    /// assert_eq!(capsule.len(), 3);
    /// ```
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) -> &mut Capsule {
        self.map.set(name, value);
        self
    }

    /// The capsule with `name` set to `value`.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Capsule {
        self.set(name, value);
        self
    }

    /// Reads the value of `name` as a `T`.
    ///
    /// `T` may borrow from the capsule (`&str`, `&[u8]`, `&[Value]`, `&Map`, `&Capsule`, `&Value`),
    /// be a number or a `bool`, or be an owned copy (`String`, `Vec<T>`, `BTreeMap<String, T>`,
    /// `Map`, `Capsule`). Integers [widen by type](crate#integers-widen-by-type).
    ///
    /// # Errors
    ///
    /// [`GetError`] tells a missing name from a wrong type and from an integer type too narrow. The
    /// sender's data cause it; it says nothing about the rest of the capsule.
    ///
    /// ```
    /// use hobnob_capsule::{Capsule, GetError};
    ///
    /// let capsule = Capsule::new().with("room", 7u32);
    /// assert_eq!(capsule.get::<u64>("room"), Ok(7));
    /// assert!(matches!(capsule.get::<u64>("rom"), Err(GetError::Missing { .. })));
    /// assert!(matches!(capsule.get::<&str>("room"), Err(GetError::WrongType { .. })));
    /// assert_eq!(
    ///     capsule.get::<u8>("room").unwrap_err().to_string(),
    ///     "`room` is the u32 7 and u8 does not hold every u32: read it as u32",
    /// );
    /// ```
    pub fn get<'a, T: FromValue<'a>>(&'a self, name: &str) -> Result<T, GetError> {
        self.map.get(name)
    }

    /// Like [`get`](Capsule::get), but a missing name gives `default`.
    ///
    /// # Errors
    ///
    /// [`GetError::WrongType`] and [`GetError::OutOfRange`]: a value that is there must fit.
    pub fn get_or<'a, T: FromValue<'a>>(&'a self, name: &str, default: T) -> Result<T, GetError> {
        self.map.get_or(name, default)
    }

    /// Like [`get`](Capsule::get), but a missing name gives `None`.
    ///
    /// # Errors
    ///
    /// [`GetError::WrongType`] and [`GetError::OutOfRange`]: a value that is there must fit.
    pub fn get_opt<'a, T: FromValue<'a>>(&'a self, name: &str) -> Result<Option<T>, GetError> {
        self.map.get_opt(name)
    }

    /// The value of `name`, whatever its type.
    #[must_use]
    pub fn get_value(&self, name: &str) -> Option<&Value> {
        self.map.get_value(name)
    }

    /// The value of `name`, to be changed in place.
    #[must_use]
    pub fn get_value_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.map.get_value_mut(name)
    }

    /// Takes `name` out and returns the value it had.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name)
    }

    /// Whether `name` has a value.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.map.contains(name)
    }

    /// The names and values, in the byte order of the names.
    pub fn iter(&self) -> Iter<'_> {
        self.map.iter()
    }

    /// The number of names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether there is no name at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// The names and values as a map.
    #[must_use]
    pub fn as_map(&self) -> &Map {
        &self.map
    }

    pub(crate) fn as_map_mut(&mut self) -> &mut Map {
        &mut self.map
    }

    /// The packed capsule: at most [`MAX_PACKED_LEN`](crate::MAX_PACKED_LEN) bytes in
    /// [`FORMAT_VERSION`](crate::FORMAT_VERSION).
    ///
    /// # Errors
    ///
    /// [`PackError`] if the capsule is nested too deep or too large; both lie with whoever built it.
    pub fn pack(&self) -> Result<Vec<u8>, PackError> {
        let mut packed = Vec::new();
        self.pack_into(&mut packed)?;
        Ok(packed)
    }

    /// Appends the packed capsule to `buffer`, which grows at most once.
    ///
    /// # Errors
    ///
    /// [`PackError`] as for [`pack`](Capsule::pack); the buffer is then as it was.
    pub fn pack_into(&self, buffer: &mut Vec<u8>) -> Result<(), PackError> {
        pack::capsule(&self.map, buffer)
    }

    /// The capsule of a packing.
    ///
    /// `packed` may come from anybody: what is not exactly the packing of a capsule is an error, and
    /// what is held in memory is at most
    /// [`MAX_AMPLIFICATION`](crate::MAX_AMPLIFICATION) times the length of `packed`.
    ///
    /// # Errors
    ///
    /// [`UnpackError`] says what is wrong and at which byte. It is the sender's fault, or of another
    /// version of the format.
    pub fn unpack(packed: &[u8]) -> Result<Capsule, UnpackError> {
        unpack::capsule_inside(packed, 0)
    }

    /// The capsule of a value of any serde type that has named fields.
    ///
    /// | serde | capsule |
    /// |---|---|
    /// | struct | `Capsule`, a name for each field |
    /// | map | `Map`; keys are strings, characters, integers, booleans or unit variants, as text |
    /// | sequence, tuple, tuple struct | `List` |
    /// | `None` | the field is left out; elsewhere an error, since there is no null |
    /// | `Some(value)`, newtype struct | the value inside |
    /// | unit, unit struct | empty `List` |
    /// | unit variant | `String`, the variant's name |
    /// | other variants | `Capsule` of one name, the variant's, with its content |
    /// | bytes (`serialize_bytes`) | `Bytes`; a plain `Vec<u8>` is a sequence to serde, so a `List` |
    /// | `char` | `String` |
    /// | [`Capsule`], [`Map`], [`Value`] | itself |
    ///
    /// Types with a readable and a compact form, such as addresses, give the readable one. `T` itself
    /// must be a struct, a map or a variant with content.
    ///
    /// # Errors
    ///
    /// [`ImportError`] with the path of the field, such as `appointments[2].date`.
    ///
    /// ```
    /// use hobnob_capsule::{Capsule, Map};
    ///
    /// #[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
    /// struct Appointment {
    ///     date: String,
    ///     minutes: Option<u16>,
    /// }
    ///
    /// let appointment = Appointment { date: "2031-04-01".into(), minutes: None };
    /// let capsule = Capsule::import(&appointment)?;
    /// assert_eq!(capsule, Capsule::new().with("date", "2031-04-01"));
    /// assert_eq!(capsule.export::<Appointment>()?, appointment);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn import<T: Serialize + ?Sized>(value: &T) -> Result<Capsule, ImportError> {
        interchange::import(value)
    }

    /// A value of a serde type made from this capsule, by the table of [`import`](Capsule::import).
    ///
    /// `T` may borrow strings and bytes from the capsule. Maps and capsules stand for each other,
    /// and `Bytes` for a sequence of `u8`. Floats follow [`get`](Capsule::get). An integer fits a
    /// field if its *value* does: the type of the field is fixed by `T`, and capsules that were text
    /// know one integer type only. Names that `T` has no field for are skipped, unless `T` denies
    /// them.
    ///
    /// # Errors
    ///
    /// [`ExportError`] with the path of the field, such as `appointments[2].date`.
    pub fn export<'a, T: Deserialize<'a>>(&'a self) -> Result<T, ExportError> {
        interchange::export(self)
    }
}

impl From<Map> for Capsule {
    fn from(map: Map) -> Capsule {
        Capsule { map }
    }
}

impl From<Capsule> for Map {
    fn from(capsule: Capsule) -> Map {
        capsule.map
    }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for Capsule {
    /// Collects entries in any order; of a name given twice the last value stays.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(entries: I) -> Capsule {
        Map::from_iter(entries).into()
    }
}

impl<N: Into<String>, V: Into<Value>> Extend<(N, V)> for Capsule {
    /// Sets every entry, the later ones in place of the earlier ones.
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, entries: I) {
        self.map.extend(entries);
    }
}

impl<'a> IntoIterator for &'a Capsule {
    type Item = (&'a str, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl IntoIterator for Capsule {
    type Item = (String, Value);
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        self.map.into_iter()
    }
}
