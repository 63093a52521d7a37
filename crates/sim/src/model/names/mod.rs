//! To whom a name belongs: one process at a time that lives, the older one if it was there when the other came.

mod misname;

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use hobnob_endpoint::wire::{Generation, Instant};

pub use misname::Misname;

use super::{
    Model, Violation,
    fact::{Declared, ProcessId},
    processes::Process,
    view::Sighting,
};

/// How long a process has to be in company until its claim is that of an established one: longer than the time in which
/// it counts as new, and than it can have been stopped meanwhile.
pub const ESTABLISHED_AFTER: Duration = Duration::from_secs(30);

/// What a process reports of its own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// Another live process has the same name.
    Conflict {
        /// Where that is.
        addr: SocketAddr,
        /// Which process there.
        generation: Generation,
        /// Whether the name is the other one's.
        is_refused: bool,
    },
    /// The name is its own from now on.
    Free,
    /// Whether it is refused, as it shows it; all that led to it was reported.
    Shown {
        /// Whether it is.
        is_refused: bool,
    },
}

/// How a process stands to its name.
#[derive(Debug, Default)]
pub(super) struct Claim {
    /// Empty without one.
    pub(super) name: String,
    pub(super) is_refused: bool,
    /// Whether the last it was told is that it is refused.
    was_told_so: bool,
    /// Of whom it was told.
    told_of: Vec<ProcessId>,
}

impl Claim {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }
}

impl Process {
    /// Whether another process is in its way, or it in that one's.
    fn is_namesake_of(&self, other: &Self) -> bool {
        !self.claim.name.is_empty()
            && self.claim.name == other.claim.name
            && self.addr != other.addr
            && self.release.works_with(other.release)
    }

    fn is_going(&self) -> bool {
        self.declared == Declared::Offline
    }

    /// Whether it must make way for another one of its name that is not refused: one that is shutting down does, and is
    /// not refused for it.
    fn makes_way_for(&self, other: &Self) -> bool {
        let rank = |it: &Self| (it.is_going(), it.generations.last().copied(), it.addr);
        self.is_going() && rank(other) < rank(self)
    }

    /// Whether its claim cannot but win against that of a later generation.
    fn is_established(&self, now: Instant) -> bool {
        let accompanied_at = self.accompanied_at;
        accompanied_at.is_some_and(|at| at + ESTABLISHED_AFTER <= now)
            && !self.was_renewed()
            && !self.is_going()
    }
}

impl Model {
    pub(super) fn judge_naming(&mut self, by: ProcessId, what: Naming) {
        let judged = match what {
            Naming::Conflict {
                addr,
                generation,
                is_refused,
            } => self.note_conflict(by, (addr, generation), is_refused),
            Naming::Free => {
                if let Some(process) = self.processes.get_mut(by) {
                    process.claim.was_told_so = false;
                }
                self.count_naming("free");
                Ok(())
            }
            Naming::Shown { is_refused } => self.note_refusal(by, is_refused),
        };
        self.blame_misname(judged);
    }

    fn count_naming(&mut self, what: &'static str) {
        *self.endings.entry(("names", what)).or_default() += 1;
    }

    fn note_conflict(
        &mut self,
        by: ProcessId,
        (addr, generation): (SocketAddr, Generation),
        is_refused: bool,
    ) -> Result<(), Misname> {
        self.count_naming(if is_refused { "refused" } else { "kept" });
        let now = self.now;
        let other = self.processes.id_of(addr, generation);
        let Some(process) = self.processes.get_mut(by) else {
            return Ok(());
        };
        let has_yielded =
            is_refused && !std::mem::replace(&mut process.claim.was_told_so, is_refused);
        process.claim.told_of.extend(other);
        let Some(process) = self.processes.get(by) else {
            return Ok(());
        };
        let other = other.and_then(|other| self.processes.get(other));
        if !other.is_some_and(|other| other.is_namesake_of(process)) {
            return Err(Misname::NoNamesake {
                by,
                addr,
                generation,
            });
        }
        let has_met = |other: &Process| {
            other.is_namesake_of(process)
                && other.stopped_at.is_none_or(|at| at > process.started_at)
        };
        if is_refused && !self.processes.iter().any(|(_, other)| has_met(other)) {
            return Err(Misname::UniqueRefused { by });
        }
        let is_older = process.generations.last() < Some(&generation);
        match has_yielded && is_older && process.is_established(now) {
            true => Err(Misname::OlderRefused { by, addr }),
            false => Ok(()),
        }
    }

