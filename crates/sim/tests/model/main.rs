//! Each promise that the reference model watches over, broken once.

mod copies;
mod names;
mod notices;
mod releases;
mod sayings;

use std::{net::SocketAddr, time::Duration};

use hobnob_sim::{
    Instant,
    endpoint::wire::Generation,
    model::{
        Aim, CallId, Declared, Digest, Fact, Kind, Model, Outcome, ProcessId, Rules, Seen, Sighting,
    },
};

const A: ProcessId = ProcessId(0);
const B: ProcessId = ProcessId(1);
const CALL: CallId = CallId(7);
const DEADLINE: Instant = Instant::from_nanos(1_000_000_000);

fn addr(process: u16) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, 1], 1_000 + process))
}

fn at_b(generation: u64) -> Aim {
    Aim {
        addr: addr(1),
        generation: Some(Generation(generation)),
    }
}

fn payload() -> Digest {
    Digest::of(b"a payload")
}

/// Two processes, facts a microsecond apart, and the names of what was broken.
struct Case {
    model: Model,
    now: Instant,
}

impl Case {
    fn new() -> Self {
        Self::with(Rules::default())
    }

    fn with(rules: Rules) -> Self {
        let mut case = Self {
            model: Model::new(rules),
            now: Instant::ZERO,
        };
        case.start(A, 0, 1);
        case.start(B, 1, 1);
        case
    }

    fn start(&mut self, process: ProcessId, port: u16, generation: u64) {
        self.see(Fact::Started {
            process,
            addr: addr(port),
            generation: Generation(generation),
        });
    }

    fn see(&mut self, fact: Fact<'_>) {
        self.now = self.now + Duration::from_micros(1);
        self.model.observe(self.now, &fact);
    }

    fn call(&mut self, kind: Kind) {
        self.call_named(CALL, kind);
    }

    fn call_named(&mut self, call: CallId, kind: Kind) {
        self.see(Fact::Called {
            call,
            kind,
            by: A,
            to: at_b(1),
            payload: payload(),
            deadline: DEADLINE,
        });
    }

    fn handle(&mut self, by: ProcessId) {
        self.handle_named(CALL, by);
    }

    fn handle_named(&mut self, call: CallId, by: ProcessId) {
        self.see(Fact::Handled {
            call,
            by,
            from: addr(0),
            payload: payload(),
            until: Some(DEADLINE),
        });
    }

    fn respond(&mut self, text: &[u8]) {
        self.see(Fact::Responded {
            call: CALL,
            by: B,
            is_failure: false,
            payload: Digest::of(text),
        });
    }

    fn end(&mut self, outcome: Outcome) {
        self.end_with(outcome, None);
    }

    fn end_with(&mut self, outcome: Outcome, answer: Option<&[u8]>) {
        let now = self.now;
        self.see(Fact::Ended {
            call: CALL,
            outcome,
            answer: answer.map(Digest::of),
            now,
        });
    }

    fn ran(&mut self, process: ProcessId, now: Instant) {
        self.see(Fact::Ran { process, now });
    }

    fn broken(&self) -> Vec<&'static str> {
        let names = self.model.violations().iter();
        names.map(|(_, violation)| violation.name()).collect()
    }

    fn view_of_a(&self, generation: u64, seen: Seen) -> Option<&'static str> {
        let sighting = Sighting {
            addr: addr(1),
            generation: Generation(generation),
            seen,
        };
        self.model
            .wrong_view(A, [sighting])
            .map(|wrong| wrong.name())
    }
}

#[test]
fn what_goes_right_breaks_nothing() {
    let mut case = Case::new();
    case.call(Kind::Request);
    case.handle(B);
    case.respond(b"an answer");
    case.end_with(Outcome::Answered, Some(b"an answer"));
    case.ran(A, DEADLINE + Duration::from_secs(1));
    case.ran(B, DEADLINE + Duration::from_secs(1));
    case.model.finish();
    assert_eq!(case.broken(), [""; 0]);
    assert_eq!(
        case.model.endings().next(),
        Some((("request", "answered"), 1))
    );
}

#[test]
fn a_message_is_handled_once() {
    let mut case = Case::new();
    case.call(Kind::Send);
    case.handle(B);
    case.handle(B);
    assert_eq!(case.broken(), ["handled-twice"]);
}

#[test]
fn nobody_handles_what_nobody_sent() {
    let mut case = Case::new();
    case.handle(B);
    assert_eq!(case.broken(), ["invented"]);
}

#[test]
fn bytes_and_sender_are_the_true_ones() {
    let mut case = Case::new();
    case.call(Kind::Send);
    case.see(Fact::Handled {
        call: CALL,
        by: B,
        from: addr(5),
        payload: Digest::of(b"another payload"),
        until: None,
    });
    assert_eq!(case.broken(), ["payload-changed", "wrong-sender"]);
}

