//! What this node says of itself, and how it answers when others know it differently.

use alloc::sync::Arc;
use core::net::SocketAddr;

use hobnob_wire::{Generation, Instant, VarInt};

use crate::{
    claim::Claim,
    event::Event,
    gossip::Gossip,
    identity::{Identity, Life},
    limits::TOLD_AT_ONCE_MAX,
    metadata::Metadata,
    node::DeclaredState,
    payload::Liveness,
    record::Declared,
};

/// The last version of a record that this node outbids by the next one. Nobody changes its record so often, so a later
/// one was made up, and outbidding it could leave no version for what this node has to say: its next generation begins
/// with those below again.
const VERSION_OUTBID_MAX: u64 = VarInt::MAX.get() / 2;

impl Gossip {
    /// Says of this node that it is in another state: up to [`TOLD_AT_ONCE_MAX`] peers hear of it at once, the
    /// others by gossip. No effect on a node that is leaving.
    pub fn set_state(&mut self, now: Instant, state: DeclaredState) {
        let now = self.advance(now);
        if self.leave.is_none() && self.me.declared != Declared::Here(state) {
            self.me.declared = Declared::Here(state);
            self.publish(now);
            // Who is about to leave may be gone before the next round.
            for peer in self.directory.sample_live(&mut self.rng, TOLD_AT_ONCE_MAX) {
                self.send_own_record(peer);
            }
        }
        self.settle(now);
    }

    /// Says something else about this node. No effect on a node that is leaving.
    pub fn set_metadata(&mut self, now: Instant, metadata: Metadata) {
        let now = self.advance(now);
        if self.leave.is_none() && *self.me.metadata != metadata {
            if self.me.metadata.name() != metadata.name() {
                self.me.yields = false;
                self.claim = Claim::new();
            }
            self.me.metadata = Arc::new(metadata);
            self.publish(now);
        }
        self.settle(now);
    }

    /// Goes on under a later generation: somebody has proof that this one is not the latest at its address.
    /// No effect when it is not later.
    pub fn renew(&mut self, now: Instant, generation: Generation) {
        let now = self.advance(now);
        let life = Life::first(Identity {
            addr: self.me.life.addr,
            generation,
        });
        if life.is_newer_than(self.me.life) && self.leave.is_none() {
            self.swim.change_life(now, life);
            self.renewed(now, life);
        }
        self.settle(now);
    }

    /// SWIM goes on under another life of this node.
    pub(crate) fn renewed(&mut self, now: Instant, life: Life) {
        self.me.life = life;
        self.publish(now);
        let identity = life.identity();
        self.directory.report(Event::SelfRenewed { identity });
    }

    /// A peer knows something of this node. Where that is older or less than the truth, nothing needs to be
    /// done; where it would win over the truth, the truth has to become newer.
    pub(crate) fn challenge(&mut self, now: Instant, from: SocketAddr, known: Hearsay) {
        if self.leave.is_some() {
            return;
        }
        let me = self.me.life;
        let is_false = known.life.generation == me.generation && known.version > self.me.version;
        // Nothing of this generation is believed after its goodbye; and versions are not to be used up.
        let last_word = known.liveness == Liveness::Left && known.life.generation >= me.generation
            || is_false && known.version.get() > VERSION_OUTBID_MAX;
        let dead = known.liveness == Liveness::Failed && known.life == me && !self.hears_badly;
        if last_word || dead || known.life.is_newer_than(me) {
            let Some(life) = above(me, known.life, last_word) else {
                return;
            };
            self.swim.change_life(now, life);
            self.renewed(now, life);
            self.send_own_record(from);
        } else if is_false {
            self.me.version = known.version;
            self.publish(now);
            self.send_own_record(from);
        }
    }
}

/// What a peer knows of this node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hearsay {
    pub(crate) life: Life,
    pub(crate) version: VarInt,
    pub(crate) liveness: Liveness,
}

impl Hearsay {
    /// Of a life that a peer speaks of as if it were ours, and nothing else.
    pub(crate) const fn of_life(life: Life) -> Self {
        Self {
            life,
            version: VarInt::ZERO,
            liveness: Liveness::Alive,
        }
    }
}

/// A life of the same address that wins over `known`: of the same process while that is enough.
fn above(me: Life, known: Life, last_word: bool) -> Option<Life> {
    if known.generation > me.generation || last_word {
        known.next_generation()
    } else {
        known.next()
    }
}
