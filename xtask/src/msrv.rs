//! The minimum supported Rust version: stated once, and kept.

use std::process::Command;

use serde::Deserialize;

use crate::finding::Finding;
use crate::metadata::{Metadata, Package};
use crate::process;
use crate::runner::Shell;
use crate::tree::Tree;

/// Checks that every lint configuration names the workspace's version and that
/// no dependency needs a newer one; compiles with that very version where it
/// is installed.
///
/// # Errors
///
/// The number of findings, or the command that failed.
pub fn check(shell: &mut Shell) -> Result<(), String> {
    let tree = Tree::load(&shell.root)?;
    let stated = stated(tree.text("Cargo.toml").unwrap_or_default())?;
    let mut findings = lint_configs(&tree, &stated);
    findings.extend(dependencies(
        &Metadata::load(&shell.root)?.packages,
        &stated,
    ));
    shell.report(&findings)?;
    compile(shell, &stated)
}

/// `workspace.package.rust-version` of the root manifest.
///
/// # Errors
///
/// If it isn't there.
pub fn stated(manifest: &str) -> Result<String, String> {
    let manifest: toml::Table =
        toml::from_str(manifest).map_err(|error| format!("Cargo.toml: {error}"))?;
    let package = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("package"));
    package
        .and_then(|package| package.get("rust-version")?.as_str())
        .map(str::to_owned)
        .ok_or_else(|| "Cargo.toml: workspace.package.rust-version is missing".to_owned())
}

/// Every `clippy.toml` must name the stated version: clippy does not look
/// further up than the first one it finds.
pub fn lint_configs(tree: &Tree, stated: &str) -> Vec<Finding> {
    #[derive(Deserialize)]
    struct Config {
        msrv: Option<String>,
    }
    let configs = tree
        .texts()
        .filter(|(path, _)| path.ends_with("clippy.toml"));
    configs
        .filter_map(|(path, text)| match toml::from_str::<Config>(text) {
            Ok(Config { msrv: Some(msrv) }) if msrv == stated => None,
            Ok(_) => Some(Finding::file(
                path,
                "msrv",
                format!("must say msrv = \"{stated}\""),
            )),
            Err(error) => Some(Finding::file(path, "msrv", error.message())),
        })
        .collect()
}

/// No locked package may say that it needs a newer compiler.
pub fn dependencies(packages: &[Package], stated: &str) -> Vec<Finding> {
    let limit = version(stated);
    packages
        .iter()
        .filter_map(|package| {
            let needs = package.rust_version.as_deref()?;
            (version(needs) > limit).then(|| {
                let message = format!("{} {} needs Rust {needs}", package.name, package.version);
                Finding::file("Cargo.lock", "msrv", message)
            })
        })
        .collect()
}

fn version(text: &str) -> Vec<u32> {
    let mut parts: Vec<u32> = text
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect();
    parts.resize(3, 0);
    parts
}

fn compile(shell: &mut Shell, stated: &str) -> Result<(), String> {
    // Asking must not install: newer versions of rustup do, unless told otherwise.
    let mut ask = Command::new("rustup");
    ask.args(["run", stated, "rustc", "--version"]);
    let installed = process::succeeds(ask.env("RUSTUP_AUTO_INSTALL", "0"));
    if !installed {
        shell.note(format!(
            "not compiled with Rust {stated} itself; `rustup toolchain install {stated} --profile \
             minimal` enables it"
        ));
        return Ok(());
    }
    let target = Metadata::load(&shell.root)?.target_directory.join("msrv");
    let mut check = Command::new("rustup");
    check
        .current_dir(&shell.root)
        .env_remove("RUSTUP_TOOLCHAIN");
    check.env_remove("RUSTC").env_remove("CARGO");
    check.args(["run", stated, "cargo", "check", "--workspace", "--locked"]);
    shell.run(check.arg("--target-dir").arg(target))
}
