//! How the servers of one cluster find and talk to each other, with nothing else to run.
//!
//! A server embeds a [`Mesh`], names its type, and from then on lists the live nodes of any type, calls
//! them, and fans a message out to hundreds of them, all over one UDP port.
//!
//! ```
//! use hobnob::{Bytes, Context, Mesh, node_type};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let rooms = Mesh::builder(node_type::TCP).start().await?;
//! rooms.handle(200, |_: Context, name: String| async move {
//!     if name.is_empty() { Err("a room needs a name") } else { Ok(format!("created {name}")) }
//! })?;
//!
//! let lobby = Mesh::builder("lobby").seed(rooms.address()).start().await?;
//! let answer = lobby.request(200, rooms.address(), "blue").await?;
//! assert_eq!(answer.decode::<String>()?, "created blue");
//! # Ok(())
//! # }
//! ```
//!
//! # Phases
//!
//! 1. [`Mesh::builder`] … [`start`](MeshBuilder::start): the socket is bound, the node is alone and
//!    [`Online`](NodeState::Online). Seeds are greeted until one answers.
//!    A node whose [name](MeshBuilder::name) a live one has already is in nobody's view until that one is gone:
//!    [`Mesh::refusal`].
//! 2. Calls and handlers work from the first moment; the snapshot behind [`Mesh::nodes`] follows the
//!    membership, [`Mesh::events`] tells each change.
//! 3. What others are to know of a node it sets with [`Mesh::set_value`], and they read it from their snapshots; what
//!    belongs to nobody is written to [`Mesh::shared`], and read from there.
//! 4. [`Mesh::shutdown`], or a signal in [`Mesh::run_until_signal`]: Offline, then gone.
//!
//! # Promises
//!
//! - A handler runs at most once for a message, however often its datagrams were retransmitted.
//! - Every call ends: with its result, or at its deadline, or as soon as its node is known to be down or
//!   restarted.
//! - Reading the snapshot never waits for the network.
//!
//! # What it never does
//!
//! It starts no thread and no runtime: the driver is one task of the caller's tokio runtime, and handlers
//! run on it until they wait. A handler that computes for long should move that to
//! [`tokio::task::spawn_blocking`], or everything this node says, its life signs included, comes late.
#![warn(missing_docs)]

mod admission;
mod builder;
mod calls;
mod dispatch;
mod driver;
mod error;
mod events;
mod flag;
mod ground;
mod handler;
mod mesh;
pub mod node_type;
mod nodes;
mod payload;
mod peers;
mod pick;
mod seeds;
mod sharing;
mod shutdown;
#[doc(hidden)]
pub mod simulation;
mod stats;
mod values;
mod view;
mod why;

pub use admission::{Admission, AdmissionError, Permit};
pub use builder::{MeshBuilder, StartError};
pub use bytes::Bytes;
pub use calls::{Call, Report, Request, Send, SendMany, Target, UnderWay, Usend, UsendMany};
pub use error::{HandleError, NameTaken, RequestError, SendError, USendError};
pub use events::{Event, Events, EventsError, Incompatibility};
pub use handler::{Context, Handler, IntoReply};
pub use hobnob_capsule::{self as capsule, Capsule, Value};
pub use hobnob_endpoint::gossip::{ForgetError, MetadataError, NodeState, Profile};
pub use mesh::Mesh;
pub use nodes::{Node, Nodes};
pub use payload::{DecodeError, EncodeError, FromPayload, IntoPayload, Payload, Typed};
pub use pick::{Pick, RoundRobin};
pub use sharing::{
    AddError, CompareError, CountError, ShareError, SharedCounter, SharedData, SharedEntry,
    SharedEvent, SharedEvents, Version, WriteError,
};
pub use shutdown::ShutdownReport;
pub use stats::Stats;
pub use values::{SetValueError, ValueError};
pub use view::{View, ViewChange, Views};
pub use why::{Accuser, FailedProbe, Verdict, Why};
