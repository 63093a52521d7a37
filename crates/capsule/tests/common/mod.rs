//! Arbitrary capsules.

#![allow(dead_code, reason = "each test program uses its own part")]

use hobnob_capsule::{Capsule, Map, Value};
use proptest::collection::vec;
use proptest::prelude::*;

/// Any value, up to eight containers deep.
pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i8>().prop_map(Value::from),
        any::<i16>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u8>().prop_map(Value::from),
        any::<u16>().prop_map(Value::from),
        any::<u32>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<u32>().prop_map(|bits| Value::from(f32::from_bits(bits))),
        any::<u64>().prop_map(|bits| Value::from(f64::from_bits(bits))),
        any::<String>().prop_map(Value::from),
        vec(any::<u8>(), 0..40).prop_map(Value::from),
    ];
    scalar.prop_recursive(8, 64, 6, |inner| {
        let entries = vec((any_name(), inner.clone()), 0..6);
        prop_oneof![
            vec(inner, 0..6).prop_map(Value::List),
            entries
                .clone()
                .prop_map(|entries| Map::from_iter(entries).into()),
            entries.prop_map(|entries| Capsule::from_iter(entries).into()),
        ]
    })
}

/// Any capsule, up to nine containers deep, the outermost one included.
pub(crate) fn any_capsule() -> impl Strategy<Value = Capsule> {
    vec((any_name(), any_value()), 0..6).prop_map(Capsule::from_iter)
}

/// Names of which some are equal, some are prefixes of others and some are empty.
fn any_name() -> impl Strategy<Value = String> + Clone {
    prop_oneof!["[a-c]{0,2}", any::<String>()].boxed()
}

/// A capsule with a value of every type.
pub(crate) fn every_type() -> Capsule {
    Capsule::new()
        .with("bool", true)
        .with("i8", i8::MIN)
        .with("i16", i16::MIN)
        .with("i32", i32::MIN)
        .with("i64", i64::MIN)
        .with("u8", u8::MAX)
        .with("u16", u16::MAX)
        .with("u32", u32::MAX)
        .with("u64", u64::MAX)
        .with("f32", 1.5f32)
        .with("f64", -2.5f64)
        .with("string", "héllo")
        .with("bytes", [0u8, 255])
        .with("list", vec![Value::from(1u8), Value::from("two")])
        .with("map", Map::new().with("key", 3i32))
        .with("capsule", Capsule::new().with("field", 4u64))
}
