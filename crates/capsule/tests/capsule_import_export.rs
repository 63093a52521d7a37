//! Capsules from serde types and back.

mod common;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr};

use hobnob_capsule::{Capsule, ExportError, ImportError, Map, Value};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

/// Imports, compares, sends, exports and compares.
fn both_ways<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, expected: &Capsule) {
    let capsule = Capsule::import(value).unwrap();
    assert_eq!(&capsule, expected);
    let received = Capsule::unpack(&capsule.pack().unwrap()).unwrap();
    assert_eq!(&received.export::<T>().unwrap(), value);
}

/// A field of any type.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Field<T> {
    field: T,
}

fn field<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    field: T,
    expected: impl Into<Value>,
) {
    both_ways(&Field { field }, &Capsule::new().with("field", expected));
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Default)]
struct Named {
    one: u8,
    two: Option<u8>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Newtype(u32);

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Pair(u32, bool);

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Unit;

#[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Choice {
    Unit,
    Newtype(u8),
    Tuple(u8, bool),
    Struct { a: u8 },
}

#[test]
fn scalars_keep_their_types() {
    field(true, true);
    field(-1i8, -1i8);
    field(-2i16, -2i16);
    field(-3i32, -3i32);
    field(-4i64, -4i64);
    field(1u8, 1u8);
    field(2u16, 2u16);
    field(3u32, 3u32);
    field(u64::MAX, u64::MAX);
    field(1.5f32, 1.5f32);
    field(2.5f64, 2.5f64);
    field('ä', "ä");
    field("text".to_owned(), "text");
}

#[test]
fn containers_follow_the_table() {
    field(vec![1u16, 2], [1u16, 2]);
    field(
        (1u16, "two".to_owned()),
        [Value::U16(1), Value::from("two")],
    );
    field([1u32; 3], [1u32; 3]);
    field(Vec::<u16>::new(), Value::List(vec![]));
    field(Newtype(7), 7u32);
    field(Pair(7, true), [Value::U32(7), Value::Bool(true)]);
    field((), Value::List(vec![]));
    field(Unit, Value::List(vec![]));
    field(
        Named {
            one: 1,
            two: Some(2),
        },
        Capsule::new().with("one", 1u8).with("two", 2u8),
    );
    field(
        BTreeMap::from([("k".to_owned(), 1u8)]),
        Map::new().with("k", 1u8),
    );
    // What serde takes for a sequence is a list; the next test has bytes that say what they are.
    field(vec![1u8], [Value::U8(1)].to_vec());
}

#[derive(PartialEq, Debug)]
struct Blob(Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Blob, D::Error> {
        struct BlobVisitor;
        impl serde::de::Visitor<'_> for BlobVisitor {
            type Value = Blob;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(bytes.to_vec()))
            }
        }
        deserializer.deserialize_byte_buf(BlobVisitor)
    }
}

#[test]
fn bytes_that_say_so_are_bytes() {
    field(Blob(vec![0, 255]), [0u8, 255]);
}

#[test]
fn bytes_are_exported_to_a_sequence_too() {
    let capsule = Capsule::new().with("field", [1u8, 2]);
    assert_eq!(capsule.export::<Field<Vec<u8>>>().unwrap().field, [1, 2]);
    assert_eq!(capsule.export::<Field<[u8; 2]>>().unwrap().field, [1, 2]);
    assert!(capsule.export::<Field<[u8; 1]>>().is_err());
    assert!(capsule.export::<Field<[u8; 3]>>().is_err());
    let capsule = Capsule::import(&Field {
        field: vec![1u8, 2],
    })
    .unwrap();
    assert_eq!(capsule.get::<Vec<u8>>("field"), Ok(vec![1, 2]));
}

#[test]
fn an_option_is_its_value_or_no_name() {
    field(Some(1u8), 1u8);
    let none = Field::<Option<u8>> { field: None };
    both_ways(&none, &Capsule::new());
    field(Some(Unit), Value::List(vec![]));
    // As in other formats without a type for it, an option in an option is flat.
    let inner = Field {
        field: Some(None::<u8>),
    };
    assert_eq!(Capsule::import(&inner).unwrap(), Capsule::new());
}

