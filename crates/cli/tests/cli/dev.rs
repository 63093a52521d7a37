//! `hobnob dev`, without a terminal.

use std::fs;

use rustix::process::Signal;

use crate::support::{Process, eventually, hobnob, run};

#[test]
fn cli_dev_runs_and_leaves_cleanly() {
    let mut command = hobnob();
    command.args(["dev", "--nodes=3", "--types=udp,tcp"]);
    let mut dev = Process::spawn(&mut command);
    let names = ["udp-1", "tcp-2", "udp-3"];
    let pids = names.map(|name| pid(&dev, name));
    for name in names {
        let asked = format!("{name} asked ");
        dev.line(&asked, |line| line.starts_with(&asked).then_some(()));
    }
    for pid in pids {
        assert!(is_running(pid), "{pid} serves");
    }

    dev.signal(Signal::INT);
    for name in ["udp-3", "tcp-2"] {
        // On a busy machine a node may be suspected, which hides its offline.
        dev.line("offline", |line| {
            let is_going = line.ends_with("-> offline") || line.ends_with("-> suspect");
            (line.contains(name) && is_going).then_some(())
        });
        dev.line("left", |line| {
            (line.starts_with("left ") && line.contains(name)).then_some(())
        });
    }
    dev.line("the summary", |line| {
        line.starts_with("3 of 3 nodes left; ").then_some(())
    });
    assert_eq!(dev.ended().code(), Some(0));
    for pid in pids {
        assert!(!is_running(pid), "{pid} has ended");
    }
}

#[test]
fn cli_dev_ends_by_itself() {
    // A node that a busy machine gives no time for a second fails, and so do calls to it: not every time.
    let mut shown = (0..3).map(|_| {
        let shown = run(["dev", "--nodes=2", "--duration=0.6"]).ok();
        let all_left = |line: &str| line.starts_with("2 of 2 nodes left; ");
        assert!(shown.lines().any(all_left), "{shown}");
        shown
    });
    let first = shown.next().expect("three times");
    let is_clean = |shown: &str| !shown.contains("failed");
    assert!(
        is_clean(&first) || shown.any(|shown| is_clean(&shown)),
        "{first}"
    );
}

#[test]
fn cli_dev_killed_leaves_no_process() {
    let mut command = hobnob();
    command.args(["dev", "--nodes=2"]);
    let mut dev = Process::spawn(&mut command);
    let pids = ["udp-1", "udp-2"].map(|name| pid(&dev, name));
    dev.signal(Signal::KILL);
    dev.ended();
    for pid in pids {
        eventually("the node has ended", || (!is_running(pid)).then_some(()));
    }
}

/// The process id that `dev` tells of a node.
#[track_caller]
fn pid(dev: &Process, name: &str) -> u32 {
    let start = format!("{name} runs as process ");
    dev.line(&start, |line| {
        let rest = line.strip_prefix(&start)?;
        rest.split(' ').next()?.parse().ok()
    })
}

/// Whether a process runs. One that has ended and was not waited for does not:
/// nodes that outlive `dev` for a moment are adopted by whoever is there.
fn is_running(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    let state = stat
        .rsplit(')')
        .next()
        .and_then(|rest| rest.trim().chars().next());
    state != Some('Z')
}
