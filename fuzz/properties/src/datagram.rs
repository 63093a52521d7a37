//! Datagrams: what decodes has one encoding.
//!
//! The input is a datagram without its checksum, which would refuse nearly everything before it is
//! looked at.

use hobnob_endpoint::wire::{
    AckFrame, Content, DataHeader, Frame, Frames, Handshake, Hello, Kind, MessageId, PacketNumber,
    Reader, Refusal, RefusalReason, SessionId, VERSION_MAX, Writer, peek_kind,
};

use crate::seeds::Seed;

/// Bytes of the largest datagram.
const ROOM: usize = 65_536;

/// Bytes that decode as a datagram are the encoding of what they decode to.
///
/// # Panics
///
/// If that does not hold for `data`.
pub fn datagram(data: &[u8]) {
    let mut reader = Reader::new(data);
    let mut buffer = vec![0; ROOM];
    let mut writer = Writer::new(&mut buffer);
    match peek_kind(&mut reader) {
        Ok((version, Kind::Data)) => {
            let Ok(header) = DataHeader::decode(version, &mut reader) else {
                return;
            };
            header.encode(&mut writer).expect("a header fits");
            if frames(reader.take_rest(), &mut writer) {
                assert_eq!(writer.written(), data, "a datagram has one encoding");
            }
        }
        Ok((_, kind)) => {
            if let Ok(handshake) = Handshake::decode(kind, &mut reader) {
                handshake.encode(&mut writer).expect("a handshake fits");
                assert_eq!(writer.written(), data, "a handshake has one encoding");
            }
        }
        Err(_) => {}
    }
}

/// Writes all frames of a body again; says whether all of them decode.
fn frames(body: &[u8], writer: &mut Writer<'_>) -> bool {
    for frame in Frames::new(body) {
        let Ok(frame) = frame else { return false };
        if let Frame::Message { content, .. } = frame {
            read(content);
        }
        if let Frame::Ack(ack) = &frame {
            walk(ack);
        }
        if frame.encode(writer).is_err() {
            return false;
        }
    }
    true
}

fn read(content: &[u8]) {
    if let Ok(decoded) = Content::decode(content) {
        let mut buffer = vec![0; content.len()];
        let mut writer = Writer::new(&mut buffer);
        decoded
            .head
            .encode(&mut writer)
            .expect("a head fits where it came from");
        writer.put(decoded.payload).expect("so does its payload");
        assert_eq!(writer.written(), content, "a content has one encoding");
    }
}

fn walk(ack: &AckFrame<'_>) {
    let mut above = ack.largest().checked_add(2);
    for range in ack.ranges() {
        assert!(range.start() <= range.end(), "a range is not empty");
        assert!(
            above.is_some_and(|above| *range.end() < above - 1),
            "ranges descend and do not touch"
        );
        above = range.start().checked_sub(1).map(|below| below + 1);
    }
    assert!(ack.refusals().count() <= 32, "refusals are limited");
}

/// One datagram of each kind and one of each frame.
pub(crate) fn seeds() -> Vec<Seed> {
    let hello = Handshake::Hello(Hello {
        version_min: 1,
        version_max: VERSION_MAX,
        cluster: 7,
        generation: hobnob_endpoint::wire::Generation(1_700_000_000_000_000),
        session: SessionId(42),
        nonce: 43,
    });
    let mut seeds = vec![("hello", encoded(|w| hello.encode(w).expect("it fits")))];
    seeds.push((
        "reset",
        encoded(|w| Handshake::Reset(SessionId(42)).encode(w).expect("it fits")),
    ));
    seeds.push((
        "data-every-frame",
        encoded(|w| {
            header().encode(w).expect("it fits");
            every_frame(w);
        }),
    ));
    seeds
}

fn header() -> DataHeader {
    DataHeader {
        version: VERSION_MAX,
        session: SessionId(42),
        packet: PacketNumber::from(300_u32),
    }
}

/// Every frame there is, padding last.
pub(crate) fn every_frame(w: &mut Writer<'_>) {
    let id = MessageId::from(5_u32);
    let refusals = [Refusal {
        message: id,
        reason: RefusalReason::Overloaded,
    }];
    let put = |w: &mut Writer<'_>, frame: Frame<'_>| frame.encode(w).expect("it fits");
    put(w, Frame::Gossip(b"gossip"));
    AckFrame::write(w, 250, [90..=100, 40..=60].into_iter(), &refusals).expect("it fits");
    put(w, Frame::Noop);
    put(w, Frame::Floor(id));
    put(
        w,
        Frame::Message {
            id,
            content: b"\x00\x00\xc8hello",
        },
    );
    put(
        w,
        Frame::Message {
            id: id.next(),
            content: b"\x01\x00\xc8\x50hello",
        },
    );
    put(
        w,
        Frame::Fragment {
            id: id.next().next(),
            total: 3_000,
            offset: 1_000,
            piece: &[7; 100],
        },
    );
    put(
        w,
        Frame::Unreliable {
            command: hobnob_endpoint::wire::Command(200),
            payload: b"hello",
        },
    );
    put(w, Frame::Cancel(id));
    put(w, Frame::Credit(id.into()));
    put(w, Frame::Padding(8));
}

pub(crate) fn encoded(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut buffer = vec![0; ROOM];
    let mut writer = Writer::new(&mut buffer);
    write(&mut writer);
    writer.written().to_vec()
}
