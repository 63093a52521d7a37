use crate::fixture::{package, rules, tree};
use xtask::metadata::Package;
use xtask::msrv::{dependencies, lint_configs, stated};

fn needing(version: &str) -> Package {
    Package {
        rust_version: Some(version.to_owned()),
        ..package("a")
    }
}

#[test]
fn the_version_is_read_from_the_root() {
    let manifest = "[workspace.package]\nrust-version = \"1.88\"\n";
    assert_eq!(stated(manifest).as_deref(), Ok("1.88"));
    assert!(stated("[workspace]\n").is_err());
}

#[test]
fn a_lint_configuration_for_another_version_is_found() {
    let right = ("clippy.toml", "msrv = \"1.88\"\n");
    assert_eq!(lint_configs(&tree(&[right]), "1.88"), []);
    for text in ["msrv = \"1.85\"\n", "", "msrv = \n"] {
        let wrong = ("ci/pure-clippy.toml", text);
        assert_eq!(
            rules(&lint_configs(&tree(&[right, wrong]), "1.88")),
            ["msrv"],
            "{text}"
        );
    }
}

#[test]
fn a_dependency_that_needs_a_newer_compiler_is_found() {
    for older in ["1.88", "1.88.0", "1.9", "1.60.1"] {
        assert_eq!(dependencies(&[needing(older)], "1.88"), [], "{older}");
    }
    for newer in ["1.88.1", "1.89", "1.100", "2.0"] {
        assert_eq!(
            rules(&dependencies(&[needing(newer)], "1.88")),
            ["msrv"],
            "{newer}"
        );
    }
}
