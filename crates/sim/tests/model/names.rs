//! Names: who has one, who is refused, and who is told.

use std::time::Duration;

use hobnob_sim::{
    endpoint::wire::Generation,
    model::{
        Declared, ESTABLISHED_AFTER, Fact, Naming, Notice, ProcessId, Release, Seen, Sighting,
    },
};

use super::{A, B, Case, addr};

const C: ProcessId = ProcessId(2);
const ONLINE: Seen = Seen::Here(Declared::Online);

/// The number of the port of each process is its own.
fn place(process: ProcessId) -> u16 {
    u16::try_from(process.0).expect("few")
}

impl Case {
    fn introduce(&mut self, process: ProcessId, name: &str) {
        self.see(Fact::Introduced {
            process,
            name,
            release: Release::default(),
        });
    }

    fn named(&mut self, by: ProcessId, what: Naming) {
        self.see(Fact::Named { by, what });
    }

    /// One is told of another one that has generation 1.
    fn conflict(&mut self, by: ProcessId, other: ProcessId, is_refused: bool) {
        let conflict = Naming::Conflict {
            addr: addr(place(other)),
            generation: Generation(1),
            is_refused,
        };
        self.named(by, conflict);
    }

    fn shows(&mut self, by: ProcessId, is_refused: bool) {
        self.named(by, Naming::Shown { is_refused });
    }

    fn shown_to_a(&mut self, whom: &[ProcessId]) {
        let sighting = |process: &ProcessId| Sighting {
            addr: addr(place(*process)),
            generation: Generation(1),
            seen: ONLINE,
        };
        for process in whom {
            self.see(Fact::Noticed {
                by: A,
                addr: addr(place(*process)),
                generation: Generation(1),
                notice: Notice::Up(ONLINE),
            });
        }
        let view: Vec<Sighting> = whom.iter().map(sighting).collect();
        self.model.check_shown(A, view);
    }

    fn misnamed(&self) -> Option<&'static str> {
        self.model.first_misnamed().map(|it| it.name())
    }
}

/// B and C have one name.
fn twins() -> Case {
    let mut case = Case::new();
    case.start(C, place(C), 1);
    case.introduce(A, "other");
    case.introduce(B, "twin");
    case.introduce(C, "twin");
    case
}

fn settled() -> Case {
    let mut case = twins();
    case.conflict(B, C, false);
    case.conflict(C, B, true);
    case.shows(C, true);
    case
}

#[test]
fn two_of_one_name_settle_it_and_are_told() {
    let mut case = settled();
    assert_eq!(case.misnamed(), None);
    let of = |process| Sighting {
        addr: addr(place(process)),
        generation: Generation(1),
        seen: ONLINE,
    };
    assert!(case.model.wrong_view(A, [of(B)]).is_none());
    assert!(case.model.wrong_view(C, [of(A), of(B)]).is_none());
    let both = case.model.wrong_view(A, [of(B), of(C)]);
    assert!(both.is_some(), "the refused one is shown to nobody");

    case.see(Fact::Stopped { process: B });
    assert_eq!(case.misnamed(), Some("name-unheld"));
    case.named(C, Naming::Free);
    case.shows(C, false);
    assert_eq!(case.misnamed(), None);
    assert!(case.model.wrong_view(A, [of(C)]).is_none());
    assert_eq!(case.broken(), [""; 0]);
}

#[test]
fn in_the_end_a_name_is_one_process_own() {
    assert_eq!(twins().misnamed(), Some("name-held-twice"));

    let mut case = twins();
    case.conflict(C, B, true);
    case.shows(C, true);
    assert_eq!(case.misnamed(), Some("holder-untold"));
    case.conflict(B, C, true);
    case.shows(B, true);
    assert_eq!(case.misnamed(), Some("name-unheld"));
}

/// Whoever shuts down makes way, and is not refused for it.
#[test]
fn a_process_that_shuts_down_is_in_nobodys_way() {
    let mut case = twins();
    case.see(Fact::Declared {
        process: B,
        state: Declared::Offline,
    });
    assert_eq!(case.misnamed(), None);
    let of = |process, seen| Sighting {
        addr: addr(place(process)),
        generation: Generation(1),
        seen,
    };
    assert!(case.model.wrong_view(A, [of(C, ONLINE)]).is_none());
    let offline = Seen::Here(Declared::Offline);
    let both = [of(B, offline), of(C, ONLINE)];
    assert!(case.model.wrong_view(A, both).is_some());
    case.shown_to_a(&[C]);
    assert_eq!(case.broken(), [""; 0]);
}

