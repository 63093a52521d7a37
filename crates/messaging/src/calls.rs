//! What callers and handlers want of the core: calls, and answers to those of others.

use bytes::Bytes;
use hobnob_wire::{Command, ContentHead, Instant, Peer, ResponseStatus, StreamId};

use crate::{
    error::{RespondError, SendError},
    key::{CallKey, Key, RequestKey, Token},
    message::{Kind, Message},
    messaging::Messaging,
    shared::{Ending, Timer},
};

/// What a call says, and until when: all of it but to whom it goes, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// For which handlers.
    pub command: Command,
    /// What they are given.
    pub payload: Bytes,
    /// When it ends at the latest.
    pub deadline: Instant,
    /// The caller's name for it.
    pub token: Token,
}

impl Messaging {
    /// Sends a one-way message; [`Event::Sent`](crate::Event::Sent) tells how it ended. Without a session it waits for one.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing changed.
    pub fn send(&mut self, now: Instant, peer: Peer, call: Call) -> Result<CallKey, SendError> {
        let Call { command, token, .. } = call;
        self.begin_call(now, peer, Kind::OneWay { command, token }, call)
    }

    /// As [`Messaging::send`], beside the queue of the callers: what the owner itself has to say does not wait for them,
    /// nor they for it. [`ASIDE_MESSAGES_PEER_MAX`](crate::limits::ASIDE_MESSAGES_PEER_MAX) and
    /// [`ASIDE_BYTES_PEER_MAX`](crate::limits::ASIDE_BYTES_PEER_MAX) are its limits.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing changed. No event tells when there is room again.
    pub fn send_aside(
        &mut self,
        now: Instant,
        peer: Peer,
        call: Call,
    ) -> Result<CallKey, SendError> {
        let Call { command, token, .. } = call;
        self.begin_call(now, peer, Kind::Aside { command, token }, call)
    }

    /// As [`Messaging::send`], and keeps the order of a stream: the peer is given the messages of one stream in
    /// the order in which they were sent, see the [crate]'s promises.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing changed.
    pub fn send_in_order(
        &mut self,
        now: Instant,
        peer: Peer,
        stream: StreamId,
        call: Call,
    ) -> Result<CallKey, SendError> {
        let kind = Kind::InOrder {
            command: call.command,
            stream,
            token: call.token,
        };
        self.begin_call(now, peer, kind, call)
    }

    /// Sends a request; [`Event::Answered`](crate::Event::Answered) tells how it ended. Without a session it waits for one.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing changed.
    pub fn request(&mut self, now: Instant, peer: Peer, call: Call) -> Result<CallKey, SendError> {
        let Call { command, token, .. } = call;
        self.begin_call(now, peer, Kind::Request { command, token }, call)
    }

    /// Nobody waits for the call any more: it is not transmitted again, and no completion follows. The far
    /// side learns of it if it may have begun to work on a request. A stale key changes nothing.
    pub fn cancel(&mut self, now: Instant, key: CallKey) {
        let Some(message) = self.shared.messages.get(key.0) else {
            return;
        };
        let deadline = message.deadline;
        self.abandon(message.peer, key.0, deadline, Ending::Silent);
        self.settle(now);
    }

    /// Sends a message that is never repeated, in the next datagram with room. Without a session it waits
    /// for one.
    ///
    /// # Errors
    ///
    /// [`SendError`] when it does not fit into a datagram, or too many wait; nothing changed.
    pub fn unreliable(
        &mut self,
        _now: Instant,
        peer: Peer,
        command: Command,
        payload: Bytes,
    ) -> Result<(), SendError> {
        let (len, max) = (payload.len(), self.shared.config.unreliable_payload_max);
        if len > max {
            return Err(SendError::TooLarge { len, max });
        }
        let state = self
            .peers
            .tenant(&mut self.shared, peer)
            .ok_or(SendError::Forgotten)?;
        let config = &self.shared.config.config;
        state.out.unreliable.push(config, command, payload)?;
        state.refresh(&mut self.shared);
        Ok(())
    }

