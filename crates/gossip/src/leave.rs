//! Leaving: said by the node itself, to each peer, until each has confirmed.

use alloc::{collections::BTreeSet, vec::Vec};
use core::{net::SocketAddr, ops::Bound};

use hobnob_wire::Instant;

use crate::{
    event::Event,
    gossip::Gossip,
    identity::{canonical_addr, is_node_addr},
    limits::LEAVE_TOLD_PER_ROUND_MAX,
    payload::LeaveAck,
    record::Declared,
};

/// A leave under way, or over.
#[derive(Debug)]
pub(crate) struct Leave {
    waiting: BTreeSet<SocketAddr>,
    confirmed: usize,
    /// The last one that was told in the last round.
    told: Option<SocketAddr>,
    /// Nothing once the leave is over.
    repeat_at: Option<Instant>,
    give_up_at: Instant,
}

impl Gossip {
    /// Says goodbye to every live peer, again and again until each has confirmed or the leave timeout has
    /// passed; then [`Event::LeaveFinished`] tells how many did.
    ///
    /// From now on this node is `Left` and stays so. It still answers pings, so that nobody who has not
    /// heard the goodbye takes it for failed, but probes nobody and takes no other command.
    pub fn leave(&mut self, now: Instant) {
        self.leave_telling(now, &[]);
    }

    /// As [`leave`](Self::leave), and tells `acquaintances` too: nodes that are known to be there and may know
    /// this one, although it does not count them as members yet, as right after it has announced itself.
    pub fn leave_telling(&mut self, now: Instant, acquaintances: &[SocketAddr]) {
        let now = self.advance(now);
        if self.leave.is_none() {
            self.me.declared = Declared::Left;
            self.publish(now);
            self.swim.stop_probing();
            self.stop_suspecting();
            let live = self.directory.live().iter().copied();
            let strangers = acquaintances
                .iter()
                .map(|addr| canonical_addr(*addr))
                .filter(|addr| *addr != self.me.life.addr && is_node_addr(*addr))
                .filter(|addr| self.directory.get(*addr).is_none());
            self.leave = Some(Leave {
                waiting: live.chain(strangers).collect(),
                confirmed: 0,
                told: None,
                repeat_at: Some(now),
                give_up_at: now + self.config.get().leave_timeout,
            });
            self.leave_round_if_due(now);
        }
        self.settle(now);
    }

    /// Whether this node has begun to leave, or has left.
    pub const fn is_leaving(&self) -> bool {
        self.leave.is_some()
    }

    /// A peer knows that this node has left.
    pub(crate) fn leave_confirmed(&mut self, from: SocketAddr, ack: LeaveAck) {
        let last_word = (self.me.life.generation, self.me.version);
        let Some(leave) = &mut self.leave else {
            return;
        };
        if (ack.generation, ack.version) == last_word && leave.waiting.remove(&from) {
            leave.confirmed += 1;
            if leave.waiting.is_empty() {
                self.finish_leave();
            }
        }
    }

    /// Tells those who have not confirmed, and ends the leave when there are none or time is up.
    pub(crate) fn leave_round_if_due(&mut self, now: Instant) {
        let Some(leave) = &mut self.leave else {
            return;
        };
        if leave.next().is_none_or(|at| at > now) {
            return;
        }
        leave
            .waiting
            .retain(|addr| self.directory.get(*addr).is_none_or(|entry| entry.live));
        if leave.waiting.is_empty() || leave.give_up_at <= now {
            self.finish_leave();
            return;
        }
        leave.repeat_at = Some(now + self.config.get().leave_repeat);
        let told = leave.next_to_tell();
        for addr in told {
            self.send_own_record(addr);
        }
    }

    fn finish_leave(&mut self) {
        let Some(leave) = &mut self.leave else {
            return;
        };
        if leave.repeat_at.take().is_some() {
            let confirmed = leave.confirmed;
            let total = confirmed + leave.waiting.len();
            self.directory
                .report(Event::LeaveFinished { confirmed, total });
        }
    }
}

impl Leave {
    /// When there is something to do.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.repeat_at.map(|at| at.min(self.give_up_at))
    }

    /// Those to be told in this round: the ones after the last told, then from the beginning.
    fn next_to_tell(&mut self) -> Vec<SocketAddr> {
        let after = self.told.map_or(Bound::Unbounded, Bound::Excluded);
        let up_to = self.told.map_or(Bound::Unbounded, Bound::Included);
        let later = self.waiting.range((after, Bound::Unbounded));
        let earlier = self
            .told
            .map(|_| self.waiting.range((Bound::Unbounded, up_to)));
        let round: Vec<SocketAddr> = later
            .chain(earlier.into_iter().flatten())
            .take(LEAVE_TOLD_PER_ROUND_MAX)
            .copied()
            .collect();
        self.told = round.last().copied();
        round
    }
}
