//! Data that all share, on whole nodes under faults, compared with what was acknowledged.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use hobnob_sim::{
    Application, At, Conditions, Host, Instant, Link, NodeId, Sim,
    endpoint::{
        EndpointConfig, Event,
        gossip::{self, Metadata, MetadataFields, Profile},
        shared::{self, SharedData, Version},
    },
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng, seq::IndexedRandom};

const SECOND: Duration = Duration::from_secs(1);

/// The counter to which all add.
const COMMON: &str = "common";

/// Greets the first node, again and again while it is alone, and keeps what it is told of changes.
#[derive(Default)]
struct App {
    seeds: Vec<std::net::SocketAddr>,
    /// What each process was told is there: must be what is there.
    told: BTreeMap<NodeId, BTreeMap<String, Bytes>>,
    failed: u32,
}

impl Application for App {
    fn on_start(&mut self, at: &mut At<'_>) {
        self.told.insert(at.node, BTreeMap::new());
        at.wake_in(Duration::from_millis(1), 0);
    }

    fn on_wake(&mut self, at: &mut At<'_>, token: u64) {
        for seed in &self.seeds {
            if at
                .endpoint
                .members()
                .node(*seed)
                .is_none_or(|node| node.state.is_gone())
            {
                at.endpoint.join(at.now, *seed);
            }
        }
        at.wake_in(SECOND, token);
    }

    fn on_event(&mut self, at: &mut At<'_>, event: Event) {
        let told = self.told.entry(at.node).or_default();
        match event {
            Event::Shared(shared::Event::Set { key, entry }) => {
                told.insert(key.to_string(), entry.value);
            }
            Event::Shared(shared::Event::Removed { key }) => {
                told.remove(&*key);
            }
            Event::Member(gossip::Event::Failed(_)) => self.failed += 1,
            _ => {}
        }
    }
}

/// What must come of it.
#[derive(Default)]
struct Model {
    /// The latest write to each key that is never removed, by processes that had time to pass it on.
    writes: BTreeMap<String, (Version, Bytes)>,
    /// All that was ever written.
    values: BTreeSet<(String, Bytes)>,
    common: i64,
    /// What each process added to a counter of its own, and what others had heard of it when it crashed.
    own: BTreeMap<String, (i64, i64)>,
}

struct World {
    sim: Sim<App>,
    ids: Vec<NodeId>,
    model: Model,
}

impl World {
    fn new(seed: u64, size: usize, conditions: Conditions) -> Self {
        Self::with(seed, size, conditions, |_| {})
    }

    fn with(
        seed: u64,
        size: usize,
        conditions: Conditions,
        configure: impl Fn(&mut EndpointConfig),
    ) -> Self {
        let mut sim = Sim::new(seed, conditions, App::default());
        let fields = MetadataFields {
            node_type: "udp".into(),
            ..MetadataFields::default()
        };
        let metadata = Metadata::new(fields).expect("it is small");
        let mut ids = Vec::new();
        for _ in 0..size {
            let id = sim.start(metadata.clone(), |config| {
                config.gossip = gossip::GossipConfig::new(Profile::Lan);
                configure(config);
            });
            if ids.len() < 2 {
                sim.app.seeds.push(sim.addr(id));
            }
            ids.push(id);
        }
        let mut world = Self {
            sim,
            ids,
            model: Model::default(),
        };
        world.sim.run_for(10 * SECOND);
        world
    }

    fn copy(&self, node: NodeId) -> Option<&SharedData> {
        Some(self.sim.endpoint(node)?.shared())
    }

    fn copies(&self) -> impl Iterator<Item = &SharedData> {
        self.ids.iter().filter_map(|node| self.copy(*node))
    }

    fn own_counter(&self, node: NodeId) -> String {
        format!("{node}.{}", self.sim.generation(node).0)
    }

