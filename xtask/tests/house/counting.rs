use xtask::tally::Tally;

const PASSED: &str = "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.01s";
const FAILED: &str = "test result: FAILED. 4 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n";

#[test]
fn closing_lines_are_read() {
    assert_eq!(
        Tally::parse(PASSED),
        Some(Tally {
            passed: 12,
            failed: 0,
            ignored: 0
        })
    );
    assert_eq!(
        Tally::parse(FAILED),
        Some(Tally {
            passed: 4,
            failed: 2,
            ignored: 1
        })
    );
}

#[test]
fn other_lines_count_nothing() {
    for line in [
        "",
        "test a ... ok",
        "running 3 tests",
        "test result: ok",
        "test result: ok. none",
    ] {
        assert_eq!(Tally::parse(line), None, "{line}");
    }
}

#[test]
fn sums_add_up() {
    let mut sum = Tally::default();
    sum += Tally {
        passed: 1,
        failed: 2,
        ignored: 3,
    };
    sum += Tally {
        passed: 10,
        failed: 20,
        ignored: 30,
    };
    assert_eq!(
        sum,
        Tally {
            passed: 11,
            failed: 22,
            ignored: 33
        }
    );
}

#[test]
fn a_failed_or_ignored_test_is_refused() {
    assert!(
        Tally {
            passed: 9,
            failed: 0,
            ignored: 0
        }
        .verdict()
        .is_ok()
    );
    assert_eq!(
        Tally {
            passed: 9,
            failed: 1,
            ignored: 0
        }
        .verdict(),
        Err("1 tests failed".into())
    );
    assert_eq!(
        Tally {
            passed: 9,
            failed: 0,
            ignored: 2
        }
        .verdict(),
        Err("2 tests are ignored".into())
    );
}
