//! The handshake when nobody interferes, and what a caller may ask for.

mod common;

use common::{
    FAIR, Node, Weather, World, addr, as_ack, as_hello, config, craft, craft_data, hello, ms,
};
use hobnob_session::{
    ConfigError, ConnectError, Dropped, Event, FailedReason, GenerationNotGreater, SealError,
    SessionConfig, Sessions, TimeoutReason,
    limits::{ATTEMPT_LASTS, CANDIDATE_LASTS, HELLO_DELAY_FIRST, HELLO_DELAY_MAX},
};
use hobnob_wire::{Full, Generation, Handshake, Instant, Peer, Writer, limits::PEERS_MAX};

const NOBODY: Weather = Weather { loss: 100, ..FAIR };

#[test]
fn two_datagrams_and_the_first_data_make_a_session() {
    let mut world = World::new(2, 1, FAIR);
    let peer = world.connect(0, addr(1));
    world.run_for(ms(10));

    assert_eq!(world.sent.len(), 2, "a hello and its ack");
    assert_eq!(world.sent[0].bytes.len(), 128);
    let established = Event::Established {
        peer,
        addr: addr(1),
        generation: Generation(1),
        initiator: true,
        previous: None,
        replaced: false,
    };
    assert_eq!(world.nodes[0].events, [established]);
    assert_eq!(world.nodes[1].events, [], "nothing is proven yet");
    assert_eq!(world.nodes[1].sessions.peer_at(addr(0)), None);

    assert!(world.say(0, addr(1), b"hi"));
    world.run_for(ms(10));
    assert_eq!(world.sent.len(), 3);
    let back = world.nodes[1].sessions.peer_at(addr(0)).expect("proven");
    let established = Event::Established {
        peer: back,
        addr: addr(0),
        generation: Generation(1),
        initiator: false,
        previous: None,
        replaced: false,
    };
    assert_eq!(world.nodes[1].events, [established]);
    assert_eq!(world.nodes[1].bodies[0].2, b"hi");
    assert_eq!(world.nodes[1].bodies[0].1.get(), 0, "the first number");

    assert!(world.say(1, addr(0), b"ho"));
    world.run_for(ms(10));
    assert_eq!(world.nodes[0].bodies[0].2, b"ho");
    for node in &world.nodes {
        assert_eq!(node.sessions.poll_timeout(), None, "only the caller waits");
        assert_eq!(node.sessions.stats().established, 1);
        assert_eq!(node.drops, []);
    }
}

#[test]
fn an_unanswered_hello_is_repeated_ever_more_slowly_until_the_attempt_ends() {
    let mut world = World::new(1, 2, NOBODY);
    let start = world.now;
    let peer = world.connect(0, addr(1));
    let mut expected = HELLO_DELAY_FIRST;
    let mut said_at = start;
    let mut hellos = 1;
    loop {
        let deadline = world.nodes[0].sessions.poll_timeout().expect("an attempt");
        if deadline.reason == TimeoutReason::AttemptOver {
            assert_eq!(deadline.at, start + ATTEMPT_LASTS);
            break;
        }
        let waited = deadline.at.saturating_since(said_at);
        assert!(
            waited <= expected && waited >= expected * 3 / 4,
            "{waited:?}"
        );
        assert!(world.step(deadline.at));
        hellos += 1;
        assert_eq!(world.sent.len(), hellos);
        assert_eq!(world.sent[hellos - 1], world.sent[0], "the same hello");
        said_at = deadline.at;
        expected = (expected * 2).min(HELLO_DELAY_MAX);
    }
    assert!(hellos >= 9, "{hellos} hellos");
    world.run_for(ATTEMPT_LASTS);
    let failed = Event::Failed {
        peer,
        addr: addr(1),
        reason: FailedReason::TimedOut,
    };
    assert_eq!(world.nodes[0].events, [failed]);
    assert_eq!(world.sent.len(), hellos, "no hello after the end");
    assert_eq!(world.nodes[0].sessions.poll_timeout(), None);
    assert_eq!(world.nodes[0].sessions.peer_at(addr(1)), Some(peer));
}

