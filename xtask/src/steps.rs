//! The steps, and which chore runs which.

use crate::metadata::Metadata;
use crate::runner::{Shell, cargo};
use crate::tally::Tally;
use crate::tree::Tree;
use crate::{licences, msrv, netns, process, purity, sabotage, sim, tidy};

/// Something with a name that passes or fails.
pub struct Step {
    /// Its name in the summary.
    pub name: &'static str,
    /// Does it; the error is one line for the summary.
    pub run: fn(&mut Shell) -> Result<(), String>,
}

/// Twice the half hour that a clean checkout may take on two idle cores: a
/// machine that is busy with other things is slow, and not wrong.
pub const CI_DEADLINE_MINUTES: u64 = 60;

const FORMAT: Step = Step {
    name: "format",
    run: format,
};
const HOUSE: Step = Step {
    name: "tidy",
    run: tidy_tree,
};
const LICENCE: Step = Step {
    name: "licences",
    run: licences::check,
};
const VERSION: Step = Step {
    name: "msrv",
    run: msrv::check,
};
const PURE: Step = Step {
    name: "purity",
    run: purity::check,
};
const CLIPPY: Step = Step {
    name: "clippy",
    run: clippy,
};
const FUZZ: Step = Step {
    name: "fuzz",
    run: fuzz,
};
const DOCS: Step = Step {
    name: "docs",
    run: docs,
};
const TESTS: Step = Step {
    name: "tests",
    run: tests,
};
const DOC_TESTS: Step = Step {
    name: "doc tests",
    run: doc_tests,
};
const NAMESPACES: Step = Step {
    name: "netns",
    run: netns::check,
};
const DAYS: Step = Step {
    name: "sim",
    run: sim::check,
};
const MEMBERSHIP: Step = Step {
    name: "membership",
    run: sim::check_membership,
};
const SABOTAGE: Step = Step {
    name: "sabotage",
    run: sabotage::check,
};

/// Everything, the quick checks first.
pub const CI: &[Step] = &[
    FORMAT, HOUSE, LICENCE, VERSION, PURE, CLIPPY, FUZZ, DOCS, TESTS, DOC_TESTS, NAMESPACES, DAYS,
    MEMBERSHIP, SABOTAGE,
];
/// The `fmt` chore.
pub const FMT: &[Step] = &[FORMAT];
/// The `lint` chore.
pub const LINT: &[Step] = &[CLIPPY, FUZZ, DOCS];
/// The `test` chore.
pub const TEST: &[Step] = &[TESTS, DOC_TESTS];
/// The `netns` chore.
pub const NETNS: &[Step] = &[Step {
    name: "netns",
    run: netns::chore,
}];
/// The `purity` chore.
pub const PURITY: &[Step] = &[PURE];
/// The `tidy` chore.
pub const TIDY: &[Step] = &[HOUSE];
/// The `licences` chore.
pub const LICENCES: &[Step] = &[LICENCE];
/// The `msrv` chore.
pub const MSRV: &[Step] = &[VERSION];

fn format(shell: &mut Shell) -> Result<(), String> {
    shell.cargo(&["fmt", "--all", "--", "--check"])?;
    if shell.root.join("fuzz/Cargo.toml").is_file() {
        shell.cargo(&["fmt", "--manifest-path", "fuzz/Cargo.toml", "--", "--check"])?;
    }
    Ok(())
}

fn tidy_tree(shell: &mut Shell) -> Result<(), String> {
    let tree = Tree::load(&shell.root)?;
    let report = tidy::check(&tree);
    for note in report.notes {
        shell.note(note);
    }
    shell.report(&report.findings)
}

fn clippy(shell: &mut Shell) -> Result<(), String> {
    let targets = ["clippy", "--workspace", "--all-targets", "--locked"];
    shell.cargo(&[&targets[..], &["--", "-D", "warnings"]].concat())
}

fn docs(shell: &mut Shell) -> Result<(), String> {
    shell.run(
        cargo(&shell.root)
            .args(["doc", "--workspace", "--lib", "--no-deps", "--locked"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

/// The fuzz targets are a workspace of their own, which nothing else compiles.
/// Their corpus runs with the ordinary tests; see [`tidy::fuzz`].
fn fuzz(shell: &mut Shell) -> Result<(), String> {
    const MANIFEST: &str = "fuzz/Cargo.toml";
    if !shell.root.join(MANIFEST).is_file() {
        return Err(format!("{MANIFEST} is missing"));
    }
    if !process::is_installed("c++") {
        shell.note("no C++ compiler, which libFuzzer needs: the fuzz targets were not compiled");
        return Ok(());
    }
    let target = Metadata::load(&shell.root)?.target_directory.join("fuzz");
    let mut clippy = cargo(&shell.root);
    clippy.args([
        "clippy",
        "--manifest-path",
        MANIFEST,
        "--locked",
        "--target-dir",
    ]);
    shell.run(clippy.arg(target).args(["--", "-D", "warnings"]))
}

/// Examples are built here too, so that the tests which run them find them.
/// Benchmarks are left out: clippy has compiled them, and running them is slow.
fn tests(shell: &mut Shell) -> Result<(), String> {
    let targets = ["--lib", "--bins", "--tests", "--examples"];
    let workspace = ["--workspace", "--locked", "--no-fail-fast"];
    match shell.cargo_test(&[&workspace[..], &targets[..]].concat())? {
        Tally { passed: 0, .. } => Err("no test ran".to_owned()),
        Tally { .. } => Ok(()),
    }
}

fn doc_tests(shell: &mut Shell) -> Result<(), String> {
    shell
        .cargo_test(&["--workspace", "--locked", "--no-fail-fast", "--doc"])
        .map(drop)
}
