//! What becomes of calls on their way to handlers.

use std::net::SocketAddr;

use hobnob_endpoint::wire::Instant;

use super::{
    Model, Violation,
    fact::{Aim, CallId, Digest, Fact, Kind, Outcome, ProcessId},
};

/// A call that was made.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) kind: Kind,
    pub(super) by: ProcessId,
    pub(super) payload: Digest,
    pub(super) deadline: Instant,
    pub(super) limit: usize,
    pub(super) state: State,
    pub(super) deliveries: Vec<Delivery>,
}

/// Whether its caller still waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Ended,
    /// Nobody waits, since then.
    Cancelled {
        since: Instant,
        was_sendable: bool,
    },
    /// Its caller died.
    Orphaned,
}

/// One message of a call: the only one, unless it is a fan-out.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) aim: Aim,
    pub(super) handled_by: Option<ProcessId>,
    /// What the handler gave, and whether that is a failure.
    pub(super) answer: Option<(bool, Digest)>,
    pub(super) ending: Option<Ending>,
}

/// How a delivery ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    pub(super) outcome: Outcome,
    pub(super) answer: Option<Digest>,
    /// The last process there was at its address then.
    pub(super) newest: Option<ProcessId>,
}

impl Call {
    fn new(kind: Kind, by: ProcessId, to: &[Aim], payload: Digest, deadline: Instant) -> Self {
        let deliveries = to.iter().map(|aim| Delivery {
            aim: *aim,
            handled_by: None,
            answer: None,
            ending: None,
        });
        Self {
            kind,
            by,
            payload,
            deadline,
            limit: usize::MAX,
            state: State::Open,
            deliveries: deliveries.collect(),
        }
    }

    /// Its caller is no more. Says how many deliveries had no end yet.
    pub(super) fn abandon(&mut self) -> usize {
        self.state = State::Orphaned;
        let open = self.deliveries.iter().filter(|it| it.ending.is_none());
        open.count()
    }

    pub(super) fn place_of(&self, addr: SocketAddr) -> Option<usize> {
        self.deliveries.iter().position(|it| it.aim.addr == addr)
    }
}

impl Model {
    pub(super) fn observe_call(&mut self, fact: &Fact<'_>) {
        match *fact {
            Fact::Called {
                call,
                kind,
                by,
                to,
                payload,
                deadline,
            } => self.make(call, Call::new(kind, by, &[to], payload, deadline)),
            Fact::FanOutBegun {
                call,
                kind,
                by,
                to,
                limit,
                payload,
                deadline,
            } => {
                let begun = Call::new(kind, by, to, payload, deadline);
                self.make(call, Call { limit, ..begun });
            }
            Fact::InFlight { call, deliveries } => self.check_limit(call, deliveries),
            Fact::Cancelled { call, was_sendable } => self.cancel(call, was_sendable),
            Fact::Handled {
                call,
                by,
                from,
                payload,
                until,
            } => self.handle(call, by, from, payload, until),
            Fact::Responded {
                call,
                by,
                is_failure,
                payload,
            } => self.respond(call, by, is_failure, payload),
            Fact::Withdrawn { call, by } => self.stop_work(call, by),
            Fact::Ended {
                call,
                outcome,
                answer,
                now,
            } => self.end(call, outcome, answer, now),
            Fact::FanOutEnded { call, report, now } => self.end_fan_out(call, report, now),
            _ => {}
        }
    }

    fn make(&mut self, id: CallId, call: Call) {
        if let Some(process) = self.processes.get_mut(call.by) {
            process.due.insert((call.deadline, id));
        }
        let earlier = self.calls.insert(id, call);
        assert!(earlier.is_none(), "{id} is the number of another one");
    }

    fn check_limit(&mut self, id: CallId, deliveries: usize) {
        let Some(limit) = self.calls.get(&id).map(|call| call.limit) else {
            return;
        };
        if deliveries > limit {
            self.blame(Violation::LimitExceeded {
                call: id,
                deliveries,
                limit,
            });
        }
    }

    fn cancel(&mut self, id: CallId, was_sendable: bool) {
        let since = self.now;
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        if call.state != State::Open {
            return;
        }
        call.state = State::Cancelled {
            since,
            was_sendable,
        };
        let (by, deadline, kind) = (call.by, call.deadline, call.kind);
        let handled = (!was_sendable)
            .then(|| call.deliveries.iter().find_map(|it| it.handled_by))
            .flatten();
        if let Some(process) = self.processes.get_mut(by) {
            process.due.remove(&(deadline, id));
        }
        self.count(kind, "cancelled");
        if let Some(by) = handled {
            self.blame(Violation::HandledUnsent { call: id, by });
        }
    }

