//! What `unpack` refuses, and that it neither panics nor hoards memory over it.

mod common;

use hobnob_capsule::{Capsule, MAX_AMPLIFICATION, MAX_DEPTH, MAX_PACKED_LEN, UnpackError, Value};
use proptest::prelude::*;

/// The error of a capsule whose one entry, of an empty name, is the given value.
fn error_of(value: &[u8]) -> UnpackError {
    let packed = [&[1, 1, 0], value].concat();
    Capsule::unpack(&packed).unwrap_err()
}

/// Where the value of [`error_of`] begins.
const VALUE: usize = 3;

#[test]
fn an_unknown_version_is_refused() {
    for found in (0..=u8::MAX).filter(|version| *version != 1) {
        let error = Capsule::unpack(&[found, 0]).unwrap_err();
        assert_eq!(error, UnpackError::UnknownVersion { found });
    }
}

#[test]
fn an_input_longer_than_any_packing_is_refused() {
    let len = MAX_PACKED_LEN + 1;
    let error = Capsule::unpack(&vec![1; len]).unwrap_err();
    assert_eq!(error, UnpackError::TooLarge { len });
}

#[test]
fn trailing_bytes_are_refused() {
    assert_eq!(
        Capsule::unpack(&[1, 0, 0, 0]),
        Err(UnpackError::TrailingBytes { at: 2, count: 2 })
    );
}

#[test]
fn unknown_types_are_refused() {
    for tag in (0..=u8::MAX).filter(|tag| !(1..=16).contains(tag)) {
        let error = error_of(&[tag, 0]);
        assert_eq!(error, UnpackError::UnknownType { tag, at: VALUE });
    }
}

#[test]
fn a_bool_is_0_or_1() {
    for found in 2..=u8::MAX {
        let at = VALUE + 1;
        assert_eq!(error_of(&[1, found]), UnpackError::BadBool { found, at });
    }
}

#[test]
fn text_is_utf_8() {
    let at = VALUE + 2;
    for bad in [
        &[0xff, 0x61][..],
        &[0xc3, 0x28],
        &[0xed, 0xa0, 0x80],
        &[0xc0, 0x80],
    ] {
        let string = [&[12, u8::try_from(bad.len()).unwrap()], bad].concat();
        let field = "string";
        assert_eq!(error_of(&string), UnpackError::BadUtf8 { field, at });
    }
    assert_eq!(
        Capsule::unpack(&[1, 1, 1, 0xff, 1, 1]),
        Err(UnpackError::BadUtf8 {
            field: "name",
            at: 3
        })
    );
}

#[test]
fn names_ascend() {
    let capsule = |first: &[u8], second: &[u8]| {
        let mut packed = vec![1, 2];
        for name in [first, second] {
            packed.push(u8::try_from(name.len()).unwrap());
            packed.extend(name);
            packed.extend([1, 1]);
        }
        Capsule::unpack(&packed)
    };
    assert!(capsule(b"", b"a").is_ok());
    assert!(capsule(b"a", b"ab").is_ok());
    assert_eq!(
        capsule(b"a", b"a"),
        Err(UnpackError::DuplicateName { at: 6 })
    );
    assert_eq!(capsule(b"", b""), Err(UnpackError::DuplicateName { at: 5 }));
    assert_eq!(
        capsule(b"b", b"a"),
        Err(UnpackError::UnsortedName { at: 6 })
    );
    assert_eq!(
        capsule(b"ab", b"a"),
        Err(UnpackError::UnsortedName { at: 7 })
    );
}

#[test]
fn names_ascend_inside_maps_too() {
    let map = [15, 2, 1, b'b', 1, 1, 1, b'a', 1, 1];
    assert_eq!(error_of(&map), UnpackError::UnsortedName { at: VALUE + 6 });
}

#[test]
fn integers_take_no_more_bytes_than_they_need() {
    let at = VALUE + 1;
    for (tag, field) in [
        (3, "i16"),
        (4, "i32"),
        (5, "i64"),
        (7, "u16"),
        (8, "u32"),
        (9, "u64"),
        (12, "string"),
        (13, "bytes"),
        (14, "list"),
        (15, "map"),
        (16, "map"),
    ] {
        assert_eq!(
            error_of(&[tag, 0x80, 0]),
            UnpackError::NotShortest { field, at }
        );
        assert_eq!(
            error_of(&[tag, 0xff, 0x80, 0]),
            UnpackError::NotShortest { field, at }
        );
    }
    assert_eq!(
        Capsule::unpack(&[1, 0x80, 0]),
        Err(UnpackError::NotShortest {
            field: "map",
            at: 1
        })
    );
}

