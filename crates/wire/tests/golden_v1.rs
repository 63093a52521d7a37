//! The bytes of version 1. They never change: a node of this version is somewhere on the mesh.
//!
//! They were written down from the format's description and an XXH3 of another make, not from this
//! crate's output.

mod common;

use common::{hex, only_frame, written};
use hobnob_wire::{
    AckFrame, AppRelease, Command, Content, ContentHead, DataHeader, Frame, Frames, Generation,
    Handshake, Hello, HelloAck, Kind, MessageId, PacketNumber, Reader, Refusal, RefusalReason,
    Refuse, RefuseReason, ResponseStatus, SessionId, StreamId, VarInt, append_checksum, peek_kind,
    verify_checksum,
};

/// What stands for version 1.4.2, compatible with 1.2..2.
const RELEASE: &str = "0f 00000001 00000004 00000002 00000001 00000002 00000000
        00000002 00000000 00000000";
const SESSION: SessionId = SessionId(0x0123_4567_89ab_0007);
const NONCE: u64 = 0x1122_3344_5566_7788;
const GENERATION: Generation = Generation(0x0006_a1b2_c3d4_e5f6);
const CLUSTER: u64 = 0xfeed_face_00c0_ffee;

fn assert_handshake(handshake: &Handshake, kind: Kind, golden: &str) {
    let golden = hex(golden);
    let bytes = written(|w| {
        handshake.encode(w)?;
        append_checksum(w)
    });
    assert_eq!(bytes, golden);
    let mut reader = Reader::new(verify_checksum(&golden).expect("a right checksum"));
    assert_eq!(peek_kind(&mut reader), Ok((1, kind)));
    assert_eq!(Handshake::decode(kind, &mut reader), Ok(*handshake));
}

#[test]
fn hello() {
    let hello = Hello {
        version_min: 1,
        version_max: 1,
        cluster: CLUSTER,
        generation: GENERATION,
        session: SESSION,
        nonce: NONCE,
        release: AppRelease::default(),
    };
    let golden = "48 01 01 01 01 feedface00c0ffee 0006a1b2c3d4e5f6 0123456789ab0007
        1122334455667788
        00000000000000000000000000000000000000000000000000000000000000
        00000000000000000000000000000000000000000000000000000000000000
        000000000000000000000000000000000000000000 8b793c47db5fd531";
    assert_handshake(&Handshake::Hello(hello), Kind::Hello, golden);
}

fn release() -> AppRelease {
    AppRelease {
        version: "1.4.2".parse().ok(),
        compatible_with: "1.2..2".parse().ok(),
    }
}

#[test]
fn hello_of_an_application_that_declares_its_release() {
    let hello = Hello {
        version_min: 1,
        version_max: 1,
        cluster: CLUSTER,
        generation: GENERATION,
        session: SESSION,
        nonce: NONCE,
        release: release(),
    };
    let golden = format!(
        "48 01 01 01 01 feedface00c0ffee 0006a1b2c3d4e5f6 0123456789ab0007
        1122334455667788 {RELEASE} {} 7c793035fe581b3c",
        "00".repeat(46)
    );
    assert_handshake(&Handshake::Hello(hello), Kind::Hello, &golden);
}

#[test]
fn hello_ack() {
    let ack = HelloAck {
        version: 1,
        cluster: CLUSTER,
        generation: GENERATION,
        session: SessionId(0xba98_7654_3210_002a),
        echo_session: SESSION,
        echo_nonce: NONCE,
    };
    let golden = "48 01 02 01 feedface00c0ffee 0006a1b2c3d4e5f6 ba9876543210002a
        0123456789ab0007 1122334455667788 5708698486f74790";
    assert_handshake(&Handshake::HelloAck(ack), Kind::HelloAck, golden);
}

#[test]
fn refuse() {
    let refuse = |reason| {
        Handshake::Refuse(Refuse {
            echo_session: SESSION,
            echo_nonce: NONCE,
            reason,
        })
    };
    let version = refuse(RefuseReason::Version { min: 2, max: 3 });
    let golden = "48 01 03 0123456789ab0007 1122334455667788 01 0000000000000203
        68a7d93a7318c2d4";
    assert_handshake(&version, Kind::Refuse, golden);
    let cluster = refuse(RefuseReason::Cluster);
    let golden = "48 01 03 0123456789ab0007 1122334455667788 02 0000000000000000
        40d8d4e652fed916";
    assert_handshake(&cluster, Kind::Refuse, golden);
    let stale = refuse(RefuseReason::StaleGeneration { seen: GENERATION });
    let golden = "48 01 03 0123456789ab0007 1122334455667788 03 0006a1b2c3d4e5f6
        44f18ca78b5cd008";
    assert_handshake(&stale, Kind::Refuse, golden);
    let incompatible = refuse(RefuseReason::Incompatible { release: release() });
    let golden = format!(
        "48 01 03 0123456789ab0007 1122334455667788 04 0000000000000000 {RELEASE}
        f4e1d0868347ebe0"
    );
    assert_handshake(&incompatible, Kind::Refuse, &golden);
}

