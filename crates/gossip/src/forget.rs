//! Forgetting who is gone, ahead of its time.
//!
//! Whoever is forgotten by hand is dropped here at once, and the others are told as long as news is told: each that
//! holds the same life for gone drops it too and passes it on. Whoever is not reached, or does not hold it for gone
//! yet, keeps it until its own time is over. Nothing of it comes back: digests and summaries bring only the living
//! to those who do not know them. If the process is there after all, it is met again as anybody else is.

use alloc::vec::Vec;
use core::net::SocketAddr;

use hobnob_wire::Instant;
use thiserror::Error;

use crate::{
    gossip::Gossip,
    identity::{Identity, Life, canonical_addr},
    limits::FORGOTTEN_TOLD_MAX,
    node::NodeState,
    payload::Liveness,
};

/// How many times as often as other news it is passed on that somebody is forgotten: of other news, comparing repairs
/// what was missed. At 30 % loss among 16 one node in 100 would miss it otherwise, now one in a million.
const TOLD_FACTOR: u8 = 3;

/// Why a node was not forgotten. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ForgetError {
    /// Nobody is known at the address: it was never there, or is forgotten already.
    #[error("no node is known at {addr}")]
    Unknown {
        /// Which address.
        addr: SocketAddr,
    },
    /// It is the node that was asked.
    #[error("{addr} is this node itself: it cannot forget itself, but shut down")]
    Own {
        /// Its address.
        addr: SocketAddr,
    },
    /// It has neither left nor failed, so it would be back at once.
    #[error("the node at {addr} is {state}: only one that has left or failed can be forgotten")]
    NotGone {
        /// Which address.
        addr: SocketAddr,
        /// What it is instead.
        state: NodeState,
    },
}

/// Who was forgotten by hand lately, and how often each was passed on.
#[derive(Debug, Default)]
pub(crate) struct Forgotten {
    untold: Vec<(Life, u8)>,
}

impl Forgotten {
    /// Passes it on from now on. Where there are too many, the one that was passed on most makes way.
    fn add(&mut self, life: Life) {
        self.untold.retain(|(known, _)| known.addr != life.addr);
        if self.untold.len() >= FORGOTTEN_TOLD_MAX {
            let most = (0..).zip(&self.untold).max_by_key(|(_, (_, times))| *times);
            if let Some((place, _)) = most {
                self.untold.remove(place);
            }
        }
        self.untold.push((life, 0));
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.untold.is_empty()
    }

    pub(crate) fn untold(&self) -> impl Iterator<Item = Life> {
        self.untold.iter().map(|(life, _)| *life)
    }

    /// The first `count` were sent to `peers` peers; of other news, what has been sent `limit` times is news no more.
    pub(crate) fn told(&mut self, count: usize, peers: u8, limit: u8) {
        for (_, times) in self.untold.iter_mut().take(count) {
            *times = times.saturating_add(peers);
        }
        let limit = limit.saturating_mul(TOLD_FACTOR);
        self.untold.retain(|(_, times)| *times < limit);
        // Whoever was told least comes first the next time.
        self.untold.sort_by_key(|(_, times)| *times);
    }
}

impl Gossip {
    /// Forgets a node that has left or failed, here and, as far as they can be reached, at all others, who hold it for
    /// gone as well. It is not listed any more, and not called in case it is back. Without this, gone nodes
    /// are forgotten after [`forget_after`](crate::GossipConfig::forget_after).
    ///
    /// # Errors
    ///
    /// [`ForgetError`] when it is not known or not gone, or is this one; in normal operation when it came back a moment ago.
    pub fn forget(&mut self, now: Instant, addr: SocketAddr) -> Result<Identity, ForgetError> {
        let now = self.advance(now);
        let addr = canonical_addr(addr);
        if addr == self.me.life.addr {
            return Err(ForgetError::Own { addr });
        }
        let known = self.directory.get(addr);
        let listed = known.and_then(|entry| Some((entry.life, entry.node()?.state)));
        let Some((life, state)) = listed else {
            return Err(ForgetError::Unknown { addr });
        };
        if !self.drop_gone(now, life) {
            return Err(ForgetError::NotGone { addr, state });
        }
        self.settle(now);
        Ok(life.identity())
    }

    /// Somebody has forgotten a life by hand. Whoever holds it, or an earlier one, for gone does so too.
    pub(crate) fn hear_forgotten(&mut self, now: Instant, life: Life) {
        let known = self.directory.get(life.addr).map(|entry| entry.life);
        if let Some(known) = known.filter(|known| known.age() <= life.age()) {
            self.drop_gone(now, known);
        }
    }

    /// Drops a life that is listed as gone and passes that on. False when it is not: what hearsay left behind of
    /// somebody who was forgotten before would make word of it go round for good.
    fn drop_gone(&mut self, now: Instant, life: Life) -> bool {
        let is_gone = self.directory.get(life.addr).is_some_and(|entry| {
            let is_listed = entry.node().is_some() && !entry.live;
            is_listed && matches!(entry.liveness(), Liveness::Left | Liveness::Failed)
        });
        if is_gone {
            self.directory.forget(life);
            self.swim.forget(now, life);
            self.suspicions.forget(life.addr);
            self.news.remove(life.addr);
            self.forgotten.add(life);
        }
        is_gone
    }
}
