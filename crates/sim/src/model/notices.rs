//! What a node reports of the others while it lives: in which order, and whether that is what it shows.
//!
//! Of one process at one address the order is: up, then changes, then left, failed or replaced. One that failed may
//! come up again, or turn out to have left. One that has left has; one that was replaced at its own address is not
//! heard of again. One whose name is another's may be, once the name is free.

use std::{collections::BTreeMap, fmt, net::SocketAddr};

use hobnob_endpoint::wire::Generation;
use thiserror::Error;

use super::{
    Model, Violation,
    fact::ProcessId,
    view::{Seen, Sighting},
};

/// What a node reports of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It is part of the cluster.
    Up(Seen),
    /// It is seen as something else.
    Changed {
        /// As what it was.
        from: Seen,
        /// As what it is.
        to: Seen,
    },
    /// It says something else about itself.
    SaidOtherwise,
    /// It is gone: left, or failed.
    Gone(Seen),
    /// Another process is in its place.
    Replaced {
        /// Where that is.
        addr: SocketAddr,
        /// Which process there.
        generation: Generation,
    },
}

/// A report that should not have come, or something shown that was not reported.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Misreport {
    /// Nobody is or was that process.
    #[error("{by} reports {addr}, generation {}, which never was: {notice}", generation.0)]
    Stranger {
        /// Who reports it.
        by: ProcessId,
        /// Where.
        addr: SocketAddr,
        /// Which process.
        generation: Generation,
        /// As what.
        notice: Notice,
    },
    /// A process was reported that does not work with the one that reports it.
    #[error("{by} reports {addr}, generation {}, which it does not work with: {notice}", generation.0)]
    Foreigner {
        /// Who reports it.
        by: ProcessId,
        /// Where.
        addr: SocketAddr,
        /// Which process.
        generation: Generation,
        /// As what.
        notice: Notice,
    },
    /// A process was said not to work with one that it works with.
    #[error("{by} reports that it does not work with {addr}, generation {}, and it does", generation.0)]
    Excluded {
        /// Who reports it.
        by: ProcessId,
        /// Where.
        addr: SocketAddr,
        /// Which process.
        generation: Generation,
    },
    /// It does not follow from what was reported before.
    #[error("{by} reports {addr}, generation {}, {notice}; before that it was {before}", generation.0)]
    OutOfTurn {
        /// Who reports it.
        by: ProcessId,
        /// Where.
        addr: SocketAddr,
        /// Which process.
        generation: Generation,
        /// What is reported.
        notice: Notice,
        /// How it was seen before.
        before: String,
    },
    /// Of an address an earlier process was reported after a later one.
    #[error("{by} reports {addr}, generation {}, after generation {}", generation.0, after.0)]
    GenerationBack {
        /// Who reports it.
        by: ProcessId,
        /// Where.
        addr: SocketAddr,
        /// Which process.
        generation: Generation,
        /// Of which it knew.
        after: Generation,
    },
    /// A process was said to have said goodbye, and did not.
    #[error("{by} reports that {addr}, generation {}, left; it never said so", generation.0)]
    NeverLeft {
        /// Who reports it.
        by: ProcessId,
        /// Where.
        addr: SocketAddr,
        /// Which process.
        generation: Generation,
    },
    /// A process that had said goodbye was reported as failed, or as back.
    #[error("{by} reports {addr}, generation {}, {notice}; it had reported that it left", generation.0)]
    LeftTakenBack {
        /// Who reports it.
        by: ProcessId,
        /// Where.
        addr: SocketAddr,
        /// Which process.
        generation: Generation,
        /// What is reported.
        notice: Notice,
    },
    /// What a node shows is not what it has reported.
    #[error("{by} shows {addr} as {shown}; it has reported {reported}")]
    Unreported {
        /// Who shows it.
        by: ProcessId,
        /// Where.
        addr: SocketAddr,
        /// As what it is shown.
        shown: String,
        /// As what it was reported.
        reported: String,
    },
    /// A node reports twice that it is alone, or that it is not.
    #[error("{by} reports again that it is {}", if *is_alone { "alone" } else { "in company" })]
    CompanyAgain {
        /// Who does.
        by: ProcessId,
        /// What it reports.
        is_alone: bool,
    },
}

