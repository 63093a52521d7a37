//! Numbers and nodes, as all of them are written.

use core::net::{IpAddr, SocketAddr};

use crate::{
    cursor::{DecodeError, Full, Reader, Writer},
    id::Generation,
    limits::RELAY_PLACES_MAX,
    varint::VarInt,
};

const IS_V6: u8 = 1;
pub(super) const HAS_GENERATION: u8 = 2;

pub(super) fn write_number(number: u64, w: &mut Writer<'_>) -> Result<(), Full> {
    w.varint(VarInt::new(number).map_err(|_| Full)?)
}

pub(super) fn write_node(
    addr: SocketAddr,
    generation: Option<Generation>,
    w: &mut Writer<'_>,
) -> Result<(), Full> {
    let with_generation = if generation.is_some() {
        HAS_GENERATION
    } else {
        0
    };
    match addr.ip() {
        IpAddr::V4(ip) => {
            w.u8(with_generation)?;
            w.put(&ip.octets())?;
        }
        IpAddr::V6(ip) => {
            w.u8(with_generation | IS_V6)?;
            w.put(&ip.octets())?;
        }
    }
    w.u16(addr.port())?;
    generation.map_or(Ok(()), |generation| w.u64(generation.0))
}

pub(super) fn read_node(
    r: &mut Reader<'_>,
    field: &'static str,
) -> Result<(SocketAddr, Option<Generation>), DecodeError> {
    let flags = r.u8(field)?;
    if flags & !(IS_V6 | HAS_GENERATION) != 0 {
        return Err(DecodeError::Invalid { field });
    }
    let ip = if flags & IS_V6 == 0 {
        IpAddr::from(r.array::<4>(field)?)
    } else {
        IpAddr::from(r.array::<16>(field)?)
    };
    let port = r.u16(field)?;
    let generation = if flags & HAS_GENERATION == 0 {
        None
    } else {
        Some(Generation(r.u64(field)?))
    };
    Ok((SocketAddr::new(ip, port), generation))
}

pub(super) fn read_place(r: &mut Reader<'_>) -> Result<u32, DecodeError> {
    read_bounded(0, r, "relay place")
}

/// A place that is told by its distance from `lowest`.
pub(super) fn read_bounded(
    lowest: u64,
    r: &mut Reader<'_>,
    field: &'static str,
) -> Result<u32, DecodeError> {
    let place = lowest.saturating_add(r.varint(field)?.get());
    match u32::try_from(place) {
        Ok(place) if place < RELAY_PLACES_MAX => Ok(place),
        _ => Err(DecodeError::Invalid { field }),
    }
}

pub(super) fn read_positive(r: &mut Reader<'_>, field: &'static str) -> Result<u32, DecodeError> {
    match u32::try_from(r.varint(field)?.get()) {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(DecodeError::Invalid { field }),
    }
}
