//! What a packet's frames cause.
//!
//! A packet is acknowledged only if everything in it was taken or refused: an ack says of every message
//! that it need not come again.

mod content;
mod pieces;
mod refusals;

use bytes::Bytes;
use hobnob_wire::{Command, Frame, Frames, Instant, MessageId, PacketNumber};

use crate::{
    error::PacketError, event::Event, peer::PeerState, reassembly::Arrived, shared::Shared,
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
}
