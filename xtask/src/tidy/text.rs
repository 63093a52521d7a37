//! Rules about every text file.

use crate::finding::Finding;
use crate::source::find_word;

/// Machine-made files, whose layout is not ours.
const MACHINE_MADE: &[&str] = &["Cargo.lock", "fuzz/Cargo.lock", "LICENSE"];

/// Words that speak of how the project was written rather than of the project,
/// and folders of one machine. In pieces, or this file would break its own rule.
const FORBIDDEN: &[&str] = &[
    concat!("as an ", "ai"),
    concat!("cla", "ude"),
    concat!("this ", "session"),
    concat!("the ", "prompt"),
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
];

/// Layout and wording of one file.
pub fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = wording(path, text);
    let corpus = path.starts_with("fuzz/corpus/") || path.contains("proptest-regressions");
    if !corpus && !MACHINE_MADE.contains(&path) {
        findings.extend(layout(path, text));
    }
    findings
}

fn layout(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !text.is_empty() && !text.ends_with('\n') {
        findings.push(Finding::file(
            path,
            "final-newline",
            "must end with a newline",
        ));
    }
    for (line, content) in (1..).zip(text.split('\n')) {
        if content.ends_with([' ', '\t', '\r']) {
            findings.push(Finding::at(
                path,
                line,
                "trailing-space",
                "white space at its end",
            ));
        }
        if path.ends_with(".rs") && content.contains('\t') {
            findings.push(Finding::at(path, line, "tab", "a tab in Rust code"));
        }
    }
    findings
}

fn wording(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.to_lowercase();
        for word in FORBIDDEN
            .iter()
            .filter(|word| find_word(&content, word).next().is_some())
        {
            let message = format!("`{word}`: the project speaks of itself alone");
            findings.push(Finding::at(path, line, "wording", message));
        }
    }
    findings
}
