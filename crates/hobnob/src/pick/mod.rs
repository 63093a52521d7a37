//! Who of many gets new work.
//!
//! A [`Pick`] is drawn up from one snapshot and stays what it was: all choices made with it see the same nodes. Making
//! one asks nobody and waits for nothing.

mod dice;
mod rendezvous;
mod round_robin;

use std::{cmp::Ordering, net::SocketAddr, sync::Arc};

pub(crate) use dice::Dice;
use rendezvous::{Member, Score, hash_of_key};
pub use round_robin::RoundRobin;

use crate::nodes::Node;

/// The nodes that one is chosen from. Made by [`Mesh::pick`](crate::Mesh::pick), which takes those that are Online:
/// whoever is Taken, Offline, Left or Failed gets no new work, and neither does a Suspect, which has not answered and
/// may be dead. Where keys must stay while a node is only suspected, choose from a [`View`](crate::View).
///
/// ```
/// use hobnob::{Mesh, RoundRobin};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// static TURNS: RoundRobin = RoundRobin::new();
///
/// # let mesh = Mesh::builder("rooms").start().await?;
/// let rooms = mesh.pick("rooms");
/// let any = rooms.random();
/// let next = rooms.round_robin(&TURNS);
/// // By what each node says of itself with `set_value`; one that says nothing counts as idle.
/// let idle = rooms.least_loaded(|node| node.value_as::<u32>("guests"));
/// // The same one wherever it is asked, for as long as it is there.
/// let owner = rooms.by_key("room 7");
/// let owner_and_spare = rooms.replicas("room 7", 2);
/// # assert!([&any, &next, &idle, &owner].iter().all(|node| node.is_some()));
/// # assert_eq!(owner, owner_and_spare.first().cloned());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Pick {
    everybody: Arc<[Node]>,
    /// Indices of those that can be chosen, in the order of their addresses.
    chosen_from: Vec<usize>,
    me: SocketAddr,
    dice: Arc<Dice>,
}

impl Pick {
    /// Those of `everybody`, in the order of their addresses, that `keep` wants.
    pub(crate) fn new(
        everybody: Arc<[Node]>,
        me: SocketAddr,
        dice: Arc<Dice>,
        keep: impl Fn(&Node) -> bool,
    ) -> Self {
        let kept = everybody.iter().enumerate().filter(|(_, node)| keep(node));
        Self {
            chosen_from: kept.map(|(index, _)| index).collect(),
            everybody,
            me,
            dice,
        }
    }

    // From whom.

    /// Leaves out the node that chooses. It is one of those it chooses from: only so do all nodes choose the same
    /// for a key. A call to itself never leaves the process.
    #[must_use]
    pub fn without_me(self) -> Self {
        let me = self.me;
        self.filter(|node| node.address() != me)
    }

    /// Leaves those that `keep` wants: those in the same zone, those that have not just refused.
    #[must_use]
    pub fn filter(mut self, keep: impl Fn(&Node) -> bool) -> Self {
        let everybody = &self.everybody;
        self.chosen_from
            .retain(|index| everybody.get(*index).is_some_and(&keep));
        self
    }

