use crate::fixture::{package, repository, rules};
use xtask::licences::Policy;
use xtask::metadata::Package;

fn policy() -> Policy {
    let text = std::fs::read_to_string(repository().join("deny.toml")).unwrap();
    Policy::parse(&text).unwrap()
}

fn licensed(name: &str, licence: Option<&str>) -> Package {
    Package {
        license: licence.map(str::to_owned),
        ..package(name)
    }
}

fn verdict(name: &str, licence: Option<&str>) -> Vec<&'static str> {
    rules(&policy().check(&[licensed(name, licence)]))
}

#[test]
fn permissive_licences_pass() {
    for licence in [
        "MIT",
        "MIT OR Apache-2.0",
        "MIT/Apache-2.0",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "GPL-3.0-only OR ISC",
    ] {
        assert_eq!(verdict("a", Some(licence)), [] as [&str; 0], "{licence}");
    }
}

#[test]
fn other_licences_are_found() {
    for licence in [
        "GPL-3.0-only",
        "AGPL-3.0-or-later",
        "MIT AND GPL-2.0-only",
        "MPL-2.0",
        "no licence",
    ] {
        assert_eq!(verdict("a", Some(licence)), ["licence"], "{licence}");
    }
    assert_eq!(verdict("a", None), ["licence"]);
}

#[test]
fn an_exception_holds_for_its_crate_alone() {
    assert_eq!(verdict("foca", Some("MPL-2.0")), [] as [&str; 0]);
    assert_eq!(verdict("fork-of-foca", Some("MPL-2.0")), ["licence"]);
}

#[test]
fn sources_other_than_crates_io_are_found() {
    for source in [
        "git+https://github.com/a/b#0123",
        "registry+https://example.org/index",
    ] {
        let stray = Package {
            source: Some(source.to_owned()),
            ..package("a")
        };
        assert_eq!(rules(&policy().check(&[stray])), ["licence"], "{source}");
    }
    let own = Package {
        source: None,
        ..package("hobnob")
    };
    assert_eq!(policy().check(&[own]), []);
}

#[test]
fn every_licence_in_the_policy_is_one_that_spdx_knows() {
    let text = std::fs::read_to_string(repository().join("deny.toml")).unwrap();
    assert!(Policy::parse(&text.replace("\"ISC\"", "\"ISK\"")).is_err());
}
