//! The processes there were, and what each has open.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use hobnob_endpoint::wire::{Generation, Instant};

use super::{
    TIMER_SLACK,
    fact::{CallId, Declared, ProcessId},
    names::Claim,
    release::Release,
};

/// All processes, dead ones included.
#[derive(Debug, Default)]
pub(super) struct Processes {
    all: BTreeMap<ProcessId, Process>,
    /// Those of each address, in the order of their starts.
    at: BTreeMap<SocketAddr, Vec<ProcessId>>,
    stops: usize,
}

/// One life of a node.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) addr: SocketAddr,
    /// The generations it went under, the present one last.
    pub(super) generations: Vec<Generation>,
    pub(super) started_at: Instant,
    pub(super) is_running: bool,
    pub(super) stopped_at: Option<Instant>,
    /// When it first was not alone.
    pub(super) accompanied_at: Option<Instant>,
    pub(super) claim: Claim,
    pub(super) release: Release,
    pub(super) declared: Declared,
    pub(super) goodbye: Option<Goodbye>,
    /// Its open calls by deadline.
    pub(super) due: BTreeSet<(Instant, CallId)>,
    /// The requests it works on, by the time until which an answer is wanted.
    pub(super) work: BTreeSet<(Instant, CallId)>,
    /// The last message handled of each stream of each sender.
    pub(super) streams: BTreeMap<(ProcessId, u64), u64>,
}

/// A goodbye that is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goodbye {
    confirmed: usize,
    total: usize,
    stops_before: usize,
}

type Dues = Vec<(Instant, CallId)>;

impl Processes {
    pub(super) fn start(
        &mut self,
        now: Instant,
        process: ProcessId,
        addr: SocketAddr,
        generation: Generation,
    ) {
        self.at.entry(addr).or_default().push(process);
        let started = Process {
            addr,
            generations: vec![generation],
            started_at: now,
            is_running: true,
            stopped_at: None,
            accompanied_at: None,
            claim: Claim::default(),
            release: Release::default(),
            declared: Declared::Online,
            goodbye: None,
            due: BTreeSet::new(),
            work: BTreeSet::new(),
            streams: BTreeMap::new(),
        };
        let earlier = self.all.insert(process, started);
        assert!(earlier.is_none(), "{process} is the number of another one");
    }

    pub(super) fn introduce(&mut self, process: ProcessId, name: &str, release: Release) {
        if let Some(it) = self.all.get_mut(&process) {
            it.claim = Claim::new(name);
            it.release = release;
        }
    }

    /// The process goes on under another generation. Gives the one before, if that was not earlier.
    pub(super) fn renew(
        &mut self,
        process: ProcessId,
        generation: Generation,
    ) -> Option<Generation> {
        let it = self.all.get_mut(&process)?;
        let before = it.generations.last().copied();
        it.generations.push(generation);
        before.filter(|before| *before >= generation)
    }

    pub(super) fn declare(&mut self, process: ProcessId, state: Declared) {
        if let Some(it) = self.all.get_mut(&process) {
            it.declared = state;
        }
    }

    pub(super) fn leave(&mut self, process: ProcessId, confirmed: usize, total: usize) {
        // Its own stop, which follows, is none of those who know.
        let stops_before = self.stops + 1;
        if let Some(it) = self.all.get_mut(&process) {
            it.goodbye = Some(Goodbye {
                confirmed,
                total,
                stops_before,
            });
        }
    }

    /// The process is no more. Gives the calls it had open.
    pub(super) fn stop(
        &mut self,
        now: Instant,
        process: ProcessId,
    ) -> Option<BTreeSet<(Instant, CallId)>> {
        let it = self.all.get_mut(&process).filter(|it| it.is_running)?;
        it.is_running = false;
        it.stopped_at = Some(now);
        it.work.clear();
        self.stops += 1;
        Some(std::mem::take(&mut it.due))
    }

