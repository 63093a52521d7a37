//! Nodes with values on a network that delays, loses, repeats and is cut, under virtual time.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use bytes::Bytes;
use hobnob_shared::{
    Process, Transmit,
    values::{ValueSet, Values},
};
use hobnob_wire::{Generation, Instant};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

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

pub(crate) type Set = BTreeMap<String, Bytes>;

pub(crate) fn contents(set: &ValueSet) -> Set {
    let values = set.iter();
    values
        .map(|(key, value)| (key.to_string(), value.clone()))
        .collect()
}

/// What an owner had at one of its versions, and what another one has at it must be the same.
type History = BTreeMap<(Process, u64), Set>;

pub(crate) struct Net {
    pub(crate) now: Instant,
    pub(crate) nodes: Vec<Option<Values>>,
    pub(crate) loss: f64,
    pub(crate) doubled: f64,
    pub(crate) bytes: u64,
    pub(crate) payloads: u64,
    history: History,
    /// The latest version each node has seen of each process.
    seen: BTreeMap<(usize, u64, Process), u64>,
    generations: Vec<u64>,
    cuts: BTreeSet<(usize, usize)>,
    rng: ChaCha8Rng,
    flights: BTreeMap<(Instant, u64), (usize, usize, Bytes)>,
    sent: u64,
}

impl Net {
    pub(crate) fn new(seed: u64, count: usize) -> Self {
        let mut net = Self {
            now: Instant::ZERO,
            nodes: Vec::new(),
            loss: 0.0,
            doubled: 0.0,
            bytes: 0,
            payloads: 0,
            history: History::new(),
            seen: BTreeMap::new(),
            generations: Vec::new(),
            cuts: BTreeSet::new(),
            rng: ChaCha8Rng::seed_from_u64(seed),
            flights: BTreeMap::new(),
            sent: 0,
        };
        for _ in 0..count {
            net.join();
        }
        net
    }

    pub(crate) fn join(&mut self) -> usize {
        let node = self.nodes.len();
        self.nodes.push(None);
        self.generations.push(0);
        self.start(node);
        node
    }

    /// A process begins; it and those it can reach learn of each other.
    pub(crate) fn start(&mut self, node: usize) {
        self.generations[node] += 1;
        let me = self.process(node);
        self.nodes[node] = Some(Values::new(me, self.rng.random(), self.now));
        for other in 0..self.nodes.len() {
            if other != node && !self.cuts.contains(&(node, other)) {
                self.meet(node, other);
            }
        }
    }

    pub(crate) fn kill(&mut self, node: usize) {
        self.nodes[node] = None;
        for other in self.nodes.iter_mut().flatten() {
            other.member_down(self.now, addr(node));
        }
    }

    pub(crate) fn process(&self, node: usize) -> Process {
        process(node, self.generations[node])
    }

    pub(crate) fn at(&mut self, node: usize) -> &mut Values {
        self.nodes[node].as_mut().expect("it runs")
    }

    pub(crate) fn set(&mut self, node: usize, key: &str, value: impl Into<Bytes>) {
        let now = self.now;
        self.at(node).set(now, key, value.into()).expect("it fits");
        self.changed(node);
    }

    pub(crate) fn remove(&mut self, node: usize, key: &str) -> bool {
        let now = self.now;
        let removed = self.at(node).remove(now, key);
        self.changed(node);
        removed
    }

    fn changed(&mut self, node: usize) {
        let process = self.process(node);
        let own = self.at(node).own().clone();
        self.history
            .insert((process, own.version()), contents(&own));
        self.pump();
    }

