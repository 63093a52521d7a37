//! What happens by itself as time passes, and when.

use alloc::vec::Vec;
use core::time::Duration;

use hobnob_wire::{Deadline, Instant};
use rand::{Rng, RngExt};

use crate::{
    gossip::Gossip,
    leave::Leave,
    limits::{ASKED_PER_ROUND_MAX, NEWS_PAYLOADS_PER_ROUND_MAX},
    pack::ItemPacker,
    payload::{Item, Payload},
    suspicion::Accusation,
    swim::Ran,
};

/// Failed nodes that are called at once, in case they are back.
const REJOIN_CALLS: usize = 2;

/// Why [`Gossip::handle_timeout`] is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeoutReason {
    /// SWIM probes a peer, gives up on one, or passes on what it knows.
    Swim,
    /// Records that changed are passed on.
    News,
    /// SWIM's suspicions are to be shown.
    Suspicion,
    /// Knowledge is compared with a peer.
    Sync,
    /// Failed nodes are called, in case they are back.
    Rejoin,
    /// A question about a single node is open for too long.
    Question,
    /// Somebody is told that the node it asked about has not answered here either.
    Nack,
    /// A suspect is asked whether it is there, or has not said so.
    Check,
    /// A leave is repeated, or given up.
    Leave,
    /// A node whose name this one or another claims is asked whether it is there, or has not answered.
    Name,
}

/// When the periodic things happen next, while there is a need for them.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    news_at: Option<Instant>,
    news_last: Option<Instant>,
    suspicion_at: Option<Instant>,
    suspicion_last: Option<Instant>,
    sync_at: Option<Instant>,
    /// Pause before the next comparison but one, while it is shorter than the size of the cluster asks for.
    sync_pause: Option<Duration>,
    rejoin_at: Option<Instant>,
}

