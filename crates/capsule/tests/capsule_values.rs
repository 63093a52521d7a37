//! What can be set, and as what it can be read.

mod common;

use std::borrow::Cow;
use std::collections::BTreeMap;

use hobnob_capsule::{Capsule, GetError, Kind, Map, Value};
use proptest::prelude::*;

#[test]
fn rust_types_become_the_value_one_expects() {
    let text = String::from("x");
    let cases: Vec<(Value, Kind)> = vec![
        ("x".into(), Kind::String),
        (text.clone().into(), Kind::String),
        ((&text).into(), Kind::String),
        (Cow::Borrowed("x").into(), Kind::String),
        (vec![1u8].into(), Kind::Bytes),
        ([1u8].into(), Kind::Bytes),
        (b"x".into(), Kind::Bytes),
        ((&[1u8][..]).into(), Kind::Bytes),
        (Vec::<u8>::new().into(), Kind::Bytes),
        (vec![1u16].into(), Kind::List),
        (["x", "y"].into(), Kind::List),
        ((&["x", "y"]).into(), Kind::List),
        ((&[true][..]).into(), Kind::List),
        (vec![vec![1u8], vec![2]].into(), Kind::List),
        (vec![Value::U8(1)].into(), Kind::List),
        (vec![Capsule::new()].into(), Kind::List),
        (
            vec![BTreeMap::from([(text.clone(), 1u8)])].into(),
            Kind::List,
        ),
        (BTreeMap::from([(text, 1u8)]).into(), Kind::Map),
        (Map::new().into(), Kind::Map),
        (Capsule::new().into(), Kind::Capsule),
    ];
    for (value, kind) in cases {
        assert_eq!(value.kind(), kind, "{value:?}");
    }
    assert_eq!(
        Value::from(vec![vec![1u8], vec![2]]),
        Value::List(vec![Value::Bytes(vec![1]), Value::Bytes(vec![2])])
    );
}

#[test]
fn borrowed_reads_point_into_the_capsule() {
    let capsule = common::every_type();
    let (Some(Value::String(text)), Some(Value::Bytes(bytes)), Some(Value::List(items))) = (
        capsule.get_value("string"),
        capsule.get_value("bytes"),
        capsule.get_value("list"),
    ) else {
        panic!("set as a string, bytes and a list");
    };
    assert!(std::ptr::eq(
        capsule.get::<&str>("string").unwrap(),
        text.as_str()
    ));
    assert!(std::ptr::eq(
        capsule.get::<&[u8]>("bytes").unwrap(),
        bytes.as_slice()
    ));
    assert!(std::ptr::eq(
        capsule.get::<&[Value]>("list").unwrap(),
        items.as_slice()
    ));
    assert!(std::ptr::eq(
        capsule.get::<&Value>("list").unwrap(),
        capsule.get_value("list").unwrap()
    ));
}

#[test]
fn owned_reads_are_copies() {
    let capsule = common::every_type();
    assert_eq!(capsule.get::<String>("string").unwrap(), "héllo");
    assert_eq!(capsule.get::<Vec<u8>>("bytes").unwrap(), [0, 255]);
    assert_eq!(capsule.get::<Value>("u8").unwrap(), Value::U8(255));
    assert_eq!(capsule.get::<Vec<Value>>("list").unwrap().len(), 2);
    assert_eq!(
        capsule.get::<BTreeMap<String, i64>>("map").unwrap(),
        BTreeMap::from([("key".into(), 3)])
    );
    assert_eq!(
        capsule.get::<Capsule>("capsule").unwrap(),
        Capsule::new().with("field", 4u64)
    );
    assert_eq!(
        capsule.get::<Map>("map").unwrap(),
        Map::new().with("key", 3i32)
    );
}

#[test]
fn a_nested_capsule_is_read_as_a_map_but_a_map_is_no_capsule() {
    let capsule = common::every_type();
    assert_eq!(capsule.get::<&Map>("capsule").unwrap().len(), 1);
    assert_eq!(capsule.get::<Map>("capsule").unwrap().len(), 1);
    assert_eq!(
        capsule.get::<BTreeMap<String, u64>>("capsule").unwrap()["field"],
        4
    );
    assert_eq!(
        capsule.get::<&Capsule>("map"),
        Err(GetError::WrongType {
            name: "map".into(),
            wanted: Kind::Capsule,
            found: Kind::Map,
        })
    );
}

