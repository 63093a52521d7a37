//! What is held at this moment, for checks and for whoever wants to see where it waits.

use hobnob_wire::Peer;

use crate::{key::FanOutKey, messaging::Messaging};

/// What the core holds for one peer. Counted from what is there, where that is cheap, and not from what was
/// added and taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerLoad {
    /// Calls to it that have not ended: at most [`Config::queue_messages_peer`](crate::Config).
    pub calls: usize,
    /// Payload bytes of calls that are not acknowledged: at most [`Config::queue_bytes_peer`](crate::Config).
    pub call_bytes: usize,
    /// Messages of the owner's own beside them: at most
    /// [`ASIDE_MESSAGES_PEER_MAX`](crate::limits::ASIDE_MESSAGES_PEER_MAX).
    pub asides: usize,
    /// Bytes of their payloads: at most [`ASIDE_BYTES_PEER_MAX`](crate::limits::ASIDE_BYTES_PEER_MAX).
    pub aside_bytes: usize,
    /// Deliveries of fan-outs that wait for room in the queue: at most
    /// [`FAN_OUT_DELIVERIES_MAX`](crate::limits::FAN_OUT_DELIVERIES_MAX).
    pub blocked: usize,
    /// Unreliable messages that wait: at most [`Config::unreliable_messages_peer`](crate::Config).
    pub unreliable: usize,
    /// Messages that are being put together: at most
    /// [`REASSEMBLIES_PEER_MAX`](crate::limits::REASSEMBLIES_PEER_MAX).
    pub reassemblies: usize,
    /// Bytes reserved for them: at most [`Config::reassembly_bytes_peer`](crate::Config).
    pub reassembly_bytes: usize,
    /// Messages of its streams that wait for their turn, and gaps among them: at most
    /// [`MESSAGE_WINDOW`](crate::limits::MESSAGE_WINDOW).
    pub held: usize,
    /// Bytes of their payloads: at most [`Config::reassembly_bytes_peer`](crate::Config).
    pub held_bytes: usize,
    /// Streams to it that are remembered: at most [`Config::queue_messages_peer`](crate::Config) and
    /// [`MESSAGE_WINDOW`](crate::limits::MESSAGE_WINDOW) together.
    pub streams: usize,
    /// Requests of the peer without an acknowledged response: at most
    /// [`OPEN_REQUESTS_PEER_MAX`](crate::limits::OPEN_REQUESTS_PEER_MAX).
    pub requests: usize,
    /// Bytes in flight.
    pub in_flight: usize,
    /// Pieces that wait to be transmitted again.
    pub retransmissions: usize,
}

impl Messaging {
    /// What is held for a peer; `None` when nothing is known of it.
    pub fn load(&self, peer: Peer) -> Option<PeerLoad> {
        let state = self.peers.get(peer)?;
        Some(PeerLoad {
            calls: state.out.backlog.calls.messages,
            call_bytes: state.out.backlog.calls.bytes,
            asides: state.out.backlog.aside.messages,
            aside_bytes: state.out.backlog.aside.bytes,
            blocked: state.blocked.len(),
            unreliable: state.out.unreliable.len(),
            reassemblies: state.reassemblies.len(),
            reassembly_bytes: state.reassemblies.bytes(),
            held: state.held.len(),
            held_bytes: state.held.bytes(),
            streams: state.out.streams.len(),
            requests: state.requests.len(),
            in_flight: state.recovery.sent.in_flight(),
            retransmissions: state.out.retransmit.len(),
        })
    }

    /// Deliveries of a fan-out that are in flight; `None` when it is over. Takes time in proportion to its
    /// targets.
    pub fn fan_out_in_flight(&self, fan_out: FanOutKey) -> Option<usize> {
        self.fan_outs.in_flight(fan_out.0)
    }
}
