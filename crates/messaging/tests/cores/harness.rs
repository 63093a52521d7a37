//! Several cores under virtual time, joined by a lossy network and a stand-in for the session layer.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use bytes::Bytes;
use hobnob_messaging::{
    Call, CallKey, Config, Event, Messaging, PacketError, RequestKey, SessionChange, Token,
};
use hobnob_wire::{
    Command, DATA_OVERHEAD_MAX, Instant, PacketNumber, Peer, ResponseStatus, StreamId, Writer,
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use crate::bottleneck::Bottleneck;

/// The command every node has a handler for.
pub(crate) const KNOWN: Command = Command(100);
/// A command no node has a handler for.
pub(crate) const UNKNOWN: Command = Command(101);

/// How datagrams fare.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Profile {
    pub(crate) loss: f64,
    pub(crate) duplication: f64,
    pub(crate) latency: Duration,
    /// Added to the latency at random, which is what reorders.
    pub(crate) jitter: Duration,
}

pub(crate) const CLEAN: Profile = Profile {
    loss: 0.0,
    duplication: 0.0,
    latency: Duration::from_millis(1),
    jitter: Duration::ZERO,
};

pub(crate) const ROUGH: Profile = Profile {
    loss: 0.2,
    duplication: 0.05,
    latency: Duration::from_millis(1),
    jitter: Duration::from_millis(3),
};

/// Arrivals are rounded up to this, so that what arrives together is handled as one batch.
const BATCH: u64 = 50_000;

struct Datagram {
    from: usize,
    to: usize,
    session: u64,
    packet: PacketNumber,
    body: Bytes,
}

/// One direction between two nodes.
#[derive(Default)]
struct Link {
    session: u64,
    next: u32,
    /// The replay window: which numbers of the session arrived.
    arrived: Vec<bool>,
    is_cut: bool,
    datagrams: u64,
}

/// A core and what it told.
pub(crate) struct Node {
    pub(crate) core: Messaging,
    pub(crate) events: Vec<(Instant, Event)>,
    /// Answer requests at once, with their payload.
    pub(crate) echoes: bool,
    /// Never finish the handling of messages.
    pub(crate) holds: bool,
    /// Stopped until then: its datagrams wait, its timers do not ring.
    pub(crate) paused_until: Instant,
}

pub(crate) struct Net {
    pub(crate) nodes: Vec<Node>,
    pub(crate) profile: Profile,
    pub(crate) now: Instant,
    pub(crate) bottleneck: Option<Bottleneck>,
    config: Config,
    links: BTreeMap<(usize, usize), Link>,
    under_way: BinaryHeap<Reverse<(u64, u64, usize)>>,
    datagrams: Vec<Option<Datagram>>,
    sequence: u64,
    rng: ChaCha8Rng,
    /// Takes note of all that happens.
    pub(crate) is_traced: bool,
    trace: DefaultHasher,
    next_token: u64,
}

impl Net {
    /// `count` nodes, not connected.
    pub(crate) fn new(count: usize, config: &Config, profile: Profile, seed: u64) -> Self {
        let nodes = (0..count).map(|_| Node::new(config)).collect();
        Self {
            nodes,
            profile,
            now: Instant::ZERO,
            bottleneck: None,
            config: config.clone(),
            links: BTreeMap::new(),
            under_way: BinaryHeap::new(),
            datagrams: Vec::new(),
            sequence: 0,
            rng: ChaCha8Rng::seed_from_u64(seed),
            is_traced: false,
            trace: DefaultHasher::new(),
            next_token: 0,
        }
    }

    /// Two nodes with defaults, connected.
    pub(crate) fn pair(profile: Profile, seed: u64) -> Self {
        Self::pair_with(&Config::default(), profile, seed)
    }

    pub(crate) fn pair_with(config: &Config, profile: Profile, seed: u64) -> Self {
        let mut net = Self::new(2, config, profile, seed);
        net.connect(0, 1, SessionChange::First, SessionChange::First);
        net
    }

    /// A node that knows `others` others, connected to all of them.
    pub(crate) fn star(others: usize, config: &Config, profile: Profile, seed: u64) -> Self {
        let mut net = Self::new(others + 1, config, profile, seed);
        for other in 1..=others {
            net.connect(0, other, SessionChange::First, SessionChange::First);
        }
        net
    }