impl Gossip {
    /// When [`handle_timeout`](Self::handle_timeout) is wanted next, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Deadline<TimeoutReason>> {
        let deadlines = [
            (self.swim.next_timer(), TimeoutReason::Swim),
            (self.schedule.news_at, TimeoutReason::News),
            (self.schedule.suspicion_at, TimeoutReason::Suspicion),
            (self.schedule.sync_at, TimeoutReason::Sync),
            (self.schedule.rejoin_at, TimeoutReason::Rejoin),
            (self.directory.next_watch(), TimeoutReason::Question),
            (self.errands.next(), TimeoutReason::Nack),
            (self.suspicions.next_check(), TimeoutReason::Check),
            (self.claim.next(), TimeoutReason::Name),
            (self.inquiries.next(), TimeoutReason::Name),
            (
                self.leave.as_ref().and_then(Leave::next),
                TimeoutReason::Leave,
            ),
        ];
        deadlines
            .into_iter()
            .filter_map(|(at, reason)| at.map(|at| Deadline { at, reason }))
            .min_by_key(|deadline| deadline.at)
    }

    /// Does everything that is due. Calling early changes nothing, calling late only delays.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.forgive_standstill(now);
        let now = self.advance(now);
        self.doubt_lone_accusers(now);
        self.run_swim(now);
        self.send_nacks(now);
        self.run_checks(now);
        self.run_inquiries(now);
        self.settle_questions(now);
        self.doubt_lone_accusers(now);
        self.settle_claim(now);
        // Suspicions that came up just now may have been overdue.
        self.run_swim(now);
        self.settle_claim(now);
        if take_due(&mut self.schedule.suspicion_at, now) {
            self.schedule.suspicion_last = Some(now);
            self.show_suspicions(now);
        }
        self.arm(now);
        if take_due(&mut self.schedule.news_at, now) {
            self.schedule.news_last = Some(now);
            self.pass_on_news();
        }
        if take_due(&mut self.schedule.sync_at, now) {
            self.sync_round(now);
        }
        if take_due(&mut self.schedule.rejoin_at, now) {
            for addr in self.directory.sample_failed(&mut self.rng, REJOIN_CALLS) {
                self.call(now, addr);
            }
        }
        self.leave_round_if_due(now);
        self.settle(now);
    }

    /// Runs SWIM's timers that are due.
    fn run_swim(&mut self, now: Instant) {
        while let Some(due) = self.swim.due(now) {
            let mut failed = None;
            if due == Ran::Probe {
                self.excuse_unvetted(now);
                failed = self.swim.judge_round(now);
                if self.hears_badly && self.leave.is_none() {
                    self.accuse_itself();
                }
                if !self.suspicions.is_empty() {
                    self.expect_suspicion(now);
                }
            }
            self.swim.run_due(now);
            if let Ran::Removal(life) = due {
                self.directory.forget(life);
                self.suspicions.forget(life.addr);
            }
            self.settle_notes(now);
            if let Some((life, probe)) = failed {
                self.suspicions.note_probe(life, probe);
            }
        }
    }

    /// Who was only heard of may have reasons of its own not to answer this node.
    fn excuse_unvetted(&mut self, now: Instant) {
        let probe = self.swim.probe();
        if probe.is_some_and(|probe| self.is_being_vetted(now, probe.life)) {
            self.swim.answer_probe();
            self.settle_notes(now);
        }
    }

    /// SWIM may have begun or ceased to suspect somebody; that is looked up soon, though not all the time.
    pub(crate) fn expect_suspicion(&mut self, now: Instant) {
        let schedule = &mut self.schedule;
        if schedule.suspicion_at.is_none() && self.leave.is_none() {
            let pause = self.config.get().gossip_interval;
            let at = schedule
                .suspicion_last
                .map_or(now, |last| (last + pause).max(now));
            schedule.suspicion_at = Some(at);
        }
    }

    /// What is known here may differ from what others know, so the next comparisons are not put off for the size
    /// of the cluster: they come at their shortest interval, and after twice as long each time nothing new comes
    /// of it.
    pub(crate) fn compare_soon(&mut self, now: Instant) {
        let soon = self.config.get().sync_interval;
        self.schedule.sync_pause = Some(soon);
        if let Some(at) = self
            .schedule
            .sync_at
            .as_mut()
            .filter(|at| **at > now + soon)
        {
            *at = (now + spread(&mut self.rng, soon)).min(*at);
        }
    }

    /// Nobody is suspected any more, being about to leave.
    pub(crate) fn stop_suspecting(&mut self) {
        self.schedule.suspicion_at = None;
        self.suspicions.clear();
        self.inquiries.clear();
    }

    /// Sets what has to happen by itself, as far as there is a need for it.
    pub(crate) fn arm(&mut self, now: Instant) {
        let size = self.size();
        let config = self.config.get();
        let schedule = &mut self.schedule;
        let accompanied = !self.directory.live().is_empty();
        let here = self.leave.is_none();

        let limit = self.config.news_transmissions(size);
        let has_news = !self.news.is_empty()
            || !self.forgotten.is_empty()
            || self.suspicions.untold(limit).next().is_some();
        if !has_news || !accompanied {
            schedule.news_at = None;
        } else if schedule.news_at.is_none() {
            let last = schedule.news_last;
            schedule.news_at = Some(last.map_or(now, |l| (l + config.gossip_interval).max(now)));
        }
        if !accompanied || !here {
            schedule.sync_at = None;
        } else if schedule.sync_at.is_none() {
            let longest = self.config.sync_interval(size);
            let pause = schedule.sync_pause.unwrap_or(longest);
            schedule.sync_pause = Some(pause * 2).filter(|pause| *pause < longest);
            schedule.sync_at = Some(now + spread(&mut self.rng, pause.min(longest)));
        }
        if !self.directory.has_gone() || !here {
            schedule.rejoin_at = None;
        } else if schedule.rejoin_at.is_none() {
            schedule.rejoin_at = Some(now + config.rejoin_interval);
        }
    }

    /// Settles what was left open about single nodes and is due by now.
    fn settle_questions(&mut self, now: Instant) {
        let config = self.config.get();
        let ask_again = now + config.gossip_interval * 4;
        let confront_again = now + config.probe_period;
        let (mut doubted, mut asked) = (false, 0);
        while let Some(addr) = self.directory.take_watch(now) {
            if let Some(life) = self.directory.end_doubt(now, addr)
                && let Some(sighting) = self.swim.sighting(life)
            {
                self.swim.suspect(now, life, sighting.incarnation);
                self.accuse(now, life, sighting.incarnation);
                doubted = true;
            }
            let suspect = self.directory.should_confront(now, addr, confront_again);
            if let Some((life, incarnation)) = suspect {
                self.confront(now, life, incarnation);
            }
            self.directory.end_grace(now, addr);
            self.directory.end_contest(now, addr);
            if self.directory.should_ask(now, addr, ask_again) && asked < ASKED_PER_ROUND_MAX {
                self.outbox.push(addr, Payload::want(&[addr]));
                asked += 1;
            }
        }
        self.settle_notes(now);
        if doubted {
            self.show_suspicions(now);
        }
    }

    /// One round of passing on records that changed, to a few peers.
    fn pass_on_news(&mut self) {
        let fanout = self.config.get().gossip_fanout;
        let limit = self.config.news_transmissions(self.size());
        let peers = self
            .directory
            .sample_live(&mut self.rng, usize::from(fanout));
        let mut packer = ItemPacker::news(NEWS_PAYLOADS_PER_ROUND_MAX);
        let accusations: Vec<Accusation> = self
            .suspicions
            .untold(limit)
            .take_while(|accusation| packer.push(&Item::Accusation(*accusation)))
            .collect();
        let forgotten = self
            .forgotten
            .untold()
            .take_while(|life| packer.push(&Item::Forgotten(*life)))
            .count();
        let (mut packed, mut stale) = (Vec::new(), Vec::new());
        for addr in self.news.freshest() {
            match self.passable_record(addr) {
                None => stale.push(addr),
                Some(record) if packer.push(&Item::Record(record.clone())) => packed.push(addr),
                Some(_) => break,
            }
        }
        for addr in stale {
            self.news.remove(addr);
        }
        let times = u8::try_from(peers.len()).unwrap_or(u8::MAX);
        self.news.sent(&packed, times, limit);
        self.suspicions.told(&accusations, times);
        self.forgotten.told(forgotten, times, limit);
        let payloads = packer.finish();
        for peer in peers {
            self.outbox.push_all(peer, payloads.clone());
        }
    }
}

/// About as long, so that those who came together do not compare all at the same moment.
fn spread(rng: &mut impl Rng, pause: Duration) -> Duration {
    pause * rng.random_range(75..=125) / 100
}

/// Whether `at` is due; it is taken then.
fn take_due(at: &mut Option<Instant>, now: Instant) -> bool {
    at.take_if(|at| *at <= now).is_some()
}
