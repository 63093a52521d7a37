//! Frames: there and back, cut short, and with no room.

mod common;

use common::{ROOM, ack, any_frame, field, fragment, message_id, only_frame, ranges, refusals};
use common::{varint, written};
use hobnob_wire::{AckFrame, Command, DecodeError, Frame, Frames, Full, Reader, Writer};
use proptest::{collection::vec, prelude::*};

fn assert_there_and_back(frame: &Frame<'_>) {
    let bytes = written(|w| frame.encode(w));
    assert_eq!(only_frame(&bytes).as_ref(), Ok(frame));
}

/// Writes behind a mark into every room that is too small: nothing but the mark may be left.
fn assert_all_or_nothing(len: usize, write: impl Fn(&mut Writer<'_>) -> Result<(), Full>) {
    let mark = b"mark";
    for (room, held_back) in (0..=len).flat_map(|room| [(room, 0), (room, 8)]) {
        let mut buffer = vec![0; mark.len() + room + held_back];
        let mut w = Writer::new(&mut buffer);
        w.hold_back(held_back);
        w.put(mark).expect("room for the mark");
        let result = write(&mut w);
        if room < len {
            assert_eq!(result, Err(Full), "{room} of {len}");
            assert_eq!(w.written(), mark, "{room} of {len}");
        } else {
            assert_eq!(result, Ok(()));
            assert_eq!(w.room(), 0);
            w.hold_back(0);
            assert_eq!(w.put(&vec![0; held_back]), Ok(()), "released");
        }
    }
}

/// What the errors of a frame that begins with this tag are about.
const fn subjects(tag: u8) -> &'static [&'static str] {
    match tag {
        2 => &["gossip payload"],
        3 => &[
            "ack largest",
            "ack delay",
            "ack range count",
            "ack range gap",
            "ack range length",
            "ack refusal count",
            "refused message",
            "refusal reason",
        ],
        4 => &["floor"],
        5 => &["message id", "message content"],
        6 => &[
            "fragment message id",
            "fragment total",
            "fragment offset",
            "fragment piece",
        ],
        7 => &["unreliable command", "unreliable payload"],
        8 => &["cancelled request"],
        9 => &["credit"],
        10 => &["skipped message", "distance in stream"],
        _ => &[],
    }
}

