//! What goes again, as the packet that carried it was lost.

use hobnob_wire::Instant;

use super::Outgoing;
use crate::{
    message::Messages,
    sent::{Carried, Piece},
    shared::Shared,
};

impl Outgoing {
    /// What a packet carried has to go again.
    pub(crate) fn repeat(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        packet: u64,
        carried: &Carried,
    ) {
        match carried {
            Carried::Piece(piece) => self.repeat_piece(&mut shared.messages, packet, piece),
            Carried::Cancel(cancel) if cancel.matters_at(now) => self.cancel(shared, *cancel),
            Carried::Cancel(_) => {}
            Carried::Floor(floor) => self.floor.on_lost(*floor),
            Carried::Credit(credit) => self.credit.on_lost(*credit),
            Carried::Ping => self.is_ping_due = true,
        }
    }

    fn repeat_piece(&mut self, messages: &mut Messages, packet: u64, piece: &Piece) {
        let Some(message) = messages.get_mut(piece.message) else {
            return;
        };
        if message.has_acked(piece) {
            return;
        }
        if message.is_whole {
            if message.carrier != Some(packet) {
                return;
            }
            message.carrier = None;
        }
        self.retransmit.push_back(*piece);
    }

    /// Drops the retransmissions in front that nobody waits for any more.
    pub(crate) fn drop_ended(&mut self, messages: &Messages) {
        while let Some(piece) = self.retransmit.front() {
            if messages
                .get(piece.message)
                .is_some_and(|message| !message.has_acked(piece))
            {
                return;
            }
            self.retransmit.pop_front();
        }
    }
}
