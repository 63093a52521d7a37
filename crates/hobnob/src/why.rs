//! Why a node is suspected or counts as failed.

use std::{net::SocketAddr, time::Duration};

use hobnob_endpoint::{gossip, wire::Instant};

/// What led to a suspicion or a verdict, as far as this node knows. All times are how long ago, by this node's
/// clock, when it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Why {
    /// Whom it is about.
    pub address: SocketAddr,
    /// Which life of it.
    pub generation: u64,
    /// When this node began to suspect it.
    pub suspected: Duration,
    /// This node's own health then: 0 when nothing spoke against it, up to 8. It is how many times longer than usual
    /// this node waited for answers, because it had reason to doubt itself.
    pub health: u8,
    /// Whose probes were not answered: the accuser, and those who confirmed it, in the order in which this node heard
    /// of them. It may be one of them itself. Empty when it only has somebody else's view.
    pub accusers: Vec<Accuser>,
    /// This node's own probes that were not answered, oldest first; the last few.
    pub probes: Vec<FailedProbe>,
    /// When the verdict was last put off because the node answered messages.
    pub vouched: Option<Duration>,
    /// The verdict, if there is one.
    pub verdict: Option<Verdict>,
}

/// A node whose probe was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accuser {
    /// Who.
    pub address: SocketAddr,
    /// When this node heard of it.
    pub heard: Duration,
}

/// A probe of this node's own that was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedProbe {
    /// When it began.
    pub began: Duration,
    /// How long it waited.
    pub waited: Duration,
    /// How many others were asked to probe too.
    pub helpers: usize,
    /// How many of those said that they had no answer either; the others said nothing.
    pub nacks: usize,
}

/// The end of a suspicion that was not refuted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// When the node began to count as failed.
    pub reached: Duration,
    /// Whether this node reached it. Otherwise another one was quicker, and this one heard of it.
    pub is_own: bool,
}

impl Why {
    pub(crate) fn of(why: &gossip::Why, now: Instant) -> Self {
        let ago = |at: Instant| now.saturating_since(at);
        let accusers = why.accusers.iter().map(|accuser| Accuser {
            address: accuser.addr,
            heard: ago(accuser.at),
        });
        let probes = why.probes.iter().map(|probe| FailedProbe {
            began: ago(probe.began),
            waited: probe.ended.saturating_since(probe.began),
            helpers: probe.helpers,
            nacks: probe.nacks,
        });
        Self {
            address: why.identity.addr,
            generation: why.identity.generation.0,
            suspected: ago(why.since),
            health: why.health,
            accusers: accusers.collect(),
            probes: probes.collect(),
            vouched: why.vouched_at.map(ago),
            verdict: why.verdict.map(|verdict| Verdict {
                reached: ago(verdict.at),
                is_own: verdict.is_own,
            }),
        }
    }
}
