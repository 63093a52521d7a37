//! What peers say.

use alloc::vec::Vec;
use core::net::SocketAddr;

use hobnob_wire::{DecodeError, Instant, Reader};

use super::{
    Changed, Values,
    codec::{Item, Kind, Named, read_bound, read_named},
    limits::WANTED_MAX,
    members::Standing,
    set::{Applied, Delta},
};
use crate::{
    clock::Process,
    codec::{IS_NEWS, read_flags},
    error::PayloadError,
    limits::PAYLOAD_BYTES_MAX,
};

impl Values {
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
            Kind::Root => self.on_root(from, &mut r)?,
            Kind::Digest => self.on_digest(now, from, &mut r)?,
        }
        Ok(())
    }

    fn on_root(&mut self, from: SocketAddr, r: &mut Reader<'_>) -> Result<(), DecodeError> {
        let root = r.u64("values root")?;
        r.finish("values root")?;
        if root != self.root() {
            self.stats.syncs_differing += 1;
            self.send_digest(from);
        }
        Ok(())
    }

    /// Offers what the peer lacks, and asks for what is lacking here.
    fn on_digest(
        &mut self,
        now: Instant,
        from: SocketAddr,
        r: &mut Reader<'_>,
    ) -> Result<(), DecodeError> {
        let (first, last) = (read_bound(r)?, read_bound(r)?);
        let mut theirs: Vec<Named> = Vec::new();
        while !r.is_empty() {
            let named = read_named(r)?;
            if theirs.last().is_some_and(|(before, _)| *before >= named.0) {
                return Err(DecodeError::Invalid {
                    field: "values digest",
                });
            }
            theirs.push(named);
        }
        let is_in_part = |process: Process| {
            first.is_none_or(|first| first <= process.addr)
                && last.is_none_or(|last| process.addr < last)
        };
        let is_lacking = |(process, version): &Named| {
            let place = theirs.binary_search_by_key(process, |(process, _)| *process);
            let known = place.ok().and_then(|place| theirs.get(place));
            is_in_part(*process) && known.is_none_or(|(_, known)| known < version)
        };
        let offers = self.told().filter(is_lacking).map(Item::Offer);
        let mut items: Vec<Item> = offers.collect();
        let wants = theirs.iter();
        items.extend(wants.filter_map(|named| self.wants(now, from, *named, false)));
        self.send_items(from, &items);
        Ok(())
    }

    fn on_items(
        &mut self,
        now: Instant,
        from: SocketAddr,
        r: &mut Reader<'_>,
    ) -> Result<(), DecodeError> {
        let is_news = read_flags(r, IS_NEWS)? != 0;
        let mut answer = Vec::new();
        let mut answered = 0;
        let mut has_learnt = false;
        while !r.is_empty() {
            match Item::decode(r)? {
                Item::Offer(named) => answer.extend(self.wants(now, from, named, is_news)),
                // Nobody asks for more at once.
                Item::Want(_) if answered >= WANTED_MAX => {}
                Item::Want(named) => {
                    answered += 1;
                    answer.extend(self.missing(named));
                }
                Item::Values(process, delta) => {
                    has_learnt |= self.merge(now, (from, is_news), process, delta, &mut answer);
                }
            }
        }
        self.send_items(from, &answer);
        if has_learnt {
            // Others miss it, too: so it spreads from node to node in the logarithm of their number.
            self.compare_soon(now, None);
        }
        self.go_on_asking(from);
        Ok(())
    }

    /// What somebody lacks who knows the values of a process up to a version.
    fn missing(&self, (process, since): Named) -> Option<Item> {
        let set = self.of(process).filter(|set| set.version() > since)?;
        Some(Item::Values(process, set.delta(since)))
    }

    /// Says whether it was new and is not passed on as news.
    fn merge(
        &mut self,
        now: Instant,
        (from, is_news): (SocketAddr, bool),
        process: Process,
        delta: Delta,
        answer: &mut Vec<Item>,
    ) -> bool {
        let standing = self.members.standing(process);
        let version = delta.version;
        if process == self.me {
            self.outbid(version);
        }
        if process.addr == self.me.addr || standing == Standing::Outlived {
            self.stats.useless += 1;
            return false;
        }
        let Some((since, applied)) = self.members.apply(process, delta) else {
            self.stats.strangers_refused += 1;
            return false;
        };
        let keys = match applied {
            Applied::Changed(keys) => keys,
            Applied::Gap => {
                self.stats.useless += 1;
                answer.extend(self.wants(now, from, (process, version), is_news));
                return false;
            }
            Applied::Stale => {
                self.stats.useless += 1;
                return false;
            }
            Applied::Excessive => {
                self.stats.excessive += 1;
                return false;
            }
        };
        self.stats.merged += 1;
        let wanted = self.wanted.remove(&process);
        self.changes += 1;
        if standing == Standing::Member && !keys.is_empty() {
            self.tell(Changed { process, keys });
        }
        // What nobody else may have heard of is news, too.
        let is_news =
            is_news || from == process.addr || wanted.is_some_and(|wanted| wanted.is_news);
        if is_news && self.passes_on() {
            self.news.add(process, since);
        }
        !is_news
    }
}
