//! Sessions come and go under the calls.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use hobnob_messaging::{Event, Failure, PacketError, RespondError, SessionChange, Token};
use hobnob_wire::{Instant, PacketNumber, ResponseStatus};

use crate::harness::{CLEAN, KNOWN, Net, ROUGH, call, pattern, peer};

use SessionChange::{First, NewGeneration, SameGeneration};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn messages_wait_for_a_session() {
    let mut net = Net::new(2, &Default::default(), CLEAN, 1);
    let token = net.send(0, 1, "hello");
    net.nodes[0]
        .core
        .unreliable(net.now, peer(1), KNOWN, Bytes::from("maybe"))
        .unwrap();
    net.run(SECOND);
    assert_eq!(net.datagrams(0, 1), 0);
    assert!(net.nodes[0].core.is_waiting(peer(1)));
    net.connect(0, 1, First, First);
    net.run(SECOND);
    assert_eq!(net.nodes[0].sent(token), Some(Ok(())));
    assert_eq!(net.nodes[1].events.len(), 2);
    assert!(!net.nodes[0].core.is_waiting(peer(1)));
}

#[test]
fn deadlines_go_on_without_a_session() {
    let mut net = Net::pair(CLEAN, 1);
    net.nodes[0].core.session_lost(net.now, peer(1));
    let (token, _) = net.request_as(0, 1, KNOWN, Bytes::from("hello"), SECOND);
    net.run(2 * SECOND);
    assert_eq!(net.nodes[0].answered(token), Some(Err(Failure::Timeout)));
    assert_eq!(net.datagrams(0, 1), 0);
}

#[test]
fn restart_ends_in_flight_with_peer_restarted() {
    let mut net = Net::pair(CLEAN, 1);
    net.cut(0, 1, true);
    let in_flight = net.send(0, 1, "in flight");
    let large = net.send(0, 1, pattern(1 << 20));
    let queued: Vec<_> = (0..100).map(|_| net.send(0, 1, pattern(1_300))).collect();
    let request = net.request(0, 1, "request");
    net.run(Duration::from_millis(10));
    net.nodes[0].core.session_lost(net.now, peer(1));
    let unbound = net.send(0, 1, "for whoever is there");
    net.run(Duration::from_millis(10));
    assert!(net.nodes[0].events.is_empty(), "it may be the same process");
    net.cut(0, 1, false);
    net.restart(1);
    net.connect(0, 1, NewGeneration, First);
    net.run(SECOND);
    for token in queued.into_iter().chain([in_flight, large]) {
        assert_eq!(net.nodes[0].sent(token), Some(Err(Failure::PeerRestarted)));
    }
    assert_eq!(
        net.nodes[0].answered(request),
        Some(Err(Failure::PeerRestarted))
    );
    assert_eq!(net.nodes[0].sent(unbound), Some(Ok(())));
    assert_eq!(net.nodes[1].handled(), ["for whoever is there"]);
}

#[test]
fn a_request_that_was_taken_ends_with_the_process_that_took_it() {
    let mut net = Net::pair(CLEAN, 1);
    let request = net.request(0, 1, "request");
    net.run(SECOND);
    assert_eq!(net.nodes[1].requests().len(), 1);
    net.restart(1);
    net.connect(0, 1, NewGeneration, First);
    net.run(SECOND);
    assert_eq!(
        net.nodes[0].answered(request),
        Some(Err(Failure::PeerRestarted))
    );
    assert!(net.nodes[1].requests().is_empty());
}

#[test]
fn a_lost_session_leaves_the_outcome_open() {
    let mut net = Net::pair(CLEAN, 1);
    net.cut(1, 0, true);
    let transmitted = net.send(0, 1, "transmitted");
    net.run(Duration::from_millis(10));
    let large: Vec<_> = (0..100).map(|_| net.send(0, 1, pattern(1_300))).collect();
    net.run(Duration::from_millis(10));
    net.cut(1, 0, false);
    net.connect(0, 1, SameGeneration, SameGeneration);
    net.run(SECOND);
    assert_eq!(
        net.nodes[0].sent(transmitted),
        Some(Err(Failure::SessionLost))
    );
    let results: Vec<_> = large
        .into_iter()
        .map(|token| net.nodes[0].sent(token).unwrap())
        .collect();
    let lost = results
        .iter()
        .filter(|result| **result == Err(Failure::SessionLost))
        .count();
    assert!(
        (10..90).contains(&lost),
        "{lost} were transmitted, the others were not and went on"
    );
    let went_on = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(lost + went_on, 100);
    assert_eq!(
        net.nodes[1].handled().len(),
        101,
        "all were handled, whatever became of the acks"
    );
}

#[test]
fn same_generation_reset_never_handles_twice() {
    for seed in 0..50 {
        let mut net = Net::pair(ROUGH, seed);
        let mut tokens = BTreeMap::new();
        for round in 0..20u32 {
            for message in 0..30u32 {
                let payload = Bytes::from((round * 30 + message).to_be_bytes().to_vec());
                tokens.insert(net.send(0, 1, payload.clone()), payload);
            }
            net.run(Duration::from_millis(u64::from(round % 5) * 3));
            if round % 3 == 0 {
                net.nodes[0].core.session_lost(net.now, peer(1));
            }
            net.connect(0, 1, SameGeneration, SameGeneration);
        }
        net.run(60 * SECOND);
        let handled = net.nodes[1].handled();
        let distinct: BTreeSet<_> = handled.iter().cloned().collect();
        assert_eq!(
            handled.len(),
            distinct.len(),
            "seed {seed}: none is handled twice"
        );
        for (token, payload) in tokens {
            match net.nodes[0].sent(token) {
                Some(Ok(())) => assert!(distinct.contains(&payload), "seed {seed}: Ok means taken"),
                Some(Err(failure)) => assert_eq!(failure, Failure::SessionLost, "seed {seed}"),
                None => panic!("seed {seed}: every call ends"),
            }
        }
    }
}

