//! Message ids to table indices, for ids that come almost in order.

use alloc::collections::{BTreeMap, VecDeque};

const NONE: u32 = u32::MAX;

/// Below this many entries, gaps are not worth closing.
const COMPACT_MIN: usize = 64;

/// A map in a ring buffer, ordered by id. An entry that was removed leaves a gap, which is closed when half
/// of the ring is gaps.
///
/// Appending is O(1), and so is finding as long as ids were added without holes: an id then stands as far
/// behind the first as it is greater. Otherwise finding is a binary search below that place. An id that comes
/// after a greater one, without a gap of its own, goes into a tree beside the ring: whoever chooses the ids could
/// have half of a ring moved for each of them.
#[derive(Debug, Default)]
pub(crate) struct IdMap {
    ring: VecDeque<(u64, u32)>,
    /// Entries of the ring that are no gaps.
    live: usize,
    late: BTreeMap<u64, u32>,
}

impl IdMap {
    pub(crate) fn len(&self) -> usize {
        self.live + self.late.len()
    }

    pub(crate) fn clear(&mut self) {
        self.ring.clear();
        self.live = 0;
        self.late.clear();
    }

    /// Adds an id that is not in the map.
    pub(crate) fn insert(&mut self, id: u64, index: u32) {
        debug_assert!(index != NONE && self.get(id).is_none());
        if self.ring.back().is_none_or(|(last, _)| *last < id) {
            self.ring.push_back((id, index));
        } else if let Some(gap) = self.position(id) {
            self.ring[gap].1 = index;
        } else {
            self.late.insert(id, index);
            return;
        }
        self.live += 1;
    }

    pub(crate) fn get(&self, id: u64) -> Option<u32> {
        match self.position(id) {
            Some(place) => Some(self.ring[place].1).filter(|index| *index != NONE),
            None => self.late.get(&id).copied(),
        }
    }

    pub(crate) fn remove(&mut self, id: u64) -> Option<u32> {
        let Some(place) = self.position(id) else {
            return self.late.remove(&id);
        };
        let index = core::mem::replace(&mut self.ring[place].1, NONE);
        if index == NONE {
            return None;
        }
        self.live -= 1;
        while self.ring.front().is_some_and(|(_, index)| *index == NONE) {
            self.ring.pop_front();
        }
        if self.ring.len() >= COMPACT_MIN && self.live < self.ring.len() / 2 {
            self.ring.retain(|(_, index)| *index != NONE);
        }
        Some(index)
    }

    /// The index of the lowest id.
    pub(crate) fn first(&self) -> Option<u32> {
        let late = self.late.first_key_value();
        match (self.ring.front(), late) {
            (Some((first, index)), Some((id, _))) if first < id => Some(*index),
            (Some((_, index)), None) => Some(*index),
            (_, late) => late.map(|(_, index)| *index),
        }
    }

    /// Where an id, or the gap it left, stands in the ring.
    fn position(&self, id: u64) -> Option<usize> {
        let (first, _) = self.ring.front()?;
        let distance = id.checked_sub(*first)?;
        let last = self.ring.len() - 1;
        let guess = usize::try_from(distance).unwrap_or(last).min(last);
        if self.ring[guess].0 == id {
            return Some(guess);
        }
        self.ring.binary_search_by_key(&id, |(id, _)| *id).ok()
    }
}

#[cfg(test)]
#[path = "../tests/unit/id_map.rs"]
mod tests;
