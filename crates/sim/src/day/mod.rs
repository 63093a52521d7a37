//! A bad day, from a seed: a cluster, what its nodes say to each other, and what goes wrong.
//!
//! # Phases
//!
//! 1. A *plan* is drawn: how many nodes, which membership profile, how small their queues are, how much they
//!    talk and in which sizes, how slow their handlers are, which kinds of faults there are and how often.
//!    Each seed is another kind of day; some days have only one kind of fault.
//! 2. *Trouble*: nodes call each other, write to what they share, and say things of themselves, while the faults come and
//!    go. Each call, each run of a handler and each end of a call is told to the [model](crate::model), and after each
//!    step of a node its queues and tables are held against their limits.
//! 3. *Quiet*: the faults end, nobody calls any more. Every call must end, every queue must become empty, every
//!    node must see the cluster as it is and read what all others said last, and all must have the same of what they
//!    share.
//! 4. *Clean*: everybody calls everybody once more. All of that must succeed, and handlers whose callers have
//!    given up must learn of it at once.
//!
//! # Promises
//!
//! The same scenario and seed give the same day, byte for byte. A panic of a core is a violation of that day,
//! not the end of the run.

mod calls;
mod checks;
mod crew;
mod dice;
mod endings;
mod fan_outs;
mod handlers;
mod load;
mod membership;
mod names;
mod payload;
mod plan;
mod quiet;
mod sharing;
mod sides;
mod trace;
mod values;
mod weather;

use std::{fmt, str::FromStr, time::Duration};

use hobnob_endpoint::wire::Instant;

use crate::{Conditions, Fate, Fault, Sim, model::Report};
use crew::Crew;
use dice::Dice;
use plan::Plan;
use trace::Trace;
use weather::Weather;

/// A kind of days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// Anything.
    Any,
    /// A bad network: loss, duplication, reordering, corruption, latency.
    Loss,
    /// Partitions.
    Partition,
    /// Crashes and restarts.
    Restart,
    /// Processes that are stopped and go on.
    Pause,
    /// Sixteen senders into one slow link: its busy share, and what the slowest sender gets.
    Bulk,
    /// Messages of 1 MiB over 5 % loss and a round trip of 20 ms: their goodput.
    Large,
    /// Every link is saturated: nobody may be suspected.
    Saturated,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Any,
        Self::Loss,
        Self::Partition,
        Self::Restart,
        Self::Pause,
        Self::Bulk,
        Self::Large,
        Self::Saturated,
    ];

    /// The name by which it is chosen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Loss => "loss",
            Self::Partition => "partition",
            Self::Restart => "restart",
            Self::Pause => "pause",
            Self::Bulk => "bulk",
            Self::Large => "large",
            Self::Saturated => "saturated",
        }
    }

    /// Whether it is about load, and not about faults.
    const fn is_load(self) -> bool {
        matches!(self, Self::Bulk | Self::Large | Self::Saturated)
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|it| it.name() == name);
        found.ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("no scenario {name:?}; there are {names}")
        })
    }
}

/// Makes a stream of random numbers of its own.
const WORDS_SALT: u64 = 0x6e61_6d65_735f_6f66;

/// Chance for what nodes say of themselves: kept apart, so that the other days of a seed are as they were without it.
fn words(seed: u64) -> Dice {
    Dice::new(seed ^ WORDS_SALT)
}

/// Says what kind of day a seed is.
pub fn describe(scenario: Scenario, seed: u64) -> String {
    Plan::draw(scenario, &mut Dice::new(seed), &mut words(seed)).to_string()
}

/// Lives through the day of a seed.
pub fn run(scenario: Scenario, seed: u64) -> Report {
    run_with(scenario, seed, None)
}

/// The same, and tells `sink` everything that happens, a line each, without line ends.
pub fn run_traced(
    scenario: Scenario,
    seed: u64,
    sink: impl FnMut(&str) + Send + 'static,
) -> Report {
    run_with(scenario, seed, Some(Trace::new(Box::new(sink))))
}

fn run_with(scenario: Scenario, seed: u64, trace: Option<Trace>) -> Report {
    let mut dice = Dice::new(seed);
    let plan = Plan::draw(scenario, &mut dice, &mut words(seed));
    let crew = Crew::new(plan.clone(), dice.split());
    let mut sim = Sim::new(seed, Conditions::LAN, crew);
    if let Some(trace) = trace {
        trace.follow(&mut sim);
        sim.app.trace = Some(trace);
    }
    let mut weather = Weather::new(plan.faults.clone(), dice.split(), Instant::ZERO);
    weather.expect(&plan);
    let mut report = Report {
        seeds: 1,
        ..Report::default()
    };
    gather(&mut sim, &plan);
    match scenario.is_load() {
        true => load::run(scenario, &mut sim, &mut dice, &mut report),
        false => trouble(&mut sim, &plan, &mut weather),
    }
    quiet::run(&mut sim, &plan);
    report.time = sim.now().saturating_since(Instant::ZERO);
    report.datagrams = sim.datagrams_sent();
    for fault in Fault::ALL {
        report.add_faults(fault.name(), sim.counters().fault(*fault));
    }
    for fate in Fate::ALL.iter().filter(|fate| **fate != Fate::Sent) {
        report.add_fates(fate.name(), sim.counters().fate(*fate));
    }
    for (kind, count) in weather.done {
        report.add_faults(kind, count);
    }
    report.add_model(seed, &sim.app.model);
    report
}

/// Starts the nodes.
fn gather(sim: &mut Sim<Crew>, plan: &Plan) {
    for node in 0..plan.nodes {
        start(sim, plan, node);
    }
}

/// Starts the `index`th node.
fn start(sim: &mut Sim<Crew>, plan: &Plan, index: usize) {
    sim.start(plan.metadata(index), |config| plan.configure(index, config));
}

fn trouble(sim: &mut Sim<Crew>, plan: &Plan, weather: &mut Weather) {
    let end = sim.now() + plan.trouble;
    while sim.now() < end {
        let next = weather.next_at().unwrap_or(end).min(end);
        let span = next.saturating_since(sim.now());
        if sim.run_until(span, |sim| !sim.app.left.is_empty()) {
            see_off(sim, weather);
        } else {
            weather.blow(sim);
        }
    }
    weather.clear(sim);
    // Goodbyes that are under way come to their end.
    let longest = Duration::from_secs(5);
    while sim.run_until(longest, |sim| !sim.app.left.is_empty()) {
        see_off(sim, weather);
    }
    weather.clear(sim);
}

/// The processes of those who have left end.
fn see_off(sim: &mut Sim<Crew>, weather: &mut Weather) {
    for node in std::mem::take(&mut sim.app.left) {
        weather.on_left(sim, node);
    }
}
