//! What must never be read of what processes say of themselves.

use thiserror::Error;

use crate::model::ProcessId;

/// What was read of a process is not what it said.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Missaid {
    /// It never said that.
    #[error("{by} reads of {of} what that never said: {seen}")]
    NeverSaid {
        /// Who reads it.
        by: ProcessId,
        /// Whose values.
        of: ProcessId,
        /// What is read.
        seen: String,
    },
    /// It said that before it said what was read earlier.
    #[error("{by} reads of {of} what that said before {before}: {seen}")]
    WentBack {
        /// Who reads it.
        by: ProcessId,
        /// Whose values.
        of: ProcessId,
        /// What is read.
        seen: String,
        /// What was read before.
        before: String,
    },
    /// A value is another one than it was, and that was not reported.
    #[error("{by} reads another {key:?} of {of} and has not reported it")]
    Unreported {
        /// Who reads it.
        by: ProcessId,
        /// Whose values.
        of: ProcessId,
        /// Which key.
        key: String,
    },
    /// The faults are over, and somebody has not heard the last of it.
    #[error("{by} reads of {of} {seen}; the last that was said is {said}")]
    NotLast {
        /// Who reads it.
        by: ProcessId,
        /// Whose values.
        of: ProcessId,
        /// What is read.
        seen: String,
        /// What was said.
        said: String,
    },
}

impl Missaid {
    pub(in crate::model) const fn name(&self) -> &'static str {
        match self {
            Self::NeverSaid { .. } => "never-said",
            Self::WentBack { .. } => "saying-went-back",
            Self::Unreported { .. } => "saying-unreported",
            Self::NotLast { .. } => "not-last-said",
        }
    }
}