    fn handle(
        &mut self,
        id: CallId,
        by: ProcessId,
        from: SocketAddr,
        payload: Digest,
        until: Option<Instant>,
    ) {
        let Some(handler) = self.processes.get_mut(by) else {
            return;
        };
        let addr = handler.addr;
        let Some(call) = self.calls.get_mut(&id) else {
            self.blame(Violation::Invented { call: id, by });
            return;
        };
        if let Some(until) = until {
            handler.work.insert((until, id));
        }
        let (kind, sent, sender, state) = (call.kind, call.payload, call.by, call.state);
        let Some(place) = call.place_of(addr) else {
            self.blame(Violation::WrongAddress {
                call: id,
                by,
                seen: addr,
            });
            return;
        };
        let delivery = &mut call.deliveries[place];
        let (aim, ending) = (delivery.aim, delivery.ending);
        let first = delivery.handled_by.replace(by);
        // Where no process is named, the message may be brought to two that are there one after the other.
        let may_be_both = |first| kind == Kind::Relayed && aim.generation.is_none() && first != by;
        if let Some(first) = first.filter(|first| !may_be_both(*first)) {
            self.blame(Violation::HandledTwice {
                call: id,
                kind,
                first,
                again: by,
            });
        }
        if payload != sent {
            self.blame(Violation::PayloadChanged {
                call: id,
                sent,
                came: payload,
            });
        }
        if let State::Cancelled {
            was_sendable: false,
            ..
        } = state
        {
            self.blame(Violation::HandledUnsent { call: id, by });
        }
        self.check_ends(id, by, from, sender, aim);
        self.check_order(id, by, sender, kind);
        if let Some(ending) = ending {
            self.check_handled_after(id, by, ending);
        }
    }

    /// Sender and receiver are those that were meant.
    fn check_ends(
        &mut self,
        call: CallId,
        by: ProcessId,
        from: SocketAddr,
        sender: ProcessId,
        aim: Aim,
    ) {
        if !self.processes.work_together(sender, by) {
            self.blame(Violation::HandledByForeigner { call, sender, by });
        }
        let sender = self.processes.get(sender).map(|it| it.addr);
        if let Some(expected) = sender.filter(|addr| *addr != from) {
            self.blame(Violation::WrongSender {
                call,
                expected,
                seen: from,
            });
        }
        let seen = self.processes.get(by).map(|it| it.generations.clone());
        if let (Some(meant), Some(seen)) = (aim.generation, seen)
            && !seen.contains(&meant)
        {
            self.blame(Violation::WrongGeneration {
                call,
                meant,
                by,
                seen,
            });
        }
    }

    fn check_order(&mut self, call: CallId, by: ProcessId, sender: ProcessId, kind: Kind) {
        let Kind::Ordered { stream, place } = kind else {
            return;
        };
        let Some(handler) = self.processes.get_mut(by) else {
            return;
        };
        let last = handler.streams.entry((sender, stream)).or_insert(place);
        let after = std::mem::replace(last, place.max(*last));
        if after > place {
            self.blame(Violation::OutOfOrder {
                call,
                stream,
                place,
                by,
                after,
            });
        }
    }

    /// Some outcomes leave no room for a handler that runs later.
    fn check_handled_after(&mut self, call: CallId, by: ProcessId, ending: Ending) {
        let Ending {
            outcome, newest, ..
        } = ending;
        if outcome.promises_unhandled() || outcome == Outcome::TooLarge {
            self.blame(Violation::HandledThough { call, outcome, by });
        }
        let was_renewed = self.processes.get(by).is_some_and(|it| it.was_renewed());
        if outcome == Outcome::PeerRestarted && newest.is_some_and(|it| it <= by) && !was_renewed {
            self.blame(Violation::HandledBySuccessor { call, by });
        }
    }

    fn respond(&mut self, id: CallId, by: ProcessId, is_failure: bool, payload: Digest) {
        self.stop_work(id, by);
        let addr = self.processes.get(by).map(|it| it.addr);
        let delivery = self.calls.get_mut(&id).and_then(|call| {
            let place = call.place_of(addr?)?;
            call.deliveries.get_mut(place)
        });
        if let Some(delivery) = delivery {
            delivery.answer.get_or_insert((is_failure, payload));
        }
    }

    fn stop_work(&mut self, id: CallId, by: ProcessId) {
        if let Some(handler) = self.processes.get_mut(by) {
            handler.work.retain(|(_, call)| *call != id);
        }
    }
}
