//! What a caller is told.

use std::time::Duration;

use bytes::Bytes;
use hobnob_messaging::{Config, Event, Failure, RespondError, SendError, Token};
use hobnob_wire::{Instant, ResponseStatus};

use crate::harness::{CLEAN, KNOWN, Net, ROUGH, UNKNOWN, call, peer};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn request_response() {
    let mut net = Net::pair(CLEAN, 1);
    net.nodes[1].echoes = true;
    let token = net.request(0, 1, "hello");
    net.run(SECOND);
    assert_eq!(net.nodes[0].answered(token), Some(Ok(Bytes::from("hello"))));
    assert_eq!(net.nodes[1].requests().len(), 1);
}

#[test]
fn one_way() {
    let mut net = Net::pair(CLEAN, 1);
    let token = net.send(0, 1, "hello");
    net.run(SECOND);
    assert_eq!(net.nodes[0].sent(token), Some(Ok(())));
    assert_eq!(net.nodes[1].handled(), ["hello"]);
    assert_eq!(
        net.nodes[1].core.stats().incoming,
        0,
        "its place was given back"
    );
}

#[test]
fn unreliable() {
    let mut net = Net::pair(CLEAN, 1);
    let core = &mut net.nodes[0].core;
    core.unreliable(Instant::ZERO, peer(1), KNOWN, Bytes::from("hello"))
        .unwrap();
    core.unreliable(Instant::ZERO, peer(1), UNKNOWN, Bytes::from("hello"))
        .unwrap();
    let max = Config::default().datagram_bytes;
    let too_large = core.unreliable(Instant::ZERO, peer(1), KNOWN, Bytes::from(vec![0; max]));
    let Err(SendError::TooLarge { len, max }) = too_large else {
        panic!("{too_large:?}")
    };
    assert_eq!(len, Config::default().datagram_bytes);
    core.unreliable(Instant::ZERO, peer(1), KNOWN, Bytes::from(vec![1; max]))
        .unwrap();
    net.run(SECOND);
    let [
        (_, Event::Unreliable { payload: first, .. }),
        (
            _,
            Event::Unreliable {
                payload: second, ..
            },
        ),
    ] = &net.nodes[1].events[..]
    else {
        panic!("{:?}", net.nodes[1].events)
    };
    assert_eq!((&first[..], second.len()), (&b"hello"[..], max));
    assert_eq!(
        (net.datagrams(0, 1), net.datagrams(1, 0)),
        (2, 0),
        "no ack is asked for"
    );
    assert_eq!(
        net.nodes[1].core.stats().unreliable_dropped,
        1,
        "nobody handles the other command"
    );
}

#[test]
fn unknown_command_is_no_handler() {
    let mut net = Net::pair(CLEAN, 1);
    let (one_way, _) = net.send_as(0, 1, UNKNOWN, Bytes::from("hello"));
    let (request, _) = net.request_as(0, 1, UNKNOWN, Bytes::from("hello"), SECOND);
    let (large, _) = net.send_as(0, 1, UNKNOWN, Bytes::from(vec![7; 1 << 20]));
    net.run(SECOND);
    assert_eq!(net.nodes[0].sent(one_way), Some(Err(Failure::NoHandler)));
    assert_eq!(
        net.nodes[0].answered(request),
        Some(Err(Failure::NoHandler))
    );
    assert_eq!(net.nodes[0].sent(large), Some(Err(Failure::NoHandler)));
    assert!(net.nodes[1].events.is_empty());
    assert!(
        net.datagrams(0, 1) < 200,
        "the large message was refused at its first piece"
    );
    assert_eq!(net.nodes[1].core.stats().reassembly_bytes, 0);
}

#[test]
fn handler_error_text() {
    let mut net = Net::pair(CLEAN, 1);
    let token = net.request(0, 1, "hello");
    net.run_until(SECOND, |net| !net.nodes[1].requests().is_empty());
    let (key, _) = net.nodes[1].requests()[0];
    net.respond(1, key, ResponseStatus::HandlerError, "no such room: äöü");
    net.run(SECOND);
    let failure = Failure::Handler(Bytes::from("no such room: äöü"));
    assert_eq!(failure.to_string(), "the handler failed: no such room: äöü");
    assert_eq!(net.nodes[0].answered(token), Some(Err(failure)));
}

#[test]
fn error_text_that_is_not_utf8_is_malformed() {
    let mut net = Net::pair(CLEAN, 1);
    let token = net.request(0, 1, "hello");
    net.run_until(SECOND, |net| !net.nodes[1].requests().is_empty());
    let (key, _) = net.nodes[1].requests()[0];
    let text = Bytes::from_static(&[0xff, 0xfe]);
    net.nodes[1]
        .core
        .respond(net.now, key, ResponseStatus::HandlerError, text)
        .unwrap();
    net.run(SECOND);
    assert_eq!(net.nodes[0].answered(token), Some(Err(Failure::Malformed)));
}

