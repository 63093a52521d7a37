//! Someone who sends under any address, and cannot read what is sent to others.

mod common;

use common::{
    CLUSTER, FAIR, Weather, World, addr, as_ack, as_hello, craft, craft_data, hello, ms, read,
    session_of,
};
use hobnob_session::{Dropped, Event, FailedReason, limits::CANDIDATE_LASTS};
use hobnob_wire::{
    Generation, Handshake, Hello, HelloAck, Refuse, RefuseReason, SessionId, VERSION_MAX,
    VERSION_MIN,
};
use rand::RngExt;

/// Both directions of the pair still work, and nothing was said about it.
fn assert_undisturbed(world: &mut World) {
    for node in &mut world.nodes[..2] {
        assert_eq!(node.events, []);
        node.bodies.clear();
    }
    assert!(world.say(0, addr(1), b"ping"));
    assert!(world.say(1, addr(0), b"pong"));
    world.run_for(ms(5));
    assert_eq!(world.nodes[0].bodies.len(), 1);
    assert_eq!(world.nodes[1].bodies.len(), 1);
}

#[test]
fn a_forged_hello_does_not_disturb_a_session() {
    let mut world = World::pair(1);
    for (number, generation) in [1, 2, u64::MAX].into_iter().enumerate() {
        let forged = craft(Handshake::Hello(hello(0x1230 + number as u64, generation)));
        world.inject(0, addr(1), &forged);
        assert_undisturbed(&mut world);
        world.run_for(CANDIDATE_LASTS);
        assert_undisturbed(&mut world);
    }
    let peer = world.nodes[0].sessions.peer_at(addr(1)).expect("a peer");
    let remote = world.nodes[0].sessions.remote(peer).expect("a peer");
    assert_eq!(remote.proven, Some(Generation(1)));
    assert_eq!(world.nodes[0].sessions.stats().candidates_expired, 3);
}

#[test]
fn a_forged_hello_during_an_attempt_cannot_plant_a_generation() {
    for forged_first in [false, true] {
        let mut world = World::new(2, 2, FAIR);
        world.connect(0, addr(1));
        world.connect(1, addr(0));
        let real = world.sent[1].bytes.clone();
        let forged = craft(Handshake::Hello(hello(0x6660, u64::MAX)));
        let order = match forged_first {
            true => [&forged, &real, &forged],
            false => [&real, &forged, &forged],
        };
        for bytes in order {
            world.inject(0, addr(1), bytes);
        }
        for _ in 0..40 {
            world.run_for(ms(50));
            for node in 0..2 {
                if !world.say(node, addr(1 - node), b"hi") {
                    world.connect(node, addr(1 - node));
                }
            }
        }
        world.run_for(ms(50));
        for node in 0..2 {
            let sessions = &world.nodes[node].sessions;
            let peer = sessions.peer_at(addr(1 - node)).expect("a peer");
            let remote = sessions.remote(peer).expect("a peer");
            assert_eq!(remote.generation, Some(Generation(1)));
            assert_eq!(remote.proven, Some(Generation(1)));
            world.nodes[node].events.clear();
        }
        assert_undisturbed(&mut world);
    }
}

#[test]
fn data_of_the_true_peer_does_not_prove_a_forged_hello() {
    let mut world = World::new(2, 13, FAIR);
    world.connect(0, addr(1));
    world.clear_network();
    world.connect(1, addr(0));
    world.run_for(ms(5));
    assert!(world.nodes[1].is_established(addr(0)), "by the lent id");
    assert!(!world.nodes[0].is_established(addr(1)), "not proven yet");

    let forged = craft(Handshake::Hello(hello(0x6660, u64::MAX)));
    world.inject(0, addr(1), &forged);
    assert!(world.say(1, addr(0), b"it is me"));
    world.run_for(ms(200));
    let peer = world.nodes[0].sessions.peer_at(addr(1)).expect("a peer");
    let remote = world.nodes[0].sessions.remote(peer).expect("a peer");
    assert_eq!(remote.proven, Some(Generation(1)), "the attempt led there");
}

#[test]
fn a_hello_while_the_attempt_is_lent_gets_an_id_of_its_own() {
    let mut world = World::new(1, 3, FAIR);
    world.connect(0, addr(1));
    let own = as_hello(&world.sent[0].bytes).session;
    let mut answer_to = |session, generation| {
        let bytes = craft(Handshake::Hello(hello(session, generation)));
        world.inject(0, addr(1), &bytes);
        as_ack(&world.sent.last().expect("an answer").bytes).session
    };
    assert_eq!(answer_to(0x10, 1), own, "the first one");
    let second = answer_to(0x20, 1);
    assert_ne!(second, own);
    assert_ne!(answer_to(0x10, 2), own, "the same id, another generation");
    assert_eq!(answer_to(0x10, 1), own, "the first one again");
    assert_ne!(answer_to(0x20, 1), second, "that candidate was replaced");
}

