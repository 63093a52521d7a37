//! Gossip payloads as bytes: one kind byte, then the body.
//!
//! | kind | payload | body |
//! |---|---|---|
//! | 1 | SWIM | a packet of the SWIM protocol |
//! | 2 | news | items: something changed; pass it on |
//! | 3 | answer | items: what the receiver was missing; of no interest to others |
//! | 4 | digest | range, entries: all that the sender knows of between two addresses |
//! | 5 | want | addresses: whose records the sender lacks |
//! | 6 | resume | range: the sender could not answer all of a digest; send one of the rest |
//! | 7 | leave ack | generation u64, version varint: the sender knows that the receiver has left |
//! | 8 | nack | probe number u8: the receiver asked for this probe, and its target has not answered |
//! | 9 | summary | hash u64 of all digest entries of live nodes: if the receiver's is another, it sends its digest |
//!
//! Lists end where the payload ends. An item is one kind byte and a body: 1 a record, 2 a life that failed, 3 an
//! accusation, 4 a life that was forgotten by hand.

use alloc::vec::Vec;
use core::net::SocketAddr;

use hobnob_wire::{
    DecodeError, Full, Generation, Reader, VarInt, Writer, limits::GOSSIP_BYTES_MAX,
};
use thiserror::Error;

use crate::{
    identity::{Life, put_addr, take_addr},
    limits::ADDR_BYTES_MAX,
    record::Record,
    suspicion::Accusation,
};

/// Why a payload was refused. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// The payload is longer than one may be: the sender's fault.
    #[error("{bytes} bytes are more than a gossip payload may have")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// The bytes are no gossip payload: a newer version's, or the sender's fault.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The sender speaks as somebody else, or as this node.
    #[error("the payload speaks for {claimed}, which did not send it")]
    ForeignSource {
        /// As whom it speaks.
        claimed: SocketAddr,
    },
    /// The payload is for another node, or asks this one about itself by way of another.
    #[error("the payload is not for this node")]
    Misdirected,
    /// No room for another member, and none that is gone could make some.
    #[error("the table of members is full")]
    Full,
}

/// A payload, read.
#[derive(Debug)]
pub(crate) enum Payload<'a> {
    Swim(&'a [u8]),
    Items { items: Vec<Item>, news: bool },
    Digest(Digest),
    Want(Vec<SocketAddr>),
    Resume(Range),
    LeaveAck(LeaveAck),
    Nack(u8),
    Summary(u64),
}

/// One thing a node tells another about a third.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Record(Record),
    /// The sender holds this life for failed. If it is not, it has to come back under its next one, for
    /// the sender will not listen to this one any more.
    Failed(Life),
    /// Somebody's own probe of a life was not answered.
    Accusation(Accusation),
    /// A life that is gone was forgotten by hand.
    Forgotten(Life),
}

/// Addresses from `start` on, up to and without `end`; `None` is no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: Option<SocketAddr>,
    pub(crate) end: Option<SocketAddr>,
}

/// All that the sender knows of in a range, in order of the addresses.
#[derive(Debug)]
pub(crate) struct Digest {
    pub(crate) range: Range,
    pub(crate) entries: Vec<DigestEntry>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DigestEntry {
    pub(crate) life: Life,
    /// Of the record; zero when the sender has none of this generation.
    pub(crate) version: VarInt,
    pub(crate) liveness: Liveness,
    /// Counts refutations of suspicion within the life.
    pub(crate) incarnation: u16,
}

/// What a node holds another for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Liveness {
    Alive,
    Suspect,
    Left,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeaveAck {
    pub(crate) generation: Generation,
    pub(crate) version: VarInt,
}

const SWIM: u8 = 1;
pub(crate) const NEWS: u8 = 2;
pub(crate) const ANSWER: u8 = 3;
const DIGEST: u8 = 4;
const WANT: u8 = 5;
const RESUME: u8 = 6;
const LEAVE_ACK: u8 = 7;
const NACK: u8 = 8;
const SUMMARY: u8 = 9;

impl Range {
    pub(crate) const ALL: Self = Self {
        start: None,
        end: None,
    };

