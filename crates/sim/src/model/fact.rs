//! What is observed, in the model's own words.

use std::{fmt, net::SocketAddr};

use hobnob_endpoint::wire::{Generation, Instant};
use twox_hash::XxHash3_64;

use super::{copies::Sharing, names::Naming, notices::Notice, release::Release, sayings::Saying};

/// A call, by the number that its payload carries: unique in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// A process: one life of a node, from its start to its end. Unique in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId(pub u32);

/// A payload, as far as the model looks at it: its length and a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    /// Bytes.
    pub len: usize,
    /// XXH3 of the bytes.
    pub hash: u64,
}

/// What kind of call it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A one-way message that is to arrive.
    Send,
    /// A message that is to be answered.
    Request,
    /// A message that may get lost.
    Unreliable,
    /// One message to many; each delivery has an outcome of its own.
    FanOut,
    /// One message to many, by way of others.
    Relayed,
    /// A one-way message that is handled after the earlier ones of its stream.
    Ordered {
        /// Which stream of its sender.
        stream: u64,
        /// Which message of the stream: later ones have greater places.
        place: u64,
    },
}

/// For whom a message is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aim {
    /// At which address.
    pub addr: SocketAddr,
    /// For which process there. `None` is whoever is there when the message comes.
    pub generation: Option<Generation>,
}

/// How a call, or a delivery of a fan-out, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It was taken for the handlers there; of an unreliable message, it was handed over for sending.
    Delivered,
    /// It was answered.
    Answered,
    /// A handler failed, and said so.
    HandlerFailed,
    /// The deadline passed. Whether it was handled is unknown.
    Timeout,
    /// The node is gone. Whether it handled the call is unknown.
    PeerDown,
    /// The process it was for is gone, and a later one is in its place.
    PeerRestarted,
    /// The session was lost. Whether it was handled is unknown.
    SessionLost,
    /// Not handled: nobody there handles its command.
    NoHandler,
    /// Not handled: there was too much to do.
    Overloaded,
    /// Not handled: too large for the receiver; or it was handled, and the answer is too large.
    TooLarge,
    /// It was handled; the answer came in pieces, and was dropped for want of memory.
    AnswerDropped,
    /// The bytes made no sense to the other side.
    Malformed,
    /// The call was not taken on: nothing was sent.
    NotTaken,
}

/// What a node says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    /// Takes new clients.
    Online,
    /// Takes no new clients.
    Taken,
    /// Is shutting down.
    Offline,
}

