//! Records that are news, and how often each was passed on.

use alloc::collections::{BTreeMap, BTreeSet};
use core::net::SocketAddr;

/// Whose records are to be passed on. Bounded by the number of members: an address is in it once.
#[derive(Debug, Default)]
pub(crate) struct News {
    sent: BTreeMap<SocketAddr, u8>,
    by_sent: BTreeSet<(u8, SocketAddr)>,
}

impl News {
    /// The record of `addr` has changed.
    pub(crate) fn add(&mut self, addr: SocketAddr) {
        self.remove(addr);
        self.sent.insert(addr, 0);
        self.by_sent.insert((0, addr));
    }

    pub(crate) fn remove(&mut self, addr: SocketAddr) {
        if let Some(sent) = self.sent.remove(&addr) {
            self.by_sent.remove(&(sent, addr));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// The addresses, those that were passed on least first.
    pub(crate) fn freshest(&self) -> impl Iterator<Item = SocketAddr> {
        self.by_sent.iter().map(|(_, addr)| *addr)
    }

    /// Each of `addrs` was sent to `peers` peers; what has been sent `limit` times is news no more.
    pub(crate) fn sent(&mut self, addrs: &[SocketAddr], peers: u8, limit: u8) {
        for addr in addrs {
            let Some(sent) = self.sent.get(addr).copied() else {
                continue;
            };
            self.remove(*addr);
            let sent = sent.saturating_add(peers);
            if sent < limit {
                self.sent.insert(*addr, sent);
                self.by_sent.insert((sent, *addr));
            }
        }
    }
}
