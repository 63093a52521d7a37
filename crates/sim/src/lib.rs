//! A seeded simulator: whole nodes, one virtual clock, a bad network.
//!
//! The nodes are the real thing: [`Endpoint`]s, the very code that runs under tokio. Only what is around
//! them is made up: time, which jumps from event to event; the network, which delays, loses, repeats,
//! reorders and corrupts datagrams, is only so wide and can be cut; the machines, with their sockets and
//! clocks; and the processes, which can be killed, paused and started again.
//!
//! # Phases
//!
//! 1. [`Sim::new`] takes a seed and the network's [`Conditions`]; [`Sim::start`] adds nodes.
//! 2. [`Sim::run_for`] lets time pass, [`Sim::step`] goes to the next thing that happens. The [`Application`]
//!    hears of every process that starts, of whatever it reports, and of the timers it has set itself; it
//!    acts through [`At`]. Between runs the test does the same by [`Sim::with`].
//! 3. [`Sim::kill`], [`Sim::pause`], [`Sim::cut`], [`Sim::jump_clock`] and their like make the day worse or
//!    better; [`Sim::counters`] says what happened.
//!
//! # A datagram's way
//!
//! The sender's link ([`Host::egress`]) takes it or drops it; then the network draws what becomes of it:
//! lost alone or in a burst, doubled, cut short, damaged, and how long it takes. At the far end a cut may
//! stop it, the receiver's link ([`Host::ingress`]) takes it or drops it, and so does the socket. A process
//! reads its socket when it runs: at once, or [`Host::wake_delay`] later together with all that came
//! meanwhile; never while it is paused.
//!
//! # Two times
//!
//! [`Sim::now`] is the world's time. Each process has a clock of its own ([`At::now`]), which is zero when it
//! starts, may run fast or slow and may jump forward; its endpoint and its timers know no other. A deadline
//! of one process therefore means nothing to another.
//!
//! # Promises
//!
//! The same seed, the same commands: the same run, byte for byte, in every process and on every machine.
//! [`Sim::trace`] is a hash by which two runs can be compared; [`Sim::trace_into`] tells the run line by line.
//! Time never runs backwards, and what is under way and what waits in a socket is bounded.
//!
//! # What it never does
//!
//! It reads no clock, opens no socket, starts no thread, and looks into no datagram but to name its kind in
//! the trace.
//!
//! # Bad days
//!
//! [`day`] draws a cluster, its traffic and its faults from a seed, lets them happen, and tells the [`model`] of
//! every call and every run of a handler. The model knows the contract and nothing of the implementation. The
//! program `day` does it for many seeds over all cores.
//!
//! # Handlers of your own
//!
//! [`Cluster`] (feature `cluster`, on unless switched off) runs whole programs on the same network: the real
//! `hobnob::Mesh` with its driver, and whatever handlers and tasks stand on it.
//!
//! ```
//! use std::time::Duration;
//!
//! use hobnob::{Context, Mesh};
//! use hobnob_sim::Cluster;
//!
//! # /*
//! #[test]
//! # */
//! fn a_room_survives_a_partition() {
//!     let mut cluster = Cluster::new(7); // everything comes from this seed
//!     let room = cluster.node("room", |mesh: Mesh| async move {
//!         mesh.handle(100, |_: Context, guest: String| async move {
//!             tokio::time::sleep(Duration::from_secs(1)).await; // virtual, like all time here
//!             Ok::<_, String>(format!("welcome, {guest}"))
//!         })
//!     });
//!     let gate = cluster.node("gate", |_| async {});
//!     cluster.run_for(Duration::from_secs(2)); // they find each other
//!
//!     cluster.cut(&[room], &[gate]);
//!     cluster.run_for(Duration::from_secs(30));
//!     assert!(cluster.mesh(gate).nodes().online().is_empty());
//!
//!     cluster.heal_all();
//!     let address = cluster.address(room);
//!     let is_back = |cluster: &Cluster| cluster.mesh(gate).is_node_online(address);
//!     assert!(cluster.run_until(Duration::from_secs(60), is_back));
//!     let answer = cluster.run(gate, move |mesh| async move { mesh.request(100, address, "ada").await });
//!     assert_eq!(answer.unwrap().as_ref(), b"welcome, ada");
//! }
//! # a_room_survives_a_partition();
//! ```
//!
//! - **A process is a tokio runtime** with one thread, the test's own, and a paused clock that the cluster
//!   moves. What happens in a node takes no time but what it waits for. A crash drops the runtime, and every
//!   task with it; a freeze leaves it alone. It has no I/O driver: a socket of tokio's panics.
//! - **Timers of tokio** go off at whole milliseconds after the start of their process, rounded up, as they do
//!   on a real clock. Datagrams arrive to the nanosecond.
//! - **Idle time costs next to nothing** as long as nodes only have their handlers. Where other tasks wait,
//!   whose timers nobody can see, the cluster looks at the node every virtual millisecond: some microseconds.
//! - **The same seed is the same run** as long as the handlers keep to it: what reads the system's clock, draws
//!   random numbers of its own, iterates over a `HashMap` or computes in another thread does not.
//!   `tokio::select!` draws which branch it polls first, unless it says `biased;`.

mod application;
mod clock;
#[cfg(feature = "cluster")]
mod cluster;
mod conditions;
mod counters;
pub mod day;
mod faults;
mod generations;
mod host;
pub mod membership;
pub mod model;
mod network;
mod node;
pub mod observed;
mod record;
mod schedule;
mod sim;
mod socket;
mod turn;

pub use application::{Application, At, Idle};
#[cfg(feature = "cluster")]
pub use cluster::{Cluster, Outcome, Task};
pub use conditions::{Burst, CORRUPTED_BYTES_MAX, Conditions, Tail};
pub use counters::{Counters, Fate, Fault};
pub use hobnob_endpoint as endpoint;
pub use hobnob_endpoint::wire::Instant;
pub use host::{
    Host, LINK_OVERHEAD_BYTES, Link, LinkStats, SOCKET_BYTES_DEFAULT, SOCKET_OVERHEAD_BYTES,
};
pub use node::NodeId;
pub use sim::{Sim, Step};

#[doc(no_inline)]
pub use hobnob_endpoint::Endpoint;