    pub(crate) fn cut(&mut self, one: &[usize], other: &[usize]) {
        for (a, b) in one.iter().flat_map(|a| other.iter().map(|b| (*a, *b))) {
            self.cuts.extend([(a, b), (b, a)]);
            for (node, gone) in [(a, b), (b, a)] {
                if let Some(values) = &mut self.nodes[node] {
                    values.member_down(self.now, addr(gone));
                }
            }
        }
    }

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
                let (now, peer) = (self.now, self.process(peer));
                self.at(node).member_up(now, peer);
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
                .filter_map(|node| Some(node.poll_timeout()?.at))
                .min();
            let next = flight.into_iter().chain(timer).min();
            let Some(next) = next.filter(|at| *at <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            if flight.is_some_and(|at| at <= self.now) {
                self.arrive();
            }
            for node in self.nodes.iter_mut().flatten() {
                if node.poll_timeout().is_some_and(|due| due.at <= self.now) {
                    node.handle_timeout(self.now);
                }
            }
        }
    }

    /// Runs until everybody who runs has everybody's values; returns how long that took.
    pub(crate) fn converge(&mut self, within: Duration) -> Duration {
        let begun = self.now;
        while !self.are_equal() {
            let took = self.now.saturating_since(begun);
            assert!(took < within, "not equal after {within:?}");
            self.run(Duration::from_millis(50));
        }
        self.now.saturating_since(begun)
    }

    pub(crate) fn are_equal(&self) -> bool {
        let lives = || (0..self.nodes.len()).filter(|node| self.nodes[*node].is_some());
        lives().all(|owner| {
            let process = self.process(owner);
            let own = self.nodes[owner].as_ref().expect("it runs").own();
            let of_owner = lives().map(|node| self.nodes[node].as_ref().expect("it runs"));
            let mut of_owner = of_owner.map(|node| node.of(process).cloned().unwrap_or_default());
            of_owner.all(|set| set == *own)
        })
    }

    fn pump(&mut self) {
        for from in 0..self.nodes.len() {
            while let Some(node) = &mut self.nodes[from]
                && let Some(transmit) = node.poll_transmit()
            {
                self.send(from, &transmit);
            }
        }
    }

    fn send(&mut self, from: usize, transmit: &Transmit) {
        let to = (0..self.nodes.len())
            .find(|node| addr(*node) == transmit.to)
            .expect("a node");
        self.payloads += 1;
        self.bytes += u64::try_from(transmit.payload.len()).unwrap();
        let is_lost = self.nodes[to].is_none()
            || self.cuts.contains(&(from, to))
            || self.rng.random_bool(self.loss);
        let doubled = self.rng.random_bool(self.doubled);
        for _ in 0..if is_lost { 0 } else { 1 + u32::from(doubled) } {
            self.sent += 1;
            let delay = Duration::from_micros(self.rng.random_range(200..400_000));
            let flight = (from, to, transmit.payload.clone());
            self.flights.insert((self.now + delay, self.sent), flight);
        }
        let now = self.now;
        self.at(from)
            .handle_sent(now, transmit.to, transmit.payload.len(), !is_lost);
    }

    fn arrive(&mut self) {
        if let Some((_, (from, to, payload))) = self.flights.pop_first()
            && let Some(node) = &mut self.nodes[to]
        {
            node.handle_payload(self.now, addr(from), &payload)
                .expect("it is understood");
            self.judge(to);
        }
    }

    /// Nobody has what its owner never had, and nobody goes back.
    fn judge(&mut self, node: usize) {
        let generation = self.generations[node];
        let values = self.nodes[node].as_ref().expect("it runs");
        for (owner, generations) in self.generations.iter().enumerate() {
            for process in (1..=*generations).map(|g| process(owner, g)) {
                let version = values.of(process).map_or(0, ValueSet::version);
                let Some(set) = values.of(process).filter(|_| version > 0) else {
                    continue;
                };
                let had = self.history.get(&(process, version));
                assert_eq!(had, Some(&contents(set)), "{process:?} at {version}");
                let seen = self.seen.entry((node, generation, process)).or_default();
                assert!(*seen <= version, "back from {seen} to {version}");
                *seen = version;
            }
        }
    }
}
