//! Values by name.

use alloc::string::String;
use alloc::vec::{self, Vec};
use core::slice;

use crate::get::{self, GetError};
use crate::{FromValue, Value};

/// Values by name, in the byte order of the names.
///
/// The entries lie in one sorted vector. A name is found in O(log n); to set a new one shifts the
/// entries behind it, so a map of many thousand names is best collected from an iterator, which
/// sorts once. A vector, not a tree: a map of one entry, of which a packed list can hold one every
/// five bytes, would cost a whole tree node.
///
/// ```
/// use hobnob_capsule::Map;
///
/// let ages: Map = [("bob", 41u8), ("ann", 39u8)].into_iter().collect();
/// assert_eq!(ages.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["ann", "bob"]);
/// assert_eq!(ages.get::<u32>("ann")?, 39);
/// # Ok::<(), hobnob_capsule::GetError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Map {
    /// Sorted by name, each name once.
    entries: Vec<(String, Value)>,
}

impl Map {
    /// A map without entries.
    #[must_use]
    pub const fn new() -> Map {
        Map {
            entries: Vec::new(),
        }
    }

    /// Sets `name` to `value`, in place of what it was set to before.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Value>) -> &mut Map {
        let (name, value) = (name.into(), value.into());
        match self.position(&name) {
            Ok(index) => self.entries[index].1 = value,
            Err(index) => self.entries.insert(index, (name, value)),
        }
        self
    }

    /// The map with `name` set to `value`.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Map {
        self.set(name, value);
        self
    }

    /// Reads the value of `name` as a `T`. [`Capsule::get`](crate::Capsule::get) says how.
    ///
    /// # Errors
    ///
    /// [`GetError`] tells a missing name from a wrong type and from an integer type too narrow.
    pub fn get<'a, T: FromValue<'a>>(&'a self, name: &str) -> Result<T, GetError> {
        get::required(self, name)
    }

    /// Like [`get`](Map::get), but a missing name gives `default`.
    ///
    /// # Errors
    ///
    /// [`GetError::WrongType`] and [`GetError::OutOfRange`]: a value that is there must fit.
    pub fn get_or<'a, T: FromValue<'a>>(&'a self, name: &str, default: T) -> Result<T, GetError> {
        Ok(self.get_opt(name)?.unwrap_or(default))
    }

    /// Like [`get`](Map::get), but a missing name gives `None`.
    ///
    /// # Errors
    ///
    /// [`GetError::WrongType`] and [`GetError::OutOfRange`]: a value that is there must fit.
    pub fn get_opt<'a, T: FromValue<'a>>(&'a self, name: &str) -> Result<Option<T>, GetError> {
        get::optional(self, name)
    }

    /// The value of `name`, whatever its type.
    #[must_use]
    pub fn get_value(&self, name: &str) -> Option<&Value> {
        let index = self.position(name).ok()?;
        Some(&self.entries.get(index)?.1)
    }

    /// The value of `name`, to be changed in place.
    #[must_use]
    pub fn get_value_mut(&mut self, name: &str) -> Option<&mut Value> {
        let index = self.position(name).ok()?;
        Some(&mut self.entries.get_mut(index)?.1)
    }

    /// Takes `name` out and returns the value it had.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let index = self.position(name).ok()?;
        Some(self.entries.remove(index).1)
    }

    /// Whether `name` has a value.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.position(name).is_ok()
    }

    /// The names and values, in the byte order of the names.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.entries.iter())
    }

    /// The number of names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no name at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where `name` is, or where it would have to go.
    fn position(&self, name: &str) -> Result<usize, usize> {
        self.entries
            .binary_search_by(|(entry, _)| entry.as_str().cmp(name))
    }

    pub(crate) fn entries(&self) -> &[(String, Value)] {
        &self.entries
    }

    /// Entries whose names are known to ascend.
    pub(crate) fn from_sorted(entries: Vec<(String, Value)>) -> Map {
        debug_assert!(
            entries.is_sorted_by(|left, right| left.0 < right.0),
            "the names must ascend, or lookups miss them"
        );
        Map { entries }
    }

    /// Entries in any order, or the name that is there twice.
    pub(crate) fn from_distinct(mut entries: Vec<(String, Value)>) -> Result<Map, String> {
        entries.sort_by(|left, right| left.0.cmp(&right.0));
        match entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(pair[0].0.clone()),
            None => Ok(Map { entries }),
        }
    }

    /// The same names with other values, one for each name in order.
    pub(crate) fn with_values(&self, values: Vec<Value>) -> Map {
        debug_assert_eq!(values.len(), self.len(), "each name needs its value");
        let names = self.entries.iter().map(|(name, _)| name.clone());
        Map {
            entries: names.zip(values).collect(),
        }
    }

    pub(crate) fn drain_values(&mut self) -> impl Iterator<Item = Value> {
        self.entries.drain(..).map(|(_, value)| value)
    }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for Map {
    /// Collects entries in any order; of a name given twice the last value stays.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(entries: I) -> Map {
        let mut map = Map::new();
        map.extend(entries);
        map
    }
}

impl<N: Into<String>, V: Into<Value>> Extend<(N, V)> for Map {
    /// Sets every entry, the later ones in place of the earlier ones.
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, entries: I) {
        let added = entries
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        self.entries.extend(added);
        // The sort is stable: of two entries with one name the later stays behind the earlier.
        self.entries.sort_by(|left, right| left.0.cmp(&right.0));
        self.entries.dedup_by(|later, earlier| {
            let twice = later.0 == earlier.0;
            if twice {
                core::mem::swap(&mut later.1, &mut earlier.1);
            }
            twice
        });
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = (&'a str, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl IntoIterator for Map {
    type Item = (String, Value);
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        IntoIter(self.entries.into_iter())
    }
}

/// The borrowed names and values of a [`Map`] or a [`Capsule`](crate::Capsule).
#[derive(Clone, Debug)]
pub struct Iter<'a>(slice::Iter<'a, (String, Value)>);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(name, value)| (name.as_str(), value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0
            .next_back()
            .map(|(name, value)| (name.as_str(), value))
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// The owned names and values of a [`Map`] or a [`Capsule`](crate::Capsule).
#[derive(Debug)]
pub struct IntoIter(vec::IntoIter<(String, Value)>);

impl Iterator for IntoIter {
    type Item = (String, Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for IntoIter {}
