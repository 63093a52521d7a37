//! Nodes and a lossy network in memory, under virtual time.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::cast_possible_truncation,
    reason = "each test file uses its own part of this; numbers are small"
)]

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use hobnob_session::{Dropped, Event, Opened, SessionConfig, Sessions};
use hobnob_wire::{
    AppRelease, DataHeader, Generation, Handshake, Hello, HelloAck, Instant, Kind, PacketNumber,
    Peer, Reader, SessionId, VERSION_MAX, VERSION_MIN, Writer, append_checksum, peek_kind,
    verify_checksum,
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

pub const CLUSTER: u64 = 0xc1c1;

/// A datagram on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

/// A core, and what it said.
#[derive(Debug)]
pub struct Node {
    pub addr: SocketAddr,
    pub sessions: Sessions,
    pub events: Vec<Event>,
    pub bodies: Vec<(Peer, PacketNumber, Vec<u8>)>,
    pub drops: Vec<Dropped>,
}

/// What the network does to datagrams.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// How many of 100 datagrams are lost.
    pub loss: u32,
    /// How many of 100 datagrams arrive twice.
    pub duplication: u32,
    /// A datagram is under way for 1 to this many milliseconds.
    pub delay_ms: u64,
}

pub const FAIR: Weather = Weather {
    loss: 0,
    duplication: 0,
    delay_ms: 1,
};

/// Nodes and what is on its way between them.
#[derive(Debug)]
pub struct World {
    pub now: Instant,
    pub nodes: Vec<Node>,
    pub weather: Weather,
    /// Everything that was ever sent.
    pub sent: Vec<Packet>,
    under_way: BTreeMap<(Instant, u64), Packet>,
    order: u64,
    rng: ChaCha8Rng,
}

pub fn addr(number: usize) -> SocketAddr {
    SocketAddr::from((
        [10, 0, (number >> 8) as u8, (number & 255) as u8],
        7_000 + (number >> 16) as u16,
    ))
}

pub fn config(generation: u64) -> SessionConfig {
    SessionConfig {
        cluster: CLUSTER,
        release: AppRelease::default(),
        generation: Generation(generation),
        peers_max: 64,
    }
}

pub fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

impl Node {
    pub fn new(number: usize, config: SessionConfig, seed: u64, now: Instant) -> Self {
        Self {
            addr: addr(number),
            sessions: Sessions::new(config, seed, now).expect("a good configuration"),
            events: Vec::new(),
            bodies: Vec::new(),
            drops: Vec::new(),
        }
    }

    /// Hands the core a datagram, and keeps what comes of it.
    pub fn take(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        match self.sessions.handle_datagram(now, from, bytes) {
            Ok(Opened::Frames { peer, packet, body }) => {
                self.bodies.push((peer, packet, body.to_vec()));
            }
            Ok(Opened::Handshake) => {}
            Err(dropped) => self.drops.push(dropped),
        }
    }

    /// Everything the core wants to send.
    pub fn drain(&mut self, now: Instant) -> Vec<Packet> {
        let mut sent = Vec::new();
        let mut buffer = [0; 128];
        while let Some(transmit) = self.sessions.poll_transmit(now, &mut buffer) {
            sent.push(Packet {
                from: self.addr,
                to: transmit.to,
                bytes: buffer[..transmit.len].to_vec(),
            });
        }
        while let Some(event) = self.sessions.poll_event() {
            self.events.push(event);
        }
        sent
    }

    /// A data datagram, if there is a session with `to`.
    pub fn data(&mut self, to: SocketAddr, body: &[u8]) -> Option<Packet> {
        let peer = self.sessions.peer_at(to)?;
        let mut buffer = [0; 256];
        let mut w = Writer::new(&mut buffer);
        self.sessions.begin(peer, &mut w).ok()?;
        w.put(body).expect("room for the body");
        self.sessions
            .seal(peer, &mut w)
            .expect("room for the trailer");
        Some(Packet {
            from: self.addr,
            to,
            bytes: w.written().to_vec(),
        })
    }

    pub fn is_established(&self, with: SocketAddr) -> bool {
        let peer = self.sessions.peer_at(with);
        peer.and_then(|peer| self.sessions.remote(peer))
            .is_some_and(|remote| remote.is_established)
    }
}

