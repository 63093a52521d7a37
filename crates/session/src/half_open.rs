//! What is not a session yet: attempts of the node's own, and candidates that others began.

use core::net::SocketAddr;

use hobnob_wire::{Instant, SessionId};

use crate::{
    Sessions,
    event::{Event, FailedReason, TimeoutReason},
    limits::{ATTEMPT_LASTS, CANDIDATE_LASTS, HELLO_DELAY_FIRST, HELLO_DELAY_MAX, STRANGERS_MAX},
    table::{Attempt, Candidate, Claim, Link, Tenant},
};

impl Sessions {
    /// Starts an attempt at a tenant with whom there is neither one nor a session.
    ///
    /// If the remote's own hello was answered already, the attempt uses the id of that answer: both sides
    /// then arrive at one session.
    pub(crate) fn start_attempt(&mut self, now: Instant, slot: u16) {
        let candidate = self.table.tenant(slot).and_then(|tenant| tenant.candidate);
        let (local, lent_to) = match candidate {
            Some(candidate) => (candidate.local, Some(candidate.claim)),
            None => (self.fresh_id(slot), None),
        };
        let ends_at = now + ATTEMPT_LASTS;
        let attempt = Attempt {
            local,
            nonce: self.ids.nonce(),
            lent_to,
            delay: HELLO_DELAY_FIRST,
            ends_at,
            alarm: (ends_at, TimeoutReason::AttemptOver),
        };
        self.set_alarm(slot, attempt.alarm);
        self.hellos_due.insert(slot);
        if let Some(tenant) = self.table.tenant_mut(slot) {
            debug_assert!(tenant.is_idle(), "one link at a time");
            tenant.link = Link::Connecting(attempt);
        }
    }

    /// Ends a tenant's attempt, if there is one. Says whether there was.
    pub(crate) fn end_attempt(&mut self, slot: u16) -> bool {
        let Some(tenant) = self.table.tenant_mut(slot) else {
            return false;
        };
        let Some(attempt) = tenant.attempt() else {
            return false;
        };
        let (at, reason) = attempt.alarm;
        tenant.link = Link::Idle;
        self.timers.remove(&(at, slot, reason));
        self.hellos_due.remove(&slot);
        true
    }

    /// Gives an attempt under way fresh ids, so that nothing said before counts for it. It keeps its end.
    pub(crate) fn restart_attempt(&mut self, slot: u16) {
        if self.attempt_mut(slot).is_none() {
            return;
        }
        let (local, nonce) = (self.fresh_id(slot), self.ids.nonce());
        if let Some(attempt) = self.attempt_mut(slot) {
            attempt.local = local;
            attempt.nonce = nonce;
            attempt.lent_to = None;
            attempt.delay = HELLO_DELAY_FIRST;
            self.hellos_due.insert(slot);
        }
    }

    /// Sets the timer of an attempt whose hello was just written.
    pub(crate) fn wait_for_answer(&mut self, now: Instant, slot: u16) {
        let Some(attempt) = self.table.tenant_mut(slot).and_then(Tenant::attempt_mut) else {
            return;
        };
        let again_at = now + self.ids.jittered(attempt.delay);
        let alarm = if again_at < attempt.ends_at {
            (again_at, TimeoutReason::HelloUnanswered)
        } else {
            (attempt.ends_at, TimeoutReason::AttemptOver)
        };
        attempt.delay = (attempt.delay * 2).min(HELLO_DELAY_MAX);
        let (at, reason) = core::mem::replace(&mut attempt.alarm, alarm);
        self.timers.remove(&(at, slot, reason));
        self.set_alarm(slot, alarm);
    }

    /// An attempt's hello was not answered in time.
    pub(crate) fn say_hello_again(&mut self, slot: u16) {
        if let Some(attempt) = self.attempt_mut(slot) {
            let alarm = (attempt.ends_at, TimeoutReason::AttemptOver);
            attempt.alarm = alarm;
            self.set_alarm(slot, alarm);
            self.hellos_due.insert(slot);
        }
    }

