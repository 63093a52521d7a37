use crate::fixture::{rules, tree};
use xtask::tidy::{documents, fuzz, manifests, rust, text};

const MEMBER: &str = "\
[package]
name = \"a\"
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true

[dependencies]
bytes.workspace = true
serde = { workspace = true, features = [\"std\"] }

[lints]
workspace = true
";

const ROOT: &str = "\
[workspace.lints.rust]
unsafe_code = \"forbid\"
missing_docs = \"warn\"
";

const README: &str = "\
# Hobnob

## Set-up

```sh
cargo run --release -- dev   # five nodes that talk
cargo xtask ci
```

## Next
";

#[test]
fn layout_faults_are_found() {
    assert_eq!(rules(&text::check("a.md", "no newline")), ["final-newline"]);
    assert_eq!(
        rules(&text::check("a.md", "space \nnext\n")),
        ["trailing-space"]
    );
    assert_eq!(
        rules(&text::check("a.md", "carriage return\r\n")),
        ["trailing-space"]
    );
    assert_eq!(rules(&text::check("a.rs", "\tfn a() {}\n")), ["tab"]);
    assert_eq!(text::check("Makefile", "a:\n\tb\n"), []);
    assert_eq!(text::check("empty.txt", ""), []);
}

#[test]
fn seeds_of_a_fuzzer_keep_their_layout() {
    assert_eq!(text::check("fuzz/corpus/datagram/one", "no newline "), []);
}

#[test]
fn forbidden_wording_is_found_in_any_case() {
    for words in [
        "As an A",
        "Cla",
        "in this ses",
        "as the pro",
        "see /wo",
        "see /ro",
    ] {
        let rest = match words {
            "As an A" => "I",
            "Cla" => "ude",
            "in this ses" => "sion",
            "as the pro" => "mpt says",
            "see /wo" => "rk/main",
            _ => "ot/x",
        };
        assert_eq!(
            rules(&text::check("a.md", &format!("{words}{rest}\n"))),
            ["wording"],
            "{words}{rest}"
        );
    }
}

#[test]
fn harmless_wording_passes() {
    for line in [
        "as an aid to debugging",
        "each session has keys",
        "framework/",
        "a prompt reply",
    ] {
        assert_eq!(text::check("a.md", &format!("{line}\n")), [], "{line}");
    }
}

#[test]
fn unfinished_code_is_found() {
    for code in [
        "todo!()",
        "unimplemented!()",
        "dbg!(x)",
        "#[ignore]",
        "#[ignore = \"slow\"]",
    ] {
        assert_eq!(
            rules(&rust::check("tests/a.rs", code)),
            ["unfinished"],
            "{code}"
        );
        assert_eq!(rust::check("a.rs", &format!("// {code}\n")), [], "{code}");
    }
}

#[test]
fn marks_of_work_put_off_are_found_in_comments() {
    for mark in [
        concat!("FIX", "ME"),
        concat!("X", "XX"),
        concat!("HA", "CK"),
    ] {
        assert_eq!(
            rules(&rust::check("a.rs", &format!("// {mark}: later\n"))),
            ["mark"]
        );
    }
    assert_eq!(rust::check("a.rs", "// HACKNEY, XXXL\n"), []);
}

#[test]
fn unsafe_code_is_found() {
    for code in [
        "unsafe { f() }",
        "unsafe fn f() {}",
        "#[allow(unsafe_code)]",
    ] {
        assert_eq!(rules(&rust::check("fuzz/a.rs", code)), ["unsafe"], "{code}");
    }
    assert_eq!(
        rust::check(
            "a.rs",
            "// unsafe { is not here }\n#![forbid(unsafe_code)]\n"
        ),
        []
    );
}

#[test]
fn long_files_are_noted_then_refused() {
    let file = |lines: usize| "\n".repeat(lines);
    assert_eq!(rust::length_note("a.rs", &file(rust::LONG_FILE)), None);
    assert!(rust::length_note("a.rs", &file(rust::LONG_FILE + 1)).is_some());
    assert_eq!(rust::check("a.rs", &file(rust::LONGEST_FILE)), []);
    assert_eq!(
        rules(&rust::check("a.rs", &file(rust::LONGEST_FILE + 1))),
        ["length"]
    );
    assert_eq!(rust::check("tests/a.rs", &file(rust::LONGEST_FILE + 1)), []);
}

#[test]
fn a_member_that_inherits_passes() {
    assert_eq!(manifests::member("crates/a/Cargo.toml", MEMBER), []);
}

#[test]
fn a_member_with_lints_of_its_own_is_found() {
    let own = MEMBER.replace(
        "[lints]\nworkspace = true",
        "[lints.rust]\nunsafe_code = \"allow\"",
    );
    assert_eq!(rules(&manifests::member("a", &own)), ["lints"]);
    assert_eq!(
        rules(&manifests::member(
            "a",
            &MEMBER.replace("[lints]", "[other]")
        )),
        ["lints"]
    );
}

#[test]
fn a_dependency_that_is_not_inherited_is_found_in_every_table() {
    for table in [
        "dependencies",
        "dev-dependencies",
        "build-dependencies",
        "target.'cfg(unix)'.dependencies",
    ] {
        let own = format!(
            "{}\n[{table}]\nlibc = \"0.2\"\n",
            MEMBER.replace("[dependencies]", "[x]")
        );
        assert_eq!(
            rules(&manifests::member("a", &own)),
            ["inheritance"],
            "{table}"
        );
    }
}

#[test]
fn a_package_key_that_is_not_inherited_is_found() {
    let own = MEMBER.replace("rust-version.workspace = true", "rust-version = \"1.60\"");
    assert_eq!(rules(&manifests::member("a", &own)), ["inheritance"]);
}

#[test]
fn a_root_that_permits_unsafe_code_is_found() {
    assert_eq!(manifests::root("Cargo.toml", ROOT), []);
    assert_eq!(
        rules(&manifests::root(
            "Cargo.toml",
            &ROOT.replace("forbid", "deny")
        )),
        ["unsafe"]
    );
    assert_eq!(
        rules(&manifests::root(
            "Cargo.toml",
            &ROOT.replace("missing", "other")
        )),
        ["docs"]
    );
}

#[test]
fn the_set_up_is_two_commands() {
    assert_eq!(documents::set_up(README), None);
    let faults = [
        README.replace("## Set-up", "## Start"),
        README.replace("cargo xtask ci\n", ""),
        README.replace("cargo xtask ci\n", "cargo xtask ci\ncargo test\n"),
        README.replace("--release ", ""),
        README.replace("```sh", "```sh\napt-get install x"),
    ];
    for fault in faults {
        assert_eq!(
            rules(documents::set_up(&fault).as_slice()),
            ["set-up"],
            "{fault}"
        );
    }
}

#[test]
fn the_architecture_names_every_crate() {
    let text = "The crates: crates/wire, crates/gossip.\n";
    assert_eq!(documents::architecture(text, &["wire", "gossip"]), []);
    assert_eq!(
        rules(&documents::architecture(text, &["wire", "sim"])),
        ["architecture"]
    );
}

#[test]
fn the_changelog_has_an_unreleased_section() {
    assert_eq!(documents::changelog("# Changes\n\n## [Unreleased]\n"), None);
    assert!(documents::changelog("# Changes\n\n## 0.1.0\n\nUnreleased\n").is_some());
}

#[test]
fn a_crate_begins_with_prose() {
    let head = |lines: usize| "//! Line.\n//!\n".repeat(lines) + "mod a;\n//! late\n";
    assert_eq!(
        documents::prose("lib.rs", &head(documents::LEAST_PROSE)),
        None
    );
    assert!(documents::prose("lib.rs", &head(documents::LEAST_PROSE - 1)).is_some());
}

#[test]
fn missing_documents_and_heads_are_found() {
    let findings = documents::check(&tree(&[("crates/a/Cargo.toml", MEMBER)]));
    assert!(
        findings
            .iter()
            .any(|f| f.path == "LICENSE" && f.rule == "documents")
    );
    assert!(
        findings
            .iter()
            .any(|f| f.path == "crates/a/src/lib.rs" && f.rule == "prose")
    );
}

#[test]
fn a_fuzz_target_needs_a_corpus_and_a_test_that_runs_it() {
    let target = ("fuzz/fuzz_targets/datagram.rs", "");
    let seed = ("fuzz/corpus/datagram/one", "1");
    let test = (
        "fuzz/properties/src/lib.rs",
        "pub const PROPERTIES: &[Property] = &[(\"datagram\", datagram)];",
    );
    assert_eq!(fuzz::check(&tree(&[target, seed, test])), []);
    assert_eq!(rules(&fuzz::check(&tree(&[target, test]))), ["fuzz"]);
    assert_eq!(rules(&fuzz::check(&tree(&[target, seed]))), ["fuzz"]);
}

#[test]
fn the_whole_report_holds_the_findings_of_every_kind() {
    let report = xtask::tidy::check(&tree(&[
        ("Cargo.toml", ""),
        ("crates/a/Cargo.toml", "[package]\n"),
        ("crates/a/src/lib.rs", "fn f() { dbg!(1); } \n"),
        ("crates/a/src/long.rs", &"\n".repeat(rust::LONG_FILE + 1)),
        ("fuzz/fuzz_targets/a.rs", ""),
        ("README.md", ""),
    ]));
    let broken = rules(&report.findings);
    for rule in [
        "unsafe",
        "lints",
        "trailing-space",
        "unfinished",
        "prose",
        "documents",
        "set-up",
        "fuzz",
    ] {
        assert!(broken.contains(&rule), "{rule} is missing from {broken:?}");
    }
    assert_eq!(report.notes.len(), 1);
}
