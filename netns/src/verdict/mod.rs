//! Merges the journals of a run, and lets the reference model judge them.

mod court;
mod words;

use std::time::Duration;

use hobnob_sim::model::{ProcessId, Report};
use hobnob_wire::Instant;

use self::court::Court;
use crate::{
    Result,
    crew::Life,
    journal::{self, Entry},
};

/// What the journals say, in the order of time.
#[derive(Debug)]
pub struct Story {
    /// When it began, by the clock of the machine.
    start: Instant,
    entries: Vec<(Instant, ProcessId, Line)>,
}

/// A line of the story.
#[derive(Debug)]
enum Line {
    Entry(Entry),
    Killed,
}

impl Story {
    /// Reads the journals of all lives.
    ///
    /// # Errors
    ///
    /// If one can't be read.
    pub fn read(lives: &[Life]) -> Result<Self> {
        let mut entries = Vec::new();
        for life in lives {
            let process = ProcessId(life.process);
            let written = journal::read(&life.journal)?;
            let written = written.into_iter();
            entries.extend(written.map(|(at, entry)| (at, process, Line::Entry(entry))));
            entries.extend(life.killed_at.map(|at| (at, process, Line::Killed)));
        }
        // Stable: what one process wrote stays in its order.
        entries.sort_by_key(|(at, _, _)| *at);
        let start = entries.first().map_or(Instant::ZERO, |(at, _, _)| *at);
        Ok(Self { start, entries })
    }

    /// What the model says of it. The times in it begin with the story.
    pub fn judge(self, seed: u64) -> Report {
        let mut court = Court::default();
        let mut time = Duration::ZERO;
        for (at, process, line) in self.entries {
            time = at.saturating_since(self.start);
            court.hear(Instant::from_duration(time), process, line);
        }
        let mut report = court.close(seed);
        report.seeds = 1;
        report.time = time;
        report
    }
}