#[test]
fn integers_fit_their_type() {
    let at = VALUE + 1;
    let ten_bytes = |last: u8| [&[0xff; 9][..], &[last]].concat();
    let eleven_bytes = [&[0x80; 10][..], &[1]].concat();
    for (tag, field, content) in [
        (3, "i16", vec![0x80, 0x80, 0x04]),
        (4, "i32", vec![0x80, 0x80, 0x80, 0x80, 0x10]),
        (5, "i64", ten_bytes(2)),
        (7, "u16", vec![0x80, 0x80, 0x04]),
        (8, "u32", vec![0x80, 0x80, 0x80, 0x80, 0x10]),
        (9, "u64", ten_bytes(2)),
        (9, "u64", ten_bytes(0x81)),
        (9, "u64", eleven_bytes.clone()),
        (12, "string", eleven_bytes),
    ] {
        let value = [vec![tag], content].concat();
        assert_eq!(error_of(&value), UnpackError::IntegerTooBig { field, at });
    }
}

#[test]
fn every_field_can_be_cut() {
    for (value, field, at) in [
        (&[][..], "type", VALUE),
        (&[1], "bool", VALUE + 1),
        (&[2], "i8", VALUE + 1),
        (&[3], "i16", VALUE + 1),
        (&[4, 0x80], "i32", VALUE + 1),
        (&[5, 0xff, 0xff], "i64", VALUE + 1),
        (&[6], "u8", VALUE + 1),
        (&[7, 0x80], "u16", VALUE + 1),
        (&[8, 0x80], "u32", VALUE + 1),
        (&[9, 0x80], "u64", VALUE + 1),
        (&[10, 0, 0, 0], "f32", VALUE + 1),
        (&[11, 0, 0, 0, 0, 0, 0, 0], "f64", VALUE + 1),
        (&[12], "string", VALUE + 1),
        (&[13], "bytes", VALUE + 1),
        (&[14], "list", VALUE + 1),
        (&[15], "map", VALUE + 1),
        (&[16], "map", VALUE + 1),
    ] {
        // Three more bytes behind the name, or the count of the capsule would already be wrong.
        let mut packed = vec![1, 1, 0];
        packed.extend(value);
        let error = match Capsule::unpack(&packed) {
            Err(UnpackError::ClaimsTooMuch {
                field: "map",
                at: 1,
                ..
            }) => continue,
            other => other.unwrap_err(),
        };
        assert_eq!(error, UnpackError::Truncated { field, at });
    }
    assert_eq!(
        Capsule::unpack(&[]),
        Err(UnpackError::Truncated {
            field: "version",
            at: 0
        })
    );
}

#[test]
fn a_length_past_the_end_is_refused() {
    assert_eq!(
        error_of(&[12, 3, b'a', b'b']),
        UnpackError::ClaimsTooMuch {
            field: "string",
            at: VALUE + 1,
            claimed: 3,
            most: 2
        }
    );
    assert_eq!(
        Capsule::unpack(&[1, 1, 4, b'a', 1, 1]),
        Err(UnpackError::ClaimsTooMuch {
            field: "name",
            at: 2,
            claimed: 4,
            most: 3
        })
    );
}

#[test]
fn a_huge_count_is_refused_before_room_is_made() {
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    for (tag, field) in [(13, "bytes"), (14, "list"), (15, "map"), (16, "map")] {
        let value = [&[tag][..], &huge, &[0; 12]].concat();
        let least = match field {
            "bytes" => 1,
            "list" => 2,
            _ => 3,
        };
        assert_eq!(
            error_of(&value),
            UnpackError::ClaimsTooMuch {
                field,
                at: VALUE + 1,
                claimed: u64::MAX,
                most: 12 / least
            }
        );
    }
}

