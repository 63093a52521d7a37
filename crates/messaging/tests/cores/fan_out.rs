//! One message to many peers.

use std::{num::NonZeroUsize, time::Duration};

use bytes::Bytes;
use hobnob_messaging::{Call, Config, Event, Failure, FanOutKey, SendError, SessionChange, Token};
use hobnob_wire::{Instant, Peer};

use crate::harness::{CLEAN, Net, ROUGH, UNKNOWN, call, pattern, peer};

const SECOND: Duration = Duration::from_secs(1);

type Report = Vec<(Peer, Result<(), Failure>)>;

fn fan_out(net: &mut Net, to: &[usize], payload: Bytes, limit: usize) -> (Token, FanOutKey) {
    let token = net.token();
    let peers: Vec<_> = to.iter().map(|node| peer(*node)).collect();
    let limit = NonZeroUsize::new(limit).unwrap();
    let call = call(payload, net.now + 10 * SECOND, token);
    let key = net.nodes[0].core.fan_out(net.now, &peers, limit, call);
    (token, key.unwrap())
}

fn report(net: &Net, token: Token) -> Option<(Instant, Report)> {
    net.nodes[0]
        .events
        .iter()
        .find_map(|(at, event)| match event {
            Event::FannedOut {
                token: ended,
                report,
            } if *ended == token => Some((*at, report.clone())),
            _ => None,
        })
}

#[test]
fn fan_out_never_exceeds_limit() {
    for (limit, profile) in [(1, CLEAN), (3, CLEAN), (7, ROUGH), (100, ROUGH)] {
        let mut net = Net::star(40, &Config::default(), profile, 5);
        let to: Vec<_> = (1..=40).collect();
        let (token, _) = fan_out(&mut net, &to, Bytes::from("hello"), limit);
        let mut most = 0;
        let is_done = net.run_until(10 * SECOND, |net| {
            most = most.max(net.nodes[0].core.stats().messages);
            report(net, token).is_some()
        });
        assert!(is_done);
        assert_eq!(most, limit.min(40), "as many as allowed, and no more");
        for node in &net.nodes[1..] {
            assert_eq!(node.handled(), ["hello"]);
        }
    }
}

#[test]
fn fan_out_dead_peer_does_not_delay_others() {
    let mut net = Net::star(20, &Config::default(), CLEAN, 5);
    net.cut(0, 3, true);
    let to: Vec<_> = (1..=20).collect();
    let (token, _) = fan_out(&mut net, &to, Bytes::from("hello"), 2);
    net.run(10 * SECOND + Duration::from_millis(1));
    let last = (1..=20)
        .filter(|node| *node != 3)
        .map(|node| net.nodes[node].events[0].0)
        .max()
        .unwrap();
    assert!(
        last < Instant::ZERO + Duration::from_millis(100),
        "{last}: all but one were served by one slot"
    );
    let (_, report) = report(&net, token).expect("the deadline has passed");
    for (place, (_, result)) in report.into_iter().enumerate() {
        let expected = if place + 1 == 3 {
            Err(Failure::Timeout)
        } else {
            Ok(())
        };
        assert_eq!(result, expected);
    }
}

#[test]
fn fan_out_report_is_exact() {
    let mut net = Net::star(6, &Config::default(), CLEAN, 5);
    net.cut(0, 2, true);
    net.cut(0, 4, true);
    net.nodes[5].core = hobnob_messaging::Messaging::new(Config::default(), net.now).unwrap();
    net.connect(0, 5, SessionChange::First, SessionChange::First);
    let (token, _) = fan_out(&mut net, &[6, 5, 4, 3, 2, 1, 6], Bytes::from("hello"), 3);
    net.run(SECOND);
    assert_eq!(report(&net, token), None, "one peer has not answered");
    net.nodes[0].core.peer_down(net.now, peer(2));
    net.run(10 * SECOND);
    let (_, report) = report(&net, token).unwrap();
    let expected = [
        (peer(6), Ok(())),
        (peer(5), Err(Failure::NoHandler)),
        (peer(4), Err(Failure::Timeout)),
        (peer(3), Ok(())),
        (peer(2), Err(Failure::PeerDown)),
        (peer(1), Ok(())),
        (peer(6), Ok(())),
    ];
    assert_eq!(report, expected);
    assert_eq!(
        net.nodes[6].handled().len(),
        2,
        "a peer that is named twice gets it twice"
    );
}

