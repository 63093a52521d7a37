//! Writes the frames of one datagram, in this order:
//!
//! 1. an ack, if one is due, and the credit, if it changed;
//! 2. cancelled requests and a ping: small, and not held back by the congestion window;
//! 3. what was lost;
//! 4. new messages: whole ones, pieces of a large one, unreliable ones. Each datagram another of these
//!    three is the first to write, and the others use the room it left;
//! 5. the floor, if the receiver should learn it.

use alloc::vec::Vec;

use hobnob_wire::{Frame, Instant, MessageId, PacketNumber, Writer};

use crate::{
    limits::CAUTIOUS_MESSAGES_MAX,
    peer::PeerState,
    sent::{Carried, Piece, SentPacket},
    shared::Shared,
};

/// Room that a cancel, skip, credit or floor frame and the noop which asks for its ack may need.
const CANCEL_ROOM: usize = 1 + 8 + 4 + 1;

const SOURCES: usize = 3;

/// What became of a datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Whether there are frames in it now.
    pub wrote: bool,
    /// Whether another datagram would be written into now.
    pub more: bool,
}

/// What a datagram carries so far.
struct Load {
    now: Instant,
    packet: u64,
    carried: Vec<Carried>,
    is_ack_eliciting: bool,
    has_retransmission: bool,
    messages: usize,
    messages_max: usize,
}

impl Load {
    /// Whether another message may share the datagram.
    const fn has_place(&self) -> bool {
        self.messages < self.messages_max
    }

    /// Makes sure that the receiver owes an ack. The caller left room for it.
    fn ask_for_ack(&mut self, w: &mut Writer<'_>) {
        if !self.is_ack_eliciting {
            let asked = Frame::Noop.encode(w);
            debug_assert!(asked.is_ok(), "room was left for a noop");
            self.is_ack_eliciting = true;
        }
    }

    fn add(&mut self, piece: Piece) {
        self.carried.push(Carried::Piece(piece));
        self.is_ack_eliciting = true;
        self.messages += 1;
    }
}

impl PeerState {
    pub(crate) fn fill(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        packet: PacketNumber,
        w: &mut Writer<'_>,
    ) -> Filled {
        let start = w.len();
        let mut load = Load {
            now,
            packet: packet.get(),
            carried: shared.borrow_vec(),
            is_ack_eliciting: false,
            has_retransmission: false,
            messages: 0,
            messages_max: if self.out.is_refused {
                CAUTIOUS_MESSAGES_MAX
            } else {
                usize::MAX
            },
        };
        self.recovery.pacer.wake(now);
        if self.acks.write(now, w) {
            shared.stats.acks_sent += 1;
            self.write_credit(shared, &mut load, w);
        }
        self.write_cancels(&mut load, w);
        self.write_ping(&mut load, w);
        if self.is_probe_due || self.recovery.is_open() {
            self.write_retransmissions(shared, &mut load, w);
        }
        self.write_new(shared, &mut load, w);
        self.write_floor(shared, &mut load, w);
        let wrote = w.len() > start;
        self.conclude(shared, load, wrote, w.len());
        Filled {
            wrote,
            more: self.has_something_to_send(shared),
        }
    }

    fn conclude(&mut self, shared: &mut Shared, load: Load, wrote: bool, bytes: usize) {
        if load.has_retransmission || self.out.retransmit.is_empty() {
            self.is_probe_due = false;
        }
        if load.carried.is_empty() {
            shared.return_vec(load.carried);
            if wrote {
                self.recovery.on_sent(load.packet, None);
            }
        } else {
            let packet = SentPacket {
                number: load.packet,
                at: load.now,
                bytes,
                carried: load.carried,
                is_superseded: false,
            };
            self.recovery.on_sent(load.packet, Some(packet));
        }
        self.announce_writable(shared);
        self.recovery
            .on_filled(self.out.has_new() || !self.out.retransmit.is_empty());
    }

    fn write_credit(&mut self, shared: &mut Shared, load: &mut Load, w: &mut Writer<'_>) {
        let share = shared.receive_buffer.share();
        let Some(credit) = self.out.credit.news(share, self.inflow.is_bulk()) else {
            return;
        };
        if w.room() >= CANCEL_ROOM && Frame::Credit(credit).encode(w).is_ok() {
            self.out.credit.on_told(credit);
            load.carried.push(Carried::Credit(credit));
            load.ask_for_ack(w);
            shared.stats.credits_sent += 1;
        }
    }

    fn write_cancels(&mut self, load: &mut Load, w: &mut Writer<'_>) {
        while let Some(cancel) = self.out.cancels.front().copied() {
            if w.room() < CANCEL_ROOM || cancel.frame().encode(w).is_err() {
                break;
            }
            self.out.cancels.pop_front();
            if cancel.matters_at(load.now) {
                load.carried.push(Carried::Cancel(cancel));
            }
        }
        if !load.carried.is_empty() {
            load.ask_for_ack(w);
        }
    }