#[test]
fn a_guessed_reset_is_ignored() {
    let mut world = World::pair(4);
    let id_of_1 = world.sent.iter().rfind(|p| p.to == addr(1));
    let id_of_1 = session_of(&id_of_1.expect("data").bytes).0;
    let id_of_0 = world.sent.iter().rfind(|p| p.to == addr(0));
    let id_of_0 = session_of(&id_of_0.expect("data").bytes).0;
    let guesses = [1, id_of_1 ^ 1 << 63, id_of_1 ^ 1 << 16, id_of_0, u64::MAX];
    for guess in guesses {
        let forged = craft(Handshake::Reset(SessionId(guess)));
        world.inject(0, addr(1), &forged);
        assert_undisturbed(&mut world);
    }
    let right_id_wrong_address = craft(Handshake::Reset(SessionId(id_of_1)));
    world.inject(0, addr(2), &right_id_wrong_address);
    assert_undisturbed(&mut world);
    assert_eq!(world.nodes[0].drops, [Dropped::Unsolicited; 6]);

    world.inject(0, addr(1), &right_id_wrong_address);
    assert_eq!(
        world.nodes[0].events.len(),
        1,
        "the peer itself is believed"
    );
}

#[test]
fn a_guessed_answer_is_ignored() {
    let silence = Weather { loss: 100, ..FAIR };
    let mut world = World::new(1, 5, silence);
    let peer = world.connect(0, addr(1));
    let asked = as_hello(&world.sent[0].bytes);
    let ack = HelloAck {
        version: VERSION_MAX,
        cluster: CLUSTER,
        generation: Generation(7),
        session: SessionId(0x7770),
        echo_session: asked.session,
        echo_nonce: asked.nonce,
    };
    let refuse = Refuse {
        echo_session: asked.session,
        echo_nonce: asked.nonce,
        reason: RefuseReason::Cluster,
    };
    for _ in 0..200 {
        let (wrong_id, wrong_nonce): (u64, u64) = world.random().random();
        for (echo_session, echo_nonce) in [
            (asked.session, wrong_nonce),
            (SessionId(wrong_id.max(1)), asked.nonce),
        ] {
            let forged = HelloAck {
                echo_session,
                echo_nonce,
                ..ack
            };
            world.inject(0, addr(1), &craft(Handshake::HelloAck(forged)));
            let forged = Refuse {
                echo_session,
                echo_nonce,
                ..refuse
            };
            world.inject(0, addr(1), &craft(Handshake::Refuse(forged)));
        }
    }
    for from in [addr(2), addr(0)] {
        world.inject(0, from, &craft(Handshake::HelloAck(ack)));
        world.inject(0, from, &craft(Handshake::Refuse(refuse)));
    }
    assert_eq!(world.nodes[0].events, []);
    assert_eq!(world.nodes[0].drops, [Dropped::Unsolicited; 804]);

    let right_but = [
        (HelloAck { cluster: 1, ..ack }, Dropped::WrongCluster),
        (HelloAck { version: 0, ..ack }, Dropped::Version),
        (HelloAck { version: 2, ..ack }, Dropped::Version),
        (
            HelloAck {
                session: asked.session,
                ..ack
            },
            Dropped::Reflected,
        ),
    ];
    for (wrong, reason) in right_but {
        world.inject(0, addr(1), &craft(Handshake::HelloAck(wrong)));
        assert_eq!(world.nodes[0].drops.last(), Some(&reason));
    }
    assert_eq!(world.nodes[0].events, []);

    world.inject(0, addr(1), &craft(Handshake::HelloAck(ack)));
    let established = Event::Established {
        peer,
        addr: addr(1),
        generation: Generation(7),
        initiator: true,
        previous: None,
        replaced: false,
    };
    assert_eq!(world.nodes[0].events, [established], "only the right one");
    world.inject(0, addr(1), &craft(Handshake::HelloAck(ack)));
    world.inject(0, addr(1), &craft(Handshake::Refuse(refuse)));
    assert_eq!(world.nodes[0].events, [established], "and only once");
}

#[test]
fn a_generation_that_none_can_follow_is_not_outlived() {
    for (seen, is_outlived) in [
        (Generation::LAST.0 - 1, true),
        (Generation::LAST.0, false),
        (u64::MAX, false),
    ] {
        let seen = Generation(seen);
        let mut world = World::new(1, 6, FAIR);
        world.connect(0, addr(1));
        let Some(Handshake::Hello(asked)) = read(&world.sent[0].bytes) else {
            panic!("a hello")
        };
        let refuse = Refuse {
            echo_session: asked.session,
            echo_nonce: asked.nonce,
            reason: RefuseReason::StaleGeneration { seen },
        };
        world.inject(0, addr(1), &craft(Handshake::Refuse(refuse)));
        let told = Event::OwnGenerationStale { seen };
        assert_eq!(world.nodes[0].events.contains(&told), is_outlived);
    }
}

#[test]
fn own_words_played_back_are_dropped() {
    let mut world = World::new(1, 6, FAIR);
    world.connect(0, addr(1));
    let own = world.sent[0].bytes.clone();
    for from in [addr(1), addr(2), addr(0)] {
        world.inject(0, from, &own);
    }
    assert_eq!(world.nodes[0].drops, [Dropped::Reflected; 3]);
    assert_eq!(world.sent.len(), 1);
    assert_eq!(world.nodes[0].sessions.places_taken(), 1);
}

