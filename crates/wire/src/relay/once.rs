//! A message that goes down a tree once.

use core::net::SocketAddr;

use super::{
    fields::{read_node, read_positive, write_node},
    targets::{RelayTarget, RelayTargets, write_targets},
};
use crate::{
    cursor::{DecodeError, Full, Reader, Writer},
    id::Command,
};

/// As [`RelayHop`](crate::RelayHop), for a message that is sent once and of which nobody hears again, under
/// [`Command::RELAY_ONCE`].
///
/// ```text
/// origin: node without generation | limit varint | command u16
/// targets varint { place − the one before − 1 varint | node } | payload
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayOnce {
    /// Where the message comes from.
    pub origin: SocketAddr,
    /// Into how many parts the targets are split, at least 1.
    pub limit: u32,
    /// For which handlers.
    pub command: Command,
}

impl RelayOnce {
    /// Appends the message's head and its targets, of which there are at most [`RELAY_TARGETS_MAX`](crate::limits::RELAY_TARGETS_MAX) in
    /// growing order; the payload follows to the end.
    ///
    /// # Errors
    ///
    /// [`Full`] when it does not fit; what was written is then of no use.
    pub fn encode(
        &self,
        targets: impl ExactSizeIterator<Item = RelayTarget>,
        w: &mut Writer<'_>,
    ) -> Result<(), Full> {
        write_node(self.origin, None, w)?;
        w.varint(self.limit)?;
        w.u16(self.command.0)?;
        write_targets(None, targets, w)
    }

    /// Reads the message's head, its targets, and its payload.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] naming the field that is wrong.
    pub fn decode(bytes: &[u8]) -> Result<(Self, RelayTargets<'_>, &[u8]), DecodeError> {
        let mut r = Reader::new(bytes);
        let (origin, None) = read_node(&mut r, "relay origin")? else {
            return Err(DecodeError::Invalid {
                field: "relay origin",
            });
        };
        let once = Self {
            origin,
            limit: read_positive(&mut r, "relay limit")?,
            command: Command(r.u16("relay command")?),
        };
        let targets = RelayTargets::decode(None, &mut r)?;
        Ok((once, targets, r.take_rest()))
    }
}
