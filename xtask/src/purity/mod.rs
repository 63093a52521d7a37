//! Proof that the pure crates have no socket, clock, task or global randomness.
//!
//! 1. Sources: each crate is `#![no_std]` without a condition and names `std`
//!    in tests alone. A crate that can't name `std` can't name a socket, a
//!    clock or a thread; from here on the compiler is the proof.
//! 2. Closure: everything under a pure crate is on a list, with a reason.
//! 3. Probe: a crate with a panic handler of its own compiles on top of all of
//!    them. It would not if any of them, or anything under them, linked `std`,
//!    which brings that handler too. This needs no further target.
//! 4. Target: where one without an operating system is installed, they build
//!    for it.
//! 5. Lints: each carries `ci/pure-clippy.toml`, so that clippy refuses the
//!    clock and hash maps in their tests as well.

mod closure;
mod policy;
mod probe;
mod sources;

pub use closure::{Node, check_closure, check_house, check_strangers, parse_tree};
pub use policy::Policy;
pub use probe::{links_std, write_probe};
pub use sources::{check_lint_config, check_source};

use std::process::Command;

use crate::finding::Finding;
use crate::metadata::Metadata;
use crate::process;
use crate::runner::{Shell, cargo};
use crate::tree::Tree;

/// Where the policy stands.
pub const POLICY: &str = "ci/purity.toml";

/// Targets without an operating system, any of which serves for the build.
const BARE_TARGETS: &[&str] = &["x86_64-unknown-none", "wasm32-unknown-unknown"];

/// Runs all parts, so that one failure does not hide another.
///
/// # Errors
///
/// The parts that failed, in one line.
pub fn check(shell: &mut Shell) -> Result<(), String> {
    let tree = Tree::load(&shell.root)?;
    let policy = Policy::parse(tree.text(POLICY).ok_or(format!("{POLICY} is missing"))?)?;
    let metadata = Metadata::load(&shell.root)?;

    let mut findings = sources::check_tree(&tree, &policy);
    findings.extend(check_house(&policy, &metadata.packages));
    findings.extend(check_strangers(&policy, &metadata.packages));
    let mut failures = Vec::new();
    for name in policy.pure() {
        match dependency_tree(shell, name) {
            Ok(nodes) => findings.extend(check_closure(&policy, name, &nodes)),
            Err(reason) => failures.push(reason),
        }
    }
    failures.extend(shell.report(&findings).err());
    failures.extend(probe::check(shell, &policy, &metadata).err());
    failures.extend(build_for_bare_target(shell, &policy).err());
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failures.join("; "))
    }
}

/// Resolved for this crate alone: in the graph of the whole workspace the
/// facade switches on features that a pure crate does not ask for.
fn dependency_tree(shell: &Shell, name: &str) -> Result<Vec<Node>, String> {
    let package = format!("hobnob-{name}");
    let selection = [
        "--edges",
        "normal,no-proc-macro",
        "--target",
        "all",
        "--no-dedupe",
    ];
    let text = process::capture(
        cargo(&shell.root)
            .args([
                "tree",
                "--locked",
                "--package",
                &package,
                "--prefix",
                "depth",
            ])
            .args(selection),
    )?;
    parse_tree(&text).ok_or_else(|| format!("cargo tree: unexpected output for {package}"))
}

fn build_for_bare_target(shell: &mut Shell, policy: &Policy) -> Result<(), String> {
    let Some(target) = BARE_TARGETS.iter().find(|target| is_installed(target)) else {
        shell.note(format!(
            "no target without an operating system is installed, so the pure crates were not \
             built for one; `rustup target add {}` enables it",
            BARE_TARGETS[0]
        ));
        return Ok(());
    };
    let mut build = cargo(&shell.root);
    build.args(["build", "--locked", "--target", target]);
    for name in policy.pure() {
        build.args(["--package", &format!("hobnob-{name}")]);
    }
    shell
        .run(&mut build)
        .map_err(|_| format!("the pure crates do not build for {target}"))
}

fn is_installed(target: &str) -> bool {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    process::capture(rustc.args(["--print", "target-libdir", "--target", target]))
        .is_ok_and(|folder| std::path::Path::new(folder.trim()).is_dir())
}

/// A finding about the policy file itself.
fn about_policy(message: impl Into<String>) -> Finding {
    Finding::file(POLICY, "purity", message)
}
