//! Whether the node that is shown under a name is still there, when another one claims the name: some of those who
//! hear of it find out at the same time as the newcomer.

use alloc::{collections::BTreeMap, vec::Vec};
use core::{net::SocketAddr, time::Duration};

use hobnob_wire::Instant;

use crate::{
    checks::Check,
    gossip::Gossip,
    identity::{Identity, Life},
    payload::Payload,
    suspicion::Suspect,
};

/// How often an inquiry asks: as often as the newcomer, and for as long. At 10 % loss both ways a live node answers
/// all but once in half a million times.
pub(crate) const QUESTIONS: u32 = 8;

/// The inquiries of this node. Bounded by the number of members: one for each.
#[derive(Debug, Default)]
pub(crate) struct Inquiries {
    open: BTreeMap<SocketAddr, (Life, Check)>,
}

impl Inquiries {
    /// Says whether that is a new one: one that is under way goes on.
    fn begin(&mut self, life: Life, check: Check) -> bool {
        let is_known = self
            .open
            .get(&life.addr)
            .is_some_and(|(known, _)| *known == life);
        if !is_known {
            self.open.insert(life.addr, (life, check));
        }
        !is_known
    }

    /// Those who are about to be accused.
    pub(crate) fn due(&self, now: Instant) -> impl Iterator<Item = Suspect> {
        let due = self
            .open
            .values()
            .filter(move |(_, check)| check.ends_at <= now);
        due.map(|(life, check)| Suspect {
            whom: life.identity(),
            since: check.began,
        })
    }

    pub(crate) fn clear(&mut self) {
        self.open.clear();
    }

    /// When there is something to ask or to end.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.open.values().map(|(_, check)| check.next()).min()
    }

    /// The process has answered for itself.
    pub(crate) fn heard(&mut self, whom: Identity) {
        let is_about = |(life, _): &(Life, Check)| life.identity() == whom;
        if self.open.get(&whom.addr).is_some_and(is_about) {
            self.open.remove(&whom.addr);
        }
    }

    /// Time during which this node did not run is nobody's fault.
    pub(crate) fn postpone(&mut self, by: Duration) {
        for (_, check) in self.open.values_mut() {
            check.ends_at = check.ends_at + by;
        }
    }

    /// Those with something to do: to ask, which they do again after `pause`, or to end.
    fn take_due(&mut self, now: Instant, pause: Duration) -> Vec<(Life, Check)> {
        let mut all = Vec::new();
        self.open.retain(|_, (life, check)| {
            if check.next() <= now {
                all.push((*life, *check));
                check.ask_at = now + pause;
            }
            now < check.ends_at
        });
        all
    }
}

impl Gossip {
    /// Looks into those whose names are claimed by somebody else since lately. Their time to show themselves is that
    /// of the questions: once enough others have had no answer, they get no more.
    pub(crate) fn begin_inquiries(&mut self, now: Instant) {
        while let Some(life) = self.directory.take_contested() {
            if self.leave.is_some() {
                continue;
            }
            self.suspicions.hurry(life.addr);
            self.give_last_call(now, life);
            self.set_deadline(now, life);
            if self.is_chosen() {
                let lasts = self.swim.health.stretch(self.config.get().probe_timeout);
                let check = Check {
                    ask_at: now + lasts / QUESTIONS,
                    ..Check::begin(now, lasts)
                };
                if self.inquiries.begin(life, check) {
                    self.outbox.push(life.addr, Payload::want(&[life.addr]));
                }
            }
        }
    }

    /// Asks those that are inquired about, and accuses those that have not answered in time.
    pub(crate) fn run_inquiries(&mut self, now: Instant) {
        let lasts = self.swim.health.stretch(self.config.get().probe_timeout);
        for (life, check) in self.inquiries.take_due(now, lasts / QUESTIONS) {
            if now < check.ends_at {
                self.outbox.push(life.addr, Payload::want(&[life.addr]));
            } else if let Some(sighting) = self.swim.sighting(life) {
                self.swim.suspect(now, life, sighting.incarnation);
                self.miss(now, life, sighting.incarnation, check);
            }
        }
        self.settle_notes(now);
    }
}
