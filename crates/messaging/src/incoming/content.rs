//! What becomes of a message that is there as a whole.

use core::time::Duration;

use bytes::Bytes;
use hobnob_wire::{Content, ContentHead, MessageId, RefusalReason};

use super::{Packet, Verdict};
use crate::{held::Turn, peer::PeerState, seen::Look, shared::Shared};

impl PeerState {
    pub(super) fn on_message(
        &mut self,
        shared: &mut Shared,
        packet: Packet<'_>,
        id: MessageId,
        content: &[u8],
    ) -> Verdict {
        match self.seen.look(id) {
            Look::Beyond => Verdict::Withheld,
            Look::Taken | Look::Held => self.on_duplicate(shared, packet, id),
            Look::Refused(reason) => self.refuse_again(shared, packet, id, reason),
            Look::New if content.len() > shared.config.content_max => {
                self.refuse_size(shared, packet, id, content)
            }
            Look::New => self.on_content(shared, packet, id, packet.body, content),
        }
    }

    /// Handles a message that never came before. `content` is a part of `source`.
    pub(super) fn on_content(
        &mut self,
        shared: &mut Shared,
        packet: Packet<'_>,
        id: MessageId,
        source: &Bytes,
        content: &[u8],
    ) -> Verdict {
        let Ok(Content { head, payload }) = Content::decode(content) else {
            return self.refuse(shared, packet, id, RefusalReason::Malformed);
        };
        if payload.len() > shared.payload_max(&head) {
            return self.refuse_size(shared, packet, id, content);
        }
        match head {
            ContentHead::OneWay { command } => {
                if !shared.commands.knows(command) {
                    return self.refuse(shared, packet, id, RefusalReason::NoHandler);
                }
                let is_inner = shared.commands.is_inner(command);
                if !is_inner && !shared.has_place() {
                    return self.refuse(shared, packet, id, RefusalReason::Overloaded);
                }
                self.seen.take(id);
                shared.stats.incoming += usize::from(!is_inner);
                self.give_out(shared, command, None, source.slice_ref(payload));
                Verdict::Settled
            }
            ContentHead::InOrder {
                command,
                stream,
                distance,
            } => {
                let turn = Turn {
                    command,
                    stream,
                    distance,
                };
                self.on_in_order(shared, packet, id, turn, source.slice_ref(payload))
            }
            ContentHead::Request {
                command,
                timeout_ms,
            } => {
                let deadline = packet.now + Duration::from_millis(timeout_ms.into());
                self.on_request(shared, id, command, deadline, source.slice_ref(payload))
            }
            ContentHead::Response { request, status } => {
                self.seen.take(id);
                self.on_response(shared, request, status, source.slice_ref(payload));
                Verdict::Settled
            }
            _ => self.refuse(shared, packet, id, RefusalReason::Malformed),
        }
    }

    pub(super) fn on_duplicate(
        &mut self,
        shared: &mut Shared,
        packet: Packet<'_>,
        id: MessageId,
    ) -> Verdict {
        shared.stats.duplicates += 1;
        if let Some(index) = self.requests.get(id.get())
            && let Some(response) = shared.requests.at(index).response
        {
            self.resend_response(shared, packet.now, response.index);
        }
        Verdict::Settled
    }
}
