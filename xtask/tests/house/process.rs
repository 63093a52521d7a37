use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::fixture::scratch;
use xtask::process::{Trouble, capture, describe, is_installed, stream, succeeds};

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

#[test]
fn lines_stream_through_and_the_status_is_told() {
    let mut lines = Vec::new();
    let ended = stream(&mut shell("echo one; echo two"), None, |line| {
        lines.push(line.to_owned());
    });
    assert!(ended.is_ok());
    assert_eq!(lines, ["one\n", "two\n"]);

    let ended = stream(&mut shell("exit 3"), None, |_| {});
    assert!(matches!(ended, Err(Trouble::Exit(status)) if status.code() == Some(3)));
}

#[test]
fn a_program_has_no_standard_input() {
    let mut lines = 0;
    let ended = stream(&mut shell("cat; echo end"), None, |_| lines += 1);
    assert!(ended.is_ok());
    assert_eq!(lines, 1);
}

#[test]
fn a_program_that_is_not_there_is_told() {
    let ended = stream(&mut Command::new("hobnob-no-such-program"), None, |_| {});
    assert!(matches!(ended, Err(Trouble::Start(_))));
    let error = capture(&mut Command::new("hobnob-no-such-program")).unwrap_err();
    assert!(error.contains("hobnob-no-such-program"), "{error}");
}

#[test]
fn the_deadline_ends_a_program_and_what_it_started() {
    let pid_file = scratch("deadline").join("pid");
    let script = format!("sleep 600 & echo $! > '{}'; wait", pid_file.display());
    // Longer each time, for a machine too busy to start the shell any sooner.
    let pid = [1, 4, 16, 64].into_iter().find_map(|seconds| {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        let ended = stream(&mut shell(&script), Some(deadline), |_| {});
        assert!(matches!(ended, Err(Trouble::OutOfTime)));
        let pid = std::fs::read_to_string(&pid_file).unwrap_or_default();
        pid.ends_with('\n').then(|| pid.trim().to_owned())
    });
    let pid = pid.expect("the shell has written its child's id");
    let runs = format!("kill -0 {pid} && ! grep -q '^State:.Z' /proc/{pid}/status");
    // It was killed, and needs a moment of the processor to be gone: its sleep is longer than this patience.
    let patience = Instant::now() + Duration::from_secs(60);
    while succeeds(&mut shell(&runs)) {
        assert!(
            Instant::now() < patience,
            "process {pid} outlived the deadline"
        );
        sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_process_left_behind_is_a_failure_and_not_a_hang() {
    let mut pid = String::new();
    let ended = stream(&mut shell("sleep 600 & echo $!"), None, |line| {
        pid.push_str(line.trim());
    });
    assert!(succeeds(&mut shell(&format!("kill {pid}"))));
    assert!(matches!(ended, Err(Trouble::LeftBehind)));
}

#[test]
fn output_is_captured_whole() {
    assert_eq!(capture(&mut shell("printf 'a\\nb'")).as_deref(), Ok("a\nb"));
    assert!(capture(&mut shell("exit 1")).unwrap_err().contains("exit"));
}

#[test]
fn a_command_is_described_as_one_would_type_it() {
    let mut command = Command::new("/opt/bin/cargo");
    command.args(["test", "--doc"]);
    assert_eq!(describe(&command), "cargo test --doc");
}

#[test]
fn a_program_is_installed_or_it_is_not() {
    assert!(is_installed("rustc"));
    assert!(!is_installed("hobnob-no-such-program"));
}