    /// Those that can be chosen, in the order of their addresses.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Node> {
        self.chosen_from.iter().map(|index| &self.everybody[*index])
    }

    /// How many can be chosen.
    pub const fn len(&self) -> usize {
        self.chosen_from.len()
    }

    /// Whether nobody can be chosen.
    pub const fn is_empty(&self) -> bool {
        self.chosen_from.is_empty()
    }

    // Whom. All `None` of none.

    /// Any of them, each as likely.
    pub fn random(&self) -> Option<Node> {
        self.at(self.dice.below(self.len())?)
    }

    /// The one whose turn it is: each of them once before any of them twice, in the order of their addresses, as long
    /// as all that use the same [`RoundRobin`] choose from the same.
    pub fn round_robin(&self, turns: &RoundRobin) -> Option<Node> {
        let addresses: Vec<SocketAddr> = self.iter().map(Node::address).collect();
        let first = self.dice.below(addresses.len())?;
        self.at(turns.next(&addresses, first)?)
    }

    /// The less loaded of two that are drawn at random; `load` says how loaded a node is, for instance by a
    /// [value](Node::value_as) it has set. Where that is the same, or cannot be compared, either of them.
    ///
    /// Not the least loaded of all: what is known of a load is some time old, and all would fall upon the same node
    /// until its new load had gone round. Two choices are as good as knowing all of them, but for a constant
    /// (Mitzenmacher 2001).
    pub fn least_loaded<L: PartialOrd>(&self, load: impl Fn(&Node) -> L) -> Option<Node> {
        let (one, other) = self.dice.two_below(self.len())?;
        let (one, other) = (self.at(one)?, self.at(other)?);
        let is_less = load(&other).partial_cmp(&load(&one)) == Some(Ordering::Less);
        Some(if is_less { other } else { one })
    }

    /// The one a key belongs to: the same on every node, platform and version of Hobnob that chooses from the same.
    ///
    /// Keys are shared out evenly, by rendezvous hashing: when a node goes, only its keys move, to all others alike,
    /// and a node that comes gets its share of everybody's. A node is told by its name, or else by its address: one
    /// that starts again gets its keys back, with a name at another address too. Give all of them names, or none:
    /// a node that gets one is another.
    ///
    /// Costs a hash for each node.
    pub fn by_key(&self, key: impl AsRef<[u8]>) -> Option<Node> {
        let key = hash_of_key(key.as_ref());
        self.best(|node| Some(Score::new(key, Member::of(node))))
    }

    /// As [`by_key`](Self::by_key), but each node gets keys in proportion to its weight; none at zero. When a weight
    /// changes, keys move to or from that node only. All nodes must come to the same weights, so take them from
    /// what a node says of itself: its role, which is known as soon as the node is, or a value, known within a second.
    pub fn by_key_weighted(
        &self,
        key: impl AsRef<[u8]>,
        weight: impl Fn(&Node) -> u32,
    ) -> Option<Node> {
        let key = hash_of_key(key.as_ref());
        self.best(|node| Score::weighted(key, Member::of(node), weight(node)))
    }

    /// The first `count` a key belongs to, all different, the one of [`by_key`](Self::by_key) first; fewer where there
    /// are fewer. When one of them goes, the others move up and one is added at the end.
    pub fn replicas(&self, key: impl AsRef<[u8]>, count: usize) -> Vec<Node> {
        let key = hash_of_key(key.as_ref());
        self.ranked(count, |node| Some(Score::new(key, Member::of(node))))
    }

    /// As [`replicas`](Self::replicas), with the weights of [`by_key_weighted`](Self::by_key_weighted).
    pub fn replicas_weighted(
        &self,
        key: impl AsRef<[u8]>,
        count: usize,
        weight: impl Fn(&Node) -> u32,
    ) -> Vec<Node> {
        let key = hash_of_key(key.as_ref());
        self.ranked(count, |node| {
            Score::weighted(key, Member::of(node), weight(node))
        })
    }

    fn at(&self, place: usize) -> Option<Node> {
        let index = self.chosen_from.get(place)?;
        self.everybody.get(*index).cloned()
    }

    fn best(&self, score: impl Fn(&Node) -> Option<Score>) -> Option<Node> {
        let scored = self.iter().filter_map(|node| Some((score(node)?, node)));
        let best = scored.min_by(|(one, _), (other, _)| one.rank(other))?;
        Some(best.1.clone())
    }

    fn ranked(&self, count: usize, score: impl Fn(&Node) -> Option<Score>) -> Vec<Node> {
        let scored = self.iter().filter_map(|node| Some((score(node)?, node)));
        let mut scored: Vec<(Score, &Node)> = scored.collect();
        // Stable, as the choice of the best is: who has the same score is in the order of addresses.
        scored.sort_by(|(one, _), (other, _)| one.rank(other));
        let first = scored.into_iter().take(count);
        first.map(|(_, node)| node.clone()).collect()
    }
}

#[cfg(test)]
#[path = "../../tests/unit/pick.rs"]
mod tests;
