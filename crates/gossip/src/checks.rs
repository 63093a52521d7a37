//! Second opinions: some of those who hear that a node is suspected find out for themselves, and nobody is declared
//! dead on a single node's word while there are others.

use core::{net::SocketAddr, time::Duration};

use foca::Incarnation;
use hobnob_wire::Instant;
use rand::RngExt;

use crate::{gossip::Gossip, identity::Life, suspicion::CONFIRMATIONS_MAX, why::FailedProbe};

/// How many of the others check on a suspect, on average: three times as many as it takes, so that in 199 of 200
/// cases there are enough.
const CHECKERS: usize = 3 * CONFIRMATIONS_MAX;

/// How often a check asks. At 10 % loss both ways a live suspect answers all but once in 750 times.
const QUESTIONS: u32 = 4;

/// One node's own look at a suspect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Check {
    pub(crate) began: Instant,
    pub(crate) ask_at: Instant,
    pub(crate) ends_at: Instant,
}

impl Check {
    pub(crate) fn begin(now: Instant, lasts: Duration) -> Self {
        Self {
            began: now,
            ask_at: now,
            ends_at: now + lasts,
        }
    }

    /// When there is something to do about it.
    pub(crate) fn next(&self) -> Instant {
        self.ask_at.min(self.ends_at)
    }
}

impl Gossip {
    /// A suspicion was heard of. Whether this node checks is left to chance: the more nodes, the rarer.
    pub(crate) fn consider_check(&mut self, now: Instant, life: Life) {
        if self.is_chosen() {
            let lasts = self.swim.health.stretch(self.config.get().probe_period);
            self.suspicions.check(life.addr, Check::begin(now, lasts));
        }
    }

    /// Whether chance makes this node one of those who look for themselves.
    pub(crate) fn is_chosen(&mut self) -> bool {
        // Neither the suspect nor whoever accused it first.
        let others = self.size().saturating_sub(2).max(1);
        self.rng.random_range(0..others) < CHECKERS
    }

    /// Asks the suspects that are checked, and accuses those that have not answered in time. The answer is a
    /// refutation, which ends suspicion and check.
    pub(crate) fn run_checks(&mut self, now: Instant) {
        let lasts = self.swim.health.stretch(self.config.get().probe_period);
        for due in self.suspicions.take_checks(now, lasts / QUESTIONS) {
            let (life, incarnation) = (due.life, due.incarnation);
            if now < due.check.ends_at {
                self.confront(now, life, incarnation);
                continue;
            }
            self.miss(now, life, incarnation, due.check);
        }
    }

    /// A suspect has answered nothing in a look of this node's own, which counts as a failed probe.
    pub(crate) fn miss(
        &mut self,
        now: Instant,
        life: Life,
        incarnation: Incarnation,
        check: Check,
    ) {
        self.accuse(now, life, incarnation);
        let failed = FailedProbe {
            began: check.began,
            ended: now,
            helpers: 0,
            nacks: 0,
        };
        self.suspicions.note_probe(life, failed);
    }

    /// A member was heard: it could have told what it knows of those who are suspected here.
    pub(crate) fn note_company(&mut self, now: Instant, from: SocketAddr) {
        let is_live = self.directory.get(from).is_some_and(|entry| entry.live);
        if is_live && self.suspicions.get(from).is_none() {
            self.company_at = Some(now);
        }
    }

    /// Puts off the verdicts that rest on a single node's word although others are heard, who have had all the
    /// time there is to confirm it: the accuser is more likely to be the one who hears badly. The accusation is
    /// passed on once more.
    pub(crate) fn doubt_lone_accusers(&mut self, now: Instant) {
        let bounds = self.config.suspicion(self.size());
        let Some(company_at) = self.company_at.filter(|_| bounds.confirmations > 0) else {
            return;
        };
        for life in self.suspicions.put_off_lone(now, &bounds, company_at) {
            self.stats.verdicts_put_off += 1;
            self.set_deadline(now, life);
        }
    }
}
