//! What is not yet settled about an entry, and when it has to be.

use core::net::SocketAddr;

use foca::Incarnation;
use hobnob_wire::Instant;

use super::Directory;
use crate::identity::Life;

impl Directory {
    /// When the next entry has something to settle.
    pub(crate) fn next_watch(&self) -> Option<Instant> {
        self.watches.first().map(|(at, _)| *at)
    }

    /// The next address that has something to settle by `now`.
    pub(crate) fn take_watch(&mut self, now: Instant) -> Option<SocketAddr> {
        let (_, addr) = self.watches.first().filter(|(at, _)| *at <= now).copied()?;
        self.watches.pop_first();
        Some(addr)
    }

    /// Somebody holds a live node for failed. True when that is new, so that the node can be told; it has
    /// until `until` to show itself.
    pub(crate) fn doubt(&mut self, addr: SocketAddr, until: Instant) -> bool {
        match self.entries.get_mut(&addr) {
            Some(entry) if entry.live && entry.doubt_until.is_none() => {
                entry.doubt_until = Some(until);
                self.watches.insert((until, addr));
                true
            }
            _ => false,
        }
    }

    /// The node at `addr` was heard of at first hand.
    pub(crate) fn heard(&mut self, addr: SocketAddr) {
        if let Some(entry) = self.entries.get_mut(&addr) {
            entry.doubt_until = None;
        }
    }

    /// A process has spoken to this node as itself.
    pub(crate) fn has_spoken(&mut self, life: Life) {
        if let Some(entry) = self.entries.get_mut(&life.addr)
            && entry.life.generation == life.generation
        {
            entry.has_spoken = true;
        }
    }

    /// A live member is in an incarnation that may be later than the one known. Of a suspect SWIM has to say so first:
    /// it would be told that it is suspected in the one in which it has just refuted that.
    pub(crate) fn refuted(&mut self, life: Life, incarnation: Incarnation) {
        if incarnation > 0
            && let Some(entry) = self.entries.get_mut(&life.addr)
            && entry.live
            && !entry.suspect
            && entry.life == life
        {
            entry.incarnation = entry.incarnation.max(incarnation);
        }
    }

    /// The life that has been in doubt for too long.
    pub(crate) fn end_doubt(&mut self, now: Instant, addr: SocketAddr) -> Option<Life> {
        let entry = self.entries.get_mut(&addr)?;
        entry.doubt_until.take_if(|until| *until <= now)?;
        entry.live.then_some(entry.life)
    }

    /// The suspect that is still one, although the time for a decision is over; again at `again`.
    pub(crate) fn should_confront(
        &mut self,
        now: Instant,
        addr: SocketAddr,
        again: Instant,
    ) -> Option<(Life, Incarnation)> {
        let entry = self.entries.get_mut(&addr)?;
        entry.confront_at.take_if(|at| *at <= now)?;
        if !entry.live || !entry.suspect {
            return None;
        }
        entry.confront_at = Some(again);
        self.watches.insert((again, addr));
        let entry = self.get(addr)?;
        Some((entry.life, entry.incarnation))
    }

    /// The goodbye did not come: the node has failed after all.
    pub(crate) fn end_grace(&mut self, now: Instant, addr: SocketAddr) {
        if let Some(entry) = self.entries.get_mut(&addr)
            && entry.grace_until.take_if(|until| *until <= now).is_some()
        {
            self.refresh(now, addr);
        }
    }

    /// Whether the record of `addr` is missing and to be asked for by `now`; it will be again at `again`.
    pub(crate) fn should_ask(&mut self, now: Instant, addr: SocketAddr, again: Instant) -> bool {
        let Some(entry) = self.entries.get_mut(&addr) else {
            return false;
        };
        if entry.ask_at.take_if(|at| *at <= now).is_none() {
            return false;
        }
        self.ask_if_lacking(addr, again)
    }

    pub(super) fn ask_if_lacking(&mut self, addr: SocketAddr, at: Instant) -> bool {
        let Some(entry) = self.entries.get_mut(&addr) else {
            return false;
        };
        if !entry.lacks_record() {
            return false;
        }
        if entry.ask_at.is_none() {
            entry.ask_at = Some(at);
            self.watches.insert((at, addr));
        }
        true
    }
}
