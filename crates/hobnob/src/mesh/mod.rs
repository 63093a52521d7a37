//! The handle everything is done with.

mod calls;

use std::{fmt, net::SocketAddr, sync::Arc};

use hobnob_endpoint::gossip::{DeclaredState, ForgetError, NodeState};

use crate::{
    admission::Admission,
    builder::MeshBuilder,
    driver::Shared,
    error::NameTaken,
    events::{Events, Incompatibility},
    nodes::{Node, Nodes},
    pick::Pick,
    stats::Stats,
    view::{View, Views},
    why::Why,
};

/// A node of the mesh. Cheap to clone; all clones are the same node.
///
/// The node lives until [`shutdown`](Self::shutdown), not until its last handle is dropped: handlers hold
/// handles too.
#[derive(Clone)]
pub struct Mesh {
    pub(crate) shared: Arc<Shared>,
}

impl fmt::Debug for Mesh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mesh").field(&self.address()).finish()
    }
}

impl Mesh {
    /// Begins a node of a type: any text of at most 64 bytes, or one of [`node_type`](crate::node_type).
    pub fn builder(node_type: impl Into<String>) -> MeshBuilder {
        MeshBuilder::new(node_type.into())
    }

    pub(crate) const fn from_shared(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    // Who is there. All from a snapshot: never waits for the network.

    /// This node's mesh address.
    pub fn address(&self) -> SocketAddr {
        self.shared.settings.address
    }

    /// This node, as the others see it.
    pub fn me(&self) -> Node {
        self.shared.snapshot.load().me.clone()
    }

    /// All other nodes that are known, gone ones included for as long as they are remembered.
    pub fn nodes(&self) -> Nodes {
        self.shared.snapshot.load().nodes()
    }

    /// All other nodes of a type; `.online()` leaves those that take new work.
    pub fn nodes_by_type(&self, node_type: &str) -> Nodes {
        self.shared.snapshot.load().of_type(node_type)
    }

    /// Those that one of a type is chosen from, for new work or for a key: the Online ones as they are known now, this
    /// node included.
    pub fn pick(&self, node_type: &str) -> Pick {
        let snapshot = self.shared.snapshot.load();
        let (everybody, me) = (snapshot.everybody.clone(), snapshot.me.address());
        Pick::new(everybody, me, self.shared.dice.clone(), |node| {
            node.is_online() && node.node_type() == node_type
        })
    }

    /// The types of all known nodes, this one included, in alphabetical order.
    pub fn types(&self) -> Vec<String> {
        self.shared.snapshot.load().types()
    }

    /// What is known of the node at an address, this one included.
    pub fn node(&self, address: SocketAddr) -> Option<Node> {
        self.shared.snapshot.load().node(address).cloned()
    }

    /// Why the node at an address is suspected, or was last declared dead. `None` when it never was, or is not
    /// remembered any more.
    pub fn why(&self, address: SocketAddr) -> Option<Why> {
        let now = self.shared.clock.now();
        let core = self.shared.core();
        let why = core.endpoint.members().why(address)?;
        Some(Why::of(&why, now))
    }

    /// Forgets a node that has left or failed: it is not listed any more, and not called in case it is back. At once
    /// here; at the others within seconds, as far as they can be reached and hold it for gone as well. Those that
    /// do not hear of it forget it by their own time, [`forget_after`](MeshBuilder::forget_after); what they
    /// know brings it back to nobody. If its process is there after all, it is met again as soon as it calls anybody.
    ///
    /// # Errors
    ///
    /// [`ForgetError`] when it is not known, not gone, or this node itself; nothing was changed.
    pub fn forget(&self, address: SocketAddr) -> Result<(), ForgetError> {
        self.shared
            .command(|core, now| core.endpoint.forget(now, address))?;
        self.publish();
        self.shared.flush_now();
        Ok(())
    }

    /// Whether the node at an address is Online, and nothing else.
    pub fn is_node_online(&self, address: SocketAddr) -> bool {
        self.shared
            .snapshot
            .load()
            .node(address)
            .is_some_and(Node::is_online)
    }

    /// Whether this node is Online, and nothing else.
    pub fn is_online(&self) -> bool {
        self.shared.admission.state() == DeclaredState::Online
            && self.me().state() != NodeState::Refused
    }

    /// Why this node is in nobody's view, if it is so: another live node has its name, and had it first. It is found out
    /// soon after the start, since only the cluster knows; [`Event::NameConflict`](crate::Event::NameConflict) tells it to
    /// both. When the other one has left or failed, this one comes in by itself:
    /// [`Event::NameFree`](crate::Event::NameFree). Meanwhile it sees the others, and its own state is
    /// [`Refused`](NodeState::Refused).
    pub fn refusal(&self) -> Option<NameTaken> {
        let core = self.shared.core();
        let members = core.endpoint.members();
        let holder = members.refused_by()?;
        Some(NameTaken {
            name: members.me().metadata.name().to_owned(),
            address: holder.addr,
            generation: holder.generation.0,
        })
    }

    /// The nodes that this one met or heard of and does not work with, and why, in the order of their addresses: the 256
    /// last ones. They may be gone by now.
    pub fn incompatible(&self) -> Vec<(SocketAddr, Incompatibility)> {
        let core = self.shared.core();
        let strangers = core.endpoint.strangers();
        strangers
            .filter_map(|(addr, reason)| Some((addr, Incompatibility::of(reason, &core.endpoint)?)))
            .collect()
    }

    /// Receives every membership change from now on.
    pub fn events(&self) -> Events {
        let events = self
            .shared
            .events
            .lock()
            .expect("no panic while telling events");
        let receiver = events
            .as_ref()
            .map(tokio::sync::broadcast::Sender::subscribe);
        // A closed mesh has no sender: a channel whose sender is gone says Closed at once.
        Events::new(receiver.unwrap_or_else(|| tokio::sync::broadcast::channel(1).1))
    }

    /// Receives the versions of the membership that have settled, from the one that stands on: for whoever shards by
    /// it, or does anything else at a change of members that should not be done ten times where ten nodes crash
    /// together. Each change is held back until nothing has changed for a while, at most for a bound:
    /// [`view_quiet`](MeshBuilder::view_quiet), [`view_held_max`](MeshBuilder::view_held_max).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use hobnob::Mesh;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let mesh = Mesh::builder("rooms").view_quiet(Duration::from_millis(1)).start().await?;
    /// let mut views = mesh.views();
    /// while let Some(change) = views.next().await {
    ///     println!("version {}: {} came, {} went", change.view.number(), change.added.len(), change.removed.len());
    ///     let is_mine = |key: &str| change.view.pick("rooms").by_key(key) == Some(mesh.me());
    ///     assert!(is_mine("room 7"), "there is nobody else");
    /// #   break;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn views(&self) -> Views {
        Views::new(self.shared.clone())
    }

