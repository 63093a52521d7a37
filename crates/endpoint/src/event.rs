//! What the endpoint tells its driver.

use alloc::vec::Vec;
use core::net::SocketAddr;

use bytes::Bytes;
use hobnob_gossip as gossip;
use hobnob_messaging::{self as messaging, Token};
use hobnob_session as session;
use hobnob_shared as shared;
use hobnob_wire::{Command, Generation, Peer, RefuseReason};
use thiserror::Error;

use crate::relay::DeliveryError;

/// Something the driver must know or act on.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Membership changed, or the leave came to its end.
    Member(gossip::Event),
    /// A call ended, or a message arrived.
    Message(messaging::Event),
    /// A message came by way of other nodes.
    Relayed {
        /// Who sent it, by the word of the nodes that passed it on.
        origin: SocketAddr,
        /// For which handlers.
        command: Command,
        /// What it says.
        payload: Bytes,
        /// Whether it holds a place until [`Endpoint::handled`](crate::Endpoint::handled).
        is_reliable: bool,
    },
    /// Every delivery of a relayed fan-out of this node's ended.
    RelayEnded {
        /// The caller's name for it.
        token: Token,
        /// How each ended, in the order in which the targets were given.
        report: Vec<Result<(), DeliveryError>>,
    },
    /// This node's copy of what the cluster shares changed.
    Shared(shared::Event),
    /// Another node says something else of itself. Of a node that comes up no such event tells what it had set.
    Values(shared::values::Changed),
    /// The address has a proven session now.
    Connected {
        /// Which peer.
        peer: Peer,
        /// At which address.
        addr: SocketAddr,
        /// Which process is there.
        generation: Generation,
    },
    /// A node will have nothing to do with this one, or this one with it. Told once for each address and reason, and again
    /// after ten minutes if it goes on. Whoever greeted may have lied about its address.
    Stranger {
        /// Which address.
        addr: SocketAddr,
        /// Why, with what the other one declares of itself.
        reason: RefuseReason,
    },
    /// An attempt to reach the address ended without a session.
    Unreachable {
        /// Which address.
        addr: SocketAddr,
        /// Why.
        reason: session::FailedReason,
    },
}

/// Why the endpoint wants its timeout handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeoutReason {
    /// The session core: a handshake.
    Session(session::TimeoutReason),
    /// The membership core: a probe, a suspicion, a sync …
    Gossip(gossip::TimeoutReason),
    /// The messaging core: a retransmission or a deadline.
    Messaging(messaging::TimeoutReason),
    /// Shared data: news to be told, or a comparison.
    Shared(shared::TimeoutReason),
    /// Values: news to be told, or a comparison.
    Values(shared::TimeoutReason),
    /// A peer that is probed has not answered anything yet: it is asked again.
    Probe,
    /// A relayed fan-out: a word to its parent, a silent child, or its deadline.
    Relay,
    /// Sessions with strangers are swept.
    Housekeeping,
}

/// Why a call could not be taken on. Nothing was sent and no completion will follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CallError {
    /// The member at that address failed or left.
    #[error("the node is down")]
    PeerDown,
    /// The process that was meant is gone; another one is at its address.
    #[error("the node was restarted")]
    PeerRestarted,
    /// No node can have this address.
    #[error("not an address a node can have")]
    BadAddress,
    /// There is no session with the address yet; a handshake is under way.
    #[error("no session with the node yet")]
    NotConnected,
    /// The node knows as many addresses as it can remember.
    #[error("too many peers")]
    TooManyPeers,
    /// The command is for what nodes say to each other by themselves.
    #[error("the command belongs to the nodes themselves")]
    Reserved,
    /// The messaging core refused.
    #[error(transparent)]
    Refused(#[from] messaging::SendError),
}
