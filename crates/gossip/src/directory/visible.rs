//! What users see of the directory, and the events that say how it changed.

use alloc::{string::ToString, sync::Arc, vec::Vec};
use core::net::SocketAddr;

use hobnob_wire::Instant;

use super::Directory;
use crate::{
    event::Event,
    identity::Identity,
    node::{Node, NodeState},
};

impl Directory {
    /// Brings what users see of `addr` up to date with what is known of it.
    pub(super) fn refresh(&mut self, now: Instant, addr: SocketAddr) {
        let Some(entry) = self.entries.get_mut(&addr) else {
            return;
        };
        let Some((state, record)) = entry.visible() else {
            return;
        };
        let node = Node {
            state,
            ..record.to_node()
        };
        if entry.node.as_deref() == Some(&node) {
            return;
        }
        let node = Arc::new(node);
        let old = entry.node.replace(Arc::clone(&node));
        self.version += 1;
        if let Some(old) = &old {
            self.unname(old);
        }
        self.name(&node);
        self.report_change(old, Arc::clone(&node));
        self.settle_namesakes(now, node.metadata.name());
    }

    /// The node at `addr` is over because of `new`; nothing is shown of the address until `new` is up.
    pub(super) fn replace(&mut self, addr: SocketAddr, new: Identity) {
        let node = self.entries.get_mut(&addr).and_then(|e| e.node.take());
        if let Some(old) = node {
            self.unname(&old);
            self.version += 1;
            self.report(Event::Replaced { old, new });
        }
    }

    pub(super) fn unname(&mut self, node: &Node) {
        let name = node.metadata.name();
        if let Some(addrs) = self.names.get_mut(name) {
            addrs.remove(&node.addr());
            if addrs.is_empty() {
                self.names.remove(name);
            }
        }
    }

    fn name(&mut self, node: &Node) {
        let name = node.metadata.name();
        if !name.is_empty() {
            self.names
                .entry(name.to_string())
                .or_default()
                .insert(node.addr());
        }
    }

    fn report_change(&mut self, old: Option<Arc<Node>>, new: Arc<Node>) {
        let Some(old) = old else {
            self.report(Event::NodeUp(new));
            return;
        };
        let (from, to) = (old.state, new.state);
        match (from.is_gone(), to) {
            (true, NodeState::Left | NodeState::Failed) => {}
            (true, _) => return self.report(Event::NodeUp(new)),
            (false, NodeState::Left) => return self.report(Event::Left(new)),
            (false, NodeState::Failed) => return self.report(Event::Failed(new)),
            (false, _) if old.metadata != new.metadata => {
                self.report(Event::MetadataChanged {
                    node: Arc::clone(&new),
                    old: Arc::clone(&old.metadata),
                });
            }
            (false, _) => {}
        }
        if from != to {
            let node = new;
            self.report(Event::StateChanged { node, from, to });
        }
    }

    /// A name is one server's. When the server came back at another address, under a greater generation,
    /// the older address makes way as soon as it is not plainly alive: suspect, shutting down or gone. Two
    /// nodes that are both alive are both kept; giving them one name is a mistake that nobody here can
    /// settle.
    fn settle_namesakes(&mut self, now: Instant, name: &str) {
        let Some(addrs) = self.names.get(name).filter(|addrs| addrs.len() > 1) else {
            return;
        };
        let nodes = || addrs.iter().filter_map(|addr| self.get(*addr)?.node());
        let Some(heir) = nodes()
            .filter(|node| !node.state.is_gone())
            .map(|node| node.identity)
            .max_by_key(|identity| identity.generation)
        else {
            return;
        };
        let outlived: Vec<SocketAddr> = nodes()
            .filter(|node| node.identity.generation < heir.generation)
            .filter(|node| !matches!(node.state, NodeState::Online | NodeState::Taken))
            .map(|node| node.addr())
            .collect();
        for addr in outlived {
            if let Some(entry) = self.get(addr).filter(|entry| entry.live) {
                let life = entry.life;
                self.buried.push(life);
            }
            self.not_live(now, addr);
            self.replace(addr, heir);
        }
        self.report_if_alone();
    }
}
