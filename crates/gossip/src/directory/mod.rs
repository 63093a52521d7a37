//! Everybody this node knows of: what SWIM says, what they say of themselves, and what users see.

mod entry;
mod names;
mod visible;
mod watch;

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    vec::Vec,
};
use core::{net::SocketAddr, ops::Bound, time::Duration};

use hobnob_wire::Instant;
use rand::{Rng, RngExt};

use self::names::Names;
pub(crate) use self::{entry::Entry, names::Namesake};
use crate::{
    event::Event,
    identity::Life,
    limits::{EVENTS_MAX, MEMBERS_MAX},
    node::{DeclaredState, Node},
    payload::{Liveness, Range},
    record::{Declared, Record},
    swim::Sighting,
};

/// Whether an address could be taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Admitted,
    /// Room was made: this life was forgotten, and SWIM has to forget it too.
    InPlaceOf(Life),
    Full,
}

/// One entry for each address that is known, for as long as foca knows it.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    entries: BTreeMap<SocketAddr, Entry>,
    /// The addresses SWIM holds for alive, in no order, to choose from.
    live: Vec<SocketAddr>,
    /// All others, by the time since when.
    gone: BTreeSet<(Instant, SocketAddr)>,
    names: Names,
    name_settles: Duration,
    /// Moments at which an entry has something to settle.
    watches: BTreeSet<(Instant, SocketAddr)>,
    accompanied: bool,
    events: VecDeque<Event>,
    events_dropped: u64,
    version: u64,
}