#[test]
fn bytes_are_read_from_bytes_and_from_a_list_of_u8() {
    let capsule = Capsule::new()
        .with("bytes", vec![1u8, 2])
        .with("list", vec![Value::U8(1), Value::U8(2)])
        .with("wide", vec![Value::U8(1), Value::U16(2)])
        .with("text", "ab");
    assert_eq!(capsule.get::<Vec<u8>>("bytes"), Ok(vec![1, 2]));
    assert_eq!(capsule.get::<Vec<u8>>("list"), Ok(vec![1, 2]));
    assert_eq!(
        capsule.get::<Vec<u8>>("wide").unwrap_err().to_string(),
        "`wide[1]` is the u16 2 and u8 does not hold every u16: read it as u16"
    );
    assert_eq!(
        capsule.get::<Vec<u8>>("text").unwrap_err().to_string(),
        "`text` is of type string, not bytes"
    );
    // Bytes are not a list, though: nothing says that their owner meant numbers.
    assert!(capsule.get::<&[Value]>("bytes").is_err());
    assert!(capsule.get::<Vec<u16>>("bytes").is_err());
}

#[test]
fn a_default_stands_for_a_missing_name_only() {
    let capsule = Capsule::new().with("port", 80u16).with("name", "n");
    assert_eq!(capsule.get_or("port", 1u32), Ok(80));
    assert_eq!(capsule.get_or("prot", 1u32), Ok(1));
    assert_eq!(capsule.get_or("name", "x"), Ok("n"));
    assert!(matches!(
        capsule.get_or("name", 1u32),
        Err(GetError::WrongType { .. })
    ));
    assert!(matches!(
        capsule.get_or("port", 1u8),
        Err(GetError::OutOfRange { .. })
    ));
    assert_eq!(capsule.get_opt::<u32>("port"), Ok(Some(80)));
    assert_eq!(capsule.get_opt::<u32>("prot"), Ok(None));
    assert!(capsule.get_opt::<u32>("name").is_err());
}

#[test]
fn errors_name_the_place_inside_lists_and_maps() {
    let capsule = Capsule::new()
        .with("scores", vec![Value::U8(1), Value::from("two")])
        .with(
            "ages",
            [Map::new().with("ann", 39u8), Map::new().with("bob", "41")],
        );
    assert_eq!(
        capsule.get::<Vec<u32>>("scores").unwrap_err().to_string(),
        "`scores[1]` is of type string, not u32"
    );
    let ages = capsule.get::<Vec<BTreeMap<String, u8>>>("ages");
    assert_eq!(
        ages.unwrap_err().to_string(),
        "`ages[1].bob` is of type string, not u8"
    );
    let error = capsule
        .get_value("scores")
        .unwrap()
        .read::<&str>()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the value itself is of type list, not string"
    );
    let error = capsule.get::<u8>("nobody").unwrap_err();
    assert_eq!(error.to_string(), "`nobody` is missing");
}

#[test]
fn a_name_too_long_to_show_is_cut_at_a_character() {
    // Three bytes each: the 22nd would reach past 64 bytes.
    let long = "日".repeat(1000);
    let map = Map::new().with(long.as_str(), "text");
    let error = Value::from(map).read::<BTreeMap<String, u8>>().unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("`{}…` is of type string, not u8", "日".repeat(21))
    );
}

#[test]
fn names_are_set_replaced_found_and_removed() {
    let mut capsule = Capsule::new();
    assert!(capsule.is_empty());
    capsule
        .set("b", 1u8)
        .set("a", 2u8)
        .set("b", "now text")
        .set("", 0u8);
    assert_eq!(capsule.len(), 3);
    assert!(capsule.contains("b") && capsule.contains("") && !capsule.contains("c"));
    assert_eq!(capsule.get::<&str>("b"), Ok("now text"));
    let names: Vec<&str> = capsule.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["", "a", "b"]);
    let back: Vec<&str> = capsule.iter().rev().map(|(name, _)| name).collect();
    assert_eq!(back, ["b", "a", ""]);
    assert_eq!(capsule.iter().len(), 3);

    assert_eq!(capsule.remove("a"), Some(Value::U8(2)));
    assert_eq!(capsule.remove("a"), None);
    assert_eq!(capsule.get_value("a"), None);
    assert_eq!(capsule.get_value_mut("a"), None);
    assert_eq!(capsule.len(), 2);
}

