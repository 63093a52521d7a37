//! How time passes in a cluster.

use std::{future::Future, time::Duration};

use hobnob::Mesh;
use hobnob_endpoint::wire::Instant;
use tokio::task::JoinHandle;

use super::{Arrival, Cluster, process};
use crate::{counters::Fate, node::NodeId, record::Seen};

/// Virtual time that a task may take before it counts as one that never ends.
const TASK_TIME_MAX: Duration = Duration::from_secs(600);

/// Times a process may fill its socket and go on at one moment: beyond it counts as one that never waits.
const SENDS_AT_ONCE_MAX: u32 = 10_000;

/// Steps at one moment of virtual time, at most: far more than any burst takes.
const STEPS_AT_ONCE_MAX: u32 = 1_000_000;

/// Something under way on a node, begun by [`Cluster::spawn`]. Dropped, it goes on by itself.
#[derive(Debug)]
#[must_use = "wait for it, or nobody learns how it ended"]
pub struct Task<T> {
    handle: JoinHandle<T>,
}

impl<T> Task<T> {
    /// Whether it has come to its end.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }
}

impl Cluster {
    /// Lets time pass: exactly this much, virtually, and as little as possible really.
    ///
    /// # Panics
    ///
    /// With the panic or the error of a set-up; and when a node never waits for anything, which would stop the
    /// clock for all. That is noticed of a set-up, of a task begun by [`spawn`](Self::spawn), and of nodes that
    /// send each other datagrams; a handler that yields for ever hangs the test.
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    /// Lets time pass until `done`, which is asked after everything that happens, at most for `time`. Says
    /// whether it came to that.
    ///
    /// # Panics
    ///
    /// As [`run_for`](Self::run_for).
    pub fn run_until(&mut self, time: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.clock.now() + time;
        self.settle();
        loop {
            if done(self) {
                return true;
            }
            if !self.step(end) {
                return done(self);
            }
        }
    }

    /// Runs something on a node to its end, and lets as much time pass as that takes.
    ///
    /// # Panics
    ///
    /// When the node is down or frozen, or goes down meanwhile; when it is not done after ten minutes of
    /// virtual time; and as [`run_for`](Self::run_for). A panic of the task itself goes on here.
    pub fn run<W, F>(&mut self, node: NodeId, work: W) -> F::Output
    where
        W: FnOnce(Mesh) -> F + Send + 'static,
        F: Future<Output: Send> + Send,
    {
        assert!(
            !self.member(node).is_frozen,
            "{} is frozen: thaw it first",
            self.title(node)
        );
        let task = self.spawn(node, work);
        let output = self.wait(task);
        output.unwrap_or_else(|| panic!("{} went down under its task", self.title(node)))
    }

    /// Begins something on a node, for [`wait`](Self::wait) to wait for. It goes on whenever time passes.
    ///
    /// # Panics
    ///
    /// When the node is down.
    pub fn spawn<W, F>(&mut self, node: NodeId, work: W) -> Task<F::Output>
    where
        W: FnOnce(Mesh) -> F + Send + 'static,
        F: Future<Output: Send> + Send,
    {
        let process = self.process(node);
        let mesh = process.mesh().clone();
        let handle = process.spawn(async move { work(mesh).await });
        Task { handle }
    }

    /// Lets time pass until a task is done. `None` when its node went down before.
    ///
    /// # Panics
    ///
    /// When it is not done after ten minutes of virtual time, and as [`run_for`](Self::run_for). A panic of the
    /// task itself goes on here.
    pub fn wait<T>(&mut self, mut task: Task<T>) -> Option<T> {
        let end = self.clock.now() + TASK_TIME_MAX;
        self.settle();
        loop {
            if let Some(ended) = process::poll(&mut task.handle) {
                return ended;
            }
            assert!(
                self.step(end),
                "a task is not done after {TASK_TIME_MAX:?} of virtual time"
            );
        }
    }

    /// Whatever was done to nodes while no time passed happens now.
    pub(super) fn settle(&mut self) {
        assert_outside_of_runtimes();
        for node in self.ids() {
            self.run_node(node);
        }
    }

    /// Goes to the next thing that happens, or to `end` if nothing does by then. Says whether anything did.
    fn step(&mut self, end: Instant) -> bool {
        let due = self.members.iter().filter_map(super::Member::due);
        let next = due.chain(self.network.next_arrival()).min();
        let Some(next) = next.filter(|next| *next <= end) else {
            self.clock.advance_to(end);
            return false;
        };
        self.note_progress(next);
        self.clock.advance_to(next);
        let now = self.clock.now();
        // The network first: a node reads its socket before it believes its timers.
        while let Some(arrival) = self.network.arrive(now) {
            self.deliver(now, &arrival);
        }
        for node in self.ids() {
            if self.members[node.0].due().is_some_and(|due| due <= now) {
                self.run_node(node);
            }
        }
        true
    }

    fn deliver(&mut self, now: Instant, arrival: &Arrival) {
        let member = &mut self.members[arrival.node.0];
        let fate = match &member.process {
            None => Fate::LostToNobody,
            Some(process) if !process.deliver(arrival) => Fate::LostAtSocket,
            Some(_) => {
                let reads_at = now + member.host.wake_delay;
                member.reads_at = Some(member.reads_at.map_or(reads_at, |at| at.min(reads_at)));
                Fate::Arrived
            }
        };
        let seen = Seen {
            from: arrival.from,
            to: arrival.to,
            bytes: &arrival.bytes,
        };
        self.network.record.datagram(now, fate, seen);
    }

    /// Lets a node's process do all it has to do at this moment, unless it is down or frozen.
    pub(super) fn run_node(&mut self, node: NodeId) {
        let (now, from) = (self.clock.now(), self.address(node));
        let member = &mut self.members[node.0];
        let Some(process) = member.process.as_mut().filter(|_| !member.is_frozen) else {
            return;
        };
        member.reads_at = None;
        process.run();
        let mut rounds = 0;
        while let Some((to, datagram)) = process.take_sent() {
            self.network.send(now, node, from, to, datagram);
            while let Some((to, datagram)) = process.take_sent() {
                self.network.send(now, node, from, to, datagram);
            }
            // Who waited for room in the socket has it now.
            process.run();
            rounds += 1;
            assert!(
                rounds < SENDS_AT_ONCE_MAX,
                "time does not go on: {from} sends and sends and never waits"
            );
        }
        member.wakes_at = process.due();
        if let Some(Err(error)) = process.take_set() {
            panic!("the set-up of {} failed: {error}", self.title(node));
        }
    }

    fn note_progress(&mut self, next: Instant) {
        let moves = next > self.clock.now();
        self.steps_at_once = if moves { 0 } else { self.steps_at_once + 1 };
        assert!(
            self.steps_at_once < STEPS_AT_ONCE_MAX,
            "time does not go on at {next}"
        );
    }
}

/// tokio's own words would be about something that nobody has asked for.
pub(super) fn assert_outside_of_runtimes() {
    assert!(
        tokio::runtime::Handle::try_current().is_err(),
        "a cluster has runtimes of its own: use it in an ordinary #[test], outside of any runtime"
    );
}