    /// A new session; what of the old one is still under way will not arrive.
    pub(crate) fn connect(&mut self, a: usize, b: usize, at_a: SessionChange, at_b: SessionChange) {
        self.new_links(a, b);
        self.nodes[a]
            .core
            .session_established(self.now, peer(b), at_a);
        self.nodes[b]
            .core
            .session_established(self.now, peer(a), at_b);
    }

    /// `b` forgot everything, as if its process were another one.
    pub(crate) fn restart(&mut self, b: usize) {
        self.nodes[b] = Node::new(&self.config);
    }

    pub(crate) fn cut(&mut self, from: usize, to: usize, is_cut: bool) {
        self.links.entry((from, to)).or_default().is_cut = is_cut;
    }

    pub(crate) fn datagrams(&self, from: usize, to: usize) -> u64 {
        self.links.get(&(from, to)).map_or(0, |link| link.datagrams)
    }

    /// What happened so far, as one number.
    pub(crate) fn trace(&self) -> u64 {
        self.trace.finish()
    }

    pub(crate) fn send(&mut self, from: usize, to: usize, payload: impl Into<Bytes>) -> Token {
        self.send_as(from, to, KNOWN, payload.into()).0
    }

    pub(crate) fn send_as(
        &mut self,
        from: usize,
        to: usize,
        command: Command,
        payload: Bytes,
    ) -> (Token, CallKey) {
        let token = self.token();
        let call = Call {
            command,
            ..call(payload, self.now + Duration::from_secs(600), token)
        };
        let key = self.nodes[from].core.send(self.now, peer(to), call);
        (token, key.expect("the queue has room"))
    }

    pub(crate) fn send_in_order(
        &mut self,
        stream: u32,
        payload: impl Into<Bytes>,
        timeout: Duration,
    ) -> (Token, CallKey) {
        let token = self.token();
        let call = call(payload, self.now + timeout, token);
        let core = &mut self.nodes[0].core;
        let key = core.send_in_order(self.now, peer(1), StreamId(stream), call);
        (token, key.expect("the queue has room"))
    }

    pub(crate) fn request(&mut self, from: usize, to: usize, payload: impl Into<Bytes>) -> Token {
        self.request_as(from, to, KNOWN, payload.into(), Duration::from_secs(600))
            .0
    }

    pub(crate) fn request_as(
        &mut self,
        from: usize,
        to: usize,
        command: Command,
        payload: Bytes,
        timeout: Duration,
    ) -> (Token, CallKey) {
        let token = self.token();
        let call = Call {
            command,
            ..call(payload, self.now + timeout, token)
        };
        let key = self.nodes[from].core.request(self.now, peer(to), call);
        (token, key.expect("the queue has room"))
    }

    pub(crate) fn token(&mut self) -> Token {
        self.next_token += 1;
        Token(self.next_token)
    }

    pub(crate) fn respond(
        &mut self,
        node: usize,
        key: RequestKey,
        status: ResponseStatus,
        payload: &str,
    ) {
        let payload = Bytes::copy_from_slice(payload.as_bytes());
        self.nodes[node]
            .core
            .respond(self.now, key, status, payload)
            .expect("the request is open");
    }

    /// Lets time pass until nothing happens any more, at most for `limit`.
    pub(crate) fn run(&mut self, limit: Duration) {
        let end = self.now + limit;
        self.run_until(limit, |_| false);
        self.now = self.now.max(end);
    }

    /// Lets time pass until `is_done`, nothing happens any more, or `limit` is over; says whether it is done.
    pub(crate) fn run_until(
        &mut self,
        limit: Duration,
        mut is_done: impl FnMut(&Self) -> bool,
    ) -> bool {
        let end = self.now + limit;
        self.settle();
        while !is_done(self) {
            if !self.step(end) {
                return false;
            }
            self.flush_all();
        }
        true
    }

    /// Lets time pass until the node told more than `seen` events; what they led to is not flushed yet.
    pub(crate) fn run_until_event(&mut self, limit: Duration, node: usize, seen: usize) -> bool {
        let end = self.now + limit;
        loop {
            self.flush_all();
            if !self.step(end) {
                return false;
            }
            if self.nodes[node].events.len() > seen {
                return true;
            }
        }
    }