#[test]
fn hellos_do_not_pile_up_while_nothing_is_sent() {
    let mut node = Node::new(0, config(1), 3, Instant::ZERO);
    let peer = node.sessions.connect(Instant::ZERO, addr(1));
    let late = Instant::ZERO + ATTEMPT_LASTS / 2;
    node.sessions.handle_timeout(late);
    assert_eq!(node.drain(late).len(), 1, "one hello, whatever it waited");
    let over = Instant::ZERO + ATTEMPT_LASTS;
    node.sessions.handle_timeout(over);
    assert_eq!(node.drain(over), []);
    let failed = Event::Failed {
        peer: peer.expect("room"),
        addr: addr(1),
        reason: FailedReason::TimedOut,
    };
    assert_eq!(node.events, [failed]);
}

#[test]
fn a_repeated_hello_gets_the_same_answer() {
    let mut world = World::new(2, 4, FAIR);
    world.connect(0, addr(1));
    let hello = world.sent[0].bytes.clone();
    world.inject(1, addr(0), &hello);
    world.now = world.now + CANDIDATE_LASTS - ms(1);
    world.inject(1, addr(0), &hello);
    world.now = world.now + CANDIDATE_LASTS - ms(1);
    world.inject(1, addr(0), &hello);
    let acks: Vec<_> = world.sent[1..].iter().map(|p| as_ack(&p.bytes)).collect();
    assert_eq!(acks.len(), 3);
    assert!(acks.iter().all(|ack| *ack == acks[0]));

    world.clear_network();
    world.nodes[1].sessions.handle_timeout(world.now);
    let ack = world.sent[1].bytes.clone();
    world.inject(0, addr(1), &ack);
    assert!(world.say(0, addr(1), b"hi"));
    world.run_for(ms(5));
    assert_eq!(world.nodes[1].bodies.len(), 1, "its time began anew");

    world.inject(1, addr(0), &hello);
    let again = as_ack(&world.sent.last().expect("an answer").bytes);
    assert_eq!(again, acks[0], "after it is established, too");
    assert_eq!(world.nodes[1].events.len(), 1);
}

#[test]
fn an_unproven_candidate_ends_and_leaves_nothing() {
    let mut world = World::new(2, 5, FAIR);
    world.connect(0, addr(1));
    let hello = world.sent[0].bytes.clone();
    world.inject(1, addr(0), &hello);
    world.clear_network();
    let deadline = world.nodes[1].sessions.poll_timeout().expect("a candidate");
    assert_eq!(deadline.reason, TimeoutReason::CandidateOver);
    assert_eq!(deadline.at, world.now + CANDIDATE_LASTS);
    assert_eq!(world.nodes[1].sessions.places_taken(), 1);
    world.nodes[1].sessions.handle_timeout(deadline.at);
    assert_eq!(world.nodes[1].sessions.places_taken(), 0);
    assert_eq!(world.nodes[1].sessions.strangers(), 0);
    assert_eq!(world.nodes[1].sessions.poll_timeout(), None);
    assert_eq!(world.nodes[1].sessions.stats().candidates_expired, 1);

    let peer = world.connect(1, addr(0));
    let next = Peer { slot: 0, epoch: 1 };
    assert_eq!(peer, next, "the next tenant has another epoch");
}

#[test]
fn a_timeout_before_its_time_changes_nothing() {
    let mut world = World::new(2, 6, FAIR);
    world.connect(0, addr(1));
    let hello = world.sent[0].bytes.clone();
    world.inject(1, addr(0), &hello);
    world.clear_network();
    for node in &mut world.nodes {
        let before = format!("{:?}", node.sessions);
        let due = node.sessions.poll_timeout().expect("something waits").at;
        let early = Instant::from_nanos(due.as_nanos() - 1);
        node.sessions.handle_timeout(early);
        assert_eq!(node.drain(early), []);
        assert_eq!(format!("{:?}", node.sessions), before);
    }
}

#[test]
fn connect_is_idempotent() {
    let mut world = World::new(2, 7, FAIR);
    let peer = world.connect(0, addr(1));
    assert_eq!(world.connect(0, addr(1)), peer);
    assert_eq!(world.sent.len(), 1, "one hello under way is enough");
    world.run_for(ms(10));
    assert_eq!(world.connect(0, addr(1)), peer);
    world.run_for(ms(10));
    assert_eq!(world.sent.len(), 2, "a session needs no hello");
}

