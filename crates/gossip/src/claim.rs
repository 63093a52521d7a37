//! This node's claim to its name, and how it is settled with whoever else claims it.

use alloc::{collections::BTreeSet, string::ToString};
use core::time::Duration;

use hobnob_wire::Instant;

use crate::{
    config::{GossipConfig, ValidGossipConfig},
    directory::Namesake,
    event::Event,
    gossip::Gossip,
    identity::{Identity, Life},
    inquiry::QUESTIONS,
    limits::GONE_NAMESAKES_TOLD_MAX,
    payload::Payload,
};

/// Questions in a probe period to a namesake that may yield yet.
const ASKS_PER_PERIOD: u32 = 8;

/// Probe periods for which a node that has its name keeps it against one that claims to be older: more than twice as
/// long as a new one needs to find out that it has to yield.
const KEEPS_PERIODS: u32 = 4;

/// Probe periods for which others go on showing it: as long again for the word of whoever yields to reach them all.
const SHOWN_PERIODS: u32 = 2 * KEEPS_PERIODS;

/// Probe periods in company in which a node is new, and its generation counts for nothing against a namesake that is
/// there: long enough to meet it.
const FRESH_PERIODS: u32 = 10;

/// How this node stands to its name. Whether it yields stands in its record, for all to see.
#[derive(Debug)]
pub(crate) struct Claim {
    newness: Newness,
    ask: Option<Ask>,
    /// The last namesake that did not answer and was declared dead. If it comes back, it is alive.
    missed: Option<Identity>,
    /// Who holds the name while this node yields.
    refused_by: Option<Identity>,
    /// Those of whom the user was told, and whether this node was refused because of them: the namesakes there are, and
    /// some that are gone.
    told: BTreeSet<(Identity, bool)>,
}

/// Whether this node is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Newness {
    /// It was in no company yet.
    Alone,
    Until(Instant),
    /// It has come to hold its name or to yield it.
    Settled,
}

/// A namesake is asked whether it is there.
#[derive(Debug)]
struct Ask {
    whom: Life,
    again_at: Instant,
    until: Instant,
    answered: bool,
}

/// What there is to do about a rival.
enum Step {
    Wait,
    AskAgain,
    Yield,
    Bury,
}

/// How long observers let two nodes of one name settle it between them.
pub(crate) fn settles_in(config: &ValidGossipConfig) -> Duration {
    config.get().probe_period * SHOWN_PERIODS
}

impl Claim {
    pub(crate) const fn new() -> Self {
        Self {
            newness: Newness::Alone,
            ask: None,
            missed: None,
            refused_by: None,
            told: BTreeSet::new(),
        }
    }

    /// When there is something to do.
    pub(crate) fn next(&self) -> Option<Instant> {
        let ask = self.ask.as_ref().map(|ask| ask.again_at.min(ask.until));
        let new_until = match self.newness {
            // Whoever waits for an answer is new until that is settled.
            Newness::Until(until) if self.ask.is_none() => Some(until),
            Newness::Until(_) | Newness::Alone | Newness::Settled => None,
        };
        ask.into_iter().chain(new_until).min()
    }

    /// Whether this node's generation counts against namesakes.
    fn is_settled(&self) -> bool {
        self.newness == Newness::Settled
    }

    /// The process has answered for itself.
    pub(crate) fn heard(&mut self, whom: Identity) {
        if let Some(ask) = &mut self.ask
            && ask.whom.identity() == whom
            && !ask.answered
        {
            ask.answered = true;
            // There may be nothing more to wait for.
            ask.again_at = Instant::ZERO;
        }
    }

    /// Whoever is new yields to an older one as soon as that has answered. Any other gives the rival as long to yield
    /// as observers do: it may be new, and have begun under a smaller generation.
    fn step(&mut self, now: Instant, rival: Life, is_older: bool, config: &GossipConfig) -> Step {
        let (asks, pause, at_once) = if self.is_settled() {
            let pause = config.probe_period / ASKS_PER_PERIOD;
            (KEEPS_PERIODS * ASKS_PER_PERIOD, pause, false)
        } else {
            // At 30 % loss both ways all of them fail once in two hundred times. Others believe it only when they
            // have asked as well.
            (QUESTIONS, config.probe_timeout / QUESTIONS, is_older)
        };
        let same = |ask: &&mut Ask| ask.whom.identity() == rival.identity();
        let Some(ask) = self.ask.as_mut().filter(same) else {
            self.ask = Some(Ask {
                whom: rival,
                again_at: now + pause,
                until: now + pause * asks,
                answered: false,
            });
            return Step::AskAgain;
        };
        ask.whom = rival;
        let is_over = ask.until <= now;
        if ask.answered && (at_once || is_over) {
            Step::Yield
        } else if is_over {
            Step::Bury
        } else if ask.again_at <= now {
            ask.again_at = now + pause;
            Step::AskAgain
        } else {
            Step::Wait
        }
    }

