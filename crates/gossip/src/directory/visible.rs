//! What users see of the directory, and the events that say how it changed.

use alloc::sync::Arc;
use core::net::SocketAddr;

use hobnob_wire::Instant;

use super::Directory;
use crate::{
    event::Event,
    node::{Node, NodeState},
};

impl Directory {
    /// Brings what users see of `addr`, and of its namesakes, up to date with what is known of it.
    pub(super) fn refresh(&mut self, now: Instant, addr: SocketAddr) {
        let name = self.get(addr).map(|entry| entry.name.clone());
        if let Some(name) = name {
            self.settle_name(now, &name);
        }
        self.show(addr);
    }

    /// Shows `addr` as it is known, if it is to be shown at all.
    pub(super) fn show(&mut self, addr: SocketAddr) {
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
        self.report_change(old, node);
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
}
