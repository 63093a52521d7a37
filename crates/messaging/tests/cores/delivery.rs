//! Everything arrives, once, whatever the network does.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use hobnob_messaging::{Config, Event, Failure};

use crate::harness::{CLEAN, KNOWN, Net, Profile, ROUGH, pattern, peer};

const MINUTE: Duration = Duration::from_secs(60);

/// How often each payload was handled at node 1.
fn times_handled(net: &Net) -> BTreeMap<Bytes, usize> {
    let mut times = BTreeMap::new();
    for payload in net.nodes[1].handled() {
        *times.entry(payload).or_default() += 1;
    }
    times
}

fn exactly_once(net: &Net, sends: usize, seed: u64) {
    let times = times_handled(net);
    assert_eq!(times.len(), sends, "seed {seed}: each is handled");
    assert!(
        times.values().all(|times| *times == 1),
        "seed {seed}: none is handled twice"
    );
    let told = net.nodes[0]
        .events
        .iter()
        .filter(|(_, event)| matches!(event, Event::Sent { result: Ok(()), .. }));
    assert_eq!(told.count(), sends, "seed {seed}: every sender is told");
}

#[test]
fn send_is_handled_once_under_loss_duplication_and_reordering() {
    for seed in 0..200 {
        let mut net = Net::pair(ROUGH, seed);
        for message in 0..100u32 {
            net.send(0, 1, message.to_be_bytes().repeat(20));
        }
        let is_done = net.run_until(MINUTE, |net| net.nodes[0].events.len() >= 100);
        assert!(is_done, "seed {seed}");
        exactly_once(&net, 100, seed);
    }
}

#[test]
fn messages_made_one_by_one_are_handled_once() {
    for seed in 0..20 {
        let mut net = Net::pair(ROUGH, seed);
        for message in 0..100u32 {
            net.send(0, 1, message.to_be_bytes().repeat(20));
            net.run(Duration::from_micros(700));
        }
        let is_done = net.run_until(MINUTE, |net| net.nodes[0].events.len() >= 100);
        assert!(is_done, "seed {seed}");
        exactly_once(&net, 100, seed);
    }
}

#[test]
fn requests_are_answered_once_under_loss_duplication_and_reordering() {
    for seed in 0..100 {
        let mut net = Net::pair(ROUGH, seed);
        net.nodes[1].echoes = true;
        let tokens: Vec<_> = (0..100u32)
            .map(|call| net.request(0, 1, call.to_be_bytes().to_vec()))
            .collect();
        assert!(
            net.run_until(MINUTE, |net| net.nodes[0].events.len() >= 100),
            "seed {seed}"
        );
        assert_eq!(net.nodes[1].requests().len(), 100, "seed {seed}");
        for (call, token) in tokens.into_iter().enumerate() {
            let expected = Bytes::from(u32::try_from(call).unwrap().to_be_bytes().to_vec());
            assert_eq!(
                net.nodes[0].answered(token),
                Some(Ok(expected)),
                "seed {seed}"
            );
        }
    }
}

#[test]
fn pairs_128_exactly_once() {
    const PAIRS: usize = 128;
    const SENDS: usize = 100_000;
    for pair in 0..PAIRS {
        let sends = SENDS / PAIRS + usize::from(pair < SENDS % PAIRS);
        let seed = u64::try_from(pair).unwrap();
        let mut net = Net::pair(ROUGH, seed);
        for message in 0..sends {
            net.send(0, 1, (pair * SENDS + message).to_be_bytes().to_vec());
            if message % 10 == 9 {
                net.run(Duration::from_millis(1));
            }
        }
        let is_done = net.run_until(MINUTE, |net| net.nodes[0].events.len() >= sends);
        assert!(is_done, "seed {seed}");
        exactly_once(&net, sends, seed);
    }
}

fn arrives_intact(profile: Profile, len: usize, limit: Duration) -> Net {
    let mut net = Net::pair(profile, 7);
    net.nodes[1].echoes = true;
    let payload = pattern(len);
    let send = net.send(0, 1, payload.clone());
    let request = net.request(0, 1, payload.clone());
    assert!(
        net.run_until(limit, |net| net.nodes[0].events.len() >= 2),
        "{len} bytes do not arrive"
    );
    assert_eq!(net.nodes[0].sent(send), Some(Ok(())));
    assert!(net.nodes[1].handled() == [payload.clone()]);
    assert!(net.nodes[0].answered(request) == Some(Ok(payload)));
    net.run(Duration::from_secs(1));
    for node in &net.nodes {
        assert_eq!(node.core.stats().reassembly_bytes, 0);
        assert_eq!(node.core.stats().messages, 0);
        assert_eq!(node.core.poll_timeout(), None);
    }
    net
}

