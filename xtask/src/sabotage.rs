//! Planted faults: `cargo xtask sim --sabotage`, to check the simulator's checkers.
//!
//! `ci/sabotage.toml` describes the faults, each as one replacement in one file. One after the other is planted
//! in a copy of the sources under the target folder, the runner is built there and lives through days until one
//! breaks a promise. A fault that nobody notices means that a checker, or a kind of day, is missing. Nothing in
//! the sources themselves is there for this.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::metadata::Metadata;
use crate::runner::{Shell, cargo};
use crate::sim::{PACKAGE, PROGRAM};
use crate::tree::Tree;

/// Where the faults are described.
pub const PLANTS: &str = "ci/sabotage.toml";

/// The cargo profile of sabotaged runners: quick to build, and without the cores' assertions, so that it is the
/// checkers who have to notice.
const PROFILE: &str = "sabotage";

/// What no build reads.
const UNNEEDED: &str = "fuzz/corpus/";

/// How long a build or a run may take: a fault that makes a core spin is no fault that was noticed.
const LIMIT: Duration = Duration::from_secs(600);

/// How the runner begins the line that says what was noticed.
const CAUGHT: &str = "caught: ";

/// A fault.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plant {
    /// By which it is chosen.
    pub name: String,
    /// What it breaks, in one sentence.
    pub breaks: String,
    /// The file it is planted in.
    pub file: String,
    /// The text that makes way; it must occur once.
    pub find: String,
    /// The text in its place.
    pub replace: String,
    /// The scenario that shall notice it.
    #[serde(default = "any")]
    pub scenario: String,
    /// After so many days it counts as not noticed.
    #[serde(default = "seeds_max")]
    pub seeds: u64,
    /// Whether it is planted by `cargo xtask ci`.
    #[serde(default)]
    pub ci: bool,
}

#[derive(Deserialize)]
struct Plants {
    plant: Vec<Plant>,
}

/// How a fault was noticed.
struct Notice {
    /// The violation, after how many days.
    what: Option<String>,
    took: Duration,
}

fn any() -> String {
    "any".to_owned()
}

const fn seeds_max() -> u64 {
    1_000
}

impl Plant {
    /// The text of its file with the fault in it.
    ///
    /// # Errors
    ///
    /// If the fault does not fit there any more.
    pub fn apply(&self, text: &str) -> Result<String, String> {
        match text.matches(&self.find).count() {
            1 => Ok(text.replacen(&self.find, &self.replace, 1)),
            times => Err(format!(
                "{}: the plant no longer fits: its text occurs {times} times in {}",
                self.name, self.file
            )),
        }
    }
}

/// Reads the description of the faults.
///
/// # Errors
///
/// Where it is wrong.
pub fn parse(text: &str) -> Result<Vec<Plant>, String> {
    let plants: Plants = toml::from_str(text).map_err(|error| format!("{PLANTS}: {error}"))?;
    Ok(plants.plant)
}

/// Plants the faults, all or the one that is named.
///
/// # Errors
///
/// If one does not fit, does not build, or is not noticed.
pub fn run(shell: &mut Shell, only: Option<&str>) -> Result<(), String> {
    let chosen = |plant: &Plant| only.is_none_or(|name| plant.name == name);
    plant_all(shell, chosen)
}

/// The step of `cargo xtask ci`: some of the faults.
///
/// # Errors
///
/// As [`run`].
pub fn check(shell: &mut Shell) -> Result<(), String> {
    plant_all(shell, |plant| plant.ci)
}