#[test]
fn fan_out_to_nobody_ends_at_once() {
    let mut net = Net::star(1, &Config::default(), CLEAN, 5);
    let (token, _) = fan_out(&mut net, &[], Bytes::from("hello"), 3);
    net.settle();
    assert_eq!(report(&net, token), Some((Instant::ZERO, Vec::new())));
}

#[test]
fn fan_out_of_a_large_message() {
    let mut net = Net::star(5, &Config::default(), ROUGH, 5);
    let (token, _) = fan_out(&mut net, &[1, 2, 3, 4, 5], pattern(100_000), 2);
    net.run_until(10 * SECOND, |net| report(net, token).is_some());
    assert!(
        report(&net, token)
            .unwrap()
            .1
            .iter()
            .all(|(_, result)| result.is_ok())
    );
    for node in &net.nodes[1..] {
        assert!(node.handled() == [pattern(100_000)]);
    }
}

#[test]
fn fan_out_waits_for_room_and_lets_others_pass() {
    let config = Config {
        queue_messages_peer: 2,
        ..Config::default()
    };
    let mut net = Net::star(3, &config, CLEAN, 5);
    net.cut(0, 1, true);
    net.send(0, 1, "first");
    net.send(0, 1, "second");
    let (token, _) = fan_out(&mut net, &[1, 1, 2, 3], Bytes::from("hello"), 1);
    net.run(Duration::from_millis(100));
    assert_eq!(
        (net.nodes[2].handled().len(), net.nodes[3].handled().len()),
        (1, 1)
    );
    assert_eq!(report(&net, token), None);
    net.cut(0, 1, false);
    net.run(5 * SECOND);
    assert!(
        report(&net, token)
            .unwrap()
            .1
            .iter()
            .all(|(_, result)| result.is_ok())
    );
    assert_eq!(
        net.nodes[1].handled(),
        ["first", "second", "hello", "hello"]
    );
}

#[test]
fn fan_out_gets_the_room_of_a_request_that_arrived() {
    let config = Config {
        queue_bytes_peer: 1_000,
        message_bytes_max: 1_000,
        ..Config::default()
    };
    let mut net = Net::star(1, &config, CLEAN, 5);
    net.request(0, 1, pattern(1_000));
    let (token, _) = fan_out(&mut net, &[1], pattern(1_000), 1);
    net.run(SECOND);
    assert_eq!(net.nodes[1].requests().len(), 1, "it is not answered");
    let (_, report) = report(&net, token).expect("its turn came");
    assert_eq!(report, [(peer(1), Ok(()))]);
}

#[test]
fn fan_outs_that_are_over_wait_for_no_room() {
    let config = Config {
        queue_messages_peer: 1,
        ..Config::default()
    };
    let mut net = Net::star(2, &config, CLEAN, 5);
    net.cut(0, 1, true);
    net.send(0, 1, "first");
    let waiting = |net: &Net| net.nodes[0].core.load(peer(1)).unwrap().blocked;
    for _ in 0..100 {
        let (_, key) = fan_out(&mut net, &[1, 1, 2], Bytes::from("hello"), 2);
        net.run(SECOND / 10);
        assert_eq!(waiting(&net), 2);
        net.nodes[0].core.cancel_fan_out(net.now, key);
        assert_eq!(waiting(&net), 0);
    }
    let (token, _) = fan_out(&mut net, &[1, 1, 2], Bytes::from("hello"), 2);
    net.run(20 * SECOND);
    assert!(report(&net, token).is_some(), "its deadline passed");
    assert_eq!(waiting(&net), 0);
    fan_out(&mut net, &[1, 1, 2], Bytes::from("hello"), 2);
    net.nodes[0].core.process_replaced(net.now, peer(1));
    assert_eq!(waiting(&net), 0);
}

#[test]
fn fan_out_that_waits_for_room_learns_that_the_peer_is_down() {
    let config = Config {
        queue_messages_peer: 1,
        ..Config::default()
    };
    let mut net = Net::star(1, &config, CLEAN, 5);
    net.cut(0, 1, true);
    net.send(0, 1, "first");
    let (token, _) = fan_out(&mut net, &[1, 1], Bytes::from("hello"), 2);
    net.settle();
    net.nodes[0].core.peer_down(net.now, peer(1));
    net.settle();
    let down = (peer(1), Err(Failure::PeerDown));
    assert_eq!(report(&net, token).unwrap().1, [down.clone(), down]);
}

