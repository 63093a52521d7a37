//! Applications and versions that do not work together.

use std::time::Duration;

use bytes::Bytes;
use hobnob_sim::{
    Instant,
    endpoint::{
        shared::{Config, Process, SharedData, Version},
        wire::Generation,
    },
    model::{Declared, Digest, Fact, Kind, Notice, ProcessId, Release, Seen, Sharing, Sighting},
};

use super::{A, B, Case, addr};

const C: ProcessId = ProcessId(2);
const ONLINE: Seen = Seen::Here(Declared::Online);

const fn version(version: u32, from: u32, until: u32) -> Release {
    Release {
        application: 0,
        version,
        range: Some((from, until)),
    }
}

const OLD: Release = version(1, 1, 2);
const NEW: Release = version(3, 2, 4);
const BETWEEN: Release = version(2, 1, 4);
const BOTH_WAYS: Release = version(1, 1, 4);

impl Case {
    fn release(&mut self, process: ProcessId, release: Release) {
        let name = "";
        self.see(Fact::Introduced {
            process,
            name,
            release,
        });
    }

    fn exclude(&mut self, by: ProcessId, other: u16) {
        self.see(Fact::Excluded {
            by,
            addr: addr(other),
            generation: Generation(1),
        });
    }
}

fn apart(a: Release, b: Release) -> Case {
    let mut case = Case::new();
    case.release(A, a);
    case.release(B, b);
    case
}

#[test]
fn neither_excludes_the_other() {
    let another = Release {
        application: 1,
        ..Release::default()
    };
    for (one, other, do_work) in [
        (Release::default(), Release::default(), true),
        (Release::default(), another, false),
        (OLD, OLD, true),
        (OLD, NEW, false),
        (BOTH_WAYS, NEW, false),
        (BOTH_WAYS, BETWEEN, true),
        (version(2, 1, 3), BETWEEN, true),
    ] {
        assert_eq!(one.works_with(other), do_work, "{one:?} and {other:?}");
        assert_eq!(other.works_with(one), do_work, "{other:?} and {one:?}");
    }
}

#[test]
fn those_that_do_not_work_together_are_not_shown_to_each_other() {
    let sighting = Sighting {
        addr: addr(1),
        generation: Generation(1),
        seen: ONLINE,
    };
    for (a, b, sees) in [(OLD, NEW, false), (BETWEEN, NEW, true)] {
        let case = apart(a, b);
        assert_eq!(case.model.wrong_view(A, [sighting]).is_none(), sees);
        assert_eq!(case.model.wrong_view(A, []).is_none(), !sees);
        for notice in [Notice::Up(ONLINE), Notice::Gone(Seen::Failed)] {
            let mut case = apart(a, b);
            case.see(Fact::Noticed {
                by: A,
                addr: addr(1),
                generation: Generation(1),
                notice,
            });
            let told = case.broken().contains(&"foreigner-reported");
            assert_eq!(told, !sees, "{notice:?}");
        }
    }
}

#[test]
fn those_that_do_not_work_together_are_told_so() {
    let mut case = apart(OLD, NEW);
    case.exclude(A, 1);
    assert_eq!(case.broken(), [""; 0]);
    let mut case = apart(OLD, BETWEEN);
    case.release(A, BETWEEN);
    case.exclude(A, 1);
    assert_eq!(case.broken(), ["wrongly-excluded"]);
    let mut case = apart(OLD, NEW);
    case.exclude(A, 9);
    assert_eq!(case.broken(), ["wrongly-excluded"], "nobody is there");
}

#[test]
fn nothing_is_delivered_between_them() {
    for (b, broken) in [(NEW, &["handled-by-foreigner"][..]), (OLD, &[])] {
        let mut case = apart(OLD, b);
        case.call(Kind::Send);
        case.handle(B);
        assert_eq!(case.broken(), broken);
    }
}

/// Works with C if that is in between, and not with B.
const A_S: Release = version(1, 1, 3);

/// A write of B that A's copy has, where C is such.
fn written_by_b(c: Release) -> Case {
    let mut case = apart(A_S, NEW);
    case.start(C, 2, 1);
    case.release(C, c);
    let value = (a_version(), Digest::of(b"a value"));
    let key = "key";
    let wrote = Sharing::Wrote { key, value };
    let value = Some(value);
    for (by, what) in [(B, wrote), (A, Sharing::Changed { key, value })] {
        case.see(Fact::Shared { by, what });
    }
    case
}

fn a_version() -> Version {
    let me = Process {
        addr: addr(1),
        generation: Generation(1),
    };
    let born = Duration::from_secs(1);
    let data = SharedData::new(Config::default(), me, 0, Instant::ZERO, born);
    let mut data = data.expect("the default configuration");
    let written = data.set(Instant::ZERO, "key", Bytes::new());
    written.expect("there is room")
}

#[test]
fn what_is_shared_passes_by_way_of_those_that_work_with_both() {
    assert_eq!(written_by_b(A_S).broken(), ["value-unwritten"]);
    let mut case = written_by_b(BETWEEN);
    assert_eq!(case.broken(), [""; 0]);
    assert!(case.model.share_with_each_other(A, B));
    case.see(Fact::Stopped { process: C });
    assert!(!case.model.share_with_each_other(A, B), "not any more");
}

#[test]
fn counters_add_up_among_those_that_share() {
    let counted = |b: Release, value: i64| {
        let mut case = apart(OLD, b);
        let name = "counter";
        let added = Sharing::Added { name, delta: 3 };
        let counted = Sharing::Counted { name, value };
        for (by, what) in [(B, added), (A, counted)] {
            case.see(Fact::Shared { by, what });
        }
        case.broken()
    };
    assert_eq!(counted(OLD, 3), [""; 0]);
    assert_eq!(counted(NEW, 3), ["miscounted"]);
    assert_eq!(counted(NEW, 0), [""; 0]);
}