    /// Answers a request, which frees the place it held. Where answers of
    /// [`Config::queue_bytes_peer`](crate::Config::queue_bytes_peer) wait for the peer already, it is dropped and
    /// the caller told so: [`Failure::AnswerDropped`](crate::Failure::AnswerDropped).
    ///
    /// # Errors
    ///
    /// [`RespondError::Gone`] when nobody waits any more: its place was free already.
    /// [`RespondError::TooLarge`]: the request is still open.
    pub fn respond(
        &mut self,
        _now: Instant,
        request: RequestKey,
        status: ResponseStatus,
        payload: Bytes,
    ) -> Result<(), RespondError> {
        let open = self
            .shared
            .requests
            .get(request.key)
            .is_some_and(|incoming| incoming.response.is_none());
        let state = self
            .peers
            .get_mut(request.peer)
            .filter(|_| open)
            .ok_or(RespondError::Gone)?;
        let (len, max) = (payload.len(), self.shared.config.config.message_bytes_max);
        if len > max {
            return Err(RespondError::TooLarge { len, max });
        }
        self.shared.stats.incoming -= 1;
        let (status, payload) = if state
            .out
            .backlog
            .has_room_for_answer(&self.shared.config, len)
        {
            (status, payload)
        } else {
            self.shared.stats.answers_dropped += 1;
            (ResponseStatus::AnswerDropped, Bytes::new())
        };
        state.answer(&mut self.shared, request.id, request.key, status, payload);
        state.refresh(&mut self.shared);
        Ok(())
    }

    /// The handling of `count` one-way messages ended, which frees the places they held.
    pub fn handled(&mut self, count: usize) {
        debug_assert!(
            count <= self.shared.stats.incoming,
            "no more messages end than were given out"
        );
        self.shared.stats.incoming = self.shared.stats.incoming.saturating_sub(count);
    }

    pub(crate) fn check_call(&self, now: Instant, call: &Call) -> Result<(), SendError> {
        let command = call.command;
        let max = self.shared.payload_max(&ContentHead::OneWay { command });
        let len = call.payload.len();
        if len > max {
            return Err(SendError::TooLarge { len, max });
        }
        if call.deadline <= now {
            return Err(SendError::DeadlinePassed);
        }
        Ok(())
    }

    fn begin_call(
        &mut self,
        now: Instant,
        peer: Peer,
        kind: Kind,
        call: Call,
    ) -> Result<CallKey, SendError> {
        self.check_call(now, &call)?;
        let deadline = call.deadline;
        let key = self.start_call(now, peer, kind, call.payload, deadline)?;
        let timer = self.shared.wheel.insert(deadline, Timer::Call(key));
        self.shared.messages.at_mut(key.index).timer = Some(timer);
        Ok(CallKey(key))
    }

    /// Queues a message that was checked.
    pub(crate) fn start_call(
        &mut self,
        now: Instant,
        peer: Peer,
        kind: Kind,
        payload: Bytes,
        deadline: Instant,
    ) -> Result<Key, SendError> {
        if deadline <= now {
            return Err(SendError::DeadlinePassed);
        }
        let state = self
            .peers
            .tenant(&mut self.shared, peer)
            .ok_or(SendError::Forgotten)?;
        let shared = &mut self.shared;
        let backlog = &mut state.out.backlog;
        if kind.is_aside() {
            if !backlog.has_room_aside(payload.len()) {
                shared.stats.asides_refused += 1;
                return Err(backlog.aside.full());
            }
        } else if !backlog.has_room(&shared.config.config, payload.len()) {
            backlog.is_waited_for |= !matches!(kind, Kind::Delivery { .. });
            return Err(backlog.calls.full());
        }
        let is_whole = payload.len() <= shared.config.whole_payload_max;
        let mut message = Message::new(peer, kind, payload, deadline, is_whole);
        message.is_bound = state.is_connected || state.is_expected;
        let key = shared.insert_message(message);
        state.out.push(&mut shared.messages, key.index);
        state.refresh(shared);
        Ok(key)
    }
}