    fn set(&mut self, node: NodeId, key: &str, value: Bytes) -> Version {
        let write = |at: &mut At<'_>| at.endpoint.share(at.now, key, value.clone());
        let version = self
            .sim
            .with(node, write)
            .expect("it runs")
            .expect("there is room");
        self.model.values.insert((key.to_owned(), value));
        version
    }

    fn write(&mut self, node: NodeId, key: &str, number: u32) {
        let value = Bytes::from(number.to_string());
        let version = self.set(node, key, value.clone());
        if self
            .model
            .writes
            .get(key)
            .is_none_or(|(known, _)| *known < version)
        {
            self.model.writes.insert(key.to_owned(), (version, value));
        }
    }

    fn add(&mut self, node: NodeId, delta: i64) {
        let own = self.own_counter(node);
        for name in [COMMON, &own] {
            let add = |at: &mut At<'_>| at.endpoint.add_shared(at.now, name, delta);
            self.sim
                .with(node, add)
                .expect("it runs")
                .expect("there is room");
        }
        self.model.common += delta;
        self.model.own.entry(own).or_default().0 += delta;
    }

    /// Kills a process in the middle of what it does: what nobody has heard of it is lost.
    fn crash(&mut self, node: NodeId) {
        let name = self.own_counter(node);
        self.sim.kill(node);
        if let Some(own) = self.model.own.get_mut(&name) {
            let others = self.ids.iter().filter_map(|node| self.sim.endpoint(*node));
            own.1 = others
                .map(|other| other.shared().counter(&name))
                .max()
                .unwrap_or(0);
        }
    }

    /// Runs until all copies are equal.
    fn converge(&mut self, within: Duration) {
        let end = self.sim.now() + within;
        while self.difference().is_some() {
            let now = self.sim.now();
            assert!(now < end, "after {within:?}: {:?}", self.difference());
            self.sim.run_for(SECOND);
        }
    }

    fn difference(&self) -> Option<String> {
        let prints: BTreeSet<u64> = self.copies().map(SharedData::fingerprint).collect();
        (prints.len() > 1).then(|| format!("{} different copies", prints.len()))
    }

    /// Judges copies that are equal.
    fn judge(&self) -> Result<(), String> {
        for (number, node) in self.ids.iter().enumerate() {
            let Some(copy) = self.copy(*node) else {
                continue;
            };
            let entries = copy.entries();
            let mine: BTreeMap<String, Bytes> = entries
                .map(|(key, entry)| (key.to_string(), entry.value))
                .collect();
            if self.sim.app.told.get(node) != Some(&mine) {
                return Err(format!(
                    "node {number} was told something else than is there"
                ));
            }
            for (key, value) in &mine {
                if !self.model.values.contains(&(key.clone(), value.clone())) {
                    return Err(format!("nobody has set {key} to {value:?}"));
                }
            }
            for (key, (version, value)) in &self.model.writes {
                let entry = copy.get(key).ok_or(format!("{key} is gone"))?;
                if entry.version < *version || entry.version == *version && entry.value != *value {
                    return Err(format!("{key} is not what was written last"));
                }
            }
            for (name, (added, heard)) in &self.model.own {
                let value = copy.counter(name);
                let is_lost = *heard != 0 || !self.is_running(name);
                if value > *added || value < *heard || !is_lost && value != *added {
                    return Err(format!("{name} is {value}: added {added}, heard {heard}"));
                }
            }
        }
        Ok(())
    }

    fn is_running(&self, name: &str) -> bool {
        let mut nodes = self.ids.iter();
        nodes.any(|node| self.sim.is_alive(*node) && self.own_counter(*node) == name)
    }
}

