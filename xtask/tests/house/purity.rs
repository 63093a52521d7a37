use crate::fixture::{dependency, package, repository, rules};
use xtask::purity::{
    Node, Policy, check_closure, check_house, check_lint_config, check_source, check_strangers,
    parse_tree,
};

const POLICY: &str = r#"
[house]
wire = []
gossip = ["wire"]
messaging = ["wire"]

[[strangers]]
one = "gossip"
other = "messaging"

[allowed]
bytes = { why = "slices" }
cpufeatures = { why = "vector instructions" }
libc = { why = "cpufeatures asks it", behind = "cpufeatures" }

[forbidden]
tokio = "a runtime"
"#;

fn policy() -> Policy {
    Policy::parse(POLICY).expect("the fixture is a policy")
}

fn closure(tree: &str) -> Vec<String> {
    let nodes = parse_tree(tree).expect("the fixture is a tree");
    let findings = check_closure(&policy(), "gossip", &nodes);
    findings
        .into_iter()
        .map(|finding| finding.message)
        .collect()
}

#[test]
fn the_repository_s_policy_is_one() {
    let text = std::fs::read_to_string(repository().join(xtask::purity::POLICY)).unwrap();
    let policy = Policy::parse(&text).unwrap();
    for name in [
        "wire",
        "session",
        "gossip",
        "messaging",
        "capsule",
        "endpoint",
    ] {
        assert!(policy.pure().any(|pure| pure == name), "{name}");
    }
}

