//! Handshakes, headers, contents and trailers.

mod common;

use common::{ROOM, field, message_id, varint, written};
use hobnob_wire::{
    AppRelease, AppVersion, AppVersions, CHECKSUM_BYTES, Command, Content, ContentHead,
    DATA_OVERHEAD_MAX, DataHeader, DecodeError, Full, Generation, HANDSHAKE_VERSION, Handshake,
    Hello, HelloAck, Kind, MAGIC, PacketNumber, Reader, Refuse, RefuseReason, ResponseStatus,
    SessionId, StreamId, VERSION_MAX, VERSION_MIN, Writer, append_checksum, limits::HELLO_BYTES,
    peek_kind, verify_checksum,
};
use proptest::{collection::vec, prelude::*};

fn session() -> impl Strategy<Value = SessionId> {
    (1..=u64::MAX).prop_map(SessionId)
}

fn app_version() -> impl Strategy<Value = AppVersion> {
    any::<(u32, u32, u32)>().prop_map(|(major, minor, patch)| AppVersion {
        major,
        minor,
        patch,
    })
}

fn release() -> impl Strategy<Value = AppRelease> {
    let bound = || proptest::option::of(app_version());
    let range = (bound(), bound()).prop_filter_map("nothing is between them", |(from, until)| {
        AppVersions::new(from, until)
    });
    (bound(), proptest::option::of(range)).prop_map(|(version, compatible_with)| AppRelease {
        version,
        compatible_with,
    })
}

fn handshake() -> impl Strategy<Value = Handshake> {
    let hello = (any::<(u8, u8, u64, u64, u64)>(), session(), release());
    let hello = hello.prop_map(|(fields, session, release)| {
        let (one, other, cluster, generation, nonce) = fields;
        Handshake::Hello(Hello {
            version_min: one.min(other),
            version_max: one.max(other),
            cluster,
            generation: Generation(generation),
            session,
            nonce,
            release,
        })
    });
    let ack = (any::<(u8, u64, u64, u64)>(), session(), session());
    let ack = ack.prop_map(|(fields, session, echo_session)| {
        let (version, cluster, generation, echo_nonce) = fields;
        Handshake::HelloAck(HelloAck {
            version,
            cluster,
            generation: Generation(generation),
            session,
            echo_session,
            echo_nonce,
        })
    });
    let reason = prop_oneof![
        any::<(u8, u8)>().prop_map(|(min, max)| RefuseReason::Version { min, max }),
        Just(RefuseReason::Cluster),
        any::<u64>().prop_map(|seen| RefuseReason::StaleGeneration {
            seen: Generation(seen)
        }),
        release().prop_map(|release| RefuseReason::Incompatible { release }),
    ];
    let refuse =
        (session(), any::<u64>(), reason).prop_map(|(echo_session, echo_nonce, reason)| {
            Handshake::Refuse(Refuse {
                echo_session,
                echo_nonce,
                reason,
            })
        });
    prop_oneof![hello, ack, refuse, session().prop_map(Handshake::Reset)]
}

fn content_head() -> impl Strategy<Value = ContentHead> {
    let command = || any::<u16>().prop_map(Command);
    let status = prop_oneof![
        Just(ResponseStatus::Ok),
        Just(ResponseStatus::HandlerError),
        Just(ResponseStatus::NoHandler),
        Just(ResponseStatus::Overloaded),
        Just(ResponseStatus::AnswerDropped),
    ];
    prop_oneof![
        command().prop_map(|command| ContentHead::OneWay { command }),
        (command(), any::<u32>()).prop_map(|(command, timeout_ms)| ContentHead::Request {
            command,
            timeout_ms
        }),
        (message_id(), status)
            .prop_map(|(request, status)| ContentHead::Response { request, status }),
        (command(), any::<u32>(), any::<u16>()).prop_map(|(command, stream, distance)| {
            ContentHead::InOrder {
                command,
                stream: StreamId(stream),
                distance,
            }
        }),
    ]
}

/// Reads a handshake without its trailer.
fn read(bytes: &[u8]) -> Result<Handshake, DecodeError> {
    let mut reader = Reader::new(bytes);
    let (_, kind) = peek_kind(&mut reader)?;
    Handshake::decode(kind, &mut reader)
}

