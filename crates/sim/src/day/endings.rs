//! What the endpoints report of messages: handed to the handlers, or told to the model as ends of calls.

use std::net::SocketAddr;

use hobnob_endpoint::{
    CallError, DeliveryError,
    messaging::{self, Failure},
    wire::Peer,
};

use super::crew::{Crew, Open, Phase};
use crate::{
    At,
    model::{CallId, Digest, Fact, Outcome, Violation},
    observed::outcome,
};

impl Crew {
    pub(super) fn on_message_event(&mut self, at: &mut At<'_>, event: messaging::Event) {
        use messaging::Event::{
            Answered, Cancelled, FannedOut, Message, Request, Sent, Unreliable,
        };
        match event {
            Message { peer, payload, .. } => {
                let from = addr_of(at, peer);
                self.on_message(at, from, &payload, true);
            }
            Unreliable { peer, payload, .. } => {
                let from = addr_of(at, peer);
                self.on_message(at, from, &payload, false);
            }
            Request {
                key,
                peer,
                payload,
                deadline,
                ..
            } => self.on_request(at, key, peer, &payload, deadline),
            Cancelled { key } => self.on_withdrawn(at, key),
            Sent { token, result } => {
                let outcome = result.map_or_else(|it| outcome(&it), |()| Outcome::Delivered);
                self.on_ended(at, CallId(token.0), outcome, None);
            }
            Answered { token, result } => {
                let (outcome, answer) = match &result {
                    Ok(answer) => (Outcome::Answered, Some(Digest::of(answer))),
                    Err(Failure::Handler(text)) => (Outcome::HandlerFailed, Some(Digest::of(text))),
                    Err(failure) => (outcome(failure), None),
                };
                self.on_ended(at, CallId(token.0), outcome, answer);
            }
            FannedOut { token, report } => self.on_fanned_out(at, CallId(token.0), &report),
            _ => {}
        }
    }

    pub(super) fn on_ended(
        &mut self,
        at: &mut At<'_>,
        call: CallId,
        outcome: Outcome,
        answer: Option<Digest>,
    ) {
        if let Some(life) = self.lives.get_mut(&at.node) {
            life.calls.remove(&call);
        }
        self.tell_end(at, call, outcome, answer);
        self.go_on_pouring(at, call);
    }

    /// Tells the model how a call ended. When nothing is wrong any more, it must have succeeded.
    pub(super) fn tell_end(
        &mut self,
        at: &At<'_>,
        call: CallId,
        outcome: Outcome,
        answer: Option<Digest>,
    ) {
        let now = at.now;
        self.see(
            at.world_now,
            Fact::Ended {
                call,
                outcome,
                answer,
                now,
            },
        );
        self.check_served(call, outcome);
    }

    /// When nothing is wrong any more, every call succeeds, unless queues are too small for all at once.
    pub(super) fn check_served(&mut self, call: CallId, outcome: Outcome) {
        let is_served = match outcome {
            Outcome::Delivered | Outcome::Answered => true,
            Outcome::NotTaken | Outcome::Overloaded => self.plan.limits.are_tight(),
            _ => false,
        };
        if self.phase == Phase::Clean && !is_served {
            self.model.blame(Violation::Unserved { call, outcome });
        }
    }

    pub(super) fn on_fanned_out(
        &mut self,
        at: &mut At<'_>,
        call: CallId,
        report: &[(Peer, Result<(), Failure>)],
    ) {
        let Some(life) = self.lives.get_mut(&at.node) else {
            return;
        };
        let targets = match life.calls.remove(&call) {
            Some(Open::FanOut(_, targets)) => targets,
            _ => Vec::new(),
        };
        let addr_of = |peer: &Peer| {
            let target = targets.iter().find(|(target, _)| target == peer);
            target.map_or(at.endpoint.addr(), |(_, addr)| *addr)
        };
        let ended = report.iter().map(|(peer, result)| {
            let outcome = match result {
                Ok(()) => Outcome::Delivered,
                Err(failure) => outcome(failure),
            };
            (addr_of(peer), outcome)
        });
        let report: Vec<(SocketAddr, Outcome)> = ended.collect();
        self.tell_report(at, call, &report);
    }

    pub(super) fn on_relay_ended(
        &mut self,
        at: &mut At<'_>,
        call: CallId,
        report: &[Result<(), DeliveryError>],
    ) {
        let Some(life) = self.lives.get_mut(&at.node) else {
            return;
        };
        let targets = match life.calls.remove(&call) {
            Some(Open::Relayed(_, targets)) => targets,
            _ => Vec::new(),
        };
        let outcomes = report.iter().map(|result| match result {
            Ok(()) => Outcome::Delivered,
            Err(DeliveryError::Failed(failure)) => outcome(failure),
            Err(DeliveryError::NotTaken(CallError::PeerRestarted)) => Outcome::PeerRestarted,
            // Another node may have brought it there before.
            Err(_) => Outcome::PeerDown,
        });
        let report: Vec<(SocketAddr, Outcome)> = targets.into_iter().zip(outcomes).collect();
        self.tell_report(at, call, &report);
    }

    pub(super) fn tell_report(
        &mut self,
        at: &At<'_>,
        call: CallId,
        report: &[(SocketAddr, Outcome)],
    ) {
        let now = at.now;
        self.see(at.world_now, Fact::FanOutEnded { call, report, now });
        for (_, outcome) in report {
            self.check_served(call, *outcome);
        }
    }
}

/// Where a peer is.
pub(super) fn addr_of(at: &At<'_>, peer: Peer) -> SocketAddr {
    let remote = at.endpoint.sessions().remote(peer);
    remote.map_or(at.endpoint.addr(), |remote| remote.addr)
}
