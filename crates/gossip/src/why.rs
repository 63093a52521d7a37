//! Why a node is suspected or counts as failed.

use alloc::vec::Vec;
use core::net::SocketAddr;

use hobnob_wire::Instant;

use crate::identity::Identity;

/// What led to a suspicion, as far as this node knows. Times are when this node learned of things, by its own
/// clock.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Why {
    /// Which process.
    pub identity: Identity,
    /// Since when it is, or was, suspected here.
    pub since: Instant,
    /// This node's own health then, from 0, nothing wrong, to 8: how many times longer than usual it waited for
    /// answers before it would accuse anybody.
    pub health: u8,
    /// Whose probes were not answered, directly or by way of others, in the order in which this node learned of them;
    /// this node may be among them, and the suspect itself, if it said that it hears badly. The first few only: more
    /// would change nothing. None when the suspicion came with somebody else's view.
    pub accusers: Vec<Accuser>,
    /// This node's own probes that were not answered, the last few, oldest first. None where this node only
    /// has the word of others.
    pub probes: Vec<FailedProbe>,
    /// When its answers to messages last put off the verdict.
    pub vouched_at: Option<Instant>,
    /// How it ended, if it did.
    pub verdict: Option<Verdict>,
}

/// A node whose probe was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accuser {
    /// Who.
    pub addr: SocketAddr,
    /// When this node learned of it.
    pub at: Instant,
}

/// A probe that came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedProbe {
    /// When the ping was sent.
    pub began: Instant,
    /// When waiting for an answer was over.
    pub ended: Instant,
    /// How many others were asked to probe too.
    pub helpers: usize,
    /// How many of them said that they had no answer either. The others said nothing, which speaks against
    /// this node rather than against the one it probed.
    pub nacks: usize,
}

/// The end of a suspicion that was not refuted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// When the node was declared dead, or when this node heard of that.
    pub at: Instant,
    /// Whether this node's own timer ran out. Otherwise another node was quicker.
    pub is_own: bool,
}