#[test]
fn a_message_goes_to_whom_it_is_for() {
    let mut case = Case::new();
    case.call(Kind::Send);
    case.handle(A);
    assert_eq!(case.broken(), ["wrong-address"]);

    let mut case = Case::new();
    case.call(Kind::Send);
    case.see(Fact::Stopped { process: B });
    case.start(ProcessId(2), 1, 2);
    case.handle(ProcessId(2));
    assert_eq!(case.broken(), ["wrong-generation"]);
}

#[test]
fn a_renewed_process_is_still_the_one_that_was_meant() {
    let mut case = Case::new();
    case.call(Kind::Send);
    case.see(Fact::Renewed {
        process: B,
        generation: Generation(9),
    });
    case.handle(B);
    assert_eq!(case.broken(), [""; 0]);
}

#[test]
fn delivered_means_handled() {
    let mut case = Case::new();
    case.call(Kind::Send);
    case.end(Outcome::Delivered);
    assert_eq!(case.broken(), ["not-handled"]);
}

#[test]
fn journals_may_tell_of_the_end_first() {
    let mut case = Case::with(Rules {
        is_order_loose: true,
    });
    case.call(Kind::Send);
    case.end(Outcome::Delivered);
    case.handle(B);
    case.model.finish();
    assert_eq!(case.broken(), [""; 0]);
}

#[test]
fn refused_means_that_nobody_handles_it() {
    for outcome in [Outcome::Overloaded, Outcome::NoHandler, Outcome::NotTaken] {
        let mut case = Case::new();
        case.call(Kind::Send);
        case.handle(B);
        case.end(outcome);
        assert_eq!(case.broken(), ["handled-though"]);

        let mut case = Case::new();
        case.call(Kind::Send);
        case.end(outcome);
        case.handle(B);
        assert_eq!(case.broken(), ["handled-though"]);
    }
}

#[test]
fn an_answer_belongs_to_its_request() {
    let mut case = Case::new();
    case.call(Kind::Request);
    case.handle(B);
    case.respond(b"this one's");
    case.end_with(Outcome::Answered, Some(b"another one's"));
    assert_eq!(case.broken(), ["wrong-answer"]);

    let mut case = Case::new();
    case.call(Kind::Request);
    case.handle(B);
    case.end_with(Outcome::Answered, Some(b"out of nowhere"));
    assert_eq!(case.broken(), ["wrong-answer"]);
}

#[test]
fn an_answer_may_be_dropped_but_only_of_what_was_handled() {
    let mut case = Case::new();
    case.call(Kind::Request);
    case.handle(B);
    case.end(Outcome::AnswerDropped);
    assert_eq!(case.broken(), [""; 0]);

    let mut case = Case::new();
    case.call(Kind::Request);
    case.end(Outcome::AnswerDropped);
    assert_eq!(case.broken(), ["not-handled"]);
}

#[test]
fn a_call_ends_once_and_not_after_it_was_cancelled() {
    let mut case = Case::new();
    case.call(Kind::Send);
    case.end(Outcome::Timeout);
    case.end(Outcome::PeerDown);
    assert_eq!(case.broken(), ["timeout-too-early", "ended-again"]);

    let mut case = Case::new();
    case.call(Kind::Send);
    case.see(Fact::Cancelled {
        call: CALL,
        was_sendable: true,
    });
    case.end(Outcome::PeerDown);
    assert_eq!(case.broken(), ["ended-again"]);
}

#[test]
fn what_was_never_sent_is_never_handled() {
    let mut case = Case::new();
    case.call(Kind::Send);
    case.see(Fact::Cancelled {
        call: CALL,
        was_sendable: false,
    });
    case.handle(B);
    assert_eq!(case.broken(), ["handled-unsent"]);
}

#[test]
fn malformed_is_impossible_among_ourselves() {
    let mut case = Case::new();
    case.call(Kind::Request);
    case.end(Outcome::Malformed);
    assert_eq!(case.broken(), ["impossible"]);
}

#[test]
fn a_deadline_counts_from_when_its_process_runs() {
    let mut case = Case::new();
    case.call(Kind::Request);
    case.handle(B);
    case.ran(A, DEADLINE);
    case.ran(B, DEADLINE);
    assert_eq!(case.broken(), [""; 0]);
    case.ran(A, DEADLINE + Duration::from_millis(2));
    case.ran(B, DEADLINE + Duration::from_millis(2));
    assert_eq!(case.broken(), ["overdue", "work-overdue"]);
}

#[test]
fn handlers_learn_of_a_cancel() {
    let mut case = Case::new();
    case.call(Kind::Request);
    case.handle(B);
    let since = case.now;
    case.see(Fact::Cancelled {
        call: CALL,
        was_sendable: true,
    });
    case.model.check_abandoned(since, Duration::from_micros(2));
    assert_eq!(case.broken(), [""; 0]);
    case.ran(A, Instant::ZERO);
    case.ran(A, Instant::ZERO);
    case.ran(A, Instant::ZERO);
    case.model.check_abandoned(since, Duration::from_micros(2));
    assert_eq!(case.broken(), ["still-at-work"]);
}

