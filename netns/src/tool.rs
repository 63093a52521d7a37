//! Runs the tools that set networks up, and asks after processes.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use rustix::{
    io::Errno,
    process::{Pid, test_kill_process},
};

use crate::Result;

/// Runs a command line whose words hold no spaces, and returns what it printed.
///
/// # Errors
///
/// The line, with the tool's own words.
pub fn run(line: &str) -> Result<String> {
    let output = command(line).stdin(Stdio::null()).output();
    checked(line, output.map_err(|error| format!("`{line}`: {error}"))?)
}

/// Runs a command line and gives it `input` to read.
///
/// # Errors
///
/// As [`run`].
pub fn run_with_input(line: &str, input: &str) -> Result<()> {
    let mut child = command(line)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("`{line}`: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A tool that ends before it has read all says why.
        let _ = stdin.write_all(input.as_bytes());
    }
    checked(line, child.wait_with_output()?).map(drop)
}

/// Whether no process has this id, also none of somebody else.
pub fn is_gone(process: u32) -> bool {
    let pid = process.try_into().ok().and_then(Pid::from_raw);
    pid.is_none_or(|pid| test_kill_process(pid) == Err(Errno::SRCH))
}

fn command(line: &str) -> Command {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    // A package that wants to ask something gets no answer.
    command.args(words).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn checked(line: &str, output: Output) -> Result<String> {
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let words = words.trim();
        return Err(format!("`{line}`: {}: {words}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
