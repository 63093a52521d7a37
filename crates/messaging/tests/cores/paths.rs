//! Throughput over paths that lose, reorder or stop for a while.

#![allow(clippy::print_stdout, reason = "figures, with --nocapture")]

use std::time::Duration;

use hobnob_messaging::{Config, TimeoutReason};

use crate::harness::{CLEAN, Net, Profile, pattern, peer};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// 20 ms there and back.
const FAR: Profile = Profile {
    latency: Duration::from_millis(10),
    ..CLEAN
};

/// Bytes a second of one message of `len` bytes.
fn goodput(net: &mut Net, len: usize) -> f64 {
    let start = net.now;
    let ended = net.nodes[0].events.len();
    let token = net.send(0, 1, pattern(len));
    assert!(net.run_until(600 * SECOND, |net| net.nodes[0].events.len() > ended));
    assert_eq!(net.nodes[0].sent(token), Some(Ok(())));
    len as f64 / net.now.saturating_since(start).as_secs_f64()
}

#[test]
fn jitter_is_not_loss() {
    let profile = Profile {
        latency: MS,
        jitter: 19 * MS,
        ..CLEAN
    };
    for seed in 0..5 {
        let mut net = Net::pair(profile, seed);
        let first = goodput(&mut net, 1 << 20) / 1e3;
        let later = goodput(&mut net, 4 << 20) / 1e3;
        let stats = net.nodes[0].core.stats();
        let repeated = stats.retransmissions as f64 / net.datagrams(0, 1) as f64;
        println!(
            "jitter 1 to 20 ms, seed {seed}: {first:.0}, then {later:.0} kB/s, {repeated:.4} repeated"
        );
        assert_eq!(
            stats.packets_lost, stats.packets_late,
            "none was really lost"
        );
        assert!(repeated < 0.03, "seed {seed}: {repeated}");
        // Half of what the receiver's credit gives over the mean round trip.
        assert!(later > 2_500.0, "seed {seed}: {later} kB/s");
    }
}

#[test]
fn a_mebibyte_over_a_lossy_path() {
    let profile = Profile { loss: 0.05, ..FAR };
    let mut all: Vec<_> = (0..20)
        .map(|seed| goodput(&mut Net::pair(profile, seed), 1 << 20) / 1e3)
        .collect();
    all.sort_by(f64::total_cmp);
    println!(
        "1 MiB, 5 % loss, 20 ms: {:.0} kB/s at the median, {:.0} to {:.0}",
        all[10], all[0], all[19]
    );
    // A fixed window of two datagrams would give 140.
    assert!(all[0] > 140.0, "{all:?}");
}

#[test]
fn a_window_is_spread_over_the_round_trip() {
    let config = Config {
        receive_buffer_bytes: 1 << 20,
        ..Config::default()
    };
    let mut net = Net::pair_with(&config, FAR, 1);
    goodput(&mut net, 4 << 20);
    net.run(SECOND);
    let window = net.nodes[0].core.window(peer(1)).unwrap();
    assert!(window > 200 * 1_400, "{window}");
    net.send(0, 1, pattern(8 << 20));
    let (mut before, mut burst, mut pauses) = (net.datagrams(0, 1), 0, 0);
    let end = net.now + SECOND;
    net.run_until(SECOND, |net| {
        burst = burst.max(net.datagrams(0, 1) - before);
        before = net.datagrams(0, 1);
        let next = net.nodes[0].core.poll_timeout();
        pauses += u32::from(next.is_some_and(|next| next.reason == TimeoutReason::Pacing));
        net.now >= end
    });
    // 5/4 of a window a round trip of 20 ms, for 2 ms, and what is earned until a timer tick.
    let most = (1 << 20) / 1_400 / 8 + 20;
    assert!(burst <= most, "{burst} at once, not {most}");
    assert!(pauses > 30, "it waits for its turn: {pauses}");
    assert_eq!(net.nodes[0].core.stats().packets_lost, 0);
}

#[test]
fn a_short_path_is_never_paced() {
    let profile = Profile {
        latency: Duration::from_micros(500),
        ..CLEAN
    };
    let mut net = Net::pair(profile, 1);
    net.send(0, 1, pattern(8 << 20));
    assert!(net.run_until(SECOND, |net| {
        let next = net.nodes[0].core.poll_timeout();
        assert!(next.is_none_or(|next| next.reason != TimeoutReason::Pacing));
        !net.nodes[0].events.is_empty()
    }));
}

#[test]
fn a_sender_that_was_paused_believes_its_socket_before_its_timers() {
    let mut net = Net::pair(FAR, 1);
    let token = net.send(0, 1, pattern(2 << 20));
    net.run(100 * MS);
    assert!(net.nodes[0].core.in_flight(peer(1)) > 50_000);
    net.nodes[0].paused_until = net.now + 5 * SECOND;
    net.run(6 * SECOND);
    assert!(net.run_until(10 * SECOND, |net| net.nodes[0].sent(token).is_some()));
    let stats = net.nodes[0].core.stats();
    assert_eq!((stats.packets_lost, stats.retransmissions), (0, 0));
}

#[test]
fn a_receiver_that_is_paused_is_probed_and_not_flooded() {
    let mut net = Net::pair(FAR, 1);
    let token = net.send(0, 1, pattern(2 << 20));
    net.run(100 * MS);
    net.nodes[1].paused_until = net.now + 5 * SECOND;
    net.run(11 * MS);
    let datagrams = net.datagrams(0, 1);
    net.run(4 * SECOND);
    let probes = net.datagrams(0, 1) - datagrams;
    assert!(probes < 15, "{probes} datagrams to a peer that is silent");
    assert!(net.run_until(10 * SECOND, |net| net.nodes[0].sent(token).is_some()));
    let stats = net.nodes[0].core.stats();
    assert!(stats.retransmissions < 20, "{}", stats.retransmissions);
    assert_eq!(net.nodes[0].sent(token), Some(Ok(())));
}
