//! Requests of a peer, and the answers to ours.

use bytes::Bytes;
use hobnob_wire::{Command, Instant, MessageId, ResponseStatus};

use crate::{
    event::{Event, Failure},
    incoming::Verdict,
    key::{Key, RequestKey},
    limits::OPEN_REQUESTS_PEER_MAX,
    message::{Kind, Message},
    peer::PeerState,
    shared::{Ending, Incoming, Shared, Timer},
};

impl PeerState {
    /// Handles a request that never came before.
    pub(crate) fn on_request(
        &mut self,
        shared: &mut Shared,
        id: MessageId,
        command: Command,
        deadline: Instant,
        payload: Bytes,
    ) -> Verdict {
        if self.requests.len() >= OPEN_REQUESTS_PEER_MAX {
            return Verdict::Withheld;
        }
        self.seen.take(id);
        let request = Incoming {
            peer: self.handle,
            id,
            deadline,
            timer: None,
            response: None,
        };
        let key = shared.requests.insert(request);
        let timer = shared.wheel.insert(deadline, Timer::Request(key));
        if let Some(request) = shared.requests.get_mut(key) {
            request.timer = Some(timer);
        }
        self.requests.insert(id.get(), key.index);
        let has_room = self.out.backlog.response_bytes < shared.config.config.queue_bytes_peer;
        if !shared.commands.contains(command) {
            shared.stats.refused_no_handler += 1;
            self.answer(shared, id, key, ResponseStatus::NoHandler, Bytes::new());
        } else if !shared.has_place() || !has_room {
            shared.stats.refused_overloaded += 1;
            self.answer(shared, id, key, ResponseStatus::Overloaded, Bytes::new());
        } else {
            shared.stats.incoming += 1;
            shared.stats.messages_received += 1;
            let key = RequestKey {
                peer: self.handle,
                id,
                key,
            };
            shared.events.push_back(Event::Request {
                key,
                peer: self.handle,
                command,
                payload,
                deadline,
            });
        }
        Verdict::Settled
    }

    /// Queues the response to a request of the current session.
    pub(crate) fn answer(
        &mut self,
        shared: &mut Shared,
        id: MessageId,
        incoming: Key,
        status: ResponseStatus,
        payload: Bytes,
    ) {
        let Some(deadline) = shared
            .requests
            .get(incoming)
            .map(|request| request.deadline)
        else {
            return;
        };
        let kind = Kind::Response {
            request: id,
            status,
            incoming,
        };
        let is_whole = payload.len() <= shared.config.whole_payload_max;
        let message = Message::new(self.handle, kind, payload, deadline, is_whole);
        let response = shared.insert_message(message);
        if let Some(request) = shared.requests.get_mut(incoming) {
            request.response = Some(response);
        }
        self.out.push(&mut shared.messages, response.index);
    }

    /// The answer to a request of ours came.
    pub(crate) fn on_response(
        &mut self,
        shared: &mut Shared,
        request: MessageId,
        status: ResponseStatus,
        payload: Bytes,
    ) {
        let waiting = self.out.ids.get(request.get());
        let Some(index) = waiting.filter(|index| shared.messages.at(*index).kind.is_request())
        else {
            shared.stats.responses_stray += 1;
            return;
        };
        let ending = match status {
            ResponseStatus::Ok => Ending::Done(payload),
            ResponseStatus::NoHandler => Ending::Failed(Failure::NoHandler),
            ResponseStatus::Overloaded => Ending::Failed(Failure::Overloaded),
            ResponseStatus::AnswerDropped => Ending::Failed(Failure::AnswerDropped),
            ResponseStatus::HandlerError if core::str::from_utf8(&payload).is_ok() => {
                Ending::Failed(Failure::Handler(payload))
            }
            _ => Ending::Failed(Failure::Malformed),
        };
        self.end(shared, index, ending);
    }

    /// Nobody waits for the response any more.
    pub(crate) fn drop_request(&mut self, shared: &mut Shared, key: Key) {
        let Some(request) = shared.requests.get(key) else {
            return;
        };
        let (id, until) = (request.id, request.deadline);
        if let Some(response) = request.response {
            self.abandon(shared, until, response.index, Ending::Silent);
            return;
        }
        self.close_request(shared, id, key);
        shared.stats.incoming -= 1;
        shared.events.push_back(Event::Cancelled {
            key: RequestKey {
                peer: self.handle,
                id,
                key,
            },
        });
    }

    /// Forgets a request that was answered or given up.
    pub(crate) fn close_request(&mut self, shared: &mut Shared, id: MessageId, key: Key) {
        self.requests.remove(id.get());
        if let Some(timer) = shared
            .requests
            .remove(key)
            .and_then(|request| request.timer)
        {
            shared.wheel.remove(timer);
        }
    }
}
