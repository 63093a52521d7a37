//! SWIM packets as bytes, for foca and for whoever looks at one before foca does.

use alloc::vec::Vec;

use bytes::{Buf, BufMut};
use foca::{Header, Member, Message, State};
use hobnob_wire::{DecodeError, Full, Reader, Writer};
use thiserror::Error;

use crate::{
    identity::Life,
    limits::{SWIM_HEADER_BYTES_MAX, SWIM_PACKET_BYTES_MAX, SWIM_UPDATE_BYTES_MAX},
};

/// A SWIM packet, read in full: nothing in it can surprise foca any more.
#[derive(Debug)]
pub(crate) struct SwimPacket {
    pub(crate) header: Header<Life>,
    pub(crate) updates: Vec<Member<Life>>,
}

/// How foca reads and writes lives.
#[derive(Debug)]
pub(crate) struct LifeCodec;

#[derive(Debug, Error)]
pub(crate) enum CodecError {
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Full(#[from] Full),
    #[error("foca's buffer has no room left")]
    NoRoom,
}

impl SwimPacket {
    /// Reads a packet as foca would, and refuses what foca only finds out while it is already changing.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let header = decode_header(&mut reader)?;
        let mut updates = Vec::new();
        if carries_updates(&header.message) && !reader.is_empty() {
            for _ in 0..reader.u16("update count")? {
                updates.push(decode_member(&mut reader)?);
            }
        }
        reader.finish("SWIM packet")?;
        Ok(Self { header, updates })
    }

    /// The same packet with the updates that are still in it.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Full> {
        let mut buffer = [0; SWIM_PACKET_BYTES_MAX];
        let mut writer = Writer::new(&mut buffer);
        encode_header(&self.header, &mut writer)?;
        if carries_updates(&self.header.message) {
            writer.u16(u16::try_from(self.updates.len()).map_err(|_| Full)?)?;
            for update in &self.updates {
                encode_member(update, &mut writer)?;
            }
        }
        Ok(writer.written().to_vec())
    }

    /// Whether a packet of our own tells its receiver that it was declared dead.
    pub(crate) fn is_turn_undead(bytes: &[u8]) -> bool {
        decode_header(&mut Reader::new(bytes))
            .is_ok_and(|header| header.message == Message::TurnUndead)
    }

    /// Whether a packet of our own asks somebody to probe a third.
    pub(crate) fn is_ping_request(bytes: &[u8]) -> bool {
        decode_header(&mut Reader::new(bytes))
            .is_ok_and(|header| matches!(header.message, Message::PingReq { .. }))
    }

    /// The number of the probe, if a packet of our own is a ping.
    pub(crate) fn ping_number(bytes: &[u8]) -> Option<u8> {
        match decode_header(&mut Reader::new(bytes)).ok()?.message {
            Message::Ping(number) => Some(number),
            _ => None,
        }
    }
}

impl foca::Codec<Life> for LifeCodec {
    type Error = CodecError;

    fn encode_header(
        &mut self,
        header: &Header<Life>,
        mut buf: impl BufMut,
    ) -> Result<(), CodecError> {
        let mut scratch = [0; SWIM_HEADER_BYTES_MAX];
        let mut writer = Writer::new(&mut scratch);
        encode_header(header, &mut writer)?;
        put_all(writer.written(), &mut buf)
    }

    fn decode_header(&mut self, mut buf: impl Buf) -> Result<Header<Life>, CodecError> {
        take(&mut buf, decode_header)
    }

    fn encode_member(
        &mut self,
        member: &Member<Life>,
        mut buf: impl BufMut,
    ) -> Result<(), CodecError> {
        let mut scratch = [0; SWIM_UPDATE_BYTES_MAX];
        let mut writer = Writer::new(&mut scratch);
        encode_member(member, &mut writer)?;
        put_all(writer.written(), &mut buf)
    }

    fn decode_member(&mut self, mut buf: impl Buf) -> Result<Member<Life>, CodecError> {
        take(&mut buf, decode_member)
    }
}

