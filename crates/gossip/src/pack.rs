//! Many small things in as few payloads as they fit in.

use alloc::{collections::VecDeque, vec::Vec};

use hobnob_wire::{Writer, limits::GOSSIP_BYTES_MAX};

use crate::{
    limits::{ANSWER_PAYLOADS_MAX, BOUND_BYTES_MAX},
    payload::{ANSWER, DigestEntry, Item, NEWS, Payload, Range},
};

/// Packs items into as few payloads as they fit in, one after another, up to a number of payloads.
pub(crate) struct ItemPacker {
    limit: usize,
    full: Vec<Vec<u8>>,
    /// The payload that still has room; its kind stands at the front already.
    buffer: [u8; GOSSIP_BYTES_MAX],
    written: usize,
}

impl ItemPacker {
    pub(crate) const fn news(payloads_max: usize) -> Self {
        Self::new(NEWS, payloads_max)
    }

    pub(crate) const fn answer() -> Self {
        Self::new(ANSWER, ANSWER_PAYLOADS_MAX)
    }

    const fn new(kind: u8, limit: usize) -> Self {
        let mut buffer = [0; GOSSIP_BYTES_MAX];
        buffer[0] = kind;
        Self {
            limit,
            full: Vec::new(),
            buffer,
            written: 1,
        }
    }

    /// False when all payloads are full; the item is not among them then.
    pub(crate) fn push(&mut self, item: &Item) -> bool {
        if self.append(item) {
            return true;
        }
        if self.full.len() + 1 >= self.limit {
            return false;
        }
        self.close();
        let appended = self.append(item);
        debug_assert!(
            appended,
            "limits.rs proves that a payload of its own is enough"
        );
        appended
    }

    pub(crate) fn finish(mut self) -> Vec<Vec<u8>> {
        self.close();
        self.full
    }

    fn append(&mut self, item: &Item) -> bool {
        let room = self.buffer.get_mut(self.written..).unwrap_or_default();
        let mut writer = Writer::new(room);
        let fits = item.encode(&mut writer).is_ok();
        if fits {
            self.written += writer.len();
        }
        fits
    }

    fn close(&mut self) {
        let payload = self.buffer.get(..self.written).unwrap_or_default();
        if payload.len() > 1 {
            self.full.push(payload.to_vec());
        }
        self.written = 1;
    }
}

/// Packs what is known of a range into digests that cover it without a gap, up to a number of payloads.
/// The second value is what is left of the range when that number was reached.
pub(crate) fn pack_digests(
    range: Range,
    mut entries: VecDeque<DigestEntry>,
    payloads_max: usize,
) -> (Vec<Vec<u8>>, Option<Range>) {
    let mut payloads = Vec::new();
    let mut start = range.start;
    loop {
        if payloads.len() == payloads_max {
            let end = range.end;
            return (payloads, Some(Range { start, end }));
        }
        let fitting = fitting(&entries);
        let end = entries
            .get(fitting)
            .map_or(range.end, |e| Some(e.life.addr));
        let chunk: Vec<DigestEntry> = entries.drain(..fitting).collect();
        payloads.push(Payload::digest(Range { start, end }, &chunk));
        if entries.is_empty() {
            return (payloads, None);
        }
        start = end;
    }
}

/// How many of the first entries one digest holds.
fn fitting(entries: &VecDeque<DigestEntry>) -> usize {
    const ROOM: usize = GOSSIP_BYTES_MAX - 1 - 2 * BOUND_BYTES_MAX;
    let mut buffer = [0; ROOM];
    let mut writer = Writer::new(&mut buffer);
    entries
        .iter()
        .take_while(|entry| entry.encode(&mut writer).is_ok())
        .count()
}