#[test]
fn disconnect_is_silent_and_keeps_the_generation() {
    let mut world = World::pair(8);
    let peer = world.nodes[0].sessions.peer_at(addr(1)).expect("a peer");
    let sent = world.sent.len();
    world.nodes[0].sessions.disconnect(peer);
    world.drain(0);
    assert_eq!(world.sent.len(), sent);
    assert_eq!(world.nodes[0].events, []);
    let remote = world.nodes[0].sessions.remote(peer).expect("remembered");
    assert!(!remote.is_established);
    assert_eq!(remote.generation, None);
    assert_eq!(remote.proven, Some(Generation(1)));

    world.connect(0, addr(1));
    world.run_for(ms(10));
    assert!(world.say(0, addr(1), b"again"));
    world.run_for(ms(10));
    let event = |previous, replaced, initiator, peer, at| Event::Established {
        peer,
        addr: addr(at),
        generation: Generation(1),
        initiator,
        previous,
        replaced,
    };
    let seen = Some(Generation(1));
    assert_eq!(world.nodes[0].events, [event(seen, false, true, peer, 1)]);
    let back = world.nodes[1].sessions.peer_at(addr(0)).expect("a peer");
    assert_eq!(world.nodes[1].events, [event(seen, true, false, back, 0)]);
    assert_eq!(world.nodes[1].bodies[0].1.get(), 0, "numbers begin anew");
}

#[test]
fn disconnect_ends_an_attempt() {
    let mut world = World::new(1, 9, NOBODY);
    let peer = world.connect(0, addr(1));
    world.nodes[0].sessions.disconnect(peer);
    assert_eq!(world.nodes[0].sessions.poll_timeout(), None);
    world.run_for(ATTEMPT_LASTS * 2);
    assert_eq!(world.sent.len(), 1);
    assert_eq!(world.nodes[0].events, []);
}

#[test]
fn disconnect_ends_a_hello_that_was_not_sent_yet_and_no_other() {
    let mut node = Node::new(0, config(1), 17, Instant::ZERO);
    let first = node.sessions.connect(Instant::ZERO, addr(1)).expect("room");
    node.sessions.connect(Instant::ZERO, addr(2)).expect("room");
    node.sessions.disconnect(first);
    let sent = node.drain(Instant::ZERO);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].to, addr(2));
}

#[test]
fn disconnect_ends_a_candidate() {
    let mut world = World::pair(18);
    let peer = world.nodes[0].sessions.peer_at(addr(1)).expect("a peer");
    let question = craft(Handshake::Hello(hello(0x770, 2)));
    world.inject(0, addr(1), &question);
    let id = as_ack(&world.sent.last().expect("an answer").bytes).session;
    world.nodes[0].sessions.disconnect(peer);
    assert_eq!(world.nodes[0].sessions.poll_timeout(), None);
    world.inject(0, addr(1), &craft_data(id, 0, b"late"));
    assert_eq!(world.nodes[0].drops, [Dropped::UnknownSession]);
}

#[test]
fn a_forgotten_peer_is_unknown_and_its_handle_stale() {
    let mut world = World::pair(10);
    let old = world.nodes[0].sessions.peer_at(addr(1)).expect("a peer");
    let sessions = &mut world.nodes[0].sessions;
    sessions.forget(old);
    assert_eq!(sessions.remote(old), None);
    assert_eq!(sessions.peer_at(addr(1)), None);
    assert_eq!(sessions.places_taken(), 0);

    let new = world.connect(0, addr(5));
    assert_eq!((new.slot, new.epoch), (old.slot, old.epoch + 1));
    let sessions = &mut world.nodes[0].sessions;
    sessions.forget(old);
    sessions.disconnect(old);
    assert_eq!(sessions.peer_at(addr(5)), Some(new), "a stale handle");
    let mut buffer = [0; 64];
    let mut w = Writer::new(&mut buffer);
    assert_eq!(sessions.begin(old, &mut w), Err(SealError::NoSession));
    assert_eq!(sessions.seal(old, &mut w), Err(SealError::NoSession));
    assert_eq!(w.len(), 0);
}

