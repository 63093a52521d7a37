//! What was sent and is neither acknowledged nor lost yet.

use alloc::{collections::VecDeque, vec::Vec};
use core::ops::{Range, RangeInclusive};

use hobnob_wire::{Frame, Instant, MessageId, VarInt};

use crate::key::Key;

/// A stretch of a message's content.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) message: Key,
    pub(crate) offset: u32,
    pub(crate) len: u32,
}

impl Piece {
    pub(crate) const fn range(&self) -> Range<u32> {
        self.offset..self.offset + self.len
    }
}

/// A message given up, of which the far side should learn while it still matters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cancel {
    pub(crate) id: MessageId,
    pub(crate) matters: Matters,
}

/// How long it matters that a message was given up.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Matters {
    /// The far side stops by itself then.
    Until(Instant),
    /// The far side holds those after it in its stream until it knows. With the message's distance there.
    Always { distance: u16 },
}

impl Cancel {
    pub(crate) fn frame(&self) -> Frame<'static> {
        match self.matters {
            Matters::Until(_) => Frame::Cancel(self.id),
            Matters::Always { distance } => Frame::Skip {
                id: self.id,
                distance,
            },
        }
    }

    /// Whether it is still worth repeating.
    pub(crate) fn matters_at(&self, now: Instant) -> bool {
        match self.matters {
            Matters::Until(until) => now < until,
            Matters::Always { .. } => true,
        }
    }
}

/// Something in a packet whose fate matters.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Carried {
    Piece(Piece),
    Cancel(Cancel),
    Floor(u64),
    Credit(VarInt),
    Ping,
}

/// An ack-eliciting packet.
#[derive(Debug)]
pub(crate) struct SentPacket {
    pub(crate) number: u64,
    pub(crate) at: Instant,
    pub(crate) bytes: usize,
    pub(crate) carried: Vec<Carried>,
    /// What it carried is sent again already, so that its loss asks for nothing more.
    pub(crate) is_superseded: bool,
}

/// The ack-eliciting packets of a session, by number.
///
/// Numbers of other packets have no entry, so its size is bounded by the congestion window whatever else
/// is sent. A packet that was taken out leaves a gap, which is closed once it is in front.
#[derive(Debug, Default)]
pub(crate) struct SentPackets {
    ring: VecDeque<Entry>,
    in_flight: usize,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    packet: Option<SentPacket>,
}

impl SentPackets {
    /// Bytes of the packets in the ring.
    pub(crate) const fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.in_flight == 0
    }

    /// Adds a packet, whose number is above all before it.
    pub(crate) fn push(&mut self, packet: SentPacket) {
        let number = packet.number;
        debug_assert!(
            self.ring.back().is_none_or(|last| last.number < number),
            "numbers only grow"
        );
        self.in_flight += packet.bytes;
        self.ring.push_back(Entry {
            number,
            packet: Some(packet),
        });
    }

    /// The places of all packets.
    pub(crate) fn places(&self) -> Range<usize> {
        0..self.ring.len()
    }

    /// The places of the packets with these numbers.
    pub(crate) fn places_of(&self, numbers: &RangeInclusive<u64>) -> Range<usize> {
        let start = self
            .ring
            .partition_point(|entry| entry.number < *numbers.start());
        let end = self
            .ring
            .partition_point(|entry| entry.number <= *numbers.end());
        start..end
    }

    /// The packet at a place, unless it was taken.
    pub(crate) fn get(&self, place: usize) -> Option<&SentPacket> {
        self.ring.get(place)?.packet.as_ref()
    }

    /// As [`SentPackets::get`].
    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut SentPacket> {
        self.ring.get_mut(place)?.packet.as_mut()
    }

    /// Takes a packet out. Places stay as they are until [`SentPackets::trim`].
    pub(crate) fn take(&mut self, place: usize) -> Option<SentPacket> {
        let packet = self.ring.get_mut(place)?.packet.take()?;
        self.in_flight -= packet.bytes;
        Some(packet)
    }

    /// Drops the gaps in front.
    pub(crate) fn trim(&mut self) {
        while self
            .ring
            .front()
            .is_some_and(|entry| entry.packet.is_none())
        {
            self.ring.pop_front();
        }
    }
}
