//! What runs on the nodes, and what it is given to work with.

use std::{collections::BTreeSet, time::Duration};

use hobnob_endpoint::{
    Endpoint, Event,
    wire::{Generation, Instant},
};

use crate::node::NodeId;

/// What runs on the nodes: one value for all of them, told each time which process it is about.
pub trait Application {
    /// A process came up: the moment to register commands and to greet a seed.
    fn on_start(&mut self, at: &mut At<'_>) {
        let _ = at;
    }

    /// A node reports something. What is done to the endpoint here is sent at once.
    fn on_event(&mut self, at: &mut At<'_>, event: Event);

    /// A timer of the process went off: the one set with `token` by [`At::wake_in`].
    fn on_wake(&mut self, at: &mut At<'_>, token: u64) {
        let _ = (at, token);
    }

    /// The process has run until nothing was left to do: its events are handed out, its datagrams sent. To look
    /// at it, not to act.
    fn on_idle(&mut self, at: &At<'_>) {
        let _ = at;
    }
}

/// An application that ignores everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Idle;

impl Application for Idle {
    fn on_event(&mut self, _: &mut At<'_>, _: Event) {}
}

/// One process at one moment.
pub struct At<'a> {
    /// On which node it runs.
    pub node: NodeId,
    /// The generation it was started with. One that proved stale was raised since:
    /// `endpoint.sessions().generation()` is what the others see.
    pub generation: Generation,
    /// What the node's clock shows: the time its endpoint lives in.
    pub now: Instant,
    /// The virtual time of the whole world, which no process can see.
    pub world_now: Instant,
    /// The node itself.
    pub endpoint: &'a mut Endpoint,
    pub(crate) wakes: &'a mut Wakes,
    pub(crate) is_unsent: &'a mut bool,
}

impl At<'_> {
    /// Sets a timer of the process: `after` this, on the node's clock, [`Application::on_wake`] is called with
    /// `token`. It dies with the process; one that is due while the process is paused goes off when it is
    /// resumed.
    pub fn wake_in(&mut self, after: Duration, token: u64) {
        self.wakes.set(self.now + after, token);
    }

    /// Leaves what was added here unsent until the process runs for another reason: as when a caller adds a
    /// message while the driver sleeps, and nobody flushes at once.
    pub const fn leave_unsent(&mut self) {
        *self.is_unsent = true;
    }
}

/// The timers of one process, in due order; equally due ones in the order in which they were set.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    due: BTreeSet<(Instant, u64, u64)>,
    count: u64,
}

impl Wakes {
    fn set(&mut self, at: Instant, token: u64) {
        self.count += 1;
        self.due.insert((at, self.count, token));
    }

    /// When the next one goes off, by the node's clock.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(at, ..)| *at)
    }

    /// How many were set so far.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// The next one that is due, taken out, if it is among the first `count` that were set.
    pub(crate) fn pop(&mut self, now: Instant, count: u64) -> Option<u64> {
        let is_due = |(at, number, _): &&(Instant, u64, u64)| *at <= now && *number <= count;
        self.due.first().filter(is_due)?;
        self.due.pop_first().map(|(.., token)| token)
    }
}
