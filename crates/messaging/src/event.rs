//! What the core tells its owner.

use alloc::vec::Vec;

use bytes::Bytes;
use hobnob_wire::{Command, Instant, Peer, StreamId};
use thiserror::Error;

use crate::key::{RequestKey, Token};

/// Something the owner must know or act on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A one-way message ended.
    Sent {
        /// The caller's name for it.
        token: Token,
        /// `Ok` when the peer has taken it for its handlers.
        result: Result<(), Failure>,
    },
    /// A request ended.
    Answered {
        /// The caller's name for it.
        token: Token,
        /// The handler's answer.
        result: Result<Bytes, Failure>,
    },
    /// Every delivery of a fan-out ended.
    FannedOut {
        /// The caller's name for it.
        token: Token,
        /// How each ended, in the order in which the peers were given.
        report: Vec<(Peer, Result<(), Failure>)>,
    },
    /// A one-way message came. It holds a place of [`Config::incoming_max`](crate::Config::incoming_max)
    /// until [`Messaging::handled`](crate::Messaging::handled).
    Message {
        /// Who sent it.
        peer: Peer,
        /// For which handlers.
        command: Command,
        /// The stream it keeps the order of: messages of one stream and peer are told in the order in which
        /// they were sent, and are to be handled in it.
        stream: Option<StreamId>,
        /// What it says.
        payload: Bytes,
    },
    /// A request came. It holds a place of [`Config::incoming_max`](crate::Config::incoming_max) until
    /// [`Messaging::respond`](crate::Messaging::respond) or [`Event::Cancelled`], whichever is first; its
    /// deadline brings about the latter.
    Request {
        /// For the response.
        key: RequestKey,
        /// Who sent it.
        peer: Peer,
        /// For which handlers.
        command: Command,
        /// What it says.
        payload: Bytes,
        /// When the caller gives up.
        deadline: Instant,
    },
    /// Nobody waits for the response to this request any more: the caller gave up, its deadline passed, or
    /// its session ended. The place it held is free; its handler should be stopped.
    Cancelled {
        /// Which request.
        key: RequestKey,
    },
    /// An unreliable message came. It holds no place.
    Unreliable {
        /// Who sent it.
        peer: Peer,
        /// For which handlers.
        command: Command,
        /// What it says.
        payload: Bytes,
    },
    /// There is room again for a peer whose queue was full when something was to be sent.
    Writable {
        /// Which peer.
        peer: Peer,
    },
}

/// Why a call came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Failure {
    /// The deadline passed. Whether the peer handled it is unknown.
    #[error("the deadline passed")]
    Timeout,
    /// The peer is down. Whether it handled the call is unknown if it had been sent.
    #[error("the peer is down")]
    PeerDown,
    /// The peer was restarted after the call was made. Its former self may have handled it.
    #[error("the peer was restarted")]
    PeerRestarted,
    /// The session with the peer was lost after the call was sent. Whether it was handled is unknown.
    #[error("the session with the peer was lost")]
    SessionLost,
    /// The peer has no handler for the command. Not handled.
    #[error("the peer has no handler for the command")]
    NoHandler,
    /// The peer has too much to do. Not handled.
    #[error("the peer is overloaded")]
    Overloaded,
    /// The peer handled the request, but its answer was dropped for want of memory: there, as too many others
    /// waited to be acknowledged, or here, where it came in pieces and was unfinished.
    #[error("the answer was dropped for want of memory")]
    AnswerDropped,
    /// The peer handled the request, but its answer is larger than is accepted here.
    #[error("the answer is larger than is accepted here")]
    AnswerTooLarge,
    /// The message is larger than the peer accepts. Not handled.
    #[error("the message is larger than the peer accepts")]
    TooLarge,
    /// The bytes made no sense to the other side, or its answer made none here.
    #[error("the message was malformed")]
    Malformed,
    /// The handler failed, with this text in UTF-8.
    #[error("the handler failed: {}", core::str::from_utf8(.0).unwrap_or("(not UTF-8)"))]
    Handler(Bytes),
}
