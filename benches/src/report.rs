//! What a run says: a table for people, JSON for programs.

use std::fmt;

use serde::Serialize;

use crate::{
    args::Options,
    benchmark::{Benchmark, Group, PAYLOAD_BYTES},
    contender::Contender,
    machine::Machine,
    measure::Sample,
    statistics::Spread,
};

/// One measurement of one contender.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measured {
    #[serde(skip)]
    pub(crate) group: &'static str,
    #[serde(skip)]
    pub(crate) contender: Contender,
    /// Messages its server has seen, at any time.
    pub(crate) handled: u64,
    #[serde(flatten)]
    pub(crate) sample: Sample,
}

/// Everything a run has found out.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    benchmark: &'static str,
    #[serde(skip)]
    texts: Texts,
    machine: Machine,
    runtime: &'static str,
    payload_bytes: usize,
    rounds: u32,
    seconds: f64,
    groups: Vec<GroupReport>,
}

#[derive(Debug)]
struct Texts {
    operations: &'static str,
    latency_of: &'static str,
}

#[derive(Debug, Serialize)]
struct GroupReport {
    name: &'static str,
    concurrency: usize,
    receivers: usize,
    baseline: Contender,
    contenders: Vec<ContenderReport>,
}

#[derive(Debug, Serialize)]
struct ContenderReport {
    name: Contender,
    per_second: Spread,
    p50_us: Spread,
    p99_us: Spread,
    cpu_us_per_operation: Spread,
    /// Operations a second as a share of the baseline's in the same round.
    of_baseline: Spread,
    of_baseline_by_round: Vec<f64>,
    /// Messages the server saw for each that was sent; below 1 only where messages may be lost.
    arrived: Spread,
    /// In all rounds.
    failed: u64,
    samples: Vec<Measured>,
}

impl Report {
    pub(crate) fn new(benchmark: &Benchmark, options: &Options, rounds: &[Vec<Measured>]) -> Self {
        let groups = benchmark.groups.iter();
        Self {
            benchmark: benchmark.name,
            texts: Texts {
                operations: benchmark.operations,
                latency_of: benchmark.latency_of,
            },
            machine: Machine::this(),
            runtime: if options.current_thread {
                "current-thread"
            } else {
                "multi-thread"
            },
            payload_bytes: PAYLOAD_BYTES,
            rounds: options.rounds,
            seconds: options.seconds.as_secs_f64(),
            groups: groups
                .map(|group| GroupReport::new(group, rounds))
                .collect(),
        }
    }
}

impl GroupReport {
    fn new(group: &Group, rounds: &[Vec<Measured>]) -> Self {
        let samples_of = |contender: Contender| -> Vec<Measured> {
            let measured = rounds.iter().flatten();
            let its = measured.filter(|m| m.group == group.name && m.contender == contender);
            its.cloned().collect()
        };
        let baseline = samples_of(group.baseline);
        let contenders = group.contenders.iter();
        Self {
            name: group.name,
            concurrency: group.concurrency,
            receivers: group.receivers,
            baseline: group.baseline,
            contenders: contenders
                .map(|&contender| ContenderReport::new(contender, samples_of(contender), &baseline))
                .collect(),
        }
    }
}

impl ContenderReport {
    #[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    fn new(name: Contender, samples: Vec<Measured>, baseline: &[Measured]) -> Self {
        let spread = |figure: fn(&Measured) -> f64| Spread::of(samples.iter().map(figure));
        let pairs = samples.iter().zip(baseline);
        let ratios: Vec<f64> = pairs
            .map(|(own, base)| own.sample.per_second / base.sample.per_second)
            .collect();
        Self {
            name,
            per_second: spread(|m| m.sample.per_second),
            p50_us: spread(|m| m.sample.p50_us),
            p99_us: spread(|m| m.sample.p99_us),
            cpu_us_per_operation: spread(|m| m.sample.cpu_us_per_operation),
            of_baseline: Spread::of(ratios.iter().copied()),
            of_baseline_by_round: ratios,
            arrived: spread(|m| m.handled as f64 / m.sample.done_in_all.max(1) as f64),
            failed: samples.iter().map(|m| m.sample.failed).sum(),
            samples,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine {
            cores,
            cpu,
            kernel,
            socket_buffer_max,
        } = &self.machine;
        let Self {
            benchmark,
            runtime,
            payload_bytes,
            rounds,
            seconds,
            ..
        } = self;
        let Texts {
            operations,
            latency_of,
        } = self.texts;
        writeln!(
            f,
            "{benchmark}: {payload_bytes} B, medians of {rounds} rounds of {seconds} s, {runtime} runtime"
        )?;
        writeln!(
            f,
            "{cores} cores ({cpu}), Linux {kernel}, socket buffers up to {socket_buffer_max} B"
        )?;
        writeln!(f, "p50 and p99: {latency_of}; CPU: both processes together")?;
        for group in &self.groups {
            writeln!(f)?;
            group.write(f, operations)?;
        }
        Ok(())
    }
}

impl GroupReport {
    fn write(&self, f: &mut fmt::Formatter<'_>, operations: &str) -> fmt::Result {
        let per_second = format!("{operations}/s (min to max)");
        let share = format!("of {} (by round)", self.baseline);
        writeln!(
            f,
            "{:<24} {per_second:>34} {:>9} {:>9} {:>9}  {share}",
            self.name, "p50 µs", "p99 µs", "CPU µs/op"
        )?;
        self.contenders
            .iter()
            .try_for_each(|contender| contender.write(f))
    }
}

impl ContenderReport {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Spread { median, min, max } = self.per_second;
        let spread = format!("({} to {})", thousands(min), thousands(max));
        write!(
            f,
            "{:<24} {:>11} {spread:>22} {:>9.1} {:>9.1} {:>9.2}  {:.2}",
            self.name,
            thousands(median),
            self.p50_us.median,
            self.p99_us.median,
            self.cpu_us_per_operation.median,
            self.of_baseline.median,
        )?;
        let by_round = self
            .of_baseline_by_round
            .iter()
            .map(|ratio| format!("{ratio:.2}"));
        write!(f, " ({})", by_round.collect::<Vec<_>>().join(" "))?;
        if !self.name.is_reliable() {
            write!(f, ", {:.1} % arrived", self.arrived.median * 100.0)?;
        }
        if self.failed > 0 {
            write!(f, ", {} failed", self.failed)?;
        }
        writeln!(f)
    }
}

/// A whole number with commas.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_comma_before_every_three_digits() {
        let texts = [999.6, 12.0, 1_234_567.0].map(thousands);
        assert_eq!(texts, ["1,000", "12", "1,234,567"]);
    }
}
