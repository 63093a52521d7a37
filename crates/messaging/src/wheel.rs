//! A hierarchical timer wheel: insert and remove in O(1), the next deadline in O(levels).
//!
//! Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (SOSP 1987), scheme 7. A timer stands at
//! the level of the highest digit (base 64) in which its tick differs from the current one, so that within
//! a level later slots are later timers, and every timer of a level is due before all those of the next.

use alloc::{boxed::Box, vec};

use hobnob_wire::Instant;

use crate::{
    key::{Key, Keyed},
    list::{Linked, Links, List},
};

/// A tick is 2^18 ns, 0.26 ms: a fourth of the shortest timeout in use.
const TICK_BITS: u32 = 18;
/// 64 slots a level, so that a level's occupancy is one word.
const LEVEL_BITS: u32 = 6;
const SLOTS: usize = 1 << LEVEL_BITS;
/// Enough for every `u64` of nanoseconds: no deadline is too far.
const LEVELS: usize = 8;
/// The list of what is due and was not taken yet, after those of the slots.
const DUE: usize = LEVELS * SLOTS;

const _: () = assert!((u64::BITS - TICK_BITS) as usize <= LEVEL_BITS as usize * LEVELS);

/// Timers that carry a `T`. They fire never before their deadline and at most a tick after it.
#[derive(Debug)]
pub(crate) struct Wheel<T> {
    nodes: Keyed<Node<T>>,
    lists: Box<[List]>,
    occupied: [u64; LEVELS],
    /// The tick up to which slots were emptied.
    elapsed: u64,
}

/// When to look at the wheel again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next<T> {
    /// This timer is due then.
    Due(Instant, T),
    /// Far timers are sorted into finer slots then.
    Sort(Instant),
}

#[derive(Debug)]
struct Node<T> {
    tick: u64,
    value: T,
    list: usize,
    links: Links,
}

impl<T> Linked for Node<T> {
    fn links(&self) -> &Links {
        &self.links
    }

    fn links_mut(&mut self) -> &mut Links {
        &mut self.links
    }
}

struct Slot {
    list: usize,
    start: u64,
}

impl<T: Copy> Wheel<T> {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            nodes: Keyed::new(),
            lists: vec![List::EMPTY; DUE + 1].into_boxed_slice(),
            occupied: [0; LEVELS],
            elapsed: now.as_nanos() >> TICK_BITS,
        }
    }

    /// Adds a timer. The key is for [`Wheel::remove`].
    pub(crate) fn insert(&mut self, at: Instant, value: T) -> Key {
        let tick = at.as_nanos().div_ceil(1 << TICK_BITS);
        let key = self.nodes.insert(Node {
            tick,
            value,
            list: DUE,
            links: Links::default(),
        });
        self.place(key.index);
        key
    }

    /// Takes a timer off. One that fired already is not found.
    pub(crate) fn remove(&mut self, key: Key) {
        let Some(node) = self.nodes.get(key) else {
            return;
        };
        let list = node.list;
        self.lists[list].remove(&mut self.nodes, key.index);
        if list != DUE && self.lists[list].is_empty() {
            self.occupied[list / SLOTS] &= !(1 << (list % SLOTS));
        }
        self.nodes.remove(key);
    }

    /// The next timer that is due at `now`, earliest tick first.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<T> {
        let now = now.as_nanos() >> TICK_BITS;
        loop {
            if let Some(index) = self.lists[DUE].pop_front(&mut self.nodes) {
                let key = self.nodes.key_at(index);
                return self.nodes.remove(key).map(|node| node.value);
            }
            match self.next_slot() {
                Some(slot) if slot.start <= now => self.empty(&slot),
                _ => {
                    self.elapsed = self.elapsed.max(now);
                    return None;
                }
            }
        }
    }

    /// When to call [`Wheel::pop_due`] again.
    pub(crate) fn next(&self) -> Option<Next<T>> {
        let (list, start) = match self.next_slot() {
            _ if !self.lists[DUE].is_empty() => (DUE, self.elapsed),
            Some(slot) => (slot.list, slot.start),
            None => return None,
        };
        let at = Instant::from_nanos(start.saturating_mul(1 << TICK_BITS));
        if list < SLOTS || list == DUE {
            let first = self.lists[list].front()?;
            Some(Next::Due(at, self.nodes.at(first).value))
        } else {
            Some(Next::Sort(at))
        }
    }

    fn place(&mut self, index: u32) {
        let tick = self.nodes.at(index).tick;
        let list = if tick <= self.elapsed {
            DUE
        } else {
            let level = (u64::BITS - 1 - (tick ^ self.elapsed).leading_zeros()) / LEVEL_BITS;
            let slot = digit(tick, level);
            self.occupied[level as usize] |= 1 << slot;
            level as usize * SLOTS + slot
        };
        self.nodes.at_mut(index).list = list;
        self.lists[list].push_back(&mut self.nodes, index);
    }

    fn empty(&mut self, slot: &Slot) {
        debug_assert!(slot.start > self.elapsed, "occupied slots lie ahead");
        self.elapsed = slot.start;
        self.occupied[slot.list / SLOTS] &= !(1 << (slot.list % SLOTS));
        let mut list = core::mem::replace(&mut self.lists[slot.list], List::EMPTY);
        while let Some(index) = list.pop_front(&mut self.nodes) {
            self.place(index);
        }
    }

    fn next_slot(&self) -> Option<Slot> {
        let (level, slots) = self
            .occupied
            .iter()
            .enumerate()
            .find(|(_, slots)| **slots != 0)?;
        let slot = slots.trailing_zeros();
        let shift = LEVEL_BITS * u32::try_from(level).ok()?;
        let above = self.elapsed.checked_shr(shift + LEVEL_BITS).unwrap_or(0);
        let start = (above << LEVEL_BITS | u64::from(slot)) << shift;
        Some(Slot {
            list: level * SLOTS + slot as usize,
            start,
        })
    }
}

#[allow(clippy::cast_possible_truncation, reason = "a digit is below 64")]
const fn digit(tick: u64, level: u32) -> usize {
    (tick >> (level * LEVEL_BITS)) as usize & (SLOTS - 1)
}

#[cfg(test)]
#[path = "../tests/unit/wheel.rs"]
mod tests;
