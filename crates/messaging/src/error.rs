//! Why a command was not carried out.

use hobnob_wire::DecodeError;
use thiserror::Error;

/// A message was not taken on: nothing changed, nothing will be sent, and no completion follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The payload is larger than the configuration allows.
    #[error("the payload has {len} bytes, {max} are allowed")]
    TooLarge {
        /// Its bytes.
        len: usize,
        /// What is allowed.
        max: usize,
    },
    /// The caller is ahead of the peer or of the network. [`Event::Writable`](crate::Event::Writable) tells
    /// when there is room again; too many fan-out deliveries have no such event.
    #[error("{messages} messages with {bytes} bytes are waiting already")]
    QueueFull {
        /// Messages that wait.
        messages: usize,
        /// Bytes of their payloads.
        bytes: usize,
    },
    /// The deadline was not after now.
    #[error("the deadline has passed")]
    DeadlinePassed,
    /// The handle is of an address that was forgotten; its place has another tenant.
    #[error("the peer was forgotten")]
    Forgotten,
}

/// A response was not taken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RespondError {
    /// The request was answered, or cancelled, its deadline has passed, or the peer lost the session it
    /// came in. Happens in normal operation; nothing changed.
    #[error("nobody waits for this response any more")]
    Gone,
    /// The payload is larger than the configuration allows. The request is still open.
    #[error("the payload has {len} bytes, {max} are allowed")]
    TooLarge {
        /// Its bytes.
        len: usize,
        /// What is allowed.
        max: usize,
    },
}

/// A packet was not taken as a whole. It is not acknowledged; frames before the bad one took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PacketError {
    /// The peer has no session here; nothing changed. Packets overtaken by the end of their session.
    #[error("there is no session with the peer")]
    NoSession,
    /// The bytes are not frames: the sender is at fault.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A gossip frame stands after other frames: the sender is at fault.
    #[error("a gossip frame stands after other frames")]
    Gossip,
}
