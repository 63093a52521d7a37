//! Nodes that are members of the same cluster by way of others, but run a version of the application that this node
//! does not work with, or that does not work with this one's.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use core::net::SocketAddr;

use hobnob_wire::{AppRelease, Generation, Instant};

use crate::{
    directory::Entry,
    event::Event,
    gossip::Gossip,
    identity::{Life, canonical_addr},
    limits::MEMBERS_MAX,
    record::Record,
};

/// Probe periods in which a node that was only heard of is not accused because it does not answer: ten questions for its
/// record fit, and the hello that tells whether it wants to know this node.
const VETTING_PERIODS: u32 = 5;

/// By whose word a process does not work with this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// Its own, in its record.
    Own,
    /// Of others, or of whoever refused a session at its address: until it speaks to this node all the same.
    Hearsay,
}

/// Processes that are none of this node's business: as many as there can be members. Of more the first is taken in and
/// vetted again.
#[derive(Debug, Default)]
pub(crate) struct Shunned {
    by_addr: BTreeMap<SocketAddr, Shun>,
    by_time: BTreeSet<(Instant, SocketAddr)>,
}

/// The latest process at an address that is shunned; so are all before it.
#[derive(Clone, Copy, Debug)]
struct Shun {
    generation: Generation,
    since: Instant,
    word: Word,
}

impl Shunned {
    fn get(&self, life: Life) -> Option<&Shun> {
        let shun = self.by_addr.get(&life.addr);
        shun.filter(|shun| life.generation <= shun.generation)
    }

    /// Returns whether that is new.
    fn insert(&mut self, now: Instant, life: Life, word: Word) -> bool {
        if self.get(life).is_some() {
            return false;
        }
        self.remove(life.addr);
        if self.by_addr.len() >= MEMBERS_MAX
            && let Some((_, oldest)) = self.by_time.pop_first()
        {
            self.by_addr.remove(&oldest);
        }
        let shun = Shun {
            generation: life.generation,
            since: now,
            word,
        };
        self.by_addr.insert(life.addr, shun);
        self.by_time.insert((now, life.addr));
        true
    }

    fn pardon(&mut self, life: Life) {
        if self.get(life).is_some() {
            self.remove(life.addr);
        }
    }

    fn remove(&mut self, addr: SocketAddr) {
        if let Some(shun) = self.by_addr.remove(&addr) {
            self.by_time.remove(&(shun.since, addr));
        }
    }
}

impl Gossip {
    /// The session layer has the word of whoever is at `addr` that it will have nothing to do with this node. If others
    /// told of it as a member, it is none for this node.
    pub fn refused(&mut self, now: Instant, addr: SocketAddr) {
        let now = self.advance(now);
        let entry = self.directory.get(canonical_addr(addr));
        if let Some(life) = entry.filter(|e| !e.is_vetted()).map(|e| e.life) {
            self.shun(now, life, Word::Hearsay);
        }
        self.settle(now);
    }

    /// Whether a process is to be ignored.
    pub(crate) fn is_shunned(&self, life: Life) -> bool {
        self.shunned.get(life).is_some()
    }

    /// Whether a process that speaks to this node is to be heard. It needed a session for that, so it works with this
    /// node, whatever others say of it; unless it says itself that it does not.
    pub(crate) fn may_speak(&mut self, life: Life) -> bool {
        match self.shunned.get(life).map(|shun| shun.word) {
            None => true,
            Some(Word::Own) => false,
            Some(Word::Hearsay) => {
                self.shunned.pardon(life);
                true
            }
        }
    }

    /// Whether the owner of a record and this node work together; if not, it is shunned from now on. Others than the
    /// owner are not believed when they say of one who has spoken to this node what would have made that impossible.
    pub(crate) fn vet(&mut self, now: Instant, from: SocketAddr, record: &Record) -> bool {
        let life = record.life;
        let is_own = from == life.addr;
        let ours = self.me.metadata.release();
        let is_compatible = ours.is_compatible_with(record.metadata.release());
        if is_own && is_compatible {
            // The latest that it says of itself.
            self.shunned.pardon(life);
        }
        let may_count = if is_own {
            self.may_speak(life)
        } else {
            !self.is_shunned(life)
        };
        if !may_count || is_compatible {
            return may_count;
        }
        if !is_own && self.has_spoken(life) {
            return false;
        }
        let word = if is_own { Word::Own } else { Word::Hearsay };
        self.shun(now, life, word);
        let node = Arc::new(record.to_node());
        self.directory.report(Event::Incompatible(node));
        false
    }

    /// Whether a probe of `life` that is not answered says nothing yet: it may be one that this node cannot talk to.
    pub(crate) fn is_being_vetted(&self, now: Instant, life: Life) -> bool {
        let lasts = self.config.get().probe_period * VETTING_PERIODS;
        self.directory.get(life.addr).is_some_and(|entry| {
            entry.life == life && !entry.is_vetted() && now < entry.known_since + lasts
        })
    }

    fn has_spoken(&self, life: Life) -> bool {
        let entry = self.directory.get(life.addr);
        entry.is_some_and(|entry| entry.life.generation == life.generation && entry.has_spoken)
    }

    /// Whether a peer is to hear of a node: not if the two do not work together.
    pub(crate) fn is_for(&self, peer: Option<AppRelease>, entry: &Entry) -> bool {
        match (peer, entry.release()) {
            (Some(peer), Some(release)) => peer.is_compatible_with(release),
            _ => true,
        }
    }

    /// What a peer declares of its application, as far as it is known.
    pub(crate) fn release_of(&self, peer: SocketAddr) -> Option<AppRelease> {
        self.directory.get(peer).and_then(Entry::release)
    }

    /// A process is as good as not there: SWIM and the directory know nothing of it. A compatible one that was at its
    /// address is over.
    fn shun(&mut self, now: Instant, life: Life, word: Word) {
        if self.shunned.insert(now, life, word) {
            self.stats.nodes_shunned += 1;
        }
        let entry = self.directory.get(life.addr);
        let Some(entry) = entry.filter(|entry| entry.life.generation <= life.generation) else {
            return;
        };
        let (known, was_shown) = (entry.life, entry.node().is_some());
        if self.swim.probe().is_some_and(|probe| probe.life == known) {
            self.swim.answer_probe();
        }
        self.swim.down_quietly(now, known);
        self.settle_notes(now);
        if !was_shown {
            self.swim.forget(now, known);
            self.directory.forget(known);
            self.suspicions.forget(known.addr);
        }
    }
}
