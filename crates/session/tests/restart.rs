//! Nodes that come back, and nodes that should not have.

mod common;

use common::{FAIR, Node, World, addr, as_ack, config, craft, hello, ms, read, session_of};
use hobnob_session::{Dropped, Event, FailedReason, LostReason, limits::ATTEMPT_LASTS};
use hobnob_wire::{Generation, Handshake, RefuseReason};

/// Kills node 1 and starts it again.
fn restart(world: &mut World, generation: u64) {
    let seed = 1_000_000 + generation;
    world.nodes[1] = Node::new(1, config(generation), seed, world.now);
}

#[test]
fn a_restarted_node_is_a_new_generation_and_its_old_session_is_reset() {
    let mut world = World::pair(1);
    let peer = world.nodes[0].sessions.peer_at(addr(1)).expect("a peer");
    restart(&mut world, 2);

    assert!(world.say(0, addr(1), b"to the past"));
    let unknown = session_of(&world.sent.last().expect("data").bytes);
    world.run_for(ms(5));
    assert_eq!(world.nodes[1].drops, [Dropped::UnknownSession]);
    assert_eq!(world.nodes[1].bodies, []);
    let reset = &world.sent.last().expect("an answer").bytes;
    assert_eq!(read(reset), Some(Handshake::Reset(unknown)));
    let lost = Event::Lost {
        peer,
        addr: addr(1),
        reason: LostReason::Reset,
    };
    assert_eq!(world.nodes[0].events, [lost]);
    assert!(!world.nodes[0].is_established(addr(1)));

    world.connect(0, addr(1));
    world.run_for(ms(5));
    let established = Event::Established {
        peer,
        addr: addr(1),
        generation: Generation(2),
        initiator: true,
        previous: Some(Generation(1)),
        replaced: false,
    };
    assert_eq!(world.nodes[0].events, [lost, established]);
}

#[test]
fn a_restarted_node_that_connects_replaces_the_session_of_its_past() {
    let mut world = World::pair(2);
    let peer = world.nodes[0].sessions.peer_at(addr(1)).expect("a peer");
    restart(&mut world, 2);
    world.connect(1, addr(0));
    world.run_for(ms(5));
    assert_eq!(world.nodes[0].events, [], "not before it is proven");
    assert!(world.say(1, addr(0), b"I am back"));
    world.run_for(ms(5));
    let established = Event::Established {
        peer,
        addr: addr(1),
        generation: Generation(2),
        initiator: false,
        previous: Some(Generation(1)),
        replaced: true,
    };
    assert_eq!(world.nodes[0].events, [established]);
    assert_eq!(world.nodes[0].bodies[0].2, b"I am back");
}

#[test]
fn a_lost_session_of_the_same_generation_is_replaced() {
    let mut world = World::pair(3);
    let at_remote = world.nodes[1].sessions.peer_at(addr(0)).expect("a peer");
    world.nodes[1].sessions.forget(at_remote);
    world.connect(1, addr(0));
    world.run_for(ms(5));
    assert!(world.say(1, addr(0), b"who are you?"));
    world.run_for(ms(5));
    let peer = world.nodes[0].sessions.peer_at(addr(1)).expect("a peer");
    let established = Event::Established {
        peer,
        addr: addr(1),
        generation: Generation(1),
        initiator: false,
        previous: Some(Generation(1)),
        replaced: true,
    };
    assert_eq!(world.nodes[0].events, [established]);
}

#[test]
fn a_past_generation_is_refused_and_told_what_was_seen() {
    let mut world = World::pair(4);
    restart(&mut world, 9);
    world.connect(1, addr(0));
    world.run_for(ms(5));
    assert!(world.say(1, addr(0), b"nine"));
    world.run_for(ms(5));
    restart(&mut world, 8);
    let peer = world.connect(1, addr(0));
    world.run_for(ms(5));

    let seen = Generation(9);
    let failed = Event::Failed {
        peer,
        addr: addr(0),
        reason: FailedReason::Refused(RefuseReason::StaleGeneration { seen }),
    };
    let told = Event::OwnGenerationStale { seen };
    assert_eq!(world.nodes[1].events, [failed, told]);
    assert_eq!(world.nodes[0].drops, [Dropped::StaleGeneration]);
    assert_eq!(world.nodes[1].sessions.poll_timeout(), None);

    let next = world.nodes[1].sessions.set_generation(seen.next());
    assert_eq!(next, Ok(()));
    world.connect(1, addr(0));
    world.run_for(ms(5));
    assert!(world.say(1, addr(0), b"ten"));
    world.run_for(ms(5));
    let remote = world.nodes[0].sessions.peer_at(addr(1));
    let remote = remote.and_then(|peer| world.nodes[0].sessions.remote(peer));
    assert_eq!(remote.and_then(|r| r.generation), Some(Generation(10)));
}

