//! Rules about fuzz targets: each has a seed corpus that ordinary tests run.

use crate::finding::Finding;
use crate::tree::Tree;

/// Where the properties are listed that an ordinary test runs over their corpora.
const PROPERTIES: &str = "fuzz/properties/src/lib.rs";

/// Every `fuzz/fuzz_targets/NAME.rs` has files in `fuzz/corpus/NAME/`, and its
/// property is listed, so that the corpus runs on stable Rust too.
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
    let entry = format!("(\"{name}\", ");
    let mut lists = tree.rust().filter(|(path, _)| *path == PROPERTIES);
    let is_tested = lists.any(|(_, text)| text.contains(&entry));
    (!is_tested).then(|| {
        let complaint = format!("{PROPERTIES} does not list it: no test runs {folder}");
        Finding::file(path, "fuzz", complaint)
    })
}
