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
    clock::Clock,
    conditions::Conditions,
    counters::{Counters, Fate},
    host::{Host, LinkStats},
    network::{Arrival, Network},
    node::{Node, NodeId, Process},
    record::Seen,
    schedule::Schedule,
};

/// Steps at one moment of virtual time, at most: far more than any burst takes.
const STEPS_AT_ONCE_MAX: u32 = 1_000_000;

/// Bytes of the send buffer: what the driver uses.
const BUFFER_BYTES: usize = 65_000;

/// The wall clock when the world begins, in microseconds since 1970: the start of 2026.
const WALL_CLOCK_START: u64 = 1_767_225_600_000_000;

/// A cluster under one virtual clock and one seed.
pub struct Sim<A> {
    /// What runs on the nodes.
    pub app: A,
    pub(crate) now: Instant,
    pub(crate) network: Network,
    pub(crate) nodes: Vec<Node>,
    schedule: Schedule,
    rng: ChaCha8Rng,
    last_generation: Generation,
    steps_at_once: u32,
    /// Used again and again: what a socket held, and what an endpoint sends.
    batch: Vec<(SocketAddr, Bytes)>,
    buffer: Vec<u8>,
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
        let network = Network::new(conditions, ChaCha8Rng::seed_from_u64(rng.random()));
        Self {
            app,
            now: Instant::ZERO,
            network,
            nodes: Vec::new(),
            schedule: Schedule::default(),
            rng,
            last_generation: Generation(0),
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

    /// Starts the process of a node as its configuration says.
    pub(crate) fn come_up(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.0];
        let clock = Clock::starting(self.now, node.ppm);
        let seed = self.rng.random();
        let endpoint = match Endpoint::new(node.config.clone(), seed, clock.at(self.now)) {
            Ok(endpoint) => endpoint,
            Err(error) => panic!("a node that cannot start: {error}"),
        };
        node.process = Some(Process::new(endpoint, clock));
        let (addr, generation) = (node.config.addr, node.config.generation);
        self.network.bind(addr, id);
        self.network.record.start(self.now, id, addr, generation.0);
        if let Some(mut at) = self.nodes[id.0].at(id, self.now) {
            self.app.on_start(&mut at);
        }
        self.drain(id);
    }

    /// A node's timers may go off at other times than before.
    pub(crate) fn touch(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.0];
        if let Some(process) = &mut node.process {
            process.wind();
        }
        self.schedule.touch(node, id);
    }

    /// One turn of the process, in the driver's order: its socket, its timers, its events, what it sends.
    pub(crate) fn run(&mut self, id: NodeId) {
        let Some(process) = &mut self.nodes[id.0].process else {
            return;
        };
        process.runs_at = None;
        let now = process.clock.at(self.now);
        process.socket.read(&mut self.batch);
        for (from, datagram) in self.batch.drain(..) {
            process.endpoint.handle_datagram(now, from, &datagram);
        }
        let due = process.endpoint.poll_timeout();
        if let Some(deadline) = due.filter(|deadline| deadline.at <= now) {
            let record = &mut self.network.record;
            record.timeout(self.now, id, deadline.reason);
            process.endpoint.handle_timeout(now);
        }
        self.let_wakes_go_off(id);
        self.drain(id);
    }

    fn let_wakes_go_off(&mut self, id: NodeId) {
        let process = self.nodes[id.0].process.as_ref();
        // One that is set now, for now, waits for the next turn: it must not keep this one from ending.
        let count = process.map_or(0, |process| process.wakes.count());
        while let Some(mut at) = self.nodes[id.0].at(id, self.now)
            && let Some(token) = at.wakes.pop(at.now, count)
        {
            self.network.record.wake(self.now, id, token);
            self.app.on_wake(&mut at, token);
        }
    }

    /// Hands out events and sends what is to be sent, until neither is left.
    fn drain(&mut self, id: NodeId) {
        loop {
            while let Some(mut at) = self.nodes[id.0].at(id, self.now)
                && let Some(event) = at.endpoint.poll_event()
            {
                self.network.record.event(self.now, id, &event);
                self.app.on_event(&mut at, event);
            }
            self.transmit(id);
            let process = self.nodes[id.0].process.as_ref();
            if !process.is_some_and(|process| process.endpoint.has_events()) {
                break;
            }
        }
        self.touch(id);
    }

    /// Puts everything the endpoint has to send into the network.
    fn transmit(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.0];
        let Some(process) = &mut node.process else {
            return;
        };
        let datagram = node.config.datagram_bytes;
        let room = (BUFFER_BYTES / datagram).max(1) * datagram;
        self.buffer.resize(room.max(self.buffer.len()), 0);
        let buffer = &mut self.buffer[..room];
        let now = process.clock.at(self.now);
        let from = process.endpoint.addr();
        while let Some(transmit) = process.endpoint.poll_transmit(now, buffer) {
            // One copy for all datagrams of the transmit, which share it.
            let mut rest = Bytes::copy_from_slice(&buffer[..transmit.len]);
            let segment = transmit.segment_size.unwrap_or(transmit.len).max(1);
            while !rest.is_empty() {
                let datagram = rest.split_to(segment.min(rest.len()));
                self.network.send(self.now, id, from, transmit.to, datagram);
            }
        }
    }

    fn deliver(&mut self, arrival: Arrival) {
        let Arrival {
            node: id,
            from,
            to,
            bytes,
        } = arrival;
        let node = &mut self.nodes[id.0];
        let seen = Seen {
            from,
            to,
            bytes: &bytes,
        };
        let record = &mut self.network.record;
        let Some(process) = &mut node.process else {
            return record.datagram(self.now, Fate::LostToNobody, seen);
        };
        if !process.socket.has_room(node.host.socket_bytes, bytes.len()) {
            return record.datagram(self.now, Fate::LostAtSocket, seen);
        }
        record.datagram(self.now, Fate::Arrived, seen);
        process.socket.push(from, bytes);
        process.run_by(self.now + node.host.wake_delay);
        self.schedule.touch(node, id);
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

    /// As the driver does it: the wall clock's microseconds, but above every one given out before.
    pub(crate) fn next_generation(&mut self) -> Generation {
        let wall_clock = Generation(WALL_CLOCK_START + self.now.as_nanos() / 1_000);
        self.last_generation = self.last_generation.next().max(wall_clock);
        self.last_generation
    }
}
