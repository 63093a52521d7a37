//! What can go wrong with a call, one enum for each kind.

use std::net::SocketAddr;

use hobnob_endpoint::{CallError, DeliveryError, messaging};
use thiserror::Error;

use crate::payload::EncodeError;

/// Why a handler was not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HandleError {
    /// Commands below 100 belong to Hobnob.
    #[error("command {command} is reserved: use one from 100 to 65535")]
    Reserved {
        /// The command that was asked for.
        command: u16,
    },
}

/// Why a reliable one-way message was not delivered, or not known to be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The deadline passed without an acknowledgement. The message may have been handled.
    #[error("timed out; whether the message was handled is not known")]
    Timeout,
    /// The node failed or left, or refuses to talk to this one. The message may have been handled.
    #[error("the node is down")]
    PeerDown,
    /// The process that was meant is gone; another one is at its address, which did not get the message.
    /// The one before may have handled it.
    #[error("the node was restarted")]
    PeerRestarted,
    /// The node has no handler for the command. The message was not handled.
    #[error("the node has no handler for the command")]
    NoHandler,
    /// The node has too much to do. The message was not handled.
    #[error("the node is overloaded")]
    Overloaded,
    /// As much is waiting for the node already as the queue to it holds. Nothing was sent. Told by
    /// [`Mesh::try_send`](crate::Mesh::try_send), where [`Mesh::send`](crate::Mesh::send) waits.
    #[error("the queue to the node is full")]
    QueueFull,
    /// The message is larger than this node sends. Nothing was sent.
    #[error(
        "the message has {len} bytes; {max} are allowed: split it, or raise message_bytes_max on both nodes"
    )]
    TooLarge {
        /// Bytes of the payload.
        len: usize,
        /// Bytes there may be: [`message_bytes_max`](crate::MeshBuilder::message_bytes_max).
        max: usize,
    },
    /// The message is larger than the other node accepts. It was not handled.
    #[error(
        "the message is larger than the node accepts: split it, or raise message_bytes_max there"
    )]
    TooLargeForPeer,
    /// Commands below 100 belong to Hobnob. Nothing was sent.
    #[error("command {command} is reserved: use one from 100 to 65535")]
    Reserved {
        /// The command that was asked for.
        command: u16,
    },
    /// The payload could not be encoded. Nothing was sent.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// No node can have this address: it has no port, or means no single machine. Nothing was sent.
    #[error("no node can have this address: it has no port, or means no single machine")]
    BadAddress,
    /// As many addresses are in use as this node can remember. Nothing was sent.
    #[error("too many peers")]
    TooManyPeers,
    /// This node was shut down.
    #[error("this node was shut down")]
    Closed,
}

/// Why a request has no response.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The deadline passed. The request may have been handled.
    #[error("timed out; whether the request was handled is not known")]
    Timeout,
    /// The node failed or left, or refuses to talk to this one. The request may have been handled.
    #[error("the node is down")]
    PeerDown,
    /// The process that was meant is gone; another one is at its address, which did not get the request.
    /// The one before may have handled it.
    #[error("the node was restarted")]
    PeerRestarted,
    /// The node has no handler for the command.
    #[error("the node has no handler for the command")]
    NoHandler,
    /// The node has too much to do. The request was not handled.
    #[error("the node is overloaded")]
    Overloaded,
    /// The handler failed, with this text.
    #[error("the handler failed: {0}")]
    Handler(String),
    /// The request was handled, but memory for its answer ran out, here or there. It can be asked for again if the
    /// handler bears being run twice.
    #[error("the request was handled, but its answer was dropped for want of memory")]
    AnswerDropped,
    /// The request was handled, but its answer is larger than this node accepts.
    #[error(
        "the request was handled, but its answer is larger than this node accepts: raise message_bytes_max here"
    )]
    AnswerTooLarge,
    /// As much is waiting for the node already as the queue to it holds. Nothing was sent. Told by
    /// [`Mesh::try_request`](crate::Mesh::try_request), where [`Mesh::request`](crate::Mesh::request) waits.
    #[error("the queue to the node is full")]
    QueueFull,
    /// The request is larger than this node sends. Nothing was sent.
    #[error(
        "the request has {len} bytes; {max} are allowed: split it, or raise message_bytes_max on both nodes"
    )]
    TooLarge {
        /// Bytes of the payload.
        len: usize,
        /// Bytes there may be: [`message_bytes_max`](crate::MeshBuilder::message_bytes_max).
        max: usize,
    },
    /// The request is larger than the other node accepts. It was not handled.
    #[error(
        "the request is larger than the node accepts: split it, or raise message_bytes_max there"
    )]
    TooLargeForPeer,
    /// Commands below 100 belong to Hobnob. Nothing was sent.
    #[error("command {command} is reserved: use one from 100 to 65535")]
    Reserved {
        /// The command that was asked for.
        command: u16,
    },
    /// The payload could not be encoded. Nothing was sent.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// No node can have this address: it has no port, or means no single machine. Nothing was sent.
    #[error("no node can have this address: it has no port, or means no single machine")]
    BadAddress,
    /// As many addresses are in use as this node can remember. Nothing was sent.
    #[error("too many peers")]
    TooManyPeers,
    /// This node was shut down.
    #[error("this node was shut down")]
    Closed,
}

