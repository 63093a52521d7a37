//! What was run, and what came of it.

use std::{collections::BTreeMap, fmt, ops::AddAssign, time::Duration};

use super::{Model, Violation};

/// A summary of one run or of many. Reports add up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Runs with a seed of their own.
    pub seeds: u64,
    /// Time that passed in them, by the clocks of the clusters.
    pub time: Duration,
    /// Datagrams that were sent.
    pub datagrams: u64,
    /// What became of them.
    pub fates: BTreeMap<String, u64>,
    /// Faults by kind.
    pub faults: BTreeMap<String, u64>,
    /// Messages by kind and outcome.
    pub messages: BTreeMap<(String, String), u64>,
    /// Figures that a scenario measured: the sum of their values, and how many there are.
    pub figures: BTreeMap<String, (f64, u64)>,
    /// What was broken, and in which run.
    pub violations: Vec<Broken>,
}

/// A violation of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which run.
    pub seed: u64,
    /// [`Violation::name`].
    pub name: &'static str,
    /// When or where, what was expected and what was seen.
    pub text: String,
}

impl Report {
    /// Takes in what a model saw in the run of `seed`.
    pub fn add_model(&mut self, seed: u64, model: &Model) {
        for ((kind, ending), count) in model.endings() {
            *self
                .messages
                .entry((kind.into(), ending.into()))
                .or_default() += count;
        }
        for (at, violation) in model.violations() {
            self.add_violation(seed, &format!("at {at}"), violation);
        }
    }

    /// Takes in a violation that no model saw.
    pub fn add_violation(&mut self, seed: u64, place: &str, violation: &Violation) {
        self.violations.push(Broken {
            seed,
            name: violation.name(),
            text: format!("{place}: {violation}"),
        });
    }

    /// Takes in a measured value.
    pub fn add_figure(&mut self, name: &str, value: f64) {
        let (sum, count) = self.figures.entry(name.into()).or_default();
        *sum += value;
        *count += 1;
    }

    /// Counts faults of a kind.
    pub fn add_faults(&mut self, kind: &str, count: u64) {
        if count > 0 {
            *self.faults.entry(kind.into()).or_default() += count;
        }
    }

    /// Counts datagrams by what became of them.
    pub fn add_fates(&mut self, fate: &str, count: u64) {
        if count > 0 {
            *self.fates.entry(fate.into()).or_default() += count;
        }
    }

    /// The first seed in which something was broken, by number.
    pub fn first_failed(&self) -> Option<u64> {
        self.violations.iter().map(|broken| broken.seed).min()
    }
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.time += other.time;
        self.datagrams += other.datagrams;
        for (fate, count) in other.fates {
            *self.fates.entry(fate).or_default() += count;
        }
        for (kind, count) in other.faults {
            *self.faults.entry(kind).or_default() += count;
        }
        for (key, count) in other.messages {
            *self.messages.entry(key).or_default() += count;
        }
        for (name, (sum, count)) in other.figures {
            let figure = self.figures.entry(name).or_default();
            figure.0 += sum;
            figure.1 += count;
        }
        self.violations.extend(other.violations);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.time.as_secs_f64() / 3_600.0;
        writeln!(
            f,
            "{} seeds, {hours:.2} virtual hours, {} datagrams",
            self.seeds, self.datagrams
        )?;
        for (fate, count) in &self.fates {
            writeln!(f, "  {fate:<28} {count:>12}")?;
        }
        let faults: u64 = self.faults.values().sum();
        writeln!(f, "faults: {faults}")?;
        for (kind, count) in &self.faults {
            writeln!(f, "  {kind:<28} {count:>12}")?;
        }
        let messages: u64 = self.messages.values().sum();
        writeln!(f, "messages: {messages}")?;
        for ((kind, outcome), count) in &self.messages {
            writeln!(f, "  {kind:<10} {outcome:<17} {count:>12}")?;
        }
        for (name, (sum, count)) in &self.figures {
            #[allow(clippy::cast_precision_loss, reason = "a few thousand at most")]
            let mean = sum / *count as f64;
            writeln!(f, "{name}: {mean:.3} (mean of {count})")?;
        }
        writeln!(f, "violations: {}", self.violations.len())?;
        let mut kinds: BTreeMap<&str, (u64, &Broken)> = BTreeMap::new();
        for broken in &self.violations {
            let (count, first) = kinds.entry(broken.name).or_insert((0, broken));
            *count += 1;
            if broken.seed < first.seed {
                *first = broken;
            }
        }
        for (name, (count, first)) in kinds {
            let Broken { seed, text, .. } = first;
            writeln!(f, "  {name}: {count}, first in seed {seed} {text}")?;
        }
        Ok(())
    }
}
