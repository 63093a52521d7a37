//! Runs a program to its end or to a deadline, and passes its output on.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How often a silent program is looked at. Adds at most this to a step.
const POLL: Duration = Duration::from_millis(50);

/// How long the output may stay open after the program has ended. A process
/// that a test left running holds it open; five seconds is far more than the
/// kernel needs to close the pipes of processes that are gone.
const LINGER: Duration = Duration::from_secs(5);

/// Why a program did not succeed.
#[derive(Debug)]
pub enum Trouble {
    /// It could not be started.
    Start(io::Error),
    /// It ended with a status other than 0.
    Exit(ExitStatus),
    /// It was killed, with all it had started, because the deadline passed.
    OutOfTime,
    /// It ended, but something it had started still holds its output open.
    LeftBehind,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Start(error) => write!(f, "could not be started: {error}"),
            Self::Exit(status) => write!(f, "{status}"),
            Self::OutOfTime => f.write_str("killed: the deadline has passed"),
            Self::LeftBehind => f.write_str("ended, but left a running process behind"),
        }
    }
}

/// Runs `command` without standard input. Each line of its standard output goes
/// to `on_line` as it comes; its standard error goes straight through.
///
/// # Errors
///
/// See [`Trouble`]. The program is no longer running in any of them.
pub fn stream(
    command: &mut Command,
    deadline: Option<Instant>,
    mut on_line: impl FnMut(&str),
) -> Result<(), Trouble> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(Trouble::Start)?;
    let lines = read_lines(&mut child);
    let mut ended: Option<(ExitStatus, Instant)> = None;
    let status = loop {
        match lines.recv_timeout(POLL) {
            Ok(line) => on_line(&String::from_utf8_lossy(&line)),
            Err(RecvTimeoutError::Disconnected) => match ended {
                Some((status, _)) => break status,
                None => std::thread::sleep(POLL),
            },
            Err(RecvTimeoutError::Timeout) => {}
        }
        if ended.is_none() {
            let status = child.try_wait().map_err(Trouble::Start)?;
            ended = status.map(|status| (status, Instant::now()));
        }
        if ended.is_none() && deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            kill_family(&mut child);
            return Err(Trouble::OutOfTime);
        }
        if ended.is_some_and(|(_, at)| at.elapsed() > LINGER) {
            return Err(Trouble::LeftBehind);
        }
    };
    if status.success() {
        Ok(())
    } else {
        Err(Trouble::Exit(status))
    }
}

/// Runs `command` and returns its standard output; standard error goes through.
///
/// # Errors
///
/// A sentence that names the program and what became of it.
pub fn capture(command: &mut Command) -> Result<String, String> {
    let name = describe(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{name}: could not be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name}: {}", output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{name}: its output is not UTF-8"))
}

/// Whether `program` is there and answers to `--version`.
pub fn is_installed(program: &str) -> bool {
    succeeds(Command::new(program).arg("--version"))
}

/// Whether `command` ends well. What it prints is of no interest.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// The command as one would type it, its program's folder left out.
pub fn describe(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program
        .file_name()
        .unwrap_or(program.as_os_str())
        .to_string_lossy();
    command.get_args().fold(name.into_owned(), |line, arg| {
        line + " " + &arg.to_string_lossy()
    })
}

fn read_lines(child: &mut Child) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    let Some(stdout) = child.stdout.take() else {
        return receiver;
    };
    std::thread::spawn(move || {
        let mut stdout = BufReader::new(stdout);
        let mut line = Vec::new();
        while stdout
            .read_until(b'\n', &mut line)
            .is_ok_and(|read| read > 0)
        {
            if sender.send(std::mem::take(&mut line)).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Kills the program and every descendant it has at this moment.
fn kill_family(child: &mut Child) {
    let family = descendants(child.id());
    if !family.is_empty() {
        let pids: Vec<String> = family.iter().map(u32::to_string).collect();
        // `kill` is a builtin of every POSIX shell; a program of that name may be absent.
        let _ = Command::new("sh")
            .args(["-c", "kill -KILL \"$@\"", "sh"])
            .args(pids)
            .stderr(Stdio::null())
            .status();
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Descendants by `/proc`; empty where there is none.
fn descendants(ancestor: u32) -> BTreeSet<u32> {
    let parents: BTreeMap<u32, u32> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            // The name in parentheses may hold anything; the state and the parent follow it.
            let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect();
    // A pid used again while `/proc` was read could close a circle: hence the bound.
    let lineage = |pid: u32| std::iter::successors(Some(pid), |pid| parents.get(pid).copied());
    let is_descendant = |pid: &u32| lineage(*pid).skip(1).take(1000).any(|pid| pid == ancestor);
    parents.keys().copied().filter(is_descendant).collect()
}
