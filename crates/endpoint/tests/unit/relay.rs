//! Relays that are lied to.

use alloc::{vec, vec::Vec};
use core::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use hobnob_messaging::{self as messaging, Call, SendError, Token};
use hobnob_wire::{
    Command, FanOutId, Full, Generation, Instant, RelayHop, RelayOnce, RelayOutcome, RelayReport,
    RelayRun, RelayTarget, StreamId, Writer,
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use super::{
    DeliveryError, RelayKey,
    errand::{Errand, Owner, Task},
    limits::{
        ERRAND_BYTES_MAX, ERRANDS_MAX, GIVEN_UP_MAX, HOPS_BYTES_MAX, ORIGINS_MAX, OWN_MAX,
        REMEMBERED_PER_ORIGIN_MAX,
    },
    memory::{Known, Memory},
    reports,
};
use crate::{
    calling::Target,
    config::EndpointConfig,
    endpoint::Endpoint,
    event::{CallError, Event},
    gossip::{Metadata, MetadataFields},
};

const COMMAND: Command = Command(200);
const MILLISECOND: Duration = Duration::from_millis(1);

/// Endpoints that all know each other; a datagram takes no time.
struct World {
    now: Instant,
    nodes: Vec<Endpoint>,
    handled: Vec<(usize, SocketAddr)>,
    reports: Vec<Vec<Result<(), DeliveryError>>>,
}

fn addr(index: usize) -> SocketAddr {
    let last = u8::try_from(index + 1).expect("few");
    SocketAddr::from(([10, 0, 0, last], 7_946))
}

fn target(index: usize) -> Target {
    Target {
        addr: addr(index),
        generation: None,
    }
}

impl World {
    fn new(count: usize) -> Self {
        let fields = MetadataFields {
            node_type: "udp".into(),
            ..MetadataFields::default()
        };
        let metadata = Metadata::new(fields).expect("it is small");
        let node = |index| {
            let config = EndpointConfig::new(addr(index), Generation(1_000), metadata.clone());
            let mut node = Endpoint::new(config, index as u64, Instant::ZERO).expect("it can run");
            node.register(COMMAND);
            node
        };
        let mut world = Self {
            now: Instant::ZERO,
            nodes: (0..count).map(node).collect(),
            handled: Vec::new(),
            reports: Vec::new(),
        };
        for index in 1..count {
            world.nodes[index].join(world.now, addr(0));
            world.run(100 * MILLISECOND);
        }
        world.run(Duration::from_secs(5));
        world
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.exchange();
            let due = self.nodes.iter().filter_map(Endpoint::poll_timeout);
            let Some(at) = due
                .map(|deadline| deadline.at)
                .min()
                .filter(|at| *at <= end)
            else {
                break;
            };
            self.now = self.now.max(at);
            for node in &mut self.nodes {
                node.handle_timeout(self.now);
            }
        }
        self.now = end;
    }

    fn exchange(&mut self) {
        let mut buffer = vec![0; 65_000];
        let mut is_quiet = false;
        while !core::mem::replace(&mut is_quiet, true) {
            for index in 0..self.nodes.len() {
                while let Some(event) = self.nodes[index].poll_event() {
                    self.on_event(index, event);
                }
                while let Some(transmit) = self.nodes[index].poll_transmit(self.now, &mut buffer) {
                    is_quiet = false;
                    let to = self
                        .nodes
                        .iter_mut()
                        .find(|node| node.addr() == transmit.to);
                    let Some(to) = to else { continue };
                    for datagram in transmit.datagrams(&buffer) {
                        let datagram = Bytes::copy_from_slice(datagram);
                        to.handle_datagram(self.now, addr(index), &datagram);
                    }
                }
            }
        }
    }

    fn on_event(&mut self, index: usize, event: Event) {
        match event {
            Event::Relayed {
                origin,
                is_reliable,
                ..
            } => {
                self.handled.push((index, origin));
                if is_reliable {
                    self.nodes[index].handled(1);
                }
            }
            Event::RelayEnded { report, .. } => self.reports.push(report),
            _ => {}
        }
    }

    /// Sends bytes under one of the relays' own commands, as no caller can.
    fn forge(&mut self, from: usize, to: usize, command: Command, payload: Vec<u8>) {
        let (now, node) = (self.now, &mut self.nodes[from]);
        let peer = node.peer(now, target(to)).expect("they are acquainted");
        let payload = Bytes::from(payload);
        if command == Command::RELAY_ONCE {
            let _ = node.messaging.unreliable(now, peer, command, payload);
        } else {
            let call = Call {
                command,
                payload,
                deadline: now + Duration::from_secs(1),
                token: Token(u64::MAX),
            };
            let _ = node.messaging.send(now, peer, call);
        }
    }

    fn relay(&mut self, targets: &[Target], limit: usize, timeout: Duration) {
        let limit = limit.try_into().expect("not zero");
        let hello = call("hello", self.now + timeout);
        self.nodes[0]
            .relay(self.now, targets, limit, hello)
            .expect("taken on");
    }

    fn is_idle(&self) -> bool {
        self.nodes.iter().all(|node| {
            let stats = node.relay_stats();
            (stats.errands, stats.bytes) == (0, 0)
                && node.relays.by_part.is_empty()
                && node.relays.by_report.is_empty()
                && node.relays.by_parent.is_empty()
                && node.relays.alarms.is_empty()
                && node.messages().stats().incoming == 0
        })
    }
}

