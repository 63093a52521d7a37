//! Comparing with a peer, and asking for what is missing.

use alloc::vec::Vec;
use core::net::SocketAddr;

use hobnob_wire::{Instant, Writer};
use rand::RngExt;
use twox_hash::XxHash3_64;

use super::{
    Values,
    codec::{Item, Kind, Named, write_bound, write_named},
    limits::{DIGEST_ENTRIES_MAX, NAMED_BYTES_MAX, WANT_PATIENCE, WANTED_MAX},
    members::Standing,
};
use crate::{
    codec::compose,
    limits::{ANSWER_PAYLOADS_MAX, PAYLOAD_BYTES_MAX, SYNC_GREETERS, SYNC_INTERVAL, SYNC_SOON},
};

/// When this node compares next, and with whom.
#[derive(Debug, Default)]
pub(super) struct Compare {
    due: Option<Instant>,
    /// With whom it begins, if not with anybody.
    with: Option<SocketAddr>,
    /// Where the next digest begins, if the last one did not hold everything.
    start: Option<SocketAddr>,
    /// Something was not asked for, as enough was already.
    has_more: bool,
}

impl Compare {
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }
}

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) from: SocketAddr,
    until: Instant,
    /// It was offered as news, so it is to be passed on.
    pub(super) is_news: bool,
}

impl Values {
    /// A peer came. It hears of this node's own values, where few do so at once. It is enough that a few compare with
    /// it; but who finds company must.
    pub(super) fn greet(&mut self, now: Instant, addr: SocketAddr) {
        let peers = self.members.peers().len();
        if self.own.version() > 0 && !self.passes_on() {
            self.introduce(addr);
        }
        let among = u32::try_from(peers).unwrap_or(u32::MAX).max(1);
        let is_lot = self.rng.random_range(0..among) < SYNC_GREETERS;
        if peers == 1 || is_lot && self.anybody_tells() {
            self.compare_soon(now, Some(addr));
        }
    }

    /// The next comparison is with somebody, if there is a choice, and within [`SYNC_SOON`].
    pub(super) fn compare_soon(&mut self, now: Instant, with: Option<SocketAddr>) {
        let at = now + SYNC_SOON.mul_f64(self.rng.random());
        self.compare.with = with.or(self.compare.with);
        self.compare.due = Some(self.compare.due.map_or(at, |due| due.min(at)));
    }

    pub(super) fn schedule_compare(&mut self, now: Instant) {
        let wait = SYNC_INTERVAL.mul_f64(self.rng.random_range(0.75..1.25));
        self.compare.due = Some(now + wait);
    }

    /// Begins to compare, with a random peer unless one came.
    pub(super) fn begin_compare(&mut self) {
        self.compare.due = None;
        let peers = self.members.peers();
        let with = self.compare.with.take();
        let with = with.filter(|addr| peers.binary_search(addr).is_ok());
        let with = with.or_else(|| {
            let place = (!peers.is_empty()).then(|| self.rng.random_range(0..peers.len()))?;
            peers.get(place).copied()
        });
        if let Some(with) = with {
            self.stats.syncs += 1;
            self.send_root(with);
        }
    }

    pub(super) fn send_root(&mut self, to: SocketAddr) {
        let root = self.root();
        let payload = compose(1 + 8, |w| {
            w.u8(Kind::Root as u8)?;
            w.u64(root)
        });
        self.outbox.push(to, payload.into());
    }

    /// A hash of who has set something, and up to which version that is known here.
    pub(super) fn root(&self) -> u64 {
        // A sum does not depend on the order.
        self.told().map(hash).fold(0, u64::wrapping_add)
    }

    /// Tells which versions are known here: all, or a part, and the next one the next time.
    pub(super) fn send_digest(&mut self, to: SocketAddr) {
        let start = self.compare.start;
        let mut told: Vec<Named> = self.told().collect();
        told.sort_unstable();
        let first = told.partition_point(|(process, _)| Some(process.addr) < start);
        let told = told.get(first..).unwrap_or_default();
        let (part, rest) = told.split_at(DIGEST_ENTRIES_MAX.min(told.len()));
        let end = rest.first().map(|(process, _)| process.addr);
        let payload = compose(PAYLOAD_BYTES_MAX, |w| {
            w.u8(Kind::Digest as u8)?;
            write_bound(start, w)?;
            write_bound(end, w)?;
            part.iter().try_for_each(|named| write_named(*named, w))
        });
        self.compare.start = end;
        self.outbox.push(to, payload.into());
    }

    /// Whether what somebody has of a process is to be asked for; if so, it counts as asked for.
    pub(super) fn wants(
        &mut self,
        now: Instant,
        from: SocketAddr,
        (process, version): Named,
        is_news: bool,
    ) -> Option<Item> {
        if process == self.me {
            self.outbid(version);
        }
        let known = self.of(process).map_or(0, |set| set.version());
        let is_of_use = process.addr != self.me.addr
            && version > known
            && self.members.standing(process) != Standing::Outlived;
        if !is_of_use {
            return None;
        }
        if let Some(wanted) = self
            .wanted
            .get(&process)
            .filter(|wanted| now < wanted.until)
        {
            if is_news && !wanted.is_news {
                let wanted = *wanted;
                let wanted = Wanted { is_news, ..wanted };
                self.wanted.insert(process, wanted);
            }
            return None;
        }
        if self.wanted.len() >= WANTED_MAX {
            self.wanted.retain(|_, wanted| now < wanted.until);
        }
        if self.wanted.len() >= WANTED_MAX {
            self.compare.has_more = true;
            return None;
        }
        let until = now + WANT_PATIENCE;
        let wanted = Wanted {
            from,
            until,
            is_news,
        };
        self.wanted.insert(process, wanted);
        Some(Item::Want((process, known)))
    }

    /// All that was asked for has come: if there was more, that is next.
    pub(super) fn go_on_asking(&mut self, from: SocketAddr) {
        if self.compare.has_more && self.wanted.is_empty() {
            self.compare.has_more = false;
            self.send_root(from);
        }
    }

    /// Sends items, in as many payloads as are needed and allowed.
    pub(super) fn send_items(&mut self, to: SocketAddr, items: &[Item]) {
        let mut rest = items;
        for _ in 0..ANSWER_PAYLOADS_MAX {
            if rest.is_empty() {
                return;
            }
            let payload = compose(PAYLOAD_BYTES_MAX, |w: &mut Writer<'_>| {
                w.u8(Kind::Items as u8)?;
                w.u8(0)?;
                while let Some((item, others)) = rest.split_first() {
                    if item.encode(w).is_err() {
                        break;
                    }
                    rest = others;
                }
                Ok(())
            });
            if !self.outbox.push(to, payload.into()) {
                return;
            }
        }
    }
}

fn hash(named: Named) -> u64 {
    let mut buffer = [0; NAMED_BYTES_MAX];
    let mut w = Writer::new(&mut buffer);
    let written = write_named(named, &mut w);
    debug_assert!(written.is_ok(), "the buffer holds the largest");
    XxHash3_64::oneshot(w.written())
}
