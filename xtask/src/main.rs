//! The command line of the repository's chores.
#![expect(clippy::print_stderr, reason = "a command line talks to its terminal")]

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use xtask::runner::{Options, Runner, Shell};
use xtask::sim;
use xtask::steps::{self, Step};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Repository chores")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Every check, in order; a failing one does not hide the later ones.
    Ci {
        /// Stop after the first step that fails.
        #[arg(long)]
        fail_fast: bool,
        /// Minutes after which the step at work is killed and the run fails.
        #[arg(long, value_name = "MINUTES", default_value_t = steps::CI_DEADLINE_MINUTES)]
        deadline: u64,
    },
    /// rustfmt in check mode.
    Fmt,
    /// clippy and rustdoc, warnings denied.
    Lint,
    /// Unit, integration and doc tests; builds the examples.
    Test,
    /// A bad day for five real processes in network namespaces; needs root.
    Netns,
    /// Proof that the pure crates are pure.
    Purity,
    /// House rules about files, manifests and documents.
    Tidy,
    /// Licences and sources of every dependency.
    Licences,
    /// Bad days in the simulator: whole nodes, random faults, every promise checked.
    Sim(sim::Options),
    /// The minimum supported Rust version is stated once and kept.
    Msrv,
}

fn main() -> ExitCode {
    let (steps, options): (&[Step], Options) = match Cli::parse().chore {
        Chore::Ci {
            fail_fast,
            deadline,
        } => {
            let deadline = Some(Duration::from_secs(deadline.saturating_mul(60)));
            (
                steps::CI,
                Options {
                    fail_fast,
                    deadline,
                },
            )
        }
        Chore::Fmt => (steps::FMT, Options::default()),
        Chore::Lint => (steps::LINT, Options::default()),
        Chore::Test => (steps::TEST, Options::default()),
        Chore::Netns => (steps::NETNS, Options::default()),
        Chore::Purity => (steps::PURITY, Options::default()),
        Chore::Tidy => (steps::TIDY, Options::default()),
        Chore::Licences => (steps::LICENCES, Options::default()),
        Chore::Sim(days) => {
            return exit(Shell::here().and_then(|mut shell| sim::run(&mut shell, &days)));
        }
        Chore::Msrv => (steps::MSRV, Options::default()),
    };
    match Runner::new(options).map(|runner| runner.run(steps)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => exit(Err(error)),
    }
}

fn exit(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