fn written(write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> Vec<u8> {
    let mut buffer = [0; 4_096];
    let mut w = Writer::new(&mut buffer);
    write(&mut w).expect("it fits");
    w.written().to_vec()
}

fn named(targets: &[SocketAddr]) -> impl ExactSizeIterator<Item = RelayTarget> {
    let named = targets.iter().zip(1..).map(|(addr, place)| RelayTarget {
        place,
        addr: *addr,
        generation: None,
    });
    named.collect::<Vec<_>>().into_iter()
}

/// For a fan-out whose serial is the part's number.
fn sample_hop(origin: SocketAddr, generation: u64, part: u64) -> RelayHop {
    RelayHop {
        id: FanOutId {
            origin,
            generation: Generation(generation),
            serial: part,
        },
        floor: part,
        part,
        pace_ms: 1,
        timeout_ms: 2_000,
        limit: 2,
        command: COMMAND,
        place: 0,
        generation: None,
    }
}

fn hop(serial: u64, part: u64, targets: &[SocketAddr]) -> Vec<u8> {
    let hop = RelayHop {
        part,
        ..sample_hop(addr(1), 1_000, serial)
    };
    written(|w| hop.encode(named(targets), w))
}

fn all_taken(part: u64) -> Vec<u8> {
    let run = RelayRun {
        start: 0,
        len: 1_000,
        outcome: RelayOutcome::Taken,
    };
    written(|w| RelayReport::encode(part, false, [run].into_iter(), w))
}

fn sample(kind: usize, number: u64) -> (Command, Vec<u8>) {
    let targets = [addr(2), addr(3), addr(0)];
    match kind % 4 {
        0 => (Command::RELAY, hop(number, number, &targets)),
        1 => (Command::RELAY_REPORT, all_taken(number)),
        2 => (Command::RELAY_CANCEL, vec![1]),
        _ => {
            let once = RelayOnce {
                origin: addr(1),
                limit: 2,
                command: COMMAND,
            };
            let bytes = written(|w| once.encode(named(&targets), w));
            (Command::RELAY_ONCE, bytes)
        }
    }
}

#[test]
fn strange_bytes_change_nothing() {
    let mut rng = ChaCha8Rng::seed_from_u64(13);
    let mut world = World::new(4);
    for round in 0..4_000_usize {
        let (command, mut bytes) = sample(round, rng.random_range(0..100));
        match rng.random_range(0..4_u8) {
            0 => bytes.truncate(rng.random_range(0..=bytes.len())),
            1 => bytes = (0..rng.random_range(0..80)).map(|_| rng.random()).collect(),
            _ => {
                let place = rng.random_range(0..bytes.len());
                bytes[place] ^= 1 << rng.random_range(0..8_u8);
            }
        }
        world.forge(1, round / 4 % 2 * 2, command, bytes);
        world.run(MILLISECOND / 2);
    }
    assert!(world.nodes[0].relay_stats().malformed > 100);
    // A forged hop may give a node as much time as its bytes say, a few weeks at most.
    for node in &mut world.nodes {
        let keys: Vec<u64> = node.relays.errands.keys().copied().collect();
        for key in keys {
            node.cancel_relay(world.now, super::RelayKey(key));
        }
    }
    world.run(Duration::from_secs(5));
    assert!(world.is_idle());
    world.handled.clear();
    world.relay(
        &[target(1), target(2), target(3)],
        1,
        Duration::from_secs(5),
    );
    world.run(Duration::from_secs(5));
    assert_eq!(world.reports, [vec![Ok(()); 3]]);
}

#[test]
fn a_hop_for_strangers_sends_nothing_to_them() {
    let mut world = World::new(3);
    let stranger: SocketAddr = "10.99.0.1:7946".parse().expect("an address");
    let loops = [stranger, addr(0), addr(1), stranger, addr(0)];
    world.forge(1, 0, Command::RELAY, hop(7, 1, &loops));
    world.run(Duration::from_secs(3));
    assert_eq!(world.nodes[0].sessions().peer_at(stranger), None);
    world.handled.sort_unstable();
    let once_each = [(0, addr(1)), (1, addr(1))];
    assert_eq!(world.handled, once_each, "loops end");
    assert!(world.is_idle());

    let once = RelayOnce {
        origin: addr(1),
        limit: 1,
        command: COMMAND,
    };
    let bytes = written(|w| once.encode(named(&loops), w));
    world.handled.clear();
    world.forge(1, 0, Command::RELAY_ONCE, bytes);
    world.run(Duration::from_secs(3));
    assert_eq!(world.nodes[0].sessions().peer_at(stranger), None);
    assert!(world.handled.len() <= 5, "as many as were named");
}

#[test]
fn a_relay_can_lie_about_its_own_part_only() {
    let mut world = World::new(4);
    // The second part has a head that is not there any more: only that could tell of it.
    world.nodes.pop();
    let targets = [target(1), target(3), target(2)];
    world.relay(&targets, 2, Duration::from_secs(2));
    for part in 0..20 {
        world.forge(1, 0, Command::RELAY_REPORT, all_taken(part));
        world.forge(2, 0, Command::RELAY_REPORT, all_taken(part));
    }
    world.run(Duration::from_millis(1));
    assert!(world.reports.is_empty());
    world.run(Duration::from_secs(3));
    let [Ok(()), Err(_), Ok(())] = world.reports[0][..] else {
        panic!("{:?}", world.reports)
    };
}

#[test]
fn the_word_of_a_node_itself_is_told_and_not_what_was_said_of_it() {
    let (taken, unreached) = (RelayOutcome::Taken, RelayOutcome::Unreached);
    // As they were learned: the first and last node answered after they had been given up.
    let results = [
        (4, unreached),
        (2, unreached),
        (3, taken),
        (2, taken),
        (4, taken),
    ];
    for turn in 0..results.len() {
        let mut results = results;
        results.rotate_left(turn);
        let bytes = reports::encode(7, false, &mut results);
        let report = RelayReport::decode(&bytes).expect("it is well formed");
        let runs: Vec<RelayRun> = report.runs.collect();
        let all = RelayRun {
            start: 2,
            len: 3,
            outcome: taken,
        };
        assert_eq!(runs, [all]);
    }
}

#[test]
fn a_hop_from_two_parents_is_handled_once_and_answered_twice() {
    let mut world = World::new(3);
    world.forge(1, 0, Command::RELAY, hop(7, 1, &[]));
    world.forge(2, 0, Command::RELAY, hop(7, 1, &[]));
    world.forge(2, 0, Command::RELAY, hop(7, 2, &[]));
    world.run(Duration::from_secs(1));
    assert_eq!(world.handled, [(0, addr(1))]);
    assert_eq!(world.nodes[0].relay_stats().repeated, 2);
    // One that its origin says is over was slept through.
    world.forge(1, 0, Command::RELAY, hop(9, 3, &[]));
    world.run(Duration::from_secs(1));
    world.forge(2, 0, Command::RELAY, hop(8, 4, &[]));
    world.run(Duration::from_secs(1));
    assert_eq!(world.handled.len(), 2);
    assert!(world.is_idle());
}

#[test]
fn errands_for_others_are_bounded_and_one_more_is_declined() {
    let mut world = World::new(3);
    // Nobody is there any more to serve: each errand lasts until its time is up.
    world.nodes.pop();
    let beyond = 10;
    for serial in 1..=(ERRANDS_MAX + beyond) as u64 {
        world.forge(1, 0, Command::RELAY, hop(serial, serial, &[addr(2)]));
        if serial % 1_024 == 0 {
            world.run(MILLISECOND);
        }
    }
    world.run(MILLISECOND);
    let stats = world.nodes[0].relay_stats();
    assert_eq!(stats.errands, ERRANDS_MAX);
    assert_eq!(stats.declined, beyond as u64);
    assert_eq!(world.handled.len(), ERRANDS_MAX + beyond, "all are for it");
    world.run(Duration::from_secs(3));
    assert!(world.is_idle());
}

#[test]
fn an_errand_for_whose_bytes_there_is_no_room_is_declined() {
    let mut world = World::new(3);
    world.nodes[0].relays.held = ERRAND_BYTES_MAX;
    world.forge(1, 0, Command::RELAY, hop(1, 1, &[addr(2)]));
    world.run(MILLISECOND);
    let stats = world.nodes[0].relay_stats();
    assert_eq!((stats.errands, stats.declined), (0, 1));
    assert_eq!(world.handled, [(0, addr(1))], "it takes what is for itself");
    world.nodes[0].relays.held = 0;
    world.forge(1, 0, Command::RELAY, hop(2, 2, &[addr(2)]));
    world.run(Duration::from_secs(1));
    assert!(world.handled.contains(&(2, addr(1))));
    assert!(world.is_idle());
}

#[test]
fn fan_outs_of_ones_own_are_bounded() {
    let mut world = World::new(2);
    world.nodes.pop();
    let begin = |world: &mut World| {
        let (now, limit) = (world.now, 1.try_into().expect("not zero"));
        let hello = call("hello", now + Duration::from_secs(9));
        world.nodes[0].relay(now, &[target(1)], limit, hello)
    };
    let begun: Vec<RelayKey> = (0..OWN_MAX).map_while(|_| begin(&mut world).ok()).collect();
    assert_eq!(begun.len(), OWN_MAX);
    let refused = begin(&mut world);
    let full = CallError::Refused(SendError::QueueFull {
        messages: OWN_MAX,
        bytes: 0,
    });
    assert_eq!(refused, Err(full));
    world.nodes[0].cancel_relay(world.now, begun[0]);
    assert!(begin(&mut world).is_ok());
}

#[test]
fn children_that_were_given_up_are_forgotten_the_oldest_first() {
    let mut world = World::new(2);
    let now = world.now;
    let peer = world.nodes[0].peer(now, target(1)).expect("acquainted");
    let until = now + Duration::from_secs(9);
    let call = world.nodes[0]
        .messaging
        .send(
            now,
            peer,
            Call {
                command: Command::RELAY,
                payload: Bytes::new(),
                deadline: until,
                token: Token(u64::MAX),
            },
        )
        .expect("there is room");
    let task = Task {
        id: id(1, 1),
        floor: 1,
        command: COMMAND,
        payload: Bytes::new(),
        deadline: until,
        limit: 1,
        pace: MILLISECOND,
        owner: Owner::Origin { token: Token(1) },
    };
    let all = GIVEN_UP_MAX + 10;
    let targets = (0..=all).zip(0..).map(|(_, place)| RelayTarget {
        place,
        addr: addr(1),
        generation: None,
    });
    let mut errand = Errand::new(now, task, targets);
    let mut forgotten = Vec::new();
    for part in 0..all as u64 {
        let attempt = errand.next_attempt().expect("there is somebody left");
        errand.begun(now, part, attempt, call);
        let given_up = errand.give_up(part).expect("it was begun");
        forgotten.extend(given_up.forgotten);
    }
    assert_eq!(forgotten, (0..10).collect::<Vec<u64>>());
    let known = |part: &u64| errand.child_addr(*part).is_some();
    assert_eq!((0..all as u64).filter(known).count(), GIVEN_UP_MAX);
}

#[test]
fn callers_cannot_use_the_relays_commands() {
    let mut world = World::new(2);
    let node = &mut world.nodes[0];
    for command in Command::RELAYING {
        node.register(command);
        let (now, to) = (world.now, target(1));
        let call = Call {
            command,
            ..call("", now + MILLISECOND)
        };
        let refused = node.send(now, to, call.clone());
        assert_eq!(refused.err(), Some(CallError::Reserved));
        let refused = node.request(now, to, call.clone());
        assert_eq!(refused.err(), Some(CallError::Reserved));
        let refused = node.send_in_order(now, to, StreamId(1), call);
        assert_eq!(refused.err(), Some(CallError::Reserved));
        let refused = node.unreliable(now, to, command, Bytes::new());
        assert_eq!(refused.err(), Some(CallError::Reserved));
    }
}

fn call(payload: &'static str, deadline: Instant) -> Call {
    Call {
        command: COMMAND,
        payload: payload.into(),
        deadline,
        token: Token(1),
    }
}

fn id(origin: u16, serial: u64) -> FanOutId {
    FanOutId {
        origin: SocketAddr::from(([10, 1, 0, 1], origin)),
        generation: Generation(1),
        serial,
    }
}

#[test]
fn memory_is_bounded_and_forgets_towards_over() {
    let mut memory = Memory::default();
    let most = REMEMBERED_PER_ORIGIN_MAX as u64;
    for serial in 1..=most + 10 {
        assert_eq!(memory.look(id(1, serial), 1), Known::New);
        memory.decide(id(1, serial), 1, RelayOutcome::Taken);
    }
    assert_eq!(memory.len(), REMEMBERED_PER_ORIGIN_MAX);
    assert_eq!(memory.look(id(1, 1), 1), Known::Over, "fell out");
    let taken = Known::Decided(RelayOutcome::Taken);
    assert_eq!(memory.look(id(1, most), 1), taken);
    assert_eq!(memory.look(id(1, most + 11), most), Known::New);
    assert_eq!(memory.len(), 11, "the floor was raised");
    for origin in 2..=u16::try_from(ORIGINS_MAX).expect("16 bits") {
        memory.decide(id(origin, 1), 1, RelayOutcome::NoHandler);
    }
    assert_eq!(memory.look(id(60_000, 1), 1), Known::Over, "no room");
    for _ in 0..100 {
        memory.sweep(|addr, _| addr.port() == 1);
    }
    assert_eq!(memory.len(), 11, "members stay");
    assert_eq!(memory.look(id(60_000, 1), 1), Known::New);
}

fn spread(limit: u32, targets: &[RelayTarget]) -> Vec<u8> {
    let once = RelayOnce {
        origin: addr(1),
        limit,
        command: COMMAND,
    };
    written(|w| once.encode(targets.iter().copied(), w))
}

#[test]
fn a_hop_cannot_make_a_node_believe_in_another_process() {
    let mut world = World::new(3);
    let established = |world: &World| {
        let sessions = world.nodes[0].sessions().stats().iter();
        let mut established = sessions.filter(|(name, _)| *name == "sessions_established_total");
        established.next().expect("it is counted").1
    };
    let now = world.now;
    let to = Target {
        generation: Some(Generation(1_000)),
        ..target(2)
    };
    let deadline = now + Duration::from_secs(5);
    world.nodes[0]
        .send(now, to, call("first", deadline))
        .expect("it is there");
    world.run(Duration::from_millis(100));
    let before = established(&world);

    let later = RelayTarget {
        place: 1,
        addr: addr(2),
        generation: Some(Generation(u64::MAX)),
    };
    let forged = sample_hop(addr(1), 1_000, 7);
    let forged = written(|w| forged.encode([later].into_iter(), w));
    world.forge(1, 0, Command::RELAY, forged);
    world.forge(1, 0, Command::RELAY_ONCE, spread(1, &[later]));
    world.exchange();
    let now = world.now;
    world.nodes[0]
        .send(now, to, call("second", deadline))
        .expect("it is the process that is known");
    world.run(Duration::from_secs(3));
    assert_eq!(established(&world), before, "no session ended");
    assert_eq!(world.nodes[2].messages().stats().messages_received, 2);
}

#[test]
fn a_node_that_is_named_often_is_sent_a_hop_once() {
    let mut world = World::new(3);
    let targets: Vec<RelayTarget> = named(&[addr(2); 100]).collect();
    let hop = RelayHop {
        limit: 100,
        ..sample_hop(addr(1), 1_000, 7)
    };
    let hop = written(|w| hop.encode(targets.iter().copied(), w));
    let hops = world.nodes[0].relay_stats().hops;
    world.forge(1, 0, Command::RELAY, hop);
    world.run(Duration::from_secs(3));
    assert_eq!(world.nodes[0].relay_stats().hops - hops, 1);
    assert!(world.is_idle());

    world.handled.clear();
    world.forge(1, 0, Command::RELAY_ONCE, spread(100, &targets));
    world.run(Duration::from_secs(3));
    world.handled.sort_unstable();
    assert_eq!(world.handled, [(0, addr(1)), (2, addr(1))]);
}

#[test]
fn fan_outs_of_origins_that_nobody_knows_are_not_remembered() {
    let mut world = World::new(3);
    for number in 0..50 {
        let stranger = SocketAddr::from(([10, 9, 0, 1], 1_000 + number));
        let part = u64::from(number);
        let strange = sample_hop(stranger, 1_000, part);
        let strange = written(|w| strange.encode(named(&[]), w));
        world.forge(1, 0, Command::RELAY, strange);
        // Neither a member's past or future, nor the sender's own.
        for (member, parts) in [(addr(1), 100), (addr(2), 200)] {
            let life = sample_hop(member, 1_001 + part, parts + part);
            let life = written(|w| life.encode(named(&[]), w));
            world.forge(1, 0, Command::RELAY, life);
        }
    }
    world.run(Duration::from_secs(1));
    assert_eq!(world.nodes[0].relay_stats().remembered, 0);
    assert_eq!(world.handled, []);

    let known = written(|w| sample_hop(addr(2), 1_000, 1_000).encode(named(&[]), w));
    world.forge(1, 0, Command::RELAY, known);
    world.run(Duration::from_secs(1));
    assert_eq!(world.handled, [(0, addr(2))]);
}

#[test]
fn a_large_payload_is_not_copied_for_all_at_once() {
    const PAYLOAD: usize = 4 << 20;
    let count = 40;
    let mut world = World::new(count);
    let others: Vec<SocketAddr> = (2..count).map(addr).collect();
    let hop = RelayHop {
        limit: 1_000,
        ..sample_hop(addr(1), 1_000, 7)
    };
    let mut bytes = written(|w| hop.encode(named(&others), w));
    bytes.resize(bytes.len() + PAYLOAD, 0);
    // Nothing leaves the relay, so that all it sends at once is still there.
    let now = world.now;
    let relay = &mut world.nodes[0];
    let arrived = messaging::Event::Message {
        peer: relay.peer(now, target(1)).expect("they are acquainted"),
        command: Command::RELAY,
        stream: None,
        payload: bytes.into(),
    };
    relay.on_inner_event(now, arrived);
    let queued = world.nodes[0].relays_in_flight().map(|(hops, _)| hops);
    let copies = queued.sum::<usize>() * PAYLOAD;
    assert!(copies >= PAYLOAD, "it passes it on");
    assert!(copies <= HOPS_BYTES_MAX, "{copies} bytes");
    assert!(world.nodes[0].relay_stats().bytes >= copies + PAYLOAD);
    world.run(Duration::from_secs(5));
    assert_eq!(world.handled.len(), count - 1);
    assert!(world.is_idle());
}
