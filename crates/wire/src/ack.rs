//! Acknowledgements: which packets arrived, and which of their messages were refused.

use core::ops::RangeInclusive;

use crate::{
    cursor::{DecodeError, Full, Reader, Writer},
    id::MessageId,
    limits::{ACK_RANGES_MAX, ACK_REFUSALS_MAX},
    varint::VarInt,
};

/// Which packets arrived.
///
/// ```text
/// largest varint | delay µs varint | further ranges u8 | length of the first − 1 varint
/// { gap − 2 varint | length − 1 varint } per further range, downwards
/// refusals u8 { message id varint | reason u8 }
/// ```
///
/// Gap and length are those of RFC 9000, section 19.3.1. An ack says of every one-way message of the
/// packets it covers that the receiving node has taken it for its handlers, except for those it refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AckFrame<'a> {
    largest: VarInt,
    delay_us: VarInt,
    ranges: &'a [u8],
    refusals: &'a [u8],
}

/// A one-way message that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// Which message.
    pub message: MessageId,
    /// Why.
    pub reason: RefusalReason,
}

/// Why a one-way message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
#[non_exhaustive]
pub enum RefusalReason {
    /// The node has no handler for the command.
    NoHandler = 1,
    /// The node has too much to do.
    Overloaded = 2,
    /// The message is larger than the node accepts.
    TooLarge = 3,
    /// The bytes of the message's content make no sense.
    Malformed = 4,
}

impl<'a> AckFrame<'a> {
    /// Appends the frame that acks `ranges`, which stand in descending order, do not touch each other
    /// and are not empty.
    ///
    /// Only the first [`ACK_RANGES_MAX`] ranges and [`ACK_REFUSALS_MAX`] refusals are written.
    ///
    /// # Errors
    ///
    /// [`Full`] when it does not fit, or there is no range; nothing was written.
    pub fn write(
        w: &mut Writer<'_>,
        delay_us: u32,
        ranges: impl ExactSizeIterator<Item = RangeInclusive<u64>>,
        refusals: &[Refusal],
    ) -> Result<(), Full> {
        let start = w.len();
        write_fields(w, delay_us, ranges, refusals).inspect_err(|_| w.truncate(start))
    }

    pub(crate) fn encode(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        w.varint(self.largest)?;
        w.varint(self.delay_us)?;
        w.put(self.ranges)?;
        w.put(self.refusals)
    }

    pub(crate) fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let largest = r.varint("ack largest")?;
        let delay_us = r.varint("ack delay")?;
        let from = r.clone();
        skip_ranges(largest, r)?;
        let ranges = consumed(&from, r);
        let from = r.clone();
        skip_refusals(r)?;
        Ok(Self {
            largest,
            delay_us,
            ranges,
            refusals: consumed(&from, r),
        })
    }

    /// The largest packet number that arrived.
    pub const fn largest(&self) -> u64 {
        self.largest.get()
    }

    /// How long the receiver held the ack back after the largest arrived, in microseconds.
    pub const fn delay_us(&self) -> u64 {
        self.delay_us.get()
    }

    /// The ranges of packet numbers that arrived, from the largest downwards.
    pub fn ranges(&self) -> AckRanges<'a> {
        let mut reader = Reader::new(self.ranges);
        let left = reader
            .u8("ack range count")
            .map_or(0, |more| usize::from(more) + 1);
        AckRanges {
            reader,
            left,
            next: Some(self.largest.get()),
            first: true,
        }
    }

    /// The messages that were refused.
    pub fn refusals(&self) -> Refusals<'a> {
        let mut reader = Reader::new(self.refusals);
        let left = reader.u8("ack refusal count").unwrap_or(0);
        Refusals { reader, left }
    }
}

