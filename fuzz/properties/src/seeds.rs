//! The inputs that a corpus begins with, each with a name that says what it is.

use hobnob_capsule::{Capsule, MAX_DEPTH, Map, Value};

/// A seed's name and its bytes.
pub type Seed = (&'static str, Vec<u8>);

/// The seeds of every property, by the property's name.
#[must_use]
pub fn all() -> Vec<(&'static str, Vec<Seed>)> {
    vec![
        ("capsule", capsule()),
        ("capsule_json", capsule_json()),
        ("frames", crate::frames::seeds::seeds()),
        ("operations", crate::operations::seeds()),
        ("session", crate::session::seeds()),
    ]
}

/// Packed capsules, good and bad.
fn capsule() -> Vec<Seed> {
    let mut seeds: Vec<Seed> = good_capsules()
        .into_iter()
        .map(|(name, capsule)| (name, capsule.pack().expect("seeds are small and flat")))
        .collect();
    seeds.extend(bad_packings());
    seeds
}

fn good_capsules() -> Vec<(&'static str, Capsule)> {
    let nested =
        |levels| (1..levels).fold(Capsule::new(), |inner, _| Capsule::new().with("c", inner));
    vec![
        ("valid-empty", Capsule::new()),
        ("valid-every-type", every_type()),
        ("valid-appointments", appointments()),
        ("valid-shapes", shapes()),
        ("valid-nested-8", nested(8)),
        ("valid-nested-deepest", nested(MAX_DEPTH)),
        (
            "valid-varint-edges",
            Capsule::new()
                .with("u", [0, 127, 128, 16_383, 16_384, u64::MAX])
                .with("i", [0, -64, 63, 64, -65, i64::MIN, i64::MAX]),
        ),
        (
            "valid-nan",
            Capsule::new()
                .with("f32", [f32::NAN, f32::INFINITY, -0.0])
                .with("f64", [f64::NAN, f64::NEG_INFINITY, -0.0]),
        ),
        (
            "valid-names",
            Capsule::from_iter([
                ("", 0u8),
                ("a", 1),
                ("aa", 2),
                ("b", 3),
                ("ä", 4),
                ("日", 5),
            ]),
        ),
        (
            "valid-long-text",
            Capsule::new()
                .with("text", "ab".repeat(100))
                .with("bytes", [7u8; 130]),
        ),
    ]
}

fn bad_packings() -> Vec<Seed> {
    let valid = appointments().pack().expect("the seed is small and flat");
    let truncated = valid[..valid.len() / 2].to_vec();
    let trailing = [&valid[..], &[0]].concat();
    // A capsule of one entry with an empty name.
    let one = |value: &[u8]| [&[1, 1, 0], value].concat();
    vec![
        ("bad-version", vec![2, 0]),
        ("bad-tag", one(&[17, 0])),
        ("bad-tag-zero", one(&[0, 0])),
        ("bad-bool", one(&[1, 2])),
        ("bad-utf8", one(&[12, 2, 0xc3, 0x28])),
        ("bad-varint-long", one(&[9, 0x80, 0])),
        ("bad-varint-big", one(&[7, 0xff, 0xff, 0x7f])),
        ("bad-unsorted", vec![1, 2, 1, b'b', 6, 0, 1, b'a', 6, 0]),
        ("bad-duplicate", vec![1, 2, 1, b'a', 6, 0, 1, b'a', 6, 0]),
        ("bad-huge-count", one(&[14, 0xff, 0xff, 0xff, 0xff, 0x0f])),
        ("bad-huge-length", one(&[13, 0xff, 0xff, 0xff, 0x7f])),
        (
            "bad-nested-counts",
            one(&[&[14, 20, 14, 20][..], &[14, 0].repeat(20)].concat()),
        ),
        ("bad-nested-too-deep", one(&[14, 1].repeat(MAX_DEPTH + 1))),
        ("bad-truncated", truncated),
        ("bad-trailing", trailing),
    ]
}

/// Text that is a capsule, and text that is none.
fn capsule_json() -> Vec<Seed> {
    let nested = |levels| format!("{}1{}", "{\"o\":".repeat(levels), "}".repeat(levels));
    let text = |capsule: &Capsule| serde_json::to_vec(capsule).expect("every capsule has a text");
    vec![
        ("valid-empty", b"{}".to_vec()),
        ("valid-every-type", text(&every_type())),
        ("valid-appointments", text(&appointments())),
        ("valid-shapes", text(&shapes())),
        ("valid-nested-deepest", nested(MAX_DEPTH).into()),
        (
            "valid-numbers",
            br#"{"i":-9223372036854775808,"u":18446744073709551615,"f":1e300,"z":-0.0}"#.to_vec(),
        ),
        (
            "valid-escapes",
            br#"{"\u00e4\n":"\ud83d\ude00\"\\"}"#.to_vec(),
        ),
        ("bad-nested-too-deep", nested(MAX_DEPTH + 1).into()),
        ("bad-null", br#"{"a":[{"b":null}]}"#.to_vec()),
        ("bad-duplicate", br#"{"a":1,"a":2}"#.to_vec()),
        ("bad-array", b"[1,2]".to_vec()),
        ("bad-truncated", br#"{"a":[1,"#.to_vec()),
    ]
}

fn appointments() -> Capsule {
    let appointment = |date: &str, title: &str| Map::new().with("date", date).with("title", title);
    Capsule::new().with("owner", "mary").with(
        "appointments",
        [
            appointment("2031-04-01", "Dentist"),
            appointment("2031-04-02", "Piano"),
        ],
    )
}

fn every_type() -> Capsule {
    Capsule::new()
        .with("bool", true)
        .with("i8", -8i8)
        .with("i16", -1600i16)
        .with("i32", -320_000i32)
        .with("i64", i64::MIN)
        .with("u8", 8u8)
        .with("u16", 1600u16)
        .with("u32", 320_000u32)
        .with("u64", u64::MAX)
        .with("f32", 1.5f32)
        .with("f64", -2.5f64)
        .with("string", "héllo")
        .with("bytes", [0u8, 255])
        .with("list", [Value::U8(1), Value::from("two")])
        .with("map", Map::new().with("key", 3i32))
        .with("capsule", Capsule::new().with("field", 4u64))
}

/// The names and types that the properties export to.
fn shapes() -> Capsule {
    let variants = [
        Value::from("A"),
        Capsule::new().with("B", 1u32).into(),
        Capsule::new()
            .with("C", [Value::U8(2), Value::from("A")])
            .into(),
        Capsule::new()
            .with("D", Capsule::new().with("a", -3i8))
            .into(),
    ];
    Capsule::new()
        .with("a", "text")
        .with("b", variants)
        .with("c", Map::new().with("-4", "x"))
        .with("d", Capsule::new().with("a", "inner"))
        .with("e", 1u16)
        .with("f", Map::new().with("k", true))
        .with("g", [Value::U8(5), Value::I64(6), Value::Bool(false)])
        .with("h", Vec::<Value>::new())
}