#[test]
fn peer_down_ends_calls_at_once() {
    let mut net = Net::pair(CLEAN, 1);
    let taken = net.request(0, 1, "taken");
    net.run(SECOND);
    net.cut(0, 1, true);
    let in_flight = net.send(0, 1, "in flight");
    let queued: Vec<_> = (0..100).map(|_| net.send(0, 1, pattern(10_000))).collect();
    net.settle();
    let now = net.now;
    net.nodes[0].core.peer_down(now, peer(1));
    net.settle();
    assert_eq!(net.nodes[0].answered(taken), Some(Err(Failure::PeerDown)));
    for token in queued.into_iter().chain([in_flight]) {
        assert_eq!(net.nodes[0].sent(token), Some(Err(Failure::PeerDown)));
    }
    assert!(net.nodes[0].events.iter().all(|(at, _)| *at == now));
    assert_eq!(net.nodes[0].core.stats().messages, 0);
    assert_eq!(net.nodes[0].core.poll_timeout(), None);
    let later = net.send(0, 1, "later");
    net.run(SECOND);
    assert_eq!(net.nodes[0].sent(later), None, "it waits for a session");
}

#[test]
fn requests_of_a_lost_session_are_cancelled() {
    let mut net = Net::pair(CLEAN, 1);
    net.request(0, 1, "hello");
    net.request(0, 1, "answered, but not acknowledged");
    net.run_until(SECOND, |net| net.nodes[1].requests().len() == 2);
    let keys = net.nodes[1].requests();
    net.cut(1, 0, true);
    net.respond(1, keys[1].0, ResponseStatus::Ok, "answer");
    net.run(Duration::from_millis(10));
    net.nodes[1].core.session_lost(net.now, peer(0));
    net.settle();
    let cancelled = net.nodes[1]
        .events
        .iter()
        .filter(|(_, event)| matches!(event, Event::Cancelled { .. }));
    assert_eq!(cancelled.count(), 1, "only the open one");
    assert_eq!(net.nodes[1].core.stats().incoming, 0);
    assert_eq!(
        net.nodes[1].core.stats().messages,
        0,
        "the answer went with its session"
    );
    let late = net.nodes[1]
        .core
        .respond(net.now, keys[0].0, ResponseStatus::Ok, Bytes::new());
    assert_eq!(late, Err(RespondError::Gone));
}

#[test]
fn stale_handles_find_nothing() {
    let mut net = Net::pair(CLEAN, 1);
    let request = net.request(0, 1, "hello");
    net.run(SECOND);
    let (key, _) = net.nodes[1].requests()[0];
    let core = &mut net.nodes[1].core;
    core.forget(net.now, peer(0));
    core.forget(net.now, peer(0));
    assert_eq!(
        core.respond(net.now, key, ResponseStatus::Ok, Bytes::new()),
        Err(RespondError::Gone)
    );
    let packet = PacketNumber::from(9u32);
    assert_eq!(
        core.handle_packet(net.now, peer(0), packet, &Bytes::new()),
        Err(PacketError::NoSession)
    );
    core.session_lost(net.now, peer(0));
    core.ping(net.now, peer(0));
    assert_eq!(core.poll_ready(net.now), None);
    assert_eq!(core.rtt(peer(0)), None);
    net.nodes[0].core.forget(net.now, peer(1));
    net.settle();
    assert_eq!(net.nodes[0].answered(request), Some(Err(Failure::PeerDown)));
}

#[test]
fn a_new_tenant_of_a_slot_inherits_nothing() {
    let mut net = Net::pair(CLEAN, 1);
    let first = net.send(0, 1, "hello");
    let mut next = peer(1);
    next.epoch = 1;
    let core = &mut net.nodes[0].core;
    let other = call("other", Instant::ZERO + SECOND, Token(99));
    core.send(net.now, next, other).unwrap();
    assert!(core.is_waiting(next));
    assert!(!core.is_waiting(peer(1)));
    assert_eq!(core.poll_ready(net.now), None, "the new one has no session");
    net.settle();
    assert_eq!(net.nodes[0].sent(first), Some(Err(Failure::PeerDown)));
    net.run(2 * SECOND);
    assert_eq!(net.nodes[0].sent(Token(99)), Some(Err(Failure::Timeout)));
}

#[test]
fn packet_numbers_start_again_with_every_session() {
    let mut net = Net::pair(CLEAN, 1);
    net.nodes[1].echoes = true;
    for round in 0..5 {
        for _ in 0..10 {
            let token = net.request(0, 1, "hello");
            net.run(Duration::from_millis(5));
            assert_eq!(
                net.nodes[0].answered(token),
                Some(Ok(Bytes::from("hello"))),
                "round {round}"
            );
        }
        net.connect(0, 1, SameGeneration, SameGeneration);
    }
    assert_eq!(net.nodes[0].core.stats().retransmissions, 0);
}
