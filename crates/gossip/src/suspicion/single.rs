//! One suspicion: who accuses whom, and until when that can be refuted.

use alloc::vec::Vec;
use core::{net::SocketAddr, time::Duration};

use foca::Incarnation;
use hobnob_wire::Instant;

use super::bounds::{Bounds, CONFIRMATIONS_MAX};
use crate::{
    checks::Check,
    health::Health,
    identity::Life,
    why::{Accuser, FailedProbe, Verdict, Why},
};

/// A life that did not answer somebody.
#[derive(Debug)]
pub(crate) struct Suspicion {
    pub(crate) life: Life,
    pub(crate) incarnation: Incarnation,
    pub(super) since: Instant,
    /// From when the suspect's time counts: later than `since` where something spoke for it meanwhile.
    pub(super) counts_from: Instant,
    /// No verdict before this, whatever the formula says.
    pub(super) spared_until: Instant,
    /// It was asked by all who confirm it, and has no more time once they are enough.
    pub(super) is_hurried: bool,
    /// This node's own health when it began.
    health: Health,
    pub(super) accusers: Vec<Told>,
    pub(super) probes: Vec<FailedProbe>,
    /// When it was last told to its face.
    pub(super) warned_at: Option<Instant>,
    /// When its answers to messages last put off the verdict.
    pub(super) vouched_at: Option<Instant>,
    /// How often its verdict was put off for want of a second accuser.
    pub(super) put_offs: u8,
    /// This node's own look at it, while it lasts.
    pub(super) check: Option<Check>,
}

/// An accuser, and how often it was passed on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) accuser: Accuser,
    pub(super) times: u8,
}

impl Suspicion {
    pub(super) const fn new(
        now: Instant,
        life: Life,
        incarnation: Incarnation,
        health: Health,
    ) -> Self {
        Self {
            life,
            incarnation,
            since: now,
            counts_from: now,
            spared_until: now,
            is_hurried: false,
            health,
            accusers: Vec::new(),
            probes: Vec::new(),
            warned_at: None,
            vouched_at: None,
            put_offs: 0,
            check: None,
        }
    }

    pub(crate) fn is_accused_by(&self, addr: SocketAddr) -> bool {
        self.accusers.iter().any(|told| told.accuser.addr == addr)
    }

    pub(super) fn is_due(&self, now: Instant, bounds: &Bounds) -> bool {
        let is_check_over = self.check.is_some_and(|check| check.ends_at <= now);
        is_check_over || self.deadline(bounds) <= now
    }

    pub(super) fn explain(&self, verdict: Option<Verdict>) -> Why {
        Why {
            identity: self.life.identity(),
            since: self.since,
            health: self.health.score(),
            accusers: self.accusers.iter().map(|told| told.accuser).collect(),
            probes: self.probes.clone(),
            vouched_at: self.vouched_at,
            verdict,
        }
    }

    /// When it counts as failed, as far as is known now.
    pub(crate) fn deadline(&self, bounds: &Bounds) -> Instant {
        // Its own word needs no confirmation.
        let confirmations = if self.is_accused_by(self.life.addr) {
            CONFIRMATIONS_MAX
        } else {
            self.accusers.len().saturating_sub(1)
        };
        let is_confirmed = confirmations >= bounds.confirmations.max(1);
        let time = if self.is_hurried && is_confirmed {
            Duration::ZERO
        } else {
            bounds.timeout(confirmations)
        };
        (self.counts_from + time).max(self.spared_until)
    }
}
