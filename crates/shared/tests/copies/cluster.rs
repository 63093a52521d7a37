//! What is written anywhere is everywhere.

use std::{collections::BTreeMap, time::Duration};

use hobnob_shared::{CompareError, Config, Event, limits};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use crate::net::{Net, SECOND, bytes};

#[test]
fn a_write_is_everywhere_at_once_in_a_small_cluster() {
    let mut net = Net::new(1, 10);
    net.set(3, "leader", "n3");
    net.run(SECOND / 10);
    for node in 0..10 {
        assert_eq!(net.value(node, "leader"), Some(bytes("n3")));
    }
    assert!(net.remove(7, "leader"));
    net.run(SECOND / 10);
    for node in 0..10 {
        assert_eq!(net.value(node, "leader"), None);
    }
    assert!(net.are_equal());
}

#[test]
fn in_a_large_cluster_news_reaches_nearly_all_and_comparing_the_rest() {
    let mut net = Net::new(2, 100);
    net.run(30 * SECOND);
    let before = net.payloads;
    net.set(0, "k", "v");
    net.run(SECOND);
    let reached = (0..100).filter(|node| net.nodes[*node].as_ref().unwrap().get("k").is_some());
    let reached = reached.count();
    assert!(reached >= 90, "{reached} of 100");
    let most = u64::try_from(limits::NEWS_PEERS * 100).unwrap() + 100;
    assert!(net.payloads - before <= most, "each passes it on once");
    net.converge(30 * SECOND);
}

#[test]
fn whoever_misses_the_news_compares() {
    let mut net = Net::new(3, 5);
    net.loss = 1.0;
    net.set(0, "a", "1");
    net.add(1, "n", 5);
    net.run(SECOND);
    assert!(!net.are_equal(), "everything was lost");
    net.loss = 0.3;
    net.doubled = 0.3;
    net.converge(60 * SECOND);
    assert_eq!(net.value(4, "a"), Some(bytes("1")));
}

#[test]
fn comparing_equal_copies_costs_one_short_payload() {
    let mut net = Net::new(4, 4);
    for number in 0..1_000 {
        net.set(number % 4, &format!("key {number}"), "some value");
    }
    net.run(20 * SECOND);
    assert!(net.are_equal());
    let (payloads, bytes) = (net.payloads, net.bytes);
    net.run(100 * SECOND);
    let (payloads, bytes) = (net.payloads - payloads, net.bytes - bytes);
    // Four nodes, every five seconds give or take a quarter.
    assert!((60..=110).contains(&payloads), "{payloads}");
    assert_eq!(bytes, payloads * 17);
}

#[test]
fn who_joins_gets_everything() {
    let mut net = Net::new(5, 3);
    for number in 0..20_000 {
        net.set(
            0,
            &format!("key {number}"),
            "a value of some length, as they are",
        );
        if number % 100 == 0 {
            net.run(SECOND / 10);
        }
    }
    net.converge(60 * SECOND);
    let before = net.bytes;
    let joined = net.join(Config::default());
    net.converge(10 * SECOND);
    assert_eq!(net.at(joined).stats().entries, 20_000);
    let bytes = net.bytes - before;
    assert!(bytes < 6 << 20, "{bytes} bytes for some 1.8 MB of entries");
}

#[test]
fn two_sides_of_a_partition_meet() {
    for seed in 0..5 {
        let mut net = Net::new(seed, 20);
        let (one, other): (Vec<usize>, Vec<usize>) = (0..20).partition(|node| node % 2 == 0);
        net.set(0, "before", "all");
        net.set(0, "both", "all");
        net.run(10 * SECOND);
        net.cut(&one, &other);
        for node in 0..20 {
            net.set(node, &format!("of {node}"), "mine");
        }
        net.set(0, "both", "even");
        net.run(SECOND);
        net.set(1, "both", "odd");
        net.remove(3, "before");
        net.run(600 * SECOND);
        assert_eq!(net.value(2, "both"), Some(bytes("even")));
        assert_eq!(net.value(2, "before"), Some(bytes("all")));
        net.heal();
        net.converge(15 * SECOND);
        assert_eq!(net.value(0, "both"), Some(bytes("odd")), "the later one");
        assert_eq!(net.value(0, "before"), None);
        assert_eq!(net.at(0).stats().entries, 21);
    }
}

#[test]
fn what_each_wrote_while_it_was_alone_is_everywhere_soon_after_they_meet() {
    for seed in 0..10 {
        let mut net = Net::new(seed, 30);
        let all: Vec<usize> = (0..30).collect();
        for node in 1..30 {
            net.cut(&all[..node], &[node]);
        }
        net.run(SECOND);
        for node in 0..30 {
            net.set(node, &format!("of {node}"), "mine");
            net.add(node, "n", 1);
        }
        net.run(20 * SECOND);
        net.heal();
        net.converge(8 * SECOND);
        assert_eq!(net.at(0).counter("n"), 30);
    }
}