#[test]
fn response_that_is_too_large_leaves_the_request_open() {
    let config = Config {
        message_bytes_max: 100,
        ..Config::default()
    };
    let mut net = Net::pair_with(&config, CLEAN, 1);
    let token = net.request(0, 1, "hello");
    net.run_until(SECOND, |net| !net.nodes[1].requests().is_empty());
    let (key, _) = net.nodes[1].requests()[0];
    let core = &mut net.nodes[1].core;
    let refused = core.respond(net.now, key, ResponseStatus::Ok, Bytes::from(vec![0; 101]));
    assert_eq!(refused, Err(RespondError::TooLarge { len: 101, max: 100 }));
    core.respond(net.now, key, ResponseStatus::Ok, Bytes::from("short"))
        .unwrap();
    let again = core.respond(net.now, key, ResponseStatus::Ok, Bytes::from("short"));
    assert_eq!(again, Err(RespondError::Gone));
    net.run(SECOND);
    assert_eq!(net.nodes[0].answered(token), Some(Ok(Bytes::from("short"))));
}

#[test]
fn timeout_ends_call_and_stops_retries() {
    let mut net = Net::pair(CLEAN, 1);
    net.cut(0, 1, true);
    let token = net.token();
    let deadline = net.now + SECOND;
    let hello = call("hello", deadline, token);
    net.nodes[0].core.send(net.now, peer(1), hello).unwrap();
    net.run(SECOND + Duration::from_millis(1));
    assert_eq!(net.nodes[0].sent(token), Some(Err(Failure::Timeout)));
    let (ended_at, _) = net.nodes[0].events[0];
    assert!(
        ended_at >= deadline && ended_at < deadline + Duration::from_millis(1),
        "{ended_at}"
    );
    let datagrams = net.datagrams(0, 1);
    assert!(
        (3..12).contains(&datagrams),
        "{datagrams} datagrams: retries back off"
    );
    net.run(60 * SECOND);
    assert_eq!(
        net.datagrams(0, 1),
        datagrams,
        "nothing is sent after the deadline"
    );
    assert_eq!(net.nodes[0].core.poll_timeout(), None);
    assert_eq!(net.nodes[0].core.in_flight(peer(1)), 0);
}

#[test]
fn timeout_of_a_request_is_told_once() {
    let mut net = Net::pair(CLEAN, 1);
    net.cut(0, 1, true);
    let (token, _) = net.request_as(0, 1, KNOWN, Bytes::from("hello"), SECOND);
    net.run_until(2 * SECOND, |net| !net.nodes[0].events.is_empty());
    assert_eq!(net.nodes[0].answered(token), Some(Err(Failure::Timeout)));
    let datagrams = net.datagrams(0, 1);
    net.run(60 * SECOND);
    assert!(
        net.datagrams(0, 1) <= datagrams + 1,
        "one cancellation, without a retry"
    );
}

#[test]
fn handler_that_is_late_learns_of_the_deadline() {
    let mut net = Net::pair(CLEAN, 1);
    net.request_as(0, 1, KNOWN, Bytes::from("hello"), SECOND);
    net.run_until(SECOND, |net| !net.nodes[1].requests().is_empty());
    net.cut(0, 1, true);
    net.run(2 * SECOND);
    let (key, _) = net.nodes[1].requests()[0];
    assert!(
        net.nodes[1]
            .events
            .iter()
            .any(|(_, event)| *event == Event::Cancelled { key })
    );
    assert_eq!(net.nodes[1].core.stats().incoming, 0);
    let late = net.nodes[1]
        .core
        .respond(net.now, key, ResponseStatus::Ok, Bytes::new());
    assert_eq!(late, Err(RespondError::Gone));
}

#[test]
fn cancel_stops_far_side() {
    for seed in 0..20 {
        let mut net = Net::pair(ROUGH, seed);
        let (token, call) = net.request_as(0, 1, KNOWN, Bytes::from("hello"), 600 * SECOND);
        net.run_until(10 * SECOND, |net| !net.nodes[1].requests().is_empty());
        let (key, _) = net.nodes[1].requests()[0];
        net.nodes[0].core.cancel(net.now, call);
        let cancelled = net.run_until(10 * SECOND, |net| {
            net.nodes[1]
                .events
                .iter()
                .any(|(_, event)| *event == Event::Cancelled { key })
        });
        assert!(cancelled, "seed {seed}");
        net.run(10 * SECOND);
        assert_eq!(net.nodes[0].answered(token), None, "no completion follows");
        assert_eq!(net.nodes[1].core.stats().incoming, 0);
        assert_eq!(net.nodes[0].core.stats().messages, 0);
        assert_eq!(net.nodes[0].core.poll_timeout(), None, "seed {seed}");
    }
}