    fn note_refusal(&mut self, by: ProcessId, is_refused: bool) -> Result<(), Misname> {
        let Some(process) = self.processes.get_mut(by) else {
            return Ok(());
        };
        process.claim.is_refused = is_refused;
        match process.claim.was_told_so == is_refused {
            true => Ok(()),
            false => Err(Misname::Untold { by, is_refused }),
        }
    }

    /// One that was replaced by another one elsewhere made way for one of its name.
    pub(super) fn judge_replacement(
        &mut self,
        by: ProcessId,
        old: (SocketAddr, Generation),
        new: (SocketAddr, Generation),
    ) {
        let process = |(addr, generation)| self.processes.of(addr, generation);
        let are_namesakes = process(old)
            .zip(process(new))
            .is_some_and(|(old, new)| old.is_namesake_of(new));
        if old.0 != new.0 && !are_namesakes {
            self.blame_misname(Err(Misname::ReplacedByOther {
                by,
                addr: old.0,
                other: new.0,
            }));
        }
    }

    /// Of one name at most one is shown, whoever looks; itself included, unless it makes way.
    pub(super) fn check_shown_names(&mut self, by: ProcessId, view: &[Sighting]) {
        let Some(viewer) = self.processes.get(by) else {
            return;
        };
        let makes_way = viewer.claim.is_refused || viewer.goodbye.is_some() || viewer.is_going();
        let mut shown = BTreeMap::new();
        if !makes_way && !viewer.claim.name.is_empty() {
            shown.insert(&*viewer.claim.name, viewer.addr);
        }
        let mut twice = None;
        for sighting in view {
            let process = self.processes.of(sighting.addr, sighting.generation);
            let name = process.map_or("", |process| &*process.claim.name);
            if !name.is_empty()
                && let Some(other) = shown.insert(name, sighting.addr)
            {
                twice = Some((other, sighting.addr));
            }
        }
        if let Some(addrs) = twice {
            self.blame_misname(Err(Misname::ShownTwice { by, addrs }));
        }
    }

    /// The first name that is not one living process', in the end, or because of which somebody was not told or should
    /// not have been refused.
    pub fn first_misnamed(&self) -> Option<Violation> {
        self.processes
            .running()
            .find_map(|(by, process)| self.judge_name(by, process).err())
            .map(Violation::Misname)
    }

    fn judge_name(&self, by: ProcessId, process: &Process) -> Result<(), Misname> {
        if process.is_going() {
            return Ok(());
        }
        let mut holders = self.holders_instead_of(process);
        let holder = holders.find(|(_, other)| !other.is_going());
        let name = || process.claim.name.clone();
        match (holder, process.claim.is_refused) {
            (None, false) => Ok(()),
            (None, true) => Err(Misname::Unheld { name: name(), by }),
            (Some((other, _)), false) => Err(Misname::HeldTwice {
                name: name(),
                one: by,
                other,
            }),
            (Some((holder, it)), true) if !it.claim.told_of.contains(&by) => {
                Err(Misname::HolderUntold { holder, other: by })
            }
            (Some(_), true) => Ok(()),
        }
    }

    /// Whether a process has no place in any view because of its name: a living one that is refused it or makes way, or
    /// one that is no more and has lost it.
    pub(super) fn is_hidden(&self, process: &Process) -> bool {
        if process.claim.is_refused && process.is_running {
            return true;
        }
        let mut holders = self.holders_instead_of(process);
        holders.any(|(_, other)| !process.is_running || process.makes_way_for(other))
    }

    /// The others that live under the name of a process, and are not refused.
    fn holders_instead_of(&self, process: &Process) -> impl Iterator<Item = (ProcessId, &Process)> {
        let running = self.processes.running();
        running.filter(|(_, other)| !other.claim.is_refused && other.is_namesake_of(process))
    }

    fn blame_misname(&mut self, judged: Result<(), Misname>) {
        if let Err(misname) = judged {
            self.blame(Violation::Misname(misname));
        }
    }
}
