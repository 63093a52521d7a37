//! Everything behind a datagram's checksum: what decodes has one encoding.
//!
//! The checksum is left out, as it would refuse nearly everything before it is looked at. So is the data
//! header where the input does not begin with the magic byte, which is no frame's tag: such an input is
//! the frames alone.

pub(crate) mod seeds;

use std::net::SocketAddr;

use hobnob_endpoint::{
    gossip::{Gossip, Identity, Metadata, Profile},
    wire::{
        AckFrame, Command, Content, ContentHead, DataHeader, Frame, Frames, Full, Generation,
        Handshake, Instant, Kind, MAGIC, Reader, RelayHop, RelayOnce, RelayReport, Writer,
        limits::{ACK_RANGES_MAX, ACK_REFUSALS_MAX, GOSSIP_BYTES_MAX},
        peek_kind,
    },
};

/// Bytes that are compared without an allocation: more than the fuzzer is told to try.
const SHORT: usize = 1_500;

/// Bytes that decode, as a handshake, a header, a frame, a content or a gossip payload, are the one encoding
/// of what they decode to.
///
/// # Panics
///
/// If that does not hold for `data`.
pub fn frames(data: &[u8]) {
    let mut short = [0; SHORT];
    let mut long = Vec::new();
    let scratch = if data.len() <= SHORT {
        &mut short[..]
    } else {
        long.resize(data.len(), 0);
        &mut long[..]
    };
    if data.first() == Some(&MAGIC) {
        datagram(data, scratch);
    } else {
        body(data, scratch);
    }
}

fn datagram(data: &[u8], scratch: &mut [u8]) {
    let mut reader = Reader::new(data);
    match peek_kind(&mut reader) {
        Ok((version, Kind::Data)) => {
            if let Ok(header) = DataHeader::decode(version, &mut reader) {
                let frames = reader.take_rest();
                let read = &data[..data.len() - frames.len()];
                assert_encodes(read, scratch, |w| header.encode(w));
                body(frames, scratch);
            }
        }
        Ok((_, kind)) => {
            if let Ok(handshake) = Handshake::decode(kind, &mut reader) {
                assert_encodes(data, scratch, |w| handshake.encode(w));
            }
        }
        Err(_) => {}
    }
}

fn body(data: &[u8], scratch: &mut [u8]) {
    let mut frames = Frames::new(data);
    let mut rest = data;
    while let Some(Ok(frame)) = frames.next() {
        let after = frames.rest();
        let read = &rest[..rest.len() - after.len()];
        assert_encodes(read, scratch, |w| frame.encode(w));
        rest = after;
        match &frame {
            Frame::Message { content, .. } => message(content, scratch),
            Frame::Ack(ack) => walk(ack),
            Frame::Gossip(payload) => gossip(payload),
            _ => {}
        }
    }
}

fn message(bytes: &[u8], scratch: &mut [u8]) {
    if let Ok(content) = Content::decode(bytes) {
        assert_encodes(bytes, scratch, |w| {
            content.head.encode(w)?;
            w.put(content.payload)
        });
        if let ContentHead::OneWay { command } = content.head {
            relayed(command, content.payload, scratch);
        }
    }
}

/// What the nodes of a relay tree say to each other is the payload of messages.
fn relayed(command: Command, bytes: &[u8], scratch: &mut [u8]) {
    match command {
        Command::RELAY => {
            if let Ok((hop, targets, payload)) = RelayHop::decode(bytes) {
                assert_encodes(bytes, scratch, |w| {
                    hop.encode(targets, w)?;
                    w.put(payload)
                });
            }
        }
        Command::RELAY_ONCE => {
            if let Ok((once, targets, payload)) = RelayOnce::decode(bytes) {
                assert_encodes(bytes, scratch, |w| {
                    once.encode(targets, w)?;
                    w.put(payload)
                });
            }
        }
        Command::RELAY_REPORT => {
            if let Ok(report) = RelayReport::decode(bytes) {
                assert_encodes(bytes, scratch, |w| {
                    RelayReport::encode(report.part, report.is_declined, report.runs, w)
                });
            }
        }
        _ => {}
    }
}

fn walk(ack: &AckFrame<'_>) {
    let mut below = ack.largest().checked_add(2);
    let mut ranges = 0;
    for range in ack.ranges() {
        assert!(range.start() <= range.end(), "a range is not empty");
        assert!(
            below.is_some_and(|below| range.end() + 1 < below),
            "ranges descend and do not touch"
        );
        below = Some(*range.start());
        ranges += 1;
    }
    assert!(
        (1..=ACK_RANGES_MAX).contains(&ranges),
        "ranges are limited, and there is one"
    );
    assert!(
        ack.refusals().count() <= ACK_REFUSALS_MAX,
        "refusals are limited"
    );
}

/// Hands a payload to a node that knows nobody: it decodes all of it before it changes anything.
fn gossip(payload: &[u8]) {
    let mut node = gossip_node(NODE, 1);
    // Whether it is refused is not the point; what the node says then must be sendable.
    let _ = node.handle_payload(Instant::ZERO, addr(PEER), payload);
    while let Some((_, answer)) = node.poll_transmit() {
        assert!(answer.len() <= GOSSIP_BYTES_MAX, "a payload fits its frame");
    }
    assert_eq!(
        node.stats().swim_faults,
        0,
        "SWIM is used as it wants to be"
    );
}

/// Host numbers of the node that gets gossip payloads, and of the one they come from.
pub(crate) const NODE: u8 = 1;
pub(crate) const PEER: u8 = 2;

pub(crate) fn gossip_node(host: u8, seed: u64) -> Gossip {
    let me = Identity {
        addr: addr(host),
        generation: Generation(u64::from(host)),
    };
    Gossip::new(
        Profile::Lan.into(),
        me,
        Metadata::default(),
        seed,
        Instant::ZERO,
    )
}

pub(crate) fn addr(host: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, host], 7946))
}

fn assert_encodes(
    bytes: &[u8],
    scratch: &mut [u8],
    write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>,
) {
    let mut w = Writer::new(scratch);
    assert_eq!(write(&mut w), Ok(()), "it fits where it came from");
    assert_eq!(w.written(), bytes, "what decodes has one encoding");
}
