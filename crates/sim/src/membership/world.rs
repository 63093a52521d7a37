//! What the trials do to a cluster, whoever it is made of.

use std::time::Duration;

use hobnob_endpoint::wire::Instant;

/// A cluster whose nodes are numbers, under virtual time.
pub(super) trait World {
    /// The virtual time.
    fn now(&self) -> Instant;

    /// Lets time pass.
    fn run_for(&mut self, time: Duration);

    /// Nothing remains of a node, and nobody is told.
    fn kill(&mut self, node: usize);

    /// Holds up whatever a node sends and whatever is sent to it, or lets it all go.
    fn set_blocked(&mut self, node: usize, is_blocked: bool);

    /// Cuts or heals the way from one node to another.
    fn set_cut(&mut self, from: usize, to: usize, is_cut: bool);

    /// Loses this share of what one node sends to another.
    fn set_loss(&mut self, from: usize, to: usize, share: f64);

    /// What the nodes have said so far.
    fn said(&self) -> &[Said];

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
}
