//! What stands under a pure crate.

use std::collections::BTreeSet;

use super::{Policy, about_policy};
use crate::finding::Finding;
use crate::metadata::{Dependency, Package};

/// One line of a dependency tree: a package, and the way down to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Package names from the root of the tree to this one, which is the last.
    pub chain: Vec<String>,
}

/// Reads what `cargo tree --prefix depth --no-dedupe` prints: a depth, then at
/// once the name, then a version.
///
/// `None` if it does not look like that.
pub fn parse_tree(text: &str) -> Option<Vec<Node>> {
    let mut chain: Vec<String> = Vec::new();
    let mut nodes = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let digits = line.find(|c: char| !c.is_ascii_digit())?;
        let (depth, package) = line.split_at(digits);
        let depth: usize = depth.parse().ok()?;
        if depth > chain.len() {
            return None;
        }
        chain.truncate(depth);
        chain.push(package.split(' ').next()?.to_owned());
        nodes.push(Node {
            chain: chain.clone(),
        });
    }
    (!nodes.is_empty()).then_some(nodes)
}

/// Every package in the tree of pure crate `name` must be on the list. One that
/// is not is reported once, with the first way to it; what it brings along is not.
pub fn check_closure(policy: &Policy, name: &str, tree: &[Node]) -> Vec<Finding> {
    let mut refused: BTreeSet<&str> = BTreeSet::new();
    let mut findings = Vec::new();
    for Node { chain } in tree {
        let Some((package, above)) = chain.split_last() else {
            continue;
        };
        if chain
            .iter()
            .any(|package| refused.contains(package.as_str()))
        {
            continue;
        }
        if let Some(reason) = refusal(policy, package, above.last().map(String::as_str)) {
            refused.insert(package);
            let path = format!("crates/{name}/Cargo.toml");
            let message = format!("{}: {reason}", chain.join(" → "));
            findings.push(Finding::file(&path, "pure-closure", message));
        }
    }
    findings
}

/// A pure crate may depend on the crates of the house named for it, no others.
pub fn check_house(policy: &Policy, packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, may_use) in &policy.house {
        let Some(package) = find(packages, name) else {
            findings.push(about_policy(format!("there is no package hobnob-{name}")));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|d| is_linked(d)) {
            if let Some(used) = dependency.name.strip_prefix("hobnob-")
                && !may_use.iter().any(|allowed| allowed == used)
            {
                let path = format!("crates/{name}/Cargo.toml");
                let message = format!("may not depend on hobnob-{used}");
                findings.push(Finding::file(&path, "house-layers", message));
            }
        }
    }
    findings
}

/// Strangers may not name each other in any table of dependencies.
pub fn check_strangers(policy: &Policy, packages: &[Package]) -> Vec<Finding> {
    let pairs = policy.strangers.iter();
    let ways = pairs.flat_map(|pair| [(&pair.one, &pair.other), (&pair.other, &pair.one)]);
    ways.filter(|(from, to)| {
        let wanted = format!("hobnob-{to}");
        let dependencies = find(packages, from).map(|package| package.dependencies.as_slice());
        dependencies
            .unwrap_or_default()
            .iter()
            .any(|dependency| dependency.name == wanted)
    })
    .map(|(from, to)| {
        let path = format!("crates/{from}/Cargo.toml");
        Finding::file(
            &path,
            "strangers",
            format!("{from} and {to} may not know each other"),
        )
    })
    .collect()
}

/// Why `package`, asked for by `parent`, may not be under a pure crate.
fn refusal(policy: &Policy, package: &str, parent: Option<&str>) -> Option<String> {
    let house = package.strip_prefix("hobnob-");
    if house.is_some_and(|name| policy.house.contains_key(name)) {
        return None;
    }
    if let Some(reason) = policy.forbidden.get(package) {
        return Some(format!("forbidden: {reason}"));
    }
    let Some(allowed) = policy.allowed.get(package) else {
        return Some("not on the list of ci/purity.toml".to_owned());
    };
    let behind = allowed.behind.as_deref()?;
    (parent != Some(behind)).then(|| format!("allowed behind {behind} only"))
}

fn is_linked(dependency: &Dependency) -> bool {
    dependency.kind.is_none()
}

fn find<'p>(packages: &'p [Package], name: &str) -> Option<&'p Package> {
    packages
        .iter()
        .find(|package| package.name.strip_prefix("hobnob-") == Some(name))
}
