//! Comparing with a peer.

use alloc::vec::Vec;
use core::net::SocketAddr;

use hobnob_wire::Instant;
use rand::RngExt;

use crate::{
    codec::{HAS_MORE, Kind, compose, set_more, write_items_head},
    data::SharedData,
    digest::{BUCKETS, Hashes, bucket_range},
    item::ItemKey,
    limits::{
        ANSWER_PAYLOADS_MAX, PAYLOAD_BYTES_MAX, SYNC_GREETERS, SYNC_INTERVAL, SYNC_PATIENCE,
        SYNC_SOON,
    },
    summary::Range,
};

/// With whom this node compares, and when.
#[derive(Debug, Default)]
pub(crate) struct Sync {
    /// The live peers, in order.
    pub(crate) peers: Vec<SocketAddr>,
    /// When the next comparison begins, and what is too old is forgotten.
    pub(crate) due: Option<Instant>,
    /// With whom it begins, if not with anybody.
    with: Option<SocketAddr>,
    /// By whom this node is being told much that it is missing, and until when that is believed.
    busy: Option<(SocketAddr, Instant)>,
}

impl SharedData {
    /// A peer came. It is enough that a few compare with it; but who has nothing and finds company must.
    pub(crate) fn greet(&mut self, now: Instant, addr: SocketAddr) {
        let peers = u32::try_from(self.sync.peers.len()).unwrap_or(u32::MAX);
        let is_first = peers == 1;
        let is_lot = self.rng.random_range(0..peers.max(1)) < SYNC_GREETERS;
        if is_first || is_lot && !self.digest.is_empty() {
            self.sync_soon(now, Some(addr));
        }
    }

    /// The next comparison is with somebody, if there is a choice, and within [`SYNC_SOON`].
    pub(crate) fn sync_soon(&mut self, now: Instant, with: Option<SocketAddr>) {
        let at = now + SYNC_SOON.mul_f64(self.rng.random());
        self.sync.with = with.or(self.sync.with);
        self.sync.due = Some(self.sync.due.map_or(at, |due| due.min(at)));
    }

    pub(crate) fn schedule_sync(&mut self, now: Instant) {
        let wait = SYNC_INTERVAL.mul_f64(self.rng.random_range(0.75..1.25));
        self.sync.due = Some(now + wait);
    }

    /// Begins to compare, with a random peer unless one came.
    pub(crate) fn begin_sync(&mut self, now: Instant) {
        self.sync.due = None;
        let with = self.sync.with.take();
        let with = with.filter(|addr| self.sync.peers.binary_search(addr).is_ok());
        let with = with.or_else(|| self.random_peer());
        if let Some(with) = with.filter(|with| !self.is_busy(now, *with)) {
            self.stats.syncs += 1;
            self.send_root(with);
        }
    }

    /// Whether this node is being told much that it misses, by somebody else.
    pub(crate) fn is_busy(&self, now: Instant, with: SocketAddr) -> bool {
        let busy = self.sync.busy;
        busy.is_some_and(|(other, until)| other != with && now < until)
    }

    pub(crate) fn set_busy(&mut self, now: Instant, with: SocketAddr) {
        self.sync.busy = Some((with, now + SYNC_PATIENCE));
    }

    pub(crate) fn send_root(&mut self, to: SocketAddr) {
        let payload = compose(1 + 8 + 8, |w| {
            w.u8(Kind::Root as u8)?;
            w.u64(self.entries.floor().0)?;
            w.u64(self.digest.root())
        });
        self.outbox.push(to, payload.into());
    }

    pub(crate) fn send_buckets(&mut self, to: SocketAddr) {
        let payload = compose(1 + 8 + 8 * BUCKETS, |w| {
            w.u8(Kind::Buckets as u8)?;
            w.u64(self.entries.floor().0)?;
            let mut buckets = self.digest.buckets().iter();
            buckets.try_for_each(|bucket| w.u64(*bucket))
        });
        self.outbox.push(to, payload.into());
    }

    /// Tells the hashes of the items in some buckets, as many as fit: if not all do, of a random part.
    pub(crate) fn send_summary(&mut self, to: SocketAddr, buckets: &[u8]) {
        let (mut ranges, is_whole) = self.summary_of(buckets);
        if !is_whole {
            let skipped = self.rng.random_range(0..buckets.len());
            ranges = self
                .summary_of(buckets.get(skipped..).unwrap_or_default())
                .0;
        }
        let payload = compose(PAYLOAD_BYTES_MAX, |w| {
            w.u8(Kind::Summary as u8)?;
            w.u8(if is_whole { 0 } else { HAS_MORE })?;
            ranges.iter().try_for_each(|range| range.encode(w))
        });
        self.outbox.push(to, payload.into());
    }

    /// The items of as many buckets as fit; the last one may be cut. Says whether all did.
    fn summary_of(&self, buckets: &[u8]) -> (Vec<Range>, bool) {
        let mut ranges = Vec::new();
        let mut room = PAYLOAD_BYTES_MAX - 2;
        for bucket in buckets {
            let (first, mut last) = bucket_range(*bucket);
            let most = room.saturating_sub(Range::HEAD_BYTES) / Range::ITEM_BYTES;
            let items = self.digest.range(first, last).map(|(hashes, _)| hashes);
            let mut items: Vec<Hashes> = items.take(most + 1).collect();
            let is_cut = items.len() > most;
            items.truncate(most);
            if is_cut {
                let Some((name, _)) = items.last() else {
                    return (ranges, false);
                };
                last = *name;
            }
            room = room.saturating_sub(Range::HEAD_BYTES + Range::ITEM_BYTES * items.len());
            ranges.push(Range { first, last, items });
            if is_cut || room < Range::HEAD_BYTES {
                let is_last = ranges.len() == buckets.len();
                return (ranges, !is_cut && is_last);
            }
        }
        (ranges, true)
    }

    /// Asks for the items with these hashes of their names.
    pub(crate) fn send_want(&mut self, to: SocketAddr, names: &[u64], has_more: bool) {
        let payload = compose(2 + 8 * names.len(), |w| {
            w.u8(Kind::Want as u8)?;
            w.u8(if has_more { HAS_MORE } else { 0 })?;
            names.iter().try_for_each(|name| w.u64(*name))
        });
        self.outbox.push(to, payload.into());
    }

    /// Tells items, in as many payloads as are needed and allowed; the last one says whether there are more.
    pub(crate) fn send_items(&mut self, to: SocketAddr, keys: &[ItemKey], has_more: bool) {
        let mut rest = keys;
        for number in 1..=ANSWER_PAYLOADS_MAX {
            let mut payload = compose(PAYLOAD_BYTES_MAX, |w| {
                write_items_head(w, 0, self.entries.floor())?;
                while let Some((key, others)) = rest.split_first() {
                    let item = self.item(key);
                    if item.is_some_and(|item| item.encode(w).is_err()) {
                        break;
                    }
                    rest = others;
                }
                Ok(())
            });
            let is_last = rest.is_empty() || number == ANSWER_PAYLOADS_MAX;
            if is_last && (has_more || !rest.is_empty()) {
                set_more(&mut payload);
            }
            if !self.outbox.push(to, payload.into()) || is_last {
                return;
            }
        }
    }

    fn random_peer(&mut self) -> Option<SocketAddr> {
        let peers = self.sync.peers.len();
        let place = (peers > 0).then(|| self.rng.random_range(0..peers))?;
        self.sync.peers.get(place).copied()
    }
}
