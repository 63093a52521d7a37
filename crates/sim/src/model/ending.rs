//! How calls end, and whether that is true.

use std::{net::SocketAddr, time::Duration};

use hobnob_endpoint::wire::Instant;

use super::{
    Model, Violation,
    calls::{Ending, State},
    fact::{CallId, Digest, Kind, Outcome},
};

impl Model {
    pub(super) fn end(
        &mut self,
        id: CallId,
        outcome: Outcome,
        answer: Option<Digest>,
        now: Instant,
    ) {
        let Some(deliveries) = self.close(id, outcome, now) else {
            return;
        };
        for place in 0..deliveries {
            self.end_delivery(id, place, outcome, answer);
        }
    }

    pub(super) fn end_fan_out(
        &mut self,
        id: CallId,
        report: &[(SocketAddr, Outcome)],
        now: Instant,
    ) {
        let is_over_time = report
            .iter()
            .any(|(_, outcome)| *outcome == Outcome::Timeout);
        let told = match is_over_time {
            true => Outcome::Timeout,
            false => Outcome::Delivered,
        };
        let Some(expected) = self.close(id, told, now) else {
            return;
        };
        let targets = self.calls[&id].deliveries.iter().map(|it| it.aim.addr);
        if !targets.eq(report.iter().map(|(addr, _)| *addr)) {
            self.blame(Violation::WrongReport {
                call: id,
                expected,
                seen: report.len(),
            });
            return;
        }
        for (place, (_, outcome)) in report.iter().enumerate() {
            self.end_delivery(id, place, *outcome, None);
        }
    }

    /// Cancelled requests must not keep handlers at work: those cancelled since `after` are told of within
    /// `within`. To be asked while there are no faults only.
    pub fn check_abandoned(&mut self, after: Instant, within: Duration) {
        let now = self.now;
        let work: Vec<_> = self
            .processes
            .running()
            .flat_map(|(by, it)| it.work.iter().map(move |(_, call)| (by, *call)))
            .collect();
        for (by, call) in work {
            if let Some(State::Cancelled { since, .. }) = self.calls.get(&call).map(|it| it.state)
                && since >= after
                && since + within < now
            {
                let since = now.saturating_since(since);
                self.blame(Violation::StillAtWork { call, by, since });
            }
        }
    }

    /// The caller learns the end. Says of how many deliveries, unless it must not end.
    fn close(&mut self, id: CallId, outcome: Outcome, now: Instant) -> Option<usize> {
        let before = match self.calls.get(&id).map(|call| call.state) {
            Some(State::Open) => None,
            Some(State::Ended) => Some("had ended before"),
            Some(State::Cancelled { .. }) => Some("had been cancelled"),
            Some(State::Orphaned) => Some("had lost its caller"),
            None => Some("was never made"),
        };
        if let Some(state) = before {
            self.blame(Violation::EndedAgain {
                call: id,
                outcome,
                state,
            });
            return None;
        }
        let call = self.calls.get_mut(&id)?;
        call.state = State::Ended;
        let (by, deadline, deliveries) = (call.by, call.deadline, call.deliveries.len());
        if let Some(process) = self.processes.get_mut(by) {
            process.due.remove(&(deadline, id));
        }
        if outcome == Outcome::Timeout && now < deadline {
            self.blame(Violation::TimeoutTooEarly {
                call: id,
                at: now,
                deadline,
            });
        }
        Some(deliveries)
    }

    fn end_delivery(&mut self, id: CallId, place: usize, outcome: Outcome, answer: Option<Digest>) {
        let Some(call) = self.calls.get_mut(&id) else {
            return;
        };
        let kind = call.kind;
        let delivery = &mut call.deliveries[place];
        delivery.ending = Some(Ending {
            outcome,
            answer,
            newest: self.processes.newest_at(delivery.aim.addr),
        });
        self.count(kind, outcome.name());
        // A message of a stream is taken before its turn has come: it is held, and given out later.
        let is_settled_later = self.rules.is_order_loose || matches!(kind, Kind::Ordered { .. });
        match is_settled_later {
            true => self.unsettled.push((id, place)),
            false => self.judge_ending(id, place),
        }
    }

    /// Whether an outcome agrees with what the handlers have seen.
    pub(super) fn judge_ending(&mut self, id: CallId, place: usize) {
        let Some(call) = self.calls.get(&id) else {
            return;
        };
        let (kind, delivery) = (call.kind, &call.deliveries[place]);
        let Some(Ending {
            outcome, answer, ..
        }) = delivery.ending
        else {
            return;
        };
        let (handled_by, given, aim) = (delivery.handled_by, delivery.answer, delivery.aim);
        let is_told_answered = matches!(outcome, Outcome::Answered | Outcome::HandlerFailed);
        let is_told_handled =
            is_told_answered || matches!(outcome, Outcome::Delivered | Outcome::AnswerDropped);
        let may_be_lost = match kind {
            Kind::Unreliable => true,
            // What is held is lost with its process only.
            Kind::Ordered { .. } => self.processes.any_stopped_at(aim.addr),
            _ => false,
        };
        if is_told_handled && !may_be_lost && handled_by.is_none() {
            self.blame(Violation::NotHandled {
                call: id,
                kind,
                outcome,
            });
        }
        let is_request = kind == Kind::Request;
        let fits = match outcome {
            Outcome::Delivered => !is_request,
            Outcome::Answered | Outcome::HandlerFailed | Outcome::AnswerDropped => is_request,
            Outcome::Malformed => false,
            _ => true,
        };
        if !fits {
            self.blame(Violation::Impossible {
                call: id,
                kind,
                outcome,
            });
        }
        if is_request && is_told_answered {
            let is_failure = outcome == Outcome::HandlerFailed;
            if given.is_none() || given != answer.map(|answer| (is_failure, answer)) {
                self.blame(Violation::WrongAnswer {
                    call: id,
                    given: given.map(|(_, digest)| digest),
                    came: answer,
                });
            }
        }
        let answer_was_too_large = is_request && outcome == Outcome::TooLarge && given.is_some();
        let is_told_unhandled =
            outcome.promises_unhandled() || outcome == Outcome::TooLarge && !answer_was_too_large;
        if let Some(by) = handled_by.filter(|_| is_told_unhandled) {
            self.blame(Violation::HandledThough {
                call: id,
                outcome,
                by,
            });
        }
        if outcome == Outcome::PeerRestarted {
            self.judge_restart(id, handled_by, aim);
        }
    }

    fn judge_restart(
        &mut self,
        call: CallId,
        handled_by: Option<super::ProcessId>,
        aim: super::Aim,
    ) {
        if let Some(meant) = aim.generation
            && !self.processes.has_successor(aim.addr, meant)
        {
            self.blame(Violation::NotRestarted {
                call,
                addr: aim.addr,
                meant,
            });
        }
        if let Some(by) = handled_by
            && self.processes.is_newest(by)
            && self.processes.get(by).is_some_and(|it| !it.was_renewed())
        {
            self.blame(Violation::HandledBySuccessor { call, by });
        }
    }
}
