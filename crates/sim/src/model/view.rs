//! How a node sees the cluster, and how the cluster is.

use std::{collections::BTreeMap, fmt, net::SocketAddr};

use hobnob_endpoint::wire::Generation;

use super::{
    Model, Violation,
    fact::{Declared, ProcessId},
    processes::Process,
};

/// A node as another one sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Where.
    pub addr: SocketAddr,
    /// Which process.
    pub generation: Generation,
    /// As what.
    pub seen: Seen,
}

/// As what a node is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// There, in the state it declared.
    Here(Declared),
    /// Maybe gone.
    Suspect,
    /// Gone, by its own word.
    Left,
    /// Gone, by the others' word.
    Failed,
}

impl Seen {
    /// Whether it is no part of the cluster any more.
    pub const fn is_gone(self) -> bool {
        matches!(self, Self::Left | Self::Failed)
    }
}

impl Model {
    /// The first thing that `by` does not see as it is, if there is any. It must see every living process but itself
    /// that works with it and is not refused its name, in the state it declared. Those that are gone it need not list,
    /// but if it does, then as gone: as left if they said goodbye to enough others that somebody remains who heard it.
    /// None is listed that does not work with it, is refused, or has lost its name to one that lives.
    pub fn wrong_view(
        &self,
        by: ProcessId,
        view: impl IntoIterator<Item = Sighting>,
    ) -> Option<Violation> {
        let own = self.processes.get(by)?.addr;
        let mut view: BTreeMap<SocketAddr, Sighting> =
            view.into_iter().map(|it| (it.addr, it)).collect();
        let others = self.processes.newest().filter(|(_, it)| it.addr != own);
        for (other, process) in others {
            let sighting = view.remove(&process.addr);
            let is_right = match self.processes.work_together(by, other) {
                true => self.is_right(process, sighting),
                false => sighting.is_none(),
            };
            if !is_right {
                return Some(Violation::WrongView {
                    by,
                    addr: process.addr,
                    seen: sighting.map_or("nobody".to_owned(), |it| it.to_string()),
                    expected: self.truth(by, other, process),
                });
            }
        }
        let stranger = view.into_values().next()?;
        Some(Violation::WrongView {
            by,
            addr: stranger.addr,
            seen: stranger.to_string(),
            expected: "nobody".to_owned(),
        })
    }

    fn is_right(&self, process: &Process, sighting: Option<Sighting>) -> bool {
        let Some(sighting) = sighting else {
            return !process.is_running || self.is_hidden(process);
        };
        if process.is_running {
            return !self.is_hidden(process)
                && sighting.seen == Seen::Here(process.declared)
                && process.generations.last() == Some(&sighting.generation);
        }
        // Nobody may have met the last process; then the one before it stays listed.
        let Some(listed) = self.processes.of(sighting.addr, sighting.generation) else {
            return false;
        };
        match (listed.goodbye, sighting.seen) {
            _ if self.is_hidden(listed) => false,
            (Some(_), Seen::Left) => true,
            (Some(goodbye), Seen::Failed) => !self.processes.must_be_known(goodbye),
            (None, seen) => seen == Seen::Failed,
            (Some(_), _) => false,
        }
    }

    fn truth(&self, by: ProcessId, id: ProcessId, process: &Process) -> String {
        let generation = process.generations.last().copied().unwrap_or_default();
        match process.goodbye {
            _ if !self.processes.work_together(by, id) => "none that works with it".to_owned(),
            _ if self.is_hidden(process) => {
                format!("not the one of its name, generation {}", generation.0)
            }
            _ if process.is_running => {
                format!("{:?}, generation {}", process.declared, generation.0)
            }
            Some(_) => format!("left, generation {}", generation.0),
            None => format!("failed, generation {}", generation.0),
        }
    }
}

impl fmt::Display for Sighting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, generation {}", self.seen, self.generation.0)
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here(declared) => write!(f, "{declared:?}"),
            seen => write!(f, "{seen:?}"),
        }
    }
}
