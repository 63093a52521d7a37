//! Numbers at the edge of what is allowed, and one beyond.

mod common;

use common::{ROOM, hex, only_frame, written};
use hobnob_wire::{
    AckFrame, Command, DATA_OVERHEAD_MAX, DataHeader, DecodeError, Frame, Generation, MessageId,
    PacketNumber, Reader, Refusal, RefusalReason, SessionId, VarInt, VarIntOverflow, Writer,
    append_checksum,
    limits::{
        ACK_RANGES_MAX, ACK_REFUSALS_MAX, DATAGRAM_BYTES_MIN, FRAGMENT_FRAME_OVERHEAD,
        GOSSIP_BYTES_MAX, GOSSIP_FRAME_OVERHEAD, MESSAGE_BYTES_MAX, UNRELIABLE_FRAME_OVERHEAD,
    },
};
use proptest::prelude::*;

fn invalid<T>(field: &'static str) -> Result<T, DecodeError> {
    Err(DecodeError::Invalid { field })
}

const LAST: u64 = (1 << 62) - 1;

/// Every encoding of a number, the shortest first.
fn encodings(number: u64) -> Vec<Vec<u8>> {
    let bytes = number.to_be_bytes();
    [(1, 0x00), (2, 0x40), (4, 0x80), (8, 0xc0)]
        .into_iter()
        .filter(|(len, _)| number < 1 << (len * 8 - 2))
        .map(|(len, mark)| {
            let mut encoding = bytes[8 - len..].to_vec();
            encoding[0] |= mark;
            encoding
        })
        .collect()
}

fn assert_only_shortest(number: u64) {
    for (index, encoding) in encodings(number).into_iter().enumerate() {
        let mut reader = Reader::new(&encoding);
        let decoded = reader.varint("number").map(VarInt::get);
        if index == 0 {
            assert_eq!(decoded, Ok(number));
            assert_eq!(
                written(|w| w.varint(VarInt::new(number).expect("small"))),
                encoding
            );
        } else {
            assert_eq!(decoded, invalid("number"), "{number} in {}", encoding.len());
        }
    }
}

#[test]
fn only_the_shortest_varint_is_read() {
    for edge in [0, 1 << 6, 1 << 14, 1 << 30, LAST] {
        for number in [edge - u64::from(edge > 0), edge, (edge + 1).min(LAST)] {
            assert_only_shortest(number);
        }
    }
}

proptest! {
    #[test]
    fn only_the_shortest_of_any_varint_is_read(number in 0..=LAST, shift in 0..62) {
        assert_only_shortest(number >> shift);
    }
}

#[test]
fn numbers_end_at_62_bits() {
    assert_eq!(VarInt::new(LAST), Ok(VarInt::MAX));
    assert_eq!(VarInt::new(LAST + 1), Err(VarIntOverflow(LAST + 1)));
    assert_eq!(PacketNumber::new(u64::MAX), Err(VarIntOverflow(u64::MAX)));
    let last = MessageId::new(LAST).expect("the last one");
    assert_eq!(last.next(), last, "there is none after it");
    assert_eq!(MessageId::ZERO.next().get(), 1);
    assert_eq!(Generation(u64::MAX).next(), Generation(u64::MAX));
}

#[test]
fn a_length_past_the_end_is_an_error_without_an_allocation() {
    for length in [4, 1 << 20, LAST] {
        let mut bytes = vec![2];
        bytes.extend(written(|w| w.varint(VarInt::new(length).expect("small"))));
        bytes.extend([0; 3]);
        let field = "gossip payload";
        assert_eq!(only_frame(&bytes), Err(DecodeError::Missing { field }));
    }
}

#[test]
fn the_largest_gossip_fits_the_smallest_datagram() {
    let payload = vec![7; GOSSIP_BYTES_MAX];
    let header = DataHeader {
        version: 1,
        session: SessionId(1),
        packet: PacketNumber::new(LAST).expect("the last one"),
    };
    let mut buffer = [0; DATAGRAM_BYTES_MIN];
    let mut w = Writer::new(&mut buffer);
    header.encode(&mut w).expect("it fits");
    Frame::Gossip(&payload).encode(&mut w).expect("it fits");
    append_checksum(&mut w).expect("it fits");
    assert_eq!(w.room(), 0, "exactly");
}

#[test]
fn a_larger_gossip_is_refused() {
    let mut bytes = vec![2];
    bytes.extend(written(|w| w.bytes(&[7; GOSSIP_BYTES_MAX + 1])));
    assert_eq!(only_frame(&bytes), invalid("gossip payload"));
}

#[test]
fn the_overhead_of_frames_is_as_announced() {
    let id = MessageId::new(LAST).expect("the last one");
    let gossip = Frame::Gossip(&[7; GOSSIP_BYTES_MAX]);
    let payload = vec![7; 70_000];
    let unreliable = Frame::Unreliable {
        command: Command(u16::MAX),
        payload: &payload,
    };
    let total = u32::try_from(MESSAGE_BYTES_MAX).expect("below 2^30");
    let fragment = Frame::Fragment {
        id,
        total,
        offset: total - 70_000,
        piece: &payload,
    };
    for (frame, overhead, payload) in [
        (gossip, GOSSIP_FRAME_OVERHEAD, GOSSIP_BYTES_MAX),
        (unreliable, UNRELIABLE_FRAME_OVERHEAD, 70_000),
        (fragment, FRAGMENT_FRAME_OVERHEAD, 70_000),
    ] {
        let mut buffer = vec![0; overhead + payload];
        let mut w = Writer::new(&mut buffer);
        frame.encode(&mut w).expect("it fits");
        assert_eq!(w.room(), 0, "exactly");
    }
}

