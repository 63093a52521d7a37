//! Capsules, maps and values in other formats: JSON for text, postcard for binary.

mod common;

use hobnob_capsule::{Capsule, Map, Value};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

fn read(json: &serde_json::Value) -> Result<Capsule, String> {
    serde_json::from_str(&json.to_string()).map_err(|error| error.to_string())
}

#[test]
fn json_becomes_a_capsule() {
    let capsule = read(&json!({
        "bool": true,
        "integer": 7,
        "negative": -7,
        "most": i64::MAX,
        "more": i64::MAX.cast_unsigned() + 1,
        "float": 1.0,
        "text": "ä",
        "list": [1, "two", [false]],
        "object": {"a": {"b": 1}},
    }))
    .unwrap();
    let expected = Capsule::new()
        .with("bool", true)
        .with("integer", 7i64)
        .with("negative", -7i64)
        .with("most", i64::MAX)
        .with("more", i64::MAX.cast_unsigned() + 1)
        .with("float", 1.0f64)
        .with("text", "ä")
        .with("list", [Value::I64(1), "two".into(), [false].into()])
        .with(
            "object",
            Capsule::new().with("a", Capsule::new().with("b", 1i64)),
        );
    assert_eq!(capsule, expected);
}

#[test]
fn a_capsule_becomes_json() {
    let json = serde_json::to_value(common::every_type()).unwrap();
    let expected = json!({
        "bool": true,
        "i8": -128,
        "i16": -32768,
        "i32": i32::MIN,
        "i64": i64::MIN,
        "u8": 255,
        "u16": 65535,
        "u32": u32::MAX,
        "u64": u64::MAX,
        "f32": 1.5,
        "f64": -2.5,
        "string": "héllo",
        "bytes": "AP8=",
        "list": [1, "two"],
        "map": {"key": 3},
        "capsule": {"field": 4},
    });
    assert_eq!(json, expected);
}

#[test]
fn bytes_become_base64() {
    // RFC 4648, section 10.
    for (bytes, base64) in [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ] {
        let value = Value::from(bytes.as_bytes());
        assert_eq!(serde_json::to_value(value).unwrap(), json!(base64));
    }
    // Every character of the alphabet in its order: 48 bytes of six-bit digits 0 to 63.
    let digits: Vec<u8> = (0..64).collect();
    let bytes: Vec<u8> = digits
        .chunks(4)
        .flat_map(|d| {
            [
                d[0] << 2 | d[1] >> 4,
                d[1] << 4 | d[2] >> 2,
                d[2] << 6 | d[3],
            ]
        })
        .collect();
    assert_eq!(
        serde_json::to_value(Value::from(bytes)).unwrap(),
        json!("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    );
}

#[test]
fn null_is_refused_with_its_place() {
    for (json, place) in [
        (json!({"a": null}), "`a`"),
        (json!({"a": {"b": [1, {"c": null}]}}), "`a.b[1].c`"),
        (json!({"a": [[null]]}), "`a[0][0]`"),
        (json!(null), "the value itself"),
    ] {
        let error = read(&json).unwrap_err();
        let expected = format!("{place} is null, and a capsule has no null: leave the name out");
        assert!(error.starts_with(&expected), "{error}");
    }
    let error = serde_json::from_str::<Value>("[1, null]")
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("`[1]` is null"), "{error}");
}

#[test]
fn a_name_given_twice_is_refused_with_its_place() {
    let error = serde_json::from_str::<Capsule>(r#"{"o": {"a": 1, "b": 2, "a": 3}}"#);
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("`o.a` is given twice"), "{error}");
}

#[test]
fn what_is_no_object_is_no_capsule() {
    for json in [json!(1), json!("text"), json!([1]), json!(true), json!(1.5)] {
        let error = read(&json).unwrap_err();
        assert!(
            error.contains("expected a capsule: names and values"),
            "{error}"
        );
        let error = serde_json::from_value::<Map>(json.clone())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("expected a map: names and values"),
            "{error}"
        );
        assert!(serde_json::from_value::<Value>(json).is_ok());
    }
}