proptest! {
    #[test]
    fn plain_frames_come_back(id in message_id(), command: u16, distance: u16, bytes in vec(any::<u8>(), 0..900)) {
        assert_there_and_back(&Frame::Noop);
        assert_there_and_back(&Frame::Gossip(&bytes));
        assert_there_and_back(&Frame::Floor(id));
        assert_there_and_back(&Frame::Cancel(id));
        assert_there_and_back(&Frame::Credit(id.into()));
        assert_there_and_back(&Frame::Skip { id, distance });
        assert_there_and_back(&Frame::Message { id, content: &bytes });
        assert_there_and_back(&Frame::Unreliable { command: Command(command), payload: &bytes });
    }

    #[test]
    fn fragments_come_back(id in message_id(), (total, offset, piece) in fragment()) {
        assert_there_and_back(&Frame::Fragment { id, total, offset, piece: &piece });
    }

    #[test]
    fn acks_come_back(ranges in ranges(40), delay: u32, refusals in refusals(40)) {
        let bytes = written(|w| AckFrame::write(w, delay, ranges.clone().into_iter(), &refusals));
        let Ok(frame @ Frame::Ack(ack)) = &only_frame(&bytes) else {
            panic!("an ack");
        };
        prop_assert_eq!(ack.largest(), *ranges[0].end());
        prop_assert_eq!(ack.delay_us(), u64::from(delay));
        let first = &ranges[..ranges.len().min(32)];
        prop_assert_eq!(&ack.ranges().collect::<Vec<_>>(), first);
        let first = &refusals[..refusals.len().min(32)];
        prop_assert_eq!(&ack.refusals().collect::<Vec<_>>(), first);
        prop_assert_eq!(&written(|w| frame.encode(w)), &bytes);
    }

    #[test]
    fn frames_follow_one_another(frames in vec(any_frame(), 0..5)) {
        let bytes = frames.concat();
        let mut count = 0;
        for (decoded, encoded) in Frames::new(&bytes).zip(&frames) {
            prop_assert_eq!(&written(|w| decoded.expect("a good frame").encode(w)), encoded);
            count += 1;
        }
        prop_assert_eq!(count, frames.len());
        prop_assert_eq!(Frames::new(&bytes).count(), frames.len());
    }

    #[test]
    fn padding_goes_to_the_end(frames in vec(any_frame(), 0..3), len in 1..200usize, byte in 1..=u8::MAX) {
        let mut bytes = frames.concat();
        let start = bytes.len();
        bytes.resize(start + len, 0);
        let padding = Frame::Padding(len);
        assert_all_or_nothing(len, |w| padding.encode(w));
        let all: Result<Vec<_>, _> = Frames::new(&bytes).collect();
        let all = all.expect("good frames");
        prop_assert_eq!(all.len(), frames.len() + 1);
        prop_assert_eq!(all.last(), Some(&padding));
        bytes.push(byte);
        let last = Frames::new(&bytes).last();
        prop_assert_eq!(last, Some(Err(DecodeError::Invalid { field: "padding" })));
    }

    #[test]
    fn what_was_not_read_yet_is_the_rest(frames in vec(any_frame(), 1..5)) {
        let bytes = frames.concat();
        let mut reader = Frames::new(&bytes);
        for read in 0..frames.len() {
            prop_assert_eq!(reader.rest(), &frames[read..].concat());
            reader.next();
        }
        prop_assert!(reader.rest().is_empty());
    }

    #[test]
    fn a_frame_cut_short_names_what_is_missing(bytes in any_frame()) {
        let subjects = subjects(bytes[0]);
        for len in 1..bytes.len() {
            let error = only_frame(&bytes[..len]).expect_err("cut short");
            prop_assert!(matches!(error, DecodeError::Missing { .. }), "{error}");
            prop_assert!(subjects.contains(&field(error)), "{error}");
        }
    }

    #[test]
    fn a_frame_is_written_whole_or_not_at_all(bytes in any_frame()) {
        let frame = only_frame(&bytes).expect("a good frame");
        assert_all_or_nothing(bytes.len(), |w| frame.encode(w));
    }

    #[test]
    fn an_ack_is_written_whole_or_not_at_all(ranges in ranges(5), refusals in refusals(5)) {
        let write = |w: &mut Writer<'_>| {
            AckFrame::write(w, 70_000, ranges.clone().into_iter(), &refusals)
        };
        assert_all_or_nothing(written(write).len(), write);
    }

    #[test]
    fn fields_are_written_whole_or_not_at_all(number in varint(), bytes in vec(any::<u8>(), 0..99)) {
        assert_all_or_nothing(number.encoded_len(), |w| w.varint(number));
        assert_all_or_nothing(1, |w| w.u8(7));
        assert_all_or_nothing(2, |w| w.u16(7));
        assert_all_or_nothing(8, |w| w.u64(7));
        assert_all_or_nothing(bytes.len(), |w| w.put(&bytes));
        let len = bytes.len() + if bytes.len() < 64 { 1 } else { 2 };
        assert_all_or_nothing(len, |w| w.bytes(&bytes));
    }

    #[test]
    fn any_bytes_are_read_without_harm_and_in_one_way_only(
        bytes in prop_oneof![
            vec(any::<u8>(), 0..200),
            vec(prop_oneof![8 => 1..9u8, 8 => 1..70u8, 8 => any::<u8>(), 1 => Just(0)], 0..200),
        ],
    ) {
        assert_canonical(&bytes);
    }

    #[test]
    fn frames_with_bytes_changed_are_read_in_one_way_only(
        frames in vec(prop_oneof![any_frame(), ack()], 1..4),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = frames.concat();
        for (index, value) in changes {
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        assert_canonical(&bytes);
    }
}