#[test]
fn large_messages() {
    let lossy = Profile {
        loss: 0.05,
        ..CLEAN
    };
    let net = arrives_intact(CLEAN, 1 << 20, Duration::from_secs(2));
    let pieces = 3 * (1 << 20) / 1_350;
    assert!(
        net.datagrams(0, 1) < pieces,
        "datagrams are filled: {}",
        net.datagrams(0, 1)
    );
    arrives_intact(CLEAN, 16 << 20, MINUTE);
    arrives_intact(lossy, 1 << 20, MINUTE);
    arrives_intact(ROUGH, 200_000, MINUTE);
}

#[test]
fn every_length_around_a_datagram_arrives() {
    let mut net = Net::pair(CLEAN, 1);
    for len in (0..3).chain(1_300..1_420).chain(2_700..2_760) {
        let token = net.send(0, 1, pattern(len));
        net.run_until(MINUTE, |net| net.nodes[0].sent(token).is_some());
        assert_eq!(net.nodes[0].sent(token), Some(Ok(())), "{len} bytes");
        assert_eq!(net.nodes[1].handled().last(), Some(&pattern(len)));
    }
}

#[test]
fn small_messages_overtake_a_large_one() {
    let mut net = Net::pair(CLEAN, 1);
    net.send(0, 1, pattern(16 << 20));
    net.run(Duration::from_millis(10));
    let small = net.send(0, 1, "small");
    net.run(Duration::from_millis(10));
    assert_eq!(net.nodes[0].sent(small), Some(Ok(())));
    assert_eq!(
        net.nodes[0].events.len(),
        1,
        "the large one is still under way"
    );
}

/// Counted in both directions, acks included.
#[test]
fn overhead_of_retransmission_is_bounded() {
    for len in [40, 400, 1_000, 20_000] {
        for call in [Net::send, Net::request] {
            let overhead = overhead_at_30_percent(len, call);
            assert!(
                overhead <= 1.8,
                "{overhead} times the datagrams for {len} bytes at 30 % loss"
            );
        }
    }
}

type Call = fn(&mut Net, usize, usize, Vec<u8>) -> hobnob_messaging::Token;

fn overhead_at_30_percent(len: usize, call: Call) -> f64 {
    const SEEDS: u32 = 10;
    let lossy = Profile { loss: 0.3, ..CLEAN };
    let datagrams = |profile, seed| {
        let mut net = Net::pair(profile, seed);
        net.nodes[1].echoes = true;
        for message in 0..1_000u32 {
            call(&mut net, 0, 1, message.to_be_bytes().repeat(len / 4));
        }
        assert!(net.run_until(10 * MINUTE, |net| net.nodes[0].events.len() >= 1_000));
        net.datagrams(0, 1) + net.datagrams(1, 0)
    };
    let total: u64 = (0..SEEDS).map(|seed| datagrams(lossy, seed.into())).sum();
    #[allow(clippy::cast_precision_loss, reason = "there are not that many")]
    let (total, lossless) = (total as f64, datagrams(CLEAN, 0) as f64);
    total / f64::from(SEEDS) / lossless
}

#[test]
fn duplicate_request_is_answered_not_rerun() {
    let mut net = Net::pair(CLEAN, 1);
    net.nodes[1].echoes = true;
    net.cut(1, 0, true);
    let token = net.request(0, 1, "hello");
    net.run(Duration::from_millis(500));
    assert_eq!(net.nodes[1].requests().len(), 1);
    assert!(
        net.nodes[1].core.stats().duplicates > 0,
        "the request was retransmitted"
    );
    net.cut(1, 0, false);
    net.run(Duration::from_secs(3));
    assert_eq!(net.nodes[0].answered(token), Some(Ok(Bytes::from("hello"))));
    assert_eq!(net.nodes[1].requests().len(), 1);
}