#[test]
fn variants_follow_the_table() {
    field(Choice::Unit, "Unit");
    field(Choice::Newtype(1), Capsule::new().with("Newtype", 1u8));
    field(
        Choice::Tuple(1, true),
        Capsule::new().with("Tuple", [Value::U8(1), Value::Bool(true)]),
    );
    field(
        Choice::Struct { a: 1 },
        Capsule::new().with("Struct", Capsule::new().with("a", 1u8)),
    );
    both_ways(&Choice::Newtype(1), &Capsule::new().with("Newtype", 1u8));
    both_ways(
        &Choice::Struct { a: 1 },
        &Capsule::new().with("Struct", Capsule::new().with("a", 1u8)),
    );
    // A variant without content may be written like the others.
    let long = Capsule::new().with("Unit", Value::List(vec![]));
    assert_eq!(long.export::<Choice>(), Ok(Choice::Unit));
}

#[test]
fn keys_are_text() {
    field(
        BTreeMap::from([(-1i8, 0u8), (2, 0)]),
        Map::from_iter([("-1", 0u8), ("2", 0)]),
    );
    field(
        BTreeMap::from([(u64::MAX, 0u8)]),
        Map::new().with("18446744073709551615", 0u8),
    );
    field(
        BTreeMap::from([(u128::MAX, 0u8)]),
        Map::new().with(u128::MAX.to_string(), 0u8),
    );
    field(BTreeMap::from([(true, 0u8)]), Map::new().with("true", 0u8));
    field(BTreeMap::from([('ä', 0u8)]), Map::new().with("ä", 0u8));
    field(
        BTreeMap::from([(Choice::Unit, 0u8)]),
        Map::new().with("Unit", 0u8),
    );
    let capsule = Capsule::new().with("field", Map::new().with("x", 0u8));
    let error = capsule.export::<Field<BTreeMap<u8, u8>>>().unwrap_err();
    assert_eq!(error.to_string(), "`field.x`: the name is not a u8");
}

#[test]
fn a_map_itself_is_a_capsule() {
    both_ways(
        &BTreeMap::from([("a".to_owned(), 1u8)]),
        &Capsule::new().with("a", 1u8),
    );
}

#[test]
fn maps_and_capsules_stand_for_each_other() {
    let capsule = Capsule::new().with("field", Map::new().with("one", 1u8));
    assert_eq!(capsule.export::<Field<Named>>().unwrap().field.one, 1);
    let capsule = Capsule::new().with("field", Capsule::new().with("one", 1u8));
    let map = capsule
        .export::<Field<BTreeMap<String, u8>>>()
        .unwrap()
        .field;
    assert_eq!(map["one"], 1);
}

#[test]
fn types_with_a_readable_form_give_it() {
    field(IpAddr::V4(Ipv4Addr::LOCALHOST), "127.0.0.1");
}

#[test]
fn borrowed_fields_borrow() {
    #[derive(Deserialize)]
    struct Borrowed<'a> {
        text: &'a str,
        bytes: &'a [u8],
    }
    let capsule = Capsule::new().with("text", "t").with("bytes", [1u8]);
    let borrowed: Borrowed<'_> = capsule.export().unwrap();
    assert!(std::ptr::eq(
        borrowed.text,
        capsule.get::<&str>("text").unwrap()
    ));
    assert!(std::ptr::eq(
        borrowed.bytes,
        capsule.get::<&[u8]>("bytes").unwrap()
    ));
}

#[test]
fn serde_attributes_work() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[serde(rename_all = "camelCase")]
    struct Attributes {
        long_name: u8,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        skipped: Vec<u8>,
        #[serde(flatten)]
        rest: BTreeMap<String, u16>,
        choice: Tagged,
    }
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[serde(tag = "kind")]
    enum Tagged {
        Square { side: u32 },
    }
    both_ways(
        &Attributes {
            long_name: 1,
            skipped: vec![],
            rest: BTreeMap::from([("other".into(), 300)]),
            choice: Tagged::Square { side: 3 },
        },
        &Capsule::new()
            .with("longName", 1u8)
            .with("other", 300u16)
            .with(
                "choice",
                Capsule::new().with("kind", "Square").with("side", 3u32),
            ),
    );
}

#[test]
fn capsules_maps_and_values_inside_types_stay_what_they_are() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Mixed {
        capsule: Capsule,
        map: Map,
        value: Value,
        values: Vec<Value>,
        none: Option<Capsule>,
    }
    let every = common::every_type();
    let mixed = Mixed {
        capsule: every.clone(),
        map: every.clone().into(),
        value: Value::from([1u8]),
        values: every.iter().map(|(_, value)| value.clone()).collect(),
        none: None,
    };
    let expected = Capsule::new()
        .with("capsule", mixed.capsule.clone())
        .with("map", mixed.map.clone())
        .with("value", mixed.value.clone())
        .with("values", mixed.values.clone());
    both_ways(&mixed, &expected);
}

