//! Hashes by which two copies are compared.

use alloc::{boxed::Box, collections::BTreeMap, vec};

use twox_hash::XxHash3_64;

use crate::item::ItemKey;

/// Parts of the hash space, each with a hash of its own: 2 KiB for all of them, and at 50,000 items 200 in one
/// that differs, 3 KiB.
pub(crate) const BUCKETS: usize = 256;

/// A name's and a state's hash.
pub(crate) type Hashes = (u64, u64);

/// The hash of every item, in the order of the hashes of their names.
#[derive(Debug)]
pub(crate) struct Digest {
    items: BTreeMap<(u64, ItemKey), u64>,
    /// The sum of the items' hashes: it does not depend on their order, and one can be taken out again.
    buckets: Box<[u64]>,
}

impl Digest {
    pub(crate) fn new() -> Self {
        Self {
            items: BTreeMap::new(),
            buckets: vec![0; BUCKETS].into_boxed_slice(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Takes note of an item's state, or that it is not held any more.
    pub(crate) fn set(&mut self, key: ItemKey, state: Option<u64>) {
        let name = key.hash();
        let at = (name, key);
        let before = match state {
            Some(state) => self.items.insert(at, state),
            None => self.items.remove(&at),
        };
        if let Some(bucket) = self.buckets.get_mut(bucket_of(name)) {
            *bucket = bucket
                .wrapping_sub(before.map_or(0, |state| mixed((name, state))))
                .wrapping_add(state.map_or(0, |state| mixed((name, state))));
        }
    }

    pub(crate) fn buckets(&self) -> &[u64] {
        &self.buckets
    }

    /// One hash for everything: FxHash's step over those of the buckets, which are well mixed already.
    pub(crate) fn root(&self) -> u64 {
        self.buckets.iter().fold(0, |root: u64, bucket| {
            (root.rotate_left(5) ^ bucket).wrapping_mul(0x517c_c1b7_2722_0a95)
        })
    }

    /// The items whose names have hashes from the first to the last one, in order.
    pub(crate) fn range(&self, first: u64, last: u64) -> impl Iterator<Item = (Hashes, &ItemKey)> {
        let from = (first, ItemKey::first());
        let items = self.items.range(from..);
        items
            .take_while(move |((name, _), _)| *name <= last)
            .map(|((name, key), state)| ((*name, *state), key))
    }
}

/// In which part a hash falls.
pub(crate) fn bucket_of(hash: u64) -> usize {
    usize::try_from(hash >> 56).unwrap_or_default()
}

/// The hashes that fall in a part.
pub(crate) const fn bucket_range(bucket: u8) -> (u64, u64) {
    let first = (bucket as u64) << 56;
    (first, first | (u64::MAX >> 8))
}

fn mixed((a, b): Hashes) -> u64 {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&a.to_be_bytes());
    bytes[8..].copy_from_slice(&b.to_be_bytes());
    XxHash3_64::oneshot(&bytes)
}
