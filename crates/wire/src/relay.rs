//! What the nodes of a relay tree say to each other. Payloads of messages under Hobnob's own commands.

use core::net::{IpAddr, SocketAddr};

use crate::{
    cursor::{DecodeError, Full, Reader, Writer},
    id::{Command, Generation},
    limits::{RELAY_PLACES_MAX, RELAY_TARGETS_MAX},
    varint::VarInt,
};

const IS_V6: u8 = 1;
const HAS_GENERATION: u8 = 2;

/// Names one fan-out for as long as anybody may speak of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FanOutId {
    /// Where it began.
    pub origin: SocketAddr,
    /// Which process began it there.
    pub generation: Generation,
    /// Grows with each fan-out of that process, below 2^62.
    pub serial: u64,
}

/// One node of a fan-out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayTarget {
    /// Its number in the fan-out, below [`RELAY_PLACES_MAX`].
    pub place: u32,
    /// Its mesh address.
    pub addr: SocketAddr,
    /// The process that is meant; `None` takes whoever is there.
    pub generation: Option<Generation>,
}

/// Asks the receiver to take a message and to see to it that others get it, under [`Command::RELAY`].
///
/// ```text
/// origin: node | serial varint | serial − floor varint | part varint | pace ms varint
/// time left ms varint | limit varint | command u16 | place varint | own: u8, generation u64 if it has one
/// targets varint { place − the one before − 1 varint | node } | payload
///
/// node = flags u8 (1: IPv6, 2: with generation) | address 4 or 16 bytes | port u16 | generation u64 if any
/// ```
///
/// Places grow from the receiver's own to the last target's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayHop {
    /// Which fan-out.
    pub id: FanOutId,
    /// The origin waits for no fan-out of its own with a lower serial; at most the serial itself.
    pub floor: u64,
    /// The sender's name for this part of the work, below 2^62: reports carry it.
    pub part: u64,
    /// How often the sender wants to hear from the receiver while work is left, in milliseconds, at least 1.
    pub pace_ms: u32,
    /// Time left for all of it, in milliseconds, at least 1.
    pub timeout_ms: u32,
    /// Deliveries a node may have in flight at once, at least 1.
    pub limit: u32,
    /// For which handlers.
    pub command: Command,
    /// The receiver's own place.
    pub place: u32,
    /// The process that is meant to receive it.
    pub generation: Option<Generation>,
}

/// As [`RelayHop`], for a message that is sent once and of which nobody hears again, under
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

impl Command {
    /// A [`RelayHop`] with its payload.
    pub const RELAY: Self = Self(10);
    /// A [`RelayReport`].
    pub const RELAY_REPORT: Self = Self(11);
    /// Nobody waits any more for the part whose number, a varint, is the payload.
    pub const RELAY_CANCEL: Self = Self(12);
    /// A [`RelayOnce`] with its payload.
    pub const RELAY_ONCE: Self = Self(13);
    /// The commands by which relay trees work: they never reach a handler.
    pub const RELAYING: [Self; 4] = [
        Self::RELAY,
        Self::RELAY_REPORT,
        Self::RELAY_CANCEL,
        Self::RELAY_ONCE,
    ];
}

impl RelayHop {
    /// Appends the hop and its targets, of which there are at most [`RELAY_TARGETS_MAX`] in growing order;
    /// the payload follows to the end.
    ///
    /// # Errors
    ///
    /// [`Full`] when it does not fit; what was written is then of no use.
    pub fn encode(
        &self,
        targets: impl ExactSizeIterator<Item = RelayTarget>,
        w: &mut Writer<'_>,
    ) -> Result<(), Full> {
        write_node(self.id.origin, Some(self.id.generation), w)?;
        write_number(self.id.serial, w)?;
        write_number(self.id.serial.saturating_sub(self.floor), w)?;
        write_number(self.part, w)?;
        w.varint(self.pace_ms)?;
        w.varint(self.timeout_ms)?;
        w.varint(self.limit)?;
        w.u16(self.command.0)?;
        w.varint(self.place)?;
        match self.generation {
            None => w.u8(0)?,
            Some(generation) => {
                w.u8(HAS_GENERATION)?;
                w.u64(generation.0)?;
            }
        }
        write_targets(Some(self.place), targets, w)
    }

