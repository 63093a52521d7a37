//! The network does what its conditions say: statistically, with fixed seeds and wide bounds.

use std::time::Duration;

use crate::support::{Beats, MILLI, SECOND, beat, count, share, world};
use hobnob_sim::{Burst, Conditions, Counters, Fate, Host, Link, NodeId, Sim};

/// One node beats every millisecond for 20 s under `conditions`; then all that is under way arrives.
fn stream(seed: u64, conditions: Conditions) -> Sim<Beats> {
    let (mut sim, ids) = world(seed, 2);
    sim.set_conditions(conditions);
    beat(&mut sim, ids[0], ids[1], MILLI);
    sim.run_for(20 * SECOND);
    sim.app.targets.clear();
    sim.run_for(5 * SECOND);
    assert_eq!(sim.app.spoiled, 0, "what is handed on is what was sent");
    sim
}

fn inversions(sim: &Sim<Beats>) -> usize {
    let came = &sim.app.came;
    came.windows(2).filter(|two| two[0].1 > two[1].1).count()
}

fn fates(sim: &Sim<Beats>, fate: Fate) -> f64 {
    let counters: &Counters = sim.counters();
    share(counters.fate(fate), counters.fate(Fate::Sent))
}

#[test]
fn a_quiet_network_takes_its_time_and_keeps_the_order() {
    let sim = stream(1, Conditions::LAN);
    assert_eq!(sim.app.came.len(), sim.app.left.len());
    assert_eq!(inversions(&sim), 0);
    let latencies = sim.app.latencies();
    let (min, max) = (Conditions::LAN.latency_min, Conditions::LAN.latency_max);
    assert!(latencies.iter().all(|took| (min..=max).contains(took)));
    assert!(latencies.iter().any(|took| *took < min + MILLI / 10));
    assert!(latencies.iter().any(|took| *took > max - MILLI / 10));
    assert_eq!(sim.datagrams_lost(), 0);
}

#[test]
fn only_the_share_that_may_overtakes() {
    let jitter = Conditions::LAN.with_latency(MILLI, 20 * MILLI);
    assert_eq!(inversions(&stream(2, jitter)), 0);
    let some = inversions(&stream(2, jitter.with_reordering(0.1)));
    let many = inversions(&stream(2, jitter.with_reordering(1.0)));
    assert!(some > 200, "{some}");
    assert!(many > 3 * some, "{many} and {some}");
}

#[test]
fn the_tail_is_long_and_bounded() {
    let max = 2 * SECOND;
    let sim = stream(3, Conditions::LAN.with_tail(0.1, max));
    let ordinary = Conditions::LAN.latency_max;
    let latencies = sim.app.latencies();
    let longer = |than: Duration| {
        count(&latencies) - latencies.iter().filter(|took| **took <= than).count() as u64
    };
    let tail = longer(ordinary);
    assert!((0.08..0.12).contains(&share(tail, count(&latencies))));
    // Pareto with shape 1: half as many beyond each doubling.
    for doublings in 1..5_u32 {
        let beyond = share(longer(ordinary * 2_u32.pow(doublings)), tail);
        let expected = 0.5_f64.powf(f64::from(doublings));
        assert!(
            (0.7..1.4).contains(&(beyond / expected)),
            "{doublings}: {beyond}"
        );
    }
    assert!(longer(100 * MILLI) > 0);
    assert_eq!(longer(max), 0);
}

#[test]
fn loss_comes_alone_or_in_bursts() {
    let runs = |sim: &Sim<Beats>| {
        let mut came: Vec<usize> = sim.app.came.iter().map(|(_, number, _)| *number).collect();
        came.sort_unstable();
        let gaps: Vec<u64> = came
            .windows(2)
            .map(|two| (two[1] - two[0] - 1) as u64)
            .filter(|gap| *gap > 0)
            .collect();
        let lost: u64 = gaps.iter().sum();
        (share(lost, count(&sim.app.left)), share(lost, count(&gaps)))
    };
    let (lost, run) = runs(&stream(4, Conditions::LAN.with_loss(0.1)));
    assert!((0.08..0.12).contains(&lost), "{lost}");
    assert!((1.0..1.3).contains(&run), "{run}");
    let burst = Burst {
        enter: 0.01,
        leave: 0.1,
        loss: 1.0,
    };
    let sim = stream(4, Conditions::LAN.with_burst(burst));
    let (lost, run) = runs(&sim);
    assert!((0.05..0.14).contains(&lost), "{lost}");
    assert!((6.0..15.0).contains(&run), "{run}");
    assert_eq!(sim.counters().fate(Fate::LostByChance), 0);
    assert!(sim.counters().fate(Fate::LostInBurst) > 500);
}

#[test]
fn what_is_doubled_or_damaged_is_counted_and_never_handed_on() {
    let conditions = Conditions::LAN
        .with_duplication(0.2)
        .with_corruption(0.1)
        .with_truncation(0.05);
    let sim = stream(5, conditions);
    assert!((0.17..0.23).contains(&fates(&sim, Fate::Duplicated)));
    // Of 1.2 copies of each.
    assert!((0.10..0.14).contains(&fates(&sim, Fate::Corrupted)));
    assert!((0.04..0.08).contains(&fates(&sim, Fate::Truncated)));
    assert!((1.17..1.23).contains(&fates(&sim, Fate::Arrived)));
    let mut numbers: Vec<usize> = sim.app.came.iter().map(|(_, number, _)| *number).collect();
    numbers.sort_unstable();
    let all = numbers.len();
    numbers.dedup();
    assert_eq!(numbers.len(), all, "no copy is handed on");
    // A copy is whole in 0.855 of cases; 1 in 5 datagrams has another.
    let came = share(count(&sim.app.came), count(&sim.app.left));
    assert!((0.85..0.91).contains(&came), "{came}");
}