#[test]
fn fragments_stay_within_their_message() {
    let piece = |total: u64, offset: u64, piece: &[u8]| {
        let bytes = written(|w| {
            w.u8(6)?;
            w.varint(0u8)?;
            w.varint(VarInt::new(total).expect("small"))?;
            w.varint(VarInt::new(offset).expect("small"))?;
            w.bytes(piece)
        });
        only_frame(&bytes).map(|_| ())
    };
    let max = MESSAGE_BYTES_MAX as u64;
    assert_eq!(piece(10, 7, b"end"), Ok(()));
    assert_eq!(piece(10, 8, b"end"), invalid("fragment piece"));
    assert_eq!(piece(10, 10, b""), invalid("fragment piece"));
    assert_eq!(piece(10, 3, b""), invalid("fragment piece"));
    assert_eq!(piece(0, 0, b"x"), invalid("fragment piece"));
    assert_eq!(piece(max, max - 1, b"x"), Ok(()));
    assert_eq!(piece(max, max, b"x"), invalid("fragment piece"));
    assert_eq!(piece(max + 1, 0, b"x"), invalid("fragment total"));
    assert_eq!(piece(LAST, 0, b"x"), invalid("fragment total"));
    assert_eq!(piece(max, max + 1, b"x"), invalid("fragment offset"));
    assert_eq!(piece(max, 1 << 32, b"x"), invalid("fragment offset"));
}

#[test]
fn a_range_below_zero_is_refused() {
    let ack = |digits: &str| only_frame(&hex(digits)).map(|_| ());
    assert_eq!(ack("03 05 00 00 05 00"), Ok(()), "5..=0");
    assert_eq!(ack("03 05 00 00 06 00"), invalid("ack range"));
    assert_eq!(ack("03 05 00 01 01  02 00 00"), Ok(()), "5..=4, 0");
    assert_eq!(ack("03 05 00 01 01  02 01 00"), invalid("ack range"));
    assert_eq!(ack("03 05 00 01 01  03 00 00"), invalid("ack range"));
    assert_eq!(ack("03 05 00 01 04  00 00 00"), invalid("ack range"), "1");
    assert_eq!(ack("03 05 00 01 05  00 00 00"), invalid("ack range"), "0");
}

#[test]
fn an_ack_has_so_many_ranges_and_no_more() {
    let with = |ranges: usize| {
        let bytes = written(|w| {
            w.u8(3)?;
            w.varint(1_000u16)?;
            w.varint(0u8)?;
            w.u8(u8::try_from(ranges - 1).expect("few"))?;
            w.varint(0u8)?;
            for _ in 1..ranges {
                w.varint(0u8)?;
                w.varint(0u8)?;
            }
            w.u8(0)
        });
        only_frame(&bytes).map(|_| ())
    };
    assert_eq!(with(1), Ok(()));
    assert_eq!(with(ACK_RANGES_MAX), Ok(()));
    assert_eq!(with(ACK_RANGES_MAX + 1), invalid("ack range count"));
    assert_eq!(with(256), invalid("ack range count"));
}

#[test]
fn an_ack_has_so_many_refusals_and_no_more() {
    let with = |refusals: usize, reason: u8| {
        let bytes = written(|w| {
            w.put(&hex("03 00 00 00 00"))?;
            w.u8(u8::try_from(refusals).expect("few"))?;
            (0..refusals).try_for_each(|_| w.put(&[9, reason]))
        });
        only_frame(&bytes).map(|_| ())
    };
    for reason in 1..=4 {
        assert_eq!(with(ACK_REFUSALS_MAX, reason), Ok(()));
    }
    for reason in [0, 5, 255] {
        assert_eq!(with(1, reason), invalid("refusal reason"));
    }
    assert_eq!(with(ACK_REFUSALS_MAX + 1, 1), invalid("ack refusal count"));
    assert_eq!(with(255, 1), invalid("ack refusal count"));
}

#[test]
fn the_longest_ack_leaves_room_in_the_smallest_datagram() {
    let step = 1 << 56;
    let ranges = (0..64u64)
        .rev()
        .map(|n| n * step + step / 4..=n * step + step / 2);
    let refusal = Refusal {
        message: MessageId::new(LAST).expect("the last one"),
        reason: RefusalReason::TooLarge,
    };
    let refusals = [refusal; 40];
    let mut buffer = [0; ROOM];
    let mut w = Writer::new(&mut buffer);
    let ranges: Vec<_> = ranges.take(63).collect();
    AckFrame::write(&mut w, u32::MAX, ranges.into_iter(), &refusals).expect("it fits");
    assert!(w.len() + DATA_OVERHEAD_MAX < DATAGRAM_BYTES_MIN);
    let Ok(Frame::Ack(ack)) = only_frame(w.written()) else {
        panic!("an ack");
    };
    assert_eq!(ack.ranges().count(), ACK_RANGES_MAX);
    assert_eq!(ack.refusals().count(), ACK_REFUSALS_MAX);
}