#[test]
fn of_a_name_collected_twice_the_last_value_stays() {
    let entries = [("b", 1u8), ("a", 2), ("b", 3), ("a", 4), ("b", 5)];
    let map = Map::from_iter(entries);
    assert_eq!(map, Map::new().with("a", 4u8).with("b", 5u8));
    let mut capsule = Capsule::new().with("b", 0u8).with("c", 6u8);
    capsule.extend(entries);
    let expected = Capsule::new().with("a", 4u8).with("b", 5u8).with("c", 6u8);
    assert_eq!(capsule, expected);
    assert_eq!(Capsule::from_iter(map).len(), 2);
}

#[test]
fn contents_are_moved_out_without_a_copy() {
    let text = String::from("a text that lies on the heap");
    let at = text.as_ptr();
    let moved = String::try_from(Value::from(text)).unwrap();
    assert_eq!(moved.as_ptr(), at);

    assert_eq!(Vec::<u8>::try_from(Value::from([1u8])), Ok(vec![1]));
    assert_eq!(
        Vec::<Value>::try_from(Value::from([1u16])),
        Ok(vec![Value::U16(1)])
    );
    let map = Map::new().with("a", 1u8);
    assert_eq!(Map::try_from(Value::from(map.clone())), Ok(map.clone()));
    let capsule = Capsule::from(map.clone());
    assert_eq!(
        Capsule::try_from(Value::from(capsule.clone())),
        Ok(capsule.clone())
    );
    assert_eq!(Map::from(capsule), map);
    assert_eq!(
        String::try_from(Value::from(1u8)),
        Err(GetError::WrongType {
            name: String::new(),
            wanted: Kind::String,
            found: Kind::U8,
        })
    );
}

#[test]
fn floats_are_equal_when_their_bits_are() {
    let quiet = f64::from_bits(0x7ff8_0000_0000_0001);
    let other = f64::from_bits(0x7ff8_0000_0000_0002);
    assert_eq!(Value::from(quiet), Value::from(quiet));
    assert_ne!(Value::from(quiet), Value::from(other));
    assert_ne!(Value::from(0.0f32), Value::from(-0.0f32));
}

#[test]
fn values_of_different_types_differ() {
    let every = common::every_type();
    for (left_name, left) in &every {
        for (right_name, right) in &every {
            assert_eq!(left == right, left_name == right_name);
        }
    }
    assert_ne!(Value::U8(1), Value::U16(1));
    assert_ne!(Value::from(Map::new()), Value::from(Capsule::new()));
    assert_ne!(Value::from([1u16]), Value::from([1u16, 1]));
    assert_ne!(Map::new().with("a", 1u8), Map::new().with("b", 1u8));
}

#[test]
fn a_capsule_prints_its_types() {
    let capsule = Capsule::new()
        .with("bytes", b"a\n")
        .with("list", [1.5f32])
        .with("map", Map::new().with("n", 1u8))
        .with("nested", Capsule::new().with("ok", true));
    assert_eq!(
        format!("{capsule:?}"),
        r#"Capsule {"bytes": b"a\n", "list": [1.5f32], "map": {"n": 1u8}, "nested": Capsule {"ok": true}}"#
    );
}

proptest! {
    #[test]
    fn a_clone_equals_its_source(value in common::any_value()) {
        prop_assert_eq!(&value.clone(), &value);
    }

    #[test]
    fn a_map_behaves_like_a_tree_map(
        steps in prop::collection::vec(("[a-e]{0,2}", any::<Option<u8>>()), 0..40),
    ) {
        let mut map = Map::new();
        let mut model = BTreeMap::new();
        for (name, step) in steps {
            match step {
                Some(value) => {
                    map.set(name.as_str(), value);
                    model.insert(name, value);
                }
                None => {
                    let removed = map.remove(&name);
                    prop_assert_eq!(removed, model.remove(&name).map(Value::U8));
                }
            }
            prop_assert_eq!(&map, &Map::from_iter(model.clone()));
            prop_assert_eq!(map.len(), model.len());
        }
        let read: BTreeMap<String, u8> = Value::from(map).read().unwrap();
        prop_assert_eq!(read, model);
    }
}