#[test]
fn a_restart_is_no_excuse_for_what_the_new_one_handles() {
    let mut case = Case::new();
    case.call(Kind::Send);
    case.end(Outcome::PeerRestarted);
    assert_eq!(case.broken(), ["not-restarted"]);

    let mut case = Case::new();
    case.see(Fact::Called {
        call: CALL,
        kind: Kind::Send,
        by: A,
        to: Aim {
            addr: addr(1),
            generation: None,
        },
        payload: payload(),
        deadline: DEADLINE,
    });
    case.see(Fact::Stopped { process: B });
    case.start(ProcessId(2), 1, 2);
    case.end(Outcome::PeerRestarted);
    case.handle(ProcessId(2));
    assert_eq!(case.broken(), ["handled-by-successor"]);
}

#[test]
fn streams_are_handled_in_order() {
    let mut case = Case::new();
    for place in 0..2 {
        case.call_named(CallId(place), Kind::Ordered { stream: 1, place });
    }
    case.call_named(
        CallId(2),
        Kind::Ordered {
            stream: 2,
            place: 0,
        },
    );
    case.handle_named(CallId(1), B);
    case.handle_named(CallId(2), B);
    assert_eq!(case.broken(), [""; 0]);
    case.handle_named(CallId(0), B);
    assert_eq!(case.broken(), ["out-of-order"]);
}

#[test]
fn a_message_of_a_stream_may_be_held_but_not_lost() {
    for (dies, broken) in [(false, &["not-handled"][..]), (true, &[])] {
        let mut case = Case::new();
        case.call(Kind::Ordered {
            stream: 1,
            place: 0,
        });
        case.end(Outcome::Delivered);
        assert_eq!(case.broken(), [""; 0], "its turn may come");
        if dies {
            case.see(Fact::Stopped { process: B });
        }
        case.model.finish();
        assert_eq!(case.broken(), broken);
    }
}

#[test]
fn a_fan_out_keeps_its_limit_and_reports_on_each() {
    let mut case = Case::new();
    case.see(Fact::FanOutBegun {
        call: CALL,
        kind: Kind::FanOut,
        by: A,
        to: &[at_b(1)],
        limit: 1,
        payload: payload(),
        deadline: DEADLINE,
    });
    case.see(Fact::InFlight {
        call: CALL,
        deliveries: 2,
    });
    let now = case.now;
    case.see(Fact::FanOutEnded {
        call: CALL,
        report: &[],
        now,
    });
    assert_eq!(case.broken(), ["limit-exceeded", "wrong-report"]);
}

#[test]
fn every_call_of_a_living_process_ends() {
    let mut case = Case::new();
    case.call(Kind::Send);
    assert!(case.model.first_open().is_some());
    case.model.finish();
    assert_eq!(case.broken(), ["never-ended"]);

    let mut case = Case::new();
    case.call(Kind::Send);
    case.see(Fact::Stopped { process: A });
    case.model.finish();
    assert_eq!(case.broken(), [""; 0]);
}

#[test]
fn views_converge_to_what_is_there() {
    let mut case = Case::new();
    let online = Seen::Here(Declared::Online);
    assert_eq!(case.view_of_a(1, online), None);
    assert_eq!(case.view_of_a(2, online), Some("wrong-view"));
    assert_eq!(case.view_of_a(1, Seen::Suspect), Some("wrong-view"));
    assert!(case.model.wrong_view(A, []).is_some(), "it is missing");

    case.see(Fact::Stopped { process: B });
    assert_eq!(case.view_of_a(1, Seen::Failed), None);
    assert_eq!(case.view_of_a(1, Seen::Left), Some("wrong-view"));
    assert_eq!(case.view_of_a(1, online), Some("wrong-view"));
    assert!(
        case.model.wrong_view(A, []).is_none(),
        "it may be forgotten"
    );

    case.start(ProcessId(2), 1, 2);
    case.see(Fact::Stopped {
        process: ProcessId(2),
    });
    assert_eq!(case.view_of_a(2, Seen::Failed), None);
    assert_eq!(
        case.view_of_a(1, Seen::Failed),
        None,
        "nobody met the second"
    );
    assert_eq!(case.view_of_a(3, Seen::Failed), Some("wrong-view"));
}

#[test]
fn a_goodbye_that_was_heard_is_no_failure() {
    for (confirmed, failed_is) in [(1, Some("wrong-view")), (0, None)] {
        let mut case = Case::new();
        case.see(Fact::LeaveEnded {
            process: B,
            confirmed,
            total: confirmed,
        });
        case.see(Fact::Stopped { process: B });
        assert_eq!(case.view_of_a(1, Seen::Left), None);
        assert_eq!(case.view_of_a(1, Seen::Failed), failed_is);
    }
}
