//! The packed format: what `pack` writes and that `unpack` gives it back.

mod common;

use hobnob_capsule::{Capsule, FORMAT_VERSION, MAX_PACKED_LEN, Map, PackError, Value};
use proptest::prelude::*;

/// Format version 1, written out by hand. A change of these bytes is a new version.
#[rustfmt::skip]
const GOLDEN: &[u8] = &[
    1,                                                   // version
    16,                                                  // entries
    4, b'b', b'o', b'o', b'l', 1, 1,                     // true
    5, b'b', b'y', b't', b'e', b's', 13, 2, 0, 255,
    7, b'c', b'a', b'p', b's', b'u', b'l', b'e', 16, 1,  // capsule of one entry
    5, b'f', b'i', b'e', b'l', b'd', 9, 4,
    3, b'f', b'3', b'2', 10, 0x00, 0x00, 0xc0, 0x3f,     // 1.5
    3, b'f', b'6', b'4', 11, 0, 0, 0, 0, 0, 0, 0x04, 0xc0, // -2.5
    3, b'i', b'1', b'6', 3, 0xff, 0xff, 0x03,            // -32768 is 65535 in zigzag form
    3, b'i', b'3', b'2', 4, 0xff, 0xff, 0xff, 0xff, 0x0f,
    3, b'i', b'6', b'4', 5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
    2, b'i', b'8', 2, 0x80,                              // -128
    4, b'l', b'i', b's', b't', 14, 2, 6, 1, 12, 3, b't', b'w', b'o',
    3, b'm', b'a', b'p', 15, 1, 3, b'k', b'e', b'y', 4, 6, // 3 is 6 in zigzag form
    6, b's', b't', b'r', b'i', b'n', b'g', 12, 6, b'h', 0xc3, 0xa9, b'l', b'l', b'o',
    3, b'u', b'1', b'6', 7, 0xff, 0xff, 0x03,
    3, b'u', b'3', b'2', 8, 0xff, 0xff, 0xff, 0xff, 0x0f,
    3, b'u', b'6', b'4', 9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
    2, b'u', b'8', 6, 0xff,
];

#[test]
fn golden_bytes_of_format_version_1() {
    assert_eq!(FORMAT_VERSION, 1);
    assert_eq!(common::every_type().pack().unwrap(), GOLDEN);
    assert_eq!(Capsule::unpack(GOLDEN).unwrap(), common::every_type());
}

#[test]
fn golden_bytes_of_the_empty_capsule() {
    assert_eq!(Capsule::new().pack().unwrap(), [1, 0]);
    assert_eq!(Capsule::unpack(&[1, 0]), Ok(Capsule::new()));
}

#[test]
fn integers_at_each_length_of_a_varint_come_back() {
    for bits in 0..u64::BITS {
        let edge = 1u64 << bits;
        for value in [edge - 1, edge, edge.wrapping_neg(), !edge] {
            let capsule = Capsule::new()
                .with("u", value)
                .with("i", value.cast_signed())
                .with("text", "x".repeat((value % 300) as usize));
            let packed = capsule.pack().unwrap();
            assert_eq!(Capsule::unpack(&packed), Ok(capsule), "{value:#x}");
        }
    }
}

#[test]
fn every_bit_of_a_nan_comes_back() {
    for bits in [
        0x7ff8_0000_0000_0000u64,
        0x7ff0_0000_0000_0001,
        0xffff_ffff_ffff_ffff,
    ] {
        let capsule = Capsule::new().with("nan", f64::from_bits(bits));
        let back = Capsule::unpack(&capsule.pack().unwrap()).unwrap();
        assert_eq!(back.get::<f64>("nan").unwrap().to_bits(), bits);
    }
    for bits in [0x7fc0_0000u32, 0x7f80_0001, 0xffff_ffff] {
        let capsule = Capsule::new().with("nan", f32::from_bits(bits));
        let back = Capsule::unpack(&capsule.pack().unwrap()).unwrap();
        assert_eq!(back.get::<f32>("nan").unwrap().to_bits(), bits);
    }
}

#[test]
fn pack_into_appends() {
    let mut buffer = vec![9, 9];
    Capsule::new()
        .with("a", 1u8)
        .pack_into(&mut buffer)
        .unwrap();
    assert_eq!(buffer, [9, 9, 1, 1, 1, b'a', 6, 1]);
}

#[test]
fn what_is_too_large_is_refused_before_anything_is_written() {
    // Version, count, name length, name, type and the length of the bytes.
    const AROUND: usize = 1 + 1 + 1 + 1 + 1 + 4;
    let too_large = Capsule::new().with("b", vec![0u8; MAX_PACKED_LEN - AROUND + 1]);
    let mut buffer = vec![7];
    assert_eq!(
        too_large.pack_into(&mut buffer),
        Err(PackError::TooLarge {
            len: MAX_PACKED_LEN + 1
        })
    );
    assert_eq!(buffer, [7]);
    assert_eq!(buffer.capacity(), 1);
}

proptest! {
    #[test]
    fn what_is_packed_is_unpacked(capsule in common::any_capsule()) {
        let packed = capsule.pack().unwrap();
        prop_assert!(packed.capacity() <= packed.len().max(8), "it was measured before");
        prop_assert_eq!(Capsule::unpack(&packed).unwrap(), capsule);
    }

    #[test]
    fn equal_capsules_have_equal_packings(
        entries in prop::collection::btree_map("[a-z]{0,3}", common::any_value(), 0..8),
        order in any::<u64>(),
    ) {
        let mut shuffled: Vec<(String, Value)> = entries.clone().into_iter().collect();
        shuffled.sort_by_key(|(name, _)| {
            name.bytes().fold(order, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
        });
        let collected = Capsule::from_iter(entries);
        let mut set = Capsule::new();
        for (name, value) in shuffled {
            set.set(name, value);
        }
        prop_assert_eq!(&set, &collected);
        prop_assert_eq!(set.pack().unwrap(), collected.pack().unwrap());
    }

    #[test]
    fn different_capsules_have_different_packings(
        left in common::any_capsule(),
        right in common::any_capsule(),
    ) {
        prop_assert_eq!(left == right, left.pack().unwrap() == right.pack().unwrap());
    }

    #[test]
    fn a_map_and_a_capsule_are_packed_as_what_they_are(map in common::any_capsule()) {
        let both = Capsule::new()
            .with("capsule", map.clone())
            .with("map", Map::from(map));
        prop_assert_eq!(Capsule::unpack(&both.pack().unwrap()).unwrap(), both);
    }
}