#[test]
fn packet_numbers_are_contiguous_and_never_spent_in_vain() {
    let mut world = World::pair(11);
    let sessions = &mut world.nodes[0].sessions;
    let peer = sessions.peer_at(addr(1)).expect("a peer");
    for expected in 1..200 {
        let mut short = [0; 11];
        let mut w = Writer::new(&mut short);
        let full = sessions.begin(peer, &mut w);
        assert_eq!(full, Err(SealError::Full(Full)));
        assert_eq!(w.len(), 0, "nothing was written");
        let mut buffer = [0; 21];
        let mut w = Writer::new(&mut buffer);
        let packet = sessions.begin(peer, &mut w).expect("room");
        assert_eq!(packet.get(), expected);
        sessions.seal(peer, &mut w).expect("room");
    }
    let mut buffer = [0; 20];
    let mut w = Writer::new(&mut buffer);
    sessions.begin(peer, &mut w).expect("room");
    let header = w.len();
    assert_eq!(sessions.seal(peer, &mut w), Err(SealError::Full(Full)));
    assert_eq!(w.len(), header);
}

#[test]
fn nothing_is_sent_to_a_peer_without_a_session() {
    let mut world = World::new(2, 12, FAIR);
    let peer = world.connect(0, addr(1));
    let mut buffer = [0; 64];
    let mut w = Writer::new(&mut buffer);
    let begun = world.nodes[0].sessions.begin(peer, &mut w);
    assert_eq!(begun, Err(SealError::NoSession));
}

#[test]
fn a_full_table_refuses_to_connect_and_changes_nothing() {
    let small = SessionConfig {
        peers_max: 2,
        ..config(1)
    };
    let mut node = Node::new(0, small, 13, Instant::ZERO);
    let first = node.sessions.connect(Instant::ZERO, addr(1)).expect("room");
    node.sessions.connect(Instant::ZERO, addr(2)).expect("room");
    let full = node.sessions.connect(Instant::ZERO, addr(3));
    assert_eq!(full, Err(ConnectError::TableFull { peers_max: 2 }));
    assert_eq!(node.sessions.connect(Instant::ZERO, addr(1)), Ok(first));
    assert_eq!(node.drain(Instant::ZERO).len(), 2);
    node.sessions.forget(first);
    node.sessions.connect(Instant::ZERO, addr(3)).expect("room");
}

#[test]
fn a_configuration_out_of_range_is_refused() {
    for (given, ok) in [
        (0, false),
        (1, true),
        (PEERS_MAX, true),
        (PEERS_MAX + 1, false),
    ] {
        let config = SessionConfig {
            peers_max: given,
            ..config(1)
        };
        let new = Sessions::new(config, 1, Instant::ZERO);
        let expected = (!ok).then_some(ConfigError::PeersMax { given });
        assert_eq!(new.err(), expected);
    }
}

#[test]
fn a_later_generation_holds_for_every_session_that_is_established_later() {
    let mut world = World::new(2, 14, FAIR);
    world.connect(0, addr(1));
    let first = as_hello(&world.sent[0].bytes);
    let hello = world.sent[0].bytes.clone();
    world.inject(1, addr(0), &hello);
    let early_ack = world.sent[1].bytes.clone();
    world.clear_network();

    for (node, generation) in [(0, 5), (1, 6)] {
        let sessions = &mut world.nodes[node].sessions;
        let not_later = sessions.set_generation(Generation(1));
        let current = Generation(1);
        assert_eq!(not_later, Err(GenerationNotGreater { current }));
        assert_eq!(sessions.set_generation(Generation(generation)), Ok(()));
        assert_eq!(sessions.generation(), Generation(generation));
    }
    world.drain(0);
    let second = as_hello(&world.sent[2].bytes);
    assert_eq!(second.generation, Generation(5));
    assert_ne!(second.session, first.session);
    assert_eq!(world.nodes[1].sessions.places_taken(), 0, "no candidate");

    world.inject(0, addr(1), &early_ack);
    assert_eq!(world.nodes[0].drops, [Dropped::Unsolicited]);
    world.run_for(ms(10));
    assert!(world.say(0, addr(1), b"hi"));
    world.run_for(ms(10));
    for (node, generation) in [(0, 6), (1, 5)] {
        let is_right = |event: &Event| matches!(event, Event::Established { generation: is, .. } if is.0 == generation);
        assert_eq!(world.nodes[node].events.len(), 1);
        assert!(is_right(&world.nodes[node].events[0]));
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let weather = Weather {
        loss: 30,
        duplication: 10,
        delay_ms: 40,
    };
    let run = |seed| {
        let mut world = World::new(2, seed, weather);
        world.connect(0, addr(1));
        world.connect(1, addr(0));
        world.run_for(ms(6_000));
        (world.sent, world.nodes.remove(0).events)
    };
    assert_eq!(run(15), run(15));
    assert_ne!(run(15).0, run(16).0);
}
