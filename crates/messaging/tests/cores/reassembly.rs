//! Memory for messages that come in pieces: never above its limits, and whoever loses his part is told.

use std::time::Duration;

use hobnob_messaging::{Config, Event, Failure};

use crate::harness::{CLEAN, Net, Profile, ROUGH, pattern, peer};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// Room for two and a half messages of a peer, and of the node.
fn tight() -> Config {
    Config {
        message_bytes_max: 100_000,
        reassembly_bytes_peer: 250_000,
        reassembly_bytes_node: 250_000,
        ..Config::default()
    }
}

fn reserved(net: &Net, node: usize) -> usize {
    net.nodes[node].core.stats().reassembly_bytes
}

fn count(net: &Net, node: usize, wanted: &Result<(), Failure>) -> usize {
    let sent = net.nodes[node].events.iter();
    sent.filter(|(_, event)| matches!(event, Event::Sent { result, .. } if result == wanted))
        .count()
}

/// Lets a message come in part, then cuts the way it comes.
fn half_sent(net: &mut Net, from: usize, to: usize) {
    let before = net.nodes[to].core.stats().reassembly_bytes;
    assert!(net.run_until(SECOND, |net| reserved(net, to) > before));
    net.cut(from, to, true);
}

#[test]
fn the_limit_of_a_peer_is_never_exceeded_and_every_caller_is_told() {
    let config = Config {
        message_bytes_max: 20_000,
        reassembly_bytes_peer: 52_000,
        ..tight()
    };
    let (mut all_done, mut all_dropped) = (0, 0);
    for seed in 0..10 {
        let mut net = Net::pair_with(&config, ROUGH, seed);
        let tokens: Vec<_> = (0..20).map(|_| net.send(0, 1, pattern(20_000))).collect();
        let mut most = 0;
        let is_done = net.run_until(600 * SECOND, |net| {
            most = most.max(reserved(net, 1));
            net.nodes[0].events.len() == 20
        });
        assert!(is_done, "seed {seed}");
        assert!(most <= 52_000, "seed {seed}: {most}");
        let dropped = count(&net, 0, &Err(Failure::Overloaded));
        assert_eq!(count(&net, 0, &Ok(())) + dropped, 20, "seed {seed}");
        assert_eq!(
            usize::try_from(net.nodes[1].core.stats().reassemblies_dropped),
            Ok(dropped),
            "seed {seed}"
        );
        assert_eq!(net.nodes[1].handled().len(), 20 - dropped, "seed {seed}");
        assert_eq!(net.nodes[0].sent(tokens[19]), Some(Ok(())), "the newest");
        assert_eq!(reserved(&net, 1), 0);
        all_done += 20 - dropped;
        all_dropped += dropped;
    }
    assert!(
        all_dropped > 0 && all_done > 100,
        "{all_done} {all_dropped}"
    );
}

#[test]
fn a_newer_message_of_another_peer_gets_the_room_of_the_oldest() {
    let mut net = Net::star(3, &tight(), CLEAN, 1);
    let oldest = net.send(1, 0, pattern(100_000));
    half_sent(&mut net, 1, 0);
    let middle = net.send(2, 0, pattern(90_000));
    half_sent(&mut net, 2, 0);
    let seen = net.nodes[1].events.len();
    let started = net.now;
    let newest = net.send(3, 0, pattern(80_000));
    let is_told = net.run_until(SECOND, |net| {
        assert!(reserved(net, 0) <= 250_000);
        net.nodes[1].events.len() > seen
    });
    assert!(is_told);
    assert_eq!(
        net.nodes[1].sent(oldest),
        Some(Err(Failure::Overloaded)),
        "although nothing of it gets through any more that could be refused"
    );
    let took = net.now.saturating_since(started);
    assert!(took < 3 * MS, "one way there and one back: {took:?}");
    assert!(net.run_until(SECOND, |net| !net.nodes[3].events.is_empty()));
    assert_eq!(net.nodes[3].sent(newest), Some(Ok(())));
    net.cut(1, 0, false);
    net.cut(2, 0, false);
    assert!(net.run_until(10 * SECOND, |net| !net.nodes[2].events.is_empty()));
    assert_eq!(net.nodes[2].sent(middle), Some(Ok(())));
    assert_eq!(net.nodes[0].core.stats().reassemblies_dropped, 1);
    assert_eq!(reserved(&net, 0), 0);
}

