//! What the text of a pure crate may not say.

use super::Policy;
use crate::finding::Finding;
use crate::source::{code_only, find_word, line_of, without_tests};
use crate::tree::{Tree, is_test_path};

/// The lint configuration that every pure crate carries.
const LINT_CONFIG: &str = "ci/pure-clippy.toml";

/// Checks the folders of all pure crates.
pub(super) fn check_tree(tree: &Tree, policy: &Policy) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in policy.pure() {
        let root = format!("crates/{name}/src/lib.rs");
        if tree.text(&root).is_none() {
            findings.push(Finding::file(&root, "no-std", "is missing"));
        }
        let folder = format!("crates/{name}/src/");
        for (path, text) in tree.rust().filter(|(path, _)| path.starts_with(&folder)) {
            findings.extend(check_source(path, text, path == root));
        }
        let config = format!("crates/{name}/clippy.toml");
        findings.extend(check_lint_config(
            &config,
            tree.text(&config),
            tree.text(LINT_CONFIG),
        ));
    }
    findings
}

/// Checks one file of a pure crate; `is_root` says that it is the `lib.rs`.
///
/// The compiler refuses `std` in a `no_std` crate unless someone brings it back
/// with `extern crate std`, so this is all that has to be looked for. `std` in
/// tests is fine: they are not what runs in a node.
pub fn check_source(path: &str, text: &str, is_root: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let code = code_only(text);
    if is_root && !code.lines().any(|line| line.trim() == "#![no_std]") {
        let message = "`#![no_std]` without a condition is missing";
        findings.push(Finding::file(path, "no-std", message));
    }
    if is_test_path(path) {
        return findings;
    }
    let code = without_tests(&code);
    for name in ["extern crate std", "std::"] {
        for at in find_word(&code, name) {
            let message = format!("a pure crate says `{name}` outside its tests");
            findings.push(Finding::at(path, line_of(&code, at), "no-std", message));
        }
    }
    findings.dedup();
    findings
}

/// A pure crate's `clippy.toml` must be the common one: a link to it or a copy.
pub fn check_lint_config(path: &str, own: Option<&str>, common: Option<&str>) -> Option<Finding> {
    let wrong = match (own, common) {
        (Some(own), Some(common)) if own == common => return None,
        (Some(_), _) => "differs from ci/pure-clippy.toml; make it a symbolic link to that file",
        (None, _) => "is missing; make it a symbolic link to ci/pure-clippy.toml",
    };
    Some(Finding::file(path, "pure-lints", wrong))
}