#[test]
fn an_answer_of_a_past_generation_is_dropped_until_the_peer_is_forgotten() {
    let mut world = World::pair(5);
    restart(&mut world, 9);
    world.connect(1, addr(0));
    world.run_for(ms(5));
    assert!(world.say(1, addr(0), b"nine"));
    world.run_for(ms(5));
    let peer = world.nodes[0].sessions.peer_at(addr(1)).expect("a peer");
    restart(&mut world, 8);
    world.nodes[0].events.clear();

    world.nodes[0].sessions.disconnect(peer);
    world.connect(0, addr(1));
    world.run_for(ATTEMPT_LASTS);
    let failed = Event::Failed {
        peer,
        addr: addr(1),
        reason: FailedReason::TimedOut,
    };
    assert_eq!(world.nodes[0].events, [failed]);
    let stale = |dropped: &Dropped| *dropped == Dropped::StaleGeneration;
    assert!(world.nodes[0].drops.iter().all(stale));
    assert!(world.nodes[0].drops.len() > 5);

    world.nodes[0].sessions.forget(peer);
    world.connect(0, addr(1));
    world.run_for(ms(5));
    assert!(world.nodes[0].is_established(addr(1)));
}

#[test]
fn what_was_captured_means_nothing_after_either_side_restarts() {
    for restarted in 0..2 {
        let mut world = World::new(2, 6 + restarted as u64, FAIR);
        world.connect(0, addr(1));
        world.run_for(ms(5));
        for number in 0..20u8 {
            assert!(world.say(0, addr(1), &[number]));
            world.run_for(ms(5));
            assert!(world.say(1, addr(0), &[number]));
            world.run_for(ms(5));
        }
        let captured = world.sent.clone();
        let seed = world.nodes[restarted].sessions.stats().opened;
        world.nodes[restarted] = Node::new(restarted, config(2), seed, world.now);
        world.connect(restarted, addr(1 - restarted));
        world.run_for(ms(5));
        assert!(world.say(restarted, addr(1 - restarted), b"new"));
        world.run_for(ms(5));
        for node in &mut world.nodes {
            node.bodies.clear();
            node.events.clear();
        }

        for packet in captured {
            world.post(&packet);
            world.run_for(ms(5));
        }
        world.run_for(ATTEMPT_LASTS);
        for node in &world.nodes {
            assert_eq!(node.bodies, [], "nothing is taken twice");
            assert_eq!(node.events, [], "no session changed");
        }
        assert!(world.say(0, addr(1), b"still here"));
        assert!(world.say(1, addr(0), b"here, too"));
        world.run_for(ms(5));
        assert!(world.nodes.iter().all(|node| node.bodies.len() == 1));
    }
}

#[test]
fn the_same_seed_draws_other_ids_in_another_life() {
    let ids = [1, 2].map(|generation| {
        let mut world = World::new(1, 7, FAIR);
        world.nodes[0] = Node::new(0, config(generation), 7, world.now);
        let question = craft(Handshake::Hello(hello(0xabc0, 1)));
        world.inject(0, addr(1), &question);
        as_ack(&world.sent[0].bytes).session
    });
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn a_generation_is_remembered_over_a_lost_session() {
    let mut world = World::pair(8);
    restart(&mut world, 2);
    assert!(world.say(0, addr(1), b"to the past"));
    world.run_for(ms(5));
    let peer = world.nodes[0].sessions.peer_at(addr(1)).expect("a peer");
    let remote = world.nodes[0].sessions.remote(peer).expect("remembered");
    assert_eq!(remote.proven, Some(Generation(1)));
    let older = craft(Handshake::Hello(hello(0xdef0, 0)));
    world.inject(0, addr(1), &older);
    assert_eq!(world.nodes[0].drops, [Dropped::StaleGeneration]);
}
