//! What a node reports of the others.

use hobnob_sim::{
    endpoint::wire::Generation,
    model::{Declared, Fact, Notice, ProcessId, Seen, Sighting},
};

use super::{A, B, Case, addr};

const ONLINE: Seen = Seen::Here(Declared::Online);
const TAKEN: Seen = Seen::Here(Declared::Taken);
const UP: Notice = Notice::Up(ONLINE);
const FAILED: Notice = Notice::Gone(Seen::Failed);
const LEFT: Notice = Notice::Gone(Seen::Left);
const SUSPECTED: Notice = Notice::Changed {
    from: ONLINE,
    to: Seen::Suspect,
};

fn replaced(generation: u64) -> Notice {
    Notice::Replaced {
        addr: addr(1),
        generation: Generation(generation),
    }
}

/// What is wrong if A reports this of the processes at B's address, one after the other.
fn wrong_with(notices: &[(u64, Notice)]) -> Vec<&'static str> {
    let mut case = Case::new();
    case.see(Fact::Leaving { process: B });
    case.start(ProcessId(2), 1, 2);
    for (generation, notice) in notices {
        notice_of_b(&mut case, *generation, *notice);
    }
    case.broken()
}

fn notice_of_b(case: &mut Case, generation: u64, notice: Notice) {
    case.see(Fact::Noticed {
        by: A,
        addr: addr(1),
        generation: Generation(generation),
        notice,
    });
}

#[test]
fn what_comes_in_its_order_is_right() {
    let late_goodbye = Notice::Changed {
        from: Seen::Failed,
        to: Seen::Left,
    };
    let recovered = Notice::Changed {
        from: Seen::Suspect,
        to: TAKEN,
    };
    for notices in [
        &[(1, UP), (1, SUSPECTED), (1, recovered), (1, LEFT)][..],
        &[
            (1, UP),
            (1, FAILED),
            (1, UP),
            (1, FAILED),
            (1, late_goodbye),
        ],
        &[
            (1, UP),
            (1, Notice::SaidOtherwise),
            (1, replaced(2)),
            (2, UP),
        ],
        &[(1, UP), (1, FAILED), (1, replaced(2)), (2, UP)],
        &[(1, UP), (1, LEFT), (1, replaced(2)), (2, UP), (2, FAILED)],
    ] {
        assert_eq!(wrong_with(notices), [""; 0], "{notices:?}");
    }
}

#[test]
fn what_does_not_follow_is_out_of_turn() {
    let other = Notice::Changed {
        from: TAKEN,
        to: ONLINE,
    };
    let back = Notice::Changed {
        from: Seen::Failed,
        to: ONLINE,
    };
    for notices in [
        &[(1, SUSPECTED)][..],
        &[(1, FAILED)],
        &[(1, replaced(2))],
        &[(1, Notice::SaidOtherwise)],
        &[(1, UP), (1, UP)],
        &[(1, UP), (1, other)],
        &[(1, UP), (1, FAILED), (1, back)],
        &[(1, UP), (1, FAILED), (1, FAILED)],
        &[(1, UP), (1, FAILED), (1, Notice::SaidOtherwise)],
        &[(1, UP), (2, UP)],
        &[(1, UP), (1, replaced(1))],
        &[(1, UP), (1, replaced(2)), (1, UP)],
    ] {
        assert_eq!(wrong_with(notices), ["report-out-of-turn"], "{notices:?}");
    }
}

#[test]
fn generations_do_not_go_back() {
    let notices = [(2, UP), (2, FAILED), (1, UP)];
    assert_eq!(wrong_with(&notices), ["generation-back"]);
    assert_eq!(wrong_with(&[(3, UP)]), ["stranger-reported"]);

    let mut case = Case::new();
    let renewed = |generation| Fact::Renewed {
        process: B,
        generation: Generation(generation),
    };
    case.see(renewed(5));
    assert_eq!(case.broken(), [""; 0]);
    case.see(renewed(5));
    assert_eq!(case.broken(), ["renewed-back"]);
}

#[test]
fn left_is_the_nodes_own_word_and_its_last_one() {
    for taken_back in [FAILED, UP, SUSPECTED, Notice::SaidOtherwise] {
        let notices = [(1, UP), (1, LEFT), (1, taken_back)];
        assert_eq!(wrong_with(&notices), ["left-taken-back"], "{taken_back:?}");
    }
    let mut case = Case::new();
    notice_of_b(&mut case, 1, UP);
    notice_of_b(&mut case, 1, LEFT);
    assert_eq!(case.broken(), ["never-left"]);
}

#[test]
fn what_is_shown_was_reported() {
    let shown = |view: &[(u64, Seen)], notices: &[Notice]| {
        let mut case = Case::new();
        for notice in notices {
            notice_of_b(&mut case, 1, *notice);
        }
        let view = view.iter().map(|(generation, seen)| Sighting {
            addr: addr(1),
            generation: Generation(*generation),
            seen: *seen,
        });
        case.model.check_shown(A, view);
        case.broken()
    };
    assert_eq!(shown(&[(1, ONLINE)], &[UP]), [""; 0]);
    assert_eq!(shown(&[(1, Seen::Failed)], &[UP, FAILED]), [""; 0]);
    assert_eq!(shown(&[], &[UP, FAILED]), [""; 0], "it is long gone");
    for (view, notices) in [
        (&[(1, ONLINE)][..], &[][..]),
        (&[(1, TAKEN)], &[UP]),
        (&[(2, ONLINE)], &[UP]),
        (&[(1, Seen::Failed)], &[UP]),
        (&[], &[UP]),
    ] {
        assert_eq!(shown(view, notices), ["shown-unreported"], "{view:?}");
    }
}

#[test]
fn company_comes_and_goes_in_turns() {
    let mut case = Case::new();
    for is_alone in [false, true, false] {
        case.see(Fact::Company { by: A, is_alone });
    }
    assert_eq!(case.broken(), [""; 0]);
    case.see(Fact::Company {
        by: A,
        is_alone: false,
    });
    assert_eq!(case.broken(), ["company-again"]);
    let mut case = Case::new();
    case.see(Fact::Company {
        by: A,
        is_alone: true,
    });
    assert_eq!(case.broken(), ["company-again"], "it begins alone");
}
