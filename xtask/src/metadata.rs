//! The parts of `cargo metadata` that the checks read.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::process;
use crate::runner::cargo;

/// The workspace and everything it depends on, for every target.
#[derive(Debug, Deserialize)]
pub struct Metadata {
    /// Every package of the resolved graph.
    pub packages: Vec<Package>,
    /// Ids of the packages that are developed here.
    pub workspace_members: Vec<String>,
    /// Where the workspace's `Cargo.toml` stands.
    pub workspace_root: PathBuf,
    /// Where cargo builds.
    pub target_directory: PathBuf,
}

/// One package.
#[derive(Debug, Deserialize)]
pub struct Package {
    /// Cargo's id of it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SPDX expression, if it states one.
    pub license: Option<String>,
    /// Where it comes from; `None` for a folder.
    pub source: Option<String>,
    /// The oldest compiler it says it builds with.
    pub rust_version: Option<String>,
    /// Its `Cargo.toml`.
    pub manifest_path: PathBuf,
    /// What it asks for, of every kind.
    pub dependencies: Vec<Dependency>,
}

/// One line of a package's dependency tables.
#[derive(Debug, Deserialize)]
pub struct Dependency {
    /// Package name.
    pub name: String,
    /// `None` for normal ones, else `dev` or `build`.
    pub kind: Option<String>,
}

impl Metadata {
    /// Asks cargo, with the lock file as it stands.
    ///
    /// # Errors
    ///
    /// If cargo fails, as it does when `Cargo.lock` is out of date.
    pub fn load(root: &Path) -> Result<Self, String> {
        let text =
            process::capture(cargo(root).args(["metadata", "--format-version", "1", "--locked"]))?;
        serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))
    }

    /// The packages developed here.
    pub fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| self.workspace_members.contains(&package.id))
    }
}
