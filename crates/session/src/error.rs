//! What can go wrong, one type for each operation.

use hobnob_wire::{DecodeError, Full, Generation};
use thiserror::Error;

/// Why [`Sessions::connect`](crate::Sessions::connect) did nothing. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ConnectError {
    /// As many addresses are remembered as was configured: forget one, or configure more.
    #[error("all {peers_max} places for peers are taken")]
    TableFull {
        /// The configured number.
        peers_max: usize,
    },
}

/// Why a datagram could not be begun or sealed. Neither the session nor the writer changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SealError {
    /// There is no session with the peer, or the handle is of an earlier tenant of its slot. It happens in
    /// normal operation: the session may have been reset a moment ago.
    #[error("no session with the peer")]
    NoSession,
    /// Header or trailer did not fit: the caller left too little room.
    #[error(transparent)]
    Full(#[from] Full),
}

/// The given generation was not above the current one. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the generation is already {current}")]
pub struct GenerationNotGreater {
    /// The node's generation.
    pub current: Generation,
}

/// Why a datagram was not taken. No session changed; an answer may have been queued.
///
/// All of it can be caused by a stranger, so none of it is an error of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Dropped {
    /// The bytes make no sense, or were corrupted.
    #[error("malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// A hello or its answer that names one of the node's own session ids as the sender's: it is talking
    /// to itself, or someone plays its words back.
    #[error("own words came back")]
    Reflected,
    /// The sender is of another cluster. A hello was refused.
    #[error("another cluster")]
    WrongCluster,
    /// No data version in common, or not the negotiated one. A hello was refused.
    #[error("no common version")]
    Version,
    /// The sender's version of the application does not work with the node's, by the word of one of them. A hello was
    /// refused.
    #[error("an incompatible version of the application")]
    Incompatible,
    /// The sender's generation is below the highest proven one of its address. A hello was refused.
    #[error("the sender's generation is past")]
    StaleGeneration,
    /// A hello of a new address, and every place is taken by a peer that is remembered.
    #[error("all places for peers are taken")]
    TableFull,
    /// An answer or reset that fits nothing the node asked or has.
    #[error("fits no attempt and no session")]
    Unsolicited,
    /// Data for a session that is not known. A reset was queued, unless there were too many.
    #[error("unknown session")]
    UnknownSession,
    /// Data for a session of another address.
    #[error("not the session's address")]
    WrongAddress,
    /// Data that was already taken.
    #[error("replayed")]
    Replayed,
    /// Data too old to tell whether it was already taken.
    #[error("too old")]
    TooOld,
}
