//! Who is in the cluster: a snapshot that is read without waiting.

use std::{fmt, net::SocketAddr, slice, sync::Arc, vec};

use hobnob_capsule::{FromValue, Map, Value};
use hobnob_endpoint::{
    Endpoint,
    gossip::{self, DeclaredState, NodeState},
};

use crate::values::Unpacked;

/// What is known of a node at one moment. Cheap to clone.
#[derive(Clone, PartialEq)]
pub struct Node {
    seen: Arc<gossip::Node>,
    values: Arc<Map>,
}

impl Node {
    /// One that has set no values.
    #[cfg(test)]
    pub(crate) fn new(seen: Arc<gossip::Node>) -> Self {
        Self::with_values(seen, crate::values::none())
    }

    pub(crate) const fn with_values(seen: Arc<gossip::Node>, values: Arc<Map>) -> Self {
        Self { seen, values }
    }

    /// Its mesh address: what calls are addressed to.
    pub fn address(&self) -> SocketAddr {
        self.seen.addr()
    }

    /// Which process this is at its address: grows with every restart.
    pub fn generation(&self) -> u64 {
        self.seen.identity.generation.0
    }

    /// Its type, as it named it.
    pub fn node_type(&self) -> &str {
        self.seen.metadata.node_type()
    }

    /// Its role within the type; empty unless set.
    pub fn role(&self) -> &str {
        self.seen.metadata.role()
    }

    /// Its stable name; empty unless set.
    pub fn name(&self) -> &str {
        self.seen.metadata.name()
    }

    /// Where clients reach it; empty unless set.
    pub fn endpoint(&self) -> &str {
        self.seen.metadata.endpoint().unwrap_or_default()
    }

    /// Name of the application it runs; empty unless set.
    pub fn app(&self) -> &str {
        self.seen.metadata.app()
    }

    /// Version of the application it runs; empty unless set.
    pub fn app_version(&self) -> &str {
        self.seen.metadata.app_version()
    }

    /// The versions of the application it works with; empty for all.
    pub fn compatible_with(&self) -> &str {
        self.seen.metadata.compatible_with()
    }

    /// What it has set under `key` with [`Mesh::set_value`](crate::Mesh::set_value), as far as was known.
    pub fn value(&self, key: &str) -> Option<&Value> {
        self.values.get_value(key)
    }

    /// What it has set under `key`, read as a `T` by the rules of [`Capsule::get`](crate::Capsule::get): an integer as
    /// any wider one, but never a signed one as an unsigned one (a plain `12` was set as an `i32`); a text as `&str` or
    /// `String`. `None` too if it is something else; [`values`](Self::values) tell those apart.
    pub fn value_as<'a, T: FromValue<'a>>(&'a self, key: &str) -> Option<T> {
        self.value(key)?.read().ok()
    }

    /// Everything it has set, by key, as far as was known: right after a node came up that may be nothing yet.
    pub fn values(&self) -> &Map {
        &self.values
    }

    /// Its state.
    pub fn state(&self) -> NodeState {
        self.seen.state
    }

    /// Whether it has said that it is going, whatever else is thought of it.
    pub(crate) fn is_shutting_down(&self) -> bool {
        self.seen.declared == DeclaredState::Offline
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
    pub(crate) fn of(endpoint: &Endpoint, unpacked: &mut Unpacked) -> Self {
        let members = endpoint.members();
        let others = members.nodes();
        let others = others.map(|seen| unpacked.node(endpoint, seen)).collect();
        let snapshot = Self::new(unpacked.node(endpoint, members.me()), others);
        unpacked.keep(&snapshot.everybody);
        snapshot
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
