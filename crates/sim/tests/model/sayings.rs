//! What processes say of themselves, and what others read of it.

use std::sync::Arc;

use hobnob_sim::{
    endpoint::wire::Generation,
    model::{Declared, Digest, Fact, Naming, Notice, ProcessId, Saying, Seen, Sighting},
};

use super::{A, B, Case, addr};

const C: ProcessId = ProcessId(2);

/// What is set, and what is read: a key and its value.
type Values<'a> = &'a [(&'a str, &'a str)];

impl Case {
    fn said(&mut self, by: ProcessId, what: Saying<'_>) {
        self.see(Fact::Said { by, what });
    }

    fn set(&mut self, by: ProcessId, key: &str, value: &str) {
        let value = Digest::of(value.as_bytes());
        self.said(by, Saying::Set { key, value });
    }

    fn remove(&mut self, by: ProcessId, key: &str) {
        self.said(by, Saying::Removed { key });
    }

    /// A reports what B's process says.
    fn report(&mut self, generation: u64, keys: &[&str]) {
        let keys: Vec<Arc<str>> = keys.iter().map(|key| Arc::from(*key)).collect();
        let what = Saying::Changed {
            addr: addr(1),
            generation: Generation(generation),
            keys: &keys,
        };
        self.said(A, what);
    }

    /// A reads it.
    fn read(&mut self, generation: u64, values: Values<'_>) {
        let values = values.iter();
        let values = values.map(|(key, value)| (Arc::from(*key), Digest::of(value.as_bytes())));
        let values: Vec<(Arc<str>, Digest)> = values.collect();
        let what = Saying::Read {
            addr: addr(1),
            generation: Generation(generation),
            values: &values,
        };
        self.said(A, what);
    }

    fn unheard(&self) -> Option<&'static str> {
        self.model.first_unheard(A).map(|it| it.name())
    }
}

#[test]
fn what_was_said_may_be_read_late_and_with_moments_left_out() {
    let mut case = Case::new();
    case.read(1, &[]);
    case.set(B, "zone", "south");
    case.set(B, "load", "3");
    case.remove(B, "load");
    case.set(B, "load", "4");
    case.report(1, &["zone"]);
    case.read(1, &[("zone", "south")]);
    case.report(1, &["load"]);
    case.read(1, &[("load", "4"), ("zone", "south")]);
    assert_eq!(case.unheard(), None);
    assert_eq!(case.broken(), [""; 0]);
}

/// It has been the same twice, so whoever reads it twice may have read either.
#[test]
fn what_is_said_again_may_be_read_again() {
    let mut case = Case::new();
    for value in ["on", "off", "on", "off"] {
        case.set(B, "light", value);
    }
    for value in ["on", "off", "on", "off"] {
        case.report(1, &["light"]);
        case.read(1, &[("light", value)]);
    }
    assert_eq!(case.broken(), [""; 0]);
    case.report(1, &["light"]);
    case.read(1, &[("light", "on")]);
    assert_eq!(case.broken(), ["saying-went-back"]);
}

#[test]
fn nobody_reads_what_was_never_said() {
    let mut case = Case::new();
    case.set(A, "zone", "north");
    case.set(B, "load", "3");
    case.read(1, &[("zone", "north")]);
    assert_eq!(case.broken(), ["never-said"], "it is another's");

    let mut case = Case::new();
    case.set(B, "load", "3");
    case.set(B, "zone", "south");
    case.read(1, &[("zone", "south")]);
    assert_eq!(case.broken(), ["never-said"], "it is a part");

    let mut case = Case::new();
    case.set(B, "load", "3");
    case.see(Fact::Stopped { process: B });
    case.start(C, 1, 2);
    case.read(2, &[("load", "3")]);
    assert_eq!(case.broken(), ["never-said"], "it was an earlier process");
}

/// A process goes on under another generation with what it has said.
#[test]
fn a_later_generation_of_a_process_says_what_it_said() {
    let mut case = Case::new();
    case.set(B, "load", "3");
    case.see(Fact::Renewed {
        process: B,
        generation: Generation(5),
    });
    case.read(5, &[]);
    case.report(5, &["load"]);
    case.read(5, &[("load", "3")]);
    assert_eq!(case.broken(), [""; 0]);
}

#[test]
fn nobody_goes_back_to_what_was_said_earlier() {
    let mut case = Case::new();
    case.set(B, "load", "3");
    case.set(B, "load", "4");
    case.read(1, &[("load", "4")]);
    case.report(1, &["load"]);
    case.read(1, &[("load", "3")]);
    assert_eq!(case.broken(), ["saying-went-back"]);
}

/// Whoever was forgotten is met for the first time.
#[test]
fn whoever_is_not_shown_any_more_is_read_anew() {
    let read_after = |is_shown: bool| {
        let mut case = Case::new();
        let online = Seen::Here(Declared::Online);
        case.see(Fact::Noticed {
            by: A,
            addr: addr(1),
            generation: Generation(1),
            notice: Notice::Up(online),
        });
        case.set(B, "load", "3");
        case.read(1, &[("load", "3")]);
        let sighting = Sighting {
            addr: addr(1),
            generation: Generation(1),
            seen: online,
        };
        case.model.check_shown(A, is_shown.then_some(sighting));
        case.read(1, &[]);
        case.broken()
    };
    assert!(read_after(true).contains(&"saying-went-back"));
    assert!(!read_after(false).contains(&"saying-went-back"));
}

/// It may be back within the same step, so that nobody has looked in between.
#[test]
fn whoever_was_replaced_is_read_anew() {
    let mut case = Case::new();
    case.set(B, "load", "3");
    case.read(1, &[("load", "3")]);
    case.start(C, 2, 1);
    for notice in [
        Notice::Replaced {
            addr: addr(2),
            generation: Generation(1),
        },
        Notice::Up(Seen::Here(Declared::Online)),
    ] {
        case.see(Fact::Noticed {
            by: A,
            addr: addr(1),
            generation: Generation(1),
            notice,
        });
    }
    case.read(1, &[]);
    assert!(!case.broken().contains(&"saying-went-back"));
}

#[test]
fn what_changed_was_reported() {
    for keys in [&[][..], &["zone"]] {
        let mut case = Case::new();
        case.set(B, "load", "3");
        case.read(1, &[("load", "3")]);
        case.remove(B, "load");
        case.report(1, keys);
        case.read(1, &[]);
        assert_eq!(case.broken(), ["saying-unreported"], "{keys:?}");
    }
}

#[test]
fn the_last_that_was_said_is_heard_in_the_end() {
    let mut case = Case::new();
    case.set(B, "load", "3");
    case.read(1, &[("load", "3")]);
    assert_eq!(case.unheard(), None);
    case.set(B, "load", "4");
    assert_eq!(case.unheard(), Some("not-last-said"));
    case.see(Fact::Stopped { process: B });
    assert_eq!(case.unheard(), None, "nobody can ask it any more");
}

/// Nobody sees it, so nobody tells it anything by himself.
#[test]
fn one_that_is_refused_its_name_need_not_hear_everything() {
    let mut case = Case::new();
    case.read(1, &[]);
    case.set(B, "load", "3");
    assert_eq!(case.unheard(), Some("not-last-said"));
    case.see(Fact::Named {
        by: A,
        what: Naming::Shown { is_refused: true },
    });
    assert_eq!(case.unheard(), None);
}
