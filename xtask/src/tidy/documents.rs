//! Rules about what a reader meets first.

use crate::finding::Finding;
use crate::tree::Tree;

/// The set-up of README.md, in this order: see it work, then check everything.
pub const SET_UP: [&str; 2] = ["cargo run --release -- dev", "cargo xtask ci"];

/// Lines of prose at the head of each crate. Fewer can't name its phases, what
/// it promises and what it never does.
pub const LEAST_PROSE: usize = 10;

/// Files that must be there.
const REQUIRED: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "LICENSE",
    "deny.toml",
];

/// All documents and the heads of all crates.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let missing = REQUIRED.iter().filter(|path| tree.text(path).is_none());
    let mut findings: Vec<Finding> = missing
        .map(|path| Finding::file(path, "documents", "is missing"))
        .collect();
    let folders: Vec<&str> = tree.crate_folders().collect();
    findings.extend(tree.text("README.md").and_then(set_up));
    findings.extend(tree.text("CHANGELOG.md").and_then(changelog));
    if let Some(text) = tree.text("ARCHITECTURE.md") {
        findings.extend(architecture(text, &folders));
    }
    for folder in folders {
        findings.extend(crate_head(tree, folder));
    }
    findings
}

/// Under the heading `## Set-up` of README.md, the first fenced block holds the
/// two commands of [`SET_UP`], each on a line of its own, and nothing else but
/// comments and blank lines.
pub fn set_up(readme: &str) -> Option<Finding> {
    let section = readme
        .lines()
        .skip_while(|line| line.trim_end() != "## Set-up")
        .skip(1);
    let section = section.take_while(|line| !line.starts_with("## "));
    let block = section.skip_while(|line| !line.starts_with("```")).skip(1);
    let block = block.take_while(|line| !line.starts_with("```"));
    let commands: Vec<&str> = block
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|command| !command.is_empty())
        .collect();
    (commands != SET_UP).then(|| {
        let wanted = SET_UP.join("` and `");
        let message = format!("the block under `## Set-up` must hold `{wanted}`, nothing else");
        Finding::file("README.md", "set-up", message)
    })
}

/// CHANGELOG.md has a section for what is not released yet.
pub fn changelog(text: &str) -> Option<Finding> {
    let heading = |line: &str| line.starts_with("## ") && line.contains("Unreleased");
    (!text.lines().any(heading)).then(|| {
        Finding::file(
            "CHANGELOG.md",
            "changelog",
            "has no section `## Unreleased`",
        )
    })
}

/// ARCHITECTURE.md names every folder under `crates/`.
pub fn architecture(text: &str, folders: &[&str]) -> Vec<Finding> {
    let unnamed = folders
        .iter()
        .filter(|folder| !text.contains(&format!("crates/{folder}")));
    unnamed
        .map(|folder| {
            let message = format!("does not mention crates/{folder}");
            Finding::file("ARCHITECTURE.md", "architecture", message)
        })
        .collect()
}

/// A crate's root file begins with `//!` prose of at least [`LEAST_PROSE`] lines.
pub fn prose(path: &str, text: &str) -> Option<Finding> {
    let head = text.lines().take_while(|line| line.starts_with("//!"));
    let lines = head.filter(|line| line.len() > "//! ".len()).count();
    (lines < LEAST_PROSE).then(|| {
        let message = format!("begins with {lines} lines of prose; at least {LEAST_PROSE}");
        Finding::file(path, "prose", message)
    })
}

fn crate_head(tree: &Tree, folder: &str) -> Option<Finding> {
    let roots = ["lib.rs", "main.rs"].map(|file| format!("crates/{folder}/src/{file}"));
    match roots.iter().find_map(|path| Some((path, tree.text(path)?))) {
        Some((path, text)) => prose(path, text),
        None => Some(Finding::file(&roots[0], "prose", "is missing")),
    }
}
