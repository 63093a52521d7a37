//! Runs steps one after the other and says at the end how each went.
#![expect(clippy::print_stdout, reason = "the report is this module's purpose")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::finding::Finding;
use crate::process;
use crate::steps::Step;
use crate::tally::Tally;

/// How a run behaves as a whole.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Stop after the first step that fails.
    pub fail_fast: bool,
    /// The run may take this long; the program at work then is killed.
    pub deadline: Option<Duration>,
}

/// What a step works with.
#[derive(Debug)]
pub struct Shell {
    /// The repository's root.
    pub root: PathBuf,
    deadline: Option<Instant>,
    tally: Option<Tally>,
    notes: Vec<String>,
}

/// Runs steps and keeps their results.
#[derive(Debug)]
pub struct Runner {
    options: Options,
    shell: Shell,
    results: Vec<(&'static str, Result<(), String>, Duration)>,
}

/// A command that runs cargo in `root`, free of what `cargo run` has set for
/// this program: a build script that watches such a variable would run again.
pub fn cargo(root: &Path) -> Command {
    let mut command =
        Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(root);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let ours = [
            "CARGO_PKG_",
            "CARGO_MANIFEST_",
            "CARGO_CRATE_",
            "CARGO_BIN_",
            "CLIPPY_",
        ];
        if ours.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command
}

impl Shell {
    /// A shell in `root` without a deadline.
    pub fn new(root: PathBuf) -> Self {
        Self {
            root,
            deadline: None,
            tally: None,
            notes: Vec::new(),
        }
    }

    /// A shell in the repository this program was built from, without a deadline.
    ///
    /// # Errors
    ///
    /// If the repository's root can't be found.
    pub fn here() -> Result<Self, String> {
        find_root().map(Self::new)
    }

    /// Runs cargo with `args` and lets its output through.
    ///
    /// # Errors
    ///
    /// The command line, and what became of it.
    pub fn cargo(&mut self, args: &[&str]) -> Result<(), String> {
        self.run(cargo(&self.root).args(args))
    }

    /// Runs `command`, which may be cargo with an environment of its own.
    ///
    /// # Errors
    ///
    /// As [`Shell::cargo`].
    pub fn run(&mut self, command: &mut Command) -> Result<(), String> {
        self.stream(command, |_| {})
    }

    /// Runs `command`, for `limit` at most, and hands its output on instead of printing it.
    ///
    /// # Errors
    ///
    /// As [`Shell::cargo`].
    pub fn listen(
        &mut self,
        command: &mut Command,
        limit: Duration,
        on_line: impl FnMut(&str),
    ) -> Result<(), String> {
        let name = process::describe(command);
        let limit = Instant::now() + limit;
        let deadline = self.deadline.map_or(limit, |deadline| deadline.min(limit));
        process::stream(command, Some(deadline), on_line)
            .map_err(|trouble| format!("`{name}`: {trouble}"))
    }

    /// Runs `cargo test` with `args` and counts the tests it reports.
    ///
    /// # Errors
    ///
    /// As [`Shell::cargo`], and if this run alone breaks [`Tally::verdict`].
    pub fn cargo_test(&mut self, args: &[&str]) -> Result<Tally, String> {
        let mut tally = Tally::default();
        let ended = self.stream(cargo(&self.root).arg("test").args(args), |line| {
            tally += Tally::parse(line).unwrap_or_default();
        });
        *self.tally.get_or_insert_default() += tally;
        ended?;
        tally.verdict().map(|()| tally)
    }

    /// Prints a line.
    pub fn say(&self, line: &str) {
        println!("{line}");
    }

    /// Adds a line to the summary, for what could not be done here.
    pub fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        println!("note: {note}");
        self.notes.push(note);
    }

    /// Prints `findings`.
    ///
    /// # Errors
    ///
    /// If there are any.
    pub fn report(&self, findings: &[Finding]) -> Result<(), String> {
        for finding in findings {
            println!("{finding}");
        }
        match findings.len() {
            0 => Ok(()),
            1 => Err("1 finding".to_owned()),
            many => Err(format!("{many} findings")),
        }
    }

    fn stream(
        &mut self,
        command: &mut Command,
        mut on_line: impl FnMut(&str),
    ) -> Result<(), String> {
        let name = process::describe(command);
        println!("$ {name}");
        process::stream(command, self.deadline, |line| {
            print!("{line}");
            on_line(line);
        })
        .map_err(|trouble| format!("`{name}`: {trouble}"))
    }
}

impl Runner {
    /// A runner for the repository this program was built from.
    ///
    /// # Errors
    ///
    /// If the repository's root can't be found.
    pub fn new(options: Options) -> Result<Self, String> {
        let mut shell = Shell::new(find_root()?);
        shell.deadline = options.deadline.map(|limit| Instant::now() + limit);
        Ok(Self {
            options,
            shell,
            results: Vec::new(),
        })
    }

    /// Runs `steps` and prints the summary; `true` if all of them passed.
    pub fn run(mut self, steps: &[Step]) -> bool {
        for step in steps {
            let started = Instant::now();
            println!("\n── {} ──", step.name);
            let out_of_time = self
                .shell
                .deadline
                .is_some_and(|deadline| started >= deadline);
            let result = match out_of_time {
                true => Err("not run: the deadline has passed".to_owned()),
                false => (step.run)(&mut self.shell),
            };
            if let Err(reason) = &result {
                println!("FAILED: {}: {reason}", step.name);
            }
            let failed = result.is_err();
            self.results.push((step.name, result, started.elapsed()));
            if failed && self.options.fail_fast {
                break;
            }
        }
        self.summarise(steps);
        self.results.len() == steps.len()
            && self.results.iter().all(|(_, result, _)| result.is_ok())
    }

    /// The table, then what was skipped, then the counts: the last line is for machines.
    fn summarise(&self, steps: &[Step]) {
        println!("\n── summary ──");
        for (name, result, took) in &self.results {
            let (verdict, reason) = match result {
                Ok(()) => ("ok", ""),
                Err(reason) => ("FAILED", reason.as_str()),
            };
            println!(
                "{name:<12} {:>7.1} s  {verdict:<6}  {reason}",
                took.as_secs_f64()
            );
        }
        for step in steps.iter().skip(self.results.len()) {
            println!("{:<12} {:>7}    not run", step.name, "");
        }
        for note in &self.shell.notes {
            println!("note: {note}");
        }
        if let Some(Tally {
            passed,
            failed,
            ignored,
        }) = self.shell.tally
        {
            println!("total: {passed} passed, {failed} failed, {ignored} ignored");
            println!("{passed} passed, {failed} failed");
        }
    }
}

/// The workspace's root: one above this package, or above the working folder
/// where the tree has moved since the build.
fn find_root() -> Result<PathBuf, String> {
    let built_at = Path::new(env!("CARGO_MANIFEST_DIR"));
    let here = std::env::current_dir().map_err(|error| format!("working folder: {error}"))?;
    let is_root = |folder: &&Path| folder.join("xtask/Cargo.toml").is_file();
    here.ancestors()
        .find(is_root)
        .or_else(|| built_at.parent().filter(is_root))
        .map(Path::to_path_buf)
        .ok_or_else(|| "run this inside the repository".to_owned())
}
