//! More than a node can or wants to remember.

mod common;

use std::{collections::BTreeMap, net::SocketAddr};

use common::{
    FAIR, Node, World, addr, as_ack, config, craft, craft_data, hello, ms, read, session_of,
};
use hobnob_session::{
    Dropped, Event, SessionConfig,
    limits::{
        ANSWERS_QUEUED_MAX, CANDIDATE_LASTS, RESETS_BURST, RESETS_PER_SECOND, RESETS_QUEUED_MAX,
        STRANGERS_MAX,
    },
};
use hobnob_wire::{Handshake, Instant, SessionId, limits::PEERS_MAX};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

fn question(number: u64) -> Vec<u8> {
    craft(Handshake::Hello(hello(number << 16 | 0xf, 1)))
}

fn sized(peers_max: usize) -> SessionConfig {
    SessionConfig {
        peers_max,
        ..config(1)
    }
}

#[test]
fn ten_thousand_hellos_displace_strangers_and_nobody_else() {
    let mut world = World::new(2, 1, FAIR);
    world.nodes[0] = Node::new(0, sized(PEERS_MAX), 1, world.now);
    world.connect(0, addr(1));
    world.run_for(ms(5));
    assert!(world.say(0, addr(1), b"first"));
    world.run_for(ms(5));
    let waiting = world.connect(0, addr(2));
    world.nodes[0].take(world.now, addr(2), &question(2));
    world.nodes[0].drain(world.now);

    for number in 1_000..11_000 {
        let bytes = question(number as u64);
        world.nodes[0].take(world.now, addr(number), &bytes);
        let sent = world.nodes[0].drain(world.now);
        assert_eq!(sent.len(), 1, "each is answered");
        let sessions = &world.nodes[0].sessions;
        assert!(sessions.strangers() <= STRANGERS_MAX);
        assert!(sessions.places_taken() <= STRANGERS_MAX + 2);
    }
    let sessions = &world.nodes[0].sessions;
    let evicted = 10_000 - STRANGERS_MAX as u64;
    assert_eq!(sessions.stats().strangers_evicted, evicted);
    assert!(sessions.remote(waiting).is_some());

    world.nodes[0].bodies.clear();
    assert!(world.say(0, addr(1), b"ping"));
    assert!(world.say(1, addr(0), b"pong"));
    world.run_for(ms(5));
    assert_eq!(world.nodes[0].bodies.len(), 1);
    assert_eq!(world.nodes[1].bodies.len(), 2);

    world.run_for(CANDIDATE_LASTS);
    let sessions = &world.nodes[0].sessions;
    assert_eq!(sessions.strangers(), 0);
    assert_eq!(sessions.places_taken(), 2, "the flood left nothing");
}

#[test]
fn the_oldest_stranger_gives_way() {
    let now = Instant::ZERO;
    let mut node = Node::new(0, sized(PEERS_MAX), 2, now);
    let mut ids = Vec::new();
    for number in 0..=STRANGERS_MAX {
        let now = now + ms(number as u64);
        node.take(now, addr(number + 1), &question(number as u64 + 1));
        ids.push(as_ack(&node.drain(now)[0].bytes).session);
    }
    let now = now + ms(1_500);
    node.take(now, addr(1), &craft_data(ids[0], 0, b""));
    assert_eq!(node.drops, [Dropped::UnknownSession]);
    for (number, id) in ids.iter().enumerate().skip(1) {
        node.take(now, addr(number + 1), &craft_data(*id, 0, b""));
    }
    assert_eq!(node.bodies.len(), STRANGERS_MAX);
}

#[test]
fn a_full_table_takes_no_stranger_and_keeps_its_peers() {
    let now = Instant::ZERO;
    let mut node = Node::new(0, sized(4), 3, now);
    for number in 1..=3 {
        node.sessions.connect(now, addr(number)).expect("room");
    }
    node.take(now, addr(10), &question(10));
    node.take(now, addr(11), &question(11));
    assert_eq!(node.drops, [], "the older stranger gave way");
    node.sessions.connect(now, addr(4)).expect("as it does now");
    assert_eq!(node.sessions.strangers(), 0);
    assert_eq!(node.sessions.places_taken(), 4);
    node.drain(now);

    node.take(now, addr(12), &question(12));
    assert_eq!(node.drops, [Dropped::TableFull]);
    assert_eq!(node.drain(now), [], "and no answer");
    let table_full = node.sessions.stats().dropped_for(Dropped::TableFull);
    assert_eq!(table_full, 1);
    node.take(now, addr(4), &question(4));
    assert_eq!(node.drain(now).len(), 1, "a peer is answered");
}

#[test]
fn a_stranger_that_is_connected_to_is_no_stranger() {
    let now = Instant::ZERO;
    let mut node = Node::new(0, sized(PEERS_MAX), 4, now);
    node.take(now, addr(1), &question(1));
    let lent = as_ack(&node.drain(now)[0].bytes).session;
    assert_eq!(node.sessions.peer_at(addr(1)), None);
    let peer = node.sessions.connect(now, addr(1)).expect("room");
    assert_eq!(node.sessions.strangers(), 0);
    for number in 2..3_000 {
        node.take(now, addr(number), &question(number as u64));
        node.drain(now);
    }
    node.take(now, addr(1), &craft_data(lent, 0, b"hi"));
    let established = |event: &Event| matches!(event, Event::Established { .. });
    node.drain(now);
    assert!(node.events.iter().any(established));
    assert_eq!(node.bodies[0].0, peer);
}

