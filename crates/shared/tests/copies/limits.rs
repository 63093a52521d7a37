//! Too much of it.

use bytes::Bytes;
use hobnob_shared::{Config, ConfigError, SharedData, WriteError, limits};
use hobnob_wire::Instant;

use crate::net::{Net, SECOND, UNIX_START, bytes, copy, process};

const NOW: Instant = Instant::ZERO;

fn value(len: usize) -> Bytes {
    Bytes::from(vec![7; len])
}

#[test]
fn keys_and_values_are_only_so_long() {
    let mut one = copy(0);
    let key = "k".repeat(limits::KEY_BYTES_MAX);
    one.set(NOW, &key, value(limits::VALUE_BYTES_MAX)).unwrap();
    let long = format!("{key}k");
    assert_eq!(one.set(NOW, &long, value(0)), Err(WriteError::Key(257)));
    assert_eq!(one.set(NOW, "", value(0)), Err(WriteError::Key(0)));
    let len = limits::VALUE_BYTES_MAX + 1;
    assert_eq!(one.set(NOW, "k", value(len)), Err(WriteError::Value(len)));
    assert_eq!(one.stats().writes_refused, 3);
    let config = Config {
        bytes_max: limits::BYTES_MAX + 1,
    };
    let refused = SharedData::new(config, process(0, 1), 0, NOW, UNIX_START);
    assert_eq!(
        refused.err(),
        Some(ConfigError::BytesMax(limits::BYTES_MAX + 1))
    );
}

#[test]
fn the_largest_item_travels() {
    let mut net = Net::new(1, 2);
    let key = "k".repeat(limits::KEY_BYTES_MAX);
    let now = net.now;
    for number in 0..10 {
        let key = &key[number..];
        net.at(0)
            .set(now, key, value(limits::VALUE_BYTES_MAX))
            .unwrap();
    }
    net.converge(10 * SECOND);
    assert_eq!(net.at(1).stats().entries, 10);
}

#[test]
fn a_full_map_takes_what_does_not_make_it_longer() {
    let config = Config {
        bytes_max: 100 * (limits::ENTRY_OVERHEAD + 2 + 100),
    };
    let mut net = Net::with(2, 2, config);
    for number in 10..60 {
        let now = net.now;
        net.at(0).set(now, &number.to_string(), value(100)).unwrap();
        net.at(1)
            .set(now, &(number + 40).to_string(), value(100))
            .unwrap();
        net.run(SECOND / 5);
    }
    net.converge(10 * SECOND);
    let now = net.now;
    for number in 10..20 {
        net.at(1)
            .set(now, &format!("{number}"), value(100))
            .unwrap();
    }
    let one = net.at(1);
    let before = one.stats().bytes;
    assert_eq!(before, 90 * (limits::ENTRY_OVERHEAD + 2 + 100));
    one.set(
        now,
        "long",
        value(10 * (limits::ENTRY_OVERHEAD + 2 + 100) - 132),
    )
    .unwrap();
    let refused = one.set(now, "x", value(0)).unwrap_err();
    let WriteError::Full {
        bytes,
        removed: 0,
        max,
    } = refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!((bytes, max), (config.bytes_max + 129, config.bytes_max));
    assert!(refused.to_string().contains("bytes_max"), "{refused}");
    one.set(now, "10", value(99)).unwrap();
    assert!(one.set(now, "11", value(102)).is_err());
    assert!(one.remove(now, "long").unwrap(), "removing works always");
    one.set(now, "y", value(0)).unwrap();
}

#[test]
fn both_sides_of_a_partition_may_be_full() {
    let config = Config { bytes_max: 1 << 20 };
    let mut net = Net::with(3, 4, config);
    net.cut(&[0, 1], &[2, 3]);
    for node in [0, 2] {
        let mut number = 0;
        loop {
            let now = net.now;
            let key = format!("{number} of {node}");
            if net.at(node).set(now, &key, value(1_000)).is_err() {
                break;
            }
            number += 1;
        }
    }
    net.run(20 * SECOND);
    let entries = net.at(0).stats().entries + net.at(3).stats().entries;
    net.heal();
    net.converge(20 * SECOND);
    assert_eq!(net.at(1).stats().entries, entries, "nothing is lost");
    let now = net.now;
    let refused = net.at(1).set(now, "more", bytes(""));
    assert!(matches!(refused, Err(WriteError::Full { .. })));
}

#[test]
fn what_nobody_can_hold_gives_way_the_same_everywhere() {
    // Three sides, each as full as can be configured: half again as much as is held.
    let config = Config {
        bytes_max: limits::BYTES_MAX,
    };
    let mut net = Net::with(4, 3, config);
    net.cut(&[0], &[1, 2]);
    net.cut(&[1], &[2]);
    for number in 0..1_000 {
        let now = net.now;
        for node in 0..3 {
            let key = format!("{number} of {node}");
            net.at(node)
                .set(now, &key, value(limits::VALUE_BYTES_MAX))
                .unwrap();
        }
        net.run(SECOND / 100);
    }
    net.heal();
    net.converge(120 * SECOND);
    let stats = net.at(0).stats();
    let each = limits::ENTRY_OVERHEAD + "999 of 0".len() + limits::VALUE_BYTES_MAX;
    assert!(
        stats.bytes <= limits::BYTES_HARD_MAX && stats.bytes > limits::BYTES_HARD_MAX - 4 * each
    );
    assert!(net.value(0, "0 of 2").is_none() && net.value(0, "999 of 2").is_some());
    // What is written from now on is kept.
    assert!(net.remove(0, "999 of 2"));
    net.converge(20 * SECOND);
    assert!(net.value(1, "999 of 2").is_none());
}
