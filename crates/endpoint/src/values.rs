//! Values: what each node says of itself besides its record.
//!
//! They are told by messages, as [shared data](crate::shared) is, so that however much it is, no probe and no record
//! waits for it. Whose they are is what the membership says.

use alloc::vec::Vec;
use core::net::SocketAddr;

use bytes::Bytes;
use hobnob_gossip as gossip;
use hobnob_shared::values::{ValueError, Values};
use hobnob_wire::Instant;

use crate::endpoint::Endpoint;

impl Endpoint {
    /// What the nodes say of themselves, this one included, to read from.
    pub const fn values(&self) -> &Values {
        &self.values
    }

    /// As [`Values::set`].
    ///
    /// # Errors
    ///
    /// [`ValueError`]; nothing changed.
    pub fn set_value(&mut self, now: Instant, key: &str, value: Bytes) -> Result<bool, ValueError> {
        let set = self.values.set(now, key, value);
        self.settle(now);
        set
    }

    /// As [`Values::remove`].
    pub fn remove_value(&mut self, now: Instant, key: &str) -> bool {
        let removed = self.values.remove(now, key);
        self.settle(now);
        removed
    }

    /// Who is a member, and which process, says the membership.
    pub(crate) fn follow_for_values(&mut self, now: Instant, event: &gossip::Event) {
        match event {
            gossip::Event::NodeUp(node)
            | gossip::Event::Failed(node)
            | gossip::Event::Left(node)
            | gossip::Event::StateChanged { node, .. } => self.follow_member(now, node.addr()),
            gossip::Event::Replaced { old, .. } => self.follow_member(now, old.addr()),
            gossip::Event::SelfRenewed { identity } => self.values.renew(now, identity.generation),
            _ => {}
        }
    }

    /// Goes by how the membership sees an address now, which may be later than any event that was told.
    fn follow_member(&mut self, now: Instant, addr: SocketAddr) {
        match self
            .gossip
            .node(addr)
            .map(|node| (node.state, node.identity))
        {
            None => self.values.member_forgotten(now, addr),
            Some((state, _)) if state.is_gone() => self.values.member_down(now, addr),
            Some((_, identity)) => {
                let process = Self::sharer(identity.addr, identity.generation);
                self.values.member_up(now, process);
            }
        }
    }

    /// Forgets the values of those whom the membership has forgotten, and of those who have not become members.
    pub(crate) fn sweep_values(&mut self, now: Instant) {
        let known = self.values.member_addrs();
        let forgotten = known.filter(|addr| self.gossip.node(*addr).is_none());
        let forgotten: Vec<SocketAddr> = forgotten.collect();
        for addr in forgotten {
            self.values.member_forgotten(now, addr);
        }
        self.values.forget_strangers();
    }
}
