//! What the network remembers of the way from one node to another.

use std::collections::{BTreeMap, BTreeSet};

use hobnob_endpoint::wire::Instant;

use crate::{conditions::Conditions, node::NodeId};

/// Paths remembered before the first look for those that can be forgotten.
const SWEEP_FROM: usize = 1_024;

/// From one node to another.
pub(crate) type Direction = (NodeId, NodeId);

/// What happened on the way lately.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Path {
    /// In a burst of loss.
    pub(crate) is_bad: bool,
    /// When the last datagram in order arrives.
    pub(crate) last_arrival: Instant,
}

/// All directions that differ from the rest.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    cuts: BTreeSet<Direction>,
    conditions: BTreeMap<Direction, Conditions>,
    paths: BTreeMap<Direction, Path>,
    sweep_at: usize,
}

impl Paths {
    pub(crate) fn set_cut(&mut self, direction: Direction, is_cut: bool) {
        if is_cut {
            self.cuts.insert(direction);
        } else {
            self.cuts.remove(&direction);
        }
    }

    pub(crate) fn is_cut(&self, direction: Direction) -> bool {
        !self.cuts.is_empty() && self.cuts.contains(&direction)
    }

    pub(crate) fn set_conditions(&mut self, direction: Direction, conditions: Option<Conditions>) {
        match conditions {
            Some(conditions) => self.conditions.insert(direction, conditions),
            None => self.conditions.remove(&direction),
        };
    }

    pub(crate) fn conditions(&self, direction: Direction) -> Option<Conditions> {
        if self.conditions.is_empty() {
            return None;
        }
        self.conditions.get(&direction).copied()
    }

    /// No cut is left, and no path that differs from the others.
    pub(crate) fn heal(&mut self) {
        self.cuts.clear();
        self.conditions.clear();
    }

    pub(crate) fn path(&mut self, now: Instant, direction: Direction) -> &mut Path {
        if self.paths.len() >= self.sweep_at {
            self.paths
                .retain(|_, path| path.is_bad || path.last_arrival > now);
            self.sweep_at = (2 * self.paths.len()).max(SWEEP_FROM);
        }
        self.paths.entry(direction).or_default()
    }
}
