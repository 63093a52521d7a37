//! Nodes that this one will have nothing to do with, or they with it: another cluster, another format, another version
//! of the application. So that somebody who wonders why two nodes do not see each other finds the reason at both.

use alloc::collections::{BTreeMap, BTreeSet};
use core::{net::SocketAddr, time::Duration};

use hobnob_wire::{Instant, RefuseReason};

use crate::{endpoint::Endpoint, event::Event};

/// Strangers that are remembered: every seed of a cluster that is set up wrongly, and some more. The one of whom was told
/// longest ago makes room.
pub const STRANGERS_MAX: usize = 256;

/// How long a stranger is not told of again while its reason stays the same. Its greetings come every other second.
const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(600);

/// Strangers told of in one go after a quiet time. A hello can be forged, so their number says nothing.
const BURST: u32 = 32;

/// How long until one more may be told of.
const PAUSE: Duration = Duration::from_secs(1);

/// Of whom was told, why and when.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    told: BTreeMap<SocketAddr, (RefuseReason, Instant)>,
    by_time: BTreeSet<(Instant, SocketAddr)>,
    /// How many may be told of now, and since when that is so.
    allowed: Option<(u32, Instant)>,
    untold: u64,
}

impl Strangers {
    /// Whether there is something to tell.
    fn note(&mut self, now: Instant, addr: SocketAddr, reason: RefuseReason) -> bool {
        let known = self.told.get(&addr).copied();
        if known.is_some_and(|(why, at)| why == reason && now < at + TOLD_AGAIN_AFTER) {
            return false;
        }
        if !self.may_tell(now) {
            self.untold += 1;
            return false;
        }
        if let Some((_, at)) = known {
            self.by_time.remove(&(at, addr));
        } else if self.told.len() >= STRANGERS_MAX
            && let Some((_, oldest)) = self.by_time.pop_first()
        {
            self.told.remove(&oldest);
        }
        self.told.insert(addr, (reason, now));
        self.by_time.insert((now, addr));
        true
    }

    fn may_tell(&mut self, now: Instant) -> bool {
        let (left, since) = self.allowed.unwrap_or((BURST, now));
        let passed = now.saturating_since(since).as_secs() / PAUSE.as_secs();
        let regained = u32::try_from(passed).unwrap_or(u32::MAX);
        let left = left.saturating_add(regained).min(BURST);
        let since = if left == BURST {
            now
        } else {
            since + PAUSE * regained
        };
        self.allowed = Some((left.saturating_sub(1), since));
        left > 0
    }
}

impl Endpoint {
    /// Whom this node does not talk to, and why, by what they declared when they last met: at most
    /// [`STRANGERS_MAX`]. Who has changed since, or is gone, may still be among them.
    pub fn strangers(&self) -> impl Iterator<Item = (SocketAddr, RefuseReason)> {
        let strangers = self.strangers.told.iter();
        strangers.map(|(addr, (reason, _))| (*addr, *reason))
    }

    /// Strangers of whom was not told because there were too many at a time.
    pub const fn strangers_untold(&self) -> u64 {
        self.strangers.untold
    }

    pub(crate) fn note_stranger(&mut self, now: Instant, addr: SocketAddr, reason: RefuseReason) {
        if self.strangers.note(now, addr, reason) {
            self.events.push_back(Event::Stranger { addr, reason });
        }
    }

    /// A session with it came about: it is none any more.
    pub(crate) fn no_stranger(&mut self, addr: SocketAddr) {
        if let Some((_, at)) = self.strangers.told.remove(&addr) {
            self.strangers.by_time.remove(&(at, addr));
        }
    }
}
