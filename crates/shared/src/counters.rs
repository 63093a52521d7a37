//! The counters.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    vec::Vec,
};

use crate::{
    clock::Process,
    item::{Folded, ItemKey, ShareKey, Tally},
    limits::{COUNTERS_HARD_MAX, SHARES_HARD_MAX},
};

/// Every counter with its shares.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    table: BTreeMap<Arc<str>, Counter>,
    /// All shares, the oldest first.
    ages: BTreeSet<ShareKey>,
}

#[derive(Debug, Default)]
struct Counter {
    folded: Option<Folded>,
    shares: BTreeMap<(u32, Process), Tally>,
    /// Of all shares, the folded ones included.
    sum: i128,
}

/// What became of something that was merged.
#[derive(Debug, Default)]
pub(crate) struct Merged {
    /// Whether anything is not as it was.
    pub(crate) changed: bool,
    /// Items that are not held any more.
    pub(crate) dropped: Vec<ItemKey>,
}

impl Counters {
    /// The value, or the nearest one there is.
    pub(crate) fn value(&self, name: &str) -> i64 {
        self.table.get(name).map_or(0, Counter::value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, i64)> {
        let table = self.table.iter();
        table.map(|(name, counter)| (name, counter.value()))
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn shares(&self) -> usize {
        self.ages.len()
    }

    /// The name as it is held.
    pub(crate) fn name(&self, name: &str) -> Option<Arc<str>> {
        Some(self.table.get_key_value(name)?.0.clone())
    }

    pub(crate) fn share(&self, key: &ShareKey) -> Option<Tally> {
        let counter = self.table.get(&key.name)?;
        counter.shares.get(&(key.period, key.process)).copied()
    }

    pub(crate) fn folded(&self, name: &str) -> Option<Folded> {
        self.table.get(name)?.folded
    }

    /// The later of what is known and what is told of a share.
    pub(crate) fn merge_share(&mut self, key: ShareKey, tally: Tally) -> Merged {
        let folded = self.folded(&key.name);
        if folded.is_some_and(|folded| key.period <= folded.through) {
            return Merged::default();
        }
        let known = self.share(&key);
        let merged = known.unwrap_or_default().merged(tally);
        if known == Some(merged) {
            return Merged::default();
        }
        let counter = self.table.entry(key.name.clone()).or_default();
        counter.sum += merged.value() - known.unwrap_or_default().value();
        counter.shares.insert((key.period, key.process), merged);
        self.ages.insert(key);
        self.within_limits(Vec::new())
    }

    /// The later of what is known and what is told of folded shares: the one that covers more.
    pub(crate) fn merge_folded(&mut self, name: &Arc<str>, folded: Folded) -> Merged {
        let known = self.folded(name);
        let merged = match known {
            Some(known) if known.through > folded.through => known,
            Some(known) if known.through == folded.through => Folded {
                tally: known.tally.merged(folded.tally),
                ..folded
            },
            _ => folded,
        };
        if known == Some(merged) {
            return Merged::default();
        }
        let counter = self.table.entry(name.clone()).or_default();
        let covered = counter.shares.keys();
        let covered: Vec<ShareKey> = covered
            .take_while(|(period, _)| *period <= merged.through)
            .map(|(period, process)| ShareKey {
                period: *period,
                name: name.clone(),
                process: *process,
            })
            .collect();
        counter.set_folded(merged);
        for share in &covered {
            self.drop_share(share);
        }
        let dropped = covered.into_iter().map(ItemKey::Share);
        self.within_limits(dropped.collect())
    }

    /// Folds all shares up to a period; hands out the counters that changed and the items that are gone.
    pub(crate) fn fold(&mut self, through: u32) -> (BTreeSet<Arc<str>>, Vec<ItemKey>) {
        let mut changed = BTreeSet::new();
        let mut dropped = Vec::new();
        while let Some(share) = self.ages.first()
            && share.period <= through
        {
            let share = share.clone();
            let tally = self.drop_share(&share);
            if let Some(counter) = self.table.get_mut(&share.name) {
                let before = counter.folded.map_or_else(Tally::default, |it| it.tally);
                counter.set_folded(Folded {
                    through: share.period,
                    tally: before.plus(tally),
                });
            }
            changed.insert(share.name.clone());
            dropped.push(ItemKey::Share(share));
        }
        (changed, dropped)
    }

    fn drop_share(&mut self, share: &ShareKey) -> Tally {
        self.ages.remove(share);
        let Some(counter) = self.table.get_mut(&share.name) else {
            return Tally::default();
        };
        let dropped = counter.shares.remove(&(share.period, share.process));
        let tally = dropped.unwrap_or_default();
        counter.sum -= tally.value();
        tally
    }

    /// Keeps the counters whose names come first, and the latest shares: an order that never changes, so that
    /// what is kept depends on what came, and not on when.
    fn within_limits(&mut self, mut dropped: Vec<ItemKey>) -> Merged {
        while self.table.len() > COUNTERS_HARD_MAX
            && let Some((name, counter)) = self.table.pop_last()
        {
            for (period, process) in counter.shares.into_keys() {
                let share = ShareKey {
                    period,
                    name: name.clone(),
                    process,
                };
                self.ages.remove(&share);
                dropped.push(ItemKey::Share(share));
            }
            if counter.folded.is_some() {
                dropped.push(ItemKey::Folded(name));
            }
        }
        while self.ages.len() > SHARES_HARD_MAX
            && let Some(oldest) = self.ages.first().cloned()
        {
            self.drop_share(&oldest);
            dropped.push(ItemKey::Share(oldest));
        }
        Merged {
            changed: true,
            dropped,
        }
    }
}

impl Counter {
    fn value(&self) -> i64 {
        let nearest = self.sum.clamp(i64::MIN.into(), i64::MAX.into());
        i64::try_from(nearest).unwrap_or_default()
    }

    fn set_folded(&mut self, folded: Folded) {
        let before = self.folded.map_or(0, |folded| folded.tally.value());
        self.sum += folded.tally.value() - before;
        self.folded = Some(folded);
    }
}
