//! Payloads made by hand, byte by byte as the format says: by those who mean harm, and to pin the format.

use std::net::{IpAddr, SocketAddr};

use hobnob_wire::{VarInt, Writer, limits::GOSSIP_BYTES_MAX};

pub(crate) const PING: u8 = 1;
pub(crate) const PING_REQ: u8 = 3;
pub(crate) const INDIRECT_PING: u8 = 4;
pub(crate) const INDIRECT_ACK: u8 = 5;
pub(crate) const FORWARDED_ACK: u8 = 6;
pub(crate) const ANNOUNCE: u8 = 7;
pub(crate) const GOSSIP: u8 = 9;
pub(crate) const TURN_UNDEAD: u8 = 10;

pub(crate) const ALIVE: u8 = 1;
pub(crate) const SUSPECT: u8 = 2;
pub(crate) const DOWN: u8 = 3;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pub(crate) addr: SocketAddr,
    pub(crate) generation: u64,
    pub(crate) renewal: u32,
}

pub(crate) fn life(addr: SocketAddr, generation: u64) -> Life {
    Life {
        addr,
        generation,
        renewal: 0,
    }
}

/// A payload of `kind` with a body of at most what fits.
pub(crate) fn payload(kind: u8, body: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut buffer = [0; GOSSIP_BYTES_MAX];
    let mut writer = Writer::new(&mut buffer);
    writer.u8(kind).expect("there is room");
    body(&mut writer);
    writer.written().to_vec()
}

/// A payload of `kind` with these bytes as its body.
pub(crate) fn raw(kind: u8, body: &[u8]) -> Vec<u8> {
    payload(kind, |writer| put(writer.put(body)))
}

/// A digest of everything, in which there is this one life.
pub(crate) fn digest(of: Life, version: u8, liveness: u8, incarnation: u8) -> Vec<u8> {
    payload(4, |writer| {
        put(writer.put(&[0, 0]));
        put_life(writer, of);
        put(writer.put(&[version, liveness, incarnation]));
    })
}

/// A SWIM packet without a third party.
pub(crate) fn swim(src: Life, dst: Life, message: u8, updates: &[(Life, u16, u8)]) -> Vec<u8> {
    swim_about(src, dst, message, None, updates)
}

/// A SWIM packet, about a third party or not.
pub(crate) fn swim_about(
    src: Life,
    dst: Life,
    message: u8,
    third: Option<Life>,
    updates: &[(Life, u16, u8)],
) -> Vec<u8> {
    payload(1, |writer| {
        put_life(writer, src);
        put(writer.u16(0));
        put_life(writer, dst);
        put(writer.u8(message));
        if let Some(third) = third {
            put_life(writer, third);
        }
        if message <= FORWARDED_ACK {
            put(writer.u8(0));
        }
        if message != ANNOUNCE && message != TURN_UNDEAD {
            put(writer.u16(u16::try_from(updates.len()).expect("few")));
        }
        for (life, incarnation, state) in updates {
            put_life(writer, *life);
            put(writer.u16(*incarnation));
            put(writer.u8(*state));
        }
    })
}

/// News of one record without metadata but a type.
pub(crate) fn record(of: Life, version: u64, declared: u8) -> Vec<u8> {
    released(of, (version, declared), "", "")
}

/// News of one record that declares a version of the application, and with which ones it works.
pub(crate) fn released(
    of: Life,
    (version, declared): (u64, u8),
    app_version: &str,
    compatible_with: &str,
) -> Vec<u8> {
    payload(2, |writer| {
        put(writer.u8(1));
        put_life(writer, of);
        put(writer.varint(VarInt::new(version).expect("small")));
        put(writer.u8(declared));
        for text in ["udp", "", "", "", "", app_version, compatible_with] {
            put(writer.bytes(text.as_bytes()));
        }
    })
}

/// The claim that a life has failed.
pub(crate) fn failed(of: Life) -> Vec<u8> {
    payload(3, |writer| {
        put(writer.u8(2));
        put_life(writer, of);
    })
}

/// News that a life in its first incarnation did not answer somebody's own probe.
pub(crate) fn accusation(of: Life, by: SocketAddr) -> Vec<u8> {
    payload(2, |writer| {
        put(writer.u8(3));
        put_life(writer, of);
        put(writer.u16(0));
        put_addr(writer, by);
    })
}

pub(crate) fn put_life(writer: &mut Writer<'_>, life: Life) {
    put_addr(writer, life.addr);
    put(writer.u64(life.generation));
    put(writer.varint(life.renewal));
}

pub(crate) fn put_addr(writer: &mut Writer<'_>, addr: SocketAddr) {
    match addr.ip() {
        IpAddr::V4(ip) => {
            put(writer.u8(4));
            put(writer.put(&ip.octets()));
        }
        IpAddr::V6(ip) => {
            put(writer.u8(6));
            put(writer.put(&ip.octets()));
        }
    }
    put(writer.u16(addr.port()));
}

fn put<E: std::fmt::Debug>(written: Result<(), E>) {
    written.expect("a forged payload fits");
}
