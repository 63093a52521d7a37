//! What must never be seen of shared data.

use thiserror::Error;

use crate::model::ProcessId;

/// Shared data that is not as it can be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Misshare {
    /// A copy has what nobody wrote, or misses what nobody removed.
    #[error("{by} has {seen} under {key:?}, which nobody wrote")]
    Unwritten {
        /// Whose copy.
        by: ProcessId,
        /// Which key.
        key: String,
        /// What it has.
        seen: String,
    },
    /// A copy went back: an earlier write came after a later one, or a removed value is there again.
    #[error("{by} has {seen} under {key:?} after {before}")]
    WentBack {
        /// Whose copy.
        by: ProcessId,
        /// Which key.
        key: String,
        /// What it has now.
        seen: String,
        /// What it had.
        before: String,
    },
    /// A write is not later than what its writer had seen.
    #[error("{by} wrote {written} under {key:?}, where it had seen {before}")]
    WrittenBefore {
        /// Who wrote.
        by: ProcessId,
        /// Which key.
        key: String,
        /// Which write it is.
        written: String,
        /// What it had.
        before: String,
    },
    /// A comparison told what is not so.
    #[error("{by} was told that {key:?} {} as expected; it has {has}, expected was {expected}", if *was_equal { "is" } else { "is not" })]
    ComparedWrongly {
        /// Who compared.
        by: ProcessId,
        /// Which key.
        key: String,
        /// What it has, as far as it was reported.
        has: String,
        /// What was expected.
        expected: String,
        /// What was told.
        was_equal: bool,
    },
    /// What is read is not what was reported.
    #[error("{by} has {seen} under {key:?}; it has reported {reported}")]
    Unreported {
        /// Whose copy.
        by: ProcessId,
        /// Which key or counter.
        key: String,
        /// What is read.
        seen: String,
        /// What was reported.
        reported: String,
    },
    /// The faults are over, and two copies still differ.
    #[error("{by} has {seen} under {key:?}; {other} has {others}")]
    CopiesDiffer {
        /// Whose copy.
        by: ProcessId,
        /// Which key or counter.
        key: String,
        /// What it has.
        seen: String,
        /// Whose other copy.
        other: ProcessId,
        /// What that has.
        others: String,
    },
    /// Copies that are equal take themselves for different.
    #[error("{by} and {other} have the same, and do not know it")]
    NotKnownEqual {
        /// Whose copy.
        by: ProcessId,
        /// Whose other copy.
        other: ProcessId,
    },
    /// A counter is not what was added to it.
    #[error("{by} counts {value} {name:?}; what was added makes {} to {}", bounds.0, bounds.1)]
    Miscounted {
        /// Whose copy.
        by: ProcessId,
        /// Which counter.
        name: String,
        /// What it counts.
        value: i64,
        /// The least and the most there can be.
        bounds: (i64, i64),
    },
}

impl Misshare {
    pub(in crate::model) const fn name(&self) -> &'static str {
        match self {
            Self::Unwritten { .. } => "value-unwritten",
            Self::WentBack { .. } => "value-went-back",
            Self::WrittenBefore { .. } => "written-before",
            Self::ComparedWrongly { .. } => "compared-wrongly",
            Self::Unreported { .. } => "value-unreported",
            Self::CopiesDiffer { .. } => "copies-differ",
            Self::NotKnownEqual { .. } => "not-known-equal",
            Self::Miscounted { .. } => "miscounted",
        }
    }
}
