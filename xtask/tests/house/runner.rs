use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::fixture::{scratch, write_package};
use xtask::runner::{Options, Runner, Shell};
use xtask::steps::Step;
use xtask::tally::Tally;

const PASSES: Step = Step {
    name: "passes",
    run: |_| Ok(()),
};
const FAILS: Step = Step {
    name: "fails",
    run: |_| Err("planted".to_owned()),
};

fn run(options: Options, steps: &[Step]) -> bool {
    Runner::new(options)
        .expect("the tests run inside the repository")
        .run(steps)
}

#[test]
fn all_steps_passing_is_success() {
    assert!(run(Options::default(), &[PASSES, PASSES]));
}

#[test]
fn a_failing_step_fails_the_run_and_hides_no_later_one() {
    static LATER: AtomicUsize = AtomicUsize::new(0);
    let later = Step {
        name: "later",
        run: |_| {
            LATER.fetch_add(1, Ordering::Relaxed);
            Ok(())
        },
    };
    assert!(!run(Options::default(), &[FAILS, later]));
    assert_eq!(LATER.load(Ordering::Relaxed), 1);
}

#[test]
fn fail_fast_stops_at_the_first_failure() {
    let never = Step {
        name: "never",
        run: |_| panic!("a step ran after a failure"),
    };
    assert!(!run(
        Options {
            fail_fast: true,
            deadline: None
        },
        &[PASSES, FAILS, never]
    ));
}

#[test]
fn nothing_starts_after_the_deadline() {
    let never = Step {
        name: "never",
        run: |_| panic!("a step ran after the deadline"),
    };
    let options = Options {
        fail_fast: false,
        deadline: Some(Duration::ZERO),
    };
    assert!(!run(options, &[never]));
}

/// What `cargo test` in a package with `code` comes to.
fn test_run(name: &str, code: &str) -> Result<Tally, String> {
    let folder = scratch(name);
    write_package(&folder, "tested", "", code);
    let target = folder.join("target").to_string_lossy().into_owned();
    Shell::new(folder).cargo_test(&["--lib", "--offline", "--target-dir", &target])
}

#[test]
fn tests_that_cargo_runs_are_counted() {
    let code = "#[test]\nfn a() {}\n#[test]\nfn b() {}\n";
    assert_eq!(
        test_run("counted", code),
        Ok(Tally {
            passed: 2,
            failed: 0,
            ignored: 0
        })
    );
}

#[test]
fn an_ignored_or_failing_test_fails_the_run() {
    let ignored = "#[test]\nfn a() {}\n#[test]\n#[ignore]\nfn b() {}\n";
    assert_eq!(
        test_run("ignored", ignored),
        Err("1 tests are ignored".to_owned())
    );
    let failing = "#[test]\nfn a() { panic!() }\n";
    assert!(test_run("failing", failing).is_err_and(|reason| reason.contains("exit status: 101")));
}
