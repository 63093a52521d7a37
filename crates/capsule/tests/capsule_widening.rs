//! The widening table of the crate documentation, every cell of it.

use std::fmt::Debug;

use hobnob_capsule::{Capsule, FromValue, GetError, Kind, Value};

const KINDS: [Kind; 8] = [
    Kind::I8,
    Kind::I16,
    Kind::I32,
    Kind::I64,
    Kind::U8,
    Kind::U16,
    Kind::U32,
    Kind::U64,
];

/// A row for each stored type, a column for each type asked for, in the order of [`KINDS`].
const WIDENS: [&str; 8] = [
    "xxxx....", // i8
    ".xxx....", // i16
    "..xx....", // i32
    "...x....", // i64
    ".xxxxxxx", // u8
    "..xx.xxx", // u16
    "...x..xx", // u32
    ".......x", // u64
];

fn widens(stored: Kind, wanted: Kind) -> bool {
    let place = |kind| KINDS.iter().position(|&other| other == kind).unwrap();
    WIDENS[place(stored)].as_bytes()[place(wanted)] == b'x'
}

/// The least and the greatest value of each type, and values that every type could hold.
fn stored_values() -> Vec<(Value, i128)> {
    let mut values = Vec::new();
    macro_rules! stored {
        ($($integer:ty)*) => {$(
            for value in [<$integer>::MIN, 0, 1, 5, 127, <$integer>::MAX] {
                values.push((Value::from(value), i128::from(value)));
            }
        )*};
    }
    stored!(i8 i16 i32 i64 u8 u16 u32 u64);
    values
}

fn check<T>(wanted: Kind) -> usize
where
    T: for<'a> FromValue<'a> + Debug + PartialEq + Copy,
    i128: From<T>,
{
    let values = stored_values();
    for (value, number) in &values {
        let stored = value.kind();
        let capsule = Capsule::new().with("n", value.clone());
        match capsule.get::<T>("n") {
            Ok(read) => {
                assert!(
                    widens(stored, wanted),
                    "{stored} {number} was read as {wanted}"
                );
                assert_eq!(i128::from(read), *number, "{stored} read as {wanted}");
            }
            Err(error) => {
                assert!(
                    !widens(stored, wanted),
                    "{stored} {number} as {wanted}: {error}"
                );
                let expected = GetError::OutOfRange {
                    name: "n".into(),
                    wanted,
                    found: stored,
                    value: number.to_string(),
                };
                assert_eq!(error, expected);
            }
        }
    }
    values.len()
}

#[test]
fn every_integer_type_is_read_as_every_other_by_the_table() {
    let checked = [
        check::<i8>(Kind::I8),
        check::<i16>(Kind::I16),
        check::<i32>(Kind::I32),
        check::<i64>(Kind::I64),
        check::<u8>(Kind::U8),
        check::<u16>(Kind::U16),
        check::<u32>(Kind::U32),
        check::<u64>(Kind::U64),
    ];
    assert_eq!(checked, [8 * 6; 8]);
}

#[test]
fn the_table_is_what_std_converts_losslessly() {
    // `From` between integers exists exactly where every value fits.
    let ranges: Vec<(i128, i128)> = vec![
        (i8::MIN.into(), i8::MAX.into()),
        (i16::MIN.into(), i16::MAX.into()),
        (i32::MIN.into(), i32::MAX.into()),
        (i64::MIN.into(), i64::MAX.into()),
        (u8::MIN.into(), u8::MAX.into()),
        (u16::MIN.into(), u16::MAX.into()),
        (u32::MIN.into(), u32::MAX.into()),
        (u64::MIN.into(), u64::MAX.into()),
    ];
    for (stored, from) in KINDS.iter().zip(&ranges) {
        for (wanted, to) in KINDS.iter().zip(&ranges) {
            let fits = to.0 <= from.0 && from.1 <= to.1;
            assert_eq!(widens(*stored, *wanted), fits, "{stored} as {wanted}");
        }
    }
}

#[test]
fn integers_are_nothing_but_integers() {
    for (value, _) in stored_values() {
        let capsule = Capsule::new().with("n", value);
        for (error, wanted) in [
            (capsule.get::<bool>("n").unwrap_err(), Kind::Bool),
            (capsule.get::<f32>("n").unwrap_err(), Kind::F32),
            (capsule.get::<f64>("n").unwrap_err(), Kind::F64),
            (capsule.get::<&str>("n").unwrap_err(), Kind::String),
            (capsule.get::<&[u8]>("n").unwrap_err(), Kind::Bytes),
        ] {
            assert!(
                matches!(&error, GetError::WrongType { wanted: w, .. } if *w == wanted),
                "{error}"
            );
        }
    }
}

#[test]
fn nothing_else_is_an_integer() {
    let others = Capsule::new()
        .with("bool", true)
        .with("f32", 1.0f32)
        .with("f64", 1.0f64)
        .with("string", "1")
        .with("bytes", [1u8])
        .with("list", [1u16]);
    for (name, value) in &others {
        let error = others.get::<i64>(name).unwrap_err();
        let expected = GetError::WrongType {
            name: name.into(),
            wanted: Kind::I64,
            found: value.kind(),
        };
        assert_eq!(error, expected);
    }
}

#[test]
fn a_float_widens_and_never_narrows() {
    let capsule = Capsule::new().with("f32", 0.1f32).with("f64", 0.5f64);
    assert_eq!(capsule.get::<f64>("f32"), Ok(f64::from(0.1f32)));
    assert_eq!(
        capsule.get::<f32>("f64"),
        Err(GetError::WrongType {
            name: "f64".into(),
            wanted: Kind::F32,
            found: Kind::F64,
        })
    );
}