impl World {
    /// Nodes of generation 1 at the addresses 0, 1, …
    pub fn new(nodes: usize, seed: u64, weather: Weather) -> Self {
        let now = Instant::from_nanos(1_000_000_000);
        let nodes = (0..nodes)
            .map(|number| Node::new(number, config(1), seed * 1_000 + number as u64, now))
            .collect();
        Self {
            now,
            nodes,
            weather,
            sent: Vec::new(),
            under_way: BTreeMap::new(),
            order: 0,
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    pub fn connect(&mut self, node: usize, to: SocketAddr) -> Peer {
        let peer = self.nodes[node].sessions.connect(self.now, to);
        self.drain(node);
        peer.expect("room in the table")
    }

    /// Both ends of a session in fair weather: the first two nodes, each with data from the other.
    pub fn pair(seed: u64) -> Self {
        let mut world = Self::new(2, seed, FAIR);
        world.connect(0, addr(1));
        world.run_for(ms(10));
        assert!(world.say(0, addr(1), b"first"));
        world.run_for(ms(10));
        assert!(world.say(1, addr(0), b"back"));
        world.run_for(ms(10));
        for node in &mut world.nodes {
            assert_eq!(node.bodies.len(), 1, "data went both ways");
            node.bodies.clear();
            node.events.clear();
        }
        world
    }

    /// Sends data. Says whether there was a session.
    pub fn say(&mut self, node: usize, to: SocketAddr, body: &[u8]) -> bool {
        let packet = self.nodes[node].data(to, body);
        packet.map(|packet| self.post(&packet)).is_some()
    }

    /// Puts a datagram into the network.
    pub fn post(&mut self, packet: &Packet) {
        self.sent.push(packet.clone());
        if self.rng.random_range(0..100) < self.weather.loss {
            return;
        }
        let copies = if self.rng.random_range(0..100) < self.weather.duplication {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let delay = ms(self.rng.random_range(1..=self.weather.delay_ms));
            self.order += 1;
            self.under_way
                .insert((self.now + delay, self.order), packet.clone());
        }
    }

    /// Hands a datagram to a node at once, as if it came from `from`.
    pub fn inject(&mut self, node: usize, from: SocketAddr, bytes: &[u8]) {
        self.nodes[node].take(self.now, from, bytes);
        self.drain(node);
    }

    pub fn drain(&mut self, node: usize) {
        for packet in self.nodes[node].drain(self.now) {
            self.post(&packet);
        }
    }

    /// Lets the next thing happen, if there is one before `until`.
    pub fn step(&mut self, until: Instant) -> bool {
        let due = self.nodes.iter().enumerate().filter_map(|(number, node)| {
            let deadline = node.sessions.poll_timeout()?;
            Some((deadline.at, number))
        });
        let timer = due.min();
        let arrival = self.under_way.first_key_value().map(|(&(at, _), _)| at);
        match (arrival, timer) {
            (Some(at), timer) if at <= until && timer.is_none_or(|(due, _)| at <= due) => {
                self.now = self.now.max(at);
                let (_, packet) = self.under_way.pop_first().expect("it was there");
                self.arrive(&packet);
            }
            (_, Some((at, node))) if at <= until => {
                self.now = self.now.max(at);
                self.nodes[node].sessions.handle_timeout(self.now);
                self.drain(node);
            }
            _ => return false,
        }
        true
    }

    pub fn run_for(&mut self, duration: Duration) {
        let until = self.now + duration;
        while self.step(until) {}
        self.now = until;
    }

    fn arrive(&mut self, packet: &Packet) {
        let at = self.nodes.iter().position(|node| node.addr == packet.to);
        if let Some(number) = at {
            self.inject(number, packet.from, &packet.bytes);
        }
    }

    /// Forgets what is on its way.
    pub fn clear_network(&mut self) {
        self.under_way.clear();
    }

    pub fn random(&mut self) -> &mut ChaCha8Rng {
        &mut self.rng
    }
}

/// The bytes of a handshake datagram.
pub fn craft(handshake: Handshake) -> Vec<u8> {
    let mut buffer = [0; 128];
    let mut w = Writer::new(&mut buffer);
    handshake.encode(&mut w).expect("it fits");
    append_checksum(&mut w).expect("it fits");
    w.written().to_vec()
}

/// The bytes of a data datagram of version 1.
pub fn craft_data(session: SessionId, packet: u64, body: &[u8]) -> Vec<u8> {
    let mut buffer = [0; 256];
    let mut w = Writer::new(&mut buffer);
    let header = DataHeader {
        version: 1,
        session,
        packet: PacketNumber::new(packet).expect("below 2^62"),
    };
    header.encode(&mut w).expect("it fits");
    w.put(body).expect("it fits");
    append_checksum(&mut w).expect("it fits");
    w.written().to_vec()
}

/// A hello of generation `generation` that any node of the cluster could have sent.
pub fn hello(session: u64, generation: u64) -> Hello {
    Hello {
        version_min: VERSION_MIN,
        version_max: VERSION_MAX,
        cluster: CLUSTER,
        generation: Generation(generation),
        session: SessionId(session),
        nonce: session.wrapping_mul(31),
        release: AppRelease::default(),
    }
}

/// Reads a handshake datagram; `None` for data.
pub fn read(bytes: &[u8]) -> Option<Handshake> {
    let mut reader = Reader::new(verify_checksum(bytes).expect("an intact datagram"));
    match peek_kind(&mut reader).expect("a known kind") {
        (_, Kind::Data) => None,
        (_, kind) => Some(Handshake::decode(kind, &mut reader).expect("a well formed datagram")),
    }
}

pub fn as_hello(bytes: &[u8]) -> Hello {
    match read(bytes) {
        Some(Handshake::Hello(hello)) => hello,
        other => panic!("not a hello: {other:?}"),
    }
}

pub fn as_ack(bytes: &[u8]) -> HelloAck {
    match read(bytes) {
        Some(Handshake::HelloAck(ack)) => ack,
        other => panic!("not a hello ack: {other:?}"),
    }
}

/// The session a data datagram is for.
pub fn session_of(bytes: &[u8]) -> SessionId {
    let mut reader = Reader::new(verify_checksum(bytes).expect("an intact datagram"));
    let (version, _) = peek_kind(&mut reader).expect("a known kind");
    DataHeader::decode(version, &mut reader)
        .expect("a well formed header")
        .session
}