    /// Takes out the calls and the work that should be over by `now`.
    pub(super) fn take_overdue(
        &mut self,
        process: ProcessId,
        now: Instant,
    ) -> Option<(Dues, Dues)> {
        let it = self.all.get_mut(&process)?;
        let (due, work) = (overdue(&it.due, now), overdue(&it.work, now));
        if due.is_empty() && work.is_empty() {
            return None;
        }
        due.iter().for_each(|entry| _ = it.due.remove(entry));
        work.iter().for_each(|entry| _ = it.work.remove(entry));
        Some((due, work))
    }

    pub(super) fn get(&self, process: ProcessId) -> Option<&Process> {
        self.all.get(&process)
    }

    pub(super) fn get_mut(&mut self, process: ProcessId) -> Option<&mut Process> {
        self.all.get_mut(&process)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ProcessId, &Process)> {
        self.all.iter().map(|(process, it)| (*process, it))
    }

    pub(super) fn running(&self) -> impl Iterator<Item = (ProcessId, &Process)> {
        self.iter().filter(|(_, it)| it.is_running)
    }

    /// The last process of each address.
    pub(super) fn newest(&self) -> impl Iterator<Item = (ProcessId, &Process)> {
        let newest = self.at.values().filter_map(|lives| lives.last());
        newest.filter_map(|process| Some((*process, self.all.get(process)?)))
    }

    /// Whether `process` is the last one at its address.
    pub(super) fn is_newest(&self, process: ProcessId) -> bool {
        self.newest_at_place_of(process) == Some(process)
    }

    /// The last process at the address of `process`.
    pub(super) fn newest_at_place_of(&self, process: ProcessId) -> Option<ProcessId> {
        let addr = self.all.get(&process)?.addr;
        self.at.get(&addr)?.last().copied()
    }

    pub(super) fn newest_at(&self, addr: SocketAddr) -> Option<ProcessId> {
        self.at.get(&addr)?.last().copied()
    }

    /// Whether a process at `addr` is no more.
    pub(super) fn any_stopped_at(&self, addr: SocketAddr) -> bool {
        let mut lives = self.at.get(&addr).into_iter().flatten();
        lives.any(|life| self.all.get(life).is_some_and(|it| !it.is_running))
    }

    /// The process at `addr` that went under `generation`.
    pub(super) fn of(&self, addr: SocketAddr, generation: Generation) -> Option<&Process> {
        self.all.get(&self.id_of(addr, generation)?)
    }

    /// Which process at `addr` went under `generation`. Two may, if nobody ever heard of the first one's; then it is the
    /// later one.
    pub(super) fn id_of(&self, addr: SocketAddr, generation: Generation) -> Option<ProcessId> {
        let went_under = |life: &&ProcessId| {
            let process = self.all.get(life);
            process.is_some_and(|it| it.generations.contains(&generation))
        };
        self.at.get(&addr)?.iter().rev().find(went_under).copied()
    }

    /// Whether the process of that generation at `addr` has a successor: one that was started after it, even
    /// with a clock behind, or that went under a later generation.
    pub(super) fn has_successor(&self, addr: SocketAddr, generation: Generation) -> bool {
        let lives = self.at.get(&addr).into_iter().flatten();
        let mut generations = lives
            .filter_map(|life| self.all.get(life))
            .map(|it| &it.generations)
            .skip_while(|them| !them.iter().any(|it| *it >= generation));
        let first = generations.next();
        first.is_some_and(|them| them.iter().any(|it| *it > generation))
            || generations.next().is_some()
    }

    /// Whether everybody must know of the goodbye: more have confirmed it than have died or left since, so one
    /// of them is there to pass it on.
    pub(super) const fn must_be_known(&self, goodbye: Goodbye) -> bool {
        goodbye.confirmed == goodbye.total
            && goodbye.confirmed > self.stops.saturating_sub(goodbye.stops_before)
    }
}

impl Process {
    pub(super) const fn was_renewed(&self) -> bool {
        self.generations.len() > 1
    }
}

fn overdue(dues: &BTreeSet<(Instant, CallId)>, now: Instant) -> Dues {
    dues.iter()
        .take_while(|(deadline, _)| *deadline + TIMER_SLACK < now)
        .copied()
        .collect()
}
