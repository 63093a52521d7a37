//! What is told about: the parts of a copy, each of which is merged for itself.

use alloc::sync::Arc;

use bytes::Bytes;

use crate::clock::{Process, Version};

/// A key's last write.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot {
    pub(crate) version: Version,
    /// `None` when it was removed.
    pub(crate) value: Option<Bytes>,
}

/// How much was added and taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) plus: u64,
    pub(crate) minus: u64,
}

impl Tally {
    /// What both know together.
    pub(crate) fn merged(self, other: Self) -> Self {
        Self {
            plus: self.plus.max(other.plus),
            minus: self.minus.max(other.minus),
        }
    }

    /// The sum of two that count different things, or the greatest there is.
    pub(crate) const fn plus(self, other: Self) -> Self {
        Self {
            plus: self.plus.saturating_add(other.plus),
            minus: self.minus.saturating_add(other.minus),
        }
    }

    /// `None` where it cannot be counted.
    pub(crate) fn add(self, delta: i64) -> Option<Self> {
        let amount = delta.unsigned_abs();
        let (plus, minus) = if delta < 0 { (0, amount) } else { (amount, 0) };
        Some(Self {
            plus: self.plus.checked_add(plus)?,
            minus: self.minus.checked_add(minus)?,
        })
    }

    pub(crate) fn value(self) -> i128 {
        i128::from(self.plus) - i128::from(self.minus)
    }
}

/// One process's part in a counter in one period. Ordered by age first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ShareKey {
    pub(crate) period: u32,
    pub(crate) name: Arc<str>,
    pub(crate) process: Process,
}

/// The sum of all shares of a counter up to a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Folded {
    pub(crate) through: u32,
    pub(crate) tally: Tally,
}

/// Names an item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ItemKey {
    Entry(Arc<str>),
    Share(ShareKey),
    Folded(Arc<str>),
}

/// An item as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Entry(Arc<str>, Slot),
    Share(ShareKey, Tally),
    Folded(Arc<str>, Folded),
}

impl Item {
    pub(crate) fn key(&self) -> ItemKey {
        match self {
            Self::Entry(key, _) => ItemKey::Entry(key.clone()),
            Self::Share(key, _) => ItemKey::Share(key.clone()),
            Self::Folded(name, _) => ItemKey::Folded(name.clone()),
        }
    }
}