#[test]
fn a_cut_is_for_one_direction_and_a_partition_for_both() {
    let (mut sim, ids) = world(6, 3);
    beat(&mut sim, ids[0], ids[1], 10 * MILLI);
    beat(&mut sim, ids[1], ids[0], 10 * MILLI);
    beat(&mut sim, ids[2], ids[0], 10 * MILLI);
    let heard = |sim: &mut Sim<Beats>| {
        sim.app.came.clear();
        sim.run_for(SECOND);
        ids.iter()
            .map(|id| sim.app.came.iter().any(|(at, ..)| at == id))
            .collect::<Vec<bool>>()
    };
    sim.cut(ids[0], ids[1], true);
    assert_eq!(heard(&mut sim), [true, false, false]);
    sim.heal_all();
    assert_eq!(heard(&mut sim), [true, true, false]);
    sim.partition(&ids[1..], &ids[..1], true);
    sim.run_for(MILLI);
    assert_eq!(heard(&mut sim), [false, false, false]);
    assert!(sim.counters().fate(Fate::LostAtCut) > 300);
    sim.partition(&ids[1..], &ids[..1], false);
    assert_eq!(heard(&mut sim), [true, true, false]);
}

#[test]
fn one_path_can_be_worse_than_the_rest() {
    let (mut sim, ids) = world(7, 3);
    for &to in &ids[1..] {
        beat(&mut sim, to, ids[0], 10 * MILLI);
    }
    let slow = Conditions::LAN.with_latency(300 * MILLI, 300 * MILLI);
    sim.set_path_conditions(ids[1], ids[0], Some(slow));
    sim.run_for(2 * SECOND);
    let took = |sim: &Sim<Beats>, from: NodeId| {
        let times = sim.app.latencies();
        let came = sim.app.came.iter().zip(times);
        came.filter(|((_, number, _), _)| sim.app.left[*number].0 == from)
            .map(|(_, took)| took)
            .max()
            .expect("some came")
    };
    assert_eq!(took(&sim, ids[1]), 300 * MILLI);
    assert!(took(&sim, ids[2]) <= MILLI);
    sim.set_path_conditions(ids[1], ids[0], None);
    sim.run_for(SECOND);
    sim.app.came.clear();
    sim.run_for(SECOND);
    assert!(took(&sim, ids[1]) <= MILLI);
}

#[test]
fn senders_share_the_link_of_their_receiver() {
    let (mut sim, ids) = world(8, 9);
    let link = Link {
        bits_per_second: 10_000_000,
        queue_bytes: 32 << 10,
    };
    let host = Host {
        ingress: Some(link),
        ..Host::default()
    };
    sim.set_host(ids[0], host);
    let before = sim.ingress_stats(ids[0]);
    // Eight times 1,000 bytes every 4 ms: 16 Mbit/s and more.
    for &from in &ids[1..] {
        beat(&mut sim, from, ids[0], 4 * MILLI);
    }
    sim.run_for(10 * SECOND);
    let stats = sim.ingress_stats(ids[0]);
    let busy = (stats.busy - before.busy).as_secs_f64() / 10.0;
    assert!((0.98..1.01).contains(&busy), "{busy}");
    let bits = 8 * (stats.bytes - before.bytes);
    assert!((0.98..1.01).contains(&share(bits, 100_000_000)), "{bits}");
    let dropped = share(stats.dropped, stats.dropped + stats.datagrams);
    assert!((0.3..0.5).contains(&dropped), "{dropped}");
    assert_eq!(stats.dropped, sim.counters().fate(Fate::LostInQueue));
    // A full queue is 26.2 ms long.
    let longest = sim.app.latencies().into_iter().max().expect("some came");
    assert!((25 * MILLI..=28 * MILLI).contains(&longest), "{longest:?}");
    assert_eq!(
        sim.egress_stats(ids[1]),
        sim.ingress_stats(ids[1]),
        "no link, no figures"
    );
}

#[test]
fn a_datagram_takes_its_length_on_the_senders_link() {
    let (mut sim, ids) = world(9, 2);
    let link = Link {
        bits_per_second: 1_000_000,
        queue_bytes: 10_000,
    };
    let host = Host {
        egress: Some(link),
        ..Host::default()
    };
    sim.set_host(ids[0], host);
    sim.set_conditions(Conditions::LAN.with_latency(MILLI, MILLI));
    beat(&mut sim, ids[0], ids[1], 100 * MILLI);
    sim.run_for(3 * SECOND);
    let fastest = sim.app.latencies().into_iter().min().expect("some came");
    // 1,042 bytes and Hobnob's own at 8 µs each, after 1 ms on the road.
    let expected =
        MILLI + Duration::from_micros(8 * 1_042)..MILLI + Duration::from_micros(8 * 1_142);
    assert!(expected.contains(&fastest), "{fastest:?}");
}