    pub(crate) fn contains(&self, addr: SocketAddr) -> bool {
        self.start.is_none_or(|start| start <= addr) && self.end.is_none_or(|end| addr < end)
    }

    fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        put_bound(writer, self.start)?;
        put_bound(writer, self.end)
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let start = take_bound(reader)?;
        let end = take_bound(reader)?;
        match (start, end) {
            (Some(start), Some(end)) if start >= end => {
                Err(DecodeError::Invalid { field: "range" })
            }
            _ => Ok(Self { start, end }),
        }
    }
}

impl<'a> Payload<'a> {
    pub(crate) fn decode(bytes: &'a [u8]) -> Result<Self, PayloadError> {
        if bytes.len() > GOSSIP_BYTES_MAX {
            return Err(PayloadError::TooLong { bytes: bytes.len() });
        }
        let mut reader = Reader::new(bytes);
        let field = "payload kind";
        let payload = match reader.u8(field)? {
            SWIM => Self::Swim(reader.take_rest()),
            kind @ (NEWS | ANSWER) => Self::Items {
                items: take_list(&mut reader, Item::decode)?,
                news: kind == NEWS,
            },
            DIGEST => Self::Digest(Digest::decode(&mut reader)?),
            WANT => Self::Want(take_list(&mut reader, take_addr)?),
            RESUME => Self::Resume(Range::decode(&mut reader)?),
            LEAVE_ACK => Self::LeaveAck(LeaveAck {
                generation: Generation(reader.u64("generation")?),
                version: reader.varint("record version")?,
            }),
            NACK => Self::Nack(reader.u8("probe number")?),
            SUMMARY => Self::Summary(reader.u64("summary")?),
            _ => return Err(DecodeError::Invalid { field }.into()),
        };
        reader.finish("gossip payload")?;
        Ok(payload)
    }

    /// Whether it is there to be answered.
    pub(crate) const fn is_question(&self) -> bool {
        matches!(
            self,
            Self::Digest(_) | Self::Want(_) | Self::Resume(_) | Self::Summary(_)
        )
    }

    /// Addresses that one payload can ask for.
    pub(crate) const WANTS_MAX: usize = (GOSSIP_BYTES_MAX - 1) / ADDR_BYTES_MAX;

    pub(crate) fn swim(packet: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + packet.len());
        bytes.push(SWIM);
        bytes.extend_from_slice(packet);
        bytes
    }

    pub(crate) fn digest(range: Range, entries: &[DigestEntry]) -> Vec<u8> {
        write(DIGEST, |writer| {
            range.encode(writer)?;
            entries.iter().try_for_each(|entry| entry.encode(writer))
        })
    }

    pub(crate) fn want(addrs: &[SocketAddr]) -> Vec<u8> {
        write(WANT, |writer| {
            addrs.iter().try_for_each(|addr| put_addr(writer, *addr))
        })
    }

    pub(crate) fn resume(range: &Range) -> Vec<u8> {
        write(RESUME, |writer| range.encode(writer))
    }

    pub(crate) fn nack(number: u8) -> Vec<u8> {
        write(NACK, |writer| writer.u8(number))
    }

    pub(crate) fn summary(hash: u64) -> Vec<u8> {
        write(SUMMARY, |writer| writer.u64(hash))
    }

    pub(crate) fn leave_ack(ack: LeaveAck) -> Vec<u8> {
        write(LEAVE_ACK, |writer| {
            writer.u64(ack.generation.0)?;
            writer.varint(ack.version)
        })
    }
}

