//! Machines and processes: clocks, pauses, sockets, and processes that come back.

use std::time::Duration;

use crate::support::{BEAT, MILLI, SECOND, SIZE, beat, connect, target, world};
use bytes::Bytes;
use hobnob_sim::{
    Application, At, Conditions, Fate, Fault, Host, Instant, NodeId, SOCKET_BYTES_DEFAULT,
    SOCKET_OVERHEAD_BYTES, Sim, Step,
    endpoint::{
        Event,
        gossip::{Metadata, MetadataFields},
        messaging,
        wire::Generation,
    },
};

/// Remembers what went off, when, and whether a message came before it.
#[derive(Default)]
struct Timers {
    went_off: Vec<(u64, Instant, Instant)>,
    starts: Vec<(NodeId, Generation, Instant)>,
    order: Vec<&'static str>,
}

impl Application for Timers {
    fn on_start(&mut self, at: &mut At<'_>) {
        at.endpoint.register(BEAT);
        self.starts.push((at.node, at.generation, at.now));
    }

    fn on_wake(&mut self, at: &mut At<'_>, token: u64) {
        self.went_off.push((token, at.now, at.world_now));
        self.order.push("timer");
    }

    fn on_event(&mut self, _: &mut At<'_>, event: Event) {
        if matches!(event, Event::Message(messaging::Event::Unreliable { .. })) {
            self.order.push("message");
        }
    }
}

fn lone() -> (Sim<Timers>, NodeId) {
    let mut sim = Sim::new(1, Conditions::LAN, Timers::default());
    sim.run_for(SECOND);
    let node = start(&mut sim);
    (sim, node)
}

fn start(sim: &mut Sim<Timers>) -> NodeId {
    let fields = MetadataFields {
        node_type: "udp".into(),
        ..MetadataFields::default()
    };
    sim.start(Metadata::new(fields).unwrap(), |_| {})
}

fn set(sim: &mut Sim<Timers>, node: NodeId, after: Duration, token: u64) {
    sim.with(node, |at| at.wake_in(after, token))
        .expect("alive");
}

#[test]
fn a_process_has_a_clock_and_timers_of_its_own() {
    let (mut sim, node) = lone();
    assert_eq!(sim.now(), Instant::from_duration(SECOND));
    assert_eq!(sim.clock(node), Some(Instant::ZERO));
    set(&mut sim, node, 2 * SECOND, 2);
    set(&mut sim, node, SECOND, 1);
    set(&mut sim, node, SECOND, 11);
    sim.run_for(10 * SECOND);
    let at = |node: u32| {
        (
            Instant::from_duration(node * SECOND),
            Instant::from_duration((node + 1) * SECOND),
        )
    };
    let expected =
        [(1, at(1)), (11, at(1)), (2, at(2))].map(|(token, (shown, world))| (token, shown, world));
    assert_eq!(sim.app.went_off, expected);
}

#[test]
fn a_timer_dies_with_its_process() {
    let (mut sim, node) = lone();
    set(&mut sim, node, SECOND, 1);
    sim.kill(node);
    assert!(sim.with(node, |_| ()).is_none());
    sim.restart(node);
    sim.run_for(10 * SECOND);
    assert_eq!(sim.app.went_off, []);
    let [first, second] = sim.app.starts[..] else {
        panic!("two processes");
    };
    assert!(second.1 > first.1, "a later generation");
    assert_eq!(second.2, Instant::ZERO);
}

