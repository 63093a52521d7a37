//! The stream of membership changes.

use std::{fmt, net::SocketAddr, sync::Arc};

use hobnob_endpoint::{
    Endpoint,
    gossip::{self, NodeState},
    shared::values::Changed,
    wire::{AppRelease, RefuseReason},
};
use thiserror::Error;
use tokio::sync::broadcast;

use crate::{driver::Core, error::NameTaken, nodes::Node};

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
    /// Another live node has this node's name. Told on both, once for each such process and each outcome; a refusal that
    /// comes again after the name was [free](Self::NameFree) is told again.
    NameConflict {
        /// The name.
        name: String,
        /// Where the other one is.
        address: SocketAddr,
        /// Which life of it.
        generation: u64,
        /// Whether this node is the one that is refused: see [`Mesh::refusal`](crate::Mesh::refusal). Otherwise the
        /// other one is.
        is_refused: bool,
    },
    /// The name that this node was refused is its own from now on.
    NameFree {
        /// The name.
        name: String,
    },
    /// A node was met or heard of that has nothing to do with this one, nor this one with it. Told once for each address
    /// and reason, and again after ten minutes if it goes on. A greeting can be forged: the address need not be the sender's.
    Incompatible {
        /// Where.
        address: SocketAddr,
        /// Why.
        reason: Incompatibility,
    },
}

/// Why two nodes have nothing to do with each other.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Incompatibility {
    /// They are of applications with different names.
    Application,
    /// At least one of the two does not work with the other's version of the application.
    Version {
        /// The other one's version, three numbers; empty when it names none.
        version: String,
        /// The versions it works with; empty for all.
        compatible_with: String,
        /// This node's version, in the same form.
        own_version: String,
        /// The versions this node works with.
        own_compatible_with: String,
    },
    /// They have no version of Hobnob's datagrams in common.
    Format {
        /// The oldest one that the other one speaks.
        min: u8,
        /// The newest one.
        max: u8,
    },
}

impl fmt::Display for Incompatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Application => f.write_str("it is of another application"),
            Self::Version {
                version,
                compatible_with,
                own_version,
                own_compatible_with,
            } => {
                let version_of = |text| told_or(text, "none");
                let range_of = |text| told_or(text, "all versions");
                write!(
                    f,
                    "its version is {}, and it works with {}; this node's version is {}, and it works with {}",
                    version_of(version),
                    range_of(compatible_with),
                    version_of(own_version),
                    range_of(own_compatible_with),
                )
            }
            Self::Format { min, max } => write!(f, "it speaks the datagram formats {min} to {max}"),
        }
    }
}

fn told_or<'a>(text: &'a str, empty: &'a str) -> &'a str {
    if text.is_empty() { empty } else { text }
}

impl Incompatibility {
    /// Why the node of an endpoint has nothing to do with another. `None` for what is no incompatibility.
    pub(crate) fn of(reason: RefuseReason, endpoint: &Endpoint) -> Option<Self> {
        match reason {
            RefuseReason::Cluster => Some(Self::Application),
            RefuseReason::Version { min, max } => Some(Self::Format { min, max }),
            RefuseReason::Incompatible { release } => {
                let (version, compatible_with) = texts(release);
                let own = endpoint.members().me().metadata.release();
                let (own_version, own_compatible_with) = texts(own);
                Some(Self::Version {
                    version,
                    compatible_with,
                    own_version,
                    own_compatible_with,
                })
            }
            _ => None,
        }
    }
}

/// A version and the versions it works with; empty where there is none.
fn texts(release: AppRelease) -> (String, String) {
    let version = release.version.map(|it| it.to_string());
    let range = release.compatible_with.map(|it| it.to_string());
    (version.unwrap_or_default(), range.unwrap_or_default())
}

impl Event {
    /// Tells the log: of who comes and goes, whoever runs the servers, and loudly what they have to mend; of the rest,
    /// whoever debugs them.
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
            Self::NameConflict {
                name,
                address,
                generation,
                is_refused,
            } => {
                let taken = NameTaken {
                    name: name.clone(),
                    address: *address,
                    generation: *generation,
                };
                if *is_refused {
                    tracing::error!(%taken, "refused");
                } else {
                    tracing::warn!(name, node = %address, "another live node has this node's name; it is refused");
                }
            }
            Self::NameFree { name } => tracing::info!(name, "the name is this node's now"),
            Self::Incompatible { address, reason } => {
                tracing::warn!(node = %address, %reason, "a node that does not work with this one");
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
        gossip::Event::NameConflict {
            name,
            other,
            is_refused,
        } => Event::NameConflict {
            name: name.clone(),
            address: other.addr,
            generation: other.generation.0,
            is_refused: *is_refused,
        },
        gossip::Event::NameFree { name } => Event::NameFree { name: name.clone() },
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
