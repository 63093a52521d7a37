//! A directory made of nothing but events: it has to be the one the core shows, and the events have to come
//! in an order that makes sense.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use hobnob_gossip::{Event, Gossip, Identity, Node, NodeState};

#[derive(Default)]
pub(crate) struct Mirror {
    nodes: BTreeMap<SocketAddr, Arc<Node>>,
    accompanied: bool,
}

impl Mirror {
    pub(crate) fn apply(&mut self, event: &Event) {
        match event {
            Event::NodeUp(node) => {
                assert!(!node.state.is_gone(), "comes up alive: {node:?}");
                if let Some(known) = self.nodes.get(&node.addr()) {
                    assert!(known.state.is_gone(), "was up already: {node:?}");
                    assert_eq!(known.identity, node.identity, "replaced without a word");
                }
                self.nodes.insert(node.addr(), Arc::clone(node));
            }
            Event::StateChanged { node, from, to } => {
                assert_ne!(from, to);
                assert_eq!(node.state, *to);
                assert_eq!(self.known(node.identity).state, *from);
                let correction = (*from, *to) == (NodeState::Failed, NodeState::Left);
                assert!(correction || !from.is_gone() && !to.is_gone(), "{event:?}");
                self.nodes.insert(node.addr(), Arc::clone(node));
            }
            Event::MetadataChanged { node, old } => {
                assert_eq!(self.known(node.identity).metadata, *old);
                assert_ne!(node.metadata, *old);
                let mut now = Node::clone(self.known(node.identity));
                now.metadata = Arc::clone(&node.metadata);
                self.nodes.insert(node.addr(), Arc::new(now));
            }
            Event::Left(node) => self.gone(node, NodeState::Left),
            Event::Failed(node) => self.gone(node, NodeState::Failed),
            Event::Replaced { old, new } => {
                assert_eq!(self.known(old.identity).state, old.state);
                if new.addr == old.addr() {
                    assert!(new.generation > old.identity.generation, "{event:?}");
                }
                self.nodes.remove(&old.addr());
            }
            Event::Alone => assert!(std::mem::take(&mut self.accompanied)),
            Event::Accompanied => assert!(!std::mem::replace(&mut self.accompanied, true)),
            _ => {}
        }
    }

    /// The core shows what its events have told, but for gone nodes whose time is over.
    pub(crate) fn check_nodes(&mut self, gossip: &Gossip) {
        self.nodes
            .retain(|addr, node| !node.state.is_gone() || gossip.node(*addr).is_some());
        let shown: Vec<_> = gossip.nodes().map(|n| (n.identity, n.state)).collect();
        let told: Vec<_> = self.nodes.values().map(|n| (n.identity, n.state)).collect();
        assert_eq!(shown, told, "events tell the whole story");
        for (shown, told) in gossip.nodes().zip(self.nodes.values()) {
            if !shown.state.is_gone() {
                assert_eq!(shown.metadata, told.metadata, "of {}", shown.identity);
            }
        }
        assert_eq!(gossip.is_alone(), !self.accompanied);
    }

    fn gone(&mut self, node: &Arc<Node>, state: NodeState) {
        assert_eq!(node.state, state);
        assert!(
            !self.known(node.identity).state.is_gone(),
            "gone twice: {node:?}"
        );
        self.nodes.insert(node.addr(), Arc::clone(node));
    }

    fn known(&self, identity: Identity) -> &Arc<Node> {
        let known = self.nodes.get(&identity.addr);
        let known = known.unwrap_or_else(|| panic!("{identity} was never up"));
        assert_eq!(known.identity, identity);
        known
    }
}