#[test]
fn cancelled_fan_out_says_nothing() {
    let mut net = Net::star(10, &Config::default(), CLEAN, 5);
    let to: Vec<_> = (1..=10).collect();
    let (_, key) = fan_out(&mut net, &to, Bytes::from("hello"), 2);
    net.settle();
    net.nodes[0].core.cancel_fan_out(net.now, key);
    net.nodes[0].core.cancel_fan_out(net.now, key);
    net.run(60 * SECOND);
    assert!(net.nodes[0].events.is_empty());
    assert_eq!(net.nodes[0].core.stats().messages, 0);
    assert_eq!(net.nodes[0].core.poll_timeout(), None);
    let reached = net.nodes[1..]
        .iter()
        .filter(|node| !node.handled().is_empty())
        .count();
    assert_eq!(reached, 2, "only what was in flight");
}

#[test]
fn fan_out_is_refused_before_it_begins() {
    let mut net = Net::star(1, &Config::default(), CLEAN, 5);
    let one = NonZeroUsize::MIN;
    let core = &mut net.nodes[0].core;
    let late = Call {
        command: UNKNOWN,
        ..call("", net.now, Token(1))
    };
    let late = core.fan_out(net.now, &[peer(1)], one, late);
    assert_eq!(late, Err(SendError::DeadlinePassed));
    let many = vec![peer(1); hobnob_messaging::limits::FAN_OUT_DELIVERIES_MAX + 1];
    let soon = call("", net.now + SECOND, Token(1));
    let full = core.fan_out(net.now, &many, one, soon);
    assert_eq!(
        full,
        Err(SendError::QueueFull {
            messages: 0,
            bytes: 0
        })
    );
}

#[test]
fn fan_out_never_begins_with_a_peer_that_is_gone() {
    let mut net = Net::star(5, &Config::default(), CLEAN, 5);
    for node in [1, 2, 3] {
        net.cut(0, node, true);
    }
    let (token, _) = fan_out(&mut net, &[1, 2, 3, 4, 5], Bytes::from("hello"), 2);
    net.run(SECOND);
    // The third has no turn yet. When it comes, there is nobody to end it any more.
    for node in [3, 1, 2] {
        net.nodes[0].core.peer_down(net.now, peer(node));
        net.run(SECOND);
    }
    let (_, report) = report(&net, token).expect("nobody is waited for");
    let gone = |node| (peer(node), Err(Failure::PeerDown));
    assert_eq!(
        report,
        [
            gone(1),
            gone(2),
            gone(3),
            (peer(4), Ok(())),
            (peer(5), Ok(()))
        ]
    );
}

#[test]
fn fan_out_never_begins_with_the_successor_of_a_process() {
    let mut net = Net::star(2, &Config::default(), CLEAN, 5);
    net.cut(0, 1, true);
    let (token, _) = fan_out(&mut net, &[1, 2], Bytes::from("hello"), 1);
    net.run(SECOND);
    net.restart(2);
    net.connect(0, 2, SessionChange::NewGeneration, SessionChange::First);
    net.cut(0, 1, false);
    net.run(5 * SECOND);
    let (_, report) = report(&net, token).expect("both have ended");
    let expected = [(peer(1), Ok(())), (peer(2), Err(Failure::PeerRestarted))];
    assert_eq!(report, expected);
    assert!(net.nodes[2].handled().is_empty());
}

#[test]
fn a_delivery_that_begins_between_two_sessions_is_still_for_the_first_process() {
    let mut net = Net::star(2, &Config::default(), CLEAN, 5);
    net.cut(0, 1, true);
    let (token, _) = fan_out(&mut net, &[1, 2], Bytes::from("hello"), 1);
    net.run(SECOND);
    net.nodes[0].core.session_lost(net.now, peer(2));
    net.nodes[0].core.peer_down(net.now, peer(1));
    net.run(SECOND);
    net.restart(2);
    net.connect(0, 2, SessionChange::NewGeneration, SessionChange::First);
    net.run(SECOND);
    let (_, report) = report(&net, token).expect("both are over");
    let expected = [
        (peer(1), Err(Failure::PeerDown)),
        (peer(2), Err(Failure::PeerRestarted)),
    ];
    assert_eq!(report, expected);
    assert_eq!(net.nodes[2].handled(), [""; 0]);
}
