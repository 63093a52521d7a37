//! Who is suspected, by whom, and until when: Lifeguard's dynamic suspicion (section III-B).

mod bounds;
mod single;

use alloc::{collections::BTreeMap, vec::Vec};
use core::{net::SocketAddr, time::Duration};

use foca::Incarnation;
use hobnob_wire::Instant;

use self::single::Told;
pub(crate) use self::{
    bounds::{Bounds, CONFIRMATIONS_MAX},
    single::Suspicion,
};
use crate::{
    checks::Check,
    health::Health,
    identity::{Identity, Life},
    why::{Accuser, FailedProbe, Verdict, Why},
};

/// How often a suspect gets its time once more for want of a second accuser. Whoever still is the only one to miss it
/// after five times as long has no way to it, if it is not dead.
const PUT_OFFS_MAX: u8 = 5;

/// Failed probes of its own that a node remembers of each suspect: the last ones.
const FAILED_PROBES_MAX: usize = 4;

/// The suspicions of all that are suspected at this moment, and what they led to. Bounded by the number of
/// members: one of each kind for an address.
#[derive(Debug, Default)]
pub(crate) struct Suspicions {
    open: BTreeMap<SocketAddr, Suspicion>,
    settled: BTreeMap<SocketAddr, Why>,
    /// No check has anything to do before.
    check_at: Option<Instant>,
}

/// A check with something to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DueCheck {
    pub(crate) life: Life,
    pub(crate) incarnation: Incarnation,
    pub(crate) check: Check,
}

/// A suspect whose time is up, unless something else than gossip speaks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// Which process.
    pub whom: Identity,
    /// Since when its time counts.
    pub since: Instant,
}

/// An accusation that others should hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Accusation {
    pub(crate) life: Life,
    pub(crate) incarnation: Incarnation,
    pub(crate) accuser: SocketAddr,
}

impl Suspicions {
    pub(crate) fn get(&self, addr: SocketAddr) -> Option<&Suspicion> {
        self.open.get(&addr)
    }

    /// Whether nobody is suspected.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// It is suspected here from `now` on, unless it is already. Says whether that is new.
    pub(crate) fn begin(
        &mut self,
        now: Instant,
        life: Life,
        incarnation: Incarnation,
        health: Health,
    ) -> bool {
        let known = self.open.get(&life.addr);
        if known.is_some_and(|known| known.life == life && known.incarnation == incarnation) {
            return false;
        }
        let suspicion = Suspicion::new(now, life, incarnation, health);
        self.open.insert(life.addr, suspicion);
        true
    }

    /// Somebody's own probe of it failed. Says whether that counts: not what is known, nor more than enough.
    pub(crate) fn accuse(&mut self, now: Instant, accusation: &Accusation) -> bool {
        let Some(suspicion) = self.open.get_mut(&accusation.life.addr) else {
            return false;
        };
        let counts = suspicion.life == accusation.life
            && suspicion.incarnation == accusation.incarnation
            && suspicion.accusers.len() <= CONFIRMATIONS_MAX
            && !suspicion.is_accused_by(accusation.accuser);
        if counts {
            let accuser = Accuser {
                addr: accusation.accuser,
                at: now,
            };
            suspicion.accusers.push(Told { accuser, times: 0 });
        }
        counts
    }

    /// This node's own probe of a life was not answered.
    pub(crate) fn note_probe(&mut self, life: Life, probe: FailedProbe) {
        let open = self.open.get_mut(&life.addr);
        if let Some(suspicion) = open.filter(|suspicion| suspicion.life == life) {
            if suspicion.probes.len() == FAILED_PROBES_MAX {
                suspicion.probes.remove(0);
            }
            suspicion.probes.push(probe);
        }
    }

    /// This node looks for itself after whoever is suspected at the address.
    pub(crate) fn check(&mut self, addr: SocketAddr, check: Check) {
        if let Some(suspicion) = self.open.get_mut(&addr) {
            suspicion.check = Some(check);
            let at = check.next();
            self.check_at = Some(self.check_at.map_or(at, |known| known.min(at)));
        }
    }

    /// When a check has something to do, at the earliest.
    pub(crate) const fn next_check(&self) -> Option<Instant> {
        self.check_at
    }

    /// The checks that have something to do: to ask, which they do again after `pause`, or to end.
    pub(crate) fn take_checks(&mut self, now: Instant, pause: Duration) -> Vec<DueCheck> {
        let mut all = Vec::new();
        if self.check_at.is_none_or(|at| at > now) {
            return all;
        }
        for suspicion in self.open.values_mut() {
            let Some(check) = suspicion.check.as_mut().filter(|check| check.next() <= now) else {
                continue;
            };
            all.push(DueCheck {
                life: suspicion.life,
                incarnation: suspicion.incarnation,
                check: *check,
            });
            check.ask_at = now + pause;
            suspicion.check.take_if(|check| check.ends_at <= now);
        }
        let checks = self.open.values().filter_map(|open| open.check);
        self.check_at = checks.map(|check| check.next()).min();
        all
    }

    /// Those whose time is up, or who are about to be accused after a check.
    pub(crate) fn due(&self, now: Instant, bounds: Bounds) -> impl Iterator<Item = Suspect> {
        let due = self
            .open
            .values()
            .filter(move |suspicion| suspicion.is_due(now, &bounds));
        due.map(|suspicion| Suspect {
            whom: suspicion.life.identity(),
            since: suspicion.counts_from,
        })
    }

