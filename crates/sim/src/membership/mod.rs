//! How well membership tells crashes from slowness, measured: Hobnob's, and plain foca's beside it.
//!
//! A [`Trial`] is one cluster with one seed under one kind of trouble. It is lived through by whole
//! [endpoints](crate::Endpoint), or by bare foca 2.0 with its own `new_lan`, on the same network and with the same
//! seed; what comes of it are [`Findings`]. The program `membership` puts those of many seeds into a
//! [`table`](table::Table) and holds Hobnob to what it promises: `cargo xtask sim membership`.
//!
//! # The trials
//!
//! - *Join*: all nodes call the first one at the same moment, and again while nobody has answered. When does the
//!   last of them know all others?
//! - *Leave*: one node after the other says goodbye while 30 % of all datagrams are lost. When does the last of
//!   the others know?
//! - *Blocked*: some nodes are slow, for 16 of every 20 seconds: their timers go off, but whatever they send and
//!   whatever is sent to them is held up, and comes all at once when they recover. So are the anomalies of the
//!   Lifeguard paper made (section V). Nothing is lost, and nobody is dead: each report of a node that
//!   was never blocked as failed, by whomever, is a false one.
//! - *Crash*: one node after the other is killed. When does the first of the others say so, and the last?
//!   With *accusers*, the first three whose own probe of it fails are killed too.
//! - *Load*: nothing happens at all. What does each node send?
//! - *Bad paths*: one node of a hundred hears badly, or is cut off in one direction now and then (as in Suresh
//!   et al. 2018, "Stable and Consistent Membership at Scale with Rapid", section 7).
//!
//! # What is equal and what is not
//!
//! The network is [`Conditions::LAN`](crate::Conditions::LAN). Hobnob's nodes join by their first one, find
//! each other and have a session with everybody before a trial begins; foca's nodes are told of each other
//! where joining is not what is measured. foca is given the size of the cluster, which it asks for; Hobnob finds
//! it out.

mod crashes;
mod findings;
mod join;
mod paths;
mod plain;
mod reports;
pub mod table;
mod trial;
mod trouble;
mod whole;
mod world;

pub use findings::Findings;
pub use trial::{Engine, Trial};
pub use trouble::Trouble;