/// What one process has reported so far.
#[derive(Debug, Default)]
pub(super) struct Noticed {
    nodes: BTreeMap<SocketAddr, (Generation, Seen)>,
    /// The last process of each address that was reported, and whether a later one took its place there.
    latest: BTreeMap<SocketAddr, (Generation, bool)>,
    is_accompanied: bool,
}

impl Model {
    /// Judges what a node reports of the process of that generation at `addr`.
    pub(super) fn judge_notice(
        &mut self,
        by: ProcessId,
        addr: SocketAddr,
        generation: Generation,
        notice: Notice,
    ) {
        let id = self.processes.id_of(addr, generation);
        let Some((id, process)) = id.and_then(|id| Some((id, self.processes.get(id)?))) else {
            return self.blame_misreport(Misreport::Stranger {
                by,
                addr,
                generation,
                notice,
            });
        };
        let has_left = process.goodbye.is_some();
        if !self.processes.work_together(by, id) {
            self.blame_misreport(Misreport::Foreigner {
                by,
                addr,
                generation,
                notice,
            });
        }
        if let Notice::Replaced {
            addr: at,
            generation: next,
        } = notice
        {
            self.sayings.forget(by, (addr, generation));
            self.judge_replacement(by, (addr, generation), (at, next));
        }
        let says_left = matches!(notice, Notice::Gone(Seen::Left))
            || matches!(notice, Notice::Changed { to: Seen::Left, .. });
        if says_left && !has_left {
            self.blame_misreport(Misreport::NeverLeft {
                by,
                addr,
                generation,
            });
        }
        let reported = self.noticed.entry(by).or_default();
        if let Err(misreport) = reported.take(by, addr, generation, notice) {
            self.blame_misreport(misreport);
        }
    }

    /// A node reports that it is alone, or that it is not.
    pub(super) fn judge_company(&mut self, by: ProcessId, is_alone: bool) {
        let reported = self.noticed.entry(by).or_default();
        let now = self.now;
        if let Some(process) = self.processes.get_mut(by).filter(|_| !is_alone) {
            process.accompanied_at.get_or_insert(now);
        }
        let was_alone = !std::mem::replace(&mut reported.is_accompanied, !is_alone);
        if was_alone == is_alone {
            self.blame_misreport(Misreport::CompanyAgain { by, is_alone });
        }
    }

    /// Judges what a node shows: what it has reported. Who is gone for long need not be shown any more.
    pub fn check_shown(&mut self, by: ProcessId, view: impl IntoIterator<Item = Sighting>) {
        let view: Vec<Sighting> = view.into_iter().collect();
        self.sayings.keep(by, &view);
        self.check_shown_names(by, &view);
        self.check_reported(by, &view);
    }

    /// A process says of another one that it does not work with it.
    pub(super) fn judge_exclusion(
        &mut self,
        by: ProcessId,
        addr: SocketAddr,
        generation: Generation,
    ) {
        let whom = self.processes.id_of(addr, generation);
        if whom.is_none_or(|whom| self.processes.work_together(by, whom)) {
            self.blame_misreport(Misreport::Excluded {
                by,
                addr,
                generation,
            });
        }
    }

    fn check_reported(&mut self, by: ProcessId, view: &[Sighting]) {
        let nodes = &self.noticed.entry(by).or_default().nodes;
        let mut here = nodes.values().filter(|(_, seen)| !seen.is_gone()).count();
        let mut wrong = None;
        for sighting in view {
            let reported = nodes.get(&sighting.addr).copied();
            if reported != Some((sighting.generation, sighting.seen)) {
                wrong.get_or_insert((sighting.addr, Some(*sighting)));
            }
            here = here.saturating_sub(usize::from(!sighting.seen.is_gone()));
        }
        if wrong.is_none() && here > 0 {
            // Somebody was reported and is not shown; who it is, the trace tells.
            let anybody = nodes.iter().find(|(_, (_, seen))| !seen.is_gone());
            wrong = anybody.map(|(addr, _)| (*addr, None));
        }
        let Some((addr, shown)) = wrong else { return };
        let reported = nodes.get(&addr).map(|(generation, seen)| Sighting {
            addr,
            generation: *generation,
            seen: *seen,
        });
        let text = |it: Option<Sighting>| it.map_or("nobody".to_owned(), |it| it.to_string());
        let (shown, reported) = (text(shown), text(reported));
        self.blame_misreport(Misreport::Unreported {
            by,
            addr,
            shown,
            reported,
        });
    }