#[test]
fn cancel_before_transmission_leaves_no_trace() {
    let mut net = Net::pair(CLEAN, 1);
    let (_, send) = net.send_as(0, 1, KNOWN, Bytes::from("hello"));
    let (_, request) = net.request_as(0, 1, KNOWN, Bytes::from("hello"), SECOND);
    net.nodes[0].core.cancel(net.now, send);
    net.nodes[0].core.cancel(net.now, request);
    net.nodes[0].core.cancel(net.now, request);
    net.run(2 * SECOND);
    assert_eq!(net.datagrams(0, 1), 0);
    assert!(net.nodes.iter().all(|node| node.events.is_empty()));
}

#[test]
fn acks_ride() {
    const CALLS: u64 = 100;
    let mut net = Net::pair(CLEAN, 1);
    net.nodes[1].echoes = true;
    for call in 0..CALLS {
        let (seen, token) = (
            net.nodes[0].events.len(),
            net.request(0, 1, call.to_be_bytes().to_vec()),
        );
        // The next request is made before the ack of the response is flushed.
        assert!(net.run_until_event(SECOND, 0, seen));
        assert!(matches!(net.nodes[0].answered(token), Some(Ok(_))));
    }
    net.run(SECOND);
    assert_eq!(
        net.datagrams(1, 0),
        CALLS,
        "a response carries the ack of its request"
    );
    assert_eq!(
        net.datagrams(0, 1),
        CALLS + 1,
        "a request carries the ack of the response before it"
    );
}

#[test]
fn small_messages_share_datagrams() {
    let mut net = Net::pair(CLEAN, 1);
    for _ in 0..1_000 {
        net.send(0, 1, "twenty-four bytes of it.");
    }
    net.run(SECOND);
    assert_eq!(net.nodes[1].handled().len(), 1_000);
    let datagrams = net.datagrams(0, 1);
    assert!(datagrams <= 1_000 / 40 + 1, "{datagrams}");
}

#[test]
fn ping_measures_the_round_trip() {
    let mut net = Net::pair(CLEAN, 1);
    net.nodes[0].core.ping(net.now, peer(1));
    net.run(SECOND);
    assert_eq!(
        net.nodes[0].core.rtt(peer(1)),
        Some(Duration::from_millis(2))
    );
    assert_eq!((net.datagrams(0, 1), net.datagrams(1, 0)), (1, 1));
}

#[test]
fn ping_is_repeated_until_it_is_acknowledged() {
    let mut net = Net::pair(CLEAN, 1);
    net.cut(0, 1, true);
    net.nodes[0].core.ping(net.now, peer(1));
    net.run(SECOND);
    let unheard = net.datagrams(0, 1);
    assert!((3..12).contains(&unheard), "{unheard}");
    net.cut(0, 1, false);
    net.run(5 * SECOND);
    assert!(net.nodes[0].core.rtt(peer(1)).is_some());
    assert_eq!(net.nodes[0].core.poll_timeout(), None);
}

#[test]
fn refused_before_anything_is_queued() {
    let mut net = Net::pair(CLEAN, 1);
    let core = &mut net.nodes[0].core;
    let (past, future) = (Instant::ZERO, Instant::ZERO + SECOND);
    let late = core.send(Instant::ZERO, peer(1), call("", past, Token(1)));
    assert_eq!(late, Err(SendError::DeadlinePassed));
    let max = Config::default().message_bytes_max;
    let large = call(vec![0; max + 1], future, Token(1));
    let large = core.send(Instant::ZERO, peer(1), large);
    assert_eq!(large, Err(SendError::TooLarge { len: max + 1, max }));
    let mut stale = peer(1);
    stale.epoch = 5;
    core.send(Instant::ZERO, stale, call("", future, Token(1)))
        .unwrap();
    let forgotten = core.send(Instant::ZERO, peer(1), call("", future, Token(1)));
    assert_eq!(forgotten, Err(SendError::Forgotten));
}

#[test]
fn a_cancellation_fits_beside_anything() {
    for len in 1_330..1_360 {
        let mut net = Net::pair(CLEAN, 1);
        let (_, call) = net.request_as(0, 1, KNOWN, Bytes::from("hello"), 60 * SECOND);
        net.run_until(SECOND, |net| !net.nodes[1].requests().is_empty());
        net.nodes[0].core.cancel(net.now, call);
        let core = &mut net.nodes[0].core;
        core.unreliable(net.now, peer(1), KNOWN, Bytes::from(vec![0; len]))
            .unwrap();
        net.run(SECOND);
        let events = &net.nodes[1].events;
        assert!(
            events
                .iter()
                .any(|(_, event)| matches!(event, Event::Cancelled { .. })),
            "{len}"
        );
        assert!(
            events
                .iter()
                .any(|(_, event)| matches!(event, Event::Unreliable { .. })),
            "{len}"
        );
    }
}
