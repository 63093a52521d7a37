//! Licences and sources of every package in the lock file, on every target.
//!
//! The rules stand in `deny.toml`, in the words of cargo-deny. Building
//! cargo-deny takes longer than all other checks together, so the rules that
//! matter are evaluated here, with the SPDX parser that cargo-deny uses; where
//! the program itself is installed it runs too.

use serde::Deserialize;
use spdx::{Expression, Licensee, ParseMode};

use crate::finding::Finding;
use crate::metadata::{Metadata, Package};
use crate::process;
use crate::runner::{Shell, cargo};

/// The parts of `deny.toml` that are evaluated here.
#[derive(Debug, Deserialize)]
pub struct Policy {
    licenses: Licences,
    sources: Sources,
}

#[derive(Debug, Deserialize)]
struct Licences {
    allow: Vec<Licence>,
    #[serde(default)]
    exceptions: Vec<Exception>,
}

#[derive(Debug, Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    package: String,
    allow: Vec<Licence>,
}

/// A licence that SPDX knows: a misspelt one in the policy is an error.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Licence(Licensee);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

impl TryFrom<String> for Licence {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Licensee::parse(&name)
            .map(Self)
            .map_err(|error| format!("`{name}`: {}", error.reason))
    }
}

impl Policy {
    /// Reads the text of `deny.toml`.
    ///
    /// # Errors
    ///
    /// If it is no TOML or lacks a part.
    pub fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| format!("deny.toml: {error}"))
    }

    /// What this policy has against `packages`.
    pub fn check(&self, packages: &[Package]) -> Vec<Finding> {
        let licence = packages
            .iter()
            .filter_map(|package| self.check_licence(package));
        let source = packages
            .iter()
            .filter_map(|package| self.check_source(package));
        licence.chain(source).collect()
    }

    fn check_licence(&self, package: &Package) -> Option<Finding> {
        let Some(text) = package.license.as_deref() else {
            return Some(refusal(package, "states no SPDX licence"));
        };
        // Lax: packages from before 2018 write `MIT/Apache-2.0`.
        let expression = match Expression::parse_mode(text, ParseMode::LAX) {
            Ok(expression) => expression,
            Err(error) => return Some(refusal(package, &format!("`{text}`: {}", error.reason))),
        };
        let exceptions = self.licenses.exceptions.iter();
        let granted = exceptions.filter(|exception| exception.package == package.name);
        let allowed: Vec<&Licence> = granted
            .flat_map(|exception| &exception.allow)
            .chain(&self.licenses.allow)
            .collect();
        let is_allowed = expression
            .evaluate(|wanted| allowed.iter().any(|Licence(known)| known.satisfies(wanted)));
        (!is_allowed).then(|| refusal(package, &format!("`{text}` is not allowed by deny.toml")))
    }

    fn check_source(&self, package: &Package) -> Option<Finding> {
        let source = package.source.as_deref()?;
        let registry = source.strip_prefix("registry+");
        let allowed = &self.sources.allow_registry;
        let is_allowed = registry.is_some_and(|url| allowed.iter().any(|allowed| allowed == url));
        (!is_allowed).then(|| refusal(package, &format!("comes from {source}")))
    }

    /// The exceptions that are in use, a line each.
    fn exceptions_in_use(&self, packages: &[Package]) -> Vec<String> {
        let exceptions = self.licenses.exceptions.iter();
        exceptions
            .filter(|exception| {
                packages
                    .iter()
                    .any(|package| package.name == exception.package)
            })
            .map(|Exception { package, allow }| {
                let names: Vec<String> =
                    allow.iter().map(|Licence(name)| name.to_string()).collect();
                format!("{package}: {}", names.join(", "))
            })
            .collect()
    }
}

/// Checks the packages of the lock file against `deny.toml`.
///
/// # Errors
///
/// The number of findings, or what could not be read.
pub fn check(shell: &mut Shell) -> Result<(), String> {
    let text = std::fs::read_to_string(shell.root.join("deny.toml"))
        .map_err(|error| format!("deny.toml: {error}"))?;
    let policy = Policy::parse(&text)?;
    let packages = Metadata::load(&shell.root)?.packages;
    for line in policy.exceptions_in_use(&packages) {
        shell.say(&format!("licence exception in use: {line}"));
    }
    shell.report(&policy.check(&packages))?;
    shell.say(&format!(
        "{} packages, all with allowed licences and sources",
        packages.len()
    ));
    cargo_deny(shell)
}

fn refusal(package: &Package, message: &str) -> Finding {
    let Package { name, version, .. } = package;
    Finding::file(
        "Cargo.lock",
        "licence",
        format!("{name} {version}: {message}"),
    )
}

fn cargo_deny(shell: &mut Shell) -> Result<(), String> {
    if process::is_installed("cargo-deny") {
        let mut deny = cargo(&shell.root);
        return shell.run(deny.args(["deny", "--offline", "check", "licenses", "bans", "sources"]));
    }
    shell.note("cargo-deny is not installed: `cargo install cargo-deny --locked` enables it");
    Ok(())
}
