//! The stream of membership changes.

use std::{net::SocketAddr, sync::Arc};

use hobnob_endpoint::{
    gossip::{self, NodeState},
    shared::values::Changed,
};
use thiserror::Error;
use tokio::sync::broadcast;

use crate::{driver::Core, nodes::Node};

/// Changes a reader may lag behind before it loses the oldest. At a thousand nodes one restart of the whole
/// cluster fits.
pub(crate) const EVENTS_MAX: usize = 4_096;

/// Something changed in the cluster.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A node is there that was not.
    NodeUp(Node),
    /// A node's state changed.
    StateChanged {
        /// The node, as it is now.
        node: Node,
        /// What it was.
        from: NodeState,
        /// What it is.
        to: NodeState,
    },
    /// A node's metadata changed.
    MetadataChanged(Node),
    /// A node has set or removed values.
    ValuesChanged {
        /// The node, as it is now.
        node: Node,
        /// Under which keys, in their order.
        keys: Vec<Arc<str>>,
    },
    /// A node said goodbye.
    Left(Node),
    /// A node was declared dead.
    Failed(Node),
    /// A later process took a node's place: at its address, or under its name.
    Replaced {
        /// The node that is gone.
        old: Node,
        /// Where the later process is.
        address: SocketAddr,
        /// Which life of the node it is.
        generation: u64,
    },
}

impl Event {
    /// Tells the log: of who comes and goes, whoever runs the servers; of the rest, whoever debugs them.
    pub(crate) fn log(&self) {
        match self {
            Self::NodeUp(node) => {
                tracing::info!(node = %node.address(), name = node.name(), "node joined");
            }
            Self::Left(node) => {
                tracing::info!(node = %node.address(), name = node.name(), "node left");
            }
            Self::Failed(node) => {
                tracing::info!(node = %node.address(), name = node.name(), "node failed");
            }
            Self::Replaced { old, address, .. } => {
                tracing::info!(node = %old.address(), name = old.name(), by = %address, "node replaced");
            }
            Self::StateChanged { node, from, to } => {
                tracing::debug!(node = %node.address(), name = node.name(), ?from, ?to, "node changed its state");
            }
            Self::MetadataChanged(node) => {
                tracing::debug!(node = %node.address(), name = node.name(), "node changed its metadata");
            }
            Self::ValuesChanged { node, keys } => {
                tracing::trace!(node = %node.address(), name = node.name(), ?keys, "node changed its values");
            }
        }
    }
}

/// Why [`Events::recv`], or [`SharedEvents::recv`](crate::SharedEvents::recv), has no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EventsError {
    /// The reader was too slow: this many events were lost. The next call goes on with the oldest one that
    /// is still there; [`Mesh::nodes`](crate::Mesh::nodes) tells how things stand.
    #[error("lagged behind and lost {0} events")]
    Lagged(u64),
    /// The mesh is shut down: no event will follow.
    #[error("the mesh is shut down")]
    Closed,
}

/// Receives every [`Event`] since it was made.
#[derive(Debug)]
pub struct Events {
    receiver: broadcast::Receiver<Event>,
}

impl Events {
    pub(crate) const fn new(receiver: broadcast::Receiver<Event>) -> Self {
        Self { receiver }
    }

    /// The next event.
    ///
    /// # Errors
    ///
    /// [`EventsError`]; after [`EventsError::Lagged`] the stream goes on.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no event is lost when the future is dropped.
    pub async fn recv(&mut self) -> Result<Event, EventsError> {
        self.receiver.recv().await.map_err(EventsError::from)
    }
}

impl From<broadcast::error::RecvError> for EventsError {
    fn from(error: broadcast::error::RecvError) -> Self {
        match error {
            broadcast::error::RecvError::Lagged(lost) => Self::Lagged(lost),
            broadcast::error::RecvError::Closed => Self::Closed,
        }
    }
}

/// The user's view of what the membership core said, where there is one.
pub(crate) fn from_gossip(event: &gossip::Event, core: &mut Core) -> Option<Event> {
    let mut node = |seen: &Arc<gossip::Node>| core.unpacked.node(&core.endpoint, seen);
    Some(match event {
        gossip::Event::NodeUp(up) => Event::NodeUp(node(up)),
        gossip::Event::StateChanged {
            node: changed,
            from,
            to,
        } => Event::StateChanged {
            node: node(changed),
            from: *from,
            to: *to,
        },
        gossip::Event::MetadataChanged { node: changed, .. } => {
            Event::MetadataChanged(node(changed))
        }
        gossip::Event::Left(left) => Event::Left(node(left)),
        gossip::Event::Failed(failed) => Event::Failed(node(failed)),
        gossip::Event::Replaced { old, new } => Event::Replaced {
            old: node(old),
            address: new.addr,
            generation: new.generation.0,
        },
        _ => return None,
    })
}

/// The user's view of a change of values, if there still is such a node.
pub(crate) fn from_values(change: Changed, core: &mut Core) -> Option<Event> {
    let seen = core.endpoint.members().node(change.process.addr)?;
    let is_same = seen.identity.generation == change.process.generation;
    is_same.then(|| Event::ValuesChanged {
        node: core.unpacked.node(&core.endpoint, seen),
        keys: change.keys,
    })
}
