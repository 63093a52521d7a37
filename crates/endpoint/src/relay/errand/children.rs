//! The nodes that were sent a hop: what they say, and when they are given up.

use alloc::vec::Vec;
use core::{net::SocketAddr, ops::Range};

use hobnob_messaging::CallKey;
use hobnob_wire::{Instant, RelayOutcome, RelayRun, RelayTarget};

use super::{Attempt, Errand, State};
use crate::relay::limits::{GIVEN_UP_MAX, SILENT_PACES};

/// A node that was sent a hop.
#[derive(Debug)]
pub(super) struct Child {
    head: usize,
    rest: Range<usize>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    InFlight { call: CallKey, since: Instant },
    Working { heard: Instant },
    GivenUp,
}

/// A child that was given up.
pub(in crate::relay) struct GivenUp {
    pub(in crate::relay) head: usize,
    pub(in crate::relay) call: Option<CallKey>,
    pub(in crate::relay) forgotten: Option<u64>,
}

impl Errand {
    /// The attempt's hop was sent.
    pub(in crate::relay) fn begun(
        &mut self,
        now: Instant,
        part: u64,
        attempt: Attempt,
        call: CallKey,
    ) {
        let Attempt { head, rest } = attempt;
        let stage = Stage::InFlight { call, since: now };
        self.in_flight += 1;
        self.children.insert(part, Child { head, rest, stage });
    }

    /// The address from which a child's reports come.
    pub(in crate::relay) fn child_addr(&self, part: u64) -> Option<SocketAddr> {
        let child = self.children.get(&part)?;
        Some(self.slots[child.head].target.addr)
    }

    /// The hop to a child was acknowledged.
    pub(in crate::relay) fn on_delivered(&mut self, now: Instant, part: u64) {
        if let Some(child) = self.children.get_mut(&part)
            && let Stage::InFlight { .. } = child.stage
        {
            self.in_flight -= 1;
            child.stage = Stage::Working { heard: now };
        }
    }

    /// A child said something.
    pub(in crate::relay) fn on_heard(&mut self, now: Instant, part: u64) {
        if let Some(child) = self.children.get_mut(&part)
            && let Stage::Working { heard } = &mut child.stage
        {
            *heard = now;
        }
    }

    /// A child told what became of nodes. Only those of its part count.
    pub(in crate::relay) fn on_run(&mut self, part: u64, run: RelayRun) {
        let Some(child) = self.children.get(&part) else {
            return;
        };
        let (head, rest) = (child.head, child.rest.clone());
        let end = run.start.saturating_add(run.len);
        let from = self
            .slots
            .partition_point(|slot| slot.target.place < run.start);
        let to = self.slots.partition_point(|slot| slot.target.place < end);
        if (from..to).contains(&head) {
            self.on_outcome(head, run.outcome);
        }
        for index in from.max(rest.start)..to.min(rest.end) {
            self.on_outcome(index, run.outcome);
        }
    }

    fn on_outcome(&mut self, index: usize, outcome: RelayOutcome) {
        match (outcome, &self.slots[index].state) {
            (RelayOutcome::Unreached, State::Open) if self.is_origin() => {
                self.slots[index].state = State::Direct;
                self.waiting.push_back(index..index + 1);
            }
            // It was this node's own attempt that did not help.
            (RelayOutcome::Unreached, _) if self.is_origin() => {}
            _ => self.tell(index, outcome),
        }
    }

    /// Whether the child has nothing left to report.
    pub(in crate::relay) fn is_served(&self, part: u64) -> bool {
        self.children.get(&part).is_none_or(|child| {
            let head = &self.slots[child.head].state;
            let mut rest = self.slots[child.rest.clone()].iter();
            !matches!(head, State::Open | State::Direct)
                && !rest.any(|slot| slot.state == State::Open)
        })
    }

    /// Forgets a child that has served.
    pub(in crate::relay) fn forget_served(&mut self, part: u64) -> bool {
        let is_working = self
            .children
            .get(&part)
            .is_some_and(|child| matches!(child.stage, Stage::Working { .. }));
        if is_working {
            self.children.remove(&part);
        }
        is_working
    }

    /// Children that were not heard of for too long. One that nobody waits for may take its time.
    pub(in crate::relay) fn silent(&self, now: Instant) -> Vec<u64> {
        let is_late = |since: Instant| now.saturating_since(since) >= SILENT_PACES * self.pace;
        let is_waited_for = |child: &Child| {
            let mut rest = self.slots[child.rest.clone()].iter();
            !self.is_origin()
                || !self.waiting.is_empty()
                || rest.any(|slot| slot.state == State::Open)
        };
        let silent = self.children.iter().filter(|(_, child)| match child.stage {
            Stage::InFlight { since, .. } => is_late(since) && is_waited_for(child),
            Stage::Working { heard } => is_late(heard),
            Stage::GivenUp => false,
        });
        silent.map(|(part, _)| *part).collect()
    }

    /// Gives a child up: its part is split among others. What it says later still counts.
    ///
    /// Returns its head, the call to end if its hop is in flight, and the child whose word counts no more.
    pub(in crate::relay) fn give_up(&mut self, part: u64) -> Option<GivenUp> {
        let child = self.children.get_mut(&part)?;
        let call = match core::mem::replace(&mut child.stage, Stage::GivenUp) {
            Stage::InFlight { call, .. } => {
                self.in_flight -= 1;
                Some(call)
            }
            Stage::Working { .. } => None,
            Stage::GivenUp => return None,
        };
        let (head, rest) = (child.head, child.rest.clone());
        self.given_up.push_back(part);
        let forgotten = (self.given_up.len() > GIVEN_UP_MAX)
            .then(|| self.given_up.pop_front())
            .flatten();
        if let Some(forgotten) = forgotten {
            self.children.remove(&forgotten);
        }
        self.split(rest);
        Some(GivenUp {
            head,
            call,
            forgotten,
        })
    }

    /// Whether the child was given its head alone.
    pub(in crate::relay) fn is_lone(&self, part: u64) -> bool {
        self.children
            .get(&part)
            .is_some_and(|child| child.rest.is_empty())
    }

    /// The parts of all children, with the calls of hops in flight.
    pub(in crate::relay) fn forget_children(&mut self) -> Vec<(u64, Option<CallKey>)> {
        self.in_flight = 0;
        let children = core::mem::take(&mut self.children).into_iter();
        children
            .map(|(part, child)| match child.stage {
                Stage::InFlight { call, .. } => (part, Some(call)),
                Stage::Working { .. } | Stage::GivenUp => (part, None),
            })
            .collect()
    }

    /// The nodes that are at work for this errand, by part.
    pub(in crate::relay) fn workers(&self) -> Vec<(u64, RelayTarget)> {
        let at_work = self.children.iter().filter(|(part, child)| {
            matches!(child.stage, Stage::Working { .. }) && !self.is_served(**part)
        });
        at_work
            .map(|(part, child)| (*part, self.slots[child.head].target))
            .collect()
    }
}