impl Item {
    pub(crate) fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        match self {
            Self::Record(record) => {
                writer.u8(1)?;
                record.encode(writer)
            }
            Self::Failed(life) => {
                writer.u8(2)?;
                life.encode(writer)
            }
            Self::Accusation(accusation) => {
                writer.u8(3)?;
                accusation.life.encode(writer)?;
                writer.u16(accusation.incarnation)?;
                put_addr(writer, accusation.accuser)
            }
            Self::Forgotten(life) => {
                writer.u8(4)?;
                life.encode(writer)
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let field = "item";
        match reader.u8(field)? {
            1 => Record::decode(reader).map(Self::Record),
            2 => Life::decode(reader).map(Self::Failed),
            3 => Ok(Self::Accusation(Accusation {
                life: Life::decode(reader)?,
                incarnation: reader.u16("incarnation")?,
                accuser: take_addr(reader)?,
            })),
            4 => Life::decode(reader).map(Self::Forgotten),
            _ => Err(DecodeError::Invalid { field }),
        }
    }
}

impl Digest {
    /// What is said of `addr`.
    pub(crate) fn entry(&self, addr: SocketAddr) -> Option<&DigestEntry> {
        self.entries
            .binary_search_by_key(&addr, |entry| entry.life.addr)
            .ok()
            .and_then(|index| self.entries.get(index))
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let range = Range::decode(reader)?;
        let entries = take_list(reader, DigestEntry::decode)?;
        let ascending = entries.is_sorted_by(|a, b| a.life.addr < b.life.addr);
        if ascending && entries.iter().all(|e| range.contains(e.life.addr)) {
            Ok(Self { range, entries })
        } else {
            Err(DecodeError::Invalid { field: "digest" })
        }
    }
}

impl DigestEntry {
    pub(crate) fn encode(&self, writer: &mut Writer<'_>) -> Result<(), Full> {
        self.life.encode(writer)?;
        writer.varint(self.version)?;
        writer.u8(match self.liveness {
            Liveness::Alive => 1,
            Liveness::Suspect => 2,
            Liveness::Left => 3,
            Liveness::Failed => 4,
        })?;
        writer.varint(self.incarnation)
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let life = Life::decode(reader)?;
        let version = reader.varint("record version")?;
        let field = "liveness";
        let liveness = match reader.u8(field)? {
            1 => Liveness::Alive,
            2 => Liveness::Suspect,
            3 => Liveness::Left,
            4 => Liveness::Failed,
            _ => return Err(DecodeError::Invalid { field }),
        };
        let field = "incarnation";
        let incarnation = u16::try_from(reader.varint(field)?.get())
            .map_err(|_| DecodeError::Invalid { field })?;
        Ok(Self {
            life,
            version,
            liveness,
            incarnation,
        })
    }
}

/// What is written here was sized beforehand: limits.rs proves a record and a range to fit, and callers
/// pass no more addresses than a peer's digest held.
fn write(kind: u8, body: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> Vec<u8> {
    let mut buffer = [0; GOSSIP_BYTES_MAX];
    let mut writer = Writer::new(&mut buffer);
    let written = writer.u8(kind).and_then(|()| body(&mut writer));
    debug_assert!(written.is_ok(), "payload {kind} was sized to fit");
    writer.written().to_vec()
}

fn take_list<T>(
    reader: &mut Reader<'_>,
    mut item: impl FnMut(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let mut items = Vec::new();
    while !reader.is_empty() {
        items.push(item(reader)?);
    }
    Ok(items)
}

fn put_bound(writer: &mut Writer<'_>, bound: Option<SocketAddr>) -> Result<(), Full> {
    match bound {
        None => writer.u8(0),
        Some(addr) => writer.u8(1).and_then(|()| put_addr(writer, addr)),
    }
}

fn take_bound(reader: &mut Reader<'_>) -> Result<Option<SocketAddr>, DecodeError> {
    let field = "range bound";
    match reader.u8(field)? {
        0 => Ok(None),
        1 => take_addr(reader).map(Some),
        _ => Err(DecodeError::Invalid { field }),
    }
}