/// All or nothing, so that a full buffer stays as it was.
fn put_all(bytes: &[u8], buf: &mut impl BufMut) -> Result<(), CodecError> {
    if buf.remaining_mut() < bytes.len() {
        return Err(CodecError::NoRoom);
    }
    buf.put_slice(bytes);
    Ok(())
}

fn take<T>(
    buf: &mut impl Buf,
    decode: impl FnOnce(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<T, CodecError> {
    let chunk = buf.chunk();
    let mut reader = Reader::new(chunk);
    let decoded = decode(&mut reader)?;
    let read = chunk.len() - reader.remaining();
    buf.advance(read);
    Ok(decoded)
}

const fn carries_updates(message: &Message<Life>) -> bool {
    !matches!(message, Message::Announce | Message::TurnUndead)
}

fn encode_header(header: &Header<Life>, writer: &mut Writer<'_>) -> Result<(), Full> {
    header.src.encode(writer)?;
    writer.u16(header.src_incarnation)?;
    header.dst.encode(writer)?;
    let (tag, third, probe) = match &header.message {
        Message::Ping(probe) => (1, None, Some(*probe)),
        Message::Ack(probe) => (2, None, Some(*probe)),
        Message::PingReq {
            target,
            probe_number,
        } => (3, Some(*target), Some(*probe_number)),
        Message::IndirectPing {
            origin,
            probe_number,
        } => (4, Some(*origin), Some(*probe_number)),
        Message::IndirectAck {
            target,
            probe_number,
        } => (5, Some(*target), Some(*probe_number)),
        Message::ForwardedAck {
            origin,
            probe_number,
        } => (6, Some(*origin), Some(*probe_number)),
        Message::Announce => (7, None, None),
        Message::Feed => (8, None, None),
        Message::Gossip => (9, None, None),
        Message::TurnUndead => (10, None, None),
        // Carries foca's custom broadcasts, of which there are none: records travel on their own.
        Message::Broadcast => return Err(Full),
    };
    writer.u8(tag)?;
    if let Some(life) = third {
        life.encode(writer)?;
    }
    if let Some(probe) = probe {
        writer.u8(probe)?;
    }
    Ok(())
}

fn decode_header(reader: &mut Reader<'_>) -> Result<Header<Life>, DecodeError> {
    let src = Life::decode(reader)?;
    let src_incarnation = reader.u16("incarnation")?;
    let dst = Life::decode(reader)?;
    let field = "SWIM message";
    let tag = reader.u8(field)?;
    let mut third = || Life::decode(reader).and_then(|life| Ok((life, reader.u8("probe number")?)));
    let message = match tag {
        1 => Message::Ping(reader.u8("probe number")?),
        2 => Message::Ack(reader.u8("probe number")?),
        3 => third().map(|(target, probe_number)| Message::PingReq {
            target,
            probe_number,
        })?,
        4 => third().map(|(origin, probe_number)| Message::IndirectPing {
            origin,
            probe_number,
        })?,
        5 => third().map(|(target, probe_number)| Message::IndirectAck {
            target,
            probe_number,
        })?,
        6 => third().map(|(origin, probe_number)| Message::ForwardedAck {
            origin,
            probe_number,
        })?,
        7 => Message::Announce,
        8 => Message::Feed,
        9 => Message::Gossip,
        10 => Message::TurnUndead,
        _ => return Err(DecodeError::Invalid { field }),
    };
    Ok(Header {
        src,
        src_incarnation,
        dst,
        message,
    })
}

fn encode_member(member: &Member<Life>, writer: &mut Writer<'_>) -> Result<(), Full> {
    member.id().encode(writer)?;
    writer.u16(member.incarnation())?;
    writer.u8(match member.state() {
        State::Alive => 1,
        State::Suspect => 2,
        State::Down => 3,
    })
}

fn decode_member(reader: &mut Reader<'_>) -> Result<Member<Life>, DecodeError> {
    let life = Life::decode(reader)?;
    let incarnation = reader.u16("incarnation")?;
    let field = "member state";
    let state = match reader.u8(field)? {
        1 => State::Alive,
        2 => State::Suspect,
        3 => State::Down,
        _ => return Err(DecodeError::Invalid { field }),
    };
    Ok(Member::new(life, incarnation, state))
}