    /// Goes on to the next thing that happens until `end`.
    fn step(&mut self, end: Instant) -> bool {
        let Some(next) = self.next_moment().filter(|next| *next <= end) else {
            return false;
        };
        self.now = self.now.max(next);
        self.deliver();
        for node in &mut self.nodes {
            if node.paused_until <= self.now
                && node
                    .core
                    .poll_timeout()
                    .is_some_and(|deadline| deadline.at <= self.now)
            {
                node.core.handle_timeout(self.now);
            }
        }
        self.take_events();
        true
    }

    /// Takes events, then flushes: what an application answers at once shares datagrams with the acks.
    pub(crate) fn settle(&mut self) {
        self.take_events();
        self.flush_all();
    }

    fn take_events(&mut self) {
        for index in 0..self.nodes.len() {
            let node = &mut self.nodes[index];
            while let Some(event) = node.core.poll_event() {
                if self.is_traced {
                    format!("{index} {event:?}").hash(&mut self.trace);
                }
                match &event {
                    Event::Message { .. } if !node.holds => node.core.handled(1),
                    Event::Request { key, payload, .. } if node.echoes => {
                        let answered =
                            node.core
                                .respond(self.now, *key, ResponseStatus::Ok, payload.clone());
                        answered.expect("the request is open");
                    }
                    _ => {}
                }
                node.events.push((self.now, event));
            }
        }
    }

    fn flush_all(&mut self) {
        for index in 0..self.nodes.len() {
            self.flush(index);
        }
    }

    fn flush(&mut self, index: usize) {
        if self.nodes[index].paused_until > self.now {
            return;
        }
        let mut buffer = vec![0; self.config.datagram_bytes - DATA_OVERHEAD_MAX];
        while let Some(to) = self.nodes[index].core.poll_ready(self.now) {
            let slot = usize::from(to.slot);
            loop {
                let link = self.links.entry((index, slot)).or_default();
                let packet = PacketNumber::from(link.next);
                link.next += 1;
                let mut w = Writer::new(&mut buffer);
                let core = &mut self.nodes[index].core;
                let filled = core.fill(self.now, to, packet, &mut w);
                assert!(filled.wrote || w.is_empty());
                if filled.wrote {
                    let body = Bytes::copy_from_slice(w.written());
                    self.transmit(index, slot, packet, &body);
                }
                if !filled.more {
                    break;
                }
            }
        }
    }

    fn transmit(&mut self, from: usize, to: usize, packet: PacketNumber, body: &Bytes) {
        if self.is_traced {
            (from, to, packet.get(), &body[..], self.now).hash(&mut self.trace);
        }
        let link = self.links.entry((from, to)).or_default();
        link.datagrams += 1;
        let session = link.session;
        let is_cut = link.is_cut;
        let copies = 1 + usize::from(self.rng.random_bool(self.profile.duplication));
        for _ in 0..copies {
            if self.rng.random_bool(self.profile.loss) || is_cut {
                continue;
            }
            let jitter = u64::try_from(self.profile.jitter.as_nanos()).expect("short");
            let delay =
                self.profile.latency + Duration::from_nanos(self.rng.random_range(0..=jitter));
            let left = match &mut self.bottleneck {
                Some(link) => link.pass(self.now, from, to, body.len()),
                None => Some(self.now),
            };
            let Some(left) = left else { continue };
            let at = (left + delay).as_nanos().next_multiple_of(BATCH);
            let place = self.datagrams.len();
            self.datagrams.push(Some(Datagram {
                from,
                to,
                session,
                packet,
                body: body.clone(),
            }));
            self.sequence += 1;
            self.under_way.push(Reverse((at, self.sequence, place)));
        }
    }