    /// Ends an attempt in vain.
    pub(crate) fn fail_attempt(&mut self, slot: u16, reason: FailedReason) {
        if !self.end_attempt(slot) {
            return;
        }
        if let Some((peer, addr)) = self.handle(slot) {
            self.stats.failed += 1;
            self.push_event(Event::Failed { peer, addr, reason });
        }
    }

    /// Puts a candidate in the place of the one before, and starts its time anew.
    pub(crate) fn place_candidate(
        &mut self,
        now: Instant,
        slot: u16,
        local: SessionId,
        claim: Claim,
        version: u8,
    ) {
        self.drop_candidate(slot);
        let candidate = Candidate {
            local,
            claim,
            version,
            ends_at: now + CANDIDATE_LASTS,
        };
        self.set_alarm(slot, (candidate.ends_at, TimeoutReason::CandidateOver));
        if let Some(tenant) = self.table.tenant_mut(slot) {
            tenant.candidate = Some(candidate);
            if !tenant.is_remembered {
                self.strangers.insert((candidate.ends_at, slot));
            }
        }
    }

    /// Takes a tenant's candidate away, if there is one. A stranger's slot stays: the caller frees it or
    /// puts something else there.
    pub(crate) fn drop_candidate(&mut self, slot: u16) -> Option<Candidate> {
        let candidate = self.table.tenant_mut(slot)?.candidate.take()?;
        let at = candidate.ends_at;
        self.timers
            .remove(&(at, slot, TimeoutReason::CandidateOver));
        self.strangers.remove(&(at, slot));
        Some(candidate)
    }

    /// Ends a candidate that was not proven in time.
    pub(crate) fn expire_candidate(&mut self, slot: u16) {
        self.stats.candidates_expired += 1;
        self.drop_candidate(slot);
        self.dismiss_stranger(slot);
    }

    /// Lets a tenant stay until it is forgotten.
    pub(crate) fn remember(&mut self, slot: u16) {
        if let Some(tenant) = self.table.tenant_mut(slot) {
            tenant.is_remembered = true;
            if let Some(candidate) = &tenant.candidate {
                self.strangers.remove(&(candidate.ends_at, slot));
            }
        }
    }

    /// Frees the slot of a tenant that nothing is known of.
    pub(crate) fn dismiss_stranger(&mut self, slot: u16) {
        if self
            .table
            .tenant(slot)
            .is_some_and(|tenant| !tenant.is_remembered)
        {
            self.release(slot);
        }
    }

    /// Frees a slot, with all that is in it.
    pub(crate) fn release(&mut self, slot: u16) {
        self.drop_candidate(slot);
        self.end_attempt(slot);
        self.table.evict(slot);
    }

    /// A slot for a stranger, if need be that of the oldest one. `None` as of [`admit`](Self::admit).
    pub(crate) fn admit_stranger(&mut self, addr: SocketAddr) -> Option<u16> {
        if self.strangers.len() >= STRANGERS_MAX {
            self.evict_stranger();
        }
        self.admit(addr)
    }

    /// A slot for an address that has none, if need be that of the oldest stranger. `None` when every slot
    /// is taken by a peer that is remembered.
    pub(crate) fn admit(&mut self, addr: SocketAddr) -> Option<u16> {
        if self.table.is_full() {
            self.evict_stranger();
        }
        self.table.admit(addr)
    }

    fn evict_stranger(&mut self) {
        if let Some(&(_, oldest)) = self.strangers.first() {
            self.stats.strangers_evicted += 1;
            self.release(oldest);
        }
    }

    /// An id that leads to `slot` and means nothing there yet.
    pub(crate) fn fresh_id(&mut self, slot: u16) -> SessionId {
        loop {
            let id = self.ids.session(slot);
            if self.table.addressee(id).is_none() {
                return id;
            }
        }
    }

    fn attempt_mut(&mut self, slot: u16) -> Option<&mut Attempt> {
        self.table.tenant_mut(slot)?.attempt_mut()
    }

    fn set_alarm(&mut self, slot: u16, (at, reason): (Instant, TimeoutReason)) {
        self.timers.insert((at, slot, reason));
    }
}
