//! What comes of a trial.

use std::{ops::AddAssign, time::Duration};

/// What came of a trial; those of several seeds add up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// Reports of healthy nodes as failed.
    pub false_downs: u64,
    /// How long it took until all who joined knew all.
    pub joined: Vec<Duration>,
    /// Clusters in which it never came to that.
    pub never_joined: u64,
    /// How long after each leave the last of the others knew of it.
    pub left: Vec<Duration>,
    /// Leaves that were not known to all in time.
    pub leaves_missed: u64,
    /// How long it took from each crash until the first of the others reported it.
    pub first: Vec<Duration>,
    /// How long from there until the last did.
    pub last: Vec<Duration>,
    /// Crashes that were never reported by all.
    pub unnoticed: u64,
    /// Node seconds over which load was measured.
    pub node_seconds: u64,
    /// Datagrams that were sent meanwhile.
    pub datagrams: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bad nodes, each time they turned bad.
    pub bad: u64,
    /// Those of them whom some healthy node held for alive when they had been bad for long.
    pub not_removed: u64,
    /// Reports of bad nodes as back although they still were bad and had been removed.
    pub revived: u64,
    /// Bad nodes that were not back everywhere some time after they were healthy again.
    pub not_back: u64,
}

impl AddAssign for Findings {
    fn add_assign(&mut self, other: Self) {
        self.false_downs += other.false_downs;
        self.joined.extend(other.joined);
        self.never_joined += other.never_joined;
        self.left.extend(other.left);
        self.leaves_missed += other.leaves_missed;
        self.first.extend(other.first);
        self.last.extend(other.last);
        self.unnoticed += other.unnoticed;
        self.node_seconds += other.node_seconds;
        self.datagrams += other.datagrams;
        self.bytes += other.bytes;
        self.bad += other.bad;
        self.not_removed += other.not_removed;
        self.revived += other.revived;
        self.not_back += other.not_back;
    }
}
