//! Data that the nodes share.

use std::time::Duration;

use bytes::Bytes;
use hobnob_sim::{
    Instant,
    endpoint::{
        shared::{Config, Process, SharedData, Version},
        wire::Generation,
    },
    model::{Digest, Fact, ProcessId, Sharing, Value},
};

use super::{A, B, Case, addr};

const KEY: &str = "key";
const COUNTER: &str = "counter";

/// Names of writes, the earlier ones first.
fn versions<const N: usize>() -> [Version; N] {
    let me = Process {
        addr: addr(0),
        generation: Generation(1),
    };
    let born = Duration::from_secs(1);
    let data = SharedData::new(Config::default(), me, 0, Instant::ZERO, born);
    let mut data = data.expect("the default configuration");
    [(); N].map(|()| {
        let written = data.set(Instant::ZERO, KEY, Bytes::new());
        written.expect("there is room")
    })
}

fn of(version: Version) -> Value {
    (version, Digest::of(b"a value"))
}

fn wrote(value: Value) -> Sharing<'static> {
    Sharing::Wrote { key: KEY, value }
}

fn changed(value: Option<Value>) -> Sharing<'static> {
    Sharing::Changed { key: KEY, value }
}

const REMOVED: Sharing<'static> = Sharing::Removed { key: KEY };

/// What is wrong if this happens.
fn wrong_with(facts: &[(ProcessId, Sharing<'_>)]) -> Vec<&'static str> {
    case(facts).broken()
}

fn case(facts: &[(ProcessId, Sharing<'_>)]) -> Case {
    let mut case = Case::new();
    for (by, what) in facts {
        let (by, what) = (*by, *what);
        case.see(Fact::Shared { by, what });
    }
    case
}

#[test]
fn writes_and_removals_that_come_in_order_are_right() {
    let [first, second] = versions().map(of);
    let facts = [
        (A, wrote(first)),
        (A, changed(Some(first))),
        (B, changed(Some(first))),
        (B, REMOVED),
        (B, changed(None)),
        (B, wrote(second)),
        (B, changed(Some(second))),
        (A, changed(Some(second))),
    ];
    assert_eq!(wrong_with(&facts), [""; 0]);
}

#[test]
fn a_value_was_written_by_somebody() {
    let [first] = versions();
    let other = (first, Digest::of(b"another value"));
    let facts = [(A, wrote(of(first))), (B, changed(Some(other)))];
    assert_eq!(wrong_with(&facts), ["value-unwritten"]);
    let facts = [(B, changed(Some(of(first))))];
    assert_eq!(wrong_with(&facts), ["value-unwritten"]);
    let facts = [
        (A, wrote(of(first))),
        (A, changed(Some(of(first)))),
        (A, changed(None)),
    ];
    assert_eq!(wrong_with(&facts), ["value-unwritten"], "nobody removed it");
}

#[test]
fn a_copy_never_goes_back() {
    let [first, second] = versions().map(of);
    let written = [(A, wrote(first)), (B, wrote(second))];
    let earlier = [(A, changed(Some(second))), (A, changed(Some(first)))];
    let facts = [written, earlier].concat();
    assert_eq!(wrong_with(&facts), ["value-went-back"]);

    let removed = [
        (A, changed(Some(second))),
        (A, REMOVED),
        (A, changed(None)),
        (A, changed(Some(second))),
    ];
    let facts = [&written[..], &removed].concat();
    assert_eq!(wrong_with(&facts), ["value-went-back"], "it was removed");
}

#[test]
fn a_write_is_later_than_what_its_writer_had_seen() {
    let [first, second] = versions().map(of);
    let facts = [
        (A, wrote(second)),
        (B, changed(Some(second))),
        (B, wrote(first)),
    ];
    assert_eq!(wrong_with(&facts), ["written-before"]);
}

#[test]
fn a_comparison_tells_the_truth_about_its_copy() {
    let [first, second] = versions();
    for (expected, was_equal, wrong) in [
        (Some(first), true, None),
        (Some(first), false, Some("compared-wrongly")),
        (Some(second), true, Some("compared-wrongly")),
        (None, false, None),
        (None, true, Some("compared-wrongly")),
    ] {
        let compared = Sharing::Compared {
            key: KEY,
            expected,
            was_equal,
        };
        let facts = [
            (A, wrote(of(first))),
            (A, changed(Some(of(first)))),
            (A, compared),
        ];
        assert_eq!(wrong_with(&facts), wrong.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn what_is_read_was_reported() {
    let [first] = versions().map(of);
    let read = |value| Sharing::Read { key: KEY, value };
    let facts = [(A, wrote(first)), (A, changed(Some(first)))];
    for (seen, wrong) in [(Some(first), &[][..]), (None, &["value-unreported"])] {
        let facts = [&facts[..], &[(A, read(seen))]].concat();
        assert_eq!(wrong_with(&facts), wrong);
    }
    let facts = [(A, wrote(first)), (B, read(Some(first)))];
    assert_eq!(wrong_with(&facts), ["value-unreported"]);
    assert_eq!(wrong_with(&[(A, REMOVED)]), ["value-unreported"]);
}

#[test]
fn a_counter_is_what_was_added_to_it() {
    let added = |by, delta| {
        let name = COUNTER;
        (by, Sharing::Added { name, delta })
    };
    let counted = |value| {
        let name = COUNTER;
        (A, Sharing::Counted { name, value })
    };
    let adding = [added(A, 5), added(A, -2), added(B, 4)];
    for (value, wrong) in [
        (3, None),
        (7, None),
        (-2, None),
        (9, None),
        (10, Some("miscounted")),
        (-3, Some("miscounted")),
    ] {
        let facts = [&adding[..], &[counted(value)]].concat();
        let wrong: Vec<_> = wrong.into_iter().collect();
        assert_eq!(wrong_with(&facts), wrong, "{value}");
    }
    // In the end all that a living process added counts, and of a dead one what others have heard.
    for (value, lives, wrong) in [
        (7, true, None),
        (3, true, Some("miscounted")),
        (3, false, None),
        (2, false, Some("miscounted")),
    ] {
        let mut case = case(&[&adding[..], &[counted(value)]].concat());
        if !lives {
            case.see(Fact::Stopped { process: B });
        }
        case.model.check_copy(A, [], [(COUNTER, value)]);
        let wrong: Vec<_> = wrong.into_iter().collect();
        assert_eq!(case.broken(), wrong, "{value}");
    }
}

#[test]
fn in_the_end_copies_are_equal_and_as_they_were_reported() {
    let [first] = versions().map(of);
    let written = [(A, wrote(first)), (A, changed(Some(first)))];
    let both = [&written[..], &[(B, changed(Some(first)))]].concat();
    let check = |facts: &[_], entries: &[(&str, Value)]| {
        let mut case = case(facts);
        case.model.check_copy(B, entries.iter().copied(), []);
        case.broken()
    };
    assert_eq!(check(&both, &[(KEY, first)]), [""; 0]);
    assert_eq!(check(&both, &[]), ["value-unreported"]);
    assert_eq!(check(&written, &[]), ["copies-differ"]);

    let mut apart = case(&written);
    let differ = apart.model.differing(B, A);
    apart.model.blame(differ);
    let mut equal = case(&both);
    let same = equal.model.differing(B, A);
    equal.model.blame(same);
    assert_eq!(apart.broken(), ["copies-differ"]);
    assert_eq!(equal.broken(), ["not-known-equal"]);
}
