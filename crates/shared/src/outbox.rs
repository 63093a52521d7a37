//! What is to be sent, and how much is on its way.

use alloc::collections::{BTreeMap, VecDeque};
use core::net::SocketAddr;

use bytes::Bytes;

use crate::limits::UNFINISHED_BYTES_PEER_MAX;

/// Something to be sent reliably. How it ended is to be told to whoever composed it:
/// [`SharedData::handle_sent`](crate::SharedData::handle_sent), [`Values::handle_sent`](crate::values::Values::handle_sent).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// To which peer.
    pub to: SocketAddr,
    /// What it says, at most [`PAYLOAD_BYTES_MAX`](crate::limits::PAYLOAD_BYTES_MAX) bytes.
    pub payload: Bytes,
}

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    waiting: VecDeque<Transmit>,
    unfinished: BTreeMap<SocketAddr, usize>,
    withheld: u64,
}

impl Outbox {
    /// Says whether there was room.
    pub(crate) fn push(&mut self, to: SocketAddr, payload: Bytes) -> bool {
        let has_room = self.has_room(to, payload.len());
        if has_room {
            *self.unfinished.entry(to).or_default() += payload.len();
            self.waiting.push_back(Transmit { to, payload });
        } else {
            self.withheld += 1;
        }
        has_room
    }

    pub(crate) fn has_room(&self, to: SocketAddr, bytes: usize) -> bool {
        let unfinished = self.unfinished.get(&to).copied().unwrap_or_default();
        unfinished + bytes <= UNFINISHED_BYTES_PEER_MAX
    }

    pub(crate) fn pop(&mut self) -> Option<Transmit> {
        self.waiting.pop_front()
    }

    pub(crate) fn finished(&mut self, to: SocketAddr, bytes: usize) {
        if let Some(unfinished) = self.unfinished.get_mut(&to) {
            *unfinished = unfinished.saturating_sub(bytes);
            if *unfinished == 0 {
                self.unfinished.remove(&to);
            }
        }
    }

    /// Takes back what waits for a peer.
    pub(crate) fn discard(&mut self, to: SocketAddr) {
        let mut taken = 0;
        self.waiting.retain(|transmit| {
            let keeps = transmit.to != to;
            taken += if keeps { 0 } else { transmit.payload.len() };
            keeps
        });
        self.finished(to, taken);
    }

    /// Bytes on their way to the peer to which most are.
    pub(crate) fn longest(&self) -> usize {
        self.unfinished.values().copied().max().unwrap_or_default()
    }

    pub(crate) const fn withheld(&self) -> u64 {
        self.withheld
    }
}
