//! House rules that no compiler checks.
//!
//! Each submodule holds the rules about one kind of file, as functions from
//! text to findings.

pub mod documents;
pub mod fuzz;
pub mod manifests;
pub mod rust;
pub mod text;

use crate::finding::Finding;
use crate::tree::Tree;

/// What the rules say about a tree.
#[derive(Debug, Default)]
pub struct Report {
    /// Broken rules.
    pub findings: Vec<Finding>,
    /// Worth knowing, but no fault.
    pub notes: Vec<String>,
}

/// Applies every rule.
pub fn check(tree: &Tree) -> Report {
    let mut report = Report::default();
    for (path, text) in tree.texts() {
        report.findings.extend(text::check(path, text));
    }
    for (path, text) in tree.rust() {
        report.findings.extend(rust::check(path, text));
        report.notes.extend(rust::length_note(path, text));
    }
    report.findings.extend(manifests::check(tree));
    report.findings.extend(documents::check(tree));
    report.findings.extend(fuzz::check(tree));
    report
}