    /// Forgets of whom the user was told, as far as they are gone and too many.
    fn forget_told(&mut self, namesakes: &[Namesake]) {
        // Of each at most two things are told.
        if self.told.len() > 2 * (namesakes.len() + GONE_NAMESAKES_TOLD_MAX) {
            let here = namesakes.iter().map(|namesake| namesake.life.identity());
            let here: BTreeSet<Identity> = here.collect();
            self.told.retain(|(told, _)| here.contains(told));
        }
    }

    /// This node holds its name again. If it is refused once more, that is news.
    fn regain(&mut self) {
        self.refused_by = None;
        self.told.retain(|(_, is_refused)| !is_refused);
    }
}

impl Gossip {
    /// The node that holds this node's name, while this node is refused because of it: it is shown to nobody until
    /// that one is gone, then it comes in by itself.
    #[must_use]
    pub const fn refused_by(&self) -> Option<Identity> {
        self.claim.refused_by
    }

    /// Settles this node's claim with its namesakes, as far as something has changed.
    pub(crate) fn settle_claim(&mut self, now: Instant) {
        while self.review_claim(now) {
            self.settle_notes(now);
        }
    }

    /// True when SWIM was told something.
    fn review_claim(&mut self, now: Instant) -> bool {
        if self.claim.newness == Newness::Alone && !self.is_alone() {
            let until = now + self.config.get().probe_period * FRESH_PERIODS;
            self.claim.newness = Newness::Until(until);
        }
        let (goes, ..) = self.me.rank();
        if self.me.metadata.name().is_empty() || self.leave.is_some() || goes {
            // What changes meanwhile is looked at if it goes no more.
            self.claim.ask = None;
            self.claim.newness = Newness::Settled;
            return false;
        }
        let is_due = self.claim.next().is_some_and(|at| at <= now);
        if !self.directory.take_names_changed() && !is_due {
            return false;
        }
        let mut namesakes = self.directory.namesakes(self.me.metadata.name());
        namesakes.retain(|namesake| !namesake.rank.0);
        namesakes.sort_by_key(|namesake| namesake.rank);
        self.claim.forget_told(&namesakes);
        if self.me.yields {
            self.reclaim(now, &namesakes);
            return false;
        }
        self.defend(now, &namesakes)
    }

    /// This node does not hold its name: it does once nobody else does, if it is the first in line.
    fn reclaim(&mut self, now: Instant, namesakes: &[Namesake]) {
        let holder = namesakes.iter().find(|namesake| !namesake.yields);
        if let Some(holder) = holder {
            self.refuse(holder.life.identity());
            return;
        }
        let me = self.me.rank();
        if namesakes.iter().all(|namesake| me < namesake.rank) {
            self.me.yields = false;
            self.claim.regain();
            self.publish(now);
            let name = self.me.metadata.name().to_string();
            self.directory.report(Event::NameFree { name });
        }
    }

    /// This node claims its name. Whoever may have the better claim is asked whether it is there.
    fn defend(&mut self, now: Instant, namesakes: &[Namesake]) -> bool {
        let me = self.me.rank();
        let is_settled = self.claim.is_settled();
        let is_rival =
            |namesake: &&Namesake| !namesake.yields && (!is_settled || namesake.rank < me);
        let rival = namesakes.iter().find(is_rival).copied();
        for behind in namesakes.iter().filter(|namesake| !is_rival(namesake)) {
            self.tell_conflict(behind.life.identity(), false);
        }
        let Some(rival) = rival else {
            self.claim.ask = None;
            if matches!(self.claim.newness, Newness::Until(until) if until <= now) {
                self.claim.newness = Newness::Settled;
            }
            return false;
        };
        let identity = rival.life.identity();
        let step = if self.claim.missed == Some(identity) {
            Step::Yield
        } else {
            self.claim
                .step(now, rival.life, rival.rank < me, self.config.get())
        };
        match step {
            Step::Wait => false,
            Step::AskAgain => {
                let addr = identity.addr;
                // It may not know of this node yet, and is to settle it as well.
                self.send_own_record(addr);
                self.outbox.push(addr, Payload::want(&[addr]));
                false
            }
            Step::Yield => {
                self.yield_name(now, identity);
                false
            }
            Step::Bury => {
                self.claim.ask = None;
                self.claim.missed = Some(identity);
                self.stats.namesakes_missed += 1;
                self.swim.down(now, rival.life);
                true
            }
        }
    }

    fn yield_name(&mut self, now: Instant, holder: Identity) {
        self.claim.ask = None;
        self.claim.newness = Newness::Settled;
        self.me.yields = true;
        self.publish(now);
        self.send_own_record(holder.addr);
        self.refuse(holder);
    }

    fn refuse(&mut self, holder: Identity) {
        self.claim.refused_by = Some(holder);
        self.tell_conflict(holder, true);
    }

    fn tell_conflict(&mut self, other: Identity, is_refused: bool) {
        if self.claim.told.insert((other, is_refused)) {
            self.stats.name_conflicts += 1;
            let name = self.me.metadata.name().to_string();
            self.directory.report(Event::NameConflict {
                name,
                other,
                is_refused,
            });
        }
    }
}
