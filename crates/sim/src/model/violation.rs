//! What must never be seen.

use std::{net::SocketAddr, time::Duration};

use hobnob_endpoint::wire::{Generation, Instant};
use thiserror::Error;

use super::{
    copies::Misshare,
    fact::{CallId, Digest, Kind, Outcome, ProcessId},
    names::Misname,
    notices::Misreport,
    sayings::Missaid,
};

/// A promise that was broken: what was expected, and what was seen.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum Violation {
    /// A handler got what nobody sent.
    #[error("{by} handled {call}, which nobody made")]
    Invented {
        /// What its payload says.
        call: CallId,
        /// Who handled it.
        by: ProcessId,
    },
    /// A handler ran twice for one message.
    #[error("{call} ({kind}) was handled by {first} and again by {again}; at most once is allowed")]
    HandledTwice {
        /// Which.
        call: CallId,
        /// Its kind.
        kind: Kind,
        /// Who handled it first.
        first: ProcessId,
        /// Who handled it again.
        again: ProcessId,
    },
    /// A payload is not what was sent.
    #[error("{call} was sent with {sent} and came with {came}")]
    PayloadChanged {
        /// Which.
        call: CallId,
        /// What was sent.
        sent: Digest,
        /// What came.
        came: Digest,
    },
    /// A handler was told of another sender.
    #[error("{call} came from {expected}; the handler was told {seen}")]
    WrongSender {
        /// Which.
        call: CallId,
        /// Who sent it.
        expected: SocketAddr,
        /// What the handler was told.
        seen: SocketAddr,
    },
    /// A message came to a node that it was not for.
    #[error("{call} came to {by} at {seen}, for which it was not")]
    WrongAddress {
        /// Which.
        call: CallId,
        /// Who handled it.
        by: ProcessId,
        /// Where that is.
        seen: SocketAddr,
    },
    /// A message came to a process that does not work with its sender.
    #[error("{call} of {sender} was handled by {by}, which does not work with it")]
    HandledByForeigner {
        /// Which.
        call: CallId,
        /// Who made it.
        sender: ProcessId,
        /// Who handled it.
        by: ProcessId,
    },
    /// A message for one process came to another at its address.
    #[error("{call} was for generation {meant:?} and was handled by {by}, which is {seen:?}")]
    WrongGeneration {
        /// Which.
        call: CallId,
        /// For whom it was.
        meant: Generation,
        /// Who handled it.
        by: ProcessId,
        /// Its generations.
        seen: Vec<Generation>,
    },
    /// A call that was given up before anything of it could be sent was handled.
    #[error("{call} was cancelled before any datagram left, yet {by} handled it")]
    HandledUnsent {
        /// Which.
        call: CallId,
        /// Who handled it.
        by: ProcessId,
    },
    /// A call that ended as not handled was handled.
    #[error("{call} ended \"{outcome}\", which says that nobody handles it, yet {by} did")]
    HandledThough {
        /// Which.
        call: CallId,
        /// How it ended.
        outcome: Outcome,
        /// Who handled it.
        by: ProcessId,
    },
    /// A call ended because of a restart and was handled by the process after it.
    #[error("{call} ended \"peer restarted\", yet {by}, the one after the restart, handled it")]
    HandledBySuccessor {
        /// Which.
        call: CallId,
        /// Who handled it.
        by: ProcessId,
    },
    /// A call for one process ended because of a restart that never happened.
    #[error("{call} ended \"peer restarted\", yet {meant:?} at {addr} had no successor")]
    NotRestarted {
        /// Which.
        call: CallId,
        /// Where.
        addr: SocketAddr,
        /// For whom it was.
        meant: Generation,
    },
    /// A message of a stream was handled after a later one.
    #[error(
        "{call} is message {place} of stream {stream}; {by} had handled message {after} before"
    )]
    OutOfOrder {
        /// Which.
        call: CallId,
        /// Its stream.
        stream: u64,
        /// Its place in it.
        place: u64,
        /// Who handled it.
        by: ProcessId,
        /// The place of the one handled before.
        after: u64,
    },
    /// A call ended that nobody made, or that was over already.
    #[error("{call} ended \"{outcome}\", but it {state}")]
    EndedAgain {
        /// Which.
        call: CallId,
        /// How it ended now.
        outcome: Outcome,
        /// What was known of it.
        state: &'static str,
    },
    /// The deadline was said to have passed, and had not.
    #[error("{call} ended \"timeout\" at {at}, before its deadline at {deadline}")]
    TimeoutTooEarly {
        /// Which.
        call: CallId,
        /// When, by the caller's clock.
        at: Instant,
        /// Its deadline.
        deadline: Instant,
    },
    /// A call was said to be delivered or answered, and no handler got it.
    #[error("{call} ({kind}) ended \"{outcome}\" although no handler got it")]
    NotHandled {
        /// Which.
        call: CallId,
        /// Its kind.
        kind: Kind,
        /// How it ended.
        outcome: Outcome,
    },
    /// An answer is not the one that was given.
    #[error("the answer to {call} is {came:?}; its handler gave {given:?}")]
    WrongAnswer {
        /// Which.
        call: CallId,
        /// What the handler gave.
        given: Option<Digest>,
        /// What the caller got.
        came: Option<Digest>,
    },
    /// An outcome that this kind of call cannot have among nodes that keep to the protocol.
    #[error("{call} ({kind}) ended \"{outcome}\", which cannot be")]
    Impossible {
        /// Which.
        call: CallId,
        /// Its kind.
        kind: Kind,
        /// How it ended.
        outcome: Outcome,
    },
    /// A call is open although its deadline has passed and its process has run since.
    #[error("{call} ({kind}) is still open at {now}; its deadline was {deadline}")]
    Overdue {
        /// Which.
        call: CallId,
        /// Its kind.
        kind: Kind,
        /// Its deadline.
        deadline: Instant,
        /// What its process's clock shows.
        now: Instant,
    },
    /// A handler was not told that its request's deadline has passed.
    #[error("{by} still works on {call} at {now}; its caller gave up at {until}")]
    WorkOverdue {
        /// Which.
        call: CallId,
        /// Whose handler.
        by: ProcessId,
        /// When the answer was wanted.
        until: Instant,
        /// What its process's clock shows.
        now: Instant,
    },
    /// A handler was not told in time that its caller has given up.
    #[error("{by} still works on {call}, which was cancelled {since:?} ago")]
    StillAtWork {
        /// Which.
        call: CallId,
        /// Whose handler.
        by: ProcessId,
        /// Since when nobody waits.
        since: Duration,
    },
    /// More deliveries of a fan-out are in flight than its limit allows.
    #[error("{call} has {deliveries} deliveries in flight; {limit} are allowed")]
    LimitExceeded {
        /// Which fan-out.
        call: CallId,
        /// How many there are.
        deliveries: usize,
        /// How many may be.
        limit: usize,
    },
    /// A fan-out's report does not name each target once, in order.
    #[error(
        "the report of {call} names {seen} deliveries, or others than the {expected} there were"
    )]
    WrongReport {
        /// Which fan-out.
        call: CallId,
        /// Deliveries there were.
        expected: usize,
        /// Deliveries the report names.
        seen: usize,
    },
    /// A call never ended, although the faults are over and its deadline has passed.
    #[error("{call} ({kind}) never ended")]
    NeverEnded {
        /// Which.
        call: CallId,
        /// Its kind.
        kind: Kind,
    },
    /// A call came to nothing although nothing is wrong any more.
    #[error("{call} ended \"{outcome}\" although nothing is wrong any more")]
    Unserved {
        /// Which.
        call: CallId,
        /// How it ended.
        outcome: Outcome,
    },
    /// The faults are over, and a node still sees the cluster as it is not.
    #[error("{by} sees {addr} as {seen}; it is {expected}")]
    WrongView {
        /// Who sees it.
        by: ProcessId,
        /// Which address.
        addr: SocketAddr,
        /// How it is seen.
        seen: String,
        /// How it is.
        expected: String,
    },
    /// A node that was there all the time was suspected or declared dead.
    #[error("{by} took {addr} for {seen}, which was there all the time")]
    FalseSuspicion {
        /// Who did.
        by: ProcessId,
        /// Which address.
        addr: SocketAddr,
        /// For what it was taken.
        seen: String,
    },
    /// A node reported what should not have come, or shows what it has not reported.
    #[error(transparent)]
    Misreport(#[from] Misreport),
    /// Shared data is not as it can be.
    #[error(transparent)]
    Misshare(#[from] Misshare),
    /// A name is not as it must be.
    #[error(transparent)]
    Misname(#[from] Misname),
    /// What is read of a process is not what it says.
    #[error(transparent)]
    Missaid(#[from] Missaid),
    /// A process went on under a generation that is not later than the one before.
    #[error(
        "{process} goes on as generation {} after generation {}",
        generation.0,
        earlier.0
    )]
    RenewedBack {
        /// Which.
        process: ProcessId,
        /// The generation before.
        earlier: Generation,
        /// The one after.
        generation: Generation,
    },
    /// A queue, table or buffer holds more than its limit.
    #[error("{by}: {what} is {value}, above its limit of {limit}")]
    OverLimit {
        /// Whose.
        by: ProcessId,
        /// Which.
        what: &'static str,
        /// What it holds.
        value: usize,
        /// What it may hold.
        limit: usize,
    },
    /// Something is left behind although nothing is under way any more.
    #[error("{by}: {what} is {value} although nothing is under way")]
    LeftBehind {
        /// Whose.
        by: ProcessId,
        /// Which.
        what: &'static str,
        /// What it holds.
        value: usize,
    },
    /// A figure of a whole run is worse than promised.
    #[error("{what} is {value:.3}; the bound is {bound:.3}")]
    Figure {
        /// Which.
        what: &'static str,
        /// What it is.
        value: f64,
        /// What it must not pass.
        bound: f64,
    },
    /// A core panicked.
    #[error("panic: {message}")]
    Panic {
        /// What it said, and where.
        message: String,
    },
}

impl Violation {
    /// One word for it, for tables.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Invented { .. } => "invented",
            Self::HandledTwice { .. } => "handled-twice",
            Self::PayloadChanged { .. } => "payload-changed",
            Self::WrongSender { .. } => "wrong-sender",
            Self::WrongAddress { .. } => "wrong-address",
            Self::HandledByForeigner { .. } => "handled-by-foreigner",
            Self::WrongGeneration { .. } => "wrong-generation",
            Self::HandledUnsent { .. } => "handled-unsent",
            Self::HandledThough { .. } => "handled-though",
            Self::HandledBySuccessor { .. } => "handled-by-successor",
            Self::NotRestarted { .. } => "not-restarted",
            Self::OutOfOrder { .. } => "out-of-order",
            Self::EndedAgain { .. } => "ended-again",
            Self::TimeoutTooEarly { .. } => "timeout-too-early",
            Self::NotHandled { .. } => "not-handled",
            Self::WrongAnswer { .. } => "wrong-answer",
            Self::Impossible { .. } => "impossible",
            Self::Overdue { .. } => "overdue",
            Self::WorkOverdue { .. } => "work-overdue",
            Self::StillAtWork { .. } => "still-at-work",
            Self::LimitExceeded { .. } => "limit-exceeded",
            Self::WrongReport { .. } => "wrong-report",
            Self::NeverEnded { .. } => "never-ended",
            Self::Unserved { .. } => "unserved",
            Self::WrongView { .. } => "wrong-view",
            Self::FalseSuspicion { .. } => "false-suspicion",
            Self::Misreport(misreport) => misreport.name(),
            Self::Misshare(misshare) => misshare.name(),
            Self::Misname(misname) => misname.name(),
            Self::Missaid(missaid) => missaid.name(),
            Self::RenewedBack { .. } => "renewed-back",
            Self::OverLimit { .. } => "over-limit",
            Self::LeftBehind { .. } => "left-behind",
            Self::Figure { .. } => "figure",
            Self::Panic { .. } => "panic",
        }
    }
}
