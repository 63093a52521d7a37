//! Whose values are held.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::net::SocketAddr;

use hobnob_wire::{Generation, Instant};

use super::{
    Values,
    limits::STRANGERS_MAX,
    set::{Applied, Delta, ValueSet},
};
use crate::clock::Process;

/// What a process is to this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Member,
    /// Its values may come before the word that it is there.
    Stranger,
    /// A later one is at its address.
    Outlived,
}

/// The process that the membership knows at an address.
#[derive(Debug)]
struct Member {
    generation: Generation,
    is_live: bool,
    set: ValueSet,
}

/// What is held of each process.
#[derive(Debug, Default)]
pub(super) struct Members {
    by_addr: BTreeMap<SocketAddr, Member>,
    /// The live ones, in order.
    peers: Vec<SocketAddr>,
    /// Those of them that have values.
    tellers: BTreeSet<SocketAddr>,
    /// Of processes that may become members.
    strangers: BTreeMap<Process, ValueSet>,
}

impl Members {
    pub(super) fn get(&self, process: Process) -> Option<&ValueSet> {
        match self.member(process) {
            Some(member) => Some(&member.set),
            None => self.strangers.get(&process),
        }
    }

    pub(super) fn standing(&self, process: Process) -> Standing {
        match self.by_addr.get(&process.addr) {
            Some(member) if member.generation == process.generation => Standing::Member,
            Some(member) if member.generation > process.generation => Standing::Outlived,
            _ => Standing::Stranger,
        }
    }

    /// Applies a delta to what is held of a process that is not outlived, and says which version that was; `None`
    /// without room for it.
    pub(super) fn apply(&mut self, process: Process, delta: Delta) -> Option<(u64, Applied)> {
        let set = self.held(process)?;
        let since = set.version();
        let applied = set.apply(delta);
        self.note(process.addr);
        Some((since, applied))
    }

    fn held(&mut self, process: Process) -> Option<&mut ValueSet> {
        let member = self.by_addr.get_mut(&process.addr);
        if let Some(member) = member.filter(|member| member.generation == process.generation) {
            return Some(&mut member.set);
        }
        if self.strangers.len() >= STRANGERS_MAX && !self.strangers.contains_key(&process) {
            return None;
        }
        Some(self.strangers.entry(process).or_default())
    }

    /// The live ones that have values, with their versions, in order: what is told to others and compared. What is
    /// known of those that are gone differs by right.
    pub(super) fn told(&self) -> impl Iterator<Item = (Process, u64)> {
        self.tellers.iter().filter_map(|addr| {
            let member = self.by_addr.get(addr)?;
            let process = Process {
                addr: *addr,
                generation: member.generation,
            };
            Some((process, member.set.version()))
        })
    }

    /// Whether there is any of [`told`](Self::told).
    pub(super) fn anybody_tells(&self) -> bool {
        !self.tellers.is_empty()
    }

    pub(super) fn is_live(&self, process: Process) -> bool {
        self.member(process).is_some_and(|member| member.is_live)
    }

    /// The live members, in the order of their addresses.
    pub(super) fn peers(&self) -> &[SocketAddr] {
        &self.peers
    }

    /// How many others there are, and how many strangers besides.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.by_addr.len(), self.strangers.len())
    }

    fn member(&self, process: Process) -> Option<&Member> {
        let member = self.by_addr.get(&process.addr);
        member.filter(|member| member.generation == process.generation)
    }

    /// Says whether that is new.
    fn up(&mut self, process: Process) -> bool {
        if self.is_live(process) {
            return false;
        }
        let set = self.get(process).cloned().unwrap_or_default();
        let member = Member {
            generation: process.generation,
            is_live: true,
            set,
        };
        self.by_addr.insert(process.addr, member);
        self.strangers
            .retain(|known, _| known.addr != process.addr || known.generation > process.generation);
        if let Err(place) = self.peers.binary_search(&process.addr) {
            self.peers.insert(place, process.addr);
        }
        self.note(process.addr);
        true
    }

    fn down(&mut self, addr: SocketAddr) {
        if let Some(member) = self.by_addr.get_mut(&addr) {
            member.is_live = false;
        }
        if let Ok(place) = self.peers.binary_search(&addr) {
            self.peers.remove(place);
        }
        self.note(addr);
    }

    /// Something about the member at this address may have changed.
    fn note(&mut self, addr: SocketAddr) {
        let member = self.by_addr.get(&addr);
        if member.is_some_and(|member| member.is_live && member.set.version() > 0) {
            self.tellers.insert(addr);
        } else {
            self.tellers.remove(&addr);
        }
    }

    fn forget(&mut self, addr: SocketAddr) {
        self.down(addr);
        self.by_addr.remove(&addr);
    }
}

impl Values {
    /// This process is a live member. What an earlier one at its address had set ends with it.
    pub fn member_up(&mut self, now: Instant, process: Process) {
        let now = self.advance(now);
        let process = process.canonical();
        if process.addr != self.me.addr && self.members.up(process) {
            self.changes += 1;
            if self.passes_on() && self.of(process).is_some_and(|set| set.version() > 0) {
                // It could not be passed on as long as nobody was known to be there.
                self.news.add(process, 0);
            }
            self.greet(now, process.addr);
        }
        self.settle(now);
    }

    /// Nothing is sent to this address any more, and what its process has set is told to nobody; but it can still be
    /// read.
    pub fn member_down(&mut self, now: Instant, addr: SocketAddr) {
        self.advance(now);
        self.members.down(addr);
        self.stop_asking(addr);
    }

    /// The membership knows nobody at this address any more: what was set there is forgotten.
    pub fn member_forgotten(&mut self, now: Instant, addr: SocketAddr) {
        self.advance(now);
        self.members.forget(addr);
        self.stop_asking(addr);
        self.changes += 1;
    }

    /// All addresses at which a member is known, gone ones included, in order.
    pub fn member_addrs(&self) -> impl Iterator<Item = SocketAddr> {
        self.members.by_addr.keys().copied()
    }

    /// Forgets what was set by processes that have not become members: to be called once in a while.
    pub fn forget_strangers(&mut self) {
        self.members.strangers.clear();
    }

    fn stop_asking(&mut self, addr: SocketAddr) {
        self.outbox.discard(addr);
        self.wanted.retain(|_, wanted| wanted.from != addr);
    }
}
