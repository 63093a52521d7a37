//! What the nodes share: what was written, what each copy showed of it, and whether that can be.
//!
//! The versions of writes are names that can be ordered, and no more: which write is the later one is the
//! implementation's to say, as long as one that has seen another is later than that, and nobody goes back.

mod misshare;

use std::{collections::BTreeMap, fmt};

use hobnob_endpoint::shared::Version;

pub use misshare::Misshare;

use super::{
    Model, Violation,
    fact::{Digest, ProcessId},
    release::Among,
};

/// A key's value as one copy has it: which write it is, and what that wrote.
pub type Value = (Version, Digest);

/// Something that happened to shared data.
#[derive(Clone, Copy, Debug)]
pub enum Sharing<'a> {
    /// A key was given a value.
    Wrote {
        /// Which key.
        key: &'a str,
        /// The write, and the value.
        value: Value,
    },
    /// A key that had a value was removed.
    Removed {
        /// Which key.
        key: &'a str,
    },
    /// A key was to be given a value if it had a certain one; what was done is told besides.
    Compared {
        /// Which key.
        key: &'a str,
        /// Which write it was to be, `None` if there was to be no value.
        expected: Option<Version>,
        /// Whether it was.
        was_equal: bool,
    },
    /// A copy reports that a key has another value, or none any more.
    Changed {
        /// Which key.
        key: &'a str,
        /// What it has now.
        value: Option<Value>,
    },
    /// Somebody read a key, all changes of which were reported.
    Read {
        /// Which key.
        key: &'a str,
        /// What it has.
        value: Option<Value>,
    },
    /// Something was added to a counter.
    Added {
        /// Which counter.
        name: &'a str,
        /// How much; less than nothing if it was taken away.
        delta: i64,
    },
    /// A copy reports that a counter has another value.
    Counted {
        /// Which counter.
        name: &'a str,
        /// What it has.
        value: i64,
    },
}

impl Sharing<'_> {
    /// What it is in a table of what was done, if anything was.
    const fn done(&self) -> Option<&'static str> {
        match self {
            Self::Wrote { .. } => Some("written"),
            Self::Removed { .. } => Some("removed"),
            Self::Added { .. } => Some("added"),
            Self::Compared {
                was_equal: true, ..
            } => Some("compared: equal"),
            Self::Compared { .. } => Some("compared: other"),
            Self::Changed { .. } | Self::Read { .. } | Self::Counted { .. } => None,
        }
    }
}

/// All that was written, and what every running process has of it.
#[derive(Debug, Default)]
pub(super) struct Shared {
    writes: BTreeMap<(String, Version), (Digest, ProcessId)>,
    /// How often each key was removed by anybody.
    removals: BTreeMap<String, u64>,
    copies: BTreeMap<ProcessId, Copy>,
    counters: BTreeMap<String, BTreeMap<ProcessId, Added>>,
}

/// What one process has reported.
#[derive(Debug, Default, Clone)]
struct Copy {
    entries: BTreeMap<String, Last>,
    counters: BTreeMap<String, i64>,
}

/// The last that was seen of a key: what it had last, and whether that was removed since.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Last {
    value: Value,
    is_removed: bool,
}

/// How much a copy knows of what a process has added.
enum Known {
    All,
    Some,
    Nothing,
}

/// What one process has added to one counter, and what it has taken away, which is less than nothing.
#[derive(Debug, Default, Clone)]
struct Added {
    plus: i64,
    minus: i64,
}

impl Shared {
    pub(super) fn stop(&mut self, process: ProcessId) {
        self.copies.remove(&process);
    }

    fn last(&self, by: ProcessId, key: &str) -> Option<&Last> {
        self.copies.get(&by)?.entries.get(key)
    }

