//! A cluster of nodes that run a user's own handlers.

mod faults;
mod member;
mod process;
mod time;

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    thread,
    time::Duration,
};

use hobnob::{
    Mesh, MeshBuilder,
    simulation::{Machine, Names, Room, VirtualClock, VirtualSocket},
};
use hobnob_endpoint::wire::Instant;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

pub use member::Outcome;
use member::{Member, SetUp};
use process::Process;
pub use time::Task;
use time::assert_outside_of_runtimes;

use crate::{
    conditions::Conditions,
    counters::Counters,
    generations::Generations,
    host::{Host, SOCKET_OVERHEAD_BYTES},
    network::{Arrival, Network},
    node::NodeId,
};

/// Nodes that are there already, which a node that starts is told of: one of them may be down.
const SEEDS: usize = 3;

/// Simulated nodes that run handlers of your own: the real [`Mesh`], on a network, a clock and random numbers
/// that all come from one seed.
///
/// Each node has a process of its own: a tokio runtime whose clock stands still unless the cluster moves it.
/// Timers of tokio are virtual there; what reads the system's clock, starts threads or opens sockets is not.
/// A new cluster's network is [`Conditions::LAN`], and its nodes find each other by themselves.
///
/// All of it happens in the thread that calls [`run`](Self::run) and its like. In between nothing does, and a
/// node's [`mesh`](Self::mesh) can be looked at in peace.
///
/// What takes a [`NodeId`] panics when that is not one of this cluster's; that of another one may be.
///
/// When a test fails, the seed and the time are printed to standard error.
pub struct Cluster {
    seed: u64,
    rng: ChaCha8Rng,
    clock: Arc<VirtualClock>,
    network: Network,
    members: Vec<Member>,
    generations: Generations,
    names: Arc<Names>,
    finds_itself: bool,
    steps_at_once: u32,
}

