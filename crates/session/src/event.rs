//! What is told to the layers above.

use core::net::SocketAddr;

use hobnob_wire::{Generation, PacketNumber, Peer, RefuseReason};

/// Something happened that the layers above act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Data can be sent. Any earlier session with the peer is over.
    Established {
        /// With whom.
        peer: Peer,
        /// Its address.
        addr: SocketAddr,
        /// Its generation.
        generation: Generation,
        /// Whether it was the node's own hello that was answered. The initiator has to send data soon: until
        /// then the other side waits.
        initiator: bool,
        /// The generation of the session that is replaced, or the last one proven at the address.
        previous: Option<Generation>,
        /// Whether a session was replaced. With the same generation as before, the remote lost its
        /// session; with a greater one, it was started again.
        replaced: bool,
    },
    /// A session is over. The address stays remembered; connecting again is up to the caller.
    Lost {
        /// With whom.
        peer: Peer,
        /// Its address.
        addr: SocketAddr,
        /// Why.
        reason: LostReason,
    },
    /// An attempt is over. The address stays remembered; connecting again is up to the caller.
    Failed {
        /// With whom.
        peer: Peer,
        /// Its address.
        addr: SocketAddr,
        /// Why.
        reason: FailedReason,
    },
    /// A hello was refused for what its sender is: of another cluster, format, or incompatible version of the
    /// application. It need not have come from the address it names.
    Stranger {
        /// Whose it is, by its own word.
        addr: SocketAddr,
        /// Why it was refused, with what the other declares of itself.
        reason: RefuseReason,
    },
    /// A peer knows a later generation of the node's own address, though not the last there is: choose one above it, see
    /// [`Sessions::set_generation`](crate::Sessions::set_generation), and connect again.
    OwnGenerationStale {
        /// What the peer knows.
        seen: Generation,
    },
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostReason {
    /// The remote does not know it any more.
    Reset,
}

/// Why an attempt is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedReason {
    /// Nobody answered for [`ATTEMPT_LASTS`](crate::limits::ATTEMPT_LASTS).
    TimedOut,
    /// The remote will not have a session.
    Refused(RefuseReason),
}

/// What a datagram was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened<'d> {
    /// Data of a session.
    Frames {
        /// Who sent it.
        peer: Peer,
        /// The sender's number for it, never seen before in its session.
        packet: PacketNumber,
        /// The frames, not looked at.
        body: &'d [u8],
    },
    /// Part of a handshake; it has been dealt with.
    Handshake,
}

/// What is known of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remote {
    /// Its address.
    pub addr: SocketAddr,
    /// Its generation in the present session.
    pub generation: Option<Generation>,
    /// The highest generation ever proven at the address since it is remembered.
    pub proven: Option<Generation>,
    /// Whether data can be sent.
    pub is_established: bool,
}

/// Why [`Sessions::handle_timeout`](crate::Sessions::handle_timeout) wants to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimeoutReason {
    /// A hello was not answered: it is sent again.
    HelloUnanswered,
    /// An attempt was never answered: it ends.
    AttemptOver,
    /// A candidate was never proven: it ends.
    CandidateOver,
}
