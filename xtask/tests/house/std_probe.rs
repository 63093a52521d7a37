use std::path::Path;

use crate::fixture::{cargo, messages, scratch, write_package};
use xtask::purity::{links_std, write_probe};

/// A crate that is `no_std` itself, but stands on one with `code`.
fn probe_above(name: &str, code: &str) -> (bool, String) {
    let folder = scratch(name);
    write_package(&folder.join("below"), "below", "", code);
    let dependency = "below = { path = \"../below\" }\n";
    write_package(
        &folder.join("pure"),
        "pure-one",
        dependency,
        "#![no_std]\nextern crate below as _;\n",
    );
    let probe = folder.join("probe");
    let pure: &Path = &folder.join("pure");
    write_probe(&probe, &[("pure-one".to_owned(), pure)]).unwrap();
    let output = cargo(&probe, &["check"]);
    (output.status.success(), messages(&output))
}

#[test]
fn a_crate_under_a_pure_one_that_links_std_is_found() {
    let (compiled, messages) = probe_above("probe-std", "pub fn now() {}\n");
    assert!(!compiled);
    assert!(links_std(&messages), "{messages}");
    assert!(
        messages.contains("below"),
        "the message names the crate: {messages}"
    );
}

#[test]
fn a_closure_without_std_passes() {
    let code = "#![no_std]\nextern crate alloc;\npub type Bytes = alloc::vec::Vec<u8>;\n";
    let (compiled, messages) = probe_above("probe-core", code);
    assert!(compiled, "{messages}");
    assert!(!links_std(&messages));
}
