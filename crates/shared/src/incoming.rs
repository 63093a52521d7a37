//! What peers say.

use alloc::{collections::BTreeSet, vec::Vec};
use core::net::SocketAddr;

use hobnob_wire::{DecodeError, Instant, Reader};

use crate::{
    clock::Time,
    codec::{HAS_MORE, IS_NEWS, Kind, read_flags},
    data::SharedData,
    digest::{BUCKETS, Hashes},
    error::PayloadError,
    item::{Item, ItemKey},
    limits::{ANSWER_ITEMS_MAX, PAYLOAD_BYTES_MAX},
    summary::Range,
};

impl SharedData {
    /// Takes in what a peer said.
    ///
    /// # Errors
    ///
    /// [`PayloadError`]; what stood before the fault took effect.
    pub fn handle_payload(
        &mut self,
        now: Instant,
        from: SocketAddr,
        payload: &[u8],
    ) -> Result<(), PayloadError> {
        let now = self.advance(now);
        let result = self.take_in(now, from, payload);
        self.stats.payloads_refused += u64::from(result.is_err());
        self.settle(now);
        result
    }

    fn take_in(
        &mut self,
        now: Instant,
        from: SocketAddr,
        payload: &[u8],
    ) -> Result<(), PayloadError> {
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(PayloadError::TooLarge(payload.len()));
        }
        let mut r = Reader::new(payload);
        match Kind::read(&mut r)? {
            Kind::Items => self.on_items(now, from, &mut r)?,
            Kind::Root => self.on_root(now, from, &mut r)?,
            Kind::Buckets => self.on_buckets(now, from, &mut r)?,
            Kind::Summary => self.on_summary(from, &mut r)?,
            Kind::Want => self.on_want(from, &mut r)?,
        }
        Ok(())
    }

    fn on_items(
        &mut self,
        now: Instant,
        from: SocketAddr,
        r: &mut Reader<'_>,
    ) -> Result<(), DecodeError> {
        let flags = read_flags(r, IS_NEWS | HAS_MORE)?;
        self.read_floor(now, r)?;
        let passes_on = flags & IS_NEWS != 0 && self.passes_on();
        let mut changed = false;
        while !r.is_empty() {
            let item = Item::decode(r)?;
            let key = item.key();
            if self.merge(now, item) {
                changed = true;
                self.stats.items_merged += 1;
                if passes_on {
                    self.news.add(key);
                }
            }
        }
        if flags & IS_NEWS == 0 && changed {
            // Others miss it, too: so it spreads from node to node in the logarithm of their number.
            self.sync_soon(now, None);
        }
        if flags & HAS_MORE != 0 && changed {
            self.set_busy(now, from);
            self.send_root(from);
        }
        Ok(())
    }

    fn on_root(
        &mut self,
        now: Instant,
        from: SocketAddr,
        r: &mut Reader<'_>,
    ) -> Result<(), DecodeError> {
        let floor = self.read_floor(now, r)?;
        let root = r.u64("shared root")?;
        r.finish("shared root")?;
        let differs = root != self.digest.root() || floor != self.entries.floor();
        if differs && !self.is_busy(now, from) {
            self.send_buckets(from);
        }
        Ok(())
    }

    fn on_buckets(
        &mut self,
        now: Instant,
        from: SocketAddr,
        r: &mut Reader<'_>,
    ) -> Result<(), DecodeError> {
        self.read_floor(now, r)?;
        let mut theirs = [0; BUCKETS];
        for bucket in &mut theirs {
            *bucket = r.u64("shared bucket")?;
        }
        r.finish("shared buckets")?;
        let mine = self.digest.buckets().iter();
        let both = mine.zip(theirs).zip(0u8..=u8::MAX);
        let differing = both.filter(|((mine, theirs), _)| *mine != theirs);
        let differing: Vec<u8> = differing.map(|(_, number)| number).collect();
        if !differing.is_empty() {
            self.stats.syncs_differing += 1;
            self.send_summary(from, &differing);
        }
        Ok(())
    }

    fn on_summary(&mut self, from: SocketAddr, r: &mut Reader<'_>) -> Result<(), DecodeError> {
        let mut has_more = read_flags(r, HAS_MORE)? != 0;
        let (mut missing, mut wanted) = (Vec::new(), BTreeSet::new());
        let mut floor = None;
        while !r.is_empty() {
            let range = Range::decode(r, floor)?;
            floor = Some(range.last);
            has_more |= self.compare(range, &mut missing, &mut wanted);
        }
        if !wanted.is_empty() {
            let wanted: Vec<u64> = wanted.into_iter().collect();
            self.send_want(from, &wanted, has_more);
        }
        if !missing.is_empty() {
            self.send_items(from, &missing, has_more);
        }
        Ok(())
    }

    /// What the peer misses, and the names of what this node misses. Says whether there was too much.
    fn compare(
        &self,
        range: Range,
        missing: &mut Vec<ItemKey>,
        wanted: &mut BTreeSet<u64>,
    ) -> bool {
        let mut theirs: BTreeSet<Hashes> = range.items.into_iter().collect();
        for (hashes, key) in self.digest.range(range.first, range.last) {
            if !theirs.remove(&hashes) {
                if missing.len() >= ANSWER_ITEMS_MAX {
                    // What was not looked at is neither known to be missing nor to be there.
                    return true;
                }
                missing.push(key.clone());
            }
        }
        wanted.extend(theirs.into_iter().map(|(name, _)| name));
        false
    }

    fn on_want(&mut self, from: SocketAddr, r: &mut Reader<'_>) -> Result<(), DecodeError> {
        let has_more = read_flags(r, HAS_MORE)? != 0;
        let mut found = Vec::new();
        let mut floor = None;
        while !r.is_empty() {
            let name = r.u64("wanted name")?;
            if floor.is_some_and(|floor| name <= floor) {
                return Err(DecodeError::Invalid {
                    field: "wanted name",
                });
            }
            floor = Some(name);
            let room = ANSWER_ITEMS_MAX.saturating_sub(found.len());
            let items = self.digest.range(name, name).take(room);
            found.extend(items.map(|(_, key)| key.clone()));
        }
        if !found.is_empty() {
            self.send_items(from, &found, has_more);
        }
        Ok(())
    }

    /// Every comparison begins with it: what nobody is to keep is not compared.
    fn read_floor(&mut self, now: Instant, r: &mut Reader<'_>) -> Result<Time, DecodeError> {
        let floor = Time(r.u64("shared floor")?);
        self.merge_floor(now, floor);
        Ok(floor)
    }
}
