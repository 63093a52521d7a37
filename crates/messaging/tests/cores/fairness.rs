//! Several senders that keep one slow link busy.

#![allow(clippy::print_stdout, reason = "figures, with --nocapture")]

use std::time::Duration;

use hobnob_messaging::{Config, Event};
use hobnob_wire::Instant;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use crate::{
    bottleneck::Bottleneck,
    harness::{Net, Profile, pattern},
};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);
const RECEIVER: usize = 0;

struct Outcome {
    /// Part of the link's capacity that was used.
    busy: f64,
    /// The least of the senders' shares, 1 being a fair one.
    least: f64,
    /// Part of the datagrams that the queue dropped.
    dropped: f64,
    /// Transmissions that were not the first, a datagram that was sent.
    repeated: f64,
}

/// `senders` send messages of `len` bytes for `time`, each as soon as an earlier one has ended.
fn contend(senders: usize, len: usize, round_trip: Duration, seed: u64, time: Duration) -> Outcome {
    let profile = Profile {
        loss: 0.0,
        duplication: 0.0,
        latency: round_trip / 2,
        jitter: Duration::from_micros(100),
    };
    let mut net = Net::star(senders, &Config::default(), profile, seed);
    net.bottleneck = Some(Bottleneck::new(RECEIVER, senders + 1, 20_000_000, 64 << 10));
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let starts: Vec<_> = (0..senders).map(|_| rng.random_range(0..100u32)).collect();
    let payload = pattern(len);
    let waiting = ((256 << 10) / len).clamp(2, 128);
    for moment in 0..100 {
        net.run(MS);
        for (sender, _) in starts
            .iter()
            .enumerate()
            .filter(|(_, start)| **start == moment)
        {
            for _ in 0..waiting {
                net.send(sender + 1, RECEIVER, payload.clone());
            }
        }
    }
    let end = net.now + time;
    while net.now < end {
        net.run(MS);
        for sender in 1..=senders {
            for (_, event) in std::mem::take(&mut net.nodes[sender].events) {
                assert!(
                    matches!(event, Event::Sent { result: Ok(()), .. }),
                    "{event:?}"
                );
                net.send(sender, RECEIVER, payload.clone());
            }
        }
        net.nodes[RECEIVER].events.clear();
    }
    outcome(&net, senders)
}

fn outcome(net: &Net, senders: usize) -> Outcome {
    let link = net.bottleneck.as_ref().expect("there is one");
    let capacity = link.capacity(net.now.saturating_since(Instant::ZERO));
    let served = &link.served()[1..];
    let passed_on = served.iter().sum::<u64>() - link.waiting(net.now);
    let least = *served.iter().min().expect("there are senders") as f64;
    let sent: u64 = (1..=senders)
        .map(|sender| net.datagrams(sender, RECEIVER))
        .sum();
    let repeated: u64 = (1..=senders)
        .map(|sender| net.nodes[sender].core.stats().retransmissions)
        .sum();
    Outcome {
        busy: passed_on as f64 / capacity,
        least: least * senders as f64 / capacity,
        dropped: link.dropped() as f64 / sent as f64,
        repeated: repeated as f64 / sent as f64,
    }
}

/// Senders, bytes of a message and round trip for which the link has to be used well and fairly.
fn contest(senders: usize, lens: &[usize], seeds: std::ops::Range<u64>) {
    for round_trip in [MS, 20 * MS] {
        for len in lens {
            for seed in seeds.clone() {
                let it = contend(senders, *len, round_trip, seed, 20 * SECOND);
                println!(
                    "{round_trip:>4?} {senders:2} senders of {len:7} bytes, seed {seed}: busy {:.3}, \
                     least share {:.2}, dropped {:.3}, repeated {:.3}",
                    it.busy, it.least, it.dropped, it.repeated
                );
                let case = format!("{senders} x {len}, {round_trip:?}, seed {seed}");
                assert!(it.busy >= 0.85, "{case}: {:.3} of the link used", it.busy);
                assert!(it.least >= 1.0 / 3.0, "{case}: least share {:.2}", it.least);
                assert!(it.dropped < 0.1, "{case}: {:.3} dropped", it.dropped);
                assert!(it.repeated < 0.1, "{case}: {:.3} repeated", it.repeated);
            }
        }
    }
}

#[test]
fn two_senders_share_a_slow_link() {
    contest(2, &[1 << 10, 64 << 10, 1 << 20], 0..1);
}

#[test]
fn eight_senders_share_a_slow_link() {
    contest(8, &[1 << 10, 64 << 10, 1 << 20], 0..2);
}

#[test]
fn sixteen_senders_of_large_messages_share_a_slow_link() {
    contest(16, &[64 << 10, 1 << 20], 0..2);
}

#[test]
fn sixteen_senders_of_small_messages_share_a_slow_link() {
    contest(16, &[1 << 10], 0..2);
}
