//! What copies say to each other.
//!
//! ```text
//! items   (0): flags u8 (1: news, 2: more to come) | floor u64 | item …
//! root    (1): floor u64 | hash u64
//! buckets (2): floor u64 | 256 hashes u64
//! summary (3): flags u8 (2: not all that differs) | range …
//!              range = first u64, last u64, count u16, count × (hash of name u64, hash of state u64)
//! want    (4): flags u8 (2: not all) | hash of name u64 …
//!
//! item = tag u8 (0 removed, 1 value, 2 share, 3 folded) | name: length varint, UTF-8
//!      | 0: time u64, process           1: time u64, process, value: length varint, bytes
//!      | 2: period u32, process, plus u64, minus u64        3: through u32, plus u64, minus u64
//! process = u8 (4 or 6) | address 4 or 16 bytes | port u16 | generation u64
//! ```
//!
//! Ranges do not overlap and grow, and so do the hashes in them.

use alloc::{sync::Arc, vec, vec::Vec};
use core::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use hobnob_wire::{DecodeError, Full, Generation, Reader, VarInt, Writer};
use twox_hash::XxHash3_64;

use crate::{
    clock::{Process, Time, Version},
    item::{Folded, Item, ItemKey, ShareKey, Slot, Tally},
    limits::{ITEM_OVERHEAD_MAX, KEY_BYTES_MAX, VALUE_BYTES_MAX},
};

/// Names a process, or its address, where it cannot be read.
const ADDRESS: &str = "item process";

pub(crate) const IS_NEWS: u8 = 1;
pub(crate) const HAS_MORE: u8 = 2;

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Items = 0,
    Root = 1,
    Buckets = 2,
    Summary = 3,
    Want = 4,
}

impl Kind {
    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match r.u8("shared kind")? {
            0 => Self::Items,
            1 => Self::Root,
            2 => Self::Buckets,
            3 => Self::Summary,
            4 => Self::Want,
            _ => {
                return Err(DecodeError::Invalid {
                    field: "shared kind",
                });
            }
        })
    }
}

/// A payload of so many bytes, or fewer.
pub(crate) fn compose(
    bytes: usize,
    write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
) -> Vec<u8> {
    let mut buffer = vec![0; bytes];
    let mut w = Writer::new(&mut buffer);
    let written = write(&mut w);
    debug_assert!(written.is_ok(), "what is composed was made to fit");
    let len = w.len();
    buffer.truncate(len);
    buffer.shrink_to_fit();
    buffer
}

/// What stands before the items.
pub(crate) fn write_items_head(w: &mut Writer<'_>, flags: u8, floor: Time) -> Result<(), Full> {
    w.u8(Kind::Items as u8)?;
    w.u8(flags)?;
    w.u64(floor.0)
}

/// Says in the flags of a payload that it is not the last one.
pub(crate) fn set_more(payload: &mut [u8]) {
    if let Some(flags) = payload.get_mut(1) {
        *flags |= HAS_MORE;
    }
}

/// Reads flags of which only these may be set.
pub(crate) fn read_flags(r: &mut Reader<'_>, known: u8) -> Result<u8, DecodeError> {
    let flags = r.u8("shared flags")?;
    if flags & !known == 0 {
        Ok(flags)
    } else {
        Err(DecodeError::Invalid {
            field: "shared flags",
        })
    }
}

impl Item {
    /// All or nothing.
    pub(crate) fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        let before = w.len();
        self.write(w).inspect_err(|_| w.truncate(before))
    }

    fn write(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        match self {
            Self::Entry(key, slot) => {
                w.u8(u8::from(slot.value.is_some()))?;
                w.bytes(key.as_bytes())?;
                w.u64(slot.version.time.0)?;
                write_process(slot.version.writer, w)?;
                slot.value.as_ref().map_or(Ok(()), |value| w.bytes(value))
            }
            Self::Share(key, tally) => {
                w.u8(2)?;
                w.bytes(key.name.as_bytes())?;
                w.u32(key.period)?;
                write_process(key.process, w)?;
                write_tally(*tally, w)
            }
            Self::Folded(name, folded) => {
                w.u8(3)?;
                w.bytes(name.as_bytes())?;
                w.u32(folded.through)?;
                write_tally(folded.tally, w)
            }
        }
    }

    pub(crate) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let tag = r.u8("item tag")?;
        let name = read_name(r)?;
        Ok(match tag {
            0 | 1 => {
                let version = Version {
                    time: Time(r.u64("item time")?),
                    writer: read_process(r)?,
                };
                let value = (tag == 1).then(|| read_value(r)).transpose()?;
                Self::Entry(name, Slot { version, value })
            }
            2 => {
                let key = ShareKey {
                    period: r.u32("item period")?,
                    name,
                    process: read_process(r)?,
                };
                Self::Share(key, read_tally(r)?)
            }
            3 => {
                let through = r.u32("item period")?;
                let tally = read_tally(r)?;
                Self::Folded(name, Folded { through, tally })
            }
            _ => return Err(DecodeError::Invalid { field: "item tag" }),
        })
    }

    /// A hash of all that is told of it.
    pub(crate) fn hash(&self) -> u64 {
        let len = match self {
            Self::Entry(key, slot) => key.len() + slot.value.as_ref().map_or(0, Bytes::len),
            Self::Share(key, _) => key.name.len(),
            Self::Folded(name, _) => name.len(),
        };
        let mut buffer = vec![0; ITEM_OVERHEAD_MAX + len];
        let mut w = Writer::new(&mut buffer);
        let written = self.encode(&mut w);
        debug_assert!(written.is_ok(), "the overhead is the largest there is");
        XxHash3_64::oneshot(w.written())
    }
}

