//! The command line.

use std::{num::NonZeroUsize, str::FromStr, thread::available_parallelism};

use hobnob_sim::membership::Engine;

const USAGE: &str = "usage: membership [--small | --scale] [--only TEXT] [--engine hobnob|foca] [--seeds N] [--from S] [--jobs J] [--verbose]";

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Everything.
    Full,
    /// Smaller clusters, in a minute.
    Small,
    /// One large cluster.
    Scale,
}

/// What to measure.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) table: Choice,
    /// Only the rows that have this in their name.
    pub(crate) only: String,
    /// Only this one.
    pub(crate) engine: Option<Engine>,
    pub(crate) from: u64,
    pub(crate) seeds: u64,
    pub(crate) jobs: usize,
    /// Say what came of each trial as soon as it is over.
    pub(crate) verbose: bool,
}

impl Options {
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            table: Choice::Full,
            only: String::new(),
            engine: None,
            from: 0,
            seeds: 5,
            jobs: available_parallelism().map_or(1, NonZeroUsize::get),
            verbose: false,
        };
        while let Some(flag) = args.next() {
            let mut value = || {
                args.next()
                    .ok_or_else(|| format!("{flag} needs a value\n{USAGE}"))
            };
            match flag.as_str() {
                "--small" => options.table = Choice::Small,
                "--scale" => options.table = Choice::Scale,
                "--verbose" => options.verbose = true,
                "--only" => options.only = value()?,
                "--engine" => options.engine = Some(engine(&value()?)?),
                "--seeds" => options.seeds = number::<u64>(&value()?)?.max(1),
                "--from" => options.from = number(&value()?)?,
                "--jobs" => options.jobs = number::<NonZeroUsize>(&value()?)?.get(),
                _ => return Err(format!("{flag} is not known\n{USAGE}")),
            }
        }
        Ok(options)
    }
}

fn engine(text: &str) -> Result<Engine, String> {
    match text {
        "hobnob" => Ok(Engine::Hobnob),
        "foca" => Ok(Engine::Foca),
        _ => Err(format!("{text:?} is no engine\n{USAGE}")),
    }
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not a number it can be\n{USAGE}"))
}
