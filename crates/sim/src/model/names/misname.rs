//! What must never be seen of names.

use std::net::SocketAddr;

use hobnob_endpoint::wire::Generation;
use thiserror::Error;

use crate::model::ProcessId;

/// A name that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Misname {
    /// A process was told of another one of its name that has another name, or never was.
    #[error("{by} was told that {addr}, generation {}, has its name", generation.0)]
    NoNamesake {
        /// Who was told.
        by: ProcessId,
        /// Of whom: where.
        addr: SocketAddr,
        /// Which process there.
        generation: Generation,
    },
    /// A process was refused that was the only one of its name all the time.
    #[error("{by} was refused; nobody else has lived under its name since it began")]
    UniqueRefused {
        /// Who was.
        by: ProcessId,
    },
    /// What a process shows of itself is not what it was told.
    #[error("{by} {} refused, and was told otherwise", if *is_refused { "is" } else { "is not" })]
    Untold {
        /// Who shows it.
        by: ProcessId,
        /// Whether it is refused.
        is_refused: bool,
    },
    /// Two nodes of one name are shown at once.
    #[error("{by} shows {} and {} at once, which have one name", addrs.0, addrs.1)]
    ShownTwice {
        /// Who shows them.
        by: ProcessId,
        /// Where they are; one may be itself.
        addrs: (SocketAddr, SocketAddr),
    },
    /// One that was replaced is not in the place of one of its name.
    #[error("{by} reports that {addr} was replaced by {other}, which has another name")]
    ReplacedByOther {
        /// Who reports it.
        by: ProcessId,
        /// Who is said to be replaced.
        addr: SocketAddr,
        /// By whom.
        other: SocketAddr,
    },
    /// The faults are over, and two live processes still have one name.
    #[error("{one} and {other} both have the name {name:?}")]
    HeldTwice {
        /// The name.
        name: String,
        /// One.
        one: ProcessId,
        /// The other.
        other: ProcessId,
    },
    /// The faults are over, and all that live under a name are still refused.
    #[error("{by} is refused, and nobody who lives has the name {name:?}")]
    Unheld {
        /// The name.
        name: String,
        /// Who is refused.
        by: ProcessId,
    },
    /// One that was established yields to one that came later.
    #[error("{by} was refused its name because of {addr}, a later one")]
    OlderRefused {
        /// Who was.
        by: ProcessId,
        /// Where the other one is.
        addr: SocketAddr,
    },
    /// One who has its name was never told that another one is refused because of it.
    #[error("{holder} was not told of {other}, which is refused its name")]
    HolderUntold {
        /// Who has it.
        holder: ProcessId,
        /// Who is refused.
        other: ProcessId,
    },
}

impl Misname {
    pub(in crate::model) const fn name(&self) -> &'static str {
        match self {
            Self::NoNamesake { .. } => "no-namesake",
            Self::UniqueRefused { .. } => "unique-refused",
            Self::Untold { .. } => "refusal-untold",
            Self::ShownTwice { .. } => "name-shown-twice",
            Self::ReplacedByOther { .. } => "replaced-by-other",
            Self::HeldTwice { .. } => "name-held-twice",
            Self::Unheld { .. } => "name-unheld",
            Self::OlderRefused { .. } => "older-refused",
            Self::HolderUntold { .. } => "holder-untold",
        }
    }
}
