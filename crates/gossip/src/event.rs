//! What happened to the cluster, as one node sees it.

use alloc::{string::String, sync::Arc};

use crate::{
    identity::Identity,
    metadata::Metadata,
    node::{Node, NodeState},
};

/// A change of the directory, or of this node's own place in the cluster.
///
/// Of one process at one address the order is: [`NodeUp`](Self::NodeUp), then changes, then one of
/// [`Left`](Self::Left), [`Failed`](Self::Failed) and [`Replaced`](Self::Replaced). After `Failed` the same
/// process may come up again, when it had been declared dead by mistake; `Failed` may turn into `Left` by
/// a `StateChanged` when its goodbye arrives late; and a node that is gone but still listed leaves the list
/// with `Replaced` when its successor shows up. A process that was replaced because its name is another's comes up
/// again if it is still there when the name is free.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A node is part of the cluster, with its metadata at hand.
    NodeUp(Arc<Node>),
    /// A node's state is another one. Coming and going have events of their own.
    StateChanged {
        /// The node, as it is now.
        node: Arc<Node>,
        /// What its state was.
        from: NodeState,
        /// What it is.
        to: NodeState,
    },
    /// A live node says something else about itself.
    MetadataChanged {
        /// The node, as it is now.
        node: Arc<Node>,
        /// What it said before.
        old: Arc<Metadata>,
    },
    /// A node said goodbye.
    Left(Arc<Node>),
    /// A node was declared dead.
    Failed(Arc<Node>),
    /// A process is not shown any more because there is another one in its place: a newer one at the same address, or
    /// the one that its name belongs to at another. That one has its own [`NodeUp`](Self::NodeUp), before or after
    /// this, unless it is this very node.
    Replaced {
        /// The one that is gone, as it last was.
        old: Arc<Node>,
        /// The one in its place.
        new: Identity,
    },
    /// This node had been declared dead by mistake and came back, or found that its address had been used
    /// by a later generation than its own. Only in the second case `identity` has another generation.
    SelfRenewed {
        /// Who this node is now.
        identity: Identity,
    },
    /// A leave is over: everybody knows, or the leave timeout has passed.
    LeaveFinished {
        /// Peers that confirmed.
        confirmed: usize,
        /// Peers that were there to confirm.
        total: usize,
    },
    /// Another live node has this node's name. Told on both, once for each such process and each outcome; a refusal that
    /// comes again after the name was [free](Self::NameFree) is told again.
    NameConflict {
        /// The name.
        name: String,
        /// The other one.
        other: Identity,
        /// Whether it is this node that is refused, and shown to nobody while the other one is there. Otherwise the
        /// other one is.
        is_refused: bool,
    },
    /// A node that others know runs a version of the application that does not work with this node's, by the word of
    /// one of the two. It is not shown and not spoken of. Told once for each process, as long as it is remembered.
    Incompatible(Arc<Node>),
    /// The name that this node was refused is its own from now on.
    NameFree {
        /// The name.
        name: String,
    },
    /// There is no live peer any more: announce to seeds again.
    Alone,
    /// There is a live peer.
    Accompanied,
}
