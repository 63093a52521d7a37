//! The files of the repository, read once.

use std::fs;
use std::path::Path;

/// Folders that hold nothing written by hand: git's own, build output, and what
/// a fuzzer leaves behind.
const SKIPPED: &[&str] = &[
    ".git",
    "target",
    "fuzz/target",
    "fuzz/artifacts",
    "fuzz/coverage",
];

/// One file.
#[derive(Clone, Debug)]
pub struct File {
    /// Path from the root, with `/` between its parts.
    pub path: String,
    /// Its text; `None` where it is not UTF-8 or holds a zero byte.
    pub text: Option<String>,
}

/// All files, sorted by path. Symbolic links stand for what they point at.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// The files.
    pub files: Vec<File>,
}

impl Tree {
    /// Reads everything under `root`. It walks the folders instead of asking
    /// git, so that an unpacked archive is checked like a checkout.
    ///
    /// # Errors
    ///
    /// If a folder or file can't be read.
    pub fn load(root: &Path) -> Result<Self, String> {
        let mut files = Vec::new();
        walk(root, "", &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { files })
    }

    /// The text of the file at `path`, if it is there and is text.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files
            .iter()
            .find(|file| file.path == path)?
            .text
            .as_deref()
    }

    /// Path and text of every text file.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter_map(|file| Some((file.path.as_str(), file.text.as_deref()?)))
    }

    /// Path and text of every Rust file.
    pub fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, _)| path.ends_with(".rs"))
    }

    /// Path and text of every `Cargo.toml` of a member: all but the root's and
    /// that of `fuzz`, which is a workspace of its own.
    pub fn member_manifests(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts()
            .filter(|(path, _)| path.ends_with("/Cargo.toml") && !path.starts_with("fuzz/"))
    }

    /// Names of the folders directly under `crates/` that hold a package.
    pub fn crate_folders(&self) -> impl Iterator<Item = &str> {
        self.files.iter().filter_map(|file| {
            let folder = file
                .path
                .strip_prefix("crates/")?
                .strip_suffix("/Cargo.toml")?;
            (!folder.contains('/')).then_some(folder)
        })
    }
}

/// Whether a Rust file is test code: in a `tests` folder, or named `tests.rs`.
pub fn is_test_path(path: &str) -> bool {
    path.split('/')
        .any(|part| matches!(part, "tests" | "tests.rs"))
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<File>) -> Result<(), String> {
    let unreadable = |error| format!("{}: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if entry.file_type().map_err(unreadable)?.is_dir() {
            if !SKIPPED.contains(&path.as_str()) {
                walk(&entry.path(), &format!("{path}/"), files)?;
            }
            continue;
        }
        let bytes = fs::read(entry.path()).map_err(|error| format!("{path}: {error}"))?;
        let text = String::from_utf8(bytes)
            .ok()
            .filter(|text| !text.contains('\0'));
        files.push(File { path, text });
    }
    Ok(())
}