impl Directory {
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.entries.values().filter_map(Entry::node)
    }

    pub(crate) fn get(&self, addr: SocketAddr) -> Option<&Entry> {
        self.entries.get(&addr)
    }

    pub(crate) fn range(&self, range: Range) -> impl Iterator<Item = &Entry> {
        let start = range.start.map_or(Bound::Unbounded, Bound::Included);
        let end = range.end.map_or(Bound::Unbounded, Bound::Excluded);
        self.entries.range((start, end)).map(|(_, entry)| entry)
    }

    /// Entries of all kinds.
    pub(crate) fn entries(&self) -> usize {
        self.entries.len()
    }

    /// Grows whenever what users see has changed.
    pub(crate) const fn version(&self) -> u64 {
        self.version
    }

    pub(crate) const fn events_dropped(&self) -> u64 {
        self.events_dropped
    }

    /// The addresses SWIM holds for alive, those without a record among them.
    pub(crate) fn live(&self) -> &[SocketAddr] {
        &self.live
    }

    /// Up to `count` live addresses, each as likely as any other.
    pub(crate) fn sample_live(&self, rng: &mut impl Rng, count: usize) -> Vec<SocketAddr> {
        // Floyd's: a random number for each of them, not for each member (Bentley, Floyd 1987).
        let mut places: Vec<usize> = Vec::with_capacity(count);
        for place in self.live.len().saturating_sub(count)..self.live.len() {
            let chosen = rng.random_range(0..=place);
            let is_taken = places.contains(&chosen);
            places.push(if is_taken { place } else { chosen });
        }
        let addrs = places.iter().filter_map(|place| self.live.get(*place));
        addrs.copied().collect()
    }

    /// Up to `count` addresses of nodes that count as failed.
    pub(crate) fn sample_failed(&self, rng: &mut impl Rng, count: usize) -> Vec<SocketAddr> {
        let failed = self.gone.iter().map(|(_, addr)| *addr).filter(|addr| {
            self.get(*addr)
                .is_some_and(|entry| entry.liveness() == Liveness::Failed)
        });
        sample(failed, rng, count)
    }

    /// Whether anybody is not alive, and may be worth a call.
    pub(crate) fn has_gone(&self) -> bool {
        !self.gone.is_empty()
    }

    /// Whether anybody counts as failed.
    pub(crate) fn has_failed(&self) -> bool {
        let liveness = |addr| self.get(addr).map(Entry::liveness);
        let mut gone = self.gone.iter().map(|(_, addr)| *addr);
        gone.any(|addr| liveness(addr) == Some(Liveness::Failed))
    }

    pub(crate) fn report(&mut self, event: Event) {
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
            self.events_dropped += 1;
        }
        self.events.push_back(event);
    }

    pub(crate) fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What users see has changed in a way that is not the directory's own: this node itself.
    pub(crate) const fn touch(&mut self) {
        self.version += 1;
    }

    /// Makes sure that there is an entry for the address of `life`. A new one is not alive until SWIM says
    /// so; if it never does, the entry keeps late hearsay from reviving who is gone.
    pub(crate) fn admit(&mut self, now: Instant, life: Life) -> Admission {
        if self.entries.contains_key(&life.addr) {
            return Admission::Admitted;
        }
        let mut admission = Admission::Admitted;
        if self.entries.len() >= MEMBERS_MAX {
            // Those who came in this very moment are on their way to being alive.
            let Some((_, addr)) = self.gone.first().filter(|(since, _)| *since < now).copied()
            else {
                return Admission::Full;
            };
            if let Some(entry) = self.remove(addr) {
                admission = Admission::InPlaceOf(entry.life);
            }
        }
        self.entries.insert(life.addr, Entry::new(life, now));
        self.gone.insert((now, life.addr));
        admission
    }

    /// SWIM holds `life` for alive. Its record is asked for at `ask_at` if it is still missing then.
    pub(crate) fn up(&mut self, now: Instant, life: Life, ask_at: Instant) {
        let Some(entry) = self.entries.get_mut(&life.addr) else {
            debug_assert!(false, "SWIM only knows whom the directory admitted");
            return;
        };
        entry.begin(life);
        if let Some(since) = entry.gone_since.take() {
            self.gone.remove(&(since, life.addr));
        }
        if !core::mem::replace(&mut entry.live, true) {
            self.live.push(life.addr);
        }
        if !core::mem::replace(&mut self.accompanied, true) {
            self.report(Event::Accompanied);
        }
        self.refresh(now, life.addr);
        self.ask_if_lacking(life.addr, ask_at);
    }

    /// SWIM holds `life` for down. A node that was shutting down gets until `grace_until` for its goodbye
    /// to arrive; true when that is so.
    pub(crate) fn down(&mut self, now: Instant, life: Life, grace_until: Instant) -> bool {
        let Some(entry) = self.entries.get_mut(&life.addr) else {
            return false;
        };
        if entry.life != life {
            return false;
        }
        let said_offline = entry
            .record
            .as_ref()
            .is_some_and(|r| r.declared == Declared::Here(DeclaredState::Offline));
        let graced = entry.live && entry.node().is_some() && said_offline;
        if graced {
            entry.grace_until = Some(grace_until);
            self.watches.insert((grace_until, life.addr));
        }
        self.not_live(now, life.addr);
        self.refresh(now, life.addr);
        self.report_if_alone();
        graced
    }

    /// A newer life took the place of an older one, which is over. A renewal of the same process goes
    /// unnoticed; another process replaces the one before it.
    pub(crate) fn renamed(&mut self, now: Instant, new: Life, ask_at: Instant) {
        let Some(entry) = self.entries.get_mut(&new.addr) else {
            return;
        };
        if !new.is_newer_than(entry.life) {
            return;
        }
        let same_process = new.generation == entry.life.generation;
        entry.begin(new);
        if !same_process {
            entry.begin_process(now);
            self.replace(new.addr, new.identity());
            self.rename(now, new.addr);
        }
        self.refresh(now, new.addr);
        self.ask_if_lacking(new.addr, ask_at);
    }

    /// Takes the owner's word, when it is newer than what is known and of the generation that is known.
    /// Nothing is newer than the owner's last word.
    pub(crate) fn set_record(&mut self, now: Instant, record: Record) -> bool {
        let Some(entry) = self.entries.get_mut(&record.life.addr) else {
            return false;
        };
        if entry.life.generation != record.life.generation || !entry.is_news(&record) {
            return false;
        }
        let addr = record.life.addr;
        entry.take_record(record);
        self.rename(now, addr);
        self.refresh(now, addr);
        true
    }

    /// Compares SWIM's view of a live member with ours. True when it has just become suspect; if it still
    /// is at `confront_at`, it is to be confronted.
    pub(crate) fn observe(
        &mut self,
        now: Instant,
        sighting: Sighting,
        confront_at: Instant,
    ) -> bool {
        let Some(entry) = self.entries.get_mut(&sighting.life.addr) else {
            return false;
        };
        if entry.life != sighting.life || !entry.live {
            return false;
        }
        entry.incarnation = sighting.incarnation;
        if entry.suspect == sighting.suspect {
            return false;
        }
        entry.suspect = sighting.suspect;
        entry.confront_at = sighting.suspect.then_some(confront_at);
        if sighting.suspect {
            self.watches.insert((confront_at, sighting.life.addr));
        }
        self.refresh(now, sighting.life.addr);
        sighting.suspect
    }

    /// The time of `life` as one that is gone is over.
    pub(crate) fn forget(&mut self, life: Life) {
        let over = self
            .get(life.addr)
            .is_some_and(|entry| !entry.live && entry.life == life);
        if over {
            self.remove(life.addr);
        }
    }

    fn not_live(&mut self, now: Instant, addr: SocketAddr) {
        let Some(entry) = self.entries.get_mut(&addr) else {
            return;
        };
        entry.suspect = false;
        entry.doubt_until = None;
        if core::mem::take(&mut entry.live) {
            self.live.retain(|live| *live != addr);
        }
        if entry.gone_since.is_none() {
            entry.gone_since = Some(now);
            self.gone.insert((now, addr));
        }
    }

    fn report_if_alone(&mut self) {
        if self.live.is_empty() && core::mem::take(&mut self.accompanied) {
            self.report(Event::Alone);
        }
    }

    fn remove(&mut self, addr: SocketAddr) -> Option<Entry> {
        let entry = self.entries.remove(&addr)?;
        self.live.retain(|live| *live != addr);
        if let Some(since) = entry.gone_since {
            self.gone.remove(&(since, addr));
        }
        self.unname(addr, &entry.name);
        if entry.node().is_some() {
            self.version += 1;
        }
        Some(entry)
    }
}

/// Up to `count` of `candidates`, in order of appearance in a reservoir.
fn sample<T>(candidates: impl Iterator<Item = T>, rng: &mut impl Rng, count: usize) -> Vec<T> {
    let mut chosen = Vec::with_capacity(count);
    for (seen, candidate) in candidates.enumerate() {
        if chosen.len() < count {
            chosen.push(candidate);
            continue;
        }
        let place = rng.random_range(0..=seen);
        if let Some(chosen) = chosen.get_mut(place) {
            *chosen = candidate;
        }
    }
    chosen
}
