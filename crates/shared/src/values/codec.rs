//! What nodes say to each other about values.
//!
//! ```text
//! items  (0): flags u8 (1: news) | item …
//! root   (1): hash u64
//! digest (2): first bound | last bound | (process, version varint) …
//!
//! item   = 0 offer:  process, version varint     the sender has it up to there
//!        | 1 want:   process, version varint     the sender has it up to there, and asks for the rest
//!        | 2 values: process, base varint, version varint, floor varint, count u8, count × slot
//! slot   = key: length varint, UTF-8 | version varint | 0 removed, or 1 and the value: length varint, bytes
//! bound  = u8 (0: none, 4 or 6) | address 4 or 16 bytes | port u16
//! ```
//!
//! Slots are in the order of their keys, processes in a digest in theirs, all of them from the first bound on and
//! before the last.

use alloc::{sync::Arc, vec::Vec};
use core::net::SocketAddr;

use bytes::Bytes;
use hobnob_wire::{DecodeError, Full, Reader, VarInt, Writer};

use super::{
    limits::{REMOVED_MAX, SLOT_OVERHEAD_MAX, VALUE_KEY_BYTES_MAX, VALUES_BYTES_MAX, VALUES_MAX},
    set::{Delta, Slot},
};
use crate::{
    clock::Process,
    codec::{read_address, read_process, write_address, write_process},
};

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Items = 0,
    Root = 1,
    Digest = 2,
}

impl Kind {
    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let field = "values kind";
        Ok(match r.u8(field)? {
            0 => Self::Items,
            1 => Self::Root,
            2 => Self::Digest,
            _ => return Err(DecodeError::Invalid { field }),
        })
    }
}

/// A process, and up to which of its versions something goes.
pub(super) type Named = (Process, u64);

/// One thing of several in a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Offer(Named),
    Want(Named),
    Values(Process, Delta),
}

impl Item {
    /// All or nothing.
    pub(super) fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        let before = w.len();
        self.write(w).inspect_err(|_| w.truncate(before))
    }

    fn write(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        match self {
            Self::Offer(named) => {
                w.u8(0)?;
                write_named(*named, w)
            }
            Self::Want(named) => {
                w.u8(1)?;
                write_named(*named, w)
            }
            Self::Values(process, delta) => {
                w.u8(2)?;
                write_process(*process, w)?;
                delta.write(w)
            }
        }
    }

    pub(super) fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let field = "values item";
        Ok(match r.u8(field)? {
            0 => Self::Offer(read_named(r)?),
            1 => Self::Want(read_named(r)?),
            2 => Self::Values(read_process(r)?, Delta::read(r)?),
            _ => return Err(DecodeError::Invalid { field }),
        })
    }
}

impl Delta {
    /// Encoded bytes of its slots, at most.
    pub(super) fn bytes(&self) -> usize {
        let value = |slot: &Slot| slot.value.as_ref().map_or(0, Bytes::len);
        let slots = self.slots.iter();
        slots
            .map(|(key, slot)| SLOT_OVERHEAD_MAX + key.len() + value(slot))
            .sum()
    }

    fn write(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        w.varint(number(self.base))?;
        w.varint(number(self.version))?;
        w.varint(number(self.floor))?;
        w.u8(u8::try_from(self.slots.len()).unwrap_or(u8::MAX))?;
        for (key, slot) in &self.slots {
            w.bytes(key.as_bytes())?;
            w.varint(number(slot.version))?;
            w.u8(u8::from(slot.value.is_some()))?;
            slot.value.as_ref().map_or(Ok(()), |value| w.bytes(value))?;
        }
        Ok(())
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let base = r.varint("values base")?.get();
        let version = r.varint("values version")?.get();
        let floor = r.varint("values floor")?.get();
        let count = r.u8("values count")?;
        if version <= base || floor > version || base > 0 && floor > base {
            return Err(DecodeError::Invalid {
                field: "values version",
            });
        }
        let mut slots: Vec<(Arc<str>, Slot)> = Vec::new();
        for _ in 0..count {
            let key = read_key(r)?;
            if slots.last().is_some_and(|(last, _)| *last >= key) {
                return Err(DecodeError::Invalid { field: "value key" });
            }
            let slot = Slot::read(r)?;
            if !(base + 1..=version).contains(&slot.version) {
                return Err(DecodeError::Invalid {
                    field: "value version",
                });
            }
            slots.push((key, slot));
        }
        Ok(Self {
            base,
            version,
            floor,
            slots,
        })
    }
}

impl Slot {
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let version = r.varint("value version")?.get();
        let value = match r.u8("value tag")? {
            0 => None,
            1 => Some(read_value(r)?),
            _ => return Err(DecodeError::Invalid { field: "value tag" }),
        };
        Ok(Self { version, value })
    }
}

pub(super) fn write_named((process, version): Named, w: &mut Writer<'_>) -> Result<(), Full> {
    write_process(process, w)?;
    w.varint(number(version))
}

pub(super) fn read_named(r: &mut Reader<'_>) -> Result<Named, DecodeError> {
    Ok((read_process(r)?, r.varint("values version")?.get()))
}

pub(super) fn write_bound(bound: Option<SocketAddr>, w: &mut Writer<'_>) -> Result<(), Full> {
    match bound {
        Some(addr) => write_address(addr, w),
        None => w.u8(0),
    }
}

pub(super) fn read_bound(r: &mut Reader<'_>) -> Result<Option<SocketAddr>, DecodeError> {
    match r.u8("values bound")? {
        0 => Ok(None),
        family => read_address(family, r).map(Some),
    }
}

fn read_key(r: &mut Reader<'_>) -> Result<Arc<str>, DecodeError> {
    let field = "value key";
    let invalid = DecodeError::Invalid { field };
    let bytes = r.bytes(field)?;
    let key = core::str::from_utf8(bytes).map_err(|_| invalid)?;
    let is_key =
        (1..=VALUE_KEY_BYTES_MAX).contains(&key.len()) && !key.chars().any(char::is_control);
    is_key.then(|| Arc::from(key)).ok_or(invalid)
}

/// A copy: a slice would keep the whole datagram.
fn read_value(r: &mut Reader<'_>) -> Result<Bytes, DecodeError> {
    let field = "value";
    let bytes = r.bytes(field)?;
    if bytes.len() > VALUES_BYTES_MAX {
        return Err(DecodeError::Invalid { field });
    }
    Ok(Bytes::copy_from_slice(bytes))
}

/// Versions count changes: none ever comes to 2^62.
fn number(version: u64) -> VarInt {
    VarInt::ZERO.saturating_add(version)
}

const _: () = assert!(
    VALUES_MAX + REMOVED_MAX <= u8::MAX as usize,
    "a byte counts the slots"
);