/// Whatever can be read from `bytes`, up to the first error, is what they are the encoding of.
fn assert_canonical(bytes: &[u8]) {
    let mut again = Vec::new();
    let mut frames = Frames::new(bytes);
    for frame in frames.by_ref() {
        match frame {
            Ok(frame) => {
                if let Frame::Ack(ack) = &frame {
                    assert_eq!(ack.ranges().next().map(|r| *r.end()), Some(ack.largest()));
                    assert!(ack.ranges().is_sorted_by(|above, below| {
                        below.start() <= below.end() && below.end() + 1 < *above.start()
                    }));
                    assert!(ack.refusals().count() <= 32);
                }
                again.extend(written(|w| frame.encode(w)));
            }
            Err(error) => {
                assert!(!field(error).is_empty());
                assert!(bytes.starts_with(&again));
                assert!(again.len() < bytes.len());
                assert_eq!(frames.next(), None, "an error is the end");
                return;
            }
        }
    }
    assert_eq!(again, bytes);
}

#[test]
fn an_unknown_tag_is_an_error() {
    for tag in 11..=u8::MAX {
        let error = only_frame(&[tag]).expect_err("no such frame");
        assert_eq!(error, DecodeError::Invalid { field: "frame tag" });
    }
}

#[test]
fn only_what_must_arrive_asks_for_an_ack() {
    let id = hobnob_wire::MessageId::ZERO;
    let piece = b"p";
    let asking = [
        Frame::Noop,
        Frame::Message { id, content: b"" },
        Frame::Fragment {
            id,
            total: 1,
            offset: 0,
            piece,
        },
    ];
    assert!(asking.iter().all(Frame::is_ack_eliciting));
    let ack = written(|w| AckFrame::write(w, 0, [0..=0].into_iter(), &[]));
    let silent = [
        Frame::Padding(1),
        Frame::Gossip(b""),
        only_frame(&ack).expect("an ack"),
        Frame::Floor(id),
        Frame::Unreliable {
            command: Command(7),
            payload: b"",
        },
        Frame::Cancel(id),
        Frame::Credit(id.into()),
        Frame::Skip { id, distance: 1 },
    ];
    assert!(!silent.iter().any(Frame::is_ack_eliciting));
}

#[test]
fn an_ack_of_nothing_is_not_written() {
    let mut buffer = [0; ROOM];
    let mut w = Writer::new(&mut buffer);
    let nothing = core::iter::empty::<core::ops::RangeInclusive<u64>>();
    assert_eq!(AckFrame::write(&mut w, 0, nothing, &[]), Err(Full));
    assert!(w.is_empty());
}

#[test]
fn a_writer_takes_back_what_was_written() {
    let mut buffer = [0; 8];
    let mut w = Writer::new(&mut buffer);
    w.u16(0x0102).expect("room");
    w.u16(0x0304).expect("room");
    w.truncate(2);
    w.u8(9).expect("room");
    assert_eq!(w.written(), [1, 2, 9]);
    assert_eq!((w.len(), w.room(), w.is_empty()), (3, 5, false));
}

#[test]
fn a_reader_that_fails_has_read_nothing() {
    let mut reader = Reader::new(&[1, 2, 3]);
    let missing = |field| Err(DecodeError::Missing { field });
    assert_eq!(reader.u64("eight"), missing("eight").map(|(): ()| 0));
    assert_eq!(
        reader.take(4, "four").err(),
        missing("four").map(|(): ()| ()).err()
    );
    assert_eq!(reader.remaining(), 3);
    assert_eq!(reader.u16("two"), Ok(0x0102));
    let trailing = DecodeError::Trailing {
        field: "end",
        count: 1,
    };
    assert_eq!(reader.finish("end"), Err(trailing));
    assert_eq!(reader.array("one"), Ok([3]));
    assert_eq!(reader.finish("end"), Ok(()));
    assert!(reader.is_empty());
}
