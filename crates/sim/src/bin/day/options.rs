//! The command line.

use std::{
    num::{NonZeroU64, NonZeroUsize},
    str::FromStr,
    thread::available_parallelism,
};

use hobnob_sim::day::Scenario;

const USAGE: &str = "usage: day [--scenario NAME] [--seeds N] [--from S] [--seed S] [--trace] [--jobs J] [--until-caught]";

/// What to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) scenario: Scenario,
    /// The first seed.
    pub(crate) from: u64,
    /// How many, at least 1; the last one is a seed too.
    pub(crate) seeds: u64,
    pub(crate) trace: bool,
    pub(crate) jobs: usize,
    /// Stop at the first violation.
    pub(crate) until_caught: bool,
}

impl Options {
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            scenario: Scenario::Any,
            from: 0,
            seeds: 100,
            trace: false,
            jobs: available_parallelism().map_or(1, NonZeroUsize::get),
            until_caught: false,
        };
        while let Some(flag) = args.next() {
            let mut value = || {
                args.next()
                    .ok_or_else(|| format!("{flag} needs a value\n{USAGE}"))
            };
            match flag.as_str() {
                "--scenario" => options.scenario = value()?.parse()?,
                "--seeds" => options.seeds = number::<NonZeroU64>(&value()?)?.get(),
                "--from" => options.from = number(&value()?)?,
                "--seed" => {
                    options.from = number(&value()?)?;
                    options.seeds = 1;
                }
                "--jobs" => options.jobs = number::<NonZeroUsize>(&value()?)?.get(),
                "--trace" => options.trace = true,
                "--until-caught" => options.until_caught = true,
                _ => return Err(format!("{flag} is not known\n{USAGE}")),
            }
        }
        if options.trace && options.seeds != 1 {
            return Err(format!("--trace goes with --seed\n{USAGE}"));
        }
        if options.from.checked_add(options.seeds - 1).is_none() {
            let (seeds, from) = (options.seeds, options.from);
            return Err(format!(
                "there are no {seeds} seeds from {from} on: the last is {}",
                u64::MAX
            ));
        }
        Ok(options)
    }
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not a number it can be\n{USAGE}"))
}
