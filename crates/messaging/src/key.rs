//! Handles: the caller's name for a call, and places in tables that are used again.

use hobnob_wire::{MessageId, Peer};
use slab::Slab;

/// The caller's name for a call, echoed in its completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// A call under way. A stale one finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallKey(pub(crate) Key);

/// A fan-out under way. A stale one finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FanOutKey(pub(crate) Key);

/// A request that came from a peer. A stale one finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestKey {
    pub(crate) peer: Peer,
    pub(crate) id: MessageId,
    pub(crate) key: Key,
}

impl RequestKey {
    /// Who sent the request.
    pub const fn peer(&self) -> Peer {
        self.peer
    }
}

/// A place in a [`Keyed`] table and its tenant's serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) index: u32,
    pub(crate) serial: u64,
}

/// A table whose places are used again, without a stale key ever finding the next tenant.
#[derive(Debug)]
pub(crate) struct Keyed<T> {
    entries: Slab<(u64, T)>,
    next_serial: u64,
}

impl<T> Keyed<T> {
    pub(crate) const fn new() -> Self {
        Self {
            entries: Slab::new(),
            next_serial: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn insert(&mut self, value: T) -> Key {
        let serial = self.next_serial;
        self.next_serial += 1;
        let index = self.entries.insert((serial, value));
        let index = u32::try_from(index).expect("the limits keep every table below 2^32 entries");
        Key { index, serial }
    }

    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let (serial, value) = self.entries.get(key.index as usize)?;
        (*serial == key.serial).then_some(value)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let (serial, value) = self.entries.get_mut(key.index as usize)?;
        (*serial == key.serial).then_some(value)
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        Some(self.entries.remove(key.index as usize).1)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        self.entries.iter().map(|(index, (serial, _))| Key {
            index: u32::try_from(index).expect("as when it was inserted"),
            serial: *serial,
        })
    }

    /// The key of the tenant at `index`, which must be one.
    pub(crate) fn key_at(&self, index: u32) -> Key {
        Key {
            index,
            serial: self.entries[index as usize].0,
        }
    }

    /// The tenant at `index`, which must be one: for tables that link their own entries.
    pub(crate) fn at(&self, index: u32) -> &T {
        &self.entries[index as usize].1
    }

    /// As [`Keyed::at`].
    pub(crate) fn at_mut(&mut self, index: u32) -> &mut T {
        &mut self.entries[index as usize].1
    }
}
