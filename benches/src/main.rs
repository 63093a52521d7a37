//! Benchmarks of Hobnob between real processes over loopback.
//!
//! `agents` compares clusters of whole agents, see [`agents`]; [`scale`] and [`members`] say what large clusters cost.
//! The others compare messaging:
//!
//! Every measurement starts two fresh processes of this same binary: one that serves, one that drives. This
//! one only starts them, reads one JSON line from each and ends them; it has no runtime and is idle while
//! they work.
//!
//! 1. The serving process binds its sockets and prints their addresses.
//! 2. The driving process makes every caller call once, lets them warm up, and then measures for the time
//!    asked for: operations, latencies, and the CPU time of both processes.
//! 3. The serving process is told to end, and says how many messages it handled. A contender that claims
//!    more operations than its server has seen fails the run.
//!
//! The contenders of a group take turns within each round, and the order rotates from round to round, so that
//! a neighbour on the machine hits all of them alike. What counts is the ratio to the baseline of the same
//! round; absolute figures move from machine to machine.
//!
//! It never compares figures of different runs, and it never fails because something was slow.

mod agents;
mod args;
mod benchmark;
mod contender;
mod json;
mod machine;
mod measure;
mod members;
mod process;
mod report;
mod roles;
mod rounds;
mod scale;
mod statistics;
mod usage;

use std::{
    error::Error,
    io::{Write, stderr},
    process::ExitCode,
};

use clap::Parser;

use crate::args::{Cli, Verb};

/// An error's text is all that anybody does with it here: it is shown, and the run ends.
type Failure = Box<dyn Error + Send + Sync>;
type Result<T> = std::result::Result<T, Failure>;

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without stderr there is nobody to tell.
            let _ = writeln!(stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    match cli.verb {
        Verb::Request(options) => rounds::run(&benchmark::REQUEST, &options),
        Verb::Stream(options) => rounds::run(&benchmark::STREAM, &options),
        Verb::Fanout(options) => rounds::run(&benchmark::FANOUT, &options),
        Verb::Agents(options) => agents::run(&options),
        Verb::Scale(options) => scale::run(&options),
        Verb::Members(options) => members::run(&options),
        Verb::Serve(order) => roles::serve(&order),
        Verb::Drive(order) => roles::drive(order),
    }
}
