//! Which processes have anything to do with each other.

use std::collections::BTreeSet;

use super::{Model, fact::ProcessId, processes::Processes};

/// What a process declares of its application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    /// Which application it is.
    pub application: u32,
    /// Which version of it.
    pub version: u32,
    /// The first version that it works with, and the first one that it does not work with any more; it works with all
    /// if there are none.
    pub range: Option<(u32, u32)>,
}

impl Release {
    /// Whether two processes see and call each other: neither excludes the other.
    pub fn works_with(self, other: Self) -> bool {
        self.application == other.application && self.accepts(other) && other.accepts(self)
    }

    fn accepts(self, other: Self) -> bool {
        let (from, until) = self.range.unwrap_or((0, u32::MAX));
        (from..until).contains(&other.version)
    }
}

/// Among whom something can be passed on from one to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Among {
    /// All that ever were.
    All,
    /// Those that live.
    Living,
}

impl Processes {
    /// Whether two processes work together.
    pub(super) fn work_together(&self, one: ProcessId, other: ProcessId) -> bool {
        let releases = self.get(one).zip(self.get(other));
        releases.is_some_and(|(one, other)| one.release.works_with(other.release))
    }

    /// Whether what one process knows can come to the other, by way of those who work with both.
    pub(super) fn are_linked(&self, one: ProcessId, other: ProcessId, among: Among) -> bool {
        let Some((one, other)) = self.get(one).zip(self.get(other)) else {
            return false;
        };
        if one.release == other.release {
            return true;
        }
        let them = self.iter().map(|(_, it)| it);
        let them = them.filter(|it| among == Among::All || it.is_running);
        let mut unreached: BTreeSet<Release> = them.map(|it| it.release).collect();
        let mut reached = vec![one.release];
        while let Some(from) = reached.pop() {
            if from == other.release {
                return true;
            }
            let next = unreached.iter().filter(|to| from.works_with(**to));
            let next: Vec<Release> = next.copied().collect();
            unreached.retain(|to| !next.contains(to));
            reached.extend(next);
        }
        false
    }
}

impl Model {
    /// Whether two living processes come to have the same of what all share. One that is hidden because of its name is in
    /// nobody's view, so nobody cares whether it has heard everything.
    pub fn share_with_each_other(&self, one: ProcessId, other: ProcessId) -> bool {
        let is_hidden = |process| {
            let process = self.processes.get(process);
            process.is_some_and(|it| self.is_hidden(it))
        };
        let are_seen = one == other || !is_hidden(one) && !is_hidden(other);
        are_seen && self.processes.are_linked(one, other, Among::Living)
    }
}