#[test]
fn an_integer_is_exported_where_its_value_fits() {
    let capsule = Capsule::new().with("field", 200i64);
    assert_eq!(capsule.export::<Field<u8>>().unwrap().field, 200);
    assert_eq!(capsule.export::<Field<u64>>().unwrap().field, 200);
    assert_eq!(
        capsule.export::<Field<i8>>().unwrap_err(),
        ExportError::OutOfRange {
            path: "field".into(),
            wanted: "i8".into(),
            value: "200".into(),
        }
    );
    let capsule = Capsule::new().with("field", u64::MAX);
    assert!(capsule.export::<Field<i64>>().is_err());
}

#[test]
fn floats_are_exported_as_they_are_read() {
    let capsule = Capsule::new().with("field", 0.1f32);
    assert_eq!(
        capsule.export::<Field<f64>>().unwrap().field,
        f64::from(0.1f32)
    );
    for value in [Value::from(0.5f64), Value::from(1u8)] {
        let capsule = Capsule::new().with("field", value.clone());
        let error = capsule.export::<Field<f32>>().unwrap_err();
        let expected = format!("`field` is of type {}, not f32", value.kind());
        assert_eq!(error.to_string(), expected);
    }
    let error = Capsule::new()
        .with("field", 1u8)
        .export::<Field<f64>>()
        .unwrap_err();
    assert_eq!(error.to_string(), "`field` is of type u8, not f64");
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "read by serde only")]
struct Appointment {
    date: String,
    minutes: Option<u16>,
}

#[derive(Deserialize, Debug)]
#[allow(dead_code, reason = "read by serde only")]
struct Schedule {
    appointments: Vec<Appointment>,
}

#[test]
fn export_errors_name_the_place() {
    let good = Map::new().with("date", "2031-04-01");
    let schedule =
        |last: Map| Capsule::new().with("appointments", [good.clone(), good.clone(), last]);
    let error = |last| schedule(last).export::<Schedule>().unwrap_err();

    assert_eq!(
        error(Map::new()),
        ExportError::Missing {
            path: "appointments[2].date".into()
        }
    );
    assert_eq!(
        error(Map::new().with("date", 7u8)),
        ExportError::WrongType {
            path: "appointments[2].date".into(),
            wanted: "a string".into(),
            found: "the integer 7".into(),
        }
    );
    assert_eq!(
        error(good.clone().with("minutes", -1i8)),
        ExportError::OutOfRange {
            path: "appointments[2].minutes".into(),
            wanted: "u16".into(),
            value: "-1".into(),
        }
    );
    assert_eq!(
        error(good.clone().with("secret", "x")),
        ExportError::Refused {
            path: "appointments[2].secret".into(),
            reason: r#"no field `secret` among ["date", "minutes"]"#.into(),
        }
    );
    let error = Capsule::new().export::<Vec<u8>>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the value itself is a map, not a sequence"
    );
}

#[test]
fn export_errors_do_not_repeat_the_payload() {
    let capsule = Capsule::new().with("field", "my secret");
    for error in [
        capsule.export::<Field<u8>>().unwrap_err(),
        capsule.export::<Field<char>>().unwrap_err(),
        capsule.export::<Field<Vec<u8>>>().unwrap_err(),
        capsule.export::<Field<()>>().unwrap_err(),
        capsule.export::<Field<Named>>().unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(
            text.starts_with("`field`") && !text.contains("secret"),
            "{text}"
        );
    }
}

#[test]
fn variants_that_do_not_fit_are_refused() {
    let export = |value: Value| {
        Capsule::new()
            .with("field", value)
            .export::<Field<Choice>>()
            .unwrap_err()
    };
    assert_eq!(
        export("Other".into()).to_string(),
        r#"`field`: no variant `Other` among ["Unit", "Newtype", "Tuple", "Struct"]"#
    );
    assert_eq!(
        export(1u8.into()).to_string(),
        "`field` is of type u8, not a variant: a string, or a capsule of one name"
    );
    let two = Capsule::new().with("Unit", 1u8).with("Newtype", 1u8);
    assert!(matches!(export(two.into()), ExportError::WrongType { .. }));
    let with_content = Capsule::new().with("Unit", 1u8);
    assert_eq!(
        export(with_content.into()).to_string(),
        "`field.Unit` is of type u8, not a variant without content"
    );
    let wrong = Capsule::new().with("Struct", Capsule::new().with("a", "x"));
    assert!(
        export(wrong.into())
            .to_string()
            .starts_with("`field.Struct.a` is")
    );
    let wrong = Capsule::new().with("Tuple", [Value::U8(1), Value::U8(2)]);
    assert!(
        export(wrong.into())
            .to_string()
            .starts_with("`field.Tuple[1]` is")
    );
    let long = Capsule::new().with("Tuple", [Value::U8(1), Value::Bool(true), Value::U8(2)]);
    assert_eq!(
        export(long.into()).to_string(),
        "`field.Tuple`: the list has 3 items, not 2"
    );
    assert!(matches!(
        export("Newtype".into()),
        ExportError::WrongType { .. }
    ));
}

