//! Which node a name belongs to, and who is not shown because of it.

use alloc::{
    borrow::ToOwned,
    collections::{BTreeMap, BTreeSet},
    string::String,
    sync::Arc,
    vec::Vec,
};
use core::{net::SocketAddr, time::Duration};

use hobnob_wire::{Generation, Instant};

use super::Directory;
use crate::{
    event::Event,
    identity::{Identity, Life},
    metadata::Metadata,
    node::DeclaredState,
    record::{Declared, Record},
};

/// The order in which claims to one name are good: the least wins. It comes from the claimants' own words only, so
/// everybody puts them in the same order.
pub(crate) type Rank = (bool, Generation, SocketAddr);

/// Who is known to use names.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_name: BTreeMap<String, BTreeSet<SocketAddr>>,
    /// Names whose holder may have to give way to a better claim, and since when.
    contested: BTreeMap<String, Instant>,
    /// This node's own claim, while it makes one.
    own: Option<(Arc<Metadata>, Life, Rank)>,
    /// Those shown under a name that another one claims since lately.
    contested_lately: BTreeSet<SocketAddr>,
    /// Something changed that this node's own claim may depend on.
    changed: bool,
}

/// Another node of this node's own name, as far as it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Namesake {
    pub(crate) life: Life,
    pub(crate) rank: Rank,
    /// It knows that the name is not its own.
    pub(crate) yields: bool,
}

impl Record {
    /// How good the claim of this record to its name is.
    pub(crate) fn rank(&self) -> Rank {
        let goes = self.declared == Declared::Here(DeclaredState::Offline);
        (goes, self.life.generation, self.life.addr)
    }
}

impl Names {
    fn holders(&self, name: &str) -> Vec<SocketAddr> {
        self.by_name
            .get(name)
            .map_or_else(Vec::new, |addrs| addrs.iter().copied().collect())
    }

    fn own_claim(&self, name: &str) -> Option<(Identity, Rank)> {
        let (metadata, life, rank) = self.own.as_ref()?;
        (metadata.name() == name).then(|| (life.identity(), *rank))
    }
}

impl Directory {
    /// This node claims the name in its record, or claims none.
    pub(crate) fn claim_name(&mut self, now: Instant, own: Option<&Record>) {
        let before = self.names.own.take();
        self.names.own = own.map(|own| (Arc::clone(&own.metadata), own.life, own.rank()));
        let names = before.iter().chain(&self.names.own);
        let names: Vec<String> = names.map(|(own, ..)| own.name().to_owned()).collect();
        for name in names {
            self.settle_name(now, &name);
        }
    }

    /// Whether something happened since the last call that this node's own claim may depend on.
    pub(crate) const fn take_names_changed(&mut self) -> bool {
        core::mem::replace(&mut self.names.changed, false)
    }

    /// The live nodes of a name.
    pub(crate) fn namesakes(&self, name: &str) -> Vec<Namesake> {
        let addrs = self.names.by_name.get(name).into_iter().flatten();
        addrs
            .filter_map(|addr| {
                let entry = self.get(*addr).filter(|entry| entry.live)?;
                let record = entry.record.as_ref().filter(|record| !record.has_left())?;
                Some(Namesake {
                    life: entry.life,
                    rank: record.rank(),
                    yields: record.yields,
                })
            })
            .collect()
    }

    /// The record of `addr` is another one now, or gone.
    pub(super) fn rename(&mut self, now: Instant, addr: SocketAddr) {
        let entry = self.entries.get_mut(&addr);
        let name = |metadata: &Metadata| metadata.name().to_owned();
        let new = entry.as_ref().and_then(|entry| entry.record.as_ref());
        let new = new.map(|record| name(&record.metadata)).unwrap_or_default();
        let old = match entry {
            Some(entry) if entry.name == new => return,
            Some(entry) => core::mem::replace(&mut entry.name, new.clone()),
            None => return,
        };
        self.unname(addr, &old);
        if !new.is_empty() {
            let addrs = self.names.by_name.entry(new).or_default();
            addrs.insert(addr);
        } else if let Some(entry) = self.entries.get_mut(&addr) {
            entry.outranked = false;
            entry.rival = None;
        }
        self.settle_name(now, &old);
    }

    /// Nothing at `addr` has this name any more.
    pub(super) fn unname(&mut self, addr: SocketAddr, name: &str) {
        if let Some(addrs) = self.names.by_name.get_mut(name) {
            addrs.remove(&addr);
            if addrs.is_empty() {
                self.names.by_name.remove(name);
                self.names.contested.remove(name);
            }
        }
    }

    /// Somebody of this name has changed: the best of the live claims is shown, all others are not. A node that is
    /// shown and lives has time to settle it with whoever claims to be older, before that one is shown in its place.
    pub(super) fn settle_name(&mut self, now: Instant, name: &str) {
        if name.is_empty() {
            return;
        }
        self.names.changed = true;
        self.choose_shown(now, name);
        self.note_rivals(name);
    }

