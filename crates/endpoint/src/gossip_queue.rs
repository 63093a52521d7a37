//! Gossip payloads that wait for their peer's next datagram.

use alloc::{collections::VecDeque, vec::Vec};

use hobnob_wire::Peer;

/// Payloads that wait for one peer, at most. A sync of a full table of members arrives in some twenty
/// payloads at a time; older ones are then worth less than newer ones.
pub const PAYLOADS_PER_PEER_MAX: usize = 64;

/// A bounded queue of payloads for each peer, and the order in which peers are served.
#[derive(Debug, Default)]
pub(crate) struct GossipQueue {
    peers: Vec<Waiting>,
    ready: VecDeque<u16>,
    dropped: u64,
}

#[derive(Debug, Default)]
struct Waiting {
    epoch: u32,
    payloads: VecDeque<Vec<u8>>,
    in_ready: bool,
}

impl GossipQueue {
    /// Appends a payload; drops the peer's oldest one when its queue is full.
    pub(crate) fn push(&mut self, peer: Peer, payload: Vec<u8>) {
        let waiting = self.waiting(peer);
        let overflow = waiting.payloads.len() == PAYLOADS_PER_PEER_MAX;
        if overflow {
            waiting.payloads.pop_front();
        }
        waiting.payloads.push_back(payload);
        self.dropped += u64::from(overflow);
    }

    /// The peer has a session: its payloads may go.
    pub(crate) fn release(&mut self, peer: Peer) {
        let waiting = self.waiting(peer);
        if !waiting.payloads.is_empty() && !waiting.in_ready {
            waiting.in_ready = true;
            self.ready.push_back(peer.slot);
        }
    }

    /// The peer is unreachable or gone: its payloads are worthless.
    pub(crate) fn discard(&mut self, peer: Peer) {
        self.waiting(peer).payloads.clear();
    }

    /// The next released peer, taken off the line.
    pub(crate) fn next_ready(&mut self) -> Option<Peer> {
        while let Some(slot) = self.ready.pop_front() {
            if let Some(waiting) = self.peers.get_mut(usize::from(slot)) {
                waiting.in_ready = false;
                if !waiting.payloads.is_empty() {
                    return Some(Peer {
                        slot,
                        epoch: waiting.epoch,
                    });
                }
            }
        }
        None
    }

    /// The oldest payload for a peer.
    pub(crate) fn front(&self, peer: Peer) -> Option<&[u8]> {
        self.existing(peer)?.payloads.front().map(Vec::as_slice)
    }

    /// Takes the oldest payload off.
    pub(crate) fn pop(&mut self, peer: Peer) {
        self.waiting(peer).payloads.pop_front();
    }

    /// Whether payloads wait for the peer.
    pub(crate) fn has(&self, peer: Peer) -> bool {
        self.existing(peer)
            .is_some_and(|waiting| !waiting.payloads.is_empty())
    }

    /// Payloads dropped because a peer's queue was full.
    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Payloads that wait for the peer with most of them.
    pub(crate) fn longest(&self) -> usize {
        let lengths = self.peers.iter().map(|waiting| waiting.payloads.len());
        lengths.max().unwrap_or(0)
    }

    fn existing(&self, peer: Peer) -> Option<&Waiting> {
        self.peers
            .get(usize::from(peer.slot))
            .filter(|waiting| waiting.epoch == peer.epoch)
    }

    fn waiting(&mut self, peer: Peer) -> &mut Waiting {
        let slot = usize::from(peer.slot);
        if self.peers.len() <= slot {
            self.peers.resize_with(slot + 1, Waiting::default);
        }
        let waiting = &mut self.peers[slot];
        if waiting.epoch != peer.epoch {
            waiting.payloads.clear();
            waiting.epoch = peer.epoch;
        }
        waiting
    }
}