impl ItemKey {
    /// The one before all others.
    pub(crate) fn first() -> Self {
        Self::Entry(Arc::from(""))
    }

    /// A hash of the name: those that belong to one counter are at different places.
    pub(crate) fn hash(&self) -> u64 {
        let mut buffer: Vec<u8> = vec![0; ITEM_OVERHEAD_MAX + KEY_BYTES_MAX];
        let mut w = Writer::new(&mut buffer);
        let written = match self {
            Self::Entry(key) => w.u8(0).and_then(|()| w.bytes(key.as_bytes())),
            Self::Share(share) => w
                .u8(1)
                .and_then(|()| w.bytes(share.name.as_bytes()))
                .and_then(|()| w.u32(share.period))
                .and_then(|()| write_process(share.process, &mut w)),
            Self::Folded(name) => w.u8(2).and_then(|()| w.bytes(name.as_bytes())),
        };
        debug_assert!(written.is_ok(), "names are no longer than they may be");
        XxHash3_64::oneshot(w.written())
    }
}

fn read_name(r: &mut Reader<'_>) -> Result<Arc<str>, DecodeError> {
    let invalid = DecodeError::Invalid { field: "item name" };
    let bytes = r.bytes("item name")?;
    if bytes.is_empty() || bytes.len() > KEY_BYTES_MAX {
        return Err(invalid);
    }
    core::str::from_utf8(bytes)
        .map(Arc::from)
        .map_err(|_| invalid)
}

/// A copy: a slice would keep the whole datagram.
fn read_value(r: &mut Reader<'_>) -> Result<Bytes, DecodeError> {
    let bytes = r.bytes("item value")?;
    if bytes.len() > VALUE_BYTES_MAX {
        return Err(DecodeError::Invalid {
            field: "item value",
        });
    }
    Ok(Bytes::copy_from_slice(bytes))
}

pub(crate) fn write_process(process: Process, w: &mut Writer<'_>) -> Result<(), Full> {
    write_address(process.addr, w)?;
    w.u64(process.generation.0)
}

pub(crate) fn read_process(r: &mut Reader<'_>) -> Result<Process, DecodeError> {
    let family = r.u8(ADDRESS)?;
    Ok(Process {
        addr: read_address(family, r)?,
        generation: Generation(r.u64(ADDRESS)?),
    })
}

pub(crate) fn write_address(addr: SocketAddr, w: &mut Writer<'_>) -> Result<(), Full> {
    match addr.ip() {
        IpAddr::V4(ip) => {
            w.u8(4)?;
            w.put(&ip.octets())?;
        }
        IpAddr::V6(ip) => {
            w.u8(6)?;
            w.put(&ip.octets())?;
        }
    }
    w.u16(addr.port())
}

/// What stands behind the byte that says which family it is.
pub(crate) fn read_address(family: u8, r: &mut Reader<'_>) -> Result<SocketAddr, DecodeError> {
    let ip: IpAddr = match family {
        4 => r.array::<4>(ADDRESS)?.into(),
        6 => r.array::<16>(ADDRESS)?.into(),
        _ => return Err(DecodeError::Invalid { field: ADDRESS }),
    };
    Ok(SocketAddr::new(ip, r.u16(ADDRESS)?))
}

fn write_tally(tally: Tally, w: &mut Writer<'_>) -> Result<(), Full> {
    w.u64(tally.plus)?;
    w.u64(tally.minus)
}

fn read_tally(r: &mut Reader<'_>) -> Result<Tally, DecodeError> {
    Ok(Tally {
        plus: r.u64("item tally")?,
        minus: r.u64("item tally")?,
    })
}

const _: () = assert!(
    KEY_BYTES_MAX < 1 << 14 && VALUE_BYTES_MAX as u64 <= VarInt::MAX.get(),
    "a name's length takes two bytes, and any has an encoding"
);
