//! Copies on a network that delays, loses, repeats and is cut, under virtual time.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use bytes::Bytes;
use hobnob_shared::{Config, Event, Process, SharedData, Transmit};
use hobnob_wire::{Generation, Instant};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3_600);

/// What the clocks show when the world begins: noon of a day, so that a period does not end at once.
pub(crate) const UNIX_START: Duration = Duration::from_secs(1_800_014_400);

pub(crate) fn addr(node: usize) -> SocketAddr {
    let [.., a, b] = u32::try_from(node).unwrap().to_be_bytes();
    SocketAddr::from(([10, 0, a, b], 7_000))
}

pub(crate) fn process(node: usize, generation: u64) -> Process {
    Process {
        addr: addr(node),
        generation: Generation(generation),
    }
}

pub(crate) fn copy(node: usize) -> SharedData {
    let seed = u64::try_from(node).unwrap();
    let config = Config::default();
    SharedData::new(config, process(node, 1), seed, Instant::ZERO, UNIX_START).unwrap()
}

pub(crate) fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// Everything that can be read from a copy.
pub(crate) type View = (BTreeMap<String, Bytes>, BTreeMap<String, i64>);

pub(crate) fn view(copy: &SharedData) -> View {
    let entries = copy.entries();
    let counters = copy.counters();
    (
        entries
            .map(|(key, entry)| (key.to_string(), entry.value))
            .collect(),
        counters
            .map(|(name, value)| (name.to_string(), value))
            .collect(),
    )
}

/// A world of copies.
pub(crate) struct Net {
    pub(crate) now: Instant,
    pub(crate) nodes: Vec<Option<SharedData>>,
    /// Chance that a payload is lost, and that one comes twice.
    pub(crate) loss: f64,
    pub(crate) doubled: f64,
    pub(crate) payloads: u64,
    pub(crate) bytes: u64,
    cuts: BTreeSet<(usize, usize)>,
    generations: Vec<u64>,
    rng: ChaCha8Rng,
    flights: BTreeMap<(Instant, u64), (usize, usize, Bytes)>,
    sent: u64,
}

impl Net {
    /// `count` copies of which each knows all others.
    pub(crate) fn new(seed: u64, count: usize) -> Self {
        Self::with(seed, count, Config::default())
    }

    pub(crate) fn with(seed: u64, count: usize, config: Config) -> Self {
        let mut net = Self {
            now: Instant::ZERO,
            nodes: Vec::new(),
            loss: 0.0,
            doubled: 0.0,
            payloads: 0,
            bytes: 0,
            cuts: BTreeSet::new(),
            generations: Vec::new(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            flights: BTreeMap::new(),
            sent: 0,
        };
        for _ in 0..count {
            net.join(config);
        }
        net
    }

    /// One more copy; all learn of each other.
    pub(crate) fn join(&mut self, config: Config) -> usize {
        let node = self.nodes.len();
        self.nodes.push(None);
        self.generations.push(0);
        self.start(node, config);
        node
    }

    /// A process begins where there is none.
    pub(crate) fn start(&mut self, node: usize, config: Config) {
        self.generations[node] += 1;
        let me = process(node, self.generations[node]);
        let (now, wall) = (self.now, self.wall());
        let copy = SharedData::new(config, me, self.rng.random(), now, wall).unwrap();
        self.nodes[node] = Some(copy);
        for other in 0..self.nodes.len() {
            if other != node && self.nodes[other].is_some() && !self.cuts.contains(&(node, other)) {
                self.meet(node, other);
            }
        }
    }

    /// A process ends without a word.
    pub(crate) fn kill(&mut self, node: usize) {
        self.nodes[node] = None;
        for other in self.nodes.iter_mut().flatten() {
            other.peer_down(self.now, addr(node));
        }
    }

    pub(crate) fn wall(&self) -> Duration {
        UNIX_START + self.now.saturating_since(Instant::ZERO)
    }

    pub(crate) fn at(&mut self, node: usize) -> &mut SharedData {
        self.nodes[node].as_mut().expect("it runs")
    }

    pub(crate) fn set(&mut self, node: usize, key: &str, value: &str) {
        let now = self.now;
        self.at(node).set(now, key, bytes(value)).unwrap();
        self.pump();
    }

    pub(crate) fn remove(&mut self, node: usize, key: &str) -> bool {
        let now = self.now;
        let removed = self.at(node).remove(now, key).unwrap();
        self.pump();
        removed
    }

    pub(crate) fn add(&mut self, node: usize, name: &str, delta: i64) {
        let now = self.now;
        self.at(node).add(now, name, delta).unwrap();
        self.pump();
    }

    pub(crate) fn value(&mut self, node: usize, key: &str) -> Option<Bytes> {
        Some(self.at(node).get(key)?.value)
    }

    /// Cuts two groups apart; both notice.
    pub(crate) fn cut(&mut self, one: &[usize], other: &[usize]) {
        for (a, b) in one.iter().flat_map(|a| other.iter().map(|b| (*a, *b))) {
            self.cuts.extend([(a, b), (b, a)]);
            for (node, gone) in [(a, b), (b, a)] {
                if let Some(copy) = &mut self.nodes[node] {
                    copy.peer_down(self.now, addr(gone));
                }
            }
        }
    }

    /// Everybody finds everybody again.
    pub(crate) fn heal(&mut self) {
        for (a, b) in std::mem::take(&mut self.cuts) {
            if a < b {
                self.meet(a, b);
            }
        }
    }

    fn meet(&mut self, a: usize, b: usize) {
        if self.nodes[a].is_some() && self.nodes[b].is_some() {
            for (node, peer) in [(a, b), (b, a)] {
                let now = self.now;
                self.at(node).peer_up(now, addr(peer));
            }
            self.pump();
        }
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.pump();
            let flight = self.flights.keys().next().map(|(at, _)| *at);
            let timers = self.nodes.iter().flatten();
            let timer = timers
                .filter_map(|copy| Some(copy.poll_timeout()?.at))
                .min();
            let Some(next) = flight
                .into_iter()
                .chain(timer)
                .min()
                .filter(|at| *at <= end)
            else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            if flight.is_some_and(|at| at <= self.now) {
                self.arrive();
            }
            for copy in self.nodes.iter_mut().flatten() {
                if copy.poll_timeout().is_some_and(|due| due.at <= self.now) {
                    copy.handle_timeout(self.now);
                }
            }
        }
    }

