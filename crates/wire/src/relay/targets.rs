//! The nodes that a message is for.

use core::net::SocketAddr;

use super::fields::{read_bounded, read_node, write_node};
use crate::{
    cursor::{DecodeError, Full, Reader, Writer},
    id::Generation,
    limits::RELAY_TARGETS_MAX,
    varint::VarInt,
};

/// One node of a fan-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayTarget {
    /// Its number in the fan-out, below [`RELAY_PLACES_MAX`](crate::limits::RELAY_PLACES_MAX).
    pub place: u32,
    /// Its mesh address.
    pub addr: SocketAddr,
    /// The process that is meant; `None` takes whoever is there.
    pub generation: Option<Generation>,
}

/// The targets of a hop: checked as a whole when it was decoded.
#[derive(Clone, Debug)]
pub struct RelayTargets<'a> {
    reader: Reader<'a>,
    left: usize,
    before: Option<u32>,
}

impl<'a> RelayTargets<'a> {
    pub(super) fn decode(before: Option<u32>, r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let field = "relay targets";
        let count = r.varint(field)?.get();
        let left = usize::try_from(count).unwrap_or(usize::MAX);
        if left > RELAY_TARGETS_MAX {
            return Err(DecodeError::Invalid { field });
        }
        let reader = r.clone();
        let mut last = before;
        for _ in 0..left {
            last = Some(read_target(last, r)?.place);
        }
        Ok(Self {
            reader,
            left,
            before,
        })
    }
}

impl Iterator for RelayTargets<'_> {
    type Item = RelayTarget;

    fn next(&mut self) -> Option<RelayTarget> {
        self.left = self.left.checked_sub(1)?;
        let target = read_target(self.before, &mut self.reader).ok()?;
        self.before = Some(target.place);
        Some(target)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for RelayTargets<'_> {}

pub(super) fn write_targets(
    mut before: Option<u32>,
    targets: impl ExactSizeIterator<Item = RelayTarget>,
    w: &mut Writer<'_>,
) -> Result<(), Full> {
    if targets.len() > RELAY_TARGETS_MAX {
        return Err(Full);
    }
    w.varint(VarInt::new(targets.len() as u64).map_err(|_| Full)?)?;
    for target in targets {
        let lowest = before.map_or(0, |place| place + 1);
        w.varint(target.place.checked_sub(lowest).ok_or(Full)?)?;
        write_node(target.addr, target.generation, w)?;
        before = Some(target.place);
    }
    Ok(())
}

fn read_target(before: Option<u32>, r: &mut Reader<'_>) -> Result<RelayTarget, DecodeError> {
    let field = "relay target place";
    let lowest = before.map_or(0, |place| u64::from(place) + 1);
    let place = read_bounded(lowest, r, field)?;
    let (addr, generation) = read_node(r, "relay target")?;
    Ok(RelayTarget {
        place,
        addr,
        generation,
    })
}
