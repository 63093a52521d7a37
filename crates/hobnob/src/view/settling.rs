//! When a change of the membership has settled. Pure: time is an argument.

use std::{cmp::Ordering, sync::Arc, time::Duration};

use hobnob_endpoint::{gossip::NodeState, wire::Instant};

use crate::nodes::Node;

/// How changes are held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holding {
    /// How long nothing may have changed.
    pub(crate) quiet: Duration,
    /// How long a change is held back at most.
    pub(crate) max: Duration,
}

/// A version of the membership.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) number: u64,
    /// In the order of their addresses.
    pub(crate) members: Arc<[Node]>,
}

/// Follows the membership and makes versions of it.
///
/// A change is a difference between the members there are and those of the last version. It is held back until for
/// [`Holding::quiet`] no member came or went and none is suspected, since a suspicion mostly is a change to come; at
/// most for [`Holding::max`]. A difference that vanishes meanwhile never was.
#[derive(Debug)]
pub(crate) struct Settling {
    holding: Holding,
    released: Option<Arc<Version>>,
    members: Vec<Node>,
    /// Since when the members differ from the last version.
    held_since: Option<Instant>,
    /// When a member came or went last, or the last suspicion ended.
    stirred: Instant,
    has_suspects: bool,
}

impl Settling {
    /// Without a version: the first one too has to settle.
    pub(crate) const fn new(holding: Holding, now: Instant) -> Self {
        Self {
            holding,
            released: None,
            members: Vec::new(),
            held_since: Some(now),
            stirred: now,
            has_suspects: false,
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let latest = self.held_since? + self.holding.max;
        let quiet = self.stirred + self.holding.quiet;
        Some(if self.has_suspects {
            latest
        } else {
            latest.min(quiet)
        })
    }

    /// Takes in all nodes that are known, in the order of their addresses.
    pub(crate) fn handle_nodes(&mut self, now: Instant, nodes: &[Node]) {
        let members: Vec<Node> = nodes
            .iter()
            .filter(|node| is_member(node))
            .cloned()
            .collect();
        let has_suspects = members
            .iter()
            .any(|node| node.state() == NodeState::Suspect);
        let has_changed = !is_same(&self.members, &members);
        if has_changed || self.has_suspects && !has_suspects {
            self.stirred = now;
        }
        self.has_suspects = has_suspects;
        // Kept up to date where nothing has changed too: a version shows its members as they are when it is made.
        self.members = members;
        let released = self.released.as_ref();
        let differs = released.is_none_or(|version| !is_same(&version.members, &self.members));
        self.held_since = differs.then(|| self.held_since.unwrap_or(now));
    }

    /// The next version, once it has settled.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<Arc<Version>> {
        if self.poll_timeout()? > now {
            return None;
        }
        let number = self.released.as_ref().map_or(0, |version| version.number);
        let version = Arc::new(Version {
            number: number + 1,
            members: self.members.clone().into(),
        });
        self.released = Some(version.clone());
        self.held_since = None;
        Some(version)
    }
}

/// Those of `one` that are not among `other`.
pub(crate) fn without(one: &[Node], other: &[Node]) -> Vec<Node> {
    let is_missing = |node: &&Node| {
        let found = other.binary_search_by(|known| order(known, node));
        found.is_err()
    };
    one.iter().filter(is_missing).cloned().collect()
}

/// Whoever is there and has not said that it is going. Of this node itself it may be true that it is in no view.
fn is_member(node: &Node) -> bool {
    let state = node.state();
    !state.is_gone() && state != NodeState::Refused && !node.is_shutting_down()
}

/// The same processes.
fn is_same(one: &[Node], other: &[Node]) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .all(|(one, other)| order(one, other) == Ordering::Equal)
}

/// At an address there is one member at a time.
fn order(one: &Node, other: &Node) -> Ordering {
    let key = |node: &Node| (node.address(), node.generation());
    key(one).cmp(&key(other))
}
