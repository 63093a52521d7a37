//! Messages that are not taken: the ack says so, and whoever waits here for what they answer is told.

use hobnob_wire::{Content, ContentHead, MessageId, Refusal, RefusalReason};

use super::{Packet, Verdict};
use crate::{
    event::Failure,
    peer::PeerState,
    shared::{Ending, Shared},
};

impl PeerState {
    pub(crate) fn refuse(
        &mut self,
        shared: &mut Shared,
        packet: Packet<'_>,
        id: MessageId,
        reason: RefusalReason,
    ) -> Verdict {
        match reason {
            RefusalReason::NoHandler => shared.stats.refused_no_handler += 1,
            RefusalReason::TooLarge => shared.stats.refused_too_large += 1,
            RefusalReason::Malformed => shared.stats.refused_malformed += 1,
            _ => shared.stats.refused_overloaded += 1,
        }
        self.seen.refuse(id, reason);
        self.tell_refusal(packet, id, reason)
    }

    pub(super) fn refuse_again(
        &mut self,
        shared: &mut Shared,
        packet: Packet<'_>,
        id: MessageId,
        reason: RefusalReason,
    ) -> Verdict {
        shared.stats.duplicates += 1;
        self.tell_refusal(packet, id, reason)
    }

    /// Refuses a message for its size; if it is the answer to a request, the caller here learns why.
    pub(super) fn refuse_size(
        &mut self,
        shared: &mut Shared,
        packet: Packet<'_>,
        id: MessageId,
        beginning: &[u8],
    ) -> Verdict {
        let verdict = self.refuse(shared, packet, id, RefusalReason::TooLarge);
        match Content::decode(beginning).map(|content| content.head) {
            Ok(ContentHead::Response { request, .. }) => {
                self.fail_request(shared, request, Failure::AnswerTooLarge);
            }
            Ok(ContentHead::InOrder { distance, .. }) => self.pass_in_turn(shared, id, distance),
            _ => {}
        }
        verdict
    }

    /// Ends a call whose answer cannot be taken.
    pub(super) fn fail_request(
        &mut self,
        shared: &mut Shared,
        request: MessageId,
        failure: Failure,
    ) {
        if let Some(index) = self.out.ids.get(request.get())
            && shared.messages.at(index).kind.is_request()
        {
            self.end(shared, index, Ending::Failed(failure));
        }
    }

    fn tell_refusal(
        &mut self,
        packet: Packet<'_>,
        message: MessageId,
        reason: RefusalReason,
    ) -> Verdict {
        match self.acks.refuse(packet.number, Refusal { message, reason }) {
            true => Verdict::Settled,
            false => Verdict::Withheld,
        }
    }
}
