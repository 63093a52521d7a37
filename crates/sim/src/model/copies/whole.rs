//! Whole copies, when the faults are over: each is what was reported of it, and all are equal.

use super::{Copy, Last, Misshare, Value, here, text};
use crate::model::{Model, ProcessId, Violation};

impl Model {
    /// Judges the copy of one process when the faults are over and it says that it is as all others: it is what was
    /// reported of it, and what the others have.
    pub fn check_copy<'a>(
        &mut self,
        by: ProcessId,
        entries: impl IntoIterator<Item = (&'a str, Value)>,
        counters: impl IntoIterator<Item = (&'a str, i64)>,
    ) {
        let judged = self.judge_copy(by, entries, counters);
        self.blame_misshare(judged);
    }

    /// Two copies are not known to be equal, long after the faults are over: what it is that differs.
    pub fn differing(&self, by: ProcessId, other: ProcessId) -> Violation {
        let differ = self.judge_equal(by, other);
        Violation::Misshare(
            differ
                .err()
                .unwrap_or(Misshare::NotKnownEqual { by, other }),
        )
    }

    fn judge_copy<'a>(
        &self,
        by: ProcessId,
        entries: impl IntoIterator<Item = (&'a str, Value)>,
        counters: impl IntoIterator<Item = (&'a str, i64)>,
    ) -> Result<(), Misshare> {
        let empty = Copy::default();
        let reported = self.shared.copies.get(&by).unwrap_or(&empty);
        let mut unseen = reported.entries.iter();
        for (key, value) in entries {
            self.judge_read(by, key, Some(value))?;
            // In the order of keys: what is passed over is not there.
            let passed = unseen.by_ref().take_while(|(other, _)| *other != key);
            absent(by, passed)?;
        }
        absent(by, unseen)?;
        self.judge_counters(by, reported, counters)?;
        let mut running = self.processes.running();
        let first = running.find(|(other, _)| self.share_with_each_other(by, *other));
        first.map_or(Ok(()), |(first, _)| self.judge_equal(by, first))
    }

    fn judge_equal(&self, by: ProcessId, other: ProcessId) -> Result<(), Misshare> {
        let empty = Copy::default();
        let [mine, others] = [by, other].map(|it| self.shared.copies.get(&it).unwrap_or(&empty));
        let differ = |key: &str, seen, others| Misshare::CopiesDiffer {
            by,
            key: key.to_owned(),
            seen,
            other,
            others,
        };
        for key in mine.entries.keys().chain(others.entries.keys()) {
            let [a, b] = [mine, others].map(|copy| here(copy.entries.get(key)));
            if a != b {
                return Err(differ(key, text(a), text(b)));
            }
        }
        for name in mine.counters.keys().chain(others.counters.keys()) {
            let [a, b] = [mine, others].map(|it| it.counters.get(name).copied().unwrap_or(0));
            if a != b {
                return Err(differ(name, a.to_string(), b.to_string()));
            }
        }
        Ok(())
    }
}

/// What is not in a copy was removed there.
fn absent<'a>(
    by: ProcessId,
    mut passed: impl Iterator<Item = (&'a String, &'a Last)>,
) -> Result<(), Misshare> {
    match passed.find(|(_, last)| !last.is_removed) {
        None => Ok(()),
        Some((key, last)) => Err(Misshare::Unreported {
            by,
            key: key.clone(),
            seen: text(None),
            reported: last.to_string(),
        }),
    }
}