    fn blame_misreport(&mut self, misreport: Misreport) {
        self.blame(Violation::Misreport(misreport));
    }
}

impl Noticed {
    fn take(
        &mut self,
        by: ProcessId,
        addr: SocketAddr,
        generation: Generation,
        notice: Notice,
    ) -> Result<(), Misreport> {
        let before = self.nodes.get(&addr).copied();
        let latest = self.latest.get(&addr).copied();
        match notice {
            Notice::Replaced { .. } => self.nodes.remove(&addr),
            Notice::Up(seen) | Notice::Gone(seen) | Notice::Changed { to: seen, .. } => {
                self.latest.insert(addr, (generation, false));
                self.nodes.insert(addr, (generation, seen))
            }
            Notice::SaidOtherwise => before,
        };
        if let Notice::Replaced { addr: at, .. } = notice
            && at == addr
            && let Some((_, replaced)) = self.latest.get_mut(&addr)
        {
            *replaced = true;
        }
        if let Some((after, _)) = latest.filter(|(latest, _)| *latest > generation) {
            return Err(Misreport::GenerationBack {
                by,
                addr,
                generation,
                after,
            });
        }
        let was = before.filter(|(known, _)| *known == generation);
        let was = was.map(|(_, seen)| seen);
        if was == Some(Seen::Left) && !matches!(notice, Notice::Replaced { .. }) {
            return Err(Misreport::LeftTakenBack {
                by,
                addr,
                generation,
                notice,
            });
        }
        let was_replaced = latest == Some((generation, true));
        let is_in_turn = match notice {
            Notice::Up(_) if was_replaced => false,
            Notice::Up(seen) => !seen.is_gone() && (before.is_none() || was == Some(Seen::Failed)),
            Notice::Changed { from, to } if was == Some(from) => match (from, to) {
                (Seen::Failed, to) => to == Seen::Left,
                (from, to) => from != to && !to.is_gone(),
            },
            Notice::Changed { .. } => false,
            Notice::SaidOtherwise => was.is_some_and(|was| !was.is_gone()),
            Notice::Gone(seen) => seen.is_gone() && was.is_some_and(|was| !was.is_gone()),
            Notice::Replaced {
                addr: at,
                generation: next,
            } => was.is_some() && (at != addr || next > generation),
        };
        match is_in_turn {
            true => Ok(()),
            false => Err(Misreport::OutOfTurn {
                by,
                addr,
                generation,
                notice,
                before: match before {
                    _ if was_replaced => "replaced".to_owned(),
                    None => "not known".to_owned(),
                    Some((generation, seen)) => Sighting {
                        addr,
                        generation,
                        seen,
                    }
                    .to_string(),
                },
            }),
        }
    }
}

impl Misreport {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Stranger { .. } => "stranger-reported",
            Self::Foreigner { .. } => "foreigner-reported",
            Self::Excluded { .. } => "wrongly-excluded",
            Self::OutOfTurn { .. } => "report-out-of-turn",
            Self::GenerationBack { .. } => "generation-back",
            Self::NeverLeft { .. } => "never-left",
            Self::LeftTakenBack { .. } => "left-taken-back",
            Self::Unreported { .. } => "shown-unreported",
            Self::CompanyAgain { .. } => "company-again",
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up(seen) => write!(f, "up as {seen}"),
            Self::Changed { from, to } => write!(f, "changed from {from} to {to}"),
            Self::SaidOtherwise => f.write_str("saying something else"),
            Self::Gone(seen) => write!(f, "gone as {seen}"),
            Self::Replaced { addr, generation } => {
                write!(f, "replaced by {addr}, generation {}", generation.0)
            }
        }
    }
}
