//! What happens to errands because time passes.

use hobnob_wire::Instant;

use super::{
    errand::{Errand, Owner},
    reports::Told,
};
use crate::endpoint::Endpoint;

impl Endpoint {
    /// Lets everything happen that is due.
    pub(crate) fn tick_relays(&mut self, now: Instant) {
        while let Some(&(at, key)) = self.relays.alarms.first()
            && at <= now
        {
            let Some(errand) = self.relays.take(key) else {
                self.relays.alarms.remove(&(at, key));
                continue;
            };
            self.tick(now, key, errand);
        }
    }

    /// Forgets the fan-outs of nodes that are gone for good.
    pub(crate) fn sweep_relays(&mut self) {
        let (gossip, me) = (&self.gossip, self.gossip.me());
        self.relays.memory.sweep(|addr, generation| {
            let member = gossip.node(addr).filter(|node| !node.state.is_gone());
            let identity = member.unwrap_or(me).identity;
            identity.addr == addr && identity.generation == generation
        });
    }

    fn tick(&mut self, now: Instant, key: u64, mut errand: Errand) {
        if now >= errand.deadline {
            return self.expire(now, key, errand);
        }
        errand.alarm = errand.deadline.min(now + errand.pace);
        errand.retry();
        for part in errand.silent(now) {
            self.take_over(now, &mut errand, part);
        }
        let is_due =
            !errand.upward.is_telling() && (errand.upward.has_news() || !errand.is_complete());
        if is_due && self.tell_parent(now, key, &mut errand) == Told::Orphaned {
            return self.give_back(now, key, errand);
        }
        self.advance(now, key, errand);
    }

    /// The time is up: the origin ends with what it knows, a relay has nobody left to tell.
    fn expire(&mut self, now: Instant, key: u64, mut errand: Errand) {
        match errand.owner {
            Owner::Origin { .. } => {
                errand.expire();
                self.advance(now, key, errand);
            }
            Owner::Parent(_) => self.drop_errand(now, key, errand),
        }
    }
}
