//! A crate that compiles only if nothing under it links `std`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::Policy;
use crate::metadata::Metadata;
use crate::runner::{Shell, cargo};

/// The probe's whole text, but for the crates it names. `std` defines the same
/// handler, and the compiler refuses a second one anywhere in the graph.
const HANDLER: &str = "\
#![no_std]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
";

/// Writes a package into `folder` that stands on the packages `(name, folder)`.
///
/// # Errors
///
/// If a file can't be written.
pub fn write_probe(folder: &Path, packages: &[(String, &Path)]) -> Result<(), String> {
    let mut manifest = "[package]\nname = \"purity-probe\"\nedition = \"2024\"\n\n\
                        [workspace]\n\n[dependencies]\n"
        .to_owned();
    let mut code = HANDLER.to_owned();
    for (name, path) in packages {
        // A path as a TOML string: what JSON escapes, TOML understands.
        let path = serde_json::Value::from(path.to_string_lossy());
        let _ = writeln!(manifest, "{name} = {{ path = {path} }}");
        // Named, or the compiler would not load it at all.
        let _ = writeln!(code, "extern crate {} as _;", name.replace('-', "_"));
    }
    let write = || {
        fs::create_dir_all(folder.join("src"))?;
        fs::write(folder.join("Cargo.toml"), manifest)?;
        fs::write(folder.join("src/lib.rs"), code)
    };
    write().map_err(|error| format!("{}: {error}", folder.display()))
}

/// Whether the compiler's messages say that a probe met `std`.
pub fn links_std(messages: &str) -> bool {
    messages.contains("E0152") && messages.contains("panic_impl")
}

/// Compiles the probe on all pure crates, with the locked versions.
pub(super) fn check(shell: &mut Shell, policy: &Policy, metadata: &Metadata) -> Result<(), String> {
    let folder = metadata.target_directory.join("xtask/purity-probe");
    let member = |name: &str| {
        let package = metadata
            .members()
            .find(|p| p.name.strip_prefix("hobnob-") == Some(name))?;
        Some((package.name.clone(), package.manifest_path.parent()?))
    };
    let packages: Vec<_> = policy.pure().filter_map(member).collect();
    write_probe(&folder, &packages)?;
    fs::copy(
        metadata.workspace_root.join("Cargo.lock"),
        folder.join("Cargo.lock"),
    )
    .map_err(|error| format!("Cargo.lock: {error}"))?;
    let mut command = cargo(&folder);
    command
        .arg("check")
        .arg("--target-dir")
        .arg(&metadata.target_directory);
    shell
        .run(&mut command)
        .map_err(|_| "the probe for `std` did not compile".to_owned())
}