#[test]
fn nested_lists_cannot_claim_the_same_bytes_twice() {
    // Each of two lists claims half of the input for its items; the second claims the first's.
    let mut value = vec![14, 50, 14, 50];
    value.extend([0; 100]);
    assert_eq!(
        error_of(&value),
        UnpackError::ClaimsTooMuch {
            field: "list",
            at: VALUE + 3,
            claimed: 50,
            // Of the 100 bytes left, 98 belong to the 49 items of the outer list.
            most: 1
        }
    );
    // Nor can text take what is owed to the items behind it.
    let mut value = vec![14, 51, 12, 3];
    value.extend([0; 102]);
    assert!(matches!(
        error_of(&value),
        UnpackError::ClaimsTooMuch {
            field: "string",
            claimed: 3,
            most: 2,
            ..
        }
    ));
}

#[test]
fn every_cut_of_a_packing_is_an_error() {
    let packed = common::every_type().pack().unwrap();
    for end in 0..packed.len() {
        assert!(Capsule::unpack(&packed[..end]).is_err(), "cut at {end}");
    }
}

/// What `unpack` takes is a packing: `pack` would have written the same.
fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(capsule) = Capsule::unpack(bytes) {
        prop_assert_eq!(capsule.pack().unwrap(), bytes);
        let held: usize = capsule.iter().map(|(name, value)| entry(name, value)).sum();
        prop_assert!(
            held <= MAX_AMPLIFICATION * bytes.len(),
            "{held} for {}",
            bytes.len()
        );
    }
    Ok(())
}

/// The memory of an entry, and of all that hangs on it.
fn entry(name: &str, value: &Value) -> usize {
    size_of::<(String, Value)>() + name.len() + held(value)
}

fn held(value: &Value) -> usize {
    match value {
        Value::String(text) => text.capacity(),
        Value::Bytes(bytes) => bytes.capacity(),
        Value::List(items) => {
            items.capacity() * size_of::<Value>() + items.iter().map(held).sum::<usize>()
        }
        Value::Map(map) => map.iter().map(|(name, value)| entry(name, value)).sum(),
        Value::Capsule(capsule) => capsule.iter().map(|(name, value)| entry(name, value)).sum(),
        _ => 0,
    }
}

#[test]
fn the_greediest_packings_stay_within_the_factor() {
    let list_of =
        |item: &[u8], count: u8| [&[1, 1, 0, 14, count][..], &item.repeat(count.into())].concat();
    for packed in [
        list_of(&[1, 1], 100),
        list_of(&[14, 0], 100),
        list_of(&[15, 1, 0, 1, 1], 100),
        list_of(&[15, 1, 0, 15, 1, 0, 14, 0], 100),
        list_of(&[12, 1, b'a'], 100),
    ] {
        assert!(Capsule::unpack(&packed).is_ok());
        check(&packed).unwrap();
    }
}

#[test]
fn every_change_of_one_byte_is_refused_or_another_packing() {
    let packed = common::every_type().pack().unwrap();
    for at in 0..packed.len() {
        for change in 1..=u8::MAX {
            let mut changed = packed.clone();
            changed[at] ^= change;
            check(&changed).unwrap();
        }
    }
}

#[test]
fn the_deepest_packing_is_taken() {
    let mut packed = vec![1, 1, 0];
    packed.extend([14, 1].repeat(MAX_DEPTH - 2));
    packed.extend([14, 0]);
    let capsule = Capsule::unpack(&packed).unwrap();
    assert_eq!(capsule.pack().unwrap(), packed);
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_a_packing(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&bytes)?;
    }

    #[test]
    fn bytes_that_look_like_a_packing_are_refused_or_one(
        bytes in prop::collection::vec(prop_oneof![0..17u8, any::<u8>()], 0..200),
    ) {
        check(&[&[1], &bytes[..]].concat())?;
    }

    #[test]
    fn damaged_packings_are_refused_or_packings(
        capsule in common::any_capsule(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut packed = capsule.pack().unwrap();
        let cut = cut.index(packed.len());
        prop_assert!(Capsule::unpack(&packed[..cut]).is_err());
        for (at, byte) in damage {
            let at = at.index(packed.len());
            packed[at] = byte;
        }
        check(&packed)?;
    }
}
