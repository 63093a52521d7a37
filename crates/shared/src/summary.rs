//! A part of the hash space with the hashes of what is in it.

use alloc::vec::Vec;

use hobnob_wire::{DecodeError, Full, Reader, Writer};

use crate::digest::Hashes;

/// All items of a copy whose names have hashes from the first to the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// In order.
    pub(crate) items: Vec<Hashes>,
}

impl Range {
    /// Encoded bytes without the items.
    pub(crate) const HEAD_BYTES: usize = 8 + 8 + 2;
    /// Encoded bytes of an item's hashes.
    pub(crate) const ITEM_BYTES: usize = 16;

    pub(crate) fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        w.u64(self.first)?;
        w.u64(self.last)?;
        w.u16(u16::try_from(self.items.len()).map_err(|_| Full)?)?;
        self.items.iter().try_for_each(|(name, state)| {
            w.u64(*name)?;
            w.u64(*state)
        })
    }

    /// Reads one that begins after the `floor`, if there is one.
    pub(crate) fn decode(r: &mut Reader<'_>, floor: Option<u64>) -> Result<Self, DecodeError> {
        let (first, last) = (r.u64("range first")?, r.u64("range last")?);
        if first > last || floor.is_some_and(|floor| first <= floor) {
            return Err(DecodeError::Invalid { field: "range" });
        }
        let count = usize::from(r.u16("range count")?);
        if r.remaining() < count * Self::ITEM_BYTES {
            return Err(DecodeError::Missing {
                field: "range items",
            });
        }
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push((r.u64("item name")?, r.u64("item state")?));
        }
        let is_in = |(name, _): &Hashes| (first..=last).contains(name);
        if !items.iter().all(is_in) {
            return Err(DecodeError::Invalid {
                field: "range items",
            });
        }
        Ok(Self { first, last, items })
    }
}