    /// Between what a counter must lie: a copy knows of a process all of what it has added and taken away, some of it,
    /// or nothing.
    fn bounds(&self, name: &str, known: impl Fn(ProcessId) -> Known) -> (i64, i64) {
        let added = self.counters.get(name).into_iter().flatten();
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
    pub(super) fn judge_sharing(&mut self, by: ProcessId, fact: Sharing<'_>) {
        if let Some(done) = fact.done() {
            *self.endings.entry(("shared", done)).or_default() += 1;
        }
        let judged = match fact {
            Sharing::Wrote { key, value } => self.note_write(by, key, value),
            Sharing::Removed { key } => {
                *self.shared.removals.entry(key.to_owned()).or_default() += 1;
                match self.shared.last(by, key) {
                    Some(last) if !last.is_removed => Ok(()),
                    _ => Err(Misshare::Unreported {
                        by,
                        key: key.to_owned(),
                        seen: "a value that can be removed".to_owned(),
                        reported: "none".to_owned(),
                    }),
                }
            }
            Sharing::Compared {
                key,
                expected,
                was_equal,
            } => self.judge_comparison(by, key, expected, was_equal),
            Sharing::Changed { key, value } => self.note_change(by, key, value),
            Sharing::Read { key, value } => self.judge_read(by, key, value),
            Sharing::Added { name, delta } => {
                let counter = self.shared.counters.entry(name.to_owned()).or_default();
                let added = counter.entry(by).or_default();
                added.plus += delta.max(0);
                added.minus += delta.min(0);
                Ok(())
            }
            Sharing::Counted { name, value } => self.note_count(by, name, value),
        };
        self.blame_misshare(judged);
    }

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
        for name in self.shared.counters.keys() {
            let value = reported.counters.get(name).copied().unwrap_or_default();
            let is_running = |process| self.processes.get(process).is_some_and(|it| it.is_running);
            let bounds = self
                .shared
                .bounds(name, |process| match self.can_know_of(by, process) {
                    Known::Some
                        if is_running(process) && self.share_with_each_other(by, process) =>
                    {
                        Known::All
                    }
                    known => known,
                });
            check_bounds(by, name, value, bounds)?;
        }
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

    fn note_write(&mut self, by: ProcessId, key: &str, value: Value) -> Result<(), Misshare> {
        let (version, digest) = value;
        let name = (key.to_owned(), version);
        let is_taken = self.shared.writes.insert(name, (digest, by)).is_some();
        match self.shared.last(by, key) {
            Some(last) if is_taken || last.value.0 >= version => Err(Misshare::WrittenBefore {
                by,
                key: key.to_owned(),
                written: version.to_string(),
                before: last.to_string(),
            }),
            _ => Ok(()),
        }
    }

    fn note_change(
        &mut self,
        by: ProcessId,
        key: &str,
        value: Option<Value>,
    ) -> Result<(), Misshare> {
        let was_written = match value {
            Some((version, digest)) => {
                let name = (key.to_owned(), version);
                let written = self.shared.writes.get(&name);
                written.is_some_and(|(written, writer)| {
                    *written == digest && self.processes.are_linked(*writer, by, Among::All)
                })
            }
            None => self.shared.removals.contains_key(key),
        };
        let copy = self.shared.copies.entry(by).or_default();
        let before = copy.entries.get(key).cloned();
        match (value, copy.entries.get_mut(key)) {
            (Some(value), _) => {
                let is_removed = false;
                let last = Last { value, is_removed };
                copy.entries.insert(key.to_owned(), last);
            }
            (None, Some(last)) => last.is_removed = true,
            (None, None) => {}
        }
        if !was_written {
            return Err(Misshare::Unwritten {
                by,
                key: key.to_owned(),
                seen: text(value),
            });
        }
        let went_back = match (value, &before) {
            (Some((version, _)), Some(before)) => version <= before.value.0,
            (Some(_), None) => false,
            (None, before) => before.as_ref().is_none_or(|before| before.is_removed),
        };
        match went_back {
            true => Err(Misshare::WentBack {
                by,
                key: key.to_owned(),
                seen: text(value),
                before: before.map_or("nothing".to_owned(), |before| before.to_string()),
            }),
            false => Ok(()),
        }
    }

    fn judge_read(&self, by: ProcessId, key: &str, value: Option<Value>) -> Result<(), Misshare> {
        let reported = here(self.shared.last(by, key));
        match reported == value {
            true => Ok(()),
            false => Err(Misshare::Unreported {
                by,
                key: key.to_owned(),
                seen: text(value),
                reported: text(reported),
            }),
        }
    }

    fn judge_comparison(
        &self,
        by: ProcessId,
        key: &str,
        expected: Option<Version>,
        was_equal: bool,
    ) -> Result<(), Misshare> {
        let has = here(self.shared.last(by, key)).map(|(version, _)| version);
        if was_equal == (has == expected) {
            return Ok(());
        }
        let text = |it: Option<Version>| it.map_or("nothing".to_owned(), |it| it.to_string());
        Err(Misshare::ComparedWrongly {
            by,
            key: key.to_owned(),
            has: text(has),
            expected: text(expected),
            was_equal,
        })
    }

    fn note_count(&mut self, by: ProcessId, name: &str, value: i64) -> Result<(), Misshare> {
        let copy = self.shared.copies.entry(by).or_default();
        copy.counters.insert(name.to_owned(), value);
        let bounds = self
            .shared
            .bounds(name, |process| self.can_know_of(by, process));
        check_bounds(by, name, value, bounds)
    }

    fn can_know_of(&self, by: ProcessId, other: ProcessId) -> Known {
        match self.processes.are_linked(by, other, Among::All) {
            true => Known::Some,
            false => Known::Nothing,
        }
    }

    fn blame_misshare(&mut self, judged: Result<(), Misshare>) {
        if let Err(misshare) = judged {
            self.blame(Violation::Misshare(misshare));
        }
    }
}

/// What a key has, if it has a value.
fn here(last: Option<&Last>) -> Option<Value> {
    last.filter(|last| !last.is_removed).map(|last| last.value)
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

fn text(value: Option<Value>) -> String {
    value.map_or("nothing".to_owned(), |(version, digest)| {
        format!("{digest} of {version}")
    })
}

impl fmt::Display for Last {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gone = if self.is_removed { ", removed" } else { "" };
        write!(f, "{}{gone}", text(Some(self.value)))
    }
}
