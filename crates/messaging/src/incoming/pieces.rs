//! Messages that come in pieces, until they are complete or dropped.

use hobnob_wire::{Content, ContentHead, Instant, MessageId, Refusal, RefusalReason};

use super::{Packet, Verdict};
use crate::{
    event::Failure,
    peer::PeerState,
    reassembly::{Added, Arrived, Dropped},
    seen::Look,
    shared::{Shared, Work},
};

impl PeerState {
    pub(super) fn on_piece(
        &mut self,
        shared: &mut Shared,
        packet: Packet<'_>,
        arrived: &Arrived<'_>,
    ) -> Verdict {
        match self.seen.look(arrived.id) {
            Look::Beyond => return Verdict::Withheld,
            Look::Taken | Look::Held => return self.on_duplicate(shared, packet, arrived.id),
            Look::Refused(reason) => return self.refuse_again(shared, packet, arrived.id, reason),
            Look::New => {}
        }
        if !self.reassemblies.contains(arrived.id) {
            if let Some(verdict) = self.on_first_piece(shared, packet, arrived) {
                return verdict;
            }
            self.make_room(shared, arrived.total);
        }
        match self
            .reassemblies
            .add(shared, packet.now, self.handle, arrived)
        {
            Added::Withheld => Verdict::Withheld,
            Added::Taken => Verdict::Settled,
            Added::Known => {
                shared.stats.duplicates += 1;
                Verdict::Settled
            }
            Added::Contradiction => {
                self.reassemblies.remove(shared, arrived.id);
                self.refuse(shared, packet, arrived.id, RefusalReason::Malformed)
            }
            Added::Complete(content) => {
                let verdict = self.on_content(shared, packet, arrived.id, &content, &content);
                if self.seen.look(arrived.id) != Look::New {
                    self.reassemblies.remove(shared, arrived.id);
                }
                verdict
            }
        }
    }

    /// An unfinished message was dropped: its sender learns that with an ack of its own, for all that came of
    /// it may be acknowledged. Should that ack be lost, the next piece is refused.
    pub(crate) fn on_dropped(&mut self, shared: &mut Shared, dropped: &Dropped) {
        self.reassemblies.on_dropped(dropped);
        shared.stats.refused_overloaded += 1;
        let refusal = Refusal {
            message: dropped.id,
            reason: RefusalReason::Overloaded,
        };
        self.seen.refuse(refusal.message, refusal.reason);
        self.acks.refuse_alone(refusal);
        if let Some(request) = dropped.answers {
            self.fail_request(shared, request, Failure::AnswerDropped);
        }
    }

    /// A message in pieces may have been given up by its sender.
    pub(crate) fn on_reassembly_timer(&mut self, shared: &mut Shared, now: Instant, id: MessageId) {
        if let Some(dropped) = self.reassemblies.drop_idle(shared, now, id) {
            self.on_dropped(shared, &dropped);
        }
    }

    /// Decides what can be decided before the rest of the message came.
    fn on_first_piece(
        &mut self,
        shared: &mut Shared,
        packet: Packet<'_>,
        arrived: &Arrived<'_>,
    ) -> Option<Verdict> {
        let is_too_large = arrived.total as usize > shared.config.content_max;
        if arrived.offset > 0 {
            // The piece with the head tells whose message it is; the others come again after it.
            return is_too_large.then_some(Verdict::Withheld);
        }
        if is_too_large {
            return Some(self.refuse_size(shared, packet, arrived.id, arrived.piece));
        }
        let Content { head, payload } = Content::decode(arrived.piece).ok()?;
        let head_len = arrived.piece.len() - payload.len();
        if (arrived.total as usize).saturating_sub(head_len) > shared.payload_max(&head) {
            return Some(self.refuse_size(shared, packet, arrived.id, arrived.piece));
        }
        match head {
            ContentHead::OneWay { command } if !shared.commands.knows(command) => {
                Some(self.refuse(shared, packet, arrived.id, RefusalReason::NoHandler))
            }
            ContentHead::InOrder { command, .. } if !shared.commands.contains(command) => {
                Some(self.refuse(shared, packet, arrived.id, RefusalReason::NoHandler))
            }
            _ => None,
        }
    }

    /// Drops unfinished messages until another one fits.
    fn make_room(&mut self, shared: &mut Shared, total: u32) {
        while let Some(dropped) = self.reassemblies.drop_for(shared, total) {
            if dropped.peer == self.handle {
                self.on_dropped(shared, &dropped);
            } else {
                shared.work.push_back(Work::Dropped(dropped));
            }
        }
    }
}
