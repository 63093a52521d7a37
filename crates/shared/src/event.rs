//! What the owner is told.

use alloc::sync::Arc;

use crate::data::Entry;

/// Something is not as it was in this node's copy, whoever changed it. Between two changes that a peer told of in one
/// payload there is no order, and of several changes of one item only the last may be told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A key has another value, or one at all.
    Set {
        /// Which key.
        key: Arc<str>,
        /// What it has now.
        entry: Entry,
    },
    /// A key has no value any more.
    Removed {
        /// Which key.
        key: Arc<str>,
    },
    /// A counter has another value.
    Counted {
        /// Which counter.
        name: Arc<str>,
        /// Its value now.
        value: i64,
    },
}