impl Cluster {
    /// A cluster without nodes.
    pub fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let network = ChaCha8Rng::seed_from_u64(rng.random());
        Self {
            seed,
            rng,
            clock: Arc::default(),
            network: Network::new(Conditions::LAN, network),
            members: Vec::new(),
            generations: Generations::default(),
            names: Arc::default(),
            finds_itself: true,
            steps_at_once: 0,
        }
    }

    /// Whether nodes that start from now on are told of others, as they are unless this says otherwise.
    /// Without, each knows the seeds that [`node_with`](Self::node_with) gives it.
    pub const fn set_finds_itself(&mut self, finds_itself: bool) {
        self.finds_itself = finds_itself;
    }

    /// Has a name mean these hosts from now on, for seeds such as `rooms:7946`; none of them, and nobody knows it any
    /// more. Nothing has a name unless it is given one here.
    pub fn set_name(&self, name: &str, hosts: impl IntoIterator<Item = IpAddr>) {
        self.names.set(name, hosts.into_iter().collect());
    }

    /// Starts a node of a type. `set_up` is what its program would do with the mesh: it registers handlers,
    /// and may go on for as long as it likes. It runs again whenever the node is started again.
    ///
    /// # Panics
    ///
    /// With the panic or the error of the set-up.
    pub fn node<S, F>(&mut self, node_type: &str, set_up: S) -> NodeId
    where
        S: Fn(Mesh) -> F + 'static,
        F: Future<Output: Outcome> + Send + 'static,
    {
        self.node_with(node_type, |builder| builder, set_up)
    }

    /// The same with settings of its own: name, role, application, timeouts … Its addresses are the cluster's.
    ///
    /// # Panics
    ///
    /// When no node can start with these settings, or with the panic or the error of the set-up.
    pub fn node_with<A, S, F>(&mut self, node_type: &str, adjust: A, set_up: S) -> NodeId
    where
        A: Fn(MeshBuilder) -> MeshBuilder + 'static,
        S: Fn(Mesh) -> F + 'static,
        F: Future<Output: Outcome> + Send + 'static,
    {
        let node = NodeId(self.members.len());
        let set_up: SetUp = Arc::new(move |mesh| {
            let running = set_up(mesh);
            Box::pin(async move { running.await.into_result() })
        });
        self.members.push(Member {
            node_type: node_type.to_owned(),
            adjust: Box::new(adjust),
            set_up,
            host: Host::default(),
            moves: 0,
            process: None,
            is_frozen: false,
            reads_at: None,
            wakes_at: None,
        });
        self.come_up(node);
        node
    }

    /// A node's mesh. It is that of its present process: ask again after a restart.
    ///
    /// Outside of the node, what waits for nothing can be used: reading, registering handlers, changing its
    /// state. For calls there are [`run`](Self::run) and [`spawn`](Self::spawn).
    ///
    /// # Panics
    ///
    /// When the node is down.
    pub fn mesh(&self, node: NodeId) -> Mesh {
        self.process(node).mesh().clone()
    }

    /// A node's address: that of its last process, if it is down.
    pub fn address(&self, node: NodeId) -> SocketAddr {
        node.addr(self.member(node).moves)
    }

    /// Whether a node has a process, frozen or not.
    pub fn is_up(&self, node: NodeId) -> bool {
        self.member(node).process.is_some()
    }

    /// All nodes, in the order they were made.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.members.len()).map(NodeId)
    }

    /// Virtual time since the cluster was made.
    pub fn now(&self) -> Duration {
        self.clock.now().saturating_since(Instant::ZERO)
    }

    /// What everything random comes from.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// What has happened so far.
    pub const fn counters(&self) -> &Counters {
        &self.network.record.counters
    }

    /// A hash over all that has arrived, every start, and all that was done to the cluster: the same for two
    /// runs that were the same.
    pub const fn trace(&self) -> u64 {
        self.network.record.hash()
    }

    /// Has every datagram, start and fault from now on told to `sink`, one line each, without line ends.
    pub fn trace_into(&mut self, sink: impl FnMut(&str) + Send + 'static) {
        self.network.record.set_sink(sink);
    }

    fn member(&self, node: NodeId) -> &Member {
        self.assert_ours(node);
        &self.members[node.0]
    }

    fn member_mut(&mut self, node: NodeId) -> &mut Member {
        self.assert_ours(node);
        &mut self.members[node.0]
    }

    fn assert_ours(&self, node: NodeId) {
        let nodes = self.members.len();
        assert!(
            node.0 < nodes,
            "{node} is another cluster's node: this one has {nodes}, named by `node` and `ids`"
        );
    }

    fn process(&self, node: NodeId) -> &Process {
        let process = self.member(node).process.as_ref();
        process.unwrap_or_else(|| panic!("{} is down", self.title(node)))
    }

    fn title(&self, node: NodeId) -> String {
        format!(
            "{node} ({}, {})",
            self.member(node).node_type,
            self.address(node)
        )
    }

    fn come_up(&mut self, node: NodeId) {
        assert_outside_of_runtimes();
        assert!(!self.is_up(node), "{} is up already", self.title(node));
        let (now, address) = (self.clock.now(), self.address(node));
        let generation = self.generations.next(now).0;
        let room = Room {
            bytes: self.member(node).host.socket_bytes,
            overhead: SOCKET_OVERHEAD_BYTES,
        };
        let machine = Machine {
            clock: self.clock.clone(),
            socket: Arc::new(VirtualSocket::new(address, room)),
            seed: self.rng.random(),
            names: self.names.clone(),
            generation,
        };
        let builder = Mesh::builder(self.member(node).node_type.as_str());
        let builder = builder.insecure(true).seeds(self.seeds_of(node));
        let member = &mut self.members[node.0];
        let process = Process::start((member.adjust)(builder), machine, &member.set_up);
        member.process = match process {
            Ok(process) => Some(process),
            Err(error) => panic!("{} cannot start: {error}", self.title(node)),
        };
        self.network.bind(address, node);
        self.network.record.start(now, node, address, generation);
        self.run_node(node);
    }

    /// The first of the others.
    fn seeds_of(&self, node: NodeId) -> Vec<String> {
        let others = self
            .ids()
            .filter(|other| self.finds_itself && *other != node);
        others
            .take(SEEDS)
            .map(|other| self.address(other).to_string())
            .collect()
    }

    /// Ends a node's process. Says whether it had one.
    fn end(&mut self, node: NodeId) -> bool {
        let member = self.member_mut(node);
        member.is_frozen = false;
        member.reads_at = None;
        member.wakes_at = None;
        member.process.take().is_some()
    }
}

impl Drop for Cluster {
    #[expect(
        clippy::print_stderr,
        reason = "whoever reads the failed test needs it"
    )]
    fn drop(&mut self) {
        if thread::panicking() {
            let (seed, now) = (self.seed, self.now());
            eprintln!("the simulated cluster had seed {seed} and had run for {now:?}");
        }
    }
}
