//! Versions of an application, and which work together.

mod common;

use common::written;
use hobnob_wire::{AppRelease, AppVersion, AppVersions, Handshake, Hello, Kind, Reader};
use proptest::prelude::*;

fn version(text: &str) -> AppVersion {
    text.parse()
        .unwrap_or_else(|_| panic!("{text} is a version"))
}

#[test]
fn versions_are_one_to_three_numbers() {
    for (text, shown) in [
        ("1", "1.0.0"),
        ("1.4", "1.4.0"),
        ("1.4.2", "1.4.2"),
        ("2026.11.22", "2026.11.22"),
        ("4294967295.0.1", "4294967295.0.1"),
        ("1.4.2-rc.1", "1.4.2"),
        ("1.4.2+g3fe1", "1.4.2"),
    ] {
        assert_eq!(version(text).to_string(), shown);
    }
    for text in [
        "",
        ".",
        "1.",
        ".1",
        "1..2",
        "1.2.3.4",
        "v1",
        "1.x",
        "+1",
        "-1",
        "4294967296",
        " 1",
        "g3fe1",
    ] {
        assert!(text.parse::<AppVersion>().is_err(), "{text:?}");
    }
}

#[test]
fn a_range_ends_before_its_second_version() {
    let range: AppVersions = "1.2..2".parse().expect("a range");
    for (text, is_in) in [
        ("1.1.9", false),
        ("1.2.0", true),
        ("1.99.3", true),
        ("2.0.0", false),
        // What comes after the numbers counts for nothing.
        ("2.0.0-rc1", false),
    ] {
        assert_eq!(range.contains(version(text)), is_in, "{text}");
    }
    for open in ["..", "0..", "..3", "1.2.."] {
        let range: AppVersions = open.parse().expect("a range");
        assert!(range.contains(version("1.2")), "{open}");
    }
    for text in [
        "", "1", "1.2", "2..1", "1..1", "..0", "1...2", "1..=2", "1..2..3", "a..b", ">=1",
    ] {
        assert!(text.parse::<AppVersions>().is_err(), "{text:?}");
    }
}

#[test]
fn a_range_of_nothing_and_unknown_flags_do_not_decode() {
    let hello = Hello {
        version_min: 1,
        version_max: 1,
        cluster: 0,
        generation: hobnob_wire::Generation(1),
        session: hobnob_wire::SessionId(1),
        nonce: 1,
        release: AppRelease::default(),
    };
    let bytes = written(|w| Handshake::Hello(hello).encode(w));
    let decode = |change: &[(usize, u8)]| {
        let mut bytes = bytes.clone();
        for (place, byte) in change {
            bytes[37 + place] = *byte;
        }
        Handshake::decode(Kind::Hello, &mut Reader::new(&bytes[3..]))
    };
    assert!(decode(&[]).is_ok());
    // A version of 0.0.0, which is not the same as none.
    assert!(decode(&[(0, 1)]).is_ok());
    for wrong in [
        &[(0, 16)][..],
        &[(0, 4)],
        &[(0, 8), (36, 1)],
        &[(4, 1)],
        &[(0, 2), (36, 1)],
        // From 1 until 1.
        &[(0, 2 + 4 + 8), (16, 1), (28, 1)],
    ] {
        assert!(decode(wrong).is_err(), "{wrong:?}");
    }
}

fn release() -> impl Strategy<Value = AppRelease> {
    let version = || {
        (0..4_u32, 0..3_u32).prop_map(|(major, minor)| AppVersion {
            major,
            minor,
            patch: 0,
        })
    };
    let bound = move || proptest::option::of(version());
    let range = (bound(), bound()).prop_filter_map("empty", |(a, b)| AppVersions::new(a, b));
    (bound(), proptest::option::of(range)).prop_map(|(version, compatible_with)| AppRelease {
        version,
        compatible_with,
    })
}

proptest! {
    #[test]
    fn whether_two_work_together_does_not_depend_on_who_asks(a in release(), b in release()) {
        prop_assert_eq!(a.is_compatible_with(b), b.is_compatible_with(a));
    }

    #[test]
    fn who_declares_nothing_works_with_all_that_declare_nothing(version in release(), other in release()) {
        let a = AppRelease { compatible_with: None, ..version };
        let b = AppRelease { compatible_with: None, ..other };
        prop_assert!(a.is_compatible_with(b));
    }

    #[test]
    fn a_range_reads_what_it_shows(release in release()) {
        if let Some(range) = release.compatible_with {
            prop_assert_eq!(range.to_string().parse::<AppVersions>(), Ok(range));
        }
    }
}