/// Two senders want memory for their messages that only one can have.
#[test]
fn senders_that_take_each_others_room_are_told_each_time() {
    let config = Config {
        reassembly_bytes_peer: 132_000,
        reassembly_bytes_node: 132_000,
        ..tight()
    };
    for seed in 0..10 {
        let mut net = Net::star(2, &config, Profile { loss: 0.1, ..CLEAN }, seed);
        let mut next = [Some(net.now); 2];
        let (mut done, mut refused) = ([0; 2], 0);
        while done != [5, 5] {
            assert!(
                net.now.as_nanos() < 600_000_000_000,
                "seed {seed}: {done:?}"
            );
            net.run(MS);
            assert!(reserved(&net, 0) <= 132_000, "seed {seed}");
            for sender in [1, 2] {
                // A caller that was refused waits a little, each its own time.
                let pause = u32::try_from(sender).unwrap() * 70 * MS;
                for (_, event) in std::mem::take(&mut net.nodes[sender].events) {
                    let is_done = matches!(event, Event::Sent { result: Ok(()), .. });
                    done[sender - 1] += u32::from(is_done);
                    refused += u64::from(!is_done);
                    next[sender - 1] = Some(net.now + pause);
                }
                if done[sender - 1] < 5 && next[sender - 1].is_some_and(|next| next <= net.now) {
                    next[sender - 1] = None;
                    net.send(sender, 0, pattern(100_000));
                }
            }
        }
        let dropped = net.nodes[0].core.stats().reassemblies_dropped;
        assert_eq!(
            dropped, refused,
            "seed {seed}: whoever loses his room is told"
        );
    }
}

/// Two more peers want room at node 0 that only the oldest message has.
fn crowd_out(net: &mut Net) {
    net.send(2, 0, pattern(90_000));
    half_sent(net, 2, 0);
    let newest = net.send(3, 0, pattern(99_000));
    assert!(net.run_until(SECOND, |net| !net.nodes[3].events.is_empty()));
    assert_eq!(net.nodes[3].sent(newest), Some(Ok(())));
    net.run(5 * MS);
    assert_eq!(net.nodes[0].core.stats().reassemblies_dropped, 1);
}

#[test]
fn a_request_that_is_dropped_was_not_handled() {
    let mut net = Net::star(3, &tight(), CLEAN, 1);
    let token = net.request(1, 0, pattern(90_000));
    half_sent(&mut net, 1, 0);
    crowd_out(&mut net);
    assert_eq!(net.nodes[1].answered(token), Some(Err(Failure::Overloaded)));
    assert!(net.nodes[0].requests().is_empty());
}

#[test]
fn a_call_whose_answer_is_dropped_ends_at_once() {
    let mut net = Net::star(3, &tight(), CLEAN, 1);
    net.nodes[1].echoes = true;
    let token = net.request(0, 1, pattern(90_000));
    half_sent(&mut net, 1, 0);
    crowd_out(&mut net);
    assert_eq!(
        net.nodes[0].answered(token),
        Some(Err(Failure::AnswerDropped))
    );
    assert_eq!(net.nodes[1].core.stats().messages, 0, "it is not sent on");
}

#[test]
fn the_sender_of_a_message_that_stalls_is_told_when_it_is_forgotten() {
    let mut net = Net::pair(CLEAN, 1);
    let token = net.send(0, 1, pattern(300_000));
    half_sent(&mut net, 0, 1);
    net.run(50 * SECOND);
    assert_eq!(net.nodes[0].sent(token), None);
    net.run(15 * SECOND);
    assert_eq!(net.nodes[0].sent(token), Some(Err(Failure::Overloaded)));
    assert_eq!(net.nodes[1].core.stats().reassemblies_dropped, 1);
    assert_eq!(net.nodes[1].core.in_flight(peer(0)), 0);
}
