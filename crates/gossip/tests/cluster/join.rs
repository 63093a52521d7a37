//! Coming together.

use std::time::Duration;

use hobnob_gossip::{Event, NodeState};

use crate::net::{Net, Weather, addr, largest_metadata, metadata};

fn strangers(seed: u64, weather: Weather, size: usize) -> Net {
    let mut net = Net::new(seed, weather);
    for index in 0..size {
        net.add(index, 1_000);
    }
    net
}

#[test]
fn all_see_all_with_metadata_after_announcing_to_one_seed() {
    for (size, limit_ms) in [(2, 5), (3, 110), (10, 300), (64, 600)] {
        for seed in 0..5 {
            let mut net = strangers(seed, Weather::CALM, size);
            for index in 1..size {
                net.announce(index, 0);
            }
            let took = net.run_until(Duration::from_secs(20), Net::all_see_all);
            let limit = Duration::from_millis(limit_ms);
            assert!(took <= limit, "{size} nodes, seed {seed}: {took:?}");
            let seen = net.seen(1, 0).expect("all see all");
            assert_eq!(*seen.metadata, metadata(0));
            assert_eq!(seen.state, NodeState::Online);
        }
    }
}

#[test]
fn all_see_all_at_30_percent_loss_when_the_lonely_announce_again() {
    for size in [2, 3, 10, 64] {
        for seed in 0..5 {
            let mut net = strangers(seed, Weather::lossy(30), size);
            net.join_all();
        }
    }
}

#[test]
fn a_late_joiner_knows_everybody_after_a_few_round_trips() {
    let mut net = Net::joined(7, Weather::CALM, 64);
    net.run_for(Duration::from_secs(2));
    net.add(64, 1_000);
    net.announce(64, 5);
    // A round trip takes 2 ms at most.
    net.run_until(Duration::from_millis(6), |net| {
        (0..64).all(|whom| net.seen(64, whom).is_some())
    });
}

#[test]
fn the_largest_metadata_reaches_everybody() {
    let mut net = strangers(3, Weather::lossy(10), 32);
    for index in 0..32 {
        net.with(index, |gossip, now| {
            gossip.set_metadata(now, largest_metadata(index, 7));
        });
    }
    net.join_all();
    assert_eq!(
        *net.seen(31, 9).expect("joined").metadata,
        largest_metadata(9, 7)
    );
}

#[test]
fn nobody_is_company_until_somebody_answers() {
    let mut net = strangers(1, Weather::CALM, 2);
    net.stop(0);
    net.announce(1, 0);
    net.run_for(Duration::from_secs(5));
    assert!(net.hosts[1].gossip.is_alone());
    assert!(net.hosts[1].events.is_empty());
    assert_eq!(net.hosts[1].gossip.poll_timeout(), None, "idle until told");

    net.resume(0);
    net.announce(1, 0);
    net.run_for(Duration::from_secs(1));
    let events: Vec<_> = net.hosts[1].events.iter().map(|(_, e)| e).collect();
    assert!(
        matches!(events[..], [Event::Accompanied, Event::NodeUp(node)] if node.addr() == addr(0)),
        "{events:?}"
    );
}

#[test]
fn announcing_to_oneself_or_to_no_address_does_nothing() {
    let mut net = strangers(1, Weather::CALM, 1);
    let nowhere = ["0.0.0.0:7000", "10.0.0.9:0", "224.0.0.1:7000", "[::]:7000"];
    for to in nowhere.map(|to| to.parse().expect("an address")) {
        net.with(0, |gossip, now| gossip.announce(now, to));
    }
    net.announce(0, 0);
    assert_eq!(net.payloads_sent, 0);
}

#[test]
fn two_clusters_become_one_when_one_node_announces_to_the_other_cluster() {
    let mut net = strangers(11, Weather::CALM, 20);
    for index in 1..20 {
        net.announce(index, index % 2);
    }
    // Host 1 has announced to itself, so there are two clusters: the even and the odd.
    net.run_for(Duration::from_secs(2));
    assert!(net.seen(2, 3).is_none());
    net.announce(4, 7);
    net.run_until(Duration::from_secs(3), Net::all_see_all);
}