fn bad_day(seed: u64) -> World {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let size = rng.random_range(4..20);
    let conditions = Conditions::LAN.with_loss(0.03).with_duplication(0.02);
    let mut world = World::new(seed, size, conditions);
    for step in 0..120 {
        let node = *world.ids.choose(&mut rng).expect("there are some");
        if !world.sim.is_alive(node) {
            world.sim.restart(node);
        }
        match rng.random_range(0..20) {
            0..6 => world.write(node, &format!("kept {}", rng.random_range(0..10)), step),
            6..8 => drop(world.set(node, &format!("k{}", rng.random_range(0..5)), Bytes::new())),
            8..10 => {
                let key = format!("k{}", rng.random_range(0..5));
                let remove = |at: &mut At<'_>| at.endpoint.remove_shared(at.now, &key);
                world
                    .sim
                    .with(node, remove)
                    .expect("it runs")
                    .expect("clocks are right");
            }
            10..16 => world.add(node, rng.random_range(1..100)),
            16 => {
                let (one, other) = world.ids.split_at(rng.random_range(1..size));
                world.sim.partition(one, other, true);
            }
            17 => world.sim.heal_all(),
            _ => {
                if world
                    .ids
                    .iter()
                    .filter(|node| world.sim.is_alive(**node))
                    .count()
                    > 2
                {
                    world.crash(node);
                }
            }
        }
        world
            .sim
            .run_for(Duration::from_millis(rng.random_range(0..4_000)));
    }
    world.sim.heal_all();
    world.sim.set_conditions(Conditions::LAN);
    world.sim.run_for(20 * SECOND);
    world
}

/// Writes that a crash may have taken with it are not asked for.
fn forget_what_crashed(world: &mut World) {
    let sim = &world.sim;
    let lives: BTreeSet<_> = world
        .ids
        .iter()
        .filter(|node| sim.is_alive(**node))
        .map(|node| (sim.addr(*node), sim.generation(*node)))
        .collect();
    world.model.writes.retain(|_, (version, _)| {
        lives.contains(&(version.writer().addr, version.writer().generation))
    });
}

