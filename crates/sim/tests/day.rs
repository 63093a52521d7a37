//! The runner of bad days, as a program.

use std::process::{Command, Output};

fn day(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_day"))
        .args(arguments)
        .output()
        .expect("the runner starts")
}

#[test]
fn the_same_seed_gives_the_same_trace_in_every_process() {
    let traced = |seed| {
        let output = day(&["--seed", seed, "--trace"]);
        assert!(output.status.success(), "seed {seed} breaks nothing");
        output.stdout
    };
    let first = traced("3");
    assert!(first.len() > 100_000, "a trace tells everything");
    assert!(first == traced("3"), "byte for byte");
    assert!(first != traced("4"), "another seed is another day");
}

#[test]
fn many_jobs_report_what_one_does() {
    let reported = |jobs| day(&["--seeds", "4", "--from", "7", "--jobs", jobs]).stdout;
    assert_eq!(
        String::from_utf8(reported("1")),
        String::from_utf8(reported("3"))
    );
}

#[test]
fn the_last_seed_is_a_seed() {
    let output = day(&["--seed", "18446744073709551615"]);
    assert!(output.status.success());
    let report = String::from_utf8(output.stdout).expect("a text");
    assert!(report.contains("\n1 seeds, "), "{report}");
}

#[test]
fn a_wrong_command_line_is_refused() {
    for arguments in [
        &["--scenario", "sunshine"][..],
        &["--seeds", "many"],
        &["--seeds", "0"],
        &["--seeds", "2", "--from", "18446744073709551615"],
        &["--trace"],
        &["--loud"],
    ] {
        let output = day(arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(!output.stderr.is_empty(), "it says why");
    }
}