#[test]
fn comparing_and_setting_minds_the_version_that_was_read() {
    let mut net = Net::new(6, 2);
    let now = net.now;
    let first = net
        .at(0)
        .compare_and_set(now, "lease", None, bytes("a"))
        .unwrap();
    net.run(SECOND);
    let now = net.now;
    let taken = net.at(1).compare_and_set(now, "lease", None, bytes("b"));
    assert_eq!(
        taken,
        Err(CompareError::Changed {
            current: Some(first)
        })
    );
    let second = net
        .at(1)
        .compare_and_set(now, "lease", Some(first), bytes("b"))
        .unwrap();
    assert!(second > first);
    net.run(SECOND);
    let now = net.now;
    let stale = net
        .at(0)
        .compare_and_set(now, "lease", Some(first), bytes("c"));
    assert_eq!(
        stale,
        Err(CompareError::Changed {
            current: Some(second)
        })
    );
    assert!(net.remove(0, "lease"));
    assert!(!net.remove(0, "lease"), "there is nothing any more");
    let now = net.now;
    let gone = net
        .at(0)
        .compare_and_set(now, "lease", Some(second), bytes("c"));
    assert_eq!(gone, Err(CompareError::Changed { current: None }));
}

#[test]
fn two_who_compare_and_set_at_once_are_both_told_yes_and_one_wins() {
    let mut net = Net::new(7, 3);
    let now = net.now;
    for node in 0..2 {
        let value = bytes(&format!("n{node}"));
        net.at(node)
            .compare_and_set(now, "lease", None, value)
            .unwrap();
    }
    net.converge(10 * SECOND);
    assert_eq!(
        net.value(2, "lease"),
        Some(bytes("n1")),
        "at the same time, the greater address"
    );
}

#[test]
fn events_tell_each_change_once() {
    let mut net = Net::new(8, 3);
    net.doubled = 1.0;
    net.set(0, "k", "v");
    net.add(0, "n", 2);
    net.run(20 * SECOND);
    net.remove(1, "k");
    net.add(2, "n", -3);
    net.run(20 * SECOND);
    for node in 0..3 {
        let events = net.events(node);
        let [set, counted, removed, again] = &events[..] else {
            panic!("{events:?}");
        };
        assert!(matches!(set, Event::Set { key, entry } if &**key == "k" && entry.value == "v"));
        assert!(matches!(counted, Event::Counted { value: 2, .. }));
        let pair = [removed, again];
        assert!(
            pair.iter()
                .any(|event| matches!(event, Event::Removed { key } if &**key == "k"))
        );
        assert!(
            pair.iter()
                .any(|event| matches!(event, Event::Counted { value: -1, .. }))
        );
    }
}

/// Random writes under loss, repetition, cuts, crashes and restarts, against what must come of them.
#[test]
fn bad_days_end_with_equal_copies() {
    for seed in 0..20 {
        bad_day(seed);
    }
}

fn bad_day(seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let count = rng.random_range(3..24);
    let mut net = Net::new(seed, count);
    net.loss = 0.1;
    net.doubled = 0.1;
    let all: Vec<usize> = (0..count).collect();
    let mut added = BTreeMap::new();
    for _ in 0..150 {
        let node = rng.random_range(0..count);
        if net.nodes[node].is_none() {
            net.start(node, Config::default());
        }
        let key = format!("k{}", rng.random_range(0..20));
        match rng.random_range(0..14) {
            0..5 => net.set(node, &key, &rng.random::<u32>().to_string()),
            5..7 => drop(net.remove(node, &key)),
            7..11 => {
                let delta = rng.random_range(-50..100);
                net.add(node, &key, delta);
                *added.entry(key).or_insert(0) += delta;
            }
            11 => {
                let at = rng.random_range(1..count);
                net.cut(&all[..at], &all[at..]);
            }
            12 => net.heal(),
            _ => {
                // What it added is to be known to others before it goes.
                net.heal();
                net.converge(120 * SECOND);
                net.kill(node);
            }
        }
        net.run(Duration::from_millis(rng.random_range(0..3_000)));
    }
    net.heal();
    net.converge(120 * SECOND);
    let node = net.nodes.iter().position(Option::is_some).unwrap();
    for (name, sum) in added {
        assert_eq!(net.at(node).counter(&name), sum, "seed {seed}: {name}");
    }
}
