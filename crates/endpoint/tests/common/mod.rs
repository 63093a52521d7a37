//! A few nodes, and a network that takes no time.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part of this"
)]

use std::{net::SocketAddr, num::NonZeroUsize, time::Duration};

use bytes::Bytes;
use hobnob_endpoint::{
    CallError, DeliveryError, Endpoint, EndpointConfig, Event, Target,
    gossip::Metadata,
    messaging::{self, Call, CallKey, Token},
    wire::{Command, Generation, Instant, StreamId, limits::DATAGRAM_BYTES_DEFAULT},
};

pub const COMMAND: Command = Command(200);

/// The nodes.
pub const A: usize = 0;
pub const B: usize = 1;
pub const C: usize = 2;
const NODES: [usize; 3] = [A, B, C];

/// Far beyond everything a test waits for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A one-way message that came to a handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handled {
    pub by: usize,
    /// Which message: the sender's name for it.
    pub token: u8,
}

pub struct Mesh {
    pub now: Instant,
    pub nodes: [Endpoint; 3],
    /// Whether datagrams between the first two get lost.
    pub is_cut: bool,
    pub handled: Vec<Handled>,
    /// Calls that ended, and whose they were.
    pub ended: Vec<(usize, messaging::Event)>,
    /// How relayed fan-outs ended.
    pub reports: Vec<Vec<Result<(), DeliveryError>>>,
}

impl Mesh {
    pub fn new() -> Self {
        let now = Instant::from_nanos(1);
        Self {
            now,
            nodes: NODES.map(|node| start(node, Generation(1), now)),
            is_cut: false,
            handled: Vec::new(),
            ended: Vec::new(),
            reports: Vec::new(),
        }
    }

    /// Another process is in the node's place.
    pub fn restart(&mut self, node: usize, generation: Generation) {
        self.nodes[node] = start(node, generation, self.now);
    }

    pub fn try_send(&mut self, from: usize, to: Target, token: u8) -> Result<CallKey, CallError> {
        let call = self.call(token);
        self.nodes[from].send(self.now, to, call)
    }

    /// Sends as a part of the one stream there is.
    pub fn send_in_order(&mut self, from: usize, to: Target, token: u8) {
        let call = self.call(token);
        self.nodes[from]
            .send_in_order(self.now, to, StreamId(1), call)
            .expect("it is taken on");
    }

    pub fn relay(&mut self, from: usize, targets: &[Target], token: u8) {
        let call = self.call(token);
        self.nodes[from]
            .relay(self.now, targets, NonZeroUsize::MIN, call)
            .expect("it is taken on");
    }

    pub fn send(&mut self, from: usize, to: Target, token: u8) {
        self.try_send(from, to, token).expect("it is taken on");
    }

    /// The process that a node knows to be at another one's place.
    pub fn known(&self, by: usize, node: usize) -> Option<Generation> {
        let node = self.nodes[by].members().node(addr(node))?;
        Some(node.identity.generation)
    }

    /// Two nodes get to know each other as members.
    pub fn join(&mut self, node: usize, seed: usize) {
        self.nodes[node].join(self.now, addr(seed));
        self.pass();
    }

    /// Everything arrives, and what is sent because of it, at this moment.
    pub fn pass(&mut self) {
        let mut buffer = vec![0; DATAGRAM_BYTES_DEFAULT];
        loop {
            let is_busy = NODES.map(|from| self.flush(from, &mut buffer));
            if is_busy == [false; 3] {
                return;
            }
        }
    }

    fn call(&self, token: u8) -> Call {
        Call {
            command: COMMAND,
            payload: Bytes::from(vec![token]),
            deadline: self.now + PATIENCE,
            token: Token(token.into()),
        }
    }

    /// What one node has to send arrives. Says whether there was anything.
    fn flush(&mut self, from: usize, buffer: &mut [u8]) -> bool {
        let mut is_busy = false;
        while let Some(transmit) = self.nodes[from].poll_transmit(self.now, buffer) {
            is_busy = true;
            let to = NODES.into_iter().find(|node| addr(*node) == transmit.to);
            let to = to.expect("there is nobody else");
            if self.is_cut && from + to == A + B {
                continue;
            }
            for datagram in transmit.datagrams(buffer) {
                let datagram = Bytes::copy_from_slice(datagram);
                self.nodes[to].handle_datagram(self.now, addr(from), &datagram);
            }
            self.note_events();
        }
        self.note_events();
        is_busy
    }

    /// What one node has to send now arrives, and nothing that is sent because of it.
    pub fn pass_from(&mut self, node: usize) {
        self.flush(node, &mut vec![0; DATAGRAM_BYTES_DEFAULT]);
    }

    /// Time goes on to the next moment at which something is due.
    pub fn wait(&mut self) {
        let due = self.nodes.iter().filter_map(Endpoint::poll_timeout);
        self.now = due.map(|deadline| deadline.at).min().expect("there is");
        for node in &mut self.nodes {
            node.handle_timeout(self.now);
        }
        self.pass();
    }

    fn note_events(&mut self) {
        for by in NODES {
            while let Some(event) = self.nodes[by].poll_event() {
                match event {
                    Event::Message(messaging::Event::Message { peer, payload, .. }) => {
                        let sender = self.nodes[by].sessions().remote(peer);
                        assert!(sender.is_some(), "a message comes from somebody");
                        let token = payload[0];
                        self.handled.push(Handled { by, token });
                        self.nodes[by].handled(1);
                    }
                    Event::Relayed { payload, .. } => {
                        let token = payload[0];
                        self.handled.push(Handled { by, token });
                        self.nodes[by].handled(1);
                    }
                    Event::RelayEnded { report, .. } => self.reports.push(report),
                    Event::Message(event) => self.ended.push((by, event)),
                    _ => {}
                }
            }
        }
    }
}

fn start(node: usize, generation: Generation, now: Instant) -> Endpoint {
    let config = EndpointConfig::new(addr(node), generation, Metadata::default());
    let seed = generation.0 << 8 | node as u64;
    let mut endpoint = Endpoint::new(config, seed, now).expect("the defaults work");
    endpoint.register(COMMAND);
    endpoint
}

pub fn addr(node: usize) -> SocketAddr {
    let host = [1, 2, 3][node];
    SocketAddr::from(([10, 0, 0, host], 7946))
}

pub fn target(node: usize, generation: Option<Generation>) -> Target {
    Target {
        addr: addr(node),
        generation,
    }
}
