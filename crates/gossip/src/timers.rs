//! foca's timers, kept until they are due.

use alloc::{collections::BTreeMap, vec::Vec};
use core::{net::SocketAddr, time::Duration};

use foca::Timer;
use hobnob_wire::Instant;

use crate::identity::Life;

/// foca's timers in due order.
///
/// Bounded by the number of members: of the two kinds that belong to a member, only the one that can still
/// have an effect is kept. A removal is void once a newer life was declared down at the address, and a
/// suspect's deadline once there is another. So is the end of a round of probing once there is another, which
/// foca asks for when it has company again.
#[derive(Default)]
pub(crate) struct Timers {
    queue: BTreeMap<Due, Timer<Life>>,
    removals: BTreeMap<SocketAddr, Due>,
    deadlines: BTreeMap<SocketAddr, Due>,
    round_end: Option<Due>,
    issued: u64,
}

/// When, and which of those asked for the same moment was asked for first.
type Due = (Instant, u64);

impl Timers {
    /// Keeps a timer until `at`. Of the kinds that belong to a member, the last one counts.
    pub(crate) fn insert(&mut self, at: Instant, timer: Timer<Life>) {
        self.issued += 1;
        let due = (at, self.issued);
        let superseded = match &timer {
            Timer::RemoveDown(life) => self.removals.insert(life.addr, due),
            Timer::ChangeSuspectToDown { member_id, .. } => {
                self.deadlines.insert(member_id.addr, due)
            }
            Timer::ProbeRandomMember(_) => self.round_end.replace(due),
            _ => None,
        };
        if let Some(superseded) = superseded {
            self.queue.remove(&superseded);
        }
        self.queue.insert(due, timer);
    }

    /// When the next one is due.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }

    /// The first one, if it is due, to look at.
    pub(crate) fn due(&self, now: Instant) -> Option<&Timer<Life>> {
        let ((at, _), timer) = self.queue.first_key_value()?;
        (*at <= now).then_some(timer)
    }

    /// Puts off everything but the end of the memory of those that are down.
    pub(crate) fn postpone(&mut self, by: Duration) {
        let (kept, put_off): (Vec<_>, Vec<_>) = core::mem::take(&mut self.queue)
            .into_iter()
            .partition(|(_, timer)| matches!(timer, Timer::RemoveDown(_)));
        let put_off = put_off
            .into_iter()
            .map(|((at, issued), timer)| ((at + by, issued), timer));
        self.queue = kept.into_iter().chain(put_off).collect();
        for (at, _) in self.deadlines.values_mut().chain(&mut self.round_end) {
            *at = *at + by;
        }
    }

    /// The first one, if it is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Timer<Life>> {
        let first = self.queue.first_entry()?;
        if first.key().0 > now {
            return None;
        }
        let timer = first.remove();
        match &timer {
            Timer::RemoveDown(life) => {
                self.removals.remove(&life.addr);
            }
            Timer::ChangeSuspectToDown { member_id, .. } => {
                self.deadlines.remove(&member_id.addr);
            }
            Timer::ProbeRandomMember(_) => self.round_end = None,
            _ => {}
        }
        Some(timer)
    }

    /// Drops all but what ends the memory of those that are down.
    pub(crate) fn keep_removals(&mut self) {
        self.queue
            .retain(|_, timer| matches!(timer, Timer::RemoveDown(_)));
        self.deadlines.clear();
        self.round_end = None;
    }
}