    /// Runs until all copies are equal; panics if that takes longer.
    pub(crate) fn converge(&mut self, within: Duration) {
        let end = self.now + within;
        while !self.are_equal() {
            assert!(self.now < end, "not equal after {within:?}");
            self.run(Duration::from_millis(100));
        }
    }

    pub(crate) fn are_equal(&self) -> bool {
        let mut prints = self.nodes.iter().flatten().map(SharedData::fingerprint);
        let first = prints.next();
        let equal = prints.all(|print| Some(print) == first);
        if equal {
            let mut views = self.nodes.iter().flatten().map(view);
            let first = views.next();
            assert!(
                views.all(|view| Some(view) == first),
                "equal prints, equal copies"
            );
        }
        equal
    }

    pub(crate) fn events(&mut self, node: usize) -> Vec<Event> {
        let copy = self.at(node);
        std::iter::from_fn(|| copy.poll_event()).collect()
    }

    fn pump(&mut self) {
        for from in 0..self.nodes.len() {
            while let Some(copy) = &mut self.nodes[from]
                && let Some(transmit) = copy.poll_transmit()
            {
                self.send(from, &transmit);
            }
        }
    }

    fn send(&mut self, from: usize, transmit: &Transmit) {
        let to = (0..self.nodes.len())
            .find(|node| addr(*node) == transmit.to)
            .unwrap();
        self.payloads += 1;
        self.bytes += u64::try_from(transmit.payload.len()).unwrap();
        let is_lost = self.nodes[to].is_none()
            || self.cuts.contains(&(from, to))
            || self.rng.random_bool(self.loss);
        let times = if is_lost {
            0
        } else {
            1 + u32::from(self.rng.random_bool(self.doubled))
        };
        for _ in 0..times {
            self.sent += 1;
            let delay = Duration::from_micros(self.rng.random_range(200..20_000));
            let flight = (from, to, transmit.payload.clone());
            self.flights.insert((self.now + delay, self.sent), flight);
        }
        let now = self.now;
        self.at(from)
            .handle_sent(now, transmit.to, transmit.payload.len(), !is_lost);
    }

    fn arrive(&mut self) {
        if let Some((_, (from, to, payload))) = self.flights.pop_first()
            && let Some(copy) = &mut self.nodes[to]
            && !self.cuts.contains(&(from, to))
        {
            copy.handle_payload(self.now, addr(from), &payload).unwrap();
        }
    }
}