    /// The version of the membership that stands, without waiting for it: `None` until what the node found after its
    /// start has settled.
    pub fn view(&self) -> Option<View> {
        self.shared.view()
    }

    // What this node says of itself.

    /// Taken: no new clients, but new work from those it has. `false` goes back to Online. Changes nothing
    /// once the node is Offline.
    pub fn set_taken(&self, taken: bool) {
        let state = if taken {
            DeclaredState::Taken
        } else {
            DeclaredState::Online
        };
        self.declare(state);
    }

    pub(crate) fn declare(&self, state: DeclaredState) {
        let changes = self.shared.command(|core, now| {
            let changes = self.shared.admission.set_state(state);
            if changes {
                core.endpoint.set_state(now, state);
            }
            changes
        });
        if changes {
            self.publish();
            self.shared.flush_now();
        }
    }

    /// Shows a change of this node itself in the snapshot at once, so that its caller finds it there.
    pub(crate) fn publish(&self) {
        let snapshot = self.shared.core().snapshot();
        self.shared.snapshot.store(Arc::new(snapshot));
    }

    /// Who may still come in: permits for clients and rooms.
    pub fn admission(&self) -> &Admission {
        &self.shared.admission
    }

    /// Counters of this node.
    pub fn stats(&self) -> Stats {
        Stats::of(&self.shared)
    }

    /// Resolves when the node has been shut down.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only watches.
    pub async fn closed(&self) {
        self.shared.closed.wait().await;
    }
}