#[test]
fn a_clock_that_runs_fast_or_jumps_is_early_in_the_world() {
    let (mut sim, node) = lone();
    sim.set_clock_rate(node, 100_000);
    set(&mut sim, node, 11 * SECOND, 1);
    sim.run_for(20 * SECOND);
    let (_, shown, world) = sim.app.went_off[0];
    assert_eq!(
        (shown, world),
        (
            Instant::from_duration(11 * SECOND),
            Instant::from_duration(11 * SECOND)
        )
    );
    sim.set_clock_rate(node, 0);
    set(&mut sim, node, 60 * SECOND, 2);
    sim.jump_clock(node, 59 * SECOND);
    sim.run_for(20 * SECOND);
    let (_, _, world) = sim.app.went_off[1];
    assert_eq!(world, Instant::from_duration(22 * SECOND));
    // The next process has the crystal of the one before.
    sim.set_clock_rate(node, -500_000);
    sim.kill(node);
    sim.restart(node);
    sim.run_for(2 * SECOND);
    assert_eq!(sim.clock(node), Some(Instant::from_duration(SECOND)));
}

#[test]
fn who_sets_a_timer_for_now_in_a_timer_does_not_hang_the_run() {
    struct Again;
    impl Application for Again {
        fn on_wake(&mut self, at: &mut At<'_>, token: u64) {
            if token < 1_000 {
                at.wake_in(Duration::ZERO, token + 1);
            }
        }

        fn on_event(&mut self, _: &mut At<'_>, _: Event) {}
    }
    let mut sim = Sim::new(1, Conditions::LAN, Again);
    let fields = MetadataFields {
        node_type: "udp".into(),
        ..MetadataFields::default()
    };
    let node = sim.start(Metadata::new(fields).unwrap(), |_| {});
    sim.with(node, |at| at.wake_in(Duration::ZERO, 0));
    let mut turns = 0;
    while sim.step(Instant::ZERO) != Step::Quiet {
        turns += 1;
    }
    assert!(turns >= 1_000, "one turn each: {turns}");
}

#[test]
fn a_resumed_process_reads_its_socket_before_it_believes_its_timers() {
    let mut sim = Sim::new(3, Conditions::LAN, Timers::default());
    let (a, b) = (start(&mut sim), start(&mut sim));
    let to = hobnob_sim::endpoint::Target {
        addr: sim.addr(b),
        generation: None,
    };
    sim.with(a, |at| at.endpoint.peer(at.now, to).map(|_| ()))
        .unwrap()
        .unwrap();
    sim.run_for(SECOND);
    set(&mut sim, b, SECOND, 1);
    sim.pause(b);
    assert!(sim.is_paused(b) && sim.is_alive(b));
    assert!(
        sim.with(b, |_| ()).is_none(),
        "nobody acts in a stopped process"
    );
    sim.run_for(5 * SECOND);
    assert_eq!(sim.app.went_off, []);
    sim.with(a, |at| {
        at.endpoint.unreliable(at.now, to, BEAT, Bytes::new())
    })
    .unwrap()
    .unwrap();
    sim.run_for(SECOND);
    sim.resume(b);
    assert_eq!(sim.app.order, ["message", "timer"]);
    assert_eq!(sim.app.went_off[0].2, sim.now());
}

#[test]
fn a_stopped_process_loses_what_its_socket_has_no_room_for() {
    let (mut sim, ids) = world(4, 2);
    beat(&mut sim, ids[0], ids[1], MILLI);
    sim.run_for(100 * MILLI);
    sim.app.came.clear();
    sim.pause(ids[1]);
    sim.run_for(SECOND);
    assert_eq!(sim.app.came, []);
    sim.resume(ids[1]);
    let room = SOCKET_BYTES_DEFAULT / (SIZE + SOCKET_OVERHEAD_BYTES);
    let came = sim.app.came.len();
    assert!((room * 8 / 10..=room).contains(&came), "{came} of {room}");
    let lost = sim.counters().fate(Fate::LostAtSocket);
    assert!(lost > 500, "{lost}");
    sim.run_for(SECOND);
    assert_eq!(
        sim.counters().fate(Fate::LostAtSocket),
        lost,
        "it keeps up again"
    );
}

#[test]
fn a_process_that_wakes_up_slowly_reads_what_came_meanwhile_at_once() {
    let turns = |wake_delay: Duration| {
        let (mut sim, ids) = world(5, 9);
        let host = Host {
            wake_delay,
            ..Host::default()
        };
        sim.set_host(ids[0], host);
        for &from in &ids[1..] {
            beat(&mut sim, from, ids[0], MILLI);
        }
        let (mut turns, end) = (0_u32, sim.now() + SECOND);
        loop {
            match sim.step(end) {
                Step::Quiet => break,
                Step::Ran(node) if node == ids[0] => turns += 1,
                _ => {}
            }
        }
        assert!(sim.app.came.len() > 7_000);
        turns
    };
    assert!(turns(Duration::ZERO) > 6_000);
    assert!(turns(MILLI) < 1_500);
}

#[test]
fn what_is_added_without_a_wake_up_leaves_later() {
    let (mut sim, ids) = world(6, 2);
    // Nothing else wakes the process up: what opened the session is over.
    sim.run_for(SECOND);
    let to = target(&sim, ids[1]);
    sim.app.left.push((ids[0], sim.now()));
    let payload = Bytes::from(vec![0; SIZE]);
    let sent = sim.datagrams_sent();
    sim.with_delay(ids[0], MILLI, |at| {
        at.endpoint.unreliable(at.now, to, BEAT, payload)
    })
    .unwrap()
    .unwrap();
    assert_eq!(sim.datagrams_sent(), sent);
    sim.run_for(10 * MILLI);
    let latency = sim.app.latencies()[0];
    assert!((MILLI..=2 * MILLI).contains(&latency), "{latency:?}");
}

#[test]
fn a_node_can_come_up_at_another_address() {
    let (mut sim, ids) = world(7, 3);
    let (old, generation) = (sim.addr(ids[1]), sim.generation(ids[1]));
    beat(&mut sim, ids[0], ids[1], 10 * MILLI);
    sim.run_for(SECOND);
    sim.kill(ids[1]);
    sim.restart_elsewhere(ids[1]);
    sim.app.came.clear();
    sim.run_for(SECOND);
    assert_ne!(sim.addr(ids[1]), old);
    assert!(sim.generation(ids[1]) > generation);
    assert_eq!(sim.app.came, [], "nobody has the old address");
    assert!(sim.counters().fate(Fate::LostToNobody) > 50);
    connect(&mut sim, ids[2], ids[1]);
    beat(&mut sim, ids[2], ids[1], 10 * MILLI);
    sim.run_for(SECOND);
    assert!(sim.app.came.iter().any(|(at, ..)| *at == ids[1]));
    // It is still the same node to cuts.
    sim.cut(ids[2], ids[1], true);
    sim.run_for(10 * MILLI);
    sim.app.came.clear();
    sim.run_for(SECOND);
    assert_eq!(sim.app.came, []);
}

#[test]
fn every_fault_is_counted_by_its_name() {
    let (mut sim, ids) = world(8, 2);
    sim.pause(ids[0]);
    sim.pause(ids[0]);
    sim.resume(ids[0]);
    sim.block(ids[0]);
    sim.block(ids[0]);
    sim.unblock(ids[0]);
    sim.jump_clock(ids[0], SECOND);
    sim.set_clock_rate(ids[0], 50);
    sim.cut(ids[0], ids[1], true);
    sim.partition(&ids[..1], &ids[1..], true);
    sim.heal_all();
    sim.set_conditions(Conditions::LAN);
    sim.set_host(ids[0], Host::default());
    let generation = sim.generation(ids[1]);
    sim.kill(ids[1]);
    sim.kill(ids[1]);
    sim.restart_with_generation(ids[1], Generation(generation.0 - 1));
    sim.kill(ids[1]);
    sim.restart_elsewhere(ids[1]);
    let twice = [Fault::Crash];
    for &fault in Fault::ALL {
        let times = if twice.contains(&fault) { 2 } else { 1 };
        assert_eq!(sim.counters().fault(fault), times, "{fault}");
    }
    let mut sum = sim.counters().clone();
    sum.add(sim.counters());
    assert_eq!(sum.fault(Fault::Crash), 4);
    assert!(sum.to_string().contains("4 crash"), "{sum}");
}
