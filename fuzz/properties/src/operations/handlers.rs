//! What a node does with the messages that come.

use bytes::Bytes;
use hobnob_endpoint::{
    messaging::{RequestKey, RespondError},
    wire::{Instant, Peer, ResponseStatus},
};
use hobnob_sim::model::{CallId, Digest, Fact};

use super::{
    Told,
    node::Node,
    payload::{answer_to, call_of},
};

/// Answered or withdrawn requests that are kept to be answered again, at most.
const STALE_MAX: usize = 8;

/// A request whose handler is at work.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) key: RequestKey,
    pub(super) call: CallId,
}

impl Node {
    pub(super) fn open_work(&self) -> usize {
        self.work.len()
    }

    /// Answers a request with `len` bytes of its own, or fails it.
    pub(super) fn answer(
        &mut self,
        told: &mut Told<'_>,
        place: usize,
        len: usize,
        is_failure: bool,
    ) {
        let Work { key, call } = self.work[place];
        let status = match is_failure {
            true => ResponseStatus::HandlerError,
            false => ResponseStatus::Ok,
        };
        // An answer differs from every request and from the answers to all others; a failure is a text.
        let payload = match is_failure {
            true => Bytes::from(format!("{} failed {}", call.0, ".".repeat(len))),
            false => answer_to(call, len),
        };
        let digest = Digest::of(&payload);
        match self.endpoint.respond(told.now, key, status, payload) {
            Ok(()) => {
                told.tell(&Fact::Responded {
                    call,
                    by: self.process,
                    is_failure,
                    payload: digest,
                });
                self.work.swap_remove(place);
                self.keep_stale(key);
            }
            Err(RespondError::TooLarge { .. }) => {
                assert!(digest.len > self.limits.message_bytes_max, "it is not");
            }
            Err(error) => panic!("{call} cannot be answered: {error}, but nobody said so"),
        }
    }

    /// Answers a request that was answered or withdrawn before.
    pub(super) fn answer_late(&mut self, now: Instant, place: usize) {
        if let Some(key) = self.stale.get(place) {
            let status = ResponseStatus::Ok;
            let answered = self.endpoint.respond(now, *key, status, Bytes::new());
            assert_eq!(answered, Err(RespondError::Gone), "nobody waits for it");
        }
    }

    pub(super) fn stale(&self) -> usize {
        self.stale.len()
    }

    /// The handler of a one-way message comes to its end.
    pub(super) fn finish(&mut self) {
        if self.unfinished > 0 {
            self.unfinished -= 1;
            self.endpoint.handled(1);
        }
    }

    /// Finishes what its handlers are at.
    pub(super) fn finish_all(&mut self, told: &mut Told<'_>) {
        while self.unfinished > 0 {
            self.finish();
        }
        while !self.work.is_empty() {
            self.answer(told, 0, 40, false);
        }
    }

    pub(super) fn handle(
        &mut self,
        told: &mut Told<'_>,
        peer: Peer,
        payload: &Bytes,
        until: Option<Instant>,
    ) -> CallId {
        let call = call_of(payload);
        let remote = self.endpoint.sessions().remote(peer);
        let from = remote
            .expect("messages come from peers that are known")
            .addr;
        told.tell(&Fact::Handled {
            call,
            by: self.process,
            from,
            payload: Digest::of(payload),
            until,
        });
        call
    }

    pub(super) fn keep_stale(&mut self, key: RequestKey) {
        if self.stale.len() == STALE_MAX {
            self.stale.remove(0);
        }
        self.stale.push(key);
    }
}
