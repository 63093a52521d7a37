//! What processes say of themselves: their values, and what others read of them.
//!
//! A process changes one value after the other, which makes a row of moments. Whoever reads its values reads one of
//! these, whole, and later never an earlier one. Which moment that is the implementation need not tell: it is the first
//! one that can be meant.

mod missaid;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
};

use hobnob_endpoint::wire::Generation;
use twox_hash::XxHash3_64;

pub use missaid::Missaid;

use super::{
    Model, Violation,
    fact::{Digest, ProcessId},
    view::Sighting,
};

/// A key and what it has.
type Value = (Arc<str>, Digest);

/// Something about the values of a process.
#[derive(Clone, Copy, Debug)]
pub enum Saying<'a> {
    /// It gave one of its own keys a value.
    Set {
        /// Which key.
        key: &'a str,
        /// What it has now.
        value: Digest,
    },
    /// It removed one of its own keys.
    Removed {
        /// Which key.
        key: &'a str,
    },
    /// It reports that another one has set or removed values.
    Changed {
        /// Where that is.
        addr: SocketAddr,
        /// Which process there.
        generation: Generation,
        /// Under which keys.
        keys: &'a [Arc<str>],
    },
    /// It reads what another one says. All changes of it were reported.
    Read {
        /// Where that is.
        addr: SocketAddr,
        /// Which process there.
        generation: Generation,
        /// All of it, in the order of the keys.
        values: &'a [Value],
    },
}

impl Saying<'_> {
    /// What it is in a table of what was done, if anything was.
    const fn done(&self) -> Option<&'static str> {
        match self {
            Self::Set { .. } => Some("set"),
            Self::Removed { .. } => Some("removed"),
            Self::Read { .. } => Some("read"),
            Self::Changed { .. } => None,
        }
    }
}

/// All that was said, and what was read of it.
#[derive(Debug, Default)]
pub(super) struct Sayings {
    said: BTreeMap<ProcessId, Said>,
    /// By reader, and by which process it is of.
    read: BTreeMap<ProcessId, BTreeMap<(SocketAddr, Generation), Read>>,
}

/// What one process said of itself, from its start on.
#[derive(Debug)]
struct Said {
    now: BTreeMap<Arc<str>, Digest>,
    /// Changes so far.
    moment: usize,
    /// At which moments it was what.
    moments: BTreeMap<u64, Vec<usize>>,
}

/// What was read last of a process.
#[derive(Debug, Default)]
struct Read {
    /// The first moment that can be meant.
    moment: usize,
    values: Vec<Value>,
    /// Keys of which it was reported since that they have changed.
    reported: BTreeSet<Arc<str>>,
}

impl Default for Said {
    fn default() -> Self {
        let nothing = fingerprint([]);
        Self {
            now: BTreeMap::new(),
            moment: 0,
            moments: BTreeMap::from([(nothing, vec![0])]),
        }
    }
}

impl Said {
    fn change(&mut self, key: &str, value: Option<Digest>) {
        match value {
            Some(value) => self.now.insert(Arc::from(key), value),
            None => self.now.remove(key),
        };
        self.moment += 1;
        let now = fingerprint(self.now.iter().map(|(key, value)| (&**key, *value)));
        self.moments.entry(now).or_default().push(self.moment);
    }

    fn moments_of(&self, values: &[Value]) -> &[usize] {
        let fingerprint = fingerprint(values.iter().map(|(key, value)| (&**key, *value)));
        self.moments.get(&fingerprint).map_or(&[], Vec::as_slice)
    }
}

impl Sayings {
    pub(super) fn stop(&mut self, process: ProcessId) {
        self.read.remove(&process);
    }

    /// A process was replaced: with it goes what was read of it.
    pub(super) fn forget(&mut self, by: ProcessId, process: (SocketAddr, Generation)) {
        if let Some(read) = self.read.get_mut(&by) {
            read.remove(&process);
        }
    }

    /// Whoever is not shown any more is forgotten; what is read of it when it comes back is read for the first time.
    pub(super) fn keep(&mut self, by: ProcessId, view: &[Sighting]) {
        if let Some(read) = self.read.get_mut(&by) {
            let shown: BTreeSet<(SocketAddr, Generation)> =
                view.iter().map(|it| (it.addr, it.generation)).collect();
            read.retain(|process, _| shown.contains(process));
        }
    }
}