/// Something that happened. Times inside a fact are those of the process's own clock.
#[derive(Clone, Copy, Debug)]
pub enum Fact<'a> {
    /// A process came up.
    Started {
        /// Which.
        process: ProcessId,
        /// Its address.
        addr: SocketAddr,
        /// Its generation.
        generation: Generation,
    },
    /// What a process said of itself from its start on, where that is more than nothing.
    Introduced {
        /// Which.
        process: ProcessId,
        /// The name that stays with its node; empty if it has none.
        name: &'a str,
        /// Which application it is.
        release: Release,
    },
    /// A process goes on under a later generation.
    Renewed {
        /// Which.
        process: ProcessId,
        /// The new one.
        generation: Generation,
    },
    /// A process is no more: it was killed, or has left.
    Stopped {
        /// Which.
        process: ProcessId,
    },
    /// A process has run until nothing was left that was due at `now`.
    Ran {
        /// Which.
        process: ProcessId,
        /// What its clock shows.
        now: Instant,
    },
    /// A call was made.
    Called {
        /// Which.
        call: CallId,
        /// Of which kind; not one to many.
        kind: Kind,
        /// Who made it.
        by: ProcessId,
        /// For whom.
        to: Aim,
        /// What it says.
        payload: Digest,
        /// When it must have ended.
        deadline: Instant,
    },
    /// A fan-out was begun.
    FanOutBegun {
        /// Which.
        call: CallId,
        /// Of which kind: [`Kind::FanOut`] or [`Kind::Relayed`].
        kind: Kind,
        /// Who did.
        by: ProcessId,
        /// For whom, each address once.
        to: &'a [Aim],
        /// Deliveries that may be in flight at once.
        limit: usize,
        /// What it says.
        payload: Digest,
        /// When it must have ended.
        deadline: Instant,
    },
    /// So many deliveries of a fan-out are in flight now.
    InFlight {
        /// Which fan-out.
        call: CallId,
        /// How many.
        deliveries: usize,
    },
    /// The caller gave the call up: it will not end.
    Cancelled {
        /// Which.
        call: CallId,
        /// Whether any datagram left its process since the call was made. If not, nothing of the call may
        /// ever arrive anywhere.
        was_sendable: bool,
    },
    /// A message was given to a handler.
    Handled {
        /// Which call's, read from the payload.
        call: CallId,
        /// By whom.
        by: ProcessId,
        /// From whom it came, as the handler was told.
        from: SocketAddr,
        /// What it said.
        payload: Digest,
        /// Of a request: until when its answer is wanted.
        until: Option<Instant>,
    },
    /// A handler answered.
    Responded {
        /// Which request.
        call: CallId,
        /// Who did.
        by: ProcessId,
        /// Whether the answer is a failure.
        is_failure: bool,
        /// What it said.
        payload: Digest,
    },
    /// A handler was told that nobody waits for its answer any more.
    Withdrawn {
        /// Which request.
        call: CallId,
        /// Whose handler.
        by: ProcessId,
    },
    /// A call ended.
    Ended {
        /// Which.
        call: CallId,
        /// How.
        outcome: Outcome,
        /// The answer, or the failure's text.
        answer: Option<Digest>,
        /// When.
        now: Instant,
    },
    /// Every delivery of a fan-out ended.
    FanOutEnded {
        /// Which.
        call: CallId,
        /// How each ended.
        report: &'a [(SocketAddr, Outcome)],
        /// When.
        now: Instant,
    },
    /// A node says something else of itself.
    Declared {
        /// Which process.
        process: ProcessId,
        /// What it is.
        state: Declared,
    },
    /// A process begins to say goodbye.
    Leaving {
        /// Which.
        process: ProcessId,
    },
    /// A process said goodbye, and that is over.
    LeaveEnded {
        /// Which.
        process: ProcessId,
        /// How many have confirmed.
        confirmed: usize,
        /// How many were to confirm.
        total: usize,
    },
    /// A node reports something of another one.
    Noticed {
        /// Who does.
        by: ProcessId,
        /// Of whom: where it is.
        addr: SocketAddr,
        /// Which process there.
        generation: Generation,
        /// What.
        notice: Notice,
    },
    /// Something happened to shared data.
    Shared {
        /// In whose copy.
        by: ProcessId,
        /// What.
        what: Sharing<'a>,
    },
    /// A process says something of itself, or learns what another one says.
    Said {
        /// Which.
        by: ProcessId,
        /// What.
        what: Saying<'a>,
    },
    /// A process reports something of its own name.
    Named {
        /// Which.
        by: ProcessId,
        /// What.
        what: Naming,
    },
    /// A process reports of another one that it does not work with it.
    Excluded {
        /// Who does.
        by: ProcessId,
        /// Of whom: where it is.
        addr: SocketAddr,
        /// Which process there.
        generation: Generation,
    },
    /// A node reports that there is nobody else, or that there is somebody again.
    Company {
        /// Who does.
        by: ProcessId,
        /// Whether there is nobody.
        is_alone: bool,
    },
}

impl Digest {
    /// Of `payload`.
    pub fn of(payload: &[u8]) -> Self {
        Self {
            len: payload.len(),
            hash: XxHash3_64::oneshot(payload),
        }
    }
}

impl Kind {
    /// The kind's name: one or two lower-case words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Request => "request",
            Self::Unreliable => "usend",
            Self::FanOut => "fan-out",
            Self::Relayed => "relayed",
            Self::Ordered { .. } => "ordered",
        }
    }
}

impl Outcome {
    /// The outcome's name: one or two lower-case words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Answered => "answered",
            Self::HandlerFailed => "handler failed",
            Self::Timeout => "timeout",
            Self::PeerDown => "peer down",
            Self::PeerRestarted => "peer restarted",
            Self::SessionLost => "session lost",
            Self::NoHandler => "no handler",
            Self::Overloaded => "overloaded",
            Self::TooLarge => "too large",
            Self::AnswerDropped => "answer dropped",
            Self::Malformed => "malformed",
            Self::NotTaken => "not taken",
        }
    }

    /// Whether it promises that no handler got the call and none will.
    pub const fn promises_unhandled(self) -> bool {
        matches!(self, Self::NoHandler | Self::Overloaded | Self::NotTaken)
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call {}", self.0)
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes {:016x}", self.len, self.hash)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.generation {
            Some(Generation(generation)) => write!(f, "{} generation {generation}", self.addr),
            None => write!(f, "whoever is at {}", self.addr),
        }
    }
}
