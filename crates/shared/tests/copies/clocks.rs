//! Clocks that are wrong.

use std::time::Duration;

use hobnob_shared::{WriteError, limits::CLOCK_AHEAD_MAX};

use crate::net::{Net, SECOND, bytes};

const HOUR: Duration = Duration::from_secs(3_600);

fn set_clock(net: &mut Net, node: usize, wall: Duration) {
    let now = net.now;
    net.at(node).set_wall_clock(now, wall);
}

#[test]
fn who_has_seen_a_write_writes_later_however_slow_its_clock_is() {
    let mut net = Net::new(1, 3);
    let slow = net.wall() - HOUR;
    set_clock(&mut net, 2, slow + HOUR - 50 * SECOND);
    net.set(0, "k", "first");
    net.converge(10 * SECOND);
    net.set(2, "k", "second");
    net.converge(10 * SECOND);
    assert_eq!(net.value(0, "k"), Some(bytes("second")));
    let version = net.at(0).get("k").unwrap().version;
    assert_eq!(version.writer().addr, crate::net::addr(2));
    assert!(
        version.unix_time() >= net.wall() - 20 * SECOND,
        "by the cluster's clock, not its own"
    );
}

#[test]
fn a_clock_far_ahead_drags_nobody_along_and_is_waited_for() {
    let mut net = Net::new(2, 4);
    let fast = net.wall() + HOUR;
    set_clock(&mut net, 3, fast);
    net.set(3, "k", "from the future");
    net.run(60 * SECOND);
    for node in 0..3 {
        assert_eq!(net.value(node, "k"), None);
        let stats = net.at(node).stats();
        assert_eq!(stats.clock_ahead_millis, 0, "not dragged along");
    }
    let ahead: u64 = net
        .nodes
        .iter()
        .flatten()
        .map(|copy| copy.stats().items_ahead)
        .sum();
    assert!(ahead > 0, "and counted");
    net.set(0, "other", "goes on");
    net.run(10 * SECOND);
    assert_eq!(net.value(1, "other"), Some(bytes("goes on")));
    assert_eq!(net.value(3, "other"), Some(bytes("goes on")));
    net.run(HOUR);
    net.converge(20 * SECOND);
    assert_eq!(net.value(0, "k"), Some(bytes("from the future")));
}

#[test]
fn a_clock_a_little_ahead_is_followed_and_forgotten() {
    let mut net = Net::new(3, 3);
    let fast = net.wall() + CLOCK_AHEAD_MAX - SECOND;
    set_clock(&mut net, 2, fast);
    net.set(2, "k", "1");
    net.run(SECOND);
    let ahead = net.at(0).stats().clock_ahead_millis;
    assert!((57_000..=60_000).contains(&ahead), "{ahead}");
    net.set(0, "k", "2");
    net.converge(10 * SECOND);
    assert_eq!(
        net.value(2, "k"),
        Some(bytes("2")),
        "who has seen it writes later"
    );
    net.run(70 * SECOND);
    assert_eq!(net.at(0).stats().clock_ahead_millis, 0);
}

#[test]
fn a_clock_that_was_set_back_refuses_to_write_what_others_would_not_believe() {
    let mut net = Net::new(4, 2);
    net.set(0, "k", "1");
    let back = net.wall() - HOUR;
    set_clock(&mut net, 0, back);
    let now = net.now;
    let refused = net.at(0).set(now, "k", bytes("2"));
    let Err(WriteError::Clock(ahead)) = refused else {
        panic!("{refused:?}");
    };
    assert!(ahead >= HOUR - SECOND);
    assert_eq!(net.value(0, "k"), Some(bytes("1")), "nothing changed");
    let right = net.wall();
    set_clock(&mut net, 0, right);
    net.set(0, "k", "3");
    net.converge(10 * SECOND);
    assert_eq!(net.value(1, "k"), Some(bytes("3")));
}
