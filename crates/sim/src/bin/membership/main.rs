//! Measures membership over all cores and prints the table. `cargo xtask sim membership` builds and calls it.
#![expect(clippy::print_stderr, reason = "a command line talks to its terminal")]

mod cost;
mod options;

use std::{
    io::{self, Write},
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use cost::Cost;
use hobnob_sim::membership::{
    Trial, Trouble,
    table::{self, Table},
};
use options::{Choice, Options};

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(complaint) => {
            eprintln!("{complaint}");
            return ExitCode::from(2);
        }
    };
    let mut trials = match options.table {
        Choice::Full => table::full(),
        Choice::Small => table::small(),
        Choice::Scale => table::scale(),
    };
    for trial in &mut trials {
        let name = |trouble| format!("N={}, {trouble}", trial.size);
        let is_meant = |trouble: &Trouble| name(*trouble).contains(&options.only);
        trial.troubles.retain(is_meant);
    }
    let is_meant = |engine| options.engine.is_none_or(|meant| meant == engine);
    trials.retain(|trial| !trial.troubles.is_empty() && is_meant(trial.engine));
    if trials.is_empty() {
        eprintln!("no row of these has {:?} in its name", options.only);
        return ExitCode::from(2);
    }
    let table = run(&options, &trials);
    let broken = table.broken();
    match print(&table, &broken) {
        // Whoever reads may have seen enough; the status says the rest.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("the table could not be printed: {error}");
            ExitCode::from(2)
        }
        _ if broken.is_empty() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn print(table: &Table, broken: &[String]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    write!(out, "{table}")?;
    writeln!(out, "{}", Cost::so_far())?;
    for line in broken {
        writeln!(out, "missed: {line}")?;
    }
    out.flush()
}

/// Every trial with every seed, each on the next core that is free.
fn run(options: &Options, trials: &[Trial]) -> Table {
    let seeds = options.from..options.from + options.seeds;
    let work: Vec<(&Trial, u64)> = trials
        .iter()
        .flat_map(|trial| {
            let seeds = seeds
                .clone()
                .take_while(|seed| seed - options.from < trial.seeds_max);
            seeds.map(move |seed| (trial, seed))
        })
        .collect();
    let next = AtomicUsize::new(0);
    let total = Mutex::new(Table::default());
    std::thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(|| {
                while let Some(&(trial, seed)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let findings = trial.run(seed);
                    if options.verbose {
                        eprintln!("seed {seed}, {trial:?}: {findings:?}");
                    }
                    let mut total = total.lock().expect("no panic while adding up");
                    total.add(trial, findings);
                }
            });
        }
    });
    total.into_inner().expect("as above")
}