proptest! {
    #[test]
    fn handshakes_come_back(handshake in handshake()) {
        let bytes = written(|w| handshake.encode(w));
        prop_assert_eq!(read(&bytes), Ok(handshake));
        let hello_bytes = HELLO_BYTES - CHECKSUM_BYTES;
        match handshake {
            Handshake::Hello(_) => prop_assert_eq!(bytes.len(), hello_bytes),
            _ => prop_assert!(bytes.len() < hello_bytes, "no answer is longer than a hello"),
        }
        let behind = written(|w| w.put(b"mark").and_then(|()| handshake.encode(w)));
        prop_assert_eq!(&behind[4..], &bytes, "wherever it is written");
    }

    #[test]
    fn a_handshake_of_any_other_length_is_an_error(handshake in handshake(), more in 1..9usize) {
        let mut bytes = written(|w| handshake.encode(w));
        for len in 0..bytes.len() {
            let error = read(&bytes[..len]).expect_err("cut short");
            prop_assert!(matches!(error, DecodeError::Missing { .. }), "{error}");
            prop_assert!(!field(error).is_empty());
        }
        bytes.resize(bytes.len() + more, 0);
        let error = read(&bytes).expect_err("too long");
        let is_trailing = matches!(error, DecodeError::Trailing { count, .. } if count == more);
        prop_assert!(is_trailing, "{error}");
    }

    #[test]
    fn a_handshake_without_room_is_full(handshake in handshake()) {
        let len = written(|w| handshake.encode(w)).len();
        for room in 0..len {
            let mut buffer = vec![0; room];
            prop_assert_eq!(handshake.encode(&mut Writer::new(&mut buffer)), Err(Full));
        }
    }

    #[test]
    fn data_headers_come_back(session in session(), packet in varint(), body in vec(any::<u8>(), 0..9)) {
        let header = DataHeader { version: 1, session, packet: PacketNumber::from(packet) };
        let bytes = written(|w| header.encode(w).and_then(|()| w.put(&body)));
        prop_assert!(bytes.len() - body.len() + CHECKSUM_BYTES <= DATA_OVERHEAD_MAX);
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(peek_kind(&mut reader), Ok((1, Kind::Data)));
        prop_assert_eq!(DataHeader::decode(1, &mut reader), Ok(header));
        prop_assert_eq!(reader.take_rest(), &body);
        let head = bytes.len() - body.len();
        for len in 0..head {
            let mut reader = Reader::new(&bytes[..len]);
            let cut = peek_kind(&mut reader).and_then(|_| DataHeader::decode(1, &mut reader));
            prop_assert!(matches!(cut, Err(DecodeError::Missing { .. })), "{cut:?}");
            let mut buffer = vec![0; len];
            prop_assert_eq!(header.encode(&mut Writer::new(&mut buffer)), Err(Full));
        }
    }

    #[test]
    fn contents_come_back(head in content_head(), payload in vec(any::<u8>(), 0..99)) {
        let encoded = written(|w| head.encode(w));
        prop_assert!(encoded.len() <= ContentHead::BYTES_MAX);
        let bytes = [&encoded[..], &payload].concat();
        prop_assert_eq!(Content::decode(&bytes), Ok(Content { head, payload: &payload }));
        for len in 0..encoded.len() {
            let error = Content::decode(&bytes[..len]).expect_err("cut short");
            prop_assert!(matches!(error, DecodeError::Missing { .. }), "{error}");
            let mut buffer = vec![0; len];
            prop_assert_eq!(head.encode(&mut Writer::new(&mut buffer)), Err(Full));
        }
    }

    #[test]
    fn any_bytes_are_read_without_harm_and_in_one_way_only(
        start in prop_oneof![Just(vec![]), (0..7u8).prop_map(|kind| vec![b'H', 1, kind])],
        rest in vec(prop_oneof![Just(0u8), 0..4u8, any::<u8>()], 0..140),
    ) {
        let bytes = [start, rest].concat();
        let mut reader = Reader::new(&bytes);
        match peek_kind(&mut reader) {
            Ok((version, Kind::Data)) => {
                if let Ok(header) = DataHeader::decode(version, &mut reader) {
                    let rest = reader.take_rest();
                    let again = written(|w| header.encode(w).and_then(|()| w.put(rest)));
                    prop_assert_eq!(&again, &bytes);
                }
            }
            Ok((_, kind)) => {
                if let Ok(handshake) = Handshake::decode(kind, &mut reader) {
                    prop_assert_eq!(&written(|w| handshake.encode(w)), &bytes);
                }
            }
            Err(error) => prop_assert!(!field(error).is_empty()),
        }
        if let Ok(content) = Content::decode(&bytes) {
            let again = written(|w| content.head.encode(w).and_then(|()| w.put(content.payload)));
            prop_assert_eq!(&again, &bytes);
        }
    }

    #[test]
    fn handshakes_with_a_byte_changed_are_read_in_one_way_only(
        handshake in handshake(),
        index: prop::sample::Index,
        value: u8,
    ) {
        let mut bytes = written(|w| handshake.encode(w));
        let at = index.index(bytes.len());
        bytes[at] = value;
        if let Ok(other) = read(&bytes) {
            prop_assert_eq!(written(|w| other.encode(w)), bytes);
        }
    }

    #[test]
    fn a_checksum_finds_any_changed_byte(
        body in vec(any::<u8>(), 0..200),
        index: prop::sample::Index,
        change in 1..=u8::MAX,
    ) {
        let mut bytes = written(|w| w.put(&body).and_then(|()| append_checksum(w)));
        prop_assert_eq!(verify_checksum(&bytes), Ok(&body[..]));
        let at = index.index(bytes.len());
        bytes[at] ^= change;
        let invalid = DecodeError::Invalid { field: "checksum" };
        prop_assert_eq!(verify_checksum(&bytes), Err(invalid));
    }
}

