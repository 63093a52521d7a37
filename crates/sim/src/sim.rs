//! The simulation itself.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use hobnob_endpoint::{
    Endpoint, EndpointConfig,
    gossip::Metadata,
    wire::{Generation, Instant},
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use crate::{
    application::{Application, At},
    conditions::Conditions,
    counters::{Counters, Fate},
    generations::Generations,
    host::{Host, LinkStats, SOCKET_BYTES_DEFAULT},
    network::Network,
    node::{Node, NodeId},
    schedule::Schedule,
};

/// Steps at one moment of virtual time, at most: far more than any burst takes.
const STEPS_AT_ONCE_MAX: u32 = 1_000_000;

/// A cluster under one virtual clock and one seed.
pub struct Sim<A> {
    /// What runs on the nodes.
    pub app: A,
    pub(crate) now: Instant,
    pub(crate) network: Network,
    pub(crate) nodes: Vec<Node>,
    pub(crate) schedule: Schedule,
    pub(crate) rng: ChaCha8Rng,
    pub(crate) generations: Generations,
    steps_at_once: u32,
    /// Used again and again: what a socket held, and what an endpoint sends.
    pub(crate) batch: Vec<(SocketAddr, Bytes)>,
    pub(crate) buffer: Vec<u8>,
}

/// What [`Sim::step`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing happens any more until the end.
    Quiet,
    /// A datagram went on or arrived; nobody has looked at it yet.
    Network,
    /// A process ran: it read its socket, let due things happen, and sent. Nobody else changed.
    Ran(NodeId),
}

impl<A: Application> Sim<A> {
    /// A world without nodes.
    pub fn new(seed: u64, conditions: Conditions, app: A) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let network = Network::new(
            conditions.checked(),
            ChaCha8Rng::seed_from_u64(rng.random()),
        );
        Self {
            app,
            now: Instant::ZERO,
            network,
            nodes: Vec::new(),
            schedule: Schedule::default(),
            rng,
            generations: Generations::default(),
            steps_at_once: 0,
            batch: Vec::new(),
            buffer: Vec::new(),
        }
    }

    /// Starts a node that says `metadata` of itself, otherwise configured by `adjust`, on a machine without
    /// any shortage: see [`Sim::set_host`].
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
        let mut config = EndpointConfig::new(id.addr(0), self.next_generation(), metadata);
        // As the driver does it: the other half is for the kernel's bookkeeping.
        config.messaging.receive_buffer_bytes = SOCKET_BYTES_DEFAULT / 2;
        adjust(&mut config);
        self.nodes.push(Node::new(config, Host::default()));
        self.come_up(id);
        id
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    /// Lets time pass until `done`, at most for `time`. Says whether it came to that.
    pub fn run_until(&mut self, time: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + time;
        while !done(self) {
            if self.step(end) == Step::Quiet {
                return done(self);
            }
        }
        true
    }

    /// Goes to the next thing that happens, or to `end` if nothing does by then.
    ///
    /// # Panics
    ///
    /// When a node's deadline never moves on: it would stop the clock for all.
    pub fn step(&mut self, end: Instant) -> Step {
        let arrival = self.network.next_arrival();
        let due = self.schedule.next(&mut self.nodes);
        let next = arrival.into_iter().chain(due.map(|(at, _)| at)).min();
        let Some(next) = next.filter(|next| *next <= end) else {
            self.now = self.now.max(end);
            return Step::Quiet;
        };
        self.note_progress(next);
        self.now = self.now.max(next);
        // The network first: a node reads its socket before it believes its timers.
        match due {
            Some((at, id)) if arrival.is_none_or(|arrival| at < arrival) => {
                self.run(id);
                Step::Ran(id)
            }
            _ => {
                if let Some(arrival) = self.network.arrive(self.now) {
                    self.deliver(arrival);
                }
                Step::Network
            }
        }
    }

    /// Does something to a node and sends what comes of it. `None` when the node is dead or paused.
    pub fn with<T>(&mut self, node: NodeId, act: impl FnOnce(&mut At<'_>) -> T) -> Option<T> {
        let result = act(&mut self.nodes[node.0].at(node, self.now)?);
        self.drain(node);
        Some(result)
    }

    /// Does something to a node, and lets its process run only when it would anyway, or after `delay`: as when
    /// a caller has added something and the one who sends sleeps. `None` when the node is dead or paused.
    pub fn with_delay<T>(
        &mut self,
        node: NodeId,
        delay: Duration,
        act: impl FnOnce(&mut At<'_>) -> T,
    ) -> Option<T> {
        let runs_at = self.now + delay;
        let state = &mut self.nodes[node.0];
        let result = act(&mut state.at(node, self.now)?);
        if let Some(process) = &mut state.process {
            process.run_by(runs_at);
        }
        self.touch(node);
        Some(result)
    }

    /// The virtual time of the world.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// A node's core, to read from; `None` when it is dead.
    pub fn endpoint(&self, node: NodeId) -> Option<&Endpoint> {
        Some(&self.nodes[node.0].process.as_ref()?.endpoint)
    }

    /// What a node's clock shows; `None` when it is dead.
    pub fn clock(&self, node: NodeId) -> Option<Instant> {
        Some(self.nodes[node.0].process.as_ref()?.clock.at(self.now))
    }

    /// The address of a node: of its last process, if it is dead.
    pub fn addr(&self, node: NodeId) -> SocketAddr {
        self.nodes[node.0].config.addr
    }

    /// The generation a node's last process was started with.
    pub fn generation(&self, node: NodeId) -> Generation {
        self.nodes[node.0].config.generation
    }

    /// All nodes, dead ones included.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<A> {
        (0..self.nodes.len()).map(NodeId)
    }

    /// What has happened so far.
    pub const fn counters(&self) -> &Counters {
        &self.network.record.counters
    }

    /// Datagrams the nodes have sent so far, lost ones included.
    pub const fn datagrams_sent(&self) -> u64 {
        self.counters().fate(Fate::Sent)
    }

    /// Datagrams that did not arrive so far, whatever the reason.
    pub fn datagrams_lost(&self) -> u64 {
        self.counters().lost()
    }

    /// What a node's outgoing link has done; nothing if it has none.
    pub fn egress_stats(&self, node: NodeId) -> LinkStats {
        self.network.egress_stats(node)
    }

    /// What a node's incoming link has done; nothing if it has none.
    pub fn ingress_stats(&self, node: NodeId) -> LinkStats {
        self.network.ingress_stats(node)
    }

    /// A hash over all that has arrived, every timer that went off, and all that was done to the world.
    pub const fn trace(&self) -> u64 {
        self.network.record.hash()
    }

    /// Has every datagram, event, timer and fault from now on told to `sink`, one line each, without line ends.
    pub fn trace_into(&mut self, sink: impl FnMut(&str) + Send + 'static) {
        self.network.record.set_sink(sink);
    }

    fn note_progress(&mut self, next: Instant) {
        self.steps_at_once = if next > self.now {
            0
        } else {
            self.steps_at_once + 1
        };
        if self.steps_at_once > STEPS_AT_ONCE_MAX {
            let deadlines = self.nodes.iter().filter_map(|node| {
                let process = node.process.as_ref()?;
                process.endpoint.poll_timeout()
            });
            let stuck = deadlines.min_by_key(|deadline| deadline.at);
            panic!("time does not go on at {}: {stuck:?}", self.now);
        }
    }
}
