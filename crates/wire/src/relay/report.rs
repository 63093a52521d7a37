//! What became of a message, told upwards.

use super::fields::{read_bounded, write_number};
use crate::cursor::{DecodeError, Full, Reader, Writer};

/// What became of a fan-out's message at one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[non_exhaustive]
pub enum RelayOutcome {
    /// The node took it for its handlers. Its own word, and final.
    Taken = 0,
    /// The node has no handler for the command and did not take it. Its own word, and final.
    NoHandler = 1,
    /// The node had too much to do and did not take it. Its own word, and final.
    Overloaded = 2,
    /// Another process is at the node's address than the one that was meant. Final.
    Restarted = 3,
    /// It could not be reached from here, or has no room to remember the fan-out: somebody else may try.
    Unreached = 4,
}

/// Nodes with successive places and the same outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayRun {
    /// The first place.
    pub start: u32,
    /// How many, at least 1.
    pub len: u32,
    /// What became of it there.
    pub outcome: RelayOutcome,
}

/// Tells whoever sent a hop what is new, under [`Command::RELAY_REPORT`](crate::Command::RELAY_REPORT); empty as a sign of life.
///
/// ```text
/// part varint | declined u8 (0 or 1) { start − the end before varint | length − 1 varint | outcome u8 }
/// ```
#[derive(Clone, Debug)]
pub struct RelayReport<'a> {
    /// The receiver's name for the part of the work.
    pub part: u64,
    /// The sender will do no more of it: what is not reported is somebody else's.
    pub is_declined: bool,
    /// What became of the message, at places that grow.
    pub runs: RelayRuns<'a>,
}

impl<'a> RelayReport<'a> {
    /// Bytes of a report without runs, at most: part and flag.
    pub const HEAD_BYTES_MAX: usize = 8 + 1;
    /// Bytes of one run, at most: two places below 2^30 and the outcome.
    pub const RUN_BYTES_MAX: usize = 4 + 4 + 1;

    /// Appends a report. Runs grow and touch only where their outcomes differ.
    ///
    /// # Errors
    ///
    /// [`Full`] when it does not fit; what was written is then of no use.
    pub fn encode(
        part: u64,
        is_declined: bool,
        runs: impl Iterator<Item = RelayRun>,
        w: &mut Writer<'_>,
    ) -> Result<(), Full> {
        write_number(part, w)?;
        w.u8(is_declined.into())?;
        let mut end = 0;
        for run in runs {
            w.varint(run.start.saturating_sub(end))?;
            w.varint(run.len.saturating_sub(1))?;
            w.u8(run.outcome as u8)?;
            end = run.start.saturating_add(run.len);
        }
        Ok(())
    }

    /// Reads a report.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] naming the field that is wrong.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let part = r.varint("relay report part")?.get();
        let is_declined = match r.u8("relay report flag")? {
            0 => false,
            1 => true,
            _ => {
                return Err(DecodeError::Invalid {
                    field: "relay report flag",
                });
            }
        };
        let runs = RelayRuns {
            reader: r.clone(),
            before: None,
        };
        let mut before = None;
        while !r.is_empty() {
            before = Some(read_run(before, &mut r)?);
        }
        Ok(Self {
            part,
            is_declined,
            runs,
        })
    }
}

/// The runs of a report: checked as a whole when it was decoded.
#[derive(Clone, Debug)]
pub struct RelayRuns<'a> {
    reader: Reader<'a>,
    before: Option<RelayRun>,
}

impl Iterator for RelayRuns<'_> {
    type Item = RelayRun;

    fn next(&mut self) -> Option<RelayRun> {
        if self.reader.is_empty() {
            return None;
        }
        self.before = Some(read_run(self.before, &mut self.reader).ok()?);
        self.before
    }
}

fn read_run(before: Option<RelayRun>, r: &mut Reader<'_>) -> Result<RelayRun, DecodeError> {
    let field = "relay report run";
    let end = before.map_or(0, |run| u64::from(run.start) + u64::from(run.len));
    let start = read_bounded(end, r, field)?;
    let last = read_bounded(start.into(), r, field)?;
    let outcome = match r.u8("relay outcome")? {
        0 => RelayOutcome::Taken,
        1 => RelayOutcome::NoHandler,
        2 => RelayOutcome::Overloaded,
        3 => RelayOutcome::Restarted,
        4 => RelayOutcome::Unreached,
        _ => {
            return Err(DecodeError::Invalid {
                field: "relay outcome",
            });
        }
    };
    let touches = before.is_some_and(|run| run.outcome == outcome && u64::from(start) == end);
    if touches {
        return Err(DecodeError::Invalid { field });
    }
    Ok(RelayRun {
        start,
        len: last - start + 1,
        outcome,
    })
}