#[test]
fn a_datagram_shorter_than_its_checksum_is_an_error() {
    for len in 0..CHECKSUM_BYTES {
        let missing = DecodeError::Missing { field: "checksum" };
        assert_eq!(verify_checksum(&[0; ROOM][..len]), Err(missing));
    }
}

#[test]
fn a_checksum_without_room_is_full() {
    for room in 0..CHECKSUM_BYTES {
        let mut buffer = vec![0; 3 + room];
        let mut w = Writer::new(&mut buffer);
        w.put(b"abc").expect("room");
        assert_eq!(append_checksum(&mut w), Err(Full));
        assert_eq!(w.written(), b"abc");
    }
}

#[test]
fn what_is_not_of_this_mesh_is_told_apart() {
    let peek = |bytes: &[u8]| peek_kind(&mut Reader::new(bytes));
    let invalid = |field| Err(DecodeError::Invalid { field });
    for magic in (0..=u8::MAX).filter(|byte| *byte != MAGIC) {
        assert_eq!(peek(&[magic, 1, 5]), invalid("magic"));
    }
    for kind in (0..=u8::MAX).filter(|byte| !(1..=5).contains(byte)) {
        assert_eq!(peek(&[MAGIC, 1, kind]), invalid("kind"));
    }
    for version in (0..=u8::MAX).filter(|byte| *byte != HANDSHAKE_VERSION) {
        for kind in 1..=4 {
            assert_eq!(peek(&[MAGIC, version, kind]), invalid("version"));
        }
    }
    for version in (0..=u8::MAX).filter(|byte| !(VERSION_MIN..=VERSION_MAX).contains(byte)) {
        assert_eq!(peek(&[MAGIC, version, 5]), invalid("version"));
    }
}

#[test]
fn values_that_cannot_be_are_named() {
    let hello = Hello {
        version_min: 1,
        version_max: 1,
        cluster: 7,
        generation: Generation(8),
        session: SessionId(9),
        nonce: 10,
        release: AppRelease::default(),
    };
    let hello = written(|w| Handshake::Hello(hello).encode(w));
    let refuse = Refuse {
        echo_session: SessionId(1),
        echo_nonce: 2,
        reason: RefuseReason::Cluster,
    };
    let refuse = written(|w| Handshake::Refuse(refuse).encode(w));
    let reset = written(|w| Handshake::Reset(SessionId(1)).encode(w));
    let cases = [
        (&hello, 3, 2, "hello version max"),
        (&hello, 28, 0, "hello session"),
        (&hello, 37, 16, "application release"),
        (&hello, 38, 1, "application release"),
        (&hello, 74, 1, "hello padding"),
        (&hello, 119, 1, "hello padding"),
        (&refuse, 10, 0, "refuse echoed session"),
        (&refuse, 19, 0, "refuse reason"),
        (&refuse, 19, 5, "refuse reason"),
        (&refuse, 27, 1, "refuse reason"),
        (&reset, 10, 0, "reset session"),
    ];
    for (good, at, value, field) in cases {
        let mut bytes = good.clone();
        bytes[at] = value;
        assert_eq!(read(&bytes), Err(DecodeError::Invalid { field }));
    }
    let data = [0u8; 9];
    let no_session = DataHeader::decode(1, &mut Reader::new(&data));
    let field = "data session";
    assert_eq!(no_session, Err(DecodeError::Invalid { field }));
    let data = Handshake::decode(Kind::Data, &mut Reader::new(&[]));
    assert_eq!(data, Err(DecodeError::Invalid { field: "kind" }));
}

#[test]
fn contents_that_cannot_be_are_named() {
    let cases: [(&[u8], &str); 6] = [
        (&[4], "content kind"),
        (
            &[3, 0, 100, 0, 0, 0, 1, 0x80, 1, 0, 0],
            "distance in stream",
        ),
        (&[255, 0, 0], "content kind"),
        (&[2, 0, 5], "response status"),
        (&[1, 0, 0, 0xc0, 0, 0, 1, 0, 0, 0, 0], "request timeout"),
        (&[2, 0x40, 1, 0], "answered request"),
    ];
    for (bytes, field) in cases {
        let invalid = Err(DecodeError::Invalid { field });
        assert_eq!(Content::decode(bytes), invalid);
    }
}
