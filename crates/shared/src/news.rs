//! Who the peers are, and what they are told as soon as it happens.

use alloc::{
    collections::{BTreeSet, VecDeque},
    vec::Vec,
};
use core::net::SocketAddr;

use bytes::Bytes;
use hobnob_wire::Instant;
use rand::{RngExt, rngs::ChaCha8Rng};

use crate::{
    codec::{IS_NEWS, compose, write_items_head},
    data::SharedData,
    item::ItemKey,
    limits::{DIRECT_PEERS_MAX, NEWS_INTERVAL, NEWS_MAX, NEWS_PEERS, PAYLOAD_BYTES_MAX},
};

/// Items to be told, each once, in the order in which they changed.
#[derive(Debug, Default)]
pub(crate) struct News {
    queue: VecDeque<ItemKey>,
    queued: BTreeSet<ItemKey>,
    /// The last round is not long ago.
    quiet_until: Instant,
    dropped: u64,
}

impl News {
    pub(crate) fn add(&mut self, key: ItemKey) {
        if self.queue.len() >= NEWS_MAX {
            self.dropped += 1;
        } else if self.queued.insert(key.clone()) {
            self.queue.push_back(key);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        (!self.queue.is_empty()).then_some(self.quiet_until)
    }

    fn pop(&mut self) {
        if let Some(key) = self.queue.pop_front() {
            self.queued.remove(&key);
        }
    }

    fn clear(&mut self) {
        self.queue.clear();
        self.queued.clear();
    }
}

impl SharedData {
    /// A peer is there, or there again.
    pub fn peer_up(&mut self, now: Instant, addr: SocketAddr) {
        let now = self.advance(now);
        if let Err(place) = self.sync.peers.binary_search(&addr) {
            self.sync.peers.insert(place, addr);
            self.greet(now, addr);
        }
        self.settle(now);
    }

    /// A peer is not there any more: nothing is sent to it.
    pub fn peer_down(&mut self, now: Instant, addr: SocketAddr) {
        self.advance(now);
        if let Ok(place) = self.sync.peers.binary_search(&addr) {
            self.sync.peers.remove(place);
        }
        self.outbox.discard(addr);
    }

    /// Whether peers must pass on what they hear, as nobody tells all of them.
    pub(crate) fn passes_on(&self) -> bool {
        self.sync.peers.len() > DIRECT_PEERS_MAX
    }

    /// One round of news: as much as fits into a payload.
    pub(crate) fn tell_news(&mut self, now: Instant) {
        let targets = news_targets(&self.sync.peers, &mut self.rng);
        if targets.is_empty() {
            // Whoever comes compares.
            return self.news.clear();
        }
        let payload = compose(PAYLOAD_BYTES_MAX, |w| {
            write_items_head(w, IS_NEWS, self.entries.floor())?;
            while let Some(key) = self.news.queue.front() {
                let item = self.item(key);
                if item.is_some_and(|item| item.encode(w).is_err()) {
                    break;
                }
                self.news.pop();
            }
            Ok(())
        });
        let payload = Bytes::from(payload);
        for to in targets {
            self.outbox.push(to, payload.clone());
        }
        self.news.quiet_until = now + NEWS_INTERVAL;
    }
}

/// Who is told of news: all peers if they are few, else some of them.
pub(crate) fn news_targets(peers: &[SocketAddr], rng: &mut ChaCha8Rng) -> Vec<SocketAddr> {
    if peers.len() <= DIRECT_PEERS_MAX {
        return peers.to_vec();
    }
    let mut places = BTreeSet::new();
    while places.len() < NEWS_PEERS.min(peers.len()) {
        places.insert(rng.random_range(0..peers.len()));
    }
    let places = places.into_iter();
    places
        .filter_map(|place| peers.get(place).copied())
        .collect()
}