/// Why an unreliable message was not handed to the kernel. It was not sent.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum USendError {
    /// It does not fit into one datagram.
    #[error("{len} bytes do not fit into one datagram: {max} would")]
    TooLarge {
        /// Bytes of the payload.
        len: usize,
        /// Bytes that would have fitted.
        max: usize,
    },
    /// No session with the node came about in time.
    #[error("timed out before there was a session with the node")]
    Timeout,
    /// The node failed or left, or refuses to talk to this one.
    #[error("the node is down")]
    PeerDown,
    /// The process that was meant is gone; another one is at its address.
    #[error("the node was restarted")]
    PeerRestarted,
    /// Commands below 100 belong to Hobnob.
    #[error("command {command} is reserved: use one from 100 to 65535")]
    Reserved {
        /// The command that was asked for.
        command: u16,
    },
    /// The payload could not be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// No node can have this address: it has no port, or means no single machine. Nothing was sent.
    #[error("no node can have this address: it has no port, or means no single machine")]
    BadAddress,
    /// As many addresses are in use as this node can remember.
    #[error("too many peers")]
    TooManyPeers,
    /// This node was shut down.
    #[error("this node was shut down")]
    Closed,
}

/// Why a node is in nobody's view: see [`Mesh::refusal`](crate::Mesh::refusal).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "the name {name:?} belongs to the node at {address} (generation {generation}), which is alive: this one is in no view \
     until that one is gone; stop one of the two, or give this one another name"
)]
#[non_exhaustive]
pub struct NameTaken {
    /// The name.
    pub name: String,
    /// Where the node is that has it.
    pub address: SocketAddr,
    /// Which life of that node.
    pub generation: u64,
}

/// How a call that was taken on went wrong, whatever its kind.
#[derive(Clone, Debug)]
#[doc(hidden)]
pub enum Trouble {
    /// The call was taken on and ended badly.
    Failed(messaging::Failure),
    /// The call was not taken on.
    NotTaken(CallError),
    /// A handler of this very node failed.
    Handler(String),
    /// The command belongs to Hobnob.
    Reserved(u16),
    /// The payload has no encoding.
    Encode(EncodeError),
    /// This node is shut down.
    Closed,
}

impl From<DeliveryError> for Trouble {
    fn from(error: DeliveryError) -> Self {
        match error {
            DeliveryError::NotTaken(error) => Self::NotTaken(error),
            DeliveryError::Failed(failure) => Self::Failed(failure),
            _ => Self::Failed(messaging::Failure::Timeout),
        }
    }
}

impl From<Trouble> for SendError {
    fn from(trouble: Trouble) -> Self {
        use messaging::{Failure, SendError as Refused};
        match trouble {
            Trouble::Failed(Failure::PeerDown) | Trouble::NotTaken(CallError::PeerDown) => {
                Self::PeerDown
            }
            Trouble::Failed(Failure::PeerRestarted)
            | Trouble::NotTaken(CallError::PeerRestarted) => Self::PeerRestarted,
            Trouble::Failed(Failure::NoHandler) => Self::NoHandler,
            Trouble::Failed(Failure::Overloaded) => Self::Overloaded,
            Trouble::NotTaken(CallError::Refused(Refused::QueueFull { .. })) => Self::QueueFull,
            Trouble::Failed(Failure::TooLarge) => Self::TooLargeForPeer,
            Trouble::NotTaken(CallError::Refused(Refused::TooLarge { len, max })) => {
                Self::TooLarge { len, max }
            }
            Trouble::NotTaken(CallError::TooManyPeers) => Self::TooManyPeers,
            Trouble::NotTaken(CallError::BadAddress) => Self::BadAddress,
            Trouble::Reserved(command) => Self::Reserved { command },
            Trouble::Encode(error) => Self::Encode(error),
            Trouble::Closed => Self::Closed,
            _ => Self::Timeout,
        }
    }
}

impl From<Trouble> for RequestError {
    fn from(trouble: Trouble) -> Self {
        use messaging::Failure;
        match trouble {
            Trouble::Handler(text) => Self::Handler(text),
            Trouble::Failed(Failure::Handler(text)) => {
                Self::Handler(String::from_utf8_lossy(&text).into_owned())
            }
            Trouble::Failed(Failure::AnswerDropped) => Self::AnswerDropped,
            Trouble::Failed(Failure::AnswerTooLarge) => Self::AnswerTooLarge,
            other => SendError::from(other).into(),
        }
    }
}

impl From<SendError> for RequestError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Timeout => Self::Timeout,
            SendError::PeerDown => Self::PeerDown,
            SendError::PeerRestarted => Self::PeerRestarted,
            SendError::NoHandler => Self::NoHandler,
            SendError::Overloaded => Self::Overloaded,
            SendError::QueueFull => Self::QueueFull,
            SendError::TooLarge { len, max } => Self::TooLarge { len, max },
            SendError::TooLargeForPeer => Self::TooLargeForPeer,
            SendError::Reserved { command } => Self::Reserved { command },
            SendError::Encode(error) => Self::Encode(error),
            SendError::TooManyPeers => Self::TooManyPeers,
            SendError::BadAddress => Self::BadAddress,
            SendError::Closed => Self::Closed,
        }
    }
}

impl From<CallError> for USendError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::PeerDown => Self::PeerDown,
            CallError::PeerRestarted => Self::PeerRestarted,
            CallError::TooManyPeers => Self::TooManyPeers,
            CallError::BadAddress => Self::BadAddress,
            CallError::Refused(messaging::SendError::TooLarge { len, max }) => {
                Self::TooLarge { len, max }
            }
            _ => Self::Timeout,
        }
    }
}