    fn deliver(&mut self) {
        while let Some(Reverse((at, _, place))) = self.under_way.peek().copied() {
            if at > self.now.as_nanos() {
                break;
            }
            self.under_way.pop();
            let to = self.datagrams[place].as_ref().map_or(0, |it| it.to);
            let paused_until = self.nodes[to].paused_until;
            if paused_until > self.now {
                self.sequence += 1;
                let at = paused_until.as_nanos();
                self.under_way.push(Reverse((at, self.sequence, place)));
                continue;
            }
            let datagram = self.datagrams[place].take().expect("delivered once");
            if self.under_way.is_empty() {
                self.datagrams.clear();
            }
            let link = self.links.entry((datagram.from, datagram.to)).or_default();
            if link.session != datagram.session {
                continue;
            }
            let number = usize::try_from(datagram.packet.get()).expect("small");
            if number >= link.arrived.len() {
                link.arrived.resize(number + 1, false);
            }
            if std::mem::replace(&mut link.arrived[number], true) {
                continue;
            }
            let core = &mut self.nodes[datagram.to].core;
            let handled = core.handle_packet(
                self.now,
                peer(datagram.from),
                datagram.packet,
                &datagram.body,
            );
            assert!(
                matches!(handled, Ok(()) | Err(PacketError::NoSession)),
                "a core's own frames are well formed: {handled:?}"
            );
        }
    }

    fn next_moment(&self) -> Option<Instant> {
        let arrival = self
            .under_way
            .peek()
            .map(|Reverse((at, ..))| Instant::from_nanos(*at));
        let timers = self.nodes.iter().filter_map(|node| {
            let at = node.core.poll_timeout()?.at;
            Some(at.max(node.paused_until))
        });
        timers.chain(arrival).min()
    }

    fn new_links(&mut self, a: usize, b: usize) {
        for ends in [(a, b), (b, a)] {
            let link = self.links.entry(ends).or_default();
            link.session += 1;
            link.next = 0;
            link.arrived.clear();
        }
    }
}

impl Node {
    fn new(config: &Config) -> Self {
        let mut core =
            Messaging::new(config.clone(), Instant::ZERO).expect("a valid configuration");
        core.register(KNOWN);
        Self {
            core,
            events: Vec::new(),
            echoes: false,
            holds: false,
            paused_until: Instant::ZERO,
        }
    }

    /// The payloads of the one-way messages that were handled.
    pub(crate) fn handled(&self) -> Vec<Bytes> {
        let payloads = self.events.iter().filter_map(|(_, event)| match event {
            Event::Message { payload, .. } => Some(payload.clone()),
            _ => None,
        });
        payloads.collect()
    }

    /// The streams and payloads of the one-way messages that were handled.
    pub(crate) fn handled_in_order(&self) -> Vec<(Option<u32>, Bytes)> {
        let messages = self.events.iter().filter_map(|(_, event)| match event {
            Event::Message {
                stream, payload, ..
            } => Some((stream.map(|stream| stream.0), payload.clone())),
            _ => None,
        });
        messages.collect()
    }

    /// The requests that were given to handlers.
    pub(crate) fn requests(&self) -> Vec<(RequestKey, Bytes)> {
        let requests = self.events.iter().filter_map(|(_, event)| match event {
            Event::Request { key, payload, .. } => Some((*key, payload.clone())),
            _ => None,
        });
        requests.collect()
    }

    pub(crate) fn sent(&self, token: Token) -> Option<Result<(), hobnob_messaging::Failure>> {
        self.events.iter().find_map(|(_, event)| match event {
            Event::Sent {
                token: ended,
                result,
            } if *ended == token => Some(result.clone()),
            _ => None,
        })
    }

    pub(crate) fn answered(
        &self,
        token: Token,
    ) -> Option<Result<Bytes, hobnob_messaging::Failure>> {
        self.events.iter().find_map(|(_, event)| match event {
            Event::Answered {
                token: ended,
                result,
            } if *ended == token => Some(result.clone()),
            _ => None,
        })
    }
}

/// The handle of a node at any other.
pub(crate) fn peer(node: usize) -> Peer {
    Peer {
        slot: u16::try_from(node).expect("few nodes"),
        epoch: 0,
    }
}

/// Bytes that differ from each other.
/// A call for the command that every node has a handler for.
pub(crate) fn call(payload: impl Into<Bytes>, deadline: Instant, token: Token) -> Call {
    Call {
        command: KNOWN,
        payload: payload.into(),
        deadline,
        token,
    }
}

pub(crate) fn pattern(len: usize) -> Bytes {
    (0..len)
        .map(|place| u8::try_from((place * 31 + place / 251) % 256).unwrap_or(0))
        .collect()
}
