//! Values of whole nodes under faults: how long they take, and what they leave of failure detection.
#![allow(clippy::print_stdout, reason = "the figures, with --nocapture")]

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use hobnob_sim::{
    Application, At, Conditions, Instant, NodeId, Sim,
    endpoint::{
        Event,
        gossip::{self, Metadata, MetadataFields},
        shared::{Process, values::limits::VALUES_BYTES_MAX},
    },
};

const SECOND: Duration = Duration::from_secs(1);
const SIZE: usize = 64;

/// Runs with and without values that are compared.
const SEEDS: u64 = 3;

/// Everybody has everybody's values so soon after all have started at once, at 30 % loss, the joining included.
const ALL_KNOWN_WITHIN: Duration = Duration::from_secs(40);

/// One more node has them so soon.
const LATE_JOINER_WITHIN: Duration = Duration::from_secs(30);

/// Both sides of a cut have each other's so soon after it is healed and they have found each other.
const ONE_AGAIN_WITHIN: Duration = Duration::from_secs(60);

/// Greets the first node while it is alone, and writes down who was declared dead.
#[derive(Default)]
struct App {
    seed: Option<SocketAddr>,
    failed: Vec<(Instant, SocketAddr)>,
    changes: u64,
}

impl Application for App {
    fn on_start(&mut self, at: &mut At<'_>) {
        at.wake_in(Duration::from_millis(1), 0);
    }

    fn on_wake(&mut self, at: &mut At<'_>, token: u64) {
        if let Some(seed) = self.seed.filter(|_| at.endpoint.members().is_alone()) {
            at.endpoint.join(at.now, seed);
        }
        at.wake_in(SECOND, token);
    }

    fn on_event(&mut self, at: &mut At<'_>, event: Event) {
        match event {
            Event::Member(gossip::Event::Failed(node)) => {
                self.failed.push((at.world_now, node.addr()));
            }
            Event::Values(_) => self.changes += 1,
            _ => {}
        }
    }
}

struct World {
    sim: Sim<App>,
    ids: Vec<NodeId>,
}

impl World {
    fn new(seed: u64, size: usize, conditions: Conditions) -> Self {
        let sim = Sim::new(seed, conditions, App::default());
        let mut world = Self {
            sim,
            ids: Vec::new(),
        };
        for _ in 0..size {
            world.join();
        }
        world.sim.app.seed = Some(world.sim.addr(world.ids[0]));
        world
    }

    fn join(&mut self) -> NodeId {
        let fields = MetadataFields {
            node_type: "room".into(),
            ..MetadataFields::default()
        };
        let metadata = Metadata::new(fields).expect("it is small");
        let id = self.sim.start(metadata, |_| {});
        self.ids.push(id);
        id
    }

    fn set(&mut self, node: NodeId, key: &str, value: &[u8]) {
        let set = |at: &mut At<'_>| {
            let value = Bytes::copy_from_slice(value);
            at.endpoint.set_value(at.now, key, value)
        };
        self.sim
            .with(node, set)
            .expect("it runs")
            .expect("there is room");
    }

    /// As much as it may have, in four values of which one is short.
    fn fill(&mut self, node: NodeId) {
        self.set(node, "load", &[0; 4]);
        let rest = VALUES_BYTES_MAX - "load".len() - 4;
        for (number, key) in ["k0", "k1", "k2"].into_iter().enumerate() {
            let len = rest / 3 + usize::from(number < rest % 3) - key.len();
            let byte = u8::try_from(node.index() % 256).expect("it is a rest");
            self.set(node, key, &vec![byte; len]);
        }
    }

    fn all_know_all(&self) -> bool {
        self.ids.iter().all(|owner| self.all_know(*owner))
    }

    fn all_know(&self, owner: NodeId) -> bool {
        let process = Process {
            addr: self.sim.addr(owner),
            generation: self.sim.generation(owner),
        };
        let Some(own) = self.sim.endpoint(owner).map(|owner| owner.values().own()) else {
            return true;
        };
        self.ids.iter().all(|id| {
            let endpoint = self.sim.endpoint(*id);
            endpoint.is_none_or(|endpoint| {
                endpoint.members().node(process.addr).is_some() == (*id != owner)
                    && endpoint.values().of(process) == Some(own)
            })
        })
    }

    /// Runs until everybody has everything; returns how long that took.
    fn until_all_know_all(&mut self, within: Duration) -> Duration {
        let begun = self.sim.now();
        while !self.all_know_all() {
            let took = self.sim.now().saturating_since(begun);
            assert!(
                took < within,
                "not everybody has everything after {within:?}"
            );
            self.sim.run_for(Duration::from_millis(250));
        }
        self.sim.now().saturating_since(begun)
    }

    fn sent(&self) -> (u64, u64) {
        (self.sim.datagrams_sent(), self.sim.counters().bytes_sent())
    }
}