    /// Reads a hop, its targets, and its payload.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] naming the field that is wrong.
    pub fn decode(bytes: &[u8]) -> Result<(Self, RelayTargets<'_>, &[u8]), DecodeError> {
        let mut r = Reader::new(bytes);
        let (origin, generation) = read_node(&mut r, "relay origin")?;
        let generation = generation.ok_or(DecodeError::Invalid {
            field: "relay origin",
        })?;
        let serial = r.varint("relay serial")?.get();
        let above_floor = r.varint("relay floor")?.get();
        let floor = serial.checked_sub(above_floor);
        let hop = Self {
            id: FanOutId {
                origin,
                generation,
                serial,
            },
            floor: floor.ok_or(DecodeError::Invalid {
                field: "relay floor",
            })?,
            part: r.varint("relay part")?.get(),
            pace_ms: read_positive(&mut r, "relay pace")?,
            timeout_ms: read_positive(&mut r, "relay time left")?,
            limit: read_positive(&mut r, "relay limit")?,
            command: Command(r.u16("relay command")?),
            place: read_place(&mut r)?,
            generation: match r.u8("relay generation flag")? {
                0 => None,
                HAS_GENERATION => Some(Generation(r.u64("relay generation")?)),
                _ => {
                    return Err(DecodeError::Invalid {
                        field: "relay generation flag",
                    });
                }
            },
        };
        let targets = RelayTargets::decode(Some(hop.place), &mut r)?;
        Ok((hop, targets, r.take_rest()))
    }
}

impl RelayOnce {
    /// Appends the message's head and its targets, of which there are at most [`RELAY_TARGETS_MAX`] in
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

/// The targets of a hop: checked as a whole when it was decoded.
#[derive(Clone, Debug)]
pub struct RelayTargets<'a> {
    reader: Reader<'a>,
    left: usize,
    before: Option<u32>,
}

impl<'a> RelayTargets<'a> {
    fn decode(before: Option<u32>, r: &mut Reader<'a>) -> Result<Self, DecodeError> {
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

/// Tells whoever sent a hop what is new, under [`Command::RELAY_REPORT`]; empty as a sign of life.
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

fn write_number(number: u64, w: &mut Writer<'_>) -> Result<(), Full> {
    w.varint(VarInt::new(number).map_err(|_| Full)?)
}

fn write_node(
    addr: SocketAddr,
    generation: Option<Generation>,
    w: &mut Writer<'_>,
) -> Result<(), Full> {
    let with_generation = if generation.is_some() {
        HAS_GENERATION
    } else {
        0
    };
    match addr.ip() {
        IpAddr::V4(ip) => {
            w.u8(with_generation)?;
            w.put(&ip.octets())?;
        }
        IpAddr::V6(ip) => {
            w.u8(with_generation | IS_V6)?;
            w.put(&ip.octets())?;
        }
    }
    w.u16(addr.port())?;
    generation.map_or(Ok(()), |generation| w.u64(generation.0))
}

fn write_targets(
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

fn read_node(
    r: &mut Reader<'_>,
    field: &'static str,
) -> Result<(SocketAddr, Option<Generation>), DecodeError> {
    let flags = r.u8(field)?;
    if flags & !(IS_V6 | HAS_GENERATION) != 0 {
        return Err(DecodeError::Invalid { field });
    }
    let ip = if flags & IS_V6 == 0 {
        IpAddr::from(r.array::<4>(field)?)
    } else {
        IpAddr::from(r.array::<16>(field)?)
    };
    let port = r.u16(field)?;
    let generation = if flags & HAS_GENERATION == 0 {
        None
    } else {
        Some(Generation(r.u64(field)?))
    };
    Ok((SocketAddr::new(ip, port), generation))
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

fn read_place(r: &mut Reader<'_>) -> Result<u32, DecodeError> {
    read_bounded(0, r, "relay place")
}

/// A place that is told by its distance from `lowest`.
fn read_bounded(lowest: u64, r: &mut Reader<'_>, field: &'static str) -> Result<u32, DecodeError> {
    let place = lowest.saturating_add(r.varint(field)?.get());
    match u32::try_from(place) {
        Ok(place) if place < RELAY_PLACES_MAX => Ok(place),
        _ => Err(DecodeError::Invalid { field }),
    }
}

fn read_positive(r: &mut Reader<'_>, field: &'static str) -> Result<u32, DecodeError> {
    match u32::try_from(r.varint(field)?.get()) {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(DecodeError::Invalid { field }),
    }
}
