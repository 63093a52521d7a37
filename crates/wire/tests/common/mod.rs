//! Frames of every kind, and what is true of each.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part of this"
)]

use core::ops::RangeInclusive;

use hobnob_wire::{
    AckFrame, Command, DecodeError, Frame, Frames, MessageId, Refusal, RefusalReason, VarInt,
    Writer,
    limits::{GOSSIP_BYTES_MAX, MESSAGE_BYTES_MAX},
};
use proptest::{collection::vec, prelude::*};

/// Room for anything that is encoded here.
pub const ROOM: usize = 4_096;

/// Bytes written as hexadecimal digits, with white space between them as one likes.
pub fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u32> = digits
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).expect("a hexadecimal digit"))
        .collect();
    assert!(digits.len().is_multiple_of(2), "two digits a byte");
    let byte = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).expect("two digits");
    digits.chunks(2).map(byte).collect()
}

/// What `write` writes.
pub fn written<E: core::fmt::Debug>(
    write: impl FnOnce(&mut Writer<'_>) -> Result<(), E>,
) -> Vec<u8> {
    let mut buffer = [0; ROOM];
    let mut w = Writer::new(&mut buffer);
    write(&mut w).expect("room enough");
    w.written().to_vec()
}

/// The field an error is about.
pub fn field(error: DecodeError) -> &'static str {
    match error {
        DecodeError::Missing { field }
        | DecodeError::Invalid { field }
        | DecodeError::Trailing { field, .. } => field,
        other => panic!("an error without a field: {other}"),
    }
}

/// The only frame in `bytes`.
pub fn only_frame(bytes: &[u8]) -> Result<Frame<'_>, DecodeError> {
    let mut frames = Frames::new(bytes);
    let frame = frames.next().expect("bytes are a frame or an error");
    match frames.next() {
        None => frame,
        more => panic!("{more:?} after {frame:?}"),
    }
}

/// A number whose varint has any of the four lengths.
pub fn varint() -> impl Strategy<Value = VarInt> {
    prop_oneof![
        0..1u64 << 6,
        0..1u64 << 14,
        0..1u64 << 30,
        0..1u64 << 62,
        Just((1 << 62) - 1)
    ]
    .prop_map(|number| VarInt::new(number).expect("below 2^62"))
}

pub fn message_id() -> impl Strategy<Value = MessageId> {
    varint().prop_map(MessageId::from)
}

/// Ranges as an ack takes them: descending, with room between them; up to `max` of them.
pub fn ranges(max: usize) -> impl Strategy<Value = Vec<RangeInclusive<u64>>> {
    let step = prop_oneof![0..4u64, 0..100_000u64, 0..1u64 << 55];
    vec((step.clone(), step), 1..=max).prop_map(|steps| {
        let mut ranges = Vec::new();
        let mut next = 0;
        for (gap, length) in steps {
            let start = next + gap;
            ranges.push(start..=start + length);
            next = start + length + 2;
        }
        ranges.reverse();
        ranges
    })
}

pub fn refusals(max: usize) -> impl Strategy<Value = Vec<Refusal>> {
    let reason = prop_oneof![
        Just(RefusalReason::NoHandler),
        Just(RefusalReason::Overloaded),
        Just(RefusalReason::TooLarge),
        Just(RefusalReason::Malformed),
    ];
    let refusal = (message_id(), reason).prop_map(|(message, reason)| Refusal { message, reason });
    vec(refusal, 0..=max)
}

/// The encoding of an ack.
pub fn ack() -> impl Strategy<Value = Vec<u8>> {
    (ranges(32), any::<u32>(), refusals(32)).prop_map(|(ranges, delay, refusals)| {
        written(|w| AckFrame::write(w, delay, ranges.into_iter(), &refusals))
    })
}

/// The encoding of any frame.
pub fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let payload = || vec(any::<u8>(), 0..80);
    let encoded = |frame: Frame<'_>| written(|w| frame.encode(w));
    prop_oneof![
        Just(vec![1]),
        vec(any::<u8>(), 0..=GOSSIP_BYTES_MAX)
            .prop_map(move |bytes| encoded(Frame::Gossip(&bytes))),
        ack(),
        message_id().prop_map(move |id| encoded(Frame::Floor(id))),
        (message_id(), payload()).prop_map(move |(id, content)| encoded(Frame::Message {
            id,
            content: &content
        })),
        (message_id(), fragment()).prop_map(move |(id, (total, offset, piece))| {
            encoded(Frame::Fragment {
                id,
                total,
                offset,
                piece: &piece,
            })
        }),
        (any::<u16>(), payload()).prop_map(move |(command, payload)| {
            encoded(Frame::Unreliable {
                command: Command(command),
                payload: &payload,
            })
        }),
        message_id().prop_map(move |id| encoded(Frame::Cancel(id))),
        varint().prop_map(move |bytes| encoded(Frame::Credit(bytes))),
        (message_id(), any::<u16>())
            .prop_map(move |(id, distance)| encoded(Frame::Skip { id, distance })),
    ]
}

/// Total, offset and piece of a fragment.
pub fn fragment() -> impl Strategy<Value = (u32, u32, Vec<u8>)> {
    let max = u32::try_from(MESSAGE_BYTES_MAX).expect("below 2^30");
    let offset = prop_oneof![0..64u32, 0..20_000u32, 0..=max - 200];
    (offset, vec(any::<u8>(), 1..100), 0..100u32).prop_map(|(offset, piece, after)| {
        let end = offset + u32::try_from(piece.len()).expect("short");
        (end + after, offset, piece)
    })
}
