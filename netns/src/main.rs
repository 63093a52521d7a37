//! The command line; `cargo xtask netns` is the short way to it.

use std::{
    io::{Write, stderr},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use hobnob_netns::{
    Result,
    day::{self, Day, Evening, Length},
    folder::Folder,
    network, say,
    worker::{self, Plant, WorkerOptions},
};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
#[command(about = "A bad day for five real processes, judged by the reference model")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Runs it and prints the report; status 1 if anything was violated
    Run {
        /// What the calls are chosen by
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Without namespaces: on the loopback interface, with the faults of processes only
        #[arg(long)]
        loopback: bool,
        /// Some seconds instead of a minute
        #[arg(long)]
        brief: bool,
        /// Plants a fault in the workers, which the model must find
        #[arg(long)]
        plant: Option<Plant>,
        /// Keeps the journals
        #[arg(long)]
        keep: bool,
    },
    /// Prints nothing if namespaces can be made here, else why not
    Probe {
        /// Installs the tools that are missing, with apt-get
        #[arg(long)]
        install: bool,
    },
    /// Is one of the processes
    #[command(hide = true)]
    Worker(WorkerOptions),
}

fn main() -> ExitCode {
    let result = match Cli::parse().verb {
        Verb::Run {
            seed,
            loopback,
            brief,
            plant,
            keep,
        } => {
            let length = if brief { Length::BRIEF } else { Length::FULL };
            let day = Day {
                seed,
                length,
                plant,
            };
            run(day, loopback, keep)
        }
        Verb::Probe { install } => {
            probe(install);
            Ok(true)
        }
        Verb::Worker(options) => worker::run(options).map(|()| true),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Without stderr there is nobody to tell.
            let _ = writeln!(stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The reason is the answer, not a failure: whoever asks decides what it means.
fn probe(install: bool) {
    let installed = match install {
        true => network::install(),
        false => Ok(()),
    };
    if let Err(reason) = installed.and_then(|()| network::probe()) {
        say(&reason.to_string());
    }
}

/// Says whether nothing was violated. Everything is taken down before it returns, after a signal, too.
#[tokio::main(flavor = "current_thread")]
async fn run(day: Day, loopback: bool, keep: bool) -> Result<bool> {
    let folder = Folder::make()?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    let runs = async {
        match loopback {
            true => day::on_loopback(day, &folder).await,
            false => day::in_namespaces(day, &folder).await,
        }
    };
    let Evening { report, trouble } = tokio::select! {
        evening = runs => evening?,
        _ = interrupted.recv() => return Err("interrupted".into()),
        _ = terminated.recv() => return Err("terminated".into()),
        _ = hung_up.recv() => return Err("the terminal is gone".into()),
    };
    let is_clean = report.violations.is_empty() && trouble.is_none();
    say(&format!("\n{report}"));
    if keep || !is_clean {
        say(&format!("journals: {}", folder.keep()?.display()));
    }
    match trouble {
        Some(trouble) => Err(trouble),
        None => Ok(is_clean),
    }
}