#[test]
fn data_is_taken_once_however_often_it_comes() {
    let mut world = World::pair(7);
    let mut captured = Vec::new();
    for number in 0..1_100u32 {
        assert!(world.say(0, addr(1), &number.to_be_bytes()));
        captured.push(world.sent.last().expect("data").bytes.clone());
    }
    world.run_for(ms(5));
    assert_eq!(world.nodes[1].bodies.len(), 1_100);
    for bytes in &captured {
        world.inject(1, addr(0), bytes);
    }
    assert_eq!(world.nodes[1].bodies.len(), 1_100);
    let drops = &world.nodes[1].drops;
    assert_eq!(drops[..76], [Dropped::TooOld; 76]);
    assert_eq!(drops[76..], [Dropped::Replayed; 1_024]);
    assert_undisturbed(&mut world);
}

#[test]
fn data_from_another_address_is_dropped_without_an_answer() {
    let mut world = World::pair(8);
    let data = world.nodes[0].data(addr(1), b"mine").expect("a session");
    let sent = world.sent.len();
    world.inject(1, addr(2), &data.bytes);
    assert_eq!(world.nodes[1].drops, [Dropped::WrongAddress]);
    assert_eq!(world.sent.len(), sent);
    world.inject(1, addr(0), &data.bytes);
    assert_eq!(world.nodes[1].bodies.len(), 1);
}

#[test]
fn a_candidate_is_not_proven_from_another_address() {
    let mut world = World::new(1, 9, FAIR);
    let question = craft(Handshake::Hello(hello(0x90, 1)));
    world.inject(0, addr(1), &question);
    let id = as_ack(&world.sent[0].bytes).session;
    world.inject(0, addr(2), &craft_data(id, 0, b"me"));
    assert_eq!(world.nodes[0].drops, [Dropped::WrongAddress]);
    assert_eq!(world.nodes[0].events, []);
    world.inject(0, addr(1), &craft_data(id, 0, b"me"));
    assert_eq!(world.nodes[0].events.len(), 1);
}

#[test]
fn data_for_an_attempt_that_was_not_answered_causes_no_reset() {
    let mut world = World::new(1, 10, FAIR);
    world.connect(0, addr(1));
    let id = as_hello(&world.sent[0].bytes).session;
    world.inject(0, addr(1), &craft_data(id, 0, b"early"));
    assert_eq!(world.nodes[0].drops, [Dropped::UnknownSession]);
    assert_eq!(world.sent.len(), 1, "only the hello");
    assert_eq!(world.nodes[0].events, []);
}

#[test]
fn hellos_without_a_common_version_are_refused() {
    let mut world = World::new(1, 11, FAIR);
    for (version_min, version_max) in [(VERSION_MAX + 1, u8::MAX), (0, VERSION_MIN - 1)] {
        let question = Hello {
            version_min,
            version_max,
            ..hello(0xb0, 1)
        };
        world.inject(0, addr(1), &craft(Handshake::Hello(question)));
        let refuse = Refuse {
            echo_session: question.session,
            echo_nonce: question.nonce,
            reason: RefuseReason::Version {
                min: VERSION_MIN,
                max: VERSION_MAX,
            },
        };
        let answer = &world.sent.last().expect("an answer").bytes;
        assert_eq!(read(answer), Some(Handshake::Refuse(refuse)));
    }
    assert_eq!(world.nodes[0].drops, [Dropped::Version; 2]);
    assert_eq!(world.nodes[0].sessions.places_taken(), 0);
    let wide = Hello {
        version_min: 0,
        version_max: u8::MAX,
        ..hello(0xb0, 1)
    };
    world.inject(0, addr(1), &craft(Handshake::Hello(wide)));
    let answer = as_ack(&world.sent.last().expect("an answer").bytes);
    assert_eq!(answer.version, VERSION_MAX, "the highest common one");
}

#[test]
fn nodes_of_another_cluster_refuse_each_other() {
    let mut world = World::new(1, 12, FAIR);
    let other = hobnob_session::SessionConfig {
        cluster: CLUSTER + 1,
        ..common::config(1)
    };
    let node = common::Node::new(1, other, 12, world.now);
    world.nodes.push(node);
    let peer = world.connect(0, addr(1));
    world.run_for(ms(10));
    let failed = Event::Failed {
        peer,
        addr: addr(1),
        reason: FailedReason::Refused(RefuseReason::Cluster),
    };
    assert_eq!(world.nodes[0].events, [failed]);
    assert_eq!(world.nodes[1].drops, [Dropped::WrongCluster]);
    let stranger = Event::Stranger {
        addr: addr(0),
        reason: RefuseReason::Cluster,
    };
    assert_eq!(world.nodes[1].events, [stranger]);
    assert_eq!(world.nodes[1].sessions.places_taken(), 0);
    assert_eq!(world.sent.len(), 2);
}
