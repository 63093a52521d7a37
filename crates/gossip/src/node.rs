//! A node as its peers see it.

use alloc::sync::Arc;
use core::{fmt, net::SocketAddr};

use crate::{identity::Identity, metadata::Metadata};

/// What a node says of itself while it is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeclaredState {
    /// Takes new clients.
    #[default]
    Online,
    /// Takes no new clients, still serves new work from those it has.
    Taken,
    /// Shutting down: no new clients, no new rooms or groups.
    Offline,
}

/// What others see of a node: its own word, unless the cluster knows better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum NodeState {
    /// Takes new clients.
    Online,
    /// Takes no new clients, still serves new work from those it has.
    Taken,
    /// Shutting down: no new clients, no new rooms or groups.
    Offline,
    /// Did not answer; will be declared failed unless it is heard of soon.
    Suspect,
    /// Said goodbye. Only ever by the node's own word.
    Left,
    /// Was declared dead by the cluster.
    Failed,
    /// Its name belongs to another live node, so it is no member until that one is gone. Only a node itself is ever
    /// seen like this, by itself: the others do not show it.
    Refused,
}

impl NodeState {
    /// Whether the node is no longer part of the cluster.
    #[must_use]
    pub const fn is_gone(self) -> bool {
        matches!(self, Self::Left | Self::Failed)
    }

    /// The name by which the state is shown: one lower-case word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Taken => "taken",
            Self::Offline => "offline",
            Self::Suspect => "suspect",
            Self::Left => "left",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<DeclaredState> for NodeState {
    fn from(declared: DeclaredState) -> Self {
        match declared {
            DeclaredState::Online => Self::Online,
            DeclaredState::Taken => Self::Taken,
            DeclaredState::Offline => Self::Offline,
        }
    }
}

/// One node, at one moment. Never changes: what is newer is another `Node`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Node {
    /// Where it is and which process it is there.
    pub identity: Identity,
    /// What is to be thought of it.
    pub state: NodeState,
    /// What it last said of itself; [`DeclaredState::Offline`] once it has left.
    pub declared: DeclaredState,
    /// What it says about itself besides.
    pub metadata: Arc<Metadata>,
    /// Grows with each change the node made to its word.
    pub version: u64,
}

impl Node {
    /// Where its mesh port is.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.identity.addr
    }

    /// Whether it takes new clients, as far as is known.
    #[must_use]
    pub fn is_online(&self) -> bool {
        self.state == NodeState::Online
    }
}
