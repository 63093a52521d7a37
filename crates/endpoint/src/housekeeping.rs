//! Forgets addresses that are neither members nor talking to us.

use alloc::vec::Vec;
use core::{net::SocketAddr, time::Duration};

use hobnob_wire::{Instant, Peer};

use crate::endpoint::Endpoint;

/// How often sessions are looked through. A stranger is forgotten after one to two of these in silence.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Who was heard since the last sweep, one bit a slot.
#[derive(Debug)]
pub(crate) struct Housekeeping {
    due: Instant,
    heard: Vec<u64>,
}

impl Housekeeping {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            due: now + SWEEP_INTERVAL,
            heard: Vec::new(),
        }
    }

    pub(crate) const fn due(&self) -> Instant {
        self.due
    }

    pub(crate) fn heard(&mut self, peer: Peer) {
        let (word, bit) = place(peer);
        if self.heard.len() <= word {
            self.heard.resize(word + 1, 0);
        }
        self.heard[word] |= bit;
    }

    fn was_heard(&self, peer: Peer) -> bool {
        let (word, bit) = place(peer);
        self.heard.get(word).is_some_and(|bits| bits & bit != 0)
    }
}

fn place(peer: Peer) -> (usize, u64) {
    (usize::from(peer.slot) / 64, 1 << (peer.slot % 64))
}

impl Endpoint {
    /// Frees the slots of silent strangers, so that addresses which come and go never fill the table. To a node
    /// that has left all are strangers, for it learns no more of them.
    pub(crate) fn sweep(&mut self, now: Instant) {
        if now < self.housekeeping.due {
            return;
        }
        self.housekeeping.due = now + SWEEP_INTERVAL;
        let silent: Vec<Peer> = self
            .sessions
            .peers()
            .filter(|(peer, addr)| {
                !self.housekeeping.was_heard(*peer)
                    && !self.messaging.is_waiting(*peer)
                    && (self.gossip.is_leaving() || self.is_stranger(*addr))
            })
            .map(|(peer, _)| peer)
            .collect();
        for peer in silent {
            self.let_go(now, peer);
        }
        self.sweep_relays();
        self.sweep_values(now);
        self.housekeeping.heard.clear();
    }
    fn is_stranger(&self, addr: SocketAddr) -> bool {
        let node = self.gossip.node(addr);
        node.is_none_or(|node| node.state.is_gone())
    }

    fn let_go(&mut self, now: Instant, peer: Peer) {
        self.gossip_queue.discard(peer);
        let load = self.messaging.load(peer);
        if load.is_some_and(|load| load.held > 0) {
            // What waits for its turn is given out now, so its sender's address is needed until the next sweep.
            self.messaging.peer_down(now, peer);
            self.sessions.disconnect(peer);
            return;
        }
        self.messaging.forget(now, peer);
        self.meant.remove(&peer);
        self.refused.remove(&peer);
        self.sessions.forget(peer);
    }
}
