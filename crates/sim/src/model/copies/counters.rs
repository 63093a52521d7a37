//! Counters: what was added to each, and between what a copy must show it.

use std::collections::BTreeMap;

use super::{Copy, Misshare};
use crate::model::{Model, ProcessId, release::Among};

/// What each process has added to each counter.
#[derive(Debug, Default)]
pub(super) struct Counters {
    by_name: BTreeMap<String, BTreeMap<ProcessId, Added>>,
}

/// What one process has added to one counter, and what it has taken away, which is less than nothing.
#[derive(Debug, Default, Clone)]
struct Added {
    plus: i64,
    minus: i64,
}

/// How much a copy knows of what a process has added.
enum Known {
    All,
    Some,
    Nothing,
}

impl Counters {
    pub(super) fn add(&mut self, by: ProcessId, name: &str, delta: i64) {
        let counter = self.by_name.entry(name.to_owned()).or_default();
        let added = counter.entry(by).or_default();
        added.plus += delta.max(0);
        added.minus += delta.min(0);
    }

    /// Between what a counter must lie: a copy knows of a process all of what it has added and taken away, some of it,
    /// or nothing.
    fn bounds(&self, name: &str, known: impl Fn(ProcessId) -> Known) -> (i64, i64) {
        let added = self.by_name.get(name).into_iter().flatten();
        added.fold((0, 0), |(least, most), (process, added)| {
            let Added { plus, minus } = added;
            match known(*process) {
                Known::All => (least + plus + minus, most + plus + minus),
                Known::Some => (least + minus, most + plus),
                Known::Nothing => (least, most),
            }
        })
    }
}

impl Model {
    /// A copy reports that a counter has another value.
    pub(super) fn note_count(
        &mut self,
        by: ProcessId,
        name: &str,
        value: i64,
    ) -> Result<(), Misshare> {
        let copy = self.shared.copies.entry(by).or_default();
        copy.counters.insert(name.to_owned(), value);
        let bounds = self
            .shared
            .counters
            .bounds(name, |process| self.can_know_of(by, process));
        check_bounds(by, name, value, bounds)
    }

    /// The counters of a whole copy: they are as it reported them, and nothing is missing of what those have added who
    /// share with it.
    pub(super) fn judge_counters<'a>(
        &self,
        by: ProcessId,
        reported: &Copy,
        counters: impl IntoIterator<Item = (&'a str, i64)>,
    ) -> Result<(), Misshare> {
        for (name, value) in counters {
            let was = reported.counters.get(name).copied().unwrap_or_default();
            if was != value {
                return Err(Misshare::Unreported {
                    by,
                    key: name.to_owned(),
                    seen: value.to_string(),
                    reported: was.to_string(),
                });
            }
        }
        let is_running = |process| self.processes.get(process).is_some_and(|it| it.is_running);
        let known = |process| match self.can_know_of(by, process) {
            Known::Some if is_running(process) && self.share_with_each_other(by, process) => {
                Known::All
            }
            known => known,
        };
        for name in self.shared.counters.by_name.keys() {
            let value = reported.counters.get(name).copied().unwrap_or_default();
            let bounds = self.shared.counters.bounds(name, known);
            check_bounds(by, name, value, bounds)?;
        }
        Ok(())
    }

    fn can_know_of(&self, by: ProcessId, other: ProcessId) -> Known {
        match self.processes.are_linked(by, other, Among::All) {
            true => Known::Some,
            false => Known::Nothing,
        }
    }
}

fn check_bounds(by: ProcessId, name: &str, value: i64, bounds: (i64, i64)) -> Result<(), Misshare> {
    match (bounds.0..=bounds.1).contains(&value) {
        true => Ok(()),
        false => Err(Misshare::Miscounted {
            by,
            name: name.to_owned(),
            value,
            bounds,
        }),
    }
}
