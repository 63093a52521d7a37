//! Runs bad days over all cores and says what came of them. `cargo xtask sim` builds and calls it.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line talks to its terminal"
)]

mod options;
mod panics;

use std::{
    io::{BufWriter, Write, stdout},
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use hobnob_sim::{
    day,
    model::{Broken, Report, Violation},
};
use options::Options;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(complaint) => {
            eprintln!("{complaint}");
            return ExitCode::from(2);
        }
    };
    panics::record();
    let report = match options.trace {
        true => trace(&options),
        false => run(&options),
    };
    println!("scenario {}", options.scenario);
    print!("{report}");
    match report.first_failed() {
        None => ExitCode::SUCCESS,
        Some(seed) => {
            if options.until_caught {
                say_what_was_caught(&report);
            }
            let scenario = options.scenario;
            println!("replay: cargo xtask sim --scenario {scenario} --seed {seed} --trace");
            ExitCode::FAILURE
        }
    }
}

/// One line for whoever counts how long it took.
fn say_what_was_caught(report: &Report) {
    if let Some(Broken { seed, name, text }) = report.violations.first() {
        let seeds = report.seeds;
        println!("caught: by {name} after {seeds} seeds, in seed {seed} {text}");
    }
}

/// One seed, with everything that happens.
fn trace(options: &Options) -> Report {
    println!("seed {}", options.from);
    println!("{}", day::describe(options.scenario, options.from));
    one(options.from, || {
        let mut out = BufWriter::new(stdout());
        day::run_traced(options.scenario, options.from, move |line| {
            // Whoever stops reading has seen enough.
            let _ = writeln!(out, "{line}");
        })
    })
}

/// All seeds, each on the next core that is free.
fn run(options: &Options) -> Report {
    let taken = AtomicU64::new(0);
    let is_over = AtomicBool::new(false);
    let total = Mutex::new(Report::default());
    std::thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let number = taken.fetch_add(1, Ordering::Relaxed);
                    if number >= options.seeds {
                        return;
                    }
                    let seed = options.from + number;
                    let report = one(seed, || day::run(options.scenario, seed));
                    if options.until_caught && report.first_failed().is_some() {
                        is_over.store(true, Ordering::Relaxed);
                    }
                    *total.lock().expect("no panic while adding up") += report;
                }
            });
        }
    });
    let mut total = total.into_inner().expect("as above");
    // Those of one day stay in the order in which they came.
    total.violations.sort_by_key(|broken| broken.seed);
    total
}

fn one(seed: u64, run: impl FnOnce() -> Report) -> Report {
    panics::catch(run).unwrap_or_else(|message| {
        let mut report = Report {
            seeds: 1,
            ..Report::default()
        };
        report.add_violation(seed, "in a core", &Violation::Panic { message });
        report
    })
}
