//! Rules about `Cargo.toml` files: what holds everywhere is said once, at the root.

use toml::{Table, Value};

use crate::finding::Finding;
use crate::tree::Tree;

/// Tables that name dependencies, in a package and under each of its targets.
const TABLES: &[&str] = &["dependencies", "dev-dependencies", "build-dependencies"];

/// Keys of `[package]` that members take from the root.
const INHERITED: &[&str] = &["version", "edition", "rust-version", "license"];

/// All manifests of the workspace.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    match tree.text("Cargo.toml") {
        Some(text) => findings.extend(root("Cargo.toml", text)),
        None => findings.push(Finding::file("Cargo.toml", "manifest", "is missing")),
    }
    for (path, text) in tree.member_manifests() {
        findings.extend(member(path, text));
    }
    findings
}

/// The root forbids unsafe code and denies nobody the reason to document.
pub fn root(path: &str, text: &str) -> Vec<Finding> {
    let manifest = match text.parse::<Table>() {
        Ok(manifest) => manifest,
        Err(error) => return vec![Finding::file(path, "manifest", error.message())],
    };
    let lint = |name| look(&manifest, &["workspace", "lints", "rust", name]);
    let mut findings = Vec::new();
    if lint("unsafe_code").and_then(Value::as_str) != Some("forbid") {
        findings.push(Finding::file(
            path,
            "unsafe",
            "[workspace.lints] must forbid unsafe_code",
        ));
    }
    if lint("missing_docs").is_none() {
        findings.push(Finding::file(
            path,
            "docs",
            "[workspace.lints] must name missing_docs",
        ));
    }
    findings
}

/// A member takes its lints, its package keys and its dependencies from the root.
pub fn member(path: &str, text: &str) -> Vec<Finding> {
    let manifest = match text.parse::<Table>() {
        Ok(manifest) => manifest,
        Err(error) => return vec![Finding::file(path, "manifest", error.message())],
    };
    let mut findings = Vec::new();
    if look(&manifest, &["lints"]).is_none_or(|lints| !is_inherited(lints)) {
        findings.push(Finding::file(
            path,
            "lints",
            "[lints] must say workspace = true",
        ));
    }
    for key in INHERITED {
        if look(&manifest, &["package", key]).is_none_or(|value| !is_inherited(value)) {
            let message = format!("[package] must say {key}.workspace = true");
            findings.push(Finding::file(path, "inheritance", message));
        }
    }
    let targets = manifest.get("target").and_then(Value::as_table);
    let per_target = targets
        .into_iter()
        .flat_map(Table::values)
        .filter_map(Value::as_table);
    for table in std::iter::once(&manifest).chain(per_target) {
        findings.extend(own_dependencies(path, table));
    }
    findings
}

fn own_dependencies(path: &str, tables: &Table) -> Vec<Finding> {
    let dependencies = TABLES
        .iter()
        .filter_map(|table| tables.get(*table)?.as_table())
        .flatten();
    dependencies
        .filter(|(_, wanted)| !is_inherited(wanted))
        .map(|(name, _)| {
            let message = format!("{name} must say workspace = true");
            Finding::file(path, "inheritance", message)
        })
        .collect()
}

fn is_inherited(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

fn look<'v>(manifest: &'v Table, keys: &[&str]) -> Option<&'v Value> {
    let (first, rest) = keys.split_first()?;
    rest.iter()
        .try_fold(manifest.get(*first)?, |value, key| value.get(*key))
}
