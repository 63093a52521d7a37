//! What a packet's frames cause.
//!
//! A packet is acknowledged only if everything in it was taken or refused: an ack says of every message
//! that it need not come again.

use bytes::Bytes;
use hobnob_wire::{
    Command, Content, ContentHead, Frame, Frames, Instant, MessageId, PacketNumber, Refusal,
    RefusalReason,
};

use core::time::Duration;

use crate::{
    error::PacketError,
    event::{Event, Failure},
    held::Turn,
    peer::PeerState,
    reassembly::{Added, Arrived, Dropped},
    seen::Look,
    shared::{Ending, Shared, Work},
};

/// Whether something in a packet needs to come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was taken, or refused.
    Settled,
    /// It could be neither taken nor refused now.
    Withheld,
}

/// A packet whose frames are being handled.
#[derive(Clone, Copy)]
pub(crate) struct Packet<'a> {
    now: Instant,
    number: u64,
    body: &'a Bytes,
}

/// How a packet turned out.
#[derive(Clone, Copy)]
struct Handled {
    is_settled: bool,
    is_ack_eliciting: bool,
}

impl PeerState {
    pub(crate) fn handle_packet(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        packet: PacketNumber,
        body: &Bytes,
    ) -> Result<(), PacketError> {
        if !self.is_connected {
            return Err(PacketError::NoSession);
        }
        self.recovery.pacer.wake(now);
        self.out.floor.resume();
        self.inflow
            .on_packet(&mut shared.receive_buffer, now, body.len());
        let packet = Packet {
            now,
            number: packet.get(),
            body,
        };
        let handled = self.handle_frames(shared, packet);
        match handled {
            Ok(Handled {
                is_settled: true,
                is_ack_eliciting,
            }) => {
                self.acks.settle(now, packet.number);
                if is_ack_eliciting {
                    self.acks.set_due();
                }
            }
            Ok(_) => {
                shared.stats.packets_withheld += 1;
                self.acks.withhold();
            }
            Err(_) => {
                shared.stats.packets_malformed += 1;
                self.acks.withhold();
            }
        }
        handled.map(|_| ())
    }

    fn handle_frames(
        &mut self,
        shared: &mut Shared,
        packet: Packet<'_>,
    ) -> Result<Handled, PacketError> {
        let mut handled = Handled {
            is_settled: true,
            is_ack_eliciting: false,
        };
        for frame in Frames::new(packet.body) {
            let frame = frame?;
            handled.is_ack_eliciting |= frame.is_ack_eliciting();
            handled.is_settled &= self.handle_frame(shared, packet, &frame)? == Verdict::Settled;
        }
        Ok(handled)
    }

    fn handle_frame(
        &mut self,
        shared: &mut Shared,
        packet: Packet<'_>,
        frame: &Frame<'_>,
    ) -> Result<Verdict, PacketError> {
        match *frame {
            Frame::Message { id, content } => {
                return Ok(self.on_message(shared, packet, id, content));
            }
            Frame::Fragment {
                id,
                total,
                offset,
                piece,
            } => {
                return Ok(self.on_piece(
                    shared,
                    packet,
                    &Arrived {
                        id,
                        total,
                        offset,
                        piece,
                    },
                ));
            }
            Frame::Ack(ref ack) => self.on_ack(shared, packet.now, ack),
            Frame::Floor(floor) => self.on_floor(shared, floor),
            Frame::Cancel(id) => self.on_cancel(shared, id),
            Frame::Credit(bytes) => self.recovery.on_credit(packet.number, bytes.get()),
            Frame::Skip { id, distance } => self.on_skip(shared, id, distance),
            Frame::Unreliable { command, payload } => {
                self.on_unreliable(shared, command, packet.body.slice_ref(payload));
            }
            Frame::Gossip(_) => return Err(PacketError::Gossip),
            _ => {}
        }
        Ok(Verdict::Settled)
    }

    fn on_message(
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

    fn on_piece(
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

    /// Ends a call whose answer cannot be taken.
    fn fail_request(&mut self, shared: &mut Shared, request: MessageId, failure: Failure) {
        if let Some(index) = self.out.ids.get(request.get())
            && shared.messages.at(index).kind.is_request()
        {
            self.end(shared, index, Ending::Failed(failure));
        }
    }

    /// Handles a message that never came before. `content` is a part of `source`.
    fn on_content(
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

    fn on_duplicate(&mut self, shared: &mut Shared, packet: Packet<'_>, id: MessageId) -> Verdict {
        shared.stats.duplicates += 1;
        if let Some(index) = self.requests.get(id.get())
            && let Some(response) = shared.requests.at(index).response
        {
            self.resend_response(shared, packet.now, response.index);
        }
        Verdict::Settled
    }

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

    fn refuse_again(
        &mut self,
        shared: &mut Shared,
        packet: Packet<'_>,
        id: MessageId,
        reason: RefusalReason,
    ) -> Verdict {
        shared.stats.duplicates += 1;
        self.tell_refusal(packet, id, reason)
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

    /// Refuses a message for its size; if it is the answer to a request, the caller here learns why.
    fn refuse_size(
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

    fn on_floor(&mut self, shared: &mut Shared, floor: MessageId) {
        self.settle_below(shared, floor.get());
        self.seen.raise(floor);
        self.acks.raise(floor);
        self.reassemblies.raise(shared, floor);
    }

    /// The sender waits no more for the answer to a message, or has given it up half sent. A late copy of
    /// it must not be handled.
    fn on_cancel(&mut self, shared: &mut Shared, id: MessageId) {
        self.seen.take(id);
        self.reassemblies.remove(shared, id);
        if let Some(index) = self.requests.get(id.get()) {
            let key = shared.requests.key_at(index);
            self.drop_request(shared, key);
        }
    }

    fn on_unreliable(&mut self, shared: &mut Shared, command: Command, payload: Bytes) {
        let is_inner = shared.commands.is_inner(command);
        if is_inner || shared.commands.contains(command) && shared.has_place() {
            shared.stats.unreliable_received += 1;
            shared.queue(command).push_back(Event::Unreliable {
                peer: self.handle,
                command,
                payload,
            });
        } else {
            shared.stats.unreliable_dropped += 1;
        }
    }

    /// A message in pieces may have been given up by its sender.
    pub(crate) fn on_reassembly_timer(&mut self, shared: &mut Shared, now: Instant, id: MessageId) {
        if let Some(dropped) = self.reassemblies.drop_idle(shared, now, id) {
            self.on_dropped(shared, &dropped);
        }
    }
}