impl Model {
    pub(super) fn judge_saying(&mut self, by: ProcessId, what: Saying<'_>) {
        if let Some(done) = what.done() {
            *self.endings.entry(("values", done)).or_default() += 1;
        }
        match what {
            Saying::Set { key, value } => self.note_said(by, key, Some(value)),
            Saying::Removed { key } => self.note_said(by, key, None),
            Saying::Changed {
                addr,
                generation,
                keys,
            } => {
                let read = self.sayings.read.entry(by).or_default();
                // Of whom nothing was read yet, nothing has to be reported.
                if let Some(read) = read.get_mut(&(addr, generation)) {
                    read.reported.extend(keys.iter().cloned());
                }
            }
            Saying::Read {
                addr,
                generation,
                values,
            } => {
                if let Err(missaid) = self.judge_read_values(by, (addr, generation), values) {
                    self.blame(Violation::Missaid(missaid));
                }
            }
        }
    }

    /// What `by` has not heard of what another one says, long after the faults are over, if there is anything. It was
    /// read by [`Saying::Read`] just before. Nobody tells one that is in nobody's view because of its name.
    pub fn first_unheard(&self, by: ProcessId) -> Option<Violation> {
        self.processes.get(by).filter(|it| !self.is_hidden(it))?;
        let read = self.sayings.read.get(&by)?;
        let here = read.iter().filter_map(|((addr, generation), read)| {
            let of = self.processes.id_of(*addr, *generation)?;
            let is_running = self.processes.get(of).is_some_and(|it| it.is_running);
            is_running.then_some((of, read))
        });
        here.filter_map(|(of, read)| Some((of, read, self.sayings.said.get(&of)?)))
            .find(|(_, read, said)| {
                let read = read.values.iter().map(|(key, value)| (key, value));
                !said.now.iter().eq(read)
            })
            .map(|(of, read, said)| {
                let last: Vec<Value> = said.now.clone().into_iter().collect();
                Violation::Missaid(Missaid::NotLast {
                    by,
                    of,
                    seen: text(&read.values),
                    said: text(&last),
                })
            })
    }

    fn note_said(&mut self, by: ProcessId, key: &str, value: Option<Digest>) {
        let said = self.sayings.said.entry(by).or_default();
        said.change(key, value);
    }

    fn judge_read_values(
        &mut self,
        by: ProcessId,
        process: (SocketAddr, Generation),
        values: &[Value],
    ) -> Result<(), Missaid> {
        // Who never was is reported as a stranger already.
        let Some(of) = self.processes.id_of(process.0, process.1) else {
            return Ok(());
        };
        let read = self.sayings.read.entry(by).or_default();
        let is_first = !read.contains_key(&process);
        let read = read.entry(process).or_default();
        let before = std::mem::replace(&mut read.values, values.to_vec());
        let reported = std::mem::take(&mut read.reported);
        let said = self.sayings.said.entry(of).or_default();
        let moments = said.moments_of(values);
        let place = moments.partition_point(|moment| *moment < read.moment);
        match moments.get(place) {
            Some(moment) => read.moment = *moment,
            None if moments.is_empty() => {
                let seen = text(values);
                return Err(Missaid::NeverSaid { by, of, seen });
            }
            None => {
                return Err(Missaid::WentBack {
                    by,
                    of,
                    seen: text(values),
                    before: text(&before),
                });
            }
        }
        let changed = before.iter().filter(|value| !values.contains(value));
        let new = values.iter().filter(|value| !before.contains(value));
        let unreported = changed.chain(new).find(|(key, _)| !reported.contains(key));
        match unreported.filter(|_| !is_first) {
            None => Ok(()),
            Some((key, _)) => Err(Missaid::Unreported {
                by,
                of,
                key: key.to_string(),
            }),
        }
    }
}

fn fingerprint<'a>(values: impl IntoIterator<Item = (&'a str, Digest)>) -> u64 {
    let mut bytes = Vec::new();
    for (key, Digest { len, hash }) in values {
        for number in [key.len() as u64, len as u64, hash] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(key.as_bytes());
    }
    XxHash3_64::oneshot(&bytes)
}

fn text(values: &[Value]) -> String {
    let mut text: Vec<String> = Vec::with_capacity(values.len());
    text.extend(values.iter().map(|(key, value)| format!("{key}: {value}")));
    format!("{{{}}}", text.join(", "))
}