#[test]
fn a_map_is_read_from_an_object() {
    let map: Map = serde_json::from_str(r#"{"a": 1}"#).unwrap();
    assert_eq!(map, Map::new().with("a", 1i64));
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Letter {
    to: String,
    capsule: Capsule,
    map: Map,
    value: Value,
}

fn letter() -> Letter {
    Letter {
        to: "bob".into(),
        capsule: common::every_type(),
        map: common::every_type().into(),
        value: Value::from(1.5f32),
    }
}

#[test]
fn a_binary_format_holds_the_packing() {
    let capsule = common::every_type();
    let binary = postcard::to_allocvec(&capsule).unwrap();
    let packed = capsule.pack().unwrap();
    assert_eq!(binary[binary.len() - packed.len()..], packed);
    assert_eq!(postcard::from_bytes::<Capsule>(&binary).unwrap(), capsule);

    let letter = letter();
    let binary = postcard::to_allocvec(&letter).unwrap();
    assert_eq!(postcard::from_bytes::<Letter>(&binary).unwrap(), letter);
}

#[test]
fn bad_packings_in_a_binary_format_are_refused() {
    assert!(postcard::from_bytes::<Capsule>(&[2, 1, 0]).is_ok());
    assert!(postcard::from_bytes::<Capsule>(&[2, 2, 0]).is_err());
    assert!(postcard::from_bytes::<Capsule>(&[3, 1, 0, 0]).is_err());
    assert_eq!(
        postcard::from_bytes::<Value>(&[3, 1, 6, 9]).unwrap(),
        Value::U8(9)
    );
    assert!(postcard::from_bytes::<Value>(&[4, 1, 6, 9, 9]).is_err());
    // A u8 is no map.
    assert!(postcard::from_bytes::<Map>(&[3, 1, 6, 9]).is_err());
    assert!(
        postcard::from_bytes::<Map>(&[3, 1, 15, 0])
            .unwrap()
            .is_empty()
    );
    assert!(
        postcard::from_bytes::<Map>(&[3, 1, 16, 0])
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_binary_format_refuses_what_does_not_pack() {
    let deep = (0..100).fold(Capsule::new(), |inner, _| Capsule::new().with("c", inner));
    assert!(postcard::to_allocvec(&deep).is_err());
}

#[test]
fn a_letter_goes_through_text() {
    let json = serde_json::to_string(&letter()).unwrap();
    let back: Letter = serde_json::from_str(&json).unwrap();
    assert_eq!(back.to, "bob");
    assert_eq!(back.capsule.get::<i64>("u8"), Ok(255));
    assert_eq!(back.value, Value::F64(1.5));
}

#[test]
fn the_rest_of_an_object_is_a_capsule() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Flat {
        id: u8,
        #[serde(flatten)]
        rest: Capsule,
    }
    let flat: Flat = serde_json::from_str(r#"{"id": 1, "a": 2, "b": ["x"]}"#).unwrap();
    assert_eq!(flat.rest, Capsule::new().with("a", 2i64).with("b", ["x"]));
    let json = serde_json::to_value(&flat).unwrap();
    assert_eq!(json, json!({"id": 1, "a": 2, "b": ["x"]}));
}

#[test]
fn a_typed_handler_reads_what_was_typed_as_json() {
    #[derive(Deserialize)]
    struct Move {
        room: u32,
        seat: Option<u8>,
        score: f32,
    }
    let capsule = read(&json!({"room": 7, "seat": 3, "score": 0.5})).unwrap();
    assert!(
        capsule.export::<Move>().is_err(),
        "a text's float is an f64, which f32 may not hold"
    );
    let capsule = capsule.with("score", 0.5f32);
    let read: Move = capsule.export().unwrap();
    assert_eq!((read.room, read.seat, read.score), (7, Some(3), 0.5));
}

proptest! {
    #[test]
    fn text_read_once_stays_the_same(capsule in common::any_capsule()) {
        let json = serde_json::to_string(&capsule).unwrap();
        // JSON writes null for floats that are not finite.
        prop_assume!(!json.contains("null"));
        let once: Capsule = serde_json::from_str(&json).unwrap();
        let json = serde_json::to_string(&once).unwrap();
        let twice: Capsule = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn any_capsule_goes_through_a_binary_format(capsule in common::any_capsule()) {
        let binary = postcard::to_allocvec(&capsule).unwrap();
        prop_assert_eq!(postcard::from_bytes::<Capsule>(&binary).unwrap(), capsule);
    }

    #[test]
    fn any_value_goes_through_a_binary_format(value in common::any_value()) {
        let binary = postcard::to_allocvec(&value).unwrap();
        prop_assert_eq!(postcard::from_bytes::<Value>(&binary).unwrap(), value);
    }
}
