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

/// Processes that are none of this node's business: as many as there can be members. Of more the first is taken in and
/// vetted again.
#[derive(Debug, Default)]
pub(crate) struct Shunned {
    generations: BTreeMap<SocketAddr, (Generation, Instant)>,
    by_time: BTreeSet<(Instant, SocketAddr)>,
}

impl Shunned {
    fn contains(&self, life: Life) -> bool {
        self.generations
            .get(&life.addr)
            .is_some_and(|(generation, _)| life.generation <= *generation)
    }

    /// Returns whether that is new.
    fn insert(&mut self, now: Instant, life: Life) -> bool {
        if self.contains(life) {
            return false;
        }
        if self.generations.len() >= MEMBERS_MAX
            && let Some((_, oldest)) = self.by_time.pop_first()
        {
            self.generations.remove(&oldest);
        }
        let known = self.generations.insert(life.addr, (life.generation, now));
        if let Some((_, since)) = known {
            self.by_time.remove(&(since, life.addr));
        }
        self.by_time.insert((now, life.addr));
        true
    }
}

impl Gossip {
    /// The session layer has the word of whoever is at `addr` that it will have nothing to do with this node. If others
    /// told of it as a member, it is none for this node.
    pub fn refused(&mut self, now: Instant, addr: SocketAddr) {
        let now = self.advance(now);
        let entry = self.directory.get(canonical_addr(addr));
        if let Some(life) = entry.filter(|e| !e.is_vetted()).map(|e| e.life) {
            self.shun(now, life);
        }
        self.settle(now);
    }

    /// Whether a process is to be ignored.
    pub(crate) fn is_shunned(&self, life: Life) -> bool {
        self.shunned.contains(life)
    }

    /// Whether the owner of a record and this node work together; if not, it is shunned from now on.
    pub(crate) fn vet(&mut self, now: Instant, record: &Record) -> bool {
        if self.is_shunned(record.life) {
            return false;
        }
        let ours = self.me.metadata.release();
        if ours.is_compatible_with(record.metadata.release()) {
            return true;
        }
        self.shun(now, record.life);
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
    fn shun(&mut self, now: Instant, life: Life) {
        if self.shunned.insert(now, life) {
            self.stats.nodes_shunned += 1;
        }
        let entry = self.directory.get(life.addr);
        let Some(entry) = entry.filter(|entry| entry.life.generation <= life.generation) else {
            return;
        };
        let (known, was_shown) = (entry.life, entry.node().is_some());
        if self.swim.probe().is_some_and(|probe| probe.life == known) {
            self.swim.answer_probe(now, self.me.life);
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