#[test]
fn a_message_given_up_half_sent_leaves_nothing_behind() {
    let mut net = Net::pair(CLEAN, 1);
    let (_, call) = net.send_as(0, 1, KNOWN, pattern(16 << 20));
    net.run(Duration::from_millis(10));
    assert!(net.nodes[1].core.stats().reassembly_bytes > 0);
    net.nodes[0].core.cancel(net.now, call);
    net.run(Duration::from_millis(100));
    assert_eq!(net.nodes[1].core.stats().reassembly_bytes, 0);
    assert!(net.nodes[1].handled().is_empty());
}

#[test]
fn pieces_that_stop_coming_are_forgotten() {
    let mut net = Net::pair(CLEAN, 1);
    net.send(0, 1, pattern(16 << 20));
    net.run(Duration::from_millis(10));
    net.cut(0, 1, true);
    net.run(Duration::from_secs(50));
    assert!(net.nodes[1].core.stats().reassembly_bytes > 0);
    net.run(Duration::from_secs(50));
    assert_eq!(net.nodes[1].core.stats().reassembly_bytes, 0);
    net.cut(0, 1, false);
    net.run(Duration::from_secs(10));
    assert_eq!(net.nodes[0].events.len(), 1);
    assert!(matches!(
        net.nodes[0].events[0].1,
        Event::Sent {
            result: Err(Failure::Overloaded),
            ..
        }
    ));
    assert!(net.nodes[1].handled().is_empty());
}

#[test]
fn a_message_larger_than_the_peer_accepts_is_too_large() {
    let mut net = Net::pair(CLEAN, 1);
    net.nodes[1].core = strict();
    net.connect(
        0,
        1,
        hobnob_messaging::SessionChange::First,
        hobnob_messaging::SessionChange::First,
    );
    let large = net.send(0, 1, pattern(100_000));
    let medium = net.send(0, 1, pattern(1_000));
    let small = net.send(0, 1, pattern(500));
    net.run(Duration::from_secs(5));
    assert_eq!(net.nodes[0].sent(large), Some(Err(Failure::TooLarge)));
    assert_eq!(net.nodes[0].sent(medium), Some(Err(Failure::TooLarge)));
    assert_eq!(net.nodes[0].sent(small), Some(Ok(())));
}

#[test]
fn an_answer_larger_than_the_caller_accepts_is_too_large() {
    let mut net = Net::pair(CLEAN, 1);
    net.nodes[0].core = strict();
    net.connect(
        0,
        1,
        hobnob_messaging::SessionChange::First,
        hobnob_messaging::SessionChange::First,
    );
    let tokens: Vec<_> = (0..2).map(|_| net.request(0, 1, "give me much")).collect();
    net.run_until(MINUTE, |net| net.nodes[1].requests().len() == 2);
    for ((key, _), len) in net.nodes[1].requests().into_iter().zip([1_000, 100_000]) {
        let payload = pattern(len);
        net.nodes[1]
            .core
            .respond(net.now, key, hobnob_wire::ResponseStatus::Ok, payload)
            .unwrap();
    }
    net.run(Duration::from_secs(5));
    for token in tokens {
        let answered = net.nodes[0].answered(token);
        assert_eq!(answered, Some(Err(Failure::AnswerTooLarge)));
    }
    assert_eq!(net.nodes[1].core.stats().messages, 0);
}

fn strict() -> hobnob_messaging::Messaging {
    let config = Config {
        message_bytes_max: 500,
        ..Config::default()
    };
    let mut core = hobnob_messaging::Messaging::new(config, hobnob_wire::Instant::ZERO).unwrap();
    core.register(KNOWN);
    core
}

#[test]
fn same_seed_same_trace() {
    let run = |seed| {
        let mut net = Net::pair(ROUGH, seed);
        net.is_traced = true;
        net.nodes[1].echoes = true;
        for message in 0..200u32 {
            net.send(0, 1, message.to_be_bytes().to_vec());
            net.request(0, 1, message.to_be_bytes().to_vec());
            net.send(1, 0, pattern(5_000));
            net.run(Duration::from_micros(500));
        }
        net.run(MINUTE);
        assert_eq!(net.nodes[0].core.in_flight(peer(1)), 0);
        net.trace()
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4), "the trace tells runs apart");
}