#[test]
fn reset() {
    let golden = "48 01 04 0123456789ab0007 09fa90306e2efc62";
    assert_handshake(&Handshake::Reset(SESSION), Kind::Reset, golden);
}

fn assert_data(packet: u64, frames: &[Frame<'_>], golden: &str) {
    let golden = hex(golden);
    let header = DataHeader {
        version: 1,
        session: SESSION,
        packet: PacketNumber::new(packet).expect("below 2^62"),
    };
    let bytes = written(|w| {
        header.encode(w)?;
        for frame in frames {
            frame.encode(w)?;
        }
        append_checksum(w)
    });
    assert_eq!(bytes, golden);
    let mut reader = Reader::new(verify_checksum(&golden).expect("a right checksum"));
    assert_eq!(peek_kind(&mut reader), Ok((1, Kind::Data)));
    assert_eq!(DataHeader::decode(1, &mut reader), Ok(header));
    let decoded: Result<Vec<_>, _> = Frames::new(reader.take_rest()).collect();
    assert_eq!(decoded.as_deref(), Ok(frames));
}

#[test]
fn data() {
    assert_data(0, &[], "48 01 05 0123456789ab0007 00 7285b63c0568d8a9");
    let frames = [
        Frame::Noop,
        Frame::Floor(MessageId::from(70)),
        Frame::Message {
            id: MessageId::from(71),
            content: b"\x00\x00\x64hi",
        },
    ];
    let golden = "48 01 05 0123456789ab0007 43e8 01 04 4046 05 4047 05 0000646869
        6d92f70cb1f21b51";
    assert_data(1_000, &frames, golden);
    let golden = "48 01 05 0123456789ab0007 ffffffffffffffff 01 6dfeb21562374b26";
    assert_data((1 << 62) - 1, &[Frame::Noop], golden);
}

#[test]
fn varints() {
    let golden = [
        (0, "00"),
        (63, "3f"),
        (64, "4040"),
        (16_383, "7fff"),
        (16_384, "80004000"),
        ((1 << 30) - 1, "bfffffff"),
        (1 << 30, "c000000040000000"),
        ((1 << 62) - 1, "ffffffffffffffff"),
    ];
    for (number, golden) in golden {
        let varint = VarInt::new(number).expect("below 2^62");
        assert_eq!(written(|w| w.varint(varint)), hex(golden));
        let bytes = hex(golden);
        assert_eq!(Reader::new(&bytes).varint("number"), Ok(varint));
    }
}

fn assert_frame(frame: &Frame<'_>, golden: &str) {
    let golden = hex(golden);
    assert_eq!(written(|w| frame.encode(w)), golden);
    assert_eq!(only_frame(&golden).as_ref(), Ok(frame));
}

#[test]
fn frames_of_membership_and_flow() {
    assert_frame(&Frame::Padding(1), "00");
    assert_frame(&Frame::Padding(5), "00 00000000");
    assert_frame(&Frame::Noop, "01");
    assert_frame(&Frame::Gossip(&[10, 11, 12]), "02 03 0a0b0c");
    assert_frame(&Frame::Gossip(&[]), "02 00");
    assert_frame(&Frame::Floor(MessageId::from(16_384)), "04 80004000");
    let far = MessageId::new(1 << 32).expect("below 2^62");
    assert_frame(&Frame::Cancel(far), "08 c000000100000000");
    assert_frame(&Frame::Credit(VarInt::from(106_496u32)), "09 8001a000");
    let skip = |id, distance| Frame::Skip { id, distance };
    assert_frame(&skip(MessageId::from(70), 1), "0a 4046 01");
    assert_frame(&skip(far, u16::MAX), "0a c000000100000000 8000ffff");
}

#[test]
fn frames_of_messages() {
    let message = Frame::Message {
        id: MessageId::from(9),
        content: b"body",
    };
    assert_frame(&message, "05 09 04 626f6479");
    let fragment = Frame::Fragment {
        id: MessageId::from(300),
        total: 2_000_000,
        offset: 65_536,
        piece: b"piece",
    };
    assert_frame(&fragment, "06 412c 801e8480 80010000 05 7069656365");
    let unreliable = Frame::Unreliable {
        command: Command(0x1234),
        payload: b"fast",
    };
    assert_frame(&unreliable, "07 1234 04 66617374");
}

#[test]
fn ack_of_one_packet() {
    let golden = hex("03 00 00 00 00 00");
    let bytes = written(|w| AckFrame::write(w, 0, [0..=0].into_iter(), &[]));
    assert_eq!(bytes, golden);
    let Ok(Frame::Ack(ack)) = only_frame(&golden) else {
        panic!("an ack");
    };
    assert_eq!((ack.largest(), ack.delay_us()), (0, 0));
    assert_eq!(ack.ranges().collect::<Vec<_>>(), [0..=0]);
    assert_eq!(ack.refusals().count(), 0);
}

#[test]
fn ack_of_many_packets() {
    let ranges = [1_000..=1_010, 990..=998, 3..=700, 0..=1];
    let refused = |message, reason| Refusal {
        message: MessageId::new(message).expect("below 2^62"),
        reason,
    };
    let refusals = [
        refused(5, RefusalReason::NoHandler),
        refused(64, RefusalReason::Overloaded),
        refused(20_000, RefusalReason::TooLarge),
        refused(1 << 40, RefusalReason::Malformed),
    ];
    let golden = hex("03 43f2 800061a8 03 0a  00 08  4120 42b9  00 01
        04  05 01  4040 02  80004e20 03  c000010000000000 04");
    let bytes = written(|w| AckFrame::write(w, 25_000, ranges.clone().into_iter(), &refusals));
    assert_eq!(bytes, golden);
    let Ok(frame @ Frame::Ack(ack)) = &only_frame(&golden) else {
        panic!("an ack");
    };
    assert_eq!((ack.largest(), ack.delay_us()), (1_010, 25_000));
    assert_eq!(ack.ranges().collect::<Vec<_>>(), ranges);
    assert_eq!(ack.refusals().collect::<Vec<_>>(), refusals);
    assert_eq!(written(|w| frame.encode(w)), golden);
}

fn assert_content(head: ContentHead, payload: &[u8], golden: &str) {
    let golden = hex(golden);
    let bytes = written(|w| {
        head.encode(w)?;
        w.put(payload)
    });
    assert_eq!(bytes, golden);
    assert_eq!(Content::decode(&golden), Ok(Content { head, payload }));
}

#[test]
fn contents() {
    let one_way = ContentHead::OneWay {
        command: Command(100),
    };
    assert_content(one_way, b"payload", "00 0064 7061796c6f6164");
    let request = ContentHead::Request {
        command: Command(0xabcd),
        timeout_ms: 5_000,
    };
    assert_content(request, b"question", "01 abcd 5388 7175657374696f6e");
    let patient = ContentHead::Request {
        command: Command(1),
        timeout_ms: u32::MAX,
    };
    assert_content(patient, b"", "01 0001 c0000000ffffffff");
    let response = |status| ContentHead::Response {
        request: MessageId::from(77),
        status,
    };
    let ok = response(ResponseStatus::Ok);
    assert_content(ok, b"answer", "02 404d 00 616e73776572");
    let failed = response(ResponseStatus::HandlerError);
    let golden = "02 404d 01 6e6f207375636820726f6f6d";
    assert_content(failed, b"no such room", golden);
    let in_order = |distance| ContentHead::InOrder {
        command: Command(100),
        stream: StreamId(0x89ab_cdef),
        distance,
    };
    assert_content(in_order(0), b"first", "03 0064 89abcdef 00 6669727374");
    assert_content(in_order(300), b"", "03 0064 89abcdef 412c");
    assert_content(in_order(u16::MAX), b"", "03 0064 89abcdef 8000ffff");
    assert_content(response(ResponseStatus::NoHandler), b"", "02 404d 02");
    assert_content(response(ResponseStatus::Overloaded), b"", "02 404d 03");
    assert_content(response(ResponseStatus::AnswerDropped), b"", "02 404d 04");
}

#[test]
fn names_of_streams() {
    assert_eq!(StreamId::of_name(""), StreamId(0x38d3_94c2));
    assert_eq!(StreamId::of_name("room 7"), StreamId(0xeb8e_b6bc));
}
