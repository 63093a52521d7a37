//! Which bytes of a message came, or were acknowledged.

use alloc::vec::Vec;
use core::ops::Range;

/// A set of byte positions as ordered ranges that do not touch. Allocates only once it has a member.
#[derive(Debug, Default)]
pub(crate) struct Stretches {
    ranges: Vec<Range<u32>>,
    bytes: u32,
}

impl Stretches {
    pub(crate) const fn new() -> Self {
        Self {
            ranges: Vec::new(),
            bytes: 0,
        }
    }

    /// How many positions are members.
    pub(crate) const fn bytes(&self) -> u32 {
        self.bytes
    }

    /// How many ranges there are.
    pub(crate) const fn count(&self) -> usize {
        self.ranges.len()
    }

    pub(crate) fn contains(&self, piece: &Range<u32>) -> bool {
        let next = self
            .ranges
            .partition_point(|range| range.start <= piece.start);
        next > 0 && piece.end <= self.ranges[next - 1].end
    }

    /// Adds a range; says how many of its positions are new.
    pub(crate) fn insert(&mut self, piece: Range<u32>) -> u32 {
        let first = self.ranges.partition_point(|range| range.end < piece.start);
        let touching = self.ranges[first..]
            .iter()
            .take_while(|range| range.start <= piece.end)
            .count();
        let met = &self.ranges[first..first + touching];
        let known: u32 = met.iter().map(|range| range.end - range.start).sum();
        let start = met
            .first()
            .map_or(piece.start, |range| range.start.min(piece.start));
        let end = met
            .last()
            .map_or(piece.end, |range| range.end.max(piece.end));
        match touching {
            0 => self.ranges.insert(first, start..end),
            _ => {
                self.ranges[first] = start..end;
                self.ranges.drain(first + 1..first + touching);
            }
        }
        let new = (end - start) - known;
        self.bytes += new;
        new
    }
}

#[cfg(test)]
#[path = "../tests/unit/stretches.rs"]
mod tests;
