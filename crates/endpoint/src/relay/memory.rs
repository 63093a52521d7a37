//! Which fan-outs this node has decided on, so that it decides once.

use alloc::collections::BTreeMap;
use core::net::SocketAddr;

use hobnob_wire::{FanOutId, Generation, RelayOutcome};

use super::limits::{IDLE_LOOKS_MAX, ORIGINS_MAX, REMEMBERED_MAX, REMEMBERED_PER_ORIGIN_MAX};

/// What was decided for each fan-out that may still be spoken of. What falls out counts as over, never as
/// new: time is no reason to forget, as nobody knows how long a stopped relay sleeps.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    origins: BTreeMap<(SocketAddr, Generation), Origin>,
    len: usize,
}

#[derive(Debug, Default)]
struct Origin {
    /// Fan-outs with a lower serial are over.
    floor: u64,
    decided: BTreeMap<u64, RelayOutcome>,
    idle_looks: u32,
}

/// What is known of a fan-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing: it is to be decided on, and remembered.
    New,
    /// This was decided.
    Decided(RelayOutcome),
    /// It is over, or there is no room to remember it: it is not to be taken.
    Over,
}

impl Memory {
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Looks a fan-out up. Its origin says that those below `floor` are over.
    pub(crate) fn look(&mut self, id: FanOutId, floor: u64) -> Known {
        let key = (id.origin, id.generation);
        let Some(origin) = self.origins.get_mut(&key) else {
            return if self.origins.len() < ORIGINS_MAX && self.len < REMEMBERED_MAX {
                Known::New
            } else {
                Known::Over
            };
        };
        origin.idle_looks = 0;
        let before = origin.decided.len();
        origin.raise(floor);
        self.len -= before - origin.decided.len();
        let is_full = self.len >= REMEMBERED_MAX && origin.decided.is_empty();
        match origin.decided.get(&id.serial) {
            Some(outcome) => Known::Decided(*outcome),
            None if id.serial < origin.floor || is_full => Known::Over,
            None => Known::New,
        }
    }

    /// Remembers what was decided for a fan-out that is new.
    pub(crate) fn decide(&mut self, id: FanOutId, floor: u64, outcome: RelayOutcome) {
        let origin = self.origins.entry((id.origin, id.generation)).or_default();
        let before = origin.decided.len();
        origin.raise(floor);
        let is_full = self.len - (before - origin.decided.len()) >= REMEMBERED_MAX
            || origin.decided.len() >= REMEMBERED_PER_ORIGIN_MAX;
        origin.decided.insert(id.serial, outcome);
        if is_full && let Some((oldest, _)) = origin.decided.pop_first() {
            origin.floor = origin.floor.max(oldest + 1);
        }
        self.len = self.len + origin.decided.len() - before;
    }

    /// Forgets origins that are no members and were not heard of for long.
    pub(crate) fn sweep(&mut self, is_member: impl Fn(SocketAddr, Generation) -> bool) {
        let len = &mut self.len;
        self.origins.retain(|(addr, generation), origin| {
            origin.idle_looks += 1;
            let stays = origin.idle_looks <= IDLE_LOOKS_MAX || is_member(*addr, *generation);
            if !stays {
                *len -= origin.decided.len();
            }
            stays
        });
    }
}

impl Origin {
    fn raise(&mut self, floor: u64) {
        if floor > self.floor {
            self.floor = floor;
            self.decided = self.decided.split_off(&floor);
        }
    }
}