fn write_fields(
    w: &mut Writer<'_>,
    delay_us: u32,
    ranges: impl ExactSizeIterator<Item = RangeInclusive<u64>>,
    refusals: &[Refusal],
) -> Result<(), Full> {
    let mut ranges = ranges.take(ACK_RANGES_MAX);
    let further = ranges.len().saturating_sub(1);
    let first = ranges.next().ok_or(Full)?;
    w.u8(3)?;
    w.varint(VarInt::new(*first.end()).map_err(|_| Full)?)?;
    w.varint(delay_us)?;
    w.u8(u8::try_from(further).map_err(|_| Full)?)?;
    put_length(w, &first)?;
    let mut smallest = *first.start();
    for range in ranges {
        debug_assert!(
            range.end() + 1 < smallest,
            "ranges descend and do not touch"
        );
        let gap = smallest.saturating_sub(*range.end()).saturating_sub(2);
        w.varint(VarInt::new(gap).map_err(|_| Full)?)?;
        put_length(w, &range)?;
        smallest = *range.start();
    }
    let refusals = &refusals[..refusals.len().min(ACK_REFUSALS_MAX)];
    w.u8(u8::try_from(refusals.len()).map_err(|_| Full)?)?;
    for refusal in refusals {
        w.varint(refusal.message)?;
        w.u8(refusal.reason as u8)?;
    }
    Ok(())
}

fn put_length(w: &mut Writer<'_>, range: &RangeInclusive<u64>) -> Result<(), Full> {
    w.varint(VarInt::new(range.end() - range.start()).map_err(|_| Full)?)
}

fn skip_ranges(largest: VarInt, r: &mut Reader<'_>) -> Result<(), DecodeError> {
    let count = usize::from(r.u8("ack range count")?) + 1;
    if count > ACK_RANGES_MAX {
        return Err(DecodeError::Invalid {
            field: "ack range count",
        });
    }
    let mut ranges = AckRanges {
        reader: r.clone(),
        left: count,
        next: Some(largest.get()),
        first: true,
    };
    for _ in 0..count {
        ranges.step()?;
    }
    *r = ranges.reader;
    Ok(())
}

fn skip_refusals(r: &mut Reader<'_>) -> Result<(), DecodeError> {
    let count = r.u8("ack refusal count")?;
    if usize::from(count) > ACK_REFUSALS_MAX {
        return Err(DecodeError::Invalid {
            field: "ack refusal count",
        });
    }
    for _ in 0..count {
        refusal(r)?;
    }
    Ok(())
}

fn refusal(r: &mut Reader<'_>) -> Result<Refusal, DecodeError> {
    let message = r.varint("refused message")?.into();
    let reason = match r.u8("refusal reason")? {
        1 => RefusalReason::NoHandler,
        2 => RefusalReason::Overloaded,
        3 => RefusalReason::TooLarge,
        4 => RefusalReason::Malformed,
        _ => {
            return Err(DecodeError::Invalid {
                field: "refusal reason",
            });
        }
    };
    Ok(Refusal { message, reason })
}

/// What `to` has read since it was `from`.
fn consumed<'a>(from: &Reader<'a>, to: &Reader<'a>) -> &'a [u8] {
    let mut from = from.clone();
    from.take(from.remaining() - to.remaining(), "ack")
        .unwrap_or(&[])
}

/// Ranges of packet numbers, from the largest downwards.
#[derive(Clone, Debug)]
pub struct AckRanges<'a> {
    reader: Reader<'a>,
    left: usize,
    /// The largest number the next range may end at, before its gap is taken off.
    next: Option<u64>,
    first: bool,
}

impl AckRanges<'_> {
    fn step(&mut self) -> Result<RangeInclusive<u64>, DecodeError> {
        let below_zero = DecodeError::Invalid { field: "ack range" };
        let mut end = self.next.ok_or(below_zero)?;
        if !self.first {
            let gap = self.reader.varint("ack range gap")?.get();
            end = end.checked_sub(gap).ok_or(below_zero)?;
        }
        let length = self.reader.varint("ack range length")?.get();
        let start = end.checked_sub(length).ok_or(below_zero)?;
        self.first = false;
        self.next = start.checked_sub(2);
        Ok(start..=end)
    }
}

impl Iterator for AckRanges<'_> {
    type Item = RangeInclusive<u64>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        self.step().ok()
    }
}

/// Messages that were refused.
#[derive(Clone, Debug)]
pub struct Refusals<'a> {
    reader: Reader<'a>,
    left: u8,
}

impl Iterator for Refusals<'_> {
    type Item = Refusal;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        refusal(&mut self.reader).ok()
    }
}
