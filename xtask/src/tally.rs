//! Counts the tests that `cargo test` says it ran.

use std::ops::AddAssign;

/// Sums over `test result:` lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed.
    pub failed: u64,
    /// Tests marked to be ignored.
    pub ignored: u64,
}

impl Tally {
    /// Reads a closing line of the test harness, such as
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; …`.
    ///
    /// `None` for any other line.
    pub fn parse(line: &str) -> Option<Self> {
        let (_verdict, counts) = line
            .trim()
            .strip_prefix("test result: ")?
            .split_once(". ")?;
        let count = |what: &str| {
            counts
                .split(';')
                .find_map(|part| part.trim().strip_suffix(what)?.trim().parse().ok())
        };
        Some(Self {
            passed: count("passed")?,
            failed: count("failed")?,
            ignored: count("ignored")?,
        })
    }

    /// Why this count can't stand for a passed test run.
    ///
    /// # Errors
    ///
    /// If any test failed or was ignored.
    pub fn verdict(self) -> Result<(), String> {
        match self {
            Self { failed: 1.., .. } => Err(format!("{} tests failed", self.failed)),
            Self { ignored: 1.., .. } => Err(format!("{} tests are ignored", self.ignored)),
            Self { .. } => Ok(()),
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}
