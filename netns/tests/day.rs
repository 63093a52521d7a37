//! The checker is checked: what is planted in the workers is found, and without a plant nothing is.
//!
//! These run everywhere: on the loopback interface, with a process that is stopped and one that is killed.

use std::process::{Command, Output};

fn day(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_hobnob-netns"))
        .args(["run", "--loopback", "--brief"])
        .args(arguments)
        .output()
        .expect("the program runs")
}

fn report(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Messages of a kind that came to an end, as the report counts them.
fn count(report: &str, kind: &str, ending: &str) -> u64 {
    let lines = report.lines().map(str::trim);
    lines
        .filter_map(|line| line.strip_prefix(kind)?.trim().strip_prefix(ending))
        .find_map(|count| count.trim().parse().ok())
        .unwrap_or(0)
}

/// A day with a plant fails and names the violation. Its journals are kept, and are removed here.
fn finds(plant: &str, violation: &str) {
    let output = day(&["--plant", plant]);
    let report = report(&output);
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert!(report.contains(violation), "{report}");
    let folder = report
        .lines()
        .find_map(|line| line.strip_prefix("journals: "));
    std::fs::remove_dir_all(folder.expect("a failed run keeps its journals")).expect("it is there");
}

#[test]
fn a_day_without_a_plant_is_clean_and_has_calls_of_every_kind() {
    let output = day(&[]);
    let report = report(&output);
    assert!(output.status.success(), "{report}");
    assert!(report.contains("violations: 0"), "{report}");
    for (kind, ending) in [
        ("request", "answered"),
        ("send", "delivered"),
        ("usend", "delivered"),
        ("fan-out", "delivered"),
    ] {
        assert!(count(&report, kind, ending) > 10, "{kind}: {report}");
    }
    for fault in ["process stopped", "process killed"] {
        assert_eq!(count(&report, fault, ""), 1, "{report}");
    }
    assert!(!report.contains("journals:"), "{report}");
}

#[test]
fn a_handler_that_runs_twice_is_found() {
    finds("double-handling", "handled-twice");
}

#[test]
fn the_answer_to_another_request_is_found() {
    finds("stray-answer", "wrong-answer");
}

#[test]
fn a_process_that_panics_is_found_and_the_run_ends() {
    finds("panic", "panic");
}
