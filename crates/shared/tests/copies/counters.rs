//! Counters add up, and nothing is counted twice.

use hobnob_shared::{AddError, Config, limits};

use crate::net::{DAY, Net, SECOND, copy};
use hobnob_wire::Instant;

#[test]
fn all_shares_add_up_on_both_sides_of_a_partition_too() {
    let mut net = Net::new(1, 4);
    net.add(0, "n", 5);
    net.add(1, "n", -2);
    net.converge(10 * SECOND);
    net.cut(&[0, 1], &[2, 3]);
    for _ in 0..10 {
        net.add(0, "n", 1);
        net.add(2, "n", 100);
        net.run(SECOND);
    }
    assert_eq!(
        (net.at(1).counter("n"), net.at(3).counter("n")),
        (13, 1_003)
    );
    net.heal();
    net.converge(10 * SECOND);
    assert_eq!(net.at(0).counter("n"), 1_013);
    assert_eq!(net.at(0).counter("nobody touched it"), 0);
}

#[test]
fn a_restarted_process_neither_loses_nor_doubles_what_it_had_added() {
    let mut net = Net::new(2, 3);
    net.add(0, "n", 7);
    net.converge(10 * SECOND);
    for lives in 1..5 {
        net.kill(0);
        net.run(SECOND);
        net.start(0, Config::default());
        // Before it has heard of its past self, and after.
        net.add(0, "n", 1);
        net.converge(10 * SECOND);
        net.add(0, "n", 1);
        net.converge(10 * SECOND);
        assert_eq!(net.at(1).counter("n"), 7 + 2 * lives);
        assert_eq!(net.at(0).counter("n"), 7 + 2 * lives);
    }
}

#[test]
fn old_shares_are_folded_into_one_and_the_sum_stays() {
    let mut net = Net::new(3, 4);
    for day in 1..=5 {
        for node in 0..4 {
            net.add(node, "n", 10);
            net.add(node, "m", -1);
        }
        net.run(SECOND);
        net.kill(0);
        net.run(DAY / 2);
        net.start(0, Config::default());
        net.run(DAY / 2);
        net.converge(10 * SECOND);
        assert_eq!(net.at(0).counter("n"), day * 40);
        let shares = net.at(0).stats().shares;
        assert!(shares <= 3 * 8, "of three days at most, not {shares}");
    }
    net.run(3 * DAY);
    net.converge(10 * SECOND);
    for node in 0..4 {
        assert_eq!(net.at(node).stats().shares, 0);
        assert_eq!(
            (net.at(node).counter("n"), net.at(node).counter("m")),
            (200, -20)
        );
    }
    // Whoever comes later gets the sum.
    let joined = net.join(Config::default());
    net.converge(10 * SECOND);
    assert_eq!(net.at(joined).counter("n"), 200);
}

#[test]
fn a_partition_as_long_as_the_promise_loses_nothing() {
    let mut net = Net::new(4, 4);
    net.add(0, "n", 1);
    net.converge(10 * SECOND);
    net.cut(&[0, 1], &[2, 3]);
    net.add(0, "n", 10);
    net.add(2, "n", 100);
    net.run(limits::KEPT - SECOND);
    net.heal();
    net.converge(10 * SECOND);
    net.run(3 * DAY);
    net.converge(10 * SECOND);
    assert_eq!(net.at(3).counter("n"), 111);
}

#[test]
fn after_a_longer_one_all_have_the_same_and_no_more_than_was_added() {
    let mut net = Net::new(5, 4);
    net.cut(&[0, 1], &[2, 3]);
    net.add(0, "n", 10);
    net.add(2, "n", 100);
    net.run(4 * DAY);
    net.heal();
    net.converge(20 * SECOND);
    let value = net.at(0).counter("n");
    assert!((100..=110).contains(&value), "{value}");
}

#[test]
fn sums_beyond_what_can_be_told_are_the_nearest_that_can() {
    let mut one = copy(0);
    let now = Instant::ZERO;
    for _ in 0..2 {
        one.add(now, "up", i64::MAX).unwrap();
    }
    one.add(now, "down", i64::MIN).unwrap();
    assert_eq!(one.add(now, "down", i64::MIN), Err(AddError::Overflow));
    one.add(now, "down", -1).unwrap();
    assert_eq!(
        (one.counter("up"), one.counter("down")),
        (i64::MAX, i64::MIN)
    );
}

#[test]
fn there_are_only_so_many_counters() {
    let mut one = copy(0);
    let now = Instant::ZERO;
    for number in 0..limits::COUNTERS_MAX {
        one.add(now, &format!("{number}"), 1).unwrap();
    }
    let full = AddError::Counters(limits::COUNTERS_MAX);
    assert_eq!(one.add(now, "one more", 1), Err(full));
    assert!(full.to_string().contains("1024"), "{full}");
    one.add(now, "0", 1).unwrap();
    assert_eq!(one.counter("0"), 2);
    assert_eq!(one.add(now, "", 1), Err(AddError::Name(0)));
    assert_eq!(one.stats().writes_refused, 2);
}

#[test]
fn both_sides_keep_the_same_counters_when_they_have_too_many() {
    let mut net = Net::new(6, 3);
    net.cut(&[0], &[1, 2]);
    net.cut(&[1], &[2]);
    for number in 0..limits::COUNTERS_MAX {
        for node in 0..3 {
            net.add(node, &format!("{number} of {node}"), 1);
        }
    }
    net.run(SECOND);
    net.heal();
    net.converge(30 * SECOND);
    let stats = net.at(0).stats();
    assert_eq!(stats.counters, limits::COUNTERS_HARD_MAX);
    assert_eq!(stats.shares, limits::COUNTERS_HARD_MAX);
    assert!(
        net.nodes
            .iter()
            .flatten()
            .any(|copy| copy.stats().items_evicted > 0)
    );
}