#[test]
fn what_has_no_names_is_no_capsule() {
    for (error, found) in [
        (Capsule::import(&1u8), "u8"),
        (Capsule::import(&[1u16]), "list"),
        (Capsule::import("text"), "string"),
        (Capsule::import(&None::<Named>), "none"),
        (Capsule::import(&Choice::Unit), "string"),
    ] {
        assert_eq!(error.unwrap_err(), ImportError::NoNames { found });
    }
    assert!(Capsule::import(&Some(Named::default())).is_ok());
}

#[test]
fn none_is_refused_where_there_is_no_field_to_leave_out() {
    let path = |path: &str| Err(ImportError::NoValue { path: path.into() });
    assert_eq!(
        Capsule::import(&Field {
            field: vec![Some(1), None]
        }),
        path("field[1]")
    );
    let map = BTreeMap::from([("k", None::<u8>)]);
    assert_eq!(Capsule::import(&Field { field: map }), path("field.k"));

    #[derive(Serialize)]
    enum Maybe {
        Newtype(Option<u8>),
        Tuple(u8, Option<u8>),
        Struct { a: Option<u8> },
    }
    let import = |field| Capsule::import(&Field { field });
    assert_eq!(import(Maybe::Newtype(None)), path("field.Newtype"));
    assert_eq!(import(Maybe::Tuple(1, None)), path("field.Tuple[1]"));
    assert_eq!(
        import(Maybe::Struct { a: None }),
        Ok(Capsule::new().with("field", Capsule::new().with("Struct", Capsule::new())))
    );
}

#[test]
fn what_no_value_stands_for_is_refused() {
    let error = Capsule::import(&Field { field: [1u128] }).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`field[0]` is a u128, which a capsule cannot hold"
    );
    let error = Capsule::import(&Field { field: 1i128 }).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`field` is an i128, which a capsule cannot hold"
    );
}

#[test]
fn keys_that_are_no_names_are_refused() {
    let bad_key = |found| {
        Err(ImportError::BadKey {
            path: "field".into(),
            found,
        })
    };
    let none = BTreeMap::from([(None::<u8>, 1)]);
    assert_eq!(Capsule::import(&Field { field: none }), bad_key("no value"));
    let list = BTreeMap::from([(vec![1u8], 1)]);
    assert_eq!(Capsule::import(&Field { field: list }), bad_key("a list"));
    let newtype = BTreeMap::from([(Choice::Newtype(1), 1)]);
    assert_eq!(
        Capsule::import(&Field { field: newtype }),
        bad_key("a variant")
    );
}

/// A type that writes whatever map it likes.
struct Pairs(Vec<(&'static str, u8)>);

impl Serialize for Pairs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() {
            return Err(serde::ser::Error::custom("no pairs"));
        }
        serializer.collect_map(self.0.iter().copied())
    }
}

#[test]
fn a_name_given_twice_is_refused() {
    let field = Pairs(vec![("b", 1), ("a", 2), ("b", 3)]);
    assert_eq!(
        Capsule::import(&Field { field }),
        Err(ImportError::DuplicateName {
            path: "field.b".into()
        })
    );
}

#[test]
fn a_refusal_of_the_type_keeps_its_reason() {
    assert_eq!(
        Capsule::import(&Field {
            field: [Pairs(vec![])]
        }),
        Err(ImportError::Refused {
            path: "field[0]".into(),
            reason: "no pairs".into(),
        })
    );
}

proptest! {
    #[test]
    fn any_capsule_is_imported_and_exported_as_itself(capsule in common::any_capsule()) {
        prop_assert_eq!(&Capsule::import(&capsule).unwrap(), &capsule);
        prop_assert_eq!(&capsule.export::<Capsule>().unwrap(), &capsule);
        let value: Value = capsule.export().unwrap();
        prop_assert_eq!(value, Value::from(capsule.clone()));
        prop_assert_eq!(Capsule::from(capsule.export::<Map>().unwrap()), capsule);
    }
}