    /// Whoever is suspected at the address is spared until then.
    pub(crate) fn spare(&mut self, addr: SocketAddr, until: Instant) {
        if let Some(suspicion) = self.open.get_mut(&addr) {
            suspicion.spared_until = until;
        }
    }

    /// Whoever is suspected at the address gets no more time than it takes others to confirm it.
    pub(crate) fn hurry(&mut self, addr: SocketAddr) {
        if let Some(suspicion) = self.open.get_mut(&addr) {
            suspicion.is_hurried = true;
        }
    }

    /// Something speaks for the process: its time counts from now on. Who that is, if it is suspected.
    pub(crate) fn vouch(&mut self, now: Instant, whom: Identity) -> Option<(Life, Incarnation)> {
        let suspicion = self.open.get_mut(&whom.addr)?;
        if suspicion.life.identity() != whom {
            return None;
        }
        suspicion.counts_from = now;
        suspicion.is_hurried = false;
        suspicion.vouched_at = Some(now);
        suspicion.check = None;
        Some((suspicion.life, suspicion.incarnation))
    }

    /// Gives those their time once more whose time is up on a single accuser's word, other than their own, if a
    /// third was heard since it began to count. The accusation is news again.
    pub(crate) fn put_off_lone(
        &mut self,
        now: Instant,
        bounds: &Bounds,
        heard_at: Instant,
    ) -> Vec<Life> {
        let open = self.open.values_mut();
        let lone = open.filter(|suspicion| {
            suspicion.accusers.len() <= 1
                && suspicion.put_offs < PUT_OFFS_MAX
                && !suspicion.is_accused_by(suspicion.life.addr)
                && suspicion.counts_from < heard_at
                && suspicion.deadline(bounds) <= now
        });
        lone.map(|suspicion| {
            suspicion.counts_from = now;
            suspicion.put_offs += 1;
            suspicion
                .accusers
                .iter_mut()
                .for_each(|told| told.times = 0);
            suspicion.life
        })
        .collect()
    }

    /// Whether anybody but `by` accuses whoever is at the address.
    pub(crate) fn confirms(&self, addr: SocketAddr, by: SocketAddr) -> bool {
        let accusers = self
            .open
            .get(&addr)
            .map(|suspicion| suspicion.accusers.iter());
        accusers.is_some_and(|mut accusers| accusers.any(|told| told.accuser.addr != by))
    }

    /// Who is to be told to its face that it is suspected, if whoever is at the address is and was not told
    /// within `pause`. It counts as told then.
    pub(crate) fn warn(
        &mut self,
        now: Instant,
        addr: SocketAddr,
        pause: Duration,
    ) -> Option<(Life, Incarnation)> {
        let suspicion = self.open.get_mut(&addr)?;
        let is_told = suspicion.warned_at.is_some_and(|at| now < at + pause);
        if is_told {
            return None;
        }
        suspicion.warned_at = Some(now);
        Some((suspicion.life, suspicion.incarnation))
    }

    /// It is not suspected any more.
    pub(crate) fn end(&mut self, addr: SocketAddr) {
        self.open.remove(&addr);
    }

    /// It counts as failed.
    pub(crate) fn settle(&mut self, now: Instant, addr: SocketAddr, bounds: &Bounds) {
        if let Some(suspicion) = self.open.remove(&addr) {
            let verdict = Verdict {
                at: now,
                is_own: suspicion.deadline(bounds) <= now,
            };
            self.settled.insert(addr, suspicion.explain(Some(verdict)));
        }
    }

    /// It is not remembered any more.
    pub(crate) fn forget(&mut self, addr: SocketAddr) {
        self.settled.remove(&addr);
    }

    /// Why it is suspected, or was last declared dead.
    pub(crate) fn why(&self, addr: SocketAddr) -> Option<Why> {
        let open = self.open.get(&addr).map(|open| open.explain(None));
        open.or_else(|| self.settled.get(&addr).cloned())
    }

    pub(crate) fn clear(&mut self) {
        self.open.clear();
    }

    /// Accusations that were passed on fewer than `limit` times.
    pub(crate) fn untold(&self, limit: u8) -> impl Iterator<Item = Accusation> {
        self.open.values().flat_map(move |suspicion| {
            let untold = suspicion
                .accusers
                .iter()
                .filter(move |told| told.times < limit);
            untold.map(|told| Accusation {
                life: suspicion.life,
                incarnation: suspicion.incarnation,
                accuser: told.accuser.addr,
            })
        })
    }

    /// These were passed on to so many peers.
    pub(crate) fn told(&mut self, accusations: &[Accusation], peers: u8) {
        for accusation in accusations {
            let Some(suspicion) = self.open.get_mut(&accusation.life.addr) else {
                continue;
            };
            for told in &mut suspicion.accusers {
                if told.accuser.addr == accusation.accuser {
                    told.times = told.times.saturating_add(peers);
                }
            }
        }
    }

    /// Time during which this node did not run is nobody's fault.
    pub(crate) fn postpone(&mut self, by: Duration) {
        for suspicion in self.open.values_mut() {
            suspicion.counts_from = suspicion.counts_from + by;
            suspicion.spared_until = suspicion.spared_until + by;
            if let Some(check) = &mut suspicion.check {
                check.ends_at = check.ends_at + by;
            }
        }
    }
}