fn plant_all(shell: &mut Shell, chosen: impl Fn(&Plant) -> bool) -> Result<(), String> {
    let tree = Tree::load(&shell.root)?;
    let described = tree.text(PLANTS).ok_or(format!("{PLANTS} is missing"))?;
    let known = parse(described)?;
    let names: Vec<String> = known.iter().map(|plant| plant.name.clone()).collect();
    let plants: Vec<Plant> = known.into_iter().filter(chosen).collect();
    if plants.is_empty() {
        let names = names.join(", ");
        return Err(format!("no such fault in {PLANTS}; there are {names}"));
    }
    let scratch = Metadata::load(&shell.root)?
        .target_directory
        .join("sabotage");
    let mut unnoticed = 0;
    shell.say(&format!("{:<30} {:>7}  noticed", "fault", "took"));
    for plant in &plants {
        let notice = try_one(shell, &tree, &scratch, plant)?;
        let what = notice.what.as_deref().unwrap_or("NOT NOTICED");
        unnoticed += usize::from(notice.what.is_none());
        let took = notice.took.as_secs_f64();
        shell.say(&format!("{:<30} {took:>5.1} s  {what}", plant.name));
    }
    match unnoticed {
        0 => Ok(()),
        _ => Err(format!(
            "{unnoticed} of {} faults not noticed",
            plants.len()
        )),
    }
}

fn try_one(
    shell: &mut Shell,
    tree: &Tree,
    scratch: &Path,
    plant: &Plant,
) -> Result<Notice, String> {
    let begun = Instant::now();
    let folder = scratch.join("tree");
    sow(tree, &folder, plant)?;
    let runner = build(shell, &folder, &scratch.join("build"))
        .map_err(|error| format!("{}: {error}", plant.name))?;
    let mut what = None;
    let seeds = plant.seeds.to_string();
    let days = [
        "--scenario",
        &plant.scenario,
        "--seeds",
        &seeds,
        "--until-caught",
    ];
    // Its exit status says no more than the line does.
    let ended = shell.listen(Command::new(runner).args(days), LIMIT, |line| {
        if let Some(caught) = line.trim_end().strip_prefix(CAUGHT) {
            what = Some(caught.to_owned());
        }
    });
    match (&what, ended) {
        (None, Err(trouble)) => Err(format!("{}: {trouble}", plant.name)),
        _ => Ok(Notice {
            what,
            took: begun.elapsed(),
        }),
    }
}

/// Makes `folder` a copy of the sources with one fault. Files that are right stay untouched, so that cargo builds
/// only what differs; what an earlier copy had and the sources no longer have is removed.
///
/// # Errors
///
/// If the plant does not fit, or the folder cannot be read or written.
pub fn sow(tree: &Tree, folder: &Path, plant: &Plant) -> Result<(), String> {
    let original = tree
        .text(&plant.file)
        .ok_or_else(|| format!("{}: {} is missing", plant.name, plant.file))?;
    let sabotaged = plant.apply(original)?;
    let needed = tree.texts().filter(|(path, _)| !path.starts_with(UNNEEDED));
    for (path, text) in needed {
        let text = match path == plant.file {
            true => &sabotaged,
            false => text,
        };
        write(&folder.join(path), text)?;
    }
    remove_stale(tree, folder)
}

fn remove_stale(tree: &Tree, folder: &Path) -> Result<(), String> {
    for file in Tree::load(folder)?.files {
        if tree.text(&file.path).is_none() {
            let path = folder.join(&file.path);
            fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    if fs::read_to_string(path).is_ok_and(|present| present == text) {
        return Ok(());
    }
    let unwritable = |error| format!("{}: {error}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(unwritable)?;
    }
    fs::write(path, text).map_err(unwritable)
}

fn build(shell: &mut Shell, folder: &Path, target: &Path) -> Result<PathBuf, String> {
    let mut command = cargo(folder);
    command
        .args(["build", "--quiet", "--locked", "--profile", PROFILE])
        .args(["--package", PACKAGE, "--bin", PROGRAM])
        .args(["--no-default-features", "--target-dir"])
        .arg(target)
        // Warnings about the fault itself are of no interest.
        .env("RUSTFLAGS", "-Awarnings");
    shell.listen(&mut command, LIMIT, |_| {})?;
    Ok(target.join(PROFILE).join(PROGRAM))
}
