//! How something becomes part of the copy, and how it ceases to be.

use alloc::{sync::Arc, vec::Vec};

use hobnob_wire::Instant;

use crate::{
    clock::Time,
    counters::Merged,
    data::{SharedData, entry},
    event::Event,
    item::{Folded, Item, ItemKey, ShareKey, Slot, Tally},
    limits::{BYTES_HARD_MAX, KEPT},
};

impl SharedData {
    /// Makes an item part of the copy, if it is later than what is known, and can be believed. Says whether anything
    /// changed.
    pub(crate) fn merge(&mut self, now: Instant, item: Item) -> bool {
        if !self.believes(now, &item) {
            self.stats.items_ahead += 1;
            return false;
        }
        match item {
            Item::Entry(key, slot) => self.merge_entry(now, &key, slot),
            Item::Share(key, tally) => self.merge_share(key, tally),
            Item::Folded(name, folded) => self.merge_folded(&name, folded),
        }
    }

    fn believes(&self, now: Instant, item: &Item) -> bool {
        let latest = self.clock.latest(now);
        match item {
            Item::Entry(_, slot) => slot.version.time <= latest,
            Item::Share(key, _) => key.period <= latest.period(),
            Item::Folded(_, folded) => Some(folded.through) <= foldable(latest),
        }
    }

    fn merge_entry(&mut self, now: Instant, key: &Arc<str>, slot: Slot) -> bool {
        let time = slot.version.time;
        self.clock.observe(time);
        let had_value = match self.entries.get(key) {
            Some(known) => known.value.is_some(),
            // It is forgotten here already.
            None if slot.value.is_none() && time <= self.forgotten(now) => return false,
            None => false,
        };
        let event = match entry(&slot) {
            Some(entry) => Some(Event::Set {
                key: key.clone(),
                entry,
            }),
            None => had_value.then(|| Event::Removed { key: key.clone() }),
        };
        let changed = self.entries.merge(key, slot);
        if changed {
            self.note(ItemKey::Entry(key.clone()));
            event.into_iter().for_each(|event| self.tell(event));
            let evicted = self.entries.trim(BYTES_HARD_MAX);
            self.evict(evicted);
        }
        changed
    }

    fn merge_share(&mut self, key: ShareKey, tally: Tally) -> bool {
        let name = key.name.clone();
        let merged = self.counters.merge_share(key.clone(), tally);
        self.note_counted(&name, ItemKey::Share(key), merged)
    }

    fn merge_folded(&mut self, name: &Arc<str>, folded: Folded) -> bool {
        let merged = self.counters.merge_folded(name, folded);
        self.note_counted(name, ItemKey::Folded(name.clone()), merged)
    }

    fn note_counted(&mut self, name: &Arc<str>, key: ItemKey, merged: Merged) -> bool {
        if merged.changed {
            self.note(key);
            for dropped in merged.dropped {
                self.note(dropped);
                self.stats.items_evicted += 1;
            }
            self.tell(Event::Counted {
                name: name.clone(),
                value: self.counters.value(name),
            });
        }
        merged.changed
    }

    /// Nothing of this time or earlier is kept by somebody who had too much.
    pub(crate) fn merge_floor(&mut self, now: Instant, floor: Time) {
        if self.clock.believes(now, floor) && floor > self.entries.floor() {
            self.clock.observe(floor);
            let evicted = self.entries.raise_floor(floor);
            self.evict(evicted);
        }
    }

    /// Forgets removals and folds shares that are too old to be told apart.
    pub(crate) fn forget(&mut self, now: Instant) {
        for key in self.entries.forget_removed(self.forgotten(now)) {
            self.note(ItemKey::Entry(key));
        }
        if let Some(through) = foldable(self.clock.wall(now)) {
            let (folded, gone) = self.counters.fold(through);
            gone.into_iter().for_each(|key| self.note(key));
            for name in folded {
                self.note(ItemKey::Folded(name));
            }
        }
    }

    fn evict(&mut self, evicted: Vec<(Arc<str>, Slot)>) {
        for (key, slot) in evicted {
            self.note(ItemKey::Entry(key.clone()));
            self.stats.items_evicted += 1;
            if slot.value.is_some() {
                self.tell(Event::Removed { key });
            }
        }
    }

    /// The digest is to show an item as it is now.
    fn note(&mut self, key: ItemKey) {
        let state = self.item(&key).map(|item| item.hash());
        self.digest.set(key, state);
    }

    /// Removals of this time or earlier are not remembered.
    fn forgotten(&self, now: Instant) -> Time {
        self.clock.wall(now).earlier(KEPT)
    }
}

/// The last period whose shares are folded: a whole one has passed since its end.
fn foldable(now: Time) -> Option<u32> {
    now.period().checked_sub(2)
}
