//! The membership for whoever shards by it: versions that have settled.

mod settling;

use std::{fmt, net::SocketAddr, sync::Arc};

use arc_swap::ArcSwapOption;
use tokio::sync::Notify;

pub(crate) use settling::{Holding, Settling};
use settling::{Version, without};

use crate::{
    driver::Shared,
    nodes::Node,
    pick::{Dice, Pick},
};

/// The members of the cluster as they were when they had settled.
///
/// A member is a node that is there and has not said that it is going: Online or Taken, and Suspect as well, for what
/// is only suspected keeps its shards. Offline ones are none any more, so that what they hold can be handed over while
/// they still answer. A process that starts again is another member.
///
/// Each node makes versions for itself, out of what it sees: nobody has agreed to them. Two nodes mostly come to the
/// same members, not at the same moment, and where the network is cut each side has its own. The numbers of one node
/// mean nothing to another, nor to its next process.
#[derive(Clone, Debug)]
pub struct View {
    version: Arc<Version>,
    me: SocketAddr,
    dice: Arc<Dice>,
}

impl View {
    /// Grows with each version; the first is 1.
    pub fn number(&self) -> u64 {
        self.version.number
    }

    /// The members in the order of their addresses, this node included. What they say of themselves is as it was when
    /// the version was made.
    pub fn members(&self) -> &[Node] {
        &self.version.members
    }

    /// Those that one of a type is chosen from: all its members, in whatever state. For the owner of a key; new work
    /// is better given by [`Mesh::pick`](crate::Mesh::pick).
    pub fn pick(&self, node_type: &str) -> Pick {
        let members = self.version.members.clone();
        Pick::new(members, self.me, self.dice.clone(), |node| {
            node.node_type() == node_type
        })
    }
}

/// A version of the membership, and what is different in it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ViewChange {
    /// The version.
    pub view: View,
    /// Members that the one before did not have; at first all of them.
    pub added: Vec<Node>,
    /// Members of the one before that this one does not have, as they were then.
    pub removed: Vec<Node>,
}

/// Receives the settled versions of the membership. Made by [`Mesh::views`](crate::Mesh::views).
pub struct Views {
    shared: Arc<Shared>,
    last: Option<Arc<Version>>,
}

impl fmt::Debug for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Views")
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}

impl Views {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared, last: None }
    }

    /// The next version: at first the one that stands, as soon as there is any. `None` once the mesh is shut down.
    ///
    /// Who is slow misses versions and no change: what is added and removed is told against the version that this
    /// reader had before, and is never nothing.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no version is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<ViewChange> {
        let shared = self.shared.clone();
        loop {
            // Made before the look: what happens after it is not missed.
            let released = shared.views.released.notified();
            if let Some(change) = self.take() {
                return Some(change);
            }
            if shared.is_closed() {
                return None;
            }
            tokio::select! {
                biased;
                () = released => {}
                () = shared.closed.wait() => {}
            }
        }
    }

    fn take(&mut self) -> Option<ViewChange> {
        let view = self.shared.view()?;
        let (members, before) = (view.members(), self.last.as_ref());
        let before = before.map_or(&[][..], |version| &version.members);
        let (added, removed) = (without(members, before), without(before, members));
        self.last = Some(view.version.clone());
        // A member that went and came back while nobody read is no change; the first version of a reader always is.
        (!added.is_empty() || !removed.is_empty()).then_some(ViewChange {
            view,
            added,
            removed,
        })
    }
}

/// Where the driver puts versions for everybody to read.
#[derive(Debug, Default)]
pub(crate) struct Board {
    latest: ArcSwapOption<Version>,
    released: Notify,
}

impl Board {
    pub(crate) fn put(&self, version: Arc<Version>) {
        self.latest.store(Some(version));
        self.released.notify_waiters();
    }
}

impl Shared {
    pub(crate) fn view(&self) -> Option<View> {
        Some(View {
            version: self.views.latest.load_full()?,
            me: self.snapshot.load().me.address(),
            dice: self.dice.clone(),
        })
    }
}

#[cfg(test)]
#[path = "../../tests/unit/view.rs"]
mod tests;
