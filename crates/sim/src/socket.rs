//! The receive buffer of a node's socket.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::host::SOCKET_OVERHEAD_BYTES;

/// Datagrams that arrived and were not read yet.
#[derive(Debug, Default)]
pub(crate) struct Socket {
    waiting: Vec<(SocketAddr, Bytes)>,
    charged: usize,
}

impl Socket {
    /// Whether there is room in `limit` bytes for a datagram of `bytes`.
    pub(crate) const fn has_room(&self, limit: usize, bytes: usize) -> bool {
        self.charged + bytes + SOCKET_OVERHEAD_BYTES <= limit
    }

    /// Keeps a datagram until it is read.
    pub(crate) fn push(&mut self, from: SocketAddr, bytes: Bytes) {
        self.charged += bytes.len() + SOCKET_OVERHEAD_BYTES;
        self.waiting.push((from, bytes));
    }

    /// Swaps what waits, oldest first, with an empty `batch`.
    pub(crate) fn read(&mut self, batch: &mut Vec<(SocketAddr, Bytes)>) {
        debug_assert!(batch.is_empty(), "the last batch was dealt with");
        std::mem::swap(&mut self.waiting, batch);
        self.charged = 0;
    }
}