#[test]
fn answers_that_nobody_fetches_are_bounded() {
    let now = Instant::ZERO;
    let mut node = Node::new(0, sized(PEERS_MAX), 5, now);
    for number in 1..=ANSWERS_QUEUED_MAX + 50 {
        node.take(now, addr(number), &question(number as u64));
    }
    assert_eq!(node.sessions.stats().answers_dropped, 50);
    assert_eq!(node.drain(now).len(), ANSWERS_QUEUED_MAX);
    let last = ANSWERS_QUEUED_MAX + 50;
    node.take(now, addr(last), &question(last as u64));
    assert_eq!(node.drain(now).len(), 1, "who asks again is answered");
}

#[test]
fn resets_are_bounded_in_number_and_rate() {
    let start = Instant::ZERO;
    let mut node = Node::new(0, config(1), 6, start);
    let unknown = craft_data(SessionId(77), 0, b"");
    let count = RESETS_QUEUED_MAX + 100;
    for _ in 0..count {
        node.take(start, addr(1), &unknown);
    }
    let burst = node.drain(start);
    assert_eq!(burst.len(), RESETS_BURST as usize);
    for packet in &burst {
        assert!(packet.bytes.len() < unknown.len());
        assert_eq!(read(&packet.bytes), Some(Handshake::Reset(SessionId(77))));
    }
    assert_eq!(node.sessions.stats().resets_dropped, 100);

    let mut sent = 0;
    for tick in 1..=40_000 {
        let now = start + ms(tick) / 4;
        node.take(now, addr(1), &unknown);
        sent += node.drain(now).len();
    }
    assert_eq!(sent, 10 * RESETS_PER_SECOND as usize, "in ten seconds");
    let stats = node.sessions.stats();
    assert_eq!(stats.resets_sent, (burst.len() + sent) as u64);
    let unknown = stats.dropped_for(Dropped::UnknownSession);
    assert_eq!(unknown, 40_000 + count as u64);
}

/// What a node got from and sent to an address before it was proven.
#[derive(Default)]
struct Balance {
    received: usize,
    sent: usize,
}

#[test]
fn an_unproven_address_never_gets_more_than_it_sent() {
    for seed in 0..20 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut now = Instant::ZERO;
        let mut node = Node::new(0, sized(48), seed, now);
        let mut balances: BTreeMap<SocketAddr, Balance> = BTreeMap::new();
        let mut told: Vec<(SocketAddr, SessionId)> = Vec::new();
        let mut answered = 0;
        for _ in 0..4_000 {
            let mut from = addr(rng.random_range(1..100));
            let mut bytes = match rng.random_range(0..10) {
                0..5 => {
                    let mut hello = hello(rng.random_range(1..40), rng.random_range(0..3));
                    hello.cluster += u64::from(rng.random_range(0..10) == 0);
                    hello.version_min += u8::from(rng.random_range(0..10) == 0);
                    hello.version_max = hello.version_max.max(hello.version_min);
                    craft(Handshake::Hello(hello))
                }
                5 => craft(Handshake::Reset(SessionId(rng.random_range(1..40)))),
                6 => craft_data(SessionId(rng.random_range(1..40)), 0, b""),
                _ => match told.len().checked_sub(rng.random_range(1..30)) {
                    Some(recent) => {
                        let (to, id) = told[recent];
                        if rng.random_range(0..4) > 0 {
                            from = to;
                        }
                        craft_data(id, rng.random_range(0..9), b"x")
                    }
                    None => Vec::new(),
                },
            };
            if rng.random_range(0..20) == 0 {
                bytes.truncate(rng.random_range(0..=bytes.len()));
            }
            balances.entry(from).or_default().received += bytes.len();
            node.take(now, from, &bytes);
            for packet in node.drain(now) {
                answered += 1;
                if let Some(Handshake::HelloAck(ack)) = read(&packet.bytes) {
                    told.push((packet.to, ack.session));
                }
                balances.entry(packet.to).or_default().sent += packet.bytes.len();
            }
            for (to, balance) in &balances {
                if node.sessions.peer_at(*to).is_none() {
                    assert!(node.data(*to, b"x").is_none());
                    assert!(balance.sent <= balance.received, "seed {seed}, {to}");
                }
            }
            now = now + ms(rng.random_range(0..20));
            node.sessions.handle_timeout(now);
            assert_eq!(node.drain(now), [], "time alone causes no answer");
        }
        assert!(answered > 1_000, "{answered} answers");
        assert!(node.bodies.len() > 20, "some were proven");
        assert!(node.sessions.stats().strangers_evicted > 20);
    }
}

#[test]
fn a_reset_for_a_session_of_the_past_does_not_end_the_present_one() {
    let mut world = World::pair(7);
    assert!(world.say(0, addr(1), b"late"));
    let late = world.sent.last().expect("data").clone();
    world.clear_network();
    let peer = world.nodes[1].sessions.peer_at(addr(0)).expect("a peer");
    world.nodes[1].sessions.disconnect(peer);
    world.connect(1, addr(0));
    world.run_for(ms(5));
    assert!(world.say(1, addr(0), b"anew"));
    world.run_for(ms(5));
    world.nodes[0].events.clear();
    world.post(&late);
    world.run_for(ms(5));
    let reset = read(&world.sent.last().expect("an answer").bytes);
    assert_eq!(reset, Some(Handshake::Reset(session_of(&late.bytes))));
    assert_eq!(world.nodes[0].drops, [Dropped::Unsolicited]);
    assert!(world.nodes[0].is_established(addr(1)));
    assert_eq!(world.nodes[0].events, []);
}
