//! What the nodes share: what was written, what each copy showed of it, and whether that can be.
//!
//! The versions of writes are names that can be ordered, and no more: which write is the later one is the
//! implementation's to say, as long as one that has seen another is later than that, and nobody goes back.

mod counters;
mod misshare;
mod sharing;
mod whole;

use std::{collections::BTreeMap, fmt};

use hobnob_endpoint::shared::Version;

pub use misshare::Misshare;
pub use sharing::{Sharing, Value};

use self::counters::Counters;
use super::{
    Model, Violation,
    fact::{Digest, ProcessId},
    release::Among,
};

/// All that was written, and what every running process has of it.
#[derive(Debug, Default)]
pub(super) struct Shared {
    writes: BTreeMap<(String, Version), (Digest, ProcessId)>,
    /// How often each key was removed by anybody.
    removals: BTreeMap<String, u64>,
    copies: BTreeMap<ProcessId, Copy>,
    counters: Counters,
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

impl Shared {
    pub(super) fn stop(&mut self, process: ProcessId) {
        self.copies.remove(&process);
    }

    fn last(&self, by: ProcessId, key: &str) -> Option<&Last> {
        self.copies.get(&by)?.entries.get(key)
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
                self.shared.counters.add(by, name, delta);
                Ok(())
            }
            Sharing::Counted { name, value } => self.note_count(by, name, value),
        };
        self.blame_misshare(judged);
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
