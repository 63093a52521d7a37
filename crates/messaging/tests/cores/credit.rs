//! A receive buffer that is shared by those who send.

use std::time::Duration;

use hobnob_messaging::{Config, SessionChange};

use crate::harness::{CLEAN, Net, Profile, pattern, peer};

const MS: Duration = Duration::from_millis(1);
const BUFFER: usize = 160_000;

fn config() -> Config {
    Config {
        receive_buffer_bytes: BUFFER,
        ..Config::default()
    }
}

/// Bytes in flight from the others to node 0.
fn in_flight(net: &Net) -> usize {
    (1..net.nodes.len())
        .map(|node| net.nodes[node].core.in_flight(peer(0)))
        .sum()
}

fn load(net: &mut Net, senders: std::ops::RangeInclusive<usize>) {
    let payload = pattern(1 << 20);
    for sender in senders {
        for _ in 0..60 {
            net.send(sender, 0, payload.clone());
        }
    }
}

#[test]
fn all_senders_together_stay_within_the_receive_buffer() {
    for (seed, loss) in [(1, 0.0), (2, 0.02)] {
        let mut net = Net::star(16, &config(), Profile { loss, ..CLEAN }, seed);
        load(&mut net, 1..=16);
        net.run(100 * MS);
        let mut most = 0;
        net.run_until(100 * MS, |net| {
            most = most.max(in_flight(net));
            false
        });
        assert!(most <= BUFFER, "{most}");
        assert!(most > BUFFER / 2 || loss > 0.0, "it is used: {most}");
    }
}

#[test]
fn a_share_grows_when_others_stop() {
    let mut net = Net::star(2, &config(), CLEAN, 1);
    load(&mut net, 1..=2);
    net.run(50 * MS);
    let shared = net.nodes[1].core.in_flight(peer(0));
    assert!(shared <= BUFFER / 2 && shared > BUFFER / 3, "{shared}");
    net.cut(2, 0, true);
    net.run(400 * MS);
    let alone = net.nodes[1].core.in_flight(peer(0));
    assert!(alone <= BUFFER && alone > BUFFER * 2 / 3, "{alone}");
}

#[test]
fn credit_is_told_again_when_it_is_lost_and_only_when_it_changes() {
    let mut net = Net::star(2, &config(), CLEAN, 1);
    load(&mut net, 1..=1);
    net.run(500 * MS);
    assert_eq!(net.nodes[0].core.stats().credits_sent, 1);
    let profile = Profile { loss: 0.3, ..CLEAN };
    for seed in 0..5 {
        let mut net = Net::star(4, &config(), profile, seed);
        load(&mut net, 1..=4);
        net.run(400 * MS);
        for sender in 1..=4 {
            let in_flight = net.nodes[sender].core.in_flight(peer(0));
            assert!(in_flight <= BUFFER / 3, "seed {seed}: {in_flight}");
        }
    }
}

#[test]
fn peers_that_say_little_get_and_cost_no_credit() {
    let mut net = Net::star(8, &config(), CLEAN, 1);
    for _ in 0..50 {
        for sender in 1..=8 {
            net.send(sender, 0, pattern(20));
        }
        net.run(10 * MS);
    }
    assert_eq!(net.nodes[0].core.stats().credits_sent, 0);
}

#[test]
fn a_new_session_begins_without_credit() {
    let mut net = Net::star(2, &config(), CLEAN, 1);
    load(&mut net, 1..=2);
    net.run(100 * MS);
    let told = net.nodes[0].core.stats().credits_sent;
    net.connect(
        1,
        0,
        SessionChange::SameGeneration,
        SessionChange::SameGeneration,
    );
    net.run(100 * MS);
    assert!(net.nodes[0].core.stats().credits_sent > told);
}
