//! What can happen to shared data.

use hobnob_endpoint::shared::Version;

use crate::model::Digest;

/// A key's value as one copy has it: which write it is, and what that wrote.
pub type Value = (Version, Digest);

/// Something that happened to shared data.
#[derive(Clone, Copy, Debug)]
pub enum Sharing<'a> {
    /// A key was given a value.
    Wrote {
        /// Which key.
        key: &'a str,
        /// The write, and the value.
        value: Value,
    },
    /// A key that had a value was removed.
    Removed {
        /// Which key.
        key: &'a str,
    },
    /// A key was to be given a value if it had a certain one; what was done is told besides.
    Compared {
        /// Which key.
        key: &'a str,
        /// Which write it was to be, `None` if there was to be no value.
        expected: Option<Version>,
        /// Whether it was.
        was_equal: bool,
    },
    /// A copy reports that a key has another value, or none any more.
    Changed {
        /// Which key.
        key: &'a str,
        /// What it has now.
        value: Option<Value>,
    },
    /// Somebody read a key, all changes of which were reported.
    Read {
        /// Which key.
        key: &'a str,
        /// What it has.
        value: Option<Value>,
    },
    /// Something was added to a counter.
    Added {
        /// Which counter.
        name: &'a str,
        /// How much; less than nothing if it was taken away.
        delta: i64,
    },
    /// A copy reports that a counter has another value.
    Counted {
        /// Which counter.
        name: &'a str,
        /// What it has.
        value: i64,
    },
}

impl Sharing<'_> {
    /// What it is in a table of what was done, if anything was.
    pub(super) const fn done(&self) -> Option<&'static str> {
        match self {
            Self::Wrote { .. } => Some("written"),
            Self::Removed { .. } => Some("removed"),
            Self::Added { .. } => Some("added"),
            Self::Compared {
                was_equal: true, ..
            } => Some("compared: equal"),
            Self::Compared { .. } => Some("compared: other"),
            Self::Changed { .. } | Self::Read { .. } | Self::Counted { .. } => None,
        }
    }
}
