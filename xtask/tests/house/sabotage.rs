//! The faults that are planted to check the simulator's checkers.

use std::collections::BTreeSet;
use std::path::Path;

use xtask::sabotage::{PLANTS, Plant, parse, sow};
use xtask::tree::Tree;

use crate::fixture::{self, scratch};

fn tree() -> Tree {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    Tree::load(root.expect("xtask has a parent")).expect("the sources can be read")
}

fn plants(tree: &Tree) -> Vec<Plant> {
    parse(tree.text(PLANTS).expect("it is there")).expect("it is well formed")
}

#[test]
fn every_plant_fits() {
    let tree = tree();
    for plant in plants(&tree) {
        let text = tree.text(&plant.file).expect("its file is there");
        let sabotaged = plant.apply(text).expect("it fits");
        assert_ne!(sabotaged, text, "{} changes something", plant.name);
    }
}

#[test]
fn there_are_enough_and_each_has_its_own_name() {
    let plants = plants(&tree());
    let names: BTreeSet<&str> = plants.iter().map(|plant| plant.name.as_str()).collect();
    assert_eq!(names.len(), plants.len());
    assert!(plants.len() >= 15);
    assert!(
        plants.iter().any(|plant| plant.ci),
        "some are planted by ci"
    );
}

#[test]
fn a_plant_that_no_longer_fits_says_so() {
    let text = r#"
        [[plant]]
        name = "off-by-one"
        breaks = "a limit"
        file = "a.rs"
        find = "<"
        replace = "<="
    "#;
    let plants = parse(text).expect("it is well formed");
    assert_eq!(plants[0].apply("a < b"), Ok("a <= b".to_owned()));
    for text in ["a > b", "a < b < c"] {
        let complaint = plants[0].apply(text).expect_err("it does not fit");
        assert!(complaint.contains("off-by-one"), "{complaint}");
        assert!(complaint.contains("no longer fits"), "{complaint}");
    }
}

#[test]
fn an_unknown_key_is_refused() {
    assert!(parse("[[plant]]\nname = \"x\"\nseed = 1").is_err());
}

#[test]
fn a_copy_has_one_fault_and_nothing_of_the_copy_before() {
    let folder = scratch("sabotage");
    let plant = |file: &str| {
        let text = format!(
            "[[plant]]\nname = \"p\"\nbreaks = \"it\"\nfile = \"{file}\"\nfind = \"good\"\nreplace = \"bad\""
        );
        parse(&text).expect("it is well formed").remove(0)
    };
    let before = fixture::tree(&[("a/old.rs", "good"), ("a/b.rs", "good")]);
    sow(&before, &folder, &plant("a/old.rs")).expect("it fits");
    let after = fixture::tree(&[("a/old/mod.rs", "good"), ("a/b.rs", "good")]);
    sow(&after, &folder, &plant("a/old/mod.rs")).expect("it fits");
    let copy = Tree::load(&folder).expect("it can be read");
    let copy: Vec<(&str, &str)> = copy.texts().collect();
    assert_eq!(copy, [("a/b.rs", "good"), ("a/old/mod.rs", "bad")]);
}