#[test]
fn after_bad_days_all_copies_are_equal_and_have_what_was_acknowledged() {
    for seed in 0..15 {
        let mut world = bad_day(seed);
        world.converge(60 * SECOND);
        forget_what_crashed(&mut world);
        world
            .judge()
            .unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
}

#[test]
fn the_judge_notices_a_write_and_a_count_that_are_missing_and_one_too_many() {
    let mut world = World::new(1, 5, Conditions::LAN);
    let [a, b, ..] = world.ids[..] else {
        unreachable!("there are five");
    };
    world.write(a, "kept", 1);
    world.add(a, 5);
    world.converge(10 * SECOND);
    assert_eq!(world.judge(), Ok(()));
    // Behind the model's back: somebody counts for another, and sets what nobody has acknowledged.
    let name = world.own_counter(a);
    let add = |at: &mut At<'_>| at.endpoint.add_shared(at.now, &name, 1);
    world
        .sim
        .with(b, add)
        .expect("it runs")
        .expect("there is room");
    world.converge(10 * SECOND);
    assert!(world.judge().unwrap_err().contains("added 5"));
    let take = |at: &mut At<'_>| at.endpoint.add_shared(at.now, &name, -2);
    world
        .sim
        .with(b, take)
        .expect("it runs")
        .expect("there is room");
    world.converge(10 * SECOND);
    assert!(world.judge().unwrap_err().contains("is 4"));
    world
        .sim
        .with(b, |at| at.endpoint.add_shared(at.now, &name, 1))
        .expect("it runs")
        .unwrap();
    world.converge(10 * SECOND);
    assert_eq!(world.judge(), Ok(()));
    let set = |at: &mut At<'_>| at.endpoint.share(at.now, "kept", Bytes::from("2"));
    world
        .sim
        .with(b, set)
        .expect("it runs")
        .expect("there is room");
    world.converge(10 * SECOND);
    assert!(world.judge().unwrap_err().contains("nobody has set"));
    let remove = |at: &mut At<'_>| at.endpoint.remove_shared(at.now, "kept");
    world
        .sim
        .with(b, remove)
        .expect("it runs")
        .expect("there is room");
    world.converge(10 * SECOND);
    assert!(world.judge().unwrap_err().contains("is gone"));
}

#[test]
fn counters_are_the_sum_of_what_live_and_dead_processes_added() {
    for seed in 0..5 {
        let mut world = World::new(seed, 8, Conditions::LAN.with_loss(0.05));
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for _ in 0..10 {
            for node in world.ids.clone() {
                world.add(node, rng.random_range(-10..20));
            }
            // Time to pass it on; then some crash, and come back as other processes.
            world.sim.run_for(15 * SECOND);
            for node in [2, 3, 4] {
                world.sim.kill(world.ids[node]);
            }
            world.sim.run_for(SECOND * rng.random_range(0..20));
            for node in [2, 3, 4] {
                world.sim.restart(world.ids[node]);
            }
            world.sim.run_for(5 * SECOND);
        }
        world.converge(60 * SECOND);
        for copy in world.copies() {
            assert_eq!(copy.counter(COMMON), world.model.common, "seed {seed}");
        }
    }
}

#[test]
fn both_halves_of_a_split_go_on_and_are_one_soon_after_it_heals() {
    let mut world = World::new(3, 32, Conditions::LAN);
    let ids = world.ids.clone();
    let (one, other) = ids.split_at(16);
    world.sim.partition(one, other, true);
    for number in 0..60 {
        for node in [ids[0], ids[31]] {
            world.write(node, &format!("{node} {}", number % 30), number);
            world.write(node, "both", number);
            world.add(node, 1);
        }
        world.sim.run_for(SECOND);
    }
    assert_eq!(world.copy(ids[1]).expect("it runs").counter(COMMON), 60);
    world.sim.heal_all();
    let met = |sim: &Sim<App>| {
        sim.endpoint(ids[16]).is_some_and(|endpoint| {
            endpoint
                .members()
                .node(sim.addr(ids[0]))
                .is_some_and(|node| !node.state.is_gone())
        })
    };
    let mut waited = 0;
    while !met(&world.sim) {
        world.sim.run_for(SECOND);
        waited += 1;
        assert!(waited < 120, "they meet again");
    }
    world.converge(30 * SECOND);
    assert_eq!(world.judge(), Ok(()));
    assert_eq!(world.copy(ids[1]).expect("it runs").counter(COMMON), 120);
}

#[test]
fn however_much_is_written_nobody_is_taken_for_dead() {
    let mut world = World::new(4, 8, Conditions::LAN);
    // A hundred times what the membership needs, a fraction of what is written.
    let slow = Link {
        bits_per_second: 4_000_000,
        queue_bytes: 100_000,
    };
    for node in world.ids.clone() {
        let host = Host {
            egress: Some(slow),
            ingress: Some(slow),
            ..Host::default()
        };
        world.sim.set_host(node, host);
    }
    let value = Bytes::from(vec![7; 8_000]);
    let begun: Instant = world.sim.now();
    let mut number = 0;
    while world.sim.now() < begun + 30 * SECOND {
        for node in world.ids.clone() {
            world.set(node, &format!("{node} {}", number % 50), value.clone());
        }
        number += 1;
        world.sim.run_for(Duration::from_millis(50));
    }
    assert_eq!(world.sim.app.failed, 0, "nobody is missed");
    world.converge(120 * SECOND);
    assert_eq!(world.sim.app.failed, 0);
}

/// Messages of callers may be small; what nodes say of shared data is not theirs.
#[test]
fn a_node_that_missed_much_gets_it_where_messages_are_small() {
    let mut world = World::with(1, 2, Conditions::LAN, |config| {
        config.messaging.message_bytes_max = 2_000;
    });
    let (writer, other) = (world.ids[0], world.ids[1]);
    world.sim.kill(other);
    for key in 0..20 {
        let value = Bytes::from(vec![key; 5_000]);
        world.set(writer, &format!("key {key}"), value);
    }
    world.sim.restart(other);
    world.converge(60 * SECOND);
    let largest = Bytes::from(vec![7; shared::limits::VALUE_BYTES_MAX]);
    world.set(writer, "largest", largest);
    world.converge(60 * SECOND);
}
