//! Two whole nodes, any sequence of operations, and the reference model's judgement.
//!
//! The input is a short setting (which limits are tiny, whether the nodes are members of one cluster), then
//! three bytes for each operation: a call, an answer, a step of time, or something that is done to a process
//! or to a datagram on its way. After each operation the model is told what could be seen of it. In the end
//! the faults stop and time goes on, until nothing is left that has not ended.

mod calls;
mod course;
mod handlers;
mod network;
mod node;
mod payload;
mod processes;
mod script;
mod seeds;
mod world;

pub(crate) use seeds::seeds;

use hobnob_endpoint::wire::Instant;
use hobnob_sim::model::{Fact, Model};

use world::World;

/// Where a run is noted.
#[derive(Clone, Copy, Debug)]
struct Journal {
    write: Option<fn(String)>,
}

impl Journal {
    fn note(self, line: impl FnOnce() -> String) {
        if let Some(write) = self.write {
            write(line());
        }
    }
}

/// Whatever is done to two nodes, in whatever order, they keep what they promise, and come to rest.
///
/// # Panics
///
/// If that does not hold for the operations in `data`.
pub fn operations(data: &[u8]) {
    run(data, Journal { write: None });
}

/// The same, giving every operation and what comes of it to `write`, a line at a time.
///
/// # Panics
///
/// As [`operations`].
pub fn show_operations(data: &[u8], write: fn(String)) {
    run(data, Journal { write: Some(write) });
}

fn run(data: &[u8], journal: Journal) {
    let (setting, steps) = script::read(data);
    let mut world = World::new(setting, journal);
    for step in steps {
        if world.is_spent() {
            break;
        }
        world.step(step);
    }
    world.end();
}

/// The facts of one moment.
struct Told<'m> {
    model: &'m mut Model,
    now: Instant,
    journal: Journal,
}

impl Told<'_> {
    /// # Panics
    ///
    /// When the fact breaks a promise.
    fn tell(&mut self, fact: &Fact<'_>) {
        self.journal.note(|| format!("  {fact:?}"));
        let is_right = self.model.observe(self.now, fact);
        if let Some((_, violation)) = self.model.violations().first() {
            panic!("{violation}");
        }
        assert!(is_right, "{fact:?} breaks a promise");
    }
}
