//! Nodes that connect, part, restart and lose their clock in bad weather, while someone plays back what
//! was ever sent. Every invariant is checked after every step.

mod common;

use std::collections::BTreeMap;

use common::{Node, Weather, World, addr, config, ms};
use hobnob_session::{Dropped, Event};
use hobnob_wire::Generation;
use rand::RngExt;

const NODES: usize = 3;

const STORM: Weather = Weather {
    loss: 25,
    duplication: 10,
    delay_ms: 80,
};

/// The world, and what must be true of it.
struct Churn {
    seed: u64,
    world: World,
    lives: u64,
    bodies: u64,
    /// Who sent each body, to whom.
    sent: BTreeMap<u64, (usize, usize)>,
    taken: BTreeMap<u64, usize>,
    /// Every generation a node ever had.
    generations: [Vec<Generation>; NODES],
}

impl Churn {
    fn new(seed: u64) -> Self {
        Self {
            seed,
            world: World::new(NODES, seed, STORM),
            lives: 0,
            bodies: 0,
            sent: BTreeMap::new(),
            taken: BTreeMap::new(),
            generations: [(); NODES].map(|()| vec![Generation(1)]),
        }
    }

    fn random(&mut self, below: usize) -> usize {
        self.world.random().random_range(0..below)
    }

    /// Two different nodes.
    fn two(&mut self) -> (usize, usize) {
        let one = self.random(NODES);
        (one, (one + 1 + self.random(NODES - 1)) % NODES)
    }

    fn say_or_connect(&mut self, from: usize, to: usize) {
        let body = self.bodies;
        if self.world.say(from, addr(to), &body.to_be_bytes()) {
            self.sent.insert(body, (from, to));
            self.bodies += 1;
        } else {
            self.world.connect(from, addr(to));
        }
    }

    fn disturb(&mut self) {
        let (node, other) = self.two();
        let peer = self.world.nodes[node].sessions.peer_at(addr(other));
        match (self.random(40), peer) {
            (0, Some(peer)) => self.world.nodes[node].sessions.disconnect(peer),
            (1, Some(peer)) => self.world.nodes[node].sessions.forget(peer),
            (2, _) => self.restart(node),
            (3, _) => {
                let next = self.world.nodes[node].sessions.generation().next();
                self.renew(node, next);
            }
            (4..8, _) if !self.world.sent.is_empty() => {
                let packet = self.random(self.world.sent.len());
                let packet = self.world.sent[packet].clone();
                self.world.post(&packet);
            }
            (8.., _) => self.say_or_connect(node, other),
            _ => {}
        }
    }

    fn restart(&mut self, node: usize) {
        self.lives += 1;
        let before = self.world.nodes[node].sessions.generation().0;
        let generation = match self.random(4) {
            0 => before.saturating_sub(2).max(1),
            _ => before + 1,
        };
        let seed = self.seed * 1_000_000 + self.lives;
        self.world.nodes[node] = Node::new(node, config(generation), seed, self.world.now);
        self.generations[node].push(Generation(generation));
    }

    fn renew(&mut self, node: usize, generation: Generation) {
        if self.world.nodes[node]
            .sessions
            .set_generation(generation)
            .is_ok()
        {
            self.generations[node].push(generation);
        }
        self.world.drain(node);
    }

    fn step(&mut self) {
        let until = self.world.now + ms(20);
        while self.world.step(until) {
            self.check();
        }
        self.world.now = until;
    }

    fn check(&mut self) {
        for number in 0..NODES {
            for event in core::mem::take(&mut self.world.nodes[number].events) {
                self.check_event(number, event);
            }
            let node = &mut self.world.nodes[number];
            for (peer, _, bytes) in core::mem::take(&mut node.bodies) {
                let body = u64::from_be_bytes(bytes.try_into().expect("eight bytes"));
                let remote = node.sessions.remote(peer).expect("a present peer");
                assert!(remote.is_established);
                let (from, to) = self.sent[&body];
                assert_eq!((addr(from), to), (remote.addr, number), "{}", self.seed);
                let before = self.taken.insert(body, number);
                assert_eq!(before, None, "seed {}: {body} came twice", self.seed);
            }
            let sessions = &self.world.nodes[number].sessions;
            assert!(sessions.places_taken() < NODES);
            assert!(sessions.strangers() <= sessions.places_taken());
        }
    }

    fn check_event(&mut self, node: usize, event: Event) {
        match event {
            Event::Established {
                addr: of,
                generation,
                previous,
                ..
            } => {
                let other = (0..NODES).find(|other| addr(*other) == of);
                let other = other.expect("one of the nodes");
                assert!(self.generations[other].contains(&generation));
                assert!(previous <= Some(generation), "seed {}", self.seed);
            }
            Event::OwnGenerationStale { seen } => {
                assert!(self.generations[node].contains(&seen), "it was ours once");
                self.renew(node, seen.next());
            }
            Event::Lost { .. } | Event::Failed { .. } => {}
            Event::Stranger { .. } => panic!("seed {}: all are of one cluster", self.seed),
        }
    }
}

#[test]
fn whatever_happens_nothing_is_taken_twice_and_all_meet_again() {
    let mut lost = 0;
    let mut stale = 0;
    let mut replayed = 0;
    let mut taken = 0;
    for seed in 0..150 {
        let mut churn = Churn::new(seed);
        for _ in 0..300 {
            for _ in 0..3 {
                churn.disturb();
            }
            churn.step();
        }
        churn.world.weather = common::FAIR;
        for _ in 0..400 {
            for (from, to) in [(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)] {
                churn.say_or_connect(from, to);
            }
            churn.step();
        }
        let before = churn.taken.len();
        let first = churn.bodies;
        for (from, to) in [(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)] {
            churn.say_or_connect(from, to);
        }
        churn.step();
        assert_eq!(churn.bodies - first, 6, "seed {seed}: all have sessions");
        assert_eq!(churn.taken.len() - before, 6, "seed {seed}: and hear");
        taken += churn.taken.len();
        for node in &churn.world.nodes {
            let stats = node.sessions.stats();
            lost += stats.lost;
            stale += stats.dropped_for(Dropped::StaleGeneration);
            replayed += stats.dropped_for(Dropped::Replayed);
        }
    }
    assert!(taken > 100_000, "{taken} bodies were taken");
    assert!(replayed > 200, "{replayed} came again");
    assert!(lost > 100, "{lost} sessions were reset");
    assert!(stale > 100, "{stale} past generations were refused");
}
