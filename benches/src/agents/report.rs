//! The figures of all rounds, side by side.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::Serialize;

use crate::{args::AgentOptions, machine::Machine, statistics::Spread};

/// What one round found out of one kind.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) kind: &'static str,
    pub(crate) round: u32,
    /// All have told that all others joined.
    pub(crate) joined: Duration,
    /// Of one core, a process.
    pub(crate) cpu_percent: f64,
    /// Resident, a process.
    pub(crate) memory_mib: f64,
    /// The first has told that the killed one failed.
    pub(crate) failed_first: Duration,
    /// The last has told so.
    pub(crate) failed_last: Duration,
    /// All have told that the leaving one left.
    pub(crate) left: Duration,
    /// Of all that should have been told, how much never was.
    pub(crate) missed: usize,
}

impl Figures {
    pub(crate) const fn new(kind: &'static str, round: u32, joined: Duration) -> Self {
        Self {
            kind,
            round,
            joined,
            cpu_percent: 0.0,
            memory_mib: 0.0,
            failed_first: Duration::ZERO,
            failed_last: Duration::ZERO,
            left: Duration::ZERO,
            missed: 0,
        }
    }
}

/// Everything a run has found out.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    agents: u32,
    rounds: u32,
    rest_seconds: f64,
    kinds: BTreeMap<&'static str, Vec<Row>>,
    figures: Vec<Figures>,
}

#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    unit: &'static str,
    value: Spread,
}

/// Takes one figure of a round.
type Take = fn(&Figures) -> f64;

#[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
const ROWS: [(&str, &str, Take); 7] = [
    ("all joined", "s", |f| f.joined.as_secs_f64()),
    ("CPU at rest, a process", "%", |f| f.cpu_percent),
    ("memory at rest, a process", "MiB", |f| f.memory_mib),
    ("kill -9, first to tell", "s", |f| {
        f.failed_first.as_secs_f64()
    }),
    ("kill -9, last to tell", "s", |f| {
        f.failed_last.as_secs_f64()
    }),
    ("leave, last to tell", "s", |f| f.left.as_secs_f64()),
    ("never told", "times", |f| f.missed as f64),
];

impl Report {
    pub(crate) fn new(options: &AgentOptions, figures: Vec<Figures>) -> Self {
        let mut by_kind: BTreeMap<&'static str, Vec<&Figures>> = BTreeMap::new();
        for one in &figures {
            by_kind.entry(one.kind).or_default().push(one);
        }
        let row = |of: &[&Figures], (name, unit, take): (&'static str, &'static str, Take)| Row {
            name,
            unit,
            value: Spread::of(of.iter().map(|figures| take(figures))),
        };
        let kinds = by_kind.iter();
        let kinds =
            kinds.map(|(kind, of)| (*kind, ROWS.iter().map(|rule| row(of, *rule)).collect()));
        Self {
            machine: Machine::this(),
            agents: options.agents,
            rounds: options.rounds,
            rest_seconds: options.rest.as_secs_f64(),
            kinds: kinds.collect(),
            figures,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            machine,
            agents,
            rounds,
            rest_seconds,
            kinds,
            ..
        } = self;
        writeln!(
            f,
            "{agents} agents of each kind on loopback, medians of {rounds} rounds (least to most), {rest_seconds} s at rest"
        )?;
        writeln!(
            f,
            "{} cores ({}), Linux {}",
            machine.cores, machine.cpu, machine.kernel
        )?;
        write!(f, "{:<28}", "")?;
        for kind in kinds.keys() {
            write!(f, "{kind:>30}")?;
        }
        writeln!(f)?;
        for (index, (name, unit, _)) in ROWS.iter().enumerate() {
            write!(f, "{:<28}", format!("{name}, {unit}"))?;
            for row in kinds.values().filter_map(|rows| rows.get(index)) {
                let Spread { median, min, max } = row.value;
                write!(f, "{:>30}", format!("{median:.2} ({min:.2} to {max:.2})"))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
