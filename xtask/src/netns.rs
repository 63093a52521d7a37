//! A bad day for real processes, by `hobnob-netns`: needs root, namespaces and their tools.

use std::path::Path;
use std::process::Command;

use crate::process;
use crate::runner::{Shell, cargo};

/// Runs it where it can be run; says why not elsewhere. Installs nothing.
///
/// # Errors
///
/// If it does not build, or something was violated.
pub fn check(shell: &mut Shell) -> Result<(), String> {
    match obstacle(&shell.root, &[])? {
        Some(reason) => shell.note(format!(
            "netns skipped: {reason}; the simulator and the tests over loopback do not need it"
        )),
        None => run(shell)?,
    }
    Ok(())
}

/// Installs the tools that are missing, where it may, and runs it.
///
/// # Errors
///
/// As [`check`], and if it can't be run here: why not.
pub fn chore(shell: &mut Shell) -> Result<(), String> {
    match obstacle(&shell.root, &["--install"])? {
        Some(reason) => Err(format!("skipped: {reason}")),
        None => run(shell),
    }
}

/// Why it can't be run here, in the words of the program itself.
fn obstacle(root: &Path, how: &[&str]) -> Result<Option<String>, String> {
    let answer = process::capture(program(root).arg("probe").args(how))?;
    let reason = answer.trim();
    Ok((!reason.is_empty()).then(|| reason.to_owned()))
}

fn run(shell: &mut Shell) -> Result<(), String> {
    shell.run(program(&shell.root).arg("run"))
}

/// Built with debug assertions: what a core thinks impossible ends the process that saw it.
fn program(root: &Path) -> Command {
    let mut command = cargo(root);
    command.args([
        "run",
        "--quiet",
        "--locked",
        "--package",
        "hobnob-netns",
        "--",
    ]);
    command
}