    fn write_ping(&mut self, load: &mut Load, w: &mut Writer<'_>) {
        if self.out.is_ping_due && w.room() > 0 {
            self.out.is_ping_due = false;
            load.carried.push(Carried::Ping);
            load.ask_for_ack(w);
        }
    }

    fn write_retransmissions(&mut self, shared: &mut Shared, load: &mut Load, w: &mut Writer<'_>) {
        while let Some(piece) = self.out.retransmit.front().copied() {
            let message = shared
                .messages
                .get_mut(piece.message)
                .filter(|message| !message.has_acked(&piece));
            let Some(message) = message else {
                self.out.retransmit.pop_front();
                continue;
            };
            load.messages_max = CAUTIOUS_MESSAGES_MAX;
            let written = if load.has_place() {
                message.write(piece.offset, piece.len, w)
            } else {
                0
            };
            if written == 0 {
                return;
            }
            message.sent_at = load.now;
            message.carrier = Some(load.packet);
            load.add(Piece {
                len: written,
                ..piece
            });
            load.has_retransmission = true;
            shared.stats.retransmissions += 1;
            self.out.retransmit.pop_front();
            if written < piece.len {
                let offset = piece.offset + written;
                self.out.retransmit.push_front(Piece {
                    offset,
                    len: piece.len - written,
                    ..piece
                });
            }
        }
    }

    fn write_new(&mut self, shared: &mut Shared, load: &mut Load, w: &mut Writer<'_>) {
        let is_open = self.recovery.is_open();
        for step in 0..SOURCES {
            match (self.out.turn + step) % SOURCES {
                0 if is_open => self.write_whole(shared, load, w),
                1 if is_open => self.write_pieces(shared, load, w),
                2 => self.write_unreliable(shared, w),
                _ => {}
            }
        }
        self.out.turn = (self.out.turn + 1) % SOURCES;
    }

    fn write_whole(&mut self, shared: &mut Shared, load: &mut Load, w: &mut Writer<'_>) {
        while let Some(index) = self
            .out
            .next_whole()
            .filter(|_| self.out.has_id() && load.has_place())
        {
            self.out.prepare(&mut shared.messages, index, load.now);
            if !shared.messages.at(index).fits(self.out.next_id(), w.room()) {
                return;
            }
            self.out.begin(&mut shared.messages, index);
            shared.stats.messages_sent += 1;
            self.write_first(shared, load, index, w);
        }
    }

    fn write_pieces(&mut self, shared: &mut Shared, load: &mut Load, w: &mut Writer<'_>) {
        while let Some(index) = self.out.next_in_pieces().filter(|_| load.has_place()) {
            if self.out.sending.is_none() {
                self.out.prepare(&mut shared.messages, index, load.now);
                let message = shared.messages.at(index);
                if !self.out.has_id() || !message.fits(self.out.next_id(), w.room()) {
                    return;
                }
                self.out.begin(&mut shared.messages, index);
                self.out.sending = Some(index);
                shared.stats.messages_sent += 1;
            }
            if !self.write_first(shared, load, index, w) {
                return;
            }
            self.out.sending = None;
        }
    }

    /// Writes what was never transmitted of a message; says whether nothing of that is left.
    fn write_first(
        &mut self,
        shared: &mut Shared,
        load: &mut Load,
        index: u32,
        w: &mut Writer<'_>,
    ) -> bool {
        let key = shared.messages.key_at(index);
        let message = shared.messages.at_mut(index);
        let (offset, total) = (message.sent, message.content_len());
        let len = message.write(offset, total - offset, w);
        if len > 0 {
            message.sent += len;
            message.sent_at = load.now;
            message.carrier = Some(load.packet);
            load.add(Piece {
                message: key,
                offset,
                len,
            });
        }
        debug_assert!(len > 0 || !message.is_whole, "it was checked that it fits");
        message.sent == total
    }

    fn write_unreliable(&mut self, shared: &mut Shared, w: &mut Writer<'_>) {
        while let Some((command, payload)) = self.out.unreliable.front() {
            if (Frame::Unreliable {
                command: *command,
                payload,
            })
            .encode(w)
            .is_err()
            {
                return;
            }
            self.out.unreliable.pop_front();
            shared.stats.unreliable_sent += 1;
        }
    }

    fn write_floor(&mut self, shared: &Shared, load: &mut Load, w: &mut Writer<'_>) {
        if !load.is_ack_eliciting && !self.must_tell_floor(shared) {
            return;
        }
        let floor = self.out.current_floor(&shared.messages);
        if !self.out.floor.is_due(floor) || w.room() < CANCEL_ROOM {
            return;
        }
        if let Ok(id) = MessageId::new(floor)
            && Frame::Floor(id).encode(w).is_ok()
        {
            self.out.floor.on_told(floor);
            load.carried.push(Carried::Floor(floor));
            load.ask_for_ack(w);
        }
    }
}
