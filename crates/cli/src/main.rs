//! The binary `hobnob`: a mesh node as a process, and the commands that look at
//! one and make it talk.
//!
//! `hobnob node` runs a node until a signal and, where asked, serves an admin
//! endpoint over HTTP. Every other command except `dev` is a client of that
//! endpoint: it opens no mesh port of its own and joins nothing. `hobnob dev`
//! starts a few nodes as children and shows them at work; none of them outlives
//! it.
//!
//! Whatever goes wrong ends as one line on stderr and an exit status: 1 when
//! the operation failed, 2 when the command line or the configuration was
//! wrong.

mod admin;
mod api;
mod args;
mod client;
mod config;
mod dev;
mod failure;
mod node;
mod output;

use std::process::ExitCode;

use args::Command;
use failure::Failure;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Names what is logged and how loudly, in the syntax of `RUST_LOG`.
const LOG_VARIABLE: &str = "HOBNOB_LOG";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run() -> Result<(), Failure> {
    let Some(command) = args::parse()? else {
        return Ok(());
    };
    start_logging()?;
    match command {
        Command::Node(node) => runtime()?.block_on(node::run(&node)),
        Command::Dev(dev) => runtime()?.block_on(dev::run(&dev)),
        Command::Client(command) => runtime()?.block_on(client::run(command)),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Runtime::new()
        .map_err(|error| Failure::runtime(format!("cannot start threads: {error}")))
}

fn start_logging() -> Result<(), Failure> {
    let filter: Targets = match std::env::var(LOG_VARIABLE) {
        Ok(text) if !text.is_empty() => text.parse().map_err(|error: tracing_subscriber::filter::ParseError| {
            Failure::usage(format!(
                "{LOG_VARIABLE}: {text:?} is not a log filter such as \"info\" or \"hobnob=debug\": {error}"
            ))
        })?,
        _ => Targets::new().with_default(LevelFilter::WARN),
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false);
    tracing_subscriber::registry()
        .with(lines)
        .with(filter)
        .init();
    Ok(())
}
