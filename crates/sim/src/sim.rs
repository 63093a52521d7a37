//! The simulation itself.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use bytes::Bytes;
use hobnob_endpoint::{
    Endpoint, EndpointConfig,
    gossip::Metadata,
    wire::{Generation, Instant},
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use crate::{
    application::{Application, At, Wakes},
    conditions::Conditions,
    network::Network,
    node::{Node, NodeId},
};

/// Steps at one moment of virtual time, at most: far more than any burst takes.
const STEPS_AT_ONCE_MAX: u32 = 1_000_000;

/// A cluster under one virtual clock and one seed.
pub struct Sim<A> {
    /// What runs on the nodes.
    pub app: A,
    now: Instant,
    rng: ChaCha8Rng,
    network: Network,
    nodes: Vec<Node>,
    by_addr: BTreeMap<SocketAddr, NodeId>,
    generation: Generation,
    steps_at_once: u32,
}

impl<A: Application> Sim<A> {
    /// A world without nodes.
    pub fn new(seed: u64, conditions: Conditions, app: A) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let network = Network::new(conditions, ChaCha8Rng::seed_from_u64(rng.random()));
        Self {
            app,
            now: Instant::ZERO,
            rng,
            network,
            nodes: Vec::new(),
            by_addr: BTreeMap::new(),
            generation: Generation(0),
            steps_at_once: 0,
        }
    }

    /// The virtual time.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Starts a node that says `metadata` of itself, otherwise configured by `adjust`.
    ///
    /// # Panics
    ///
    /// When the configuration is one no node can run with.
    pub fn start(
        &mut self,
        metadata: Metadata,
        adjust: impl FnOnce(&mut EndpointConfig),
    ) -> NodeId {
        let id = NodeId(self.nodes.len());
        let mut config = EndpointConfig::new(id.addr(), self.generation(), metadata);
        adjust(&mut config);
        self.by_addr.insert(config.addr, id);
        let endpoint = self.endpoint_of(&config);
        self.nodes.push(Node {
            config,
            endpoint: Some(endpoint),
            wakes: Wakes::default(),
            waiting: Vec::new(),
            is_paused: false,
        });
        self.greet(id);
        id
    }

    /// Kills a node: nothing of it remains, nobody is told.
    pub fn kill(&mut self, node: NodeId) {
        let node = &mut self.nodes[node.0];
        node.endpoint = None;
        node.wakes = Wakes::default();
        node.waiting.clear();
    }

    /// Starts a killed node again, at the same address, as a new generation.
    ///
    /// # Panics
    ///
    /// When the node is alive.
    pub fn restart(&mut self, node: NodeId) {
        let generation = self.generation();
        self.restart_with_generation(node, generation);
    }

    /// The same with a generation of the caller's choice, as after a clock jump.
    ///
    /// # Panics
    ///
    /// When the node is alive.
    pub fn restart_with_generation(&mut self, node: NodeId, generation: Generation) {
        assert!(
            self.nodes[node.0].endpoint.is_none(),
            "only a dead node can be started again"
        );
        let mut config = self.nodes[node.0].config.clone();
        config.generation = generation;
        self.nodes[node.0].endpoint = Some(self.endpoint_of(&config));
        self.nodes[node.0].config = config;
        self.nodes[node.0].is_paused = false;
        self.greet(node);
    }

    /// Stops a node as SIGSTOP would: its datagrams wait, its timers too.
    pub fn pause(&mut self, node: NodeId) {
        self.nodes[node.0].is_paused = true;
    }

    /// Lets a paused node go on: it reads its socket before it believes its timers.
    pub fn resume(&mut self, node: NodeId) {
        let waiting = {
            let node = &mut self.nodes[node.0];
            node.is_paused = false;
            std::mem::take(&mut node.waiting)
        };
        for (from, bytes) in waiting {
            self.deliver(node, from, bytes);
        }
        self.let_due_things_happen(node);
    }

    /// Cuts (or heals) one direction between two nodes.
    pub fn cut(&mut self, from: NodeId, to: NodeId, is_cut: bool) {
        self.network.set_cut(from, to, is_cut);
    }

    /// Cuts (or heals) both directions between two groups of nodes.
    pub fn partition(&mut self, one: &[NodeId], other: &[NodeId], is_cut: bool) {
        for &a in one {
            for &b in other {
                self.cut(a, b, is_cut);
                self.cut(b, a, is_cut);
            }
        }
    }

    /// Changes the network for datagrams sent from now on.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        self.network.conditions = conditions;
    }

    /// Does something to a node and sends what comes of it. `None` when the node is dead.
    pub fn with<T>(&mut self, node: NodeId, act: impl FnOnce(&mut At<'_>) -> T) -> Option<T> {
        let result = act(&mut self.nodes[node.0].at(node, self.now)?);
        self.drain(node);
        Some(result)
    }

    /// A node's core, to read from; `None` when it is dead.
    pub fn endpoint(&self, node: NodeId) -> Option<&Endpoint> {
        self.nodes[node.0].endpoint.as_ref()
    }

    /// The address of a node.
    pub fn addr(&self, node: NodeId) -> SocketAddr {
        self.nodes[node.0].config.addr
    }

    /// All nodes, dead ones included.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<A> {
        (0..self.nodes.len()).map(NodeId)
    }

    /// Datagrams the nodes have sent so far, lost ones included.
    pub const fn datagrams_sent(&self) -> u64 {
        self.network.sent
    }

    /// Datagrams the network has lost so far.
    pub const fn datagrams_lost(&self) -> u64 {
        self.network.lost
    }

    /// A hash over all that has arrived so far, with times, senders and receivers.
    pub fn trace(&self) -> u64 {
        self.network.trace()
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
    }

    /// Lets time pass until `done`, at most for `time`. Says whether it came to that.
    pub fn run_until(&mut self, time: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + time;
        while !done(self) {
            if !self.step(end) {
                self.now = end;
                return done(self);
            }
        }
        true
    }

    /// Goes to the next thing that happens, if it happens by `end`.
    fn step(&mut self, end: Instant) -> bool {
        let arrival = self.network.next_arrival();
        let due = (0..self.nodes.len())
            .filter_map(|node| Some((self.nodes[node].due()?, NodeId(node))))
            .min();
        let next = arrival.into_iter().chain(due.map(|(at, _)| at)).min();
        let Some(next) = next.filter(|next| *next <= end) else {
            return false;
        };
        self.note_progress(next);
        self.now = self.now.max(next);
        // The network first: a node reads its socket before it believes its timers.
        if let Some(flight) = self.network.arrive(self.now) {
            if let Some(&to) = self.by_addr.get(&flight.to) {
                let is_cut = self
                    .by_addr
                    .get(&flight.from)
                    .is_some_and(|from| self.network.is_cut(*from, to));
                if !is_cut {
                    self.deliver(to, flight.from, flight.bytes);
                    self.drain(to);
                }
            }
        } else if let Some((_, node)) = due {
            self.let_due_things_happen(node);
        }
        true
    }

    fn greet(&mut self, id: NodeId) {
        if let Some(mut at) = self.nodes[id.0].at(id, self.now) {
            self.app.on_start(&mut at);
        }
        self.drain(id);
    }

    fn let_due_things_happen(&mut self, id: NodeId) {
        if let Some(endpoint) = self.nodes[id.0].endpoint.as_mut() {
            endpoint.handle_timeout(self.now);
        }
        while let Some(token) = self.nodes[id.0].wakes.pop(self.now) {
            if let Some(mut at) = self.nodes[id.0].at(id, self.now) {
                self.app.on_wake(&mut at, token);
            }
        }
        self.drain(id);
    }

    /// A node whose deadline never moves on would stop the clock for all.
    fn note_progress(&mut self, next: Instant) {
        self.steps_at_once = if next > self.now {
            0
        } else {
            self.steps_at_once + 1
        };
        if self.steps_at_once > STEPS_AT_ONCE_MAX {
            let mut deadlines = self
                .nodes
                .iter()
                .filter_map(|node| node.endpoint.as_ref()?.poll_timeout());
            let stuck = deadlines.find(|deadline| deadline.at <= self.now);
            panic!("time does not go on at {}: {stuck:?}", self.now);
        }
    }

    fn deliver(&mut self, to: NodeId, from: SocketAddr, bytes: Vec<u8>) {
        let node = &mut self.nodes[to.0];
        match &mut node.endpoint {
            Some(_) if node.is_paused => node.waiting.push((from, bytes)),
            Some(endpoint) => endpoint.handle_datagram(self.now, from, &Bytes::from(bytes)),
            None => {}
        }
    }

    /// Hands out events and sends what is to be sent, until neither is left.
    fn drain(&mut self, id: NodeId) {
        loop {
            let Some(mut at) = self.nodes[id.0].at(id, self.now) else {
                return;
            };
            let Some(event) = at.endpoint.poll_event() else {
                break;
            };
            self.app.on_event(&mut at, event);
        }
        self.nodes[id.0].transmit(self.now, &mut self.network);
        if self.nodes[id.0]
            .endpoint
            .as_ref()
            .is_some_and(Endpoint::has_events)
        {
            self.drain(id);
        }
    }

    /// As the driver does it: microseconds, but above every one given out before.
    fn generation(&mut self) -> Generation {
        self.generation = self
            .generation
            .next()
            .max(Generation(self.now.as_nanos() / 1_000));
        self.generation
    }

    fn endpoint_of(&mut self, config: &EndpointConfig) -> Endpoint {
        match Endpoint::new(config.clone(), self.rng.random(), self.now) {
            Ok(endpoint) => endpoint,
            Err(error) => panic!("a node that cannot start: {error}"),
        }
    }
}
