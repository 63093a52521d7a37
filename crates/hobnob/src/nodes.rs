//! Who is in the cluster: a snapshot that is read without waiting.

use std::{fmt, net::SocketAddr, slice, sync::Arc, vec};

use hobnob_endpoint::gossip::{self, DeclaredState, NodeState};

/// What is known of a node at one moment. Cheap to clone.
#[derive(Clone, PartialEq)]
pub struct Node(Arc<gossip::Node>);

impl Node {
    pub(crate) const fn new(node: Arc<gossip::Node>) -> Self {
        Self(node)
    }

    /// Its mesh address: what calls are addressed to.
    pub fn address(&self) -> SocketAddr {
        self.0.addr()
    }

    /// Which process this is at its address: grows with every restart.
    pub fn generation(&self) -> u64 {
        self.0.identity.generation.0
    }

    /// Its type, as it named it.
    pub fn node_type(&self) -> &str {
        self.0.metadata.node_type()
    }

    /// Its role within the type; empty unless set.
    pub fn role(&self) -> &str {
        self.0.metadata.role()
    }

    /// Its stable name; empty unless set.
    pub fn name(&self) -> &str {
        self.0.metadata.name()
    }

    /// Where clients reach it; empty unless set.
    pub fn endpoint(&self) -> &str {
        self.0.metadata.endpoint().unwrap_or_default()
    }

    /// Name of the application it runs; empty unless set.
    pub fn app(&self) -> &str {
        self.0.metadata.app()
    }

    /// Version of the application it runs; empty unless set.
    pub fn app_version(&self) -> &str {
        self.0.metadata.app_version()
    }

    /// What it has set under `key`.
    pub fn value(&self, key: &str) -> Option<&[u8]> {
        self.0.metadata.value(key)
    }

    /// Everything it has set, by key.
    pub fn values(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0
            .metadata
            .values()
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_slice()))
    }

    /// Its state.
    pub fn state(&self) -> NodeState {
        self.0.state
    }

    /// Whether it has said that it is going, whatever else is thought of it.
    pub(crate) fn is_shutting_down(&self) -> bool {
        self.0.declared == DeclaredState::Offline
    }

    /// Whether its state is Online, and nothing else.
    pub fn is_online(&self) -> bool {
        self.state() == NodeState::Online
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("address", &self.address())
            .field("generation", &self.generation())
            .field("type", &self.node_type())
            .field("name", &self.name())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

/// Some nodes, in the order of their addresses.
#[derive(Clone, Debug, Default)]
pub struct Nodes(Vec<Node>);

impl Nodes {
    /// Those that are Online.
    #[must_use]
    pub fn online(&self) -> Self {
        self.filter(Node::is_online)
    }

    /// Those of a type.
    #[must_use]
    pub fn of_type(&self, node_type: &str) -> Self {
        self.filter(|node| node.node_type() == node_type)
    }

    /// Those that `keep` wants.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(&Node) -> bool) -> Self {
        Self(self.0.iter().filter(|node| keep(node)).cloned().collect())
    }

    /// The first one.
    pub fn first(&self) -> Option<&Node> {
        self.0.first()
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One after the other.
    pub fn iter(&self) -> slice::Iter<'_, Node> {
        self.0.iter()
    }
}

impl AsRef<[Node]> for Nodes {
    fn as_ref(&self) -> &[Node] {
        &self.0
    }
}

impl IntoIterator for Nodes {
    type Item = Node;
    type IntoIter = vec::IntoIter<Node>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Nodes {
    type Item = &'a Node;
    type IntoIter = slice::Iter<'a, Node>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// How the cluster looked at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) me: Node,
    /// All nodes, this one included, in the order of their addresses.
    pub(crate) everybody: Arc<[Node]>,
}

impl Snapshot {
    pub(crate) fn of(gossip: &gossip::Gossip) -> Self {
        let others = gossip.nodes().cloned().map(Node::new).collect();
        Self::new(Node::new(gossip.me().clone()), others)
    }

    pub(crate) fn new(me: Node, others: Vec<Node>) -> Self {
        let mut everybody = others;
        everybody.push(me.clone());
        everybody.sort_by_key(Node::address);
        Self {
            me,
            everybody: everybody.into(),
        }
    }

    pub(crate) fn nodes(&self) -> Nodes {
        Nodes(self.others().cloned().collect())
    }

    pub(crate) fn of_type(&self, node_type: &str) -> Nodes {
        let of_type = self.others().filter(|node| node.node_type() == node_type);
        Nodes(of_type.cloned().collect())
    }

    pub(crate) fn node(&self, address: SocketAddr) -> Option<&Node> {
        let place = self
            .everybody
            .binary_search_by_key(&address, Node::address)
            .ok()?;
        self.everybody.get(place)
    }

    pub(crate) fn types(&self) -> Vec<String> {
        let all = self.everybody.iter();
        let mut types: Vec<String> = all.map(|node| node.node_type().to_owned()).collect();
        types.sort_unstable();
        types.dedup();
        types
    }

    fn others(&self) -> impl Iterator<Item = &Node> {
        let me = self.me.address();
        self.everybody
            .iter()
            .filter(move |node| node.address() != me)
    }
}
