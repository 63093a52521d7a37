//! The map.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};

use crate::{clock::Time, item::Slot, limits::ENTRY_OVERHEAD};

/// Every key with its last write, and which ones were written longest ago.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    table: BTreeMap<Arc<str>, Slot>,
    values: BTreeSet<(Time, Arc<str>)>,
    removed: BTreeSet<(Time, Arc<str>)>,
    bytes: usize,
    floor: Time,
}

impl Entries {
    pub(crate) fn get(&self, key: &str) -> Option<&Slot> {
        self.table.get(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Slot)> {
        self.table.iter()
    }

    /// Keys with a value.
    pub(crate) fn live(&self) -> usize {
        self.values.len()
    }

    /// Keys that were removed.
    pub(crate) fn removed(&self) -> usize {
        self.removed.len()
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Nothing that was written at this time or earlier is kept.
    pub(crate) const fn floor(&self) -> Time {
        self.floor
    }

    /// Keeps the later of the two. Says whether that is the new one.
    pub(crate) fn merge(&mut self, key: &Arc<str>, slot: Slot) -> bool {
        let is_news =
            slot.version.time > self.floor && self.table.get(key).is_none_or(|known| *known < slot);
        if is_news {
            self.take(key);
            self.bytes += cost(key, &slot);
            self.ages(&slot).insert((slot.version.time, key.clone()));
            self.table.insert(key.clone(), slot);
        }
        is_news
    }

    /// Raises the floor, and hands out what it has reached.
    pub(crate) fn raise_floor(&mut self, floor: Time) -> Vec<(Arc<str>, Slot)> {
        self.floor = self.floor.max(floor);
        let mut dropped = Vec::new();
        while let Some((time, key)) = self.oldest()
            && time <= self.floor
        {
            dropped.extend(self.take(&key).map(|slot| (key, slot)));
        }
        dropped
    }

    /// Raises the floor until what is above it counts no more than `bytes`, and hands out the rest.
    pub(crate) fn trim(&mut self, bytes: usize) -> Vec<(Arc<str>, Slot)> {
        let mut dropped = Vec::new();
        while self.bytes > bytes
            && let Some((time, _)) = self.oldest()
        {
            dropped.extend(self.raise_floor(time));
        }
        dropped
    }

    /// Forgets the removals up to a time, and hands them out.
    pub(crate) fn forget_removed(&mut self, through: Time) -> Vec<Arc<str>> {
        let mut forgotten = Vec::new();
        while let Some((time, key)) = self.removed.first().cloned()
            && time <= through
        {
            self.take(&key);
            forgotten.push(key);
        }
        forgotten
    }

    fn oldest(&self) -> Option<(Time, Arc<str>)> {
        let oldest = [self.values.first(), self.removed.first()];
        oldest.into_iter().flatten().min().cloned()
    }

    fn take(&mut self, key: &Arc<str>) -> Option<Slot> {
        let slot = self.table.remove(key)?;
        self.bytes -= cost(key, &slot);
        self.ages(&slot).remove(&(slot.version.time, key.clone()));
        Some(slot)
    }

    const fn ages(&mut self, slot: &Slot) -> &mut BTreeSet<(Time, Arc<str>)> {
        if slot.value.is_some() {
            &mut self.values
        } else {
            &mut self.removed
        }
    }
}

fn cost(key: &str, slot: &Slot) -> usize {
    ENTRY_OVERHEAD + key.len() + slot.value.as_ref().map_or(0, bytes::Bytes::len)
}
