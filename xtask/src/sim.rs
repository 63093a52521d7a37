//! Bad days in the simulator: `cargo xtask sim`.
//!
//! The runner is a program of hobnob-sim, built in a profile of its own: fast, with the cores' assertions about
//! themselves. This builds it, hands the options on, and lets its report through.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::metadata::Metadata;
use crate::runner::Shell;
use crate::sabotage;

/// The cargo profile of the runner.
pub const PROFILE: &str = "sim";
/// The runner, as package and as program.
pub const PACKAGE: &str = "hobnob-sim";
/// See [`PACKAGE`].
pub const PROGRAM: &str = "day";

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

/// What to run.
#[derive(Args, Clone, Debug, Default)]
pub struct Options {
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
    let runner = build(shell)?;
    shell.run(Command::new(runner).args(options.arguments()))
}

/// The step of `cargo xtask ci`.
///
/// # Errors
///
/// As [`run`].
pub fn check(shell: &mut Shell) -> Result<(), String> {
    let runner = build(shell)?;
    let scenarios = [("any", CI_SEEDS)];
    for (scenario, seeds) in scenarios.iter().chain(CI_OTHERS) {
        let arguments = ["--scenario", scenario, "--seeds", seeds];
        shell.run(Command::new(&runner).args(arguments))?;
    }
    Ok(())
}

fn build(shell: &mut Shell) -> Result<PathBuf, String> {
    shell.cargo(&[
        "build",
        "--quiet",
        "--locked",
        "--profile",
        PROFILE,
        "--package",
        PACKAGE,
        "--bin",
        PROGRAM,
        "--no-default-features",
    ])?;
    let target = Metadata::load(&shell.root)?.target_directory;
    Ok(target.join(PROFILE).join(PROGRAM))
}
