//! Message ids to table indices, for ids that come almost in order.

use alloc::collections::VecDeque;

const NONE: u32 = u32::MAX;

/// Below this many entries, gaps are not worth closing.
const COMPACT_MIN: usize = 64;

/// A map in a ring buffer, ordered by id. An entry that was removed leaves a gap, which is closed when half
/// of the ring is gaps.
///
/// Appending is O(1), and so is finding as long as ids were added without holes: an id then stands as far
/// behind the first as it is greater. Otherwise finding is a binary search below that place.
#[derive(Debug, Default)]
pub(crate) struct IdMap {
    ring: VecDeque<(u64, u32)>,
    live: usize,
}

impl IdMap {
    pub(crate) const fn len(&self) -> usize {
        self.live
    }

    pub(crate) fn clear(&mut self) {
        self.ring.clear();
        self.live = 0;
    }

    /// Adds an id that is not in the map.
    pub(crate) fn insert(&mut self, id: u64, index: u32) {
        debug_assert!(index != NONE && self.get(id).is_none());
        self.live += 1;
        if self.ring.back().is_none_or(|(last, _)| *last < id) {
            self.ring.push_back((id, index));
            return;
        }
        match self.position(id) {
            Ok(gap) => self.ring[gap].1 = index,
            Err(place) => self.ring.insert(place, (id, index)),
        }
    }

    pub(crate) fn get(&self, id: u64) -> Option<u32> {
        let place = self.position(id).ok()?;
        Some(self.ring[place].1).filter(|index| *index != NONE)
    }

    pub(crate) fn remove(&mut self, id: u64) -> Option<u32> {
        let place = self.position(id).ok()?;
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
        self.ring.front().map(|(_, index)| *index)
    }

    fn position(&self, id: u64) -> Result<usize, usize> {
        let Some((first, _)) = self.ring.front() else {
            return Err(0);
        };
        let Some(distance) = id.checked_sub(*first) else {
            return Err(0);
        };
        let last = self.ring.len() - 1;
        let guess = usize::try_from(distance).unwrap_or(last).min(last);
        if self.ring[guess].0 == id {
            return Ok(guess);
        }
        self.ring.binary_search_by_key(&id, |(id, _)| *id)
    }
}

#[cfg(test)]
#[path = "../tests/unit/id_map.rs"]
mod tests;
