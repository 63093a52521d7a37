//! What was removed stays removed, for as long as that is promised.

use hobnob_shared::limits::KEPT;

use crate::net::{DAY, Net, SECOND, bytes};

#[test]
fn a_removal_is_remembered_for_its_time_and_then_forgotten() {
    let mut net = Net::new(1, 3);
    net.set(0, "k", "v");
    net.run(SECOND);
    net.remove(1, "k");
    net.run(KEPT - 2 * SECOND);
    for node in 0..3 {
        assert_eq!(net.at(node).stats().removed, 1);
    }
    net.run(20 * SECOND);
    for node in 0..3 {
        let stats = net.at(node).stats();
        assert_eq!((stats.removed, stats.bytes), (0, 0));
    }
    assert!(net.are_equal());
}

#[test]
fn who_was_away_for_less_than_that_does_not_bring_it_back() {
    let mut net = Net::new(2, 4);
    net.set(0, "k", "v");
    net.run(SECOND);
    net.cut(&[3], &[0, 1, 2]);
    net.remove(1, "k");
    net.run(KEPT - 60 * SECOND);
    assert_eq!(net.value(3, "k"), Some(bytes("v")));
    net.heal();
    net.converge(20 * SECOND);
    assert_eq!(net.value(3, "k"), None);
    net.run(2 * DAY);
    assert!(net.are_equal());
    assert_eq!(net.value(3, "k"), None);
}

#[test]
fn who_was_away_for_longer_brings_it_back_everywhere() {
    let mut net = Net::new(3, 4);
    net.set(0, "k", "v");
    net.run(SECOND);
    net.cut(&[3], &[0, 1, 2]);
    net.remove(1, "k");
    net.run(KEPT + 60 * SECOND);
    net.heal();
    net.converge(20 * SECOND);
    assert_eq!(net.value(0, "k"), Some(bytes("v")));
}

#[test]
fn a_key_can_be_written_again_after_its_removal() {
    let mut net = Net::new(4, 3);
    net.set(0, "k", "1");
    net.run(SECOND);
    net.remove(1, "k");
    net.set(1, "k", "2");
    net.converge(10 * SECOND);
    assert_eq!(net.value(2, "k"), Some(bytes("2")));
    assert_eq!(net.at(2).stats().removed, 0);
}
