//! Rules about fuzz targets: each has a seed corpus that ordinary tests run.

use crate::finding::Finding;
use crate::tree::Tree;

/// Every `fuzz/fuzz_targets/NAME.rs` has files in `fuzz/corpus/NAME/`, and a
/// test file names that folder, so that the corpus runs on stable Rust too.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let targets = tree.files.iter().filter_map(|file| {
        let name = file
            .path
            .strip_prefix("fuzz/fuzz_targets/")?
            .strip_suffix(".rs")?;
        Some((file.path.as_str(), name))
    });
    targets
        .filter_map(|(path, name)| check_target(tree, path, name))
        .collect()
}

fn check_target(tree: &Tree, path: &str, name: &str) -> Option<Finding> {
    let folder = format!("fuzz/corpus/{name}");
    let seeds = format!("{folder}/");
    if !tree.files.iter().any(|file| file.path.starts_with(&seeds)) {
        return Some(Finding::file(
            path,
            "fuzz",
            format!("has no seed corpus in {folder}"),
        ));
    }
    let mut tests = tree.rust().filter(|(path, _)| path.contains("/tests/"));
    let is_tested = tests.any(|(_, text)| text.contains(&folder));
    (!is_tested)
        .then(|| Finding::file(path, "fuzz", format!("no test under crates/ runs {folder}")))
}
