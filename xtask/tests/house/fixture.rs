//! Trees and packages to check.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use xtask::finding::Finding;
use xtask::metadata::{Dependency, Package};
use xtask::tree::{File, Tree};

/// A tree of text files.
pub(crate) fn tree(files: &[(&str, &str)]) -> Tree {
    let file = |(path, text): &(&str, &str)| File {
        path: (*path).to_owned(),
        text: Some((*text).to_owned()),
    };
    Tree {
        files: files.iter().map(file).collect(),
    }
}

/// A package of crates.io under MIT that depends on nothing.
pub(crate) fn package(name: &str) -> Package {
    Package {
        id: format!("{name} 1.0.0"),
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        license: Some("MIT".to_owned()),
        source: Some("registry+https://github.com/rust-lang/crates.io-index".to_owned()),
        rust_version: None,
        manifest_path: PathBuf::from("Cargo.toml"),
        dependencies: Vec::new(),
    }
}

/// A line of a dependency table; `kind` as cargo spells it.
pub(crate) fn dependency(name: &str, kind: Option<&str>) -> Dependency {
    Dependency {
        name: name.to_owned(),
        kind: kind.map(str::to_owned),
    }
}

/// The rules that were broken, in order.
pub(crate) fn rules(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.rule).collect()
}

/// The repository these tests belong to.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// An empty folder for one test, which no other test uses.
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).expect("a scratch folder can be emptied");
    }
    fs::create_dir_all(&folder).expect("a scratch folder can be made");
    folder
}

/// Writes a package called `name` without dependencies beyond `dependencies`.
pub(crate) fn write_package(folder: &Path, name: &str, dependencies: &str, code: &str) {
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [workspace]\n\n[dependencies]\n{dependencies}"
    );
    fs::create_dir_all(folder.join("src")).expect("a source folder can be made");
    fs::write(folder.join("Cargo.toml"), manifest).expect("a manifest can be written");
    fs::write(folder.join("src/lib.rs"), code).expect("code can be written");
}

/// Runs cargo in `folder`, which builds under it and stays off the network.
pub(crate) fn cargo(folder: &Path, arguments: &[&str]) -> Output {
    let mut command: Command = xtask::runner::cargo(folder);
    command
        .args(arguments)
        .args(["--offline", "--target-dir"])
        .arg(folder.join("target"));
    command
        .stdin(Stdio::null())
        .output()
        .expect("cargo can be started")
}

/// Standard error as text.
pub(crate) fn messages(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