    fn choose_shown(&mut self, now: Instant, name: &str) {
        let addrs = self.names.holders(name);
        let mut best = self.names.own_claim(name);
        let mut holder = best;
        for namesake in self.namesakes(name).iter().filter(|sake| !sake.yields) {
            let claim = (namesake.life.identity(), namesake.rank);
            let is_shown = self
                .get(namesake.life.addr)
                .is_some_and(|entry| entry.node.is_some());
            if is_shown && holder.is_none() {
                holder = Some(claim);
            }
            if best.is_none_or(|(_, rank)| claim.1 < rank) {
                best = Some(claim);
            }
        }
        let Some(best) = best else {
            return;
        };
        let winner = self.let_settle(now, name, best, holder).0;
        for addr in addrs {
            self.set_outranked(addr, winner);
        }
    }

    /// Of the live nodes that claim a name and are not shutting down, the one that is shown has a rival in the newest of
    /// the others. No one has where this node claims the name itself: it asks by itself then.
    fn note_rivals(&mut self, name: &str) {
        let mut claims: Vec<Identity> = Vec::new();
        if self.names.own_claim(name).is_none() {
            let namesakes = self.namesakes(name).into_iter();
            let claimants = namesakes.filter(|sake| !sake.yields && !sake.rank.0);
            claims.extend(claimants.map(|sake| sake.life.identity()));
        }
        claims.sort_by_key(|claim| (claim.generation, claim.addr));
        for addr in self.names.holders(name) {
            let Some(entry) = self.entries.get_mut(&addr) else {
                continue;
            };
            let is_contender =
                entry.node.is_some() && claims.iter().any(|claim| claim.addr == addr);
            let mut others = claims.iter().rev().filter(|claim| claim.addr != addr);
            let rival = others.next().copied().filter(|_| is_contender);
            if rival.is_some() && rival != entry.rival {
                self.names.contested_lately.insert(addr);
            }
            entry.rival = rival;
        }
    }

    /// The next one that is shown under a name which another one claims since lately.
    pub(crate) fn take_contested(&mut self) -> Option<Life> {
        while let Some(addr) = self.names.contested_lately.pop_first() {
            let entry = self.get(addr).filter(|entry| entry.live);
            if let Some(life) = entry.filter(|entry| entry.rival.is_some()).map(|e| e.life) {
                return Some(life);
            }
        }
        None
    }

    /// Whether another live node claims the name under which this one is shown.
    pub(crate) fn is_contested(&self, life: Life) -> bool {
        let entry = self.get(life.addr).filter(|entry| entry.life == life);
        entry.is_some_and(|entry| entry.rival.is_some())
    }

    /// Who is shown: the best, unless the holder still has time.
    fn let_settle(
        &mut self,
        now: Instant,
        name: &str,
        best: (Identity, Rank),
        holder: Option<(Identity, Rank)>,
    ) -> (Identity, Rank) {
        let alive = holder.filter(|(whom, (goes, ..))| *whom != best.0 && !goes);
        let Some(holder) = alive else {
            self.names.contested.remove(name);
            return best;
        };
        let since = *self.names.contested.entry(name.to_owned()).or_insert(now);
        let until = since + self.name_settles;
        if until <= now {
            self.names.contested.remove(name);
            return best;
        }
        self.watches.insert((until, best.0.addr));
        self.watches.insert((until, holder.0.addr));
        holder
    }

    fn set_outranked(&mut self, addr: SocketAddr, winner: Identity) {
        let Some(entry) = self.entries.get_mut(&addr) else {
            return;
        };
        entry.outranked = addr != winner.addr;
        if entry.outranked {
            self.replace(addr, winner);
        } else {
            self.show(addr);
        }
    }

    /// A name that two claim has been contested for long enough.
    pub(crate) fn end_contest(&mut self, now: Instant, addr: SocketAddr) {
        let name = self.get(addr).map(|entry| entry.name.clone());
        if let Some(name) = name.filter(|name| self.names.contested.contains_key(name)) {
            self.settle_name(now, &name);
        }
    }

    /// How long a live node that is shown keeps its place when another one of its name turns up that claims to be
    /// older.
    pub(crate) const fn set_name_settles(&mut self, time: Duration) {
        self.name_settles = time;
    }

    /// The node at `addr` is over, or not shown any more, because of `new`.
    pub(super) fn replace(&mut self, addr: SocketAddr, new: Identity) {
        let node = self.entries.get_mut(&addr).and_then(|e| e.node.take());
        if let Some(old) = node {
            self.version += 1;
            self.report(Event::Replaced { old, new });
        }
    }
}
