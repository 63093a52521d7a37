//! What the nodes of a relay tree say to each other. Payloads of messages under Hobnob's own commands.

mod fields;
mod once;
mod report;
mod targets;

use core::net::SocketAddr;

use crate::{
    cursor::{DecodeError, Full, Reader, Writer},
    id::{Command, Generation},
};

use fields::{HAS_GENERATION, read_node, read_place, read_positive, write_node, write_number};
use targets::write_targets;

pub use once::RelayOnce;
pub use report::{RelayOutcome, RelayReport, RelayRun, RelayRuns};
pub use targets::{RelayTarget, RelayTargets};

/// Names one fan-out for as long as anybody may speak of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FanOutId {
    /// Where it began.
    pub origin: SocketAddr,
    /// Which process began it there.
    pub generation: Generation,
    /// Grows with each fan-out of that process, below 2^62.
    pub serial: u64,
}

/// Asks the receiver to take a message and to see to it that others get it, under [`Command::RELAY`].
///
/// ```text
/// origin: node | serial varint | serial − floor varint | part varint | pace ms varint
/// time left ms varint | limit varint | command u16 | place varint | own: u8, generation u64 if it has one
/// targets varint { place − the one before − 1 varint | node } | payload
///
/// node = flags u8 (1: IPv6, 2: with generation) | address 4 or 16 bytes | port u16 | generation u64 if any
/// ```
///
/// Places grow from the receiver's own to the last target's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayHop {
    /// Which fan-out.
    pub id: FanOutId,
    /// The origin waits for no fan-out of its own with a lower serial; at most the serial itself.
    pub floor: u64,
    /// The sender's name for this part of the work, below 2^62: reports carry it.
    pub part: u64,
    /// How often the sender wants to hear from the receiver while work is left, in milliseconds, at least 1.
    pub pace_ms: u32,
    /// Time left for all of it, in milliseconds, at least 1.
    pub timeout_ms: u32,
    /// Deliveries a node may have in flight at once, at least 1.
    pub limit: u32,
    /// For which handlers.
    pub command: Command,
    /// The receiver's own place.
    pub place: u32,
    /// The process that is meant to receive it.
    pub generation: Option<Generation>,
}

impl Command {
    /// A [`RelayHop`] with its payload.
    pub const RELAY: Self = Self(10);
    /// A [`RelayReport`].
    pub const RELAY_REPORT: Self = Self(11);
    /// Nobody waits any more for the part whose number, a varint, is the payload.
    pub const RELAY_CANCEL: Self = Self(12);
    /// A [`RelayOnce`] with its payload.
    pub const RELAY_ONCE: Self = Self(13);
    /// The commands by which relay trees work: they never reach a handler.
    pub const RELAYING: [Self; 4] = [
        Self::RELAY,
        Self::RELAY_REPORT,
        Self::RELAY_CANCEL,
        Self::RELAY_ONCE,
    ];
}

impl RelayHop {
    /// Appends the hop and its targets, of which there are at most
    /// [`RELAY_TARGETS_MAX`](crate::limits::RELAY_TARGETS_MAX) in growing order;
    /// the payload follows to the end.
    ///
    /// # Errors
    ///
    /// [`Full`] when it does not fit; what was written is then of no use.
    pub fn encode(
        &self,
        targets: impl ExactSizeIterator<Item = RelayTarget>,
        w: &mut Writer<'_>,
    ) -> Result<(), Full> {
        write_node(self.id.origin, Some(self.id.generation), w)?;
        write_number(self.id.serial, w)?;
        write_number(self.id.serial.saturating_sub(self.floor), w)?;
        write_number(self.part, w)?;
        w.varint(self.pace_ms)?;
        w.varint(self.timeout_ms)?;
        w.varint(self.limit)?;
        w.u16(self.command.0)?;
        w.varint(self.place)?;
        match self.generation {
            None => w.u8(0)?,
            Some(generation) => {
                w.u8(HAS_GENERATION)?;
                w.u64(generation.0)?;
            }
        }
        write_targets(Some(self.place), targets, w)
    }

    /// Reads a hop, its targets, and its payload.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] naming the field that is wrong.
    pub fn decode(bytes: &[u8]) -> Result<(Self, RelayTargets<'_>, &[u8]), DecodeError> {
        let mut r = Reader::new(bytes);
        let (origin, generation) = read_node(&mut r, "relay origin")?;
        let generation = generation.ok_or(DecodeError::Invalid {
            field: "relay origin",
        })?;
        let serial = r.varint("relay serial")?.get();
        let above_floor = r.varint("relay floor")?.get();
        let floor = serial.checked_sub(above_floor);
        let hop = Self {
            id: FanOutId {
                origin,
                generation,
                serial,
            },
            floor: floor.ok_or(DecodeError::Invalid {
                field: "relay floor",
            })?,
            part: r.varint("relay part")?.get(),
            pace_ms: read_positive(&mut r, "relay pace")?,
            timeout_ms: read_positive(&mut r, "relay time left")?,
            limit: read_positive(&mut r, "relay limit")?,
            command: Command(r.u16("relay command")?),
            place: read_place(&mut r)?,
            generation: match r.u8("relay generation flag")? {
                0 => None,
                HAS_GENERATION => Some(Generation(r.u64("relay generation")?)),
                _ => {
                    return Err(DecodeError::Invalid {
                        field: "relay generation flag",
                    });
                }
            },
        };
        let targets = RelayTargets::decode(Some(hop.place), &mut r)?;
        Ok((hop, targets, r.take_rest()))
    }
}
