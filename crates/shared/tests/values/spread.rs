//! How values come to be known, whatever the network does.

use std::time::Duration;

use bytes::Bytes;
use hobnob_shared::values::limits::{REMOVED_MAX, TOLD_BYTES_MAX, VALUES_BYTES_MAX};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use crate::net::{Net, SECOND};

fn large() -> Bytes {
    Bytes::from(vec![7; VALUES_BYTES_MAX - "large".len()])
}

#[test]
fn a_change_reaches_everybody_within_a_few_rounds() {
    for size in [2, 5, 17, 60] {
        let mut net = Net::new(size as u64, size);
        net.run(10 * SECOND);
        net.set(1, "load", "3");
        let took = net.converge(10 * SECOND);
        assert!(took < 4 * SECOND, "{size} nodes: {took:?}");
    }
}

#[test]
fn bad_days_end_with_everybody_knowing_everything() {
    for seed in 0..20 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let size = rng.random_range(3..30);
        let mut net = Net::new(seed, size);
        (net.loss, net.doubled) = (0.3, 0.2);
        for step in 0..150_u32 {
            let node = rng.random_range(0..size);
            if net.nodes[node].is_none() {
                net.start(node);
            }
            let key = format!("k{}", rng.random_range(0..8));
            match rng.random_range(0..20) {
                0..10 => net.set(node, &key, step.to_string()),
                10..12 => net.set(node, "large", vec![1; rng.random_range(1..3_000)]),
                12..16 => drop(net.remove(node, &key)),
                16 => {
                    let nodes: Vec<usize> = (0..size).collect();
                    let (one, other) = nodes.split_at(rng.random_range(1..size));
                    net.cut(one, other);
                }
                17 | 18 => net.heal(),
                _ => net.kill(node),
            }
            net.run(Duration::from_millis(rng.random_range(0..1_500)));
        }
        net.heal();
        net.loss = 0.0;
        net.converge(40 * SECOND);
    }
}

#[test]
fn who_joins_gets_everything_and_tells_what_it_has() {
    let mut net = Net::new(3, 200);
    for node in 0..200 {
        net.set(node, "large", large());
    }
    net.converge(60 * SECOND);
    let before = net.bytes;
    let late = net.join();
    net.set(late, "zone", "south");
    let took = net.converge(20 * SECOND);
    let needed = 200 * VALUES_BYTES_MAX as u64;
    let bytes = net.bytes - before;
    assert!(took < 8 * SECOND, "{took:?}");
    assert!(bytes < needed * 3 / 2, "{bytes} bytes for {needed}");
}

#[test]
fn two_sides_of_a_cut_go_on_and_are_one_soon_after() {
    let mut net = Net::new(4, 40);
    let nodes: Vec<usize> = (0..40).collect();
    let (one, other) = nodes.split_at(20);
    net.cut(one, other);
    for step in 0..30_u32 {
        for node in [0, 39] {
            net.set(node, &format!("k{}", step % 7), step.to_string());
            net.remove(node, &format!("k{}", (step + 3) % 7));
        }
        net.run(SECOND);
    }
    assert!(!net.are_equal());
    net.heal();
    net.converge(10 * SECOND);
}

#[test]
fn a_later_process_begins_with_nothing_and_the_word_of_the_earlier_one_ends() {
    let mut net = Net::new(5, 4);
    net.set(1, "zone", "south");
    net.converge(10 * SECOND);
    let before = net.process(1);
    net.kill(1);
    net.run(SECOND);
    let has = |net: &mut Net, process| {
        let set = net.at(0).of(process);
        set.is_some_and(|set| set.get("zone").is_some())
    };
    assert!(has(&mut net, before), "of the gone it can still be read");
    net.start(1);
    let after = net.process(1);
    assert!(!has(&mut net, before) && !has(&mut net, after));
    net.run(20 * SECOND);
    assert!(!has(&mut net, before) && !has(&mut net, after));
    net.set(1, "zone", "north");
    net.converge(10 * SECOND);
    assert!(has(&mut net, after));
}

#[test]
fn a_process_that_goes_on_under_a_later_generation_keeps_its_values() {
    use hobnob_shared::{Process, values::Values};
    use hobnob_wire::{Generation, Instant};

    let now = Instant::ZERO;
    let (me, other) = (crate::net::process(0, 1), crate::net::process(1, 1));
    let mut values = Values::new(me, 1, now);
    values.set(now, "zone", "south".into()).unwrap();
    values.member_up(now, other);
    while values.poll_transmit().is_some() {}
    let renewed = Process {
        generation: Generation(9),
        ..me
    };
    values.renew(now + SECOND, renewed.generation);
    assert!(values.of(me).is_none());
    assert!(
        values
            .of(renewed)
            .is_some_and(|set| set.get("zone").is_some())
    );
    let mut far = Values::new(other, 2, now);
    far.member_up(now, renewed);
    while let Some(transmit) = values.poll_transmit() {
        far.handle_payload(now, me.addr, &transmit.payload).unwrap();
    }
    assert!(far.of(renewed).is_some_and(|set| set.get("zone").is_some()));
}

#[test]
fn more_removals_than_are_remembered_reach_who_was_away() {
    let mut net = Net::new(6, 3);
    for number in 0..60 {
        net.set(0, &format!("k{number}"), "1");
    }
    net.converge(10 * SECOND);
    net.cut(&[0], &[1]);
    net.cut(&[0], &[2]);
    for number in 0..60 {
        assert!(net.remove(0, &format!("k{number}")));
        net.set(0, &format!("n{number}"), "1");
    }
    const { assert!(60 > REMOVED_MAX) };
    net.heal();
    net.converge(10 * SECOND);
    assert_eq!(net.at(2).own().iter().count(), 0);
}

#[test]
fn what_nobody_sets_costs_nothing_and_what_does_not_change_costs_a_hash() {
    let mut net = Net::new(7, 30);
    net.run(10 * SECOND);
    let (payloads, bytes) = (net.payloads, net.bytes);
    net.run(100 * SECOND);
    assert_eq!((net.payloads, net.bytes), (payloads, bytes));

    for node in 0..30 {
        net.set(node, "large", large());
    }
    net.converge(20 * SECOND);
    net.run(10 * SECOND);
    let (payloads, bytes) = (net.payloads, net.bytes);
    net.run(100 * SECOND);
    let (payloads, bytes) = (net.payloads - payloads, net.bytes - bytes);
    assert!(
        (500..800).contains(&payloads),
        "{payloads}: one each five seconds"
    );
    assert_eq!(bytes, payloads * 9);
}

#[test]
fn a_large_change_is_sent_to_each_node_about_once() {
    let mut net = Net::new(8, 60);
    net.run(10 * SECOND);
    let before = net.bytes;
    net.set(5, "large", large());
    net.converge(10 * SECOND);
    let needed = 59 * VALUES_BYTES_MAX as u64;
    let bytes = net.bytes - before;
    const { assert!(VALUES_BYTES_MAX > TOLD_BYTES_MAX) };
    assert!(bytes < needed * 5 / 4, "{bytes} bytes for {needed}");
}

#[test]
fn one_seed_is_one_history() {
    let history = |seed| {
        let mut net = Net::new(seed, 20);
        net.loss = 0.2;
        for node in 0..20 {
            net.set(node, "a", node.to_string());
        }
        net.run(20 * SECOND);
        (net.payloads, net.bytes)
    };
    assert_eq!(history(1), history(1));
    assert_ne!(history(1), history(2));
}
