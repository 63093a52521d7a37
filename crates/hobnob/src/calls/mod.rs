//! The calls of a [`Mesh`](crate::Mesh), as futures that are set up before they are awaited.

mod addressees;
mod call;
mod calling;
mod many;
mod turns;
mod unreliable;

use std::net::SocketAddr;

pub use call::{Call, Request, Send, UnderWay};
pub use many::{Report, SendMany};
pub(crate) use turns::Turns;
pub use unreliable::{Usend, UsendMany};

use crate::nodes::Node;

/// Whom a call is for: an address, or a node.
///
/// A [`Node`] stands for the process it was seen as: if another one has taken its place, the call ends with
/// an error that says so. An address takes whoever is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target(pub(crate) hobnob_endpoint::Target);

impl Target {
    /// The address the call goes to.
    pub const fn address(&self) -> SocketAddr {
        self.0.addr
    }
}

impl From<SocketAddr> for Target {
    fn from(addr: SocketAddr) -> Self {
        Self(hobnob_endpoint::Target {
            addr,
            generation: None,
        })
    }
}

impl From<&SocketAddr> for Target {
    fn from(addr: &SocketAddr) -> Self {
        (*addr).into()
    }
}

impl From<&Node> for Target {
    fn from(node: &Node) -> Self {
        let generation = Some(hobnob_endpoint::wire::Generation(node.generation()));
        Self(hobnob_endpoint::Target {
            addr: node.address(),
            generation,
        })
    }
}

impl From<Node> for Target {
    fn from(node: Node) -> Self {
        (&node).into()
    }
}

impl From<&Self> for Target {
    fn from(target: &Self) -> Self {
        *target
    }
}