#[test]
fn a_policy_that_contradicts_itself_is_refused() {
    let faults = [
        (
            POLICY.replace("tokio =", "bytes ="),
            "both allowed and forbidden",
        ),
        (POLICY.replace("\"slices\"", "\"\""), "without a reason"),
        (
            POLICY.replace("[\"wire\"]", "[\"wires\"]"),
            "wires is not a pure crate",
        ),
        (
            POLICY.replace("other = \"messaging\"", "other = \"x\""),
            "x is not a pure crate",
        ),
        (POLICY.replace("[house]", "[houses]"), "unknown field"),
    ];
    for (text, reason) in faults {
        let error = Policy::parse(&text).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn a_tree_is_read_with_its_chains() {
    let nodes = parse_tree("0a v1.0.0 (/x)\n1b v1.0.0\n2c v1.0.0\n1d v1.0.0\n").unwrap();
    let chains: Vec<String> = nodes.iter().map(|Node { chain }| chain.join("/")).collect();
    assert_eq!(chains, ["a", "a/b", "a/b/c", "a/d"]);
}

#[test]
fn what_is_no_tree_is_refused() {
    for text in ["", "a v1.0.0\n", "1a v1.0.0\n", "0a v1\n2b v1\n"] {
        assert_eq!(parse_tree(text), None, "{text}");
    }
}

#[test]
fn a_listed_closure_passes() {
    let tree = "0hobnob-gossip v0\n1hobnob-wire v0\n2bytes v1\n1cpufeatures v0\n2libc v0\n";
    assert_eq!(closure(tree), [] as [&str; 0]);
}

#[test]
fn a_runtime_deep_in_the_closure_is_found_with_the_way_to_it() {
    let found = closure("0hobnob-gossip v0\n1hobnob-wire v0\n2tokio v1\n");
    assert_eq!(
        found,
        ["hobnob-gossip → hobnob-wire → tokio: forbidden: a runtime"]
    );
}

#[test]
fn a_package_that_is_not_listed_is_found() {
    let found = closure("0hobnob-gossip v0\n1getrandom v0\n1hobnob-sim v0\n");
    assert_eq!(found.len(), 2);
    assert!(
        found
            .iter()
            .all(|message| message.contains("not on the list"))
    );
}

#[test]
fn a_package_is_reported_once_and_without_what_it_brings() {
    let tree = "0hobnob-gossip v0\n1tokio v1\n2mio v1\n1hobnob-wire v0\n2tokio v1\n3mio v1\n";
    assert_eq!(
        closure(tree),
        ["hobnob-gossip → tokio: forbidden: a runtime"]
    );
}

#[test]
fn a_package_allowed_behind_another_is_refused_elsewhere() {
    let found = closure("0hobnob-gossip v0\n1libc v0\n");
    assert_eq!(
        found,
        ["hobnob-gossip → libc: allowed behind cpufeatures only"]
    );
}

#[test]
fn a_dependency_against_the_direction_of_the_house_is_found() {
    let mut wire = package("hobnob-wire");
    wire.dependencies = vec![dependency("hobnob-gossip", None), dependency("bytes", None)];
    let packages = [wire, package("hobnob-gossip"), package("hobnob-messaging")];
    assert_eq!(rules(&check_house(&policy(), &packages)), ["house-layers"]);
}

#[test]
fn tests_may_use_what_a_crate_may_not() {
    let mut wire = package("hobnob-wire");
    wire.dependencies = vec![dependency("hobnob-gossip", Some("dev"))];
    let packages = [wire, package("hobnob-gossip"), package("hobnob-messaging")];
    assert_eq!(check_house(&policy(), &packages), []);
}

#[test]
fn a_pure_crate_that_is_gone_is_found() {
    let packages = [package("hobnob-wire"), package("hobnob-gossip")];
    assert_eq!(rules(&check_house(&policy(), &packages)), ["purity"]);
}

#[test]
fn strangers_are_found_in_both_directions_and_in_tests() {
    for (from, to) in [("gossip", "messaging"), ("messaging", "gossip")] {
        for kind in [None, Some("dev"), Some("build")] {
            let mut one = package(&format!("hobnob-{from}"));
            one.dependencies = vec![dependency(&format!("hobnob-{to}"), kind)];
            let packages = [one, package(&format!("hobnob-{to}"))];
            assert_eq!(rules(&check_strangers(&policy(), &packages)), ["strangers"]);
        }
    }
}

#[test]
fn a_root_without_no_std_is_found() {
    let path = "crates/wire/src/lib.rs";
    assert_eq!(check_source(path, "//! Prose.\n#![no_std]\n", true), []);
    assert_eq!(rules(&check_source(path, "//! Prose.\n", true)), ["no-std"]);
    assert_eq!(
        rules(&check_source(path, "// #![no_std]\n", true)),
        ["no-std"]
    );
    let conditional = "#![cfg_attr(not(test), no_std)]\n";
    assert_eq!(rules(&check_source(path, conditional, true)), ["no-std"]);
}

#[test]
fn std_outside_of_tests_is_found() {
    let path = "crates/wire/src/codec.rs";
    for code in [
        "use std::net::UdpSocket;\n",
        "extern crate std;\n",
        "let x = ::std::mem::take(y);\n",
    ] {
        assert_eq!(
            rules(&check_source(path, code, false)),
            ["no-std"],
            "{code}"
        );
    }
}

#[test]
fn std_in_tests_comments_and_names_passes() {
    let code = "/// Not `std::net`.\nuse core::mem;\nuse my_std::x;\n\
                #[cfg(test)]\nmod tests {\n    use std::vec;\n}\n";
    assert_eq!(check_source("crates/wire/src/codec.rs", code, false), []);
    let tests = "use std::vec;\n";
    assert_eq!(
        check_source("crates/wire/src/codec/tests.rs", tests, false),
        []
    );
}

#[test]
fn a_lint_configuration_that_differs_is_found() {
    let check = |own, common| check_lint_config("crates/wire/clippy.toml", own, common);
    assert_eq!(check(Some("a"), Some("a")), None);
    for (own, common) in [
        (Some("a"), Some("b")),
        (None, Some("a")),
        (Some("a"), None),
        (None, None),
    ] {
        assert_eq!(
            check(own, common).map(|finding| finding.rule),
            Some("pure-lints")
        );
    }
}