#[test]
fn at_30_percent_loss_64_nodes_know_4_kib_of_each_and_so_do_one_more_and_both_sides_of_a_cut() {
    let mut world = World::new(1, SIZE, Conditions::LAN.with_loss(0.3));
    for id in world.ids.clone() {
        world.fill(id);
    }
    let took = world.until_all_know_all(ALL_KNOWN_WITHIN);
    let (datagrams, bytes) = world.sent();
    println!("{SIZE} nodes: all known after {took:?}, {datagrams} datagrams, {bytes} bytes");

    let late = world.join();
    world.fill(late);
    let took = world.until_all_know_all(LATE_JOINER_WITHIN);
    println!("one more: after {took:?}");

    world.sim.set_conditions(Conditions::LAN);
    let ids = world.ids.clone();
    let (one, other) = ids.split_at(SIZE / 2);
    world.sim.partition(one, other, true);
    for step in 0..30_u8 {
        for id in [one[3], other[5]] {
            world.set(id, "load", &[step; 4]);
            world.set(id, "k1", &[step; 1_000]);
        }
        world.sim.run_for(SECOND);
    }
    assert!(!world.all_know(one[3]) && !world.all_know(other[5]));
    world.sim.heal_all();
    let took = world.until_all_know_all(ONE_AGAIN_WITHIN);
    println!("one again: after {took:?}");
}

/// What a run shows of failure detection.
#[derive(Debug, Default)]
struct Figures {
    first_down: Vec<Duration>,
    last_down: Vec<Duration>,
    false_downs: usize,
    datagrams: u64,
    bytes: u64,
    changes: u64,
}

impl Figures {
    /// A crash among nodes that know each other. With values, all have as much as they may, and each changes some
    /// of it every second.
    fn of(&mut self, seed: u64, conditions: Conditions, has_values: bool) {
        let mut world = World::new(seed, SIZE, conditions);
        if has_values {
            for id in world.ids.clone() {
                world.fill(id);
            }
        }
        world.sim.run_for(40 * SECOND);
        let before = world.sent();
        let victim = world.ids[SIZE / 2];
        let whom = world.sim.addr(victim);
        world.sim.kill(victim);
        let died = world.sim.now();
        for second in 0..20_u8 {
            let ids = world.ids.clone();
            for id in ids.into_iter().filter(|id| has_values && *id != victim) {
                world.set(id, "load", &[second; 4]);
                if usize::from(second) % 20 == id.index() % 20 {
                    world.set(id, "k1", &[second; 1_300]);
                }
            }
            world.sim.run_for(SECOND);
        }
        let (true_downs, false_downs): (Vec<_>, Vec<_>) =
            (world.sim.app.failed.iter()).partition(|(at, failed)| *failed == whom && *at >= died);
        let times = || true_downs.iter().map(|(at, _)| at.saturating_since(died));
        self.first_down
            .push(times().min().expect("it is found out"));
        self.last_down.push(times().max().expect("it is found out"));
        assert!(times().count() >= SIZE - 1, "by everybody");
        self.false_downs += false_downs.len();
        let after = world.sent();
        self.datagrams += after.0 - before.0;
        self.bytes += after.1 - before.1;
        self.changes += world.sim.app.changes;
    }

    fn mean(times: &[Duration]) -> Duration {
        times.iter().sum::<Duration>() / u32::try_from(times.len()).expect("few seeds")
    }
}

#[test]
fn failures_are_found_out_as_soon_with_values_as_without() {
    let conditions = Conditions::LAN.with_loss(0.3);
    let (mut without, mut with) = (Figures::default(), Figures::default());
    for seed in 0..SEEDS {
        without.of(seed, conditions, false);
        with.of(seed, conditions, true);
    }
    for (values, figures) in [("without", &without), ("with", &with)] {
        println!(
            "{values} values: first down {:?}, last {:?}, {} false downs, {} datagrams, {} bytes",
            Figures::mean(&figures.first_down),
            Figures::mean(&figures.last_down),
            figures.false_downs,
            figures.datagrams,
            figures.bytes,
        );
    }
    assert_eq!((without.false_downs, with.false_downs), (0, 0));
    assert!(without.changes == 0 && with.changes > 10_000);
    // Chance alone makes a difference of a second and more.
    let [first, last] = [&with.first_down, &with.last_down].map(|times| Figures::mean(times));
    let before = [&without.first_down, &without.last_down].map(|times| Figures::mean(times));
    assert!(first <= before[0] + 2 * SECOND, "{first:?}");
    assert!(last <= before[1] + 3 * SECOND, "{last:?}");
}
