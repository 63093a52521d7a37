//! The handlers of the nodes: quick ones, slow ones, failing ones, and some that never answer.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use hobnob_endpoint::{
    messaging::{RequestKey, RespondError},
    wire::{Instant, Peer, ResponseStatus},
};
use rand::RngExt;

use super::{
    crew::{Chore, Crew},
    endings::addr_of,
    payload,
};
use crate::{
    At,
    model::{CallId, Digest, Fact, ProcessId},
};

/// What a handler was given.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work {
    /// A message: it holds a place until it is done.
    Message,
    /// A request: to be answered.
    Request(RequestKey, CallId),
}

/// An answer that differs from its question.
const ANSWER_SALT: u64 = 0x5eed_0f0a_4a5a_3e12;

impl Crew {
    pub(super) fn on_message(
        &mut self,
        at: &mut At<'_>,
        from: SocketAddr,
        payload: &Bytes,
        holds_place: bool,
    ) {
        self.tell_handled(at, from, payload, None);
        if holds_place {
            self.handle(at, Work::Message);
        }
    }

    pub(super) fn on_request(
        &mut self,
        at: &mut At<'_>,
        key: RequestKey,
        peer: Peer,
        payload: &Bytes,
        deadline: Instant,
    ) {
        let from = addr_of(at, peer);
        let call = self.tell_handled(at, from, payload, Some(deadline));
        let Some(life) = self.lives.get_mut(&at.node) else {
            return;
        };
        life.requests.insert(key, call);
        let is_silent = !self.phase.is_calm() && life.dice.chance(self.plan.handlers.silent);
        if !is_silent && !self.is_to_be_cancelled(call) {
            self.handle(at, Work::Request(key, call));
        }
    }

    /// Nobody waits for the answer any more.
    pub(super) fn on_withdrawn(&mut self, at: &mut At<'_>, key: RequestKey) {
        let Some(life) = self.lives.get_mut(&at.node) else {
            return;
        };
        if let Some(call) = life.requests.remove(&key) {
            let by = life.process;
            self.see(at.world_now, Fact::Withdrawn { call, by });
        }
    }

    /// A handler has come to its end.
    pub(super) fn finish(&mut self, at: &mut At<'_>, work: Work) {
        match work {
            Work::Message => at.endpoint.handled(1),
            Work::Request(key, call) => self.answer(at, key, call),
        }
    }

    fn tell_handled(
        &mut self,
        at: &At<'_>,
        from: SocketAddr,
        payload: &Bytes,
        until: Option<Instant>,
    ) -> CallId {
        let call = payload::call_of(payload);
        if !self.pours.is_empty() {
            *self.got.entry(from).or_default() += payload.len() as u64;
        }
        self.see(
            at.world_now,
            Fact::Handled {
                call,
                by: self.lives[&at.node].process,
                from,
                payload: Digest::of(payload),
                until,
            },
        );
        call
    }

    fn handle(&mut self, at: &mut At<'_>, work: Work) {
        let (handlers, phase) = (&self.plan.handlers, self.phase);
        let Some(life) = self.lives.get_mut(&at.node) else {
            return;
        };
        let is_slow = !phase.is_calm() && life.dice.chance(handlers.slow);
        let time = match is_slow {
            true => life.dice.up_to(handlers.slow_max),
            false => Duration::ZERO,
        };
        if time.is_zero() {
            self.finish(at, work);
        } else {
            self.after(at, time, Chore::Finish(work));
        }
    }

    fn answer(&mut self, at: &mut At<'_>, key: RequestKey, call: CallId) {
        let (handlers, phase) = (&self.plan.handlers, self.phase);
        let Some(life) = self.lives.get_mut(&at.node) else {
            return;
        };
        if !life.requests.contains_key(&key) {
            return;
        }
        let is_failure = !phase.is_calm() && life.dice.chance(handlers.failing);
        let len_max = match phase.is_calm() {
            true => 100,
            false => handlers.answer_max,
        };
        let len = life.dice.random_range(0..=len_max);
        let (status, answer) = match is_failure {
            true => (
                ResponseStatus::HandlerError,
                Bytes::from(format!("{call} failed")),
            ),
            false => (ResponseStatus::Ok, payload::make(call, ANSWER_SALT, len)),
        };
        let process = life.process;
        let answer = match at.endpoint.respond(at.now, key, status, answer.clone()) {
            Ok(()) => answer,
            // As the facade does it: the caller learns that the answer was too large.
            Err(RespondError::TooLarge { .. }) => {
                let text = Bytes::from_static(b"the answer is too large");
                let failed = ResponseStatus::HandlerError;
                if at
                    .endpoint
                    .respond(at.now, key, failed, text.clone())
                    .is_err()
                {
                    return;
                }
                return self.tell_answer(at, (key, call), process, true, &text);
            }
            Err(_) => return,
        };
        self.tell_answer(at, (key, call), process, is_failure, &answer);
    }

    fn tell_answer(
        &mut self,
        at: &At<'_>,
        (key, call): (RequestKey, CallId),
        by: ProcessId,
        is_failure: bool,
        answer: &Bytes,
    ) {
        if let Some(life) = self.lives.get_mut(&at.node) {
            life.requests.remove(&key);
        }
        self.see(
            at.world_now,
            Fact::Responded {
                call,
                by,
                is_failure,
                payload: Digest::of(answer),
            },
        );
    }
}
