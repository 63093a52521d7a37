//! The values of one process, as its owner made them or as they were heard of.

use alloc::{collections::BTreeMap, string::ToString, sync::Arc, vec::Vec};

use bytes::Bytes;

use super::{
    error::ValueError,
    limits::{REMOVED_MAX, VALUE_KEY_BYTES_MAX, VALUES_BYTES_MAX, VALUES_MAX},
};

/// The last change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// Of the change, among all changes of the owner.
    pub(super) version: u64,
    /// `None` when it was removed.
    pub(super) value: Option<Bytes>,
}

/// All values of one process at one of its versions.
///
/// Whoever is at a version knows every change up to it: what is told is always the whole difference from one version
/// to a later one, so that nothing can be missed in between, and what its owner changed together is seen together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValueSet {
    version: u64,
    /// Removals up to this version are forgotten.
    floor: u64,
    slots: BTreeMap<Arc<str>, Slot>,
}

/// The difference between two versions of a process' values; from 0, everything there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delta {
    pub(super) base: u64,
    pub(super) version: u64,
    pub(super) floor: u64,
    /// In the order of the keys.
    pub(super) slots: Vec<(Arc<str>, Slot)>,
}

/// What a difference did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Applied {
    /// These keys have another value now, or none.
    Changed(Vec<Arc<str>>),
    /// It is known.
    Stale,
    /// It begins later than what is known ends.
    Gap,
    /// With it there would be more than an owner can have set.
    Excessive,
}

impl ValueSet {
    /// Grows with each change its owner makes; 0 while there was none.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// What a key has.
    pub fn get(&self, key: &str) -> Option<&Bytes> {
        self.slots.get(key)?.value.as_ref()
    }

    /// All keys that have a value, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Bytes)> {
        let slots = self.slots.iter();
        slots.filter_map(|(key, slot)| Some((key, slot.value.as_ref()?)))
    }

    /// Bytes of all values, keys included.
    pub fn bytes(&self) -> usize {
        self.iter()
            .map(|(key, value)| key.len() + value.len())
            .sum()
    }

    /// Sets a key. Says whether that changed anything.
    pub(super) fn set(&mut self, key: &str, value: Bytes) -> Result<bool, ValueError> {
        self.check(key, &value)?;
        if self.get(key) == Some(&value) {
            return Ok(false);
        }
        self.put(Arc::from(key), Some(value));
        Ok(true)
    }

    /// Removes a key. Says whether it had a value.
    pub(super) fn remove(&mut self, key: &str) -> bool {
        let known = self.slots.get_key_value(key);
        let Some((key, _)) = known.filter(|(_, slot)| slot.value.is_some()) else {
            return false;
        };
        self.put(key.clone(), None);
        self.forget_removals();
        true
    }

    /// Goes on above a version that was never its owner's. Whoever holds that is told everything.
    pub(super) fn outbid(&mut self, version: u64) {
        self.version = version + 1;
        self.raise_floor(self.version);
    }

    fn put(&mut self, key: Arc<str>, value: Option<Bytes>) {
        self.version += 1;
        let version = self.version;
        self.slots.insert(key, Slot { version, value });
    }

    fn check(&self, key: &str, value: &Bytes) -> Result<(), ValueError> {
        let named = || key.to_string();
        if !(1..=VALUE_KEY_BYTES_MAX).contains(&key.len()) {
            return Err(ValueError::Key { key: named() });
        }
        if key.chars().any(char::is_control) {
            return Err(ValueError::ControlCharacter { key: named() });
        }
        let before = self.get(key).map(|old| key.len() + old.len());
        let total = self.bytes() - before.unwrap_or(0) + key.len() + value.len();
        if total > VALUES_BYTES_MAX {
            return Err(ValueError::TooLarge {
                key: named(),
                len: value.len(),
                total,
                max: VALUES_BYTES_MAX,
            });
        }
        if before.is_none() && self.iter().count() >= VALUES_MAX {
            return Err(ValueError::TooMany {
                key: named(),
                max: VALUES_MAX,
            });
        }
        Ok(())
    }

    /// Keeps as many removals as may be, the latest ones.
    fn forget_removals(&mut self) {
        while self.removed() > REMOVED_MAX {
            let removals = self.slots.values().filter(|slot| slot.value.is_none());
            let Some(oldest) = removals.map(|slot| slot.version).min() else {
                return;
            };
            self.raise_floor(oldest);
        }
    }

    fn raise_floor(&mut self, floor: u64) {
        self.floor = floor;
        self.slots
            .retain(|_, slot| slot.value.is_some() || slot.version > floor);
    }

    fn removed(&self) -> usize {
        self.slots.len() - self.iter().count()
    }

    /// What somebody who is at version `since` lacks.
    pub(super) fn delta(&self, since: u64) -> Delta {
        let is_told_apart = (self.floor..=self.version).contains(&since);
        let base = if is_told_apart { since } else { 0 };
        let slots = self.slots.iter().filter(|(_, slot)| slot.version > base);
        Delta {
            base,
            version: self.version,
            floor: self.floor,
            slots: slots
                .map(|(key, slot)| (key.clone(), slot.clone()))
                .collect(),
        }
    }

    /// Goes on to the version at the end of a difference.
    pub(super) fn apply(&mut self, delta: Delta) -> Applied {
        if delta.version <= self.version {
            return Applied::Stale;
        }
        if delta.base > self.version {
            return Applied::Gap;
        }
        let mut next = if delta.base == 0 {
            Self::default()
        } else {
            self.clone()
        };
        for (key, slot) in delta.slots {
            let is_later = next
                .slots
                .get(&key)
                .is_none_or(|known| known.version < slot.version);
            if is_later {
                next.slots.insert(key, slot);
            }
        }
        next.version = delta.version;
        next.raise_floor(delta.floor);
        if !next.is_possible() {
            return Applied::Excessive;
        }
        let changed = self.difference(&next);
        *self = next;
        Applied::Changed(changed)
    }

    /// Whether an owner can have made it.
    fn is_possible(&self) -> bool {
        self.bytes() <= VALUES_BYTES_MAX
            && self.iter().count() <= VALUES_MAX
            && self.removed() <= REMOVED_MAX
    }

    /// The keys under which the other one has something else, in their order.
    fn difference(&self, other: &Self) -> Vec<Arc<str>> {
        let gone = self.iter().filter(|(key, _)| other.get(key).is_none());
        let other_now = other.iter();
        let other_now = other_now.filter(|(key, value)| self.get(key) != Some(value));
        let mut keys: Vec<Arc<str>> = gone.chain(other_now).map(|(key, _)| key.clone()).collect();
        keys.sort_unstable();
        keys
    }
}
