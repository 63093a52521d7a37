//! What the trials do to a cluster, whoever it is made of.

use std::time::Duration;

use hobnob_endpoint::wire::Instant;

/// A cluster whose nodes are numbers, under virtual time. They know nobody at first.
pub(super) trait World {
    /// Has a node call the first one.
    fn greet(&mut self, node: usize);

    /// Whether a node knows nobody.
    fn is_alone(&self, node: usize) -> bool;

    /// Does what is left to do until all know all and nothing remains of how that came about.
    fn assemble(&mut self);

    /// The virtual time.
    fn now(&self) -> Instant;

    /// Lets time pass.
    fn run_for(&mut self, time: Duration);

    /// Has a node say goodbye. Its process ends when it has nothing more to say.
    fn leave(&mut self, node: usize);

    /// Nothing remains of a node, and nobody is told.
    fn kill(&mut self, node: usize);

    /// Holds up whatever a node sends and whatever is sent to it, or lets it all go.
    fn set_blocked(&mut self, node: usize, is_blocked: bool);

    /// Cuts or heals the way from one node to another.
    fn set_cut(&mut self, from: usize, to: usize, is_cut: bool);

    /// Loses this share of what one node sends to another.
    fn set_loss(&mut self, from: usize, to: usize, share: f64);

    /// Loses this share of everything that is sent.
    fn set_loss_everywhere(&mut self, share: f64);

    /// What the nodes have said so far.
    fn said(&self) -> &[Said];

    /// What follows from it.
    fn views(&self) -> &Views;

    /// Whether one node takes another for part of the cluster.
    fn holds_alive(&self, by: usize, whom: usize) -> bool;

    /// Whether a node's own probe of another has failed, so that it suspects it.
    fn has_accused(&self, by: usize, whom: usize) -> bool;

    /// Datagrams that were sent so far, and their bytes.
    fn sent(&self) -> (u64, u64);
}

/// A node says something of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) at: Instant,
    pub(super) by: usize,
    pub(super) whom: usize,
    pub(super) what: What,
}

/// What a node says of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// It is part of the cluster.
    Up,
    /// It has failed.
    Down,
    /// It has left.
    Left,
}

/// Who knows whom.
#[derive(Debug)]
pub(super) struct Views {
    size: usize,
    /// One bit for each two nodes.
    known: Vec<u64>,
    pairs: usize,
}

impl Views {
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            known: vec![0; (size * size).div_ceil(64)],
            pairs: 0,
        }
    }

    pub(super) fn note(&mut self, said: &Said) {
        let place = said.by * self.size + said.whom;
        let (word, bit) = (&mut self.known[place / 64], 1 << (place % 64));
        let was_known = *word & bit != 0;
        match said.what {
            What::Up if !was_known => self.pairs += 1,
            What::Down | What::Left if was_known => self.pairs -= 1,
            _ => return,
        }
        *word ^= bit;
    }

    /// Whether each node has reported each other one as there.
    pub(super) const fn are_full(&self) -> bool {
        self.pairs == self.size * (self.size - 1)
    }
}
