use std::fs;

use crate::fixture::{cargo, messages, repository, scratch, write_package};

/// Everything that `ci/pure-clippy.toml` refuses, used once each: in what stands
/// in for a test of a pure crate, since the crate itself can't name `std`.
const PLANTED: &str = "\
#![no_std]
#[cfg(test)]
extern crate std;
#[cfg(test)]
mod tests {
    #[test]
    fn planted() {
        let now = std::time::Instant::now();
        let _ = now.elapsed();
        let _ = std::time::SystemTime::now().elapsed();
        std::thread::sleep(core::time::Duration::ZERO);
        let _ = std::thread::spawn(|| ()).join();
        rand::rng();
        rand::random();
        rand::thread_rng();
        let _ = std::collections::HashMap::<u8, u8, std::hash::RandomState>::default();
        let _ = std::collections::HashSet::<u8>::new();
        let _ = None::<hashbrown::HashMap>;
        let _ = None::<hashbrown::HashSet>;
    }
}
";

/// Stand-ins: the lint goes by the path of a name, and the network stays out of it.
const RAND: &str = "pub fn rng() {}\npub fn random() {}\npub fn thread_rng() {}\n";
const HASHBROWN: &str = "pub struct HashMap;\npub struct HashSet;\n";

const REFUSED: &[&str] = &[
    "method `std::time::Instant::now`",
    "method `std::time::Instant::elapsed`",
    "method `std::time::SystemTime::now`",
    "method `std::time::SystemTime::elapsed`",
    "method `std::thread::sleep`",
    "method `std::thread::spawn`",
    "method `rand::rng`",
    "method `rand::random`",
    "method `rand::thread_rng`",
    "type `std::collections::HashMap`",
    "type `std::collections::HashSet`",
    "type `std::hash::RandomState`",
    "type `hashbrown::HashMap`",
    "type `hashbrown::HashSet`",
];

/// The configuration is reached through a symbolic link, as the pure crates do.
#[cfg(unix)]
#[test]
fn the_lints_of_the_pure_crates_catch_every_planted_fault() {
    let folder = scratch("planted-lints");
    write_package(&folder.join("rand"), "rand", "", RAND);
    write_package(&folder.join("hashbrown"), "hashbrown", "", HASHBROWN);
    let stand_ins = "rand = { path = \"../rand\" }\nhashbrown = { path = \"../hashbrown\" }\n";
    let planted = folder.join("planted");
    write_package(&planted, "planted", stand_ins, PLANTED);
    let config = repository()
        .join("ci/pure-clippy.toml")
        .canonicalize()
        .unwrap();
    std::os::unix::fs::symlink(config, planted.join("clippy.toml")).unwrap();

    let output = cargo(&planted, &["clippy", "--all-targets"]);
    let messages = messages(&output);
    for name in REFUSED {
        assert!(
            messages.contains(&format!("disallowed {name}")),
            "{name} was let through: {messages}"
        );
    }

    let output = cargo(
        &planted,
        &["clippy", "--all-targets", "--", "-D", "warnings"],
    );
    assert!(!output.status.success());
}

/// A path added to the configuration must be planted above, too.
#[test]
fn every_configured_path_is_planted() {
    let text = fs::read_to_string(repository().join("ci/pure-clippy.toml")).unwrap();
    let configured: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split('"').nth(1))
        .collect();
    for path in configured.iter().filter(|path| path.contains("::")) {
        let planted = REFUSED
            .iter()
            .any(|refused| refused.contains(&format!("`{path}`")));
        assert!(planted, "{path}");
    }
    assert!(
        configured.len() > REFUSED.len(),
        "the paths and the msrv: {configured:?}"
    );
}