/// Of two that are new it may be either.
#[test]
fn one_that_is_established_does_not_yield_to_a_later_one() {
    let refused_after = |time: Duration, generation: u64| {
        let mut case = Case::new();
        case.introduce(B, "twin");
        case.see(Fact::Company {
            by: B,
            is_alone: false,
        });
        case.now = case.now + time;
        case.start(C, place(C), generation);
        case.introduce(C, "twin");
        let conflict = Naming::Conflict {
            addr: addr(place(C)),
            generation: Generation(generation),
            is_refused: true,
        };
        case.named(B, conflict);
        case.shows(B, true);
        case.broken()
    };
    assert_eq!(refused_after(ESTABLISHED_AFTER, 2), ["older-refused"]);
    assert_eq!(refused_after(ESTABLISHED_AFTER, 0), [""; 0]);
    assert_eq!(refused_after(ESTABLISHED_AFTER / 2, 2), [""; 0]);
}

#[test]
fn nobody_is_refused_because_of_another_name_or_of_one_that_is_gone() {
    let mut case = twins();
    case.conflict(A, B, true);
    assert_eq!(case.broken()[0], "no-namesake");

    let mut case = Case::new();
    case.introduce(B, "twin");
    case.see(Fact::Stopped { process: B });
    case.start(C, place(C), 1);
    case.introduce(C, "twin");
    case.conflict(C, B, true);
    assert_eq!(case.broken(), ["unique-refused"]);
}

#[test]
fn whether_it_is_refused_a_process_was_told_last() {
    let mut case = twins();
    case.shows(C, true);
    assert_eq!(case.broken(), ["refusal-untold"]);

    let mut case = settled();
    case.named(C, Naming::Free);
    case.shows(C, true);
    assert_eq!(case.broken(), ["refusal-untold"]);

    let mut case = settled();
    case.shows(C, false);
    assert_eq!(case.broken(), ["refusal-untold"]);
}

#[test]
fn of_one_name_one_is_shown() {
    let mut case = twins();
    case.shown_to_a(&[B]);
    assert_eq!(case.broken(), [""; 0]);
    let mut case = twins();
    case.shown_to_a(&[B, C]);
    assert_eq!(case.broken(), ["name-shown-twice"]);

    let mut case = twins();
    case.introduce(A, "twin");
    case.shown_to_a(&[B]);
    assert_eq!(case.broken(), ["name-shown-twice"], "one is itself");
}

#[test]
fn one_that_comes_back_elsewhere_takes_the_place_of_its_past() {
    let mut case = Case::new();
    case.introduce(B, "mover");
    case.see(Fact::Stopped { process: B });
    let past = |seen| Sighting {
        addr: addr(1),
        generation: Generation(1),
        seen,
    };
    let failed = past(Seen::Failed);
    assert!(case.model.wrong_view(A, [failed]).is_none());
    case.start(C, place(C), 2);
    case.introduce(C, "mover");
    let now = Sighting {
        addr: addr(place(C)),
        generation: Generation(2),
        seen: ONLINE,
    };
    assert!(case.model.wrong_view(A, [now]).is_none());
    for past in [failed, past(ONLINE)] {
        assert!(case.model.wrong_view(A, [past, now]).is_some());
    }
}

#[test]
fn only_one_of_the_same_name_takes_the_place_of_another_one_elsewhere() {
    for (name, broken) in [("mover", &[][..]), ("other", &["replaced-by-other"])] {
        let mut case = Case::new();
        case.introduce(B, "mover");
        case.start(C, place(C), 2);
        case.introduce(C, name);
        for notice in [
            Notice::Up(ONLINE),
            Notice::Replaced {
                addr: addr(place(C)),
                generation: Generation(2),
            },
        ] {
            case.see(Fact::Noticed {
                by: A,
                addr: addr(1),
                generation: Generation(1),
                notice,
            });
        }
        assert_eq!(case.broken(), broken);
    }
}
