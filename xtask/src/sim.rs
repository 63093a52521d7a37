//! Bad days in the simulator: `cargo xtask sim`.
//!
//! The runner is a program of hobnob-sim, built in a profile of its own: fast, with the cores' assertions about
//! themselves. This builds it, hands the options on, and lets its report through.

use std::path::PathBuf;
use std::process::Command;

use clap::{Args, Subcommand};

use crate::metadata::Metadata;
use crate::runner::Shell;
use crate::sabotage;

/// The cargo profile of the runner.
pub const PROFILE: &str = "sim";
/// The runner, as package and as program.
pub const PACKAGE: &str = "hobnob-sim";
/// See [`PACKAGE`].
pub const PROGRAM: &str = "day";
/// The program that measures membership.
const MEMBERSHIP: &str = "membership";

/// Seeds of each row of the small table in `cargo xtask ci`.
const CI_MEMBERSHIP_SEEDS: u64 = 3;

/// What `--sabotage` alone stands for.
const ALL_FAULTS: &str = "all";

/// Seeds of the days that `cargo xtask ci` lives through.
const CI_SEEDS: &str = "500";
/// Seeds of each of the other scenarios in `cargo xtask ci`, by name.
const CI_OTHERS: &[(&str, &str)] = &[
    ("loss", "20"),
    ("partition", "20"),
    ("restart", "20"),
    ("pause", "20"),
    ("bulk", "6"),
    ("large", "6"),
    ("saturated", "4"),
];

/// What to run instead of bad days.
#[derive(Subcommand, Clone, Debug)]
pub enum Measurement {
    /// How well membership tells crashes from slowness, with plain foca beside it
    Membership(MembershipOptions),
}

/// What to measure of membership.
#[derive(Args, Clone, Debug)]
pub struct MembershipOptions {
    /// Seeds of each row.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub seeds: u64,
    /// The first seed.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub from: u64,
    /// Only the rows that have this in their name.
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
    /// Smaller clusters, in less than a minute, instead of the whole table, which takes a quarter of an hour of two cores.
    #[arg(long)]
    pub small: bool,
    /// A cluster of 2,000 instead, with what it takes of the machine.
    #[arg(long, conflicts_with = "small")]
    pub scale: bool,
    /// Clusters at once; as many as there are cores unless set.
    #[arg(long, value_name = "J")]
    pub jobs: Option<usize>,
    /// Say what came of each cluster as soon as it is over.
    #[arg(long)]
    pub verbose: bool,
}

impl MembershipOptions {
    /// The program's command line.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["--seeds".to_owned(), self.seeds.to_string()];
        arguments.extend(["--from".to_owned(), self.from.to_string()]);
        if let Some(only) = &self.only {
            arguments.extend(["--only".to_owned(), only.clone()]);
        }
        if let Some(jobs) = self.jobs {
            arguments.extend(["--jobs".to_owned(), jobs.to_string()]);
        }
        let switches = [
            (self.small, "--small"),
            (self.scale, "--scale"),
            (self.verbose, "--verbose"),
        ];
        let set = switches.iter().filter(|(is_set, _)| *is_set);
        arguments.extend(set.map(|(_, flag)| (*flag).to_owned()));
        arguments
    }
}

/// What to run.
#[derive(Args, Clone, Debug, Default)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Options {
    /// Instead: a measurement.
    #[command(subcommand)]
    pub measurement: Option<Measurement>,
    /// Which kind of days: any, loss, partition, restart, pause, and more; a wrong name lists them.
    #[arg(long, value_name = "NAME", default_value = "any")]
    pub scenario: String,
    /// How many days, each with the next seed.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub seeds: u64,
    /// The first seed.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub from: u64,
    /// This one day only.
    #[arg(long, value_name = "S", conflicts_with_all = ["seeds", "from"])]
    pub seed: Option<u64>,
    /// Everything that happens on it, line by line.
    #[arg(long, requires = "seed")]
    pub trace: bool,
    /// Days at once; as many as there are cores unless set.
    #[arg(long, value_name = "J")]
    pub jobs: Option<usize>,
    /// Instead: plants the faults of ci/sabotage.toml, all or one, and says which violation noticed each.
    #[arg(
        long,
        value_name = "FAULT",
        num_args = 0..=1,
        default_missing_value = ALL_FAULTS,
        conflicts_with_all = ["scenario", "seeds", "from", "seed", "trace", "jobs"]
    )]
    pub sabotage: Option<String>,
}

impl Options {
    /// The runner's command line.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["--scenario".to_owned(), self.scenario.clone()];
        let mut add = |flag: &str, value: u64| arguments.extend([flag.into(), value.to_string()]);
        match self.seed {
            Some(seed) => add("--seed", seed),
            None => {
                add("--seeds", self.seeds);
                add("--from", self.from);
            }
        }
        if let Some(jobs) = self.jobs {
            add("--jobs", jobs as u64);
        }
        if self.trace {
            arguments.push("--trace".into());
        }
        arguments
    }
}

/// Builds the runner and runs it.
///
/// # Errors
///
/// If it cannot be built, or a day broke a promise.
pub fn run(shell: &mut Shell, options: &Options) -> Result<(), String> {
    if let Some(fault) = &options.sabotage {
        return sabotage::run(
            shell,
            Some(fault.as_str()).filter(|name| *name != ALL_FAULTS),
        );
    }
    if let Some(Measurement::Membership(options)) = &options.measurement {
        let program = build(shell, MEMBERSHIP)?;
        return shell.run(Command::new(program).args(options.arguments()));
    }
    let runner = build(shell, PROGRAM)?;
    shell.run(Command::new(runner).args(options.arguments()))
}

/// The step of `cargo xtask ci`.
///
/// # Errors
///
/// As [`run`].
pub fn check(shell: &mut Shell) -> Result<(), String> {
    let runner = build(shell, PROGRAM)?;
    let scenarios = [("any", CI_SEEDS)];
    for (scenario, seeds) in scenarios.iter().chain(CI_OTHERS) {
        let arguments = ["--scenario", scenario, "--seeds", seeds];
        shell.run(Command::new(&runner).args(arguments))?;
    }
    Ok(())
}

/// The step of `cargo xtask ci` that measures membership.
///
/// # Errors
///
/// As [`run`].
pub fn check_membership(shell: &mut Shell) -> Result<(), String> {
    let options = MembershipOptions {
        seeds: CI_MEMBERSHIP_SEEDS,
        from: 0,
        only: None,
        small: true,
        scale: false,
        jobs: None,
        verbose: false,
    };
    let program = build(shell, MEMBERSHIP)?;
    shell.run(Command::new(program).args(options.arguments()))
}

fn build(shell: &mut Shell, program: &str) -> Result<PathBuf, String> {
    shell.cargo(&[
        "build",
        "--quiet",
        "--locked",
        "--profile",
        PROFILE,
        "--package",
        PACKAGE,
        "--bin",
        program,
        "--no-default-features",
    ])?;
    let target = Metadata::load(&shell.root)?.target_directory;
    Ok(target.join(PROFILE).join(program))
}
