//! Why something was not done.

use core::time::Duration;

use hobnob_wire::DecodeError;
use thiserror::Error;

use crate::{
    clock::{Ahead, Version},
    limits::{
        CLOCK_AHEAD_MAX, COUNTERS_MAX, KEY_BYTES_MAX, PAYLOAD_BYTES_MAX, SHARES_MAX,
        VALUE_BYTES_MAX,
    },
};

/// A key was not written. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The key is empty or too long: the caller is at fault.
    #[error("the key has {0} bytes; it must have 1 to {KEY_BYTES_MAX}")]
    Key(usize),
    /// The value is too long: the caller is at fault.
    #[error(
        "the value has {0} bytes; at most {VALUE_BYTES_MAX} can be shared: share where to find it instead"
    )]
    Value(usize),
    /// The cluster shares as much as it may. Happens when more is written than removed.
    #[error(
        "with this entry the shared map would have {bytes} bytes, of which {removed} entries are removals that are \
         still remembered; bytes_max is {max}: remove entries, write fewer different keys, or raise it on every node"
    )]
    Full {
        /// Bytes that all entries would have.
        bytes: usize,
        /// Entries that are removals.
        removed: usize,
        /// What is allowed.
        max: usize,
    },
    /// This node's clock was set back: what it wrote earlier is ahead of it.
    #[error(
        "the shared map is {0:?} ahead of this node's clock, more than the {CLOCK_AHEAD_MAX:?} that others \
         believe: set the clock right, or wait"
    )]
    Clock(Duration),
}

/// A key was not compared and set. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CompareError {
    /// Somebody else wrote since the version was read. Happens in normal operation: read again.
    #[error("the entry has another version")]
    Changed {
        /// The version it has now; `None` when there is no such entry.
        current: Option<Version>,
    },
    /// It could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// A counter was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddError {
    /// The name is empty or too long: the caller is at fault.
    #[error("the counter's name has {0} bytes; it must have 1 to {KEY_BYTES_MAX}")]
    Name(usize),
    /// There are as many counters as there may be.
    #[error(
        "there are {0} counters, and no more than {COUNTERS_MAX} may be begun, as they are never removed: count what \
         has no fixed name elsewhere"
    )]
    Counters(usize),
    /// There are as many shares of processes in counters as there may be.
    #[error(
        "{0} processes have shares in counters, and no more than {SHARES_MAX} may begin one: add to fewer counters, \
         from fewer nodes, or wait until those of the day before are folded"
    )]
    Shares(usize),
    /// More than 2^64 − 1 would have been added by this process in a day, or taken away.
    #[error("this process has added or taken away as much as can be counted, 2^64 - 1")]
    Overflow,
    /// This node's clock was set back: what it wrote earlier is ahead of it.
    #[error(
        "shared data is {0:?} ahead of this node's clock, more than the {CLOCK_AHEAD_MAX:?} that others believe: set \
         the clock right, or wait"
    )]
    Clock(Duration),
}

/// A payload was not understood as a whole: the sender is at fault. What stood before the fault took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// The bytes are not a payload.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It is longer than any that is sent.
    #[error("a payload of {0} bytes; at most {PAYLOAD_BYTES_MAX} are sent")]
    TooLarge(usize),
}

impl From<Ahead> for WriteError {
    fn from(ahead: Ahead) -> Self {
        Self::Clock(ahead.0)
    }
}

impl From<Ahead> for AddError {
    fn from(ahead: Ahead) -> Self {
        Self::Clock(ahead.0)
    }
}
