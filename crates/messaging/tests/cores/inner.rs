//! Commands of the owner's own: their messages go by another way and hold no place.

use std::time::Duration;

use bytes::Bytes;
use hobnob_messaging::{
    Call, Config, Event, Failure, Messaging, SendError, SessionChange, Token,
    limits::ASIDE_MESSAGES_PEER_MAX,
};
use hobnob_wire::{
    Command, Instant,
    limits::{INNER_BYTES_MIN, RELAY_HEAD_BYTES_MAX},
};

use crate::harness::{CLEAN, KNOWN, Net, call, pattern, peer};

const SECOND: Duration = Duration::from_secs(1);
/// No token the harness gives out.
const MINE: Token = Token(u64::MAX);
const FOREVER: Instant = Instant::from_nanos(u64::MAX);

const INNER: Command = Command(10);
const OTHER: Command = Command(11);

fn net(config: &Config) -> Net {
    let mut net = Net::pair_with(config, CLEAN, 1);
    for node in &mut net.nodes {
        node.core.register_inner(INNER);
    }
    net
}

fn own(command: Command, payload: Bytes) -> Call {
    Call {
        command,
        ..call(payload, FOREVER, MINE)
    }
}

fn send(net: &mut Net, command: Command, payload: Bytes) -> Result<(), SendError> {
    let core = &mut net.nodes[0].core;
    core.send(net.now, peer(1), own(command, payload)).map(drop)
}

fn all_inner(core: &mut Messaging) -> Vec<Event> {
    std::iter::from_fn(|| core.poll_inner()).collect()
}

#[test]
fn they_are_told_apart_and_need_no_place() {
    let config = Config {
        incoming_max: 1,
        ..Config::default()
    };
    let mut net = net(&config);
    assert!(net.nodes[1].core.take_place(), "there was one");
    assert!(!net.nodes[1].core.take_place() && !net.nodes[1].core.has_place());
    send(&mut net, INNER, Bytes::from("one")).unwrap();
    let refused = net.send(0, 1, "for a handler");
    let now = net.now;
    let core = &mut net.nodes[0].core;
    core.unreliable(now, peer(1), INNER, Bytes::from("two"))
        .unwrap();
    net.run(SECOND);
    assert_eq!(net.nodes[0].sent(refused), Some(Err(Failure::Overloaded)));
    let mut arrived = all_inner(&mut net.nodes[1].core);
    arrived.sort_by_key(|event| matches!(event, Event::Unreliable { .. }));
    let [
        Event::Message { payload: one, .. },
        Event::Unreliable { payload: two, .. },
    ] = &arrived[..]
    else {
        panic!("{arrived:?}")
    };
    assert_eq!((&one[..], &two[..]), (&b"one"[..], &b"two"[..]));
    let (token, result) = (MINE, Ok(()));
    assert_eq!(
        all_inner(&mut net.nodes[0].core),
        [Event::Sent { token, result }]
    );
    assert_eq!(net.nodes[1].core.stats().incoming, 1);
    net.nodes[1].core.handled(1);
    assert!(net.nodes[1].core.has_place());
}

#[test]
fn they_may_be_longer_by_a_relays_head_and_no_more() {
    let config = Config {
        message_bytes_max: 10_000,
        queue_bytes_peer: 10_000,
        ..Config::default()
    };
    let mut net = net(&config);
    let most = 10_000 + RELAY_HEAD_BYTES_MAX;
    send(&mut net, INNER, pattern(most)).unwrap();
    net.run(SECOND);
    let [Event::Message { payload, .. }] = &all_inner(&mut net.nodes[1].core)[..] else {
        panic!("one message")
    };
    assert_eq!(*payload, pattern(most));
    let len = most + 1;
    let refused = send(&mut net, INNER, pattern(len));
    assert_eq!(refused, Err(SendError::TooLarge { len, max: most }));
}

/// What nodes share must get through also where callers may send next to nothing.
#[test]
fn they_may_have_what_nodes_need_however_little_callers_are_allowed() {
    let config = Config {
        message_bytes_max: 1,
        queue_bytes_peer: 1,
        ..Config::default()
    };
    let mut net = net(&config);
    send(&mut net, INNER, pattern(INNER_BYTES_MIN)).unwrap();
    net.run(SECOND);
    let [Event::Message { payload, .. }] = &all_inner(&mut net.nodes[1].core)[..] else {
        panic!("one message")
    };
    assert_eq!(*payload, pattern(INNER_BYTES_MIN));
    let (len, max) = (INNER_BYTES_MIN + 1, INNER_BYTES_MIN);
    let refused = send(&mut net, INNER, pattern(len));
    assert_eq!(refused, Err(SendError::TooLarge { len, max }));
}

#[test]
fn the_receiver_has_the_last_word_on_their_length() {
    let small = Config {
        message_bytes_max: 10_000,
        ..Config::default()
    };
    let mut net = net(&Config::default());
    net.nodes[1].core = Messaging::new(small, Instant::ZERO).unwrap();
    net.nodes[1].core.register(KNOWN);
    net.nodes[1].core.register_inner(INNER);
    net.connect(0, 1, SessionChange::First, SessionChange::First);
    // Within what an inner message may be, in a datagram's pieces.
    let ordinary = net.send(0, 1, pattern(10_001));
    send(&mut net, INNER, pattern(10_001)).unwrap();
    send(&mut net, OTHER, Bytes::from("nobody's")).unwrap();
    net.run(SECOND);
    assert_eq!(net.nodes[0].sent(ordinary), Some(Err(Failure::TooLarge)));
    assert_eq!(net.nodes[0].sent(MINE), Some(Err(Failure::NoHandler)));
    assert_eq!(all_inner(&mut net.nodes[1].core).len(), 1);
}

/// What the owner says does not wait for callers, nor do callers wait for it.
#[test]
fn they_may_go_beside_the_queue_of_the_callers() {
    let config = Config {
        queue_messages_peer: 1,
        ..Config::default()
    };
    let mut net = net(&config);
    let now = net.now;
    let send_aside = |core: &mut Messaging| {
        core.send_aside(now, peer(1), own(INNER, pattern(10)))
            .map(drop)
    };
    let core = &mut net.nodes[0].core;
    core.send(now, peer(1), own(KNOWN, pattern(10)))
        .expect("there is room for one");
    let full = core.send(now, peer(1), own(INNER, pattern(10)));
    assert!(matches!(full, Err(SendError::QueueFull { .. })), "{full:?}");

    for _ in 0..ASIDE_MESSAGES_PEER_MAX {
        assert_eq!(send_aside(core), Ok(()));
    }
    let full = send_aside(core);
    assert!(matches!(full, Err(SendError::QueueFull { .. })), "{full:?}");
    assert_eq!(core.stats().asides_refused, 1);
    let load = core.load(peer(1)).expect("known");
    assert_eq!((load.calls, load.asides), (1, ASIDE_MESSAGES_PEER_MAX));
    assert_eq!(load.aside_bytes, 10 * ASIDE_MESSAGES_PEER_MAX);

    net.run(SECOND);
    let core = &mut net.nodes[0].core;
    let load = core.load(peer(1)).expect("known");
    assert_eq!((load.calls, load.asides, load.aside_bytes), (0, 0, 0));
    let arrived = all_inner(&mut net.nodes[1].core);
    assert_eq!(arrived.len(), ASIDE_MESSAGES_PEER_MAX);
    assert_eq!(send_aside(&mut net.nodes[0].core), Ok(()));
}
