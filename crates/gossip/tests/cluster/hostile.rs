//! Payloads from peers that are broken or mean harm: refused or survived, never a panic.

use std::{net::SocketAddr, time::Duration};

use hobnob_gossip::{
    DeclaredState, Event, Gossip, GossipConfig, Identity, NodeState, PayloadError, Profile, limits,
};
use hobnob_wire::{Generation, Instant, VarInt, limits::GOSSIP_BYTES_MAX};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::{
    forge::{
        self, ALIVE, ANNOUNCE, DOWN, FORWARDED_ACK, GOSSIP, INDIRECT_ACK, INDIRECT_PING, Life,
        PING, PING_REQ, SUSPECT, TURN_UNDEAD, life,
    },
    net::{Net, Weather, addr, metadata},
};

const SECOND: Duration = Duration::from_secs(1);
const NOW: Instant = Instant::from_nanos(5);

/// A core that knows nobody, at address 0 with generation 1,000.
fn core() -> Gossip {
    let identity = Identity {
        addr: addr(0),
        generation: Generation(1_000),
    };
    Gossip::new(Profile::Local.into(), identity, metadata(0), 1, NOW)
}

fn me() -> Life {
    life(addr(0), 1_000)
}

fn peer() -> Life {
    life(addr(1), 1_000)
}

/// What comes out of a core, and how much of it.
fn drain(gossip: &mut Gossip) -> (Vec<(SocketAddr, Vec<u8>)>, Vec<Event>) {
    let transmits = std::iter::from_fn(|| gossip.poll_transmit()).collect();
    let events = std::iter::from_fn(|| gossip.poll_event()).collect();
    assert_eq!(gossip.stats().swim_faults, 0);
    (transmits, events)
}

fn introduced() -> Gossip {
    let mut gossip = core();
    for payload in [
        forge::swim(peer(), me(), PING, &[]),
        forge::record(peer(), 1, 1),
    ] {
        gossip
            .handle_payload(NOW, addr(1), &payload)
            .expect("sound");
    }
    let (_, events) = drain(&mut gossip);
    assert!(matches!(events[..], [Event::Accompanied, Event::NodeUp(_)]));
    gossip
}

#[test]
fn nobody_speaks_for_another_address() {
    let mut gossip = introduced();
    let version = gossip.version();
    let foreign = forge::swim(life(addr(2), 1), me(), GOSSIP, &[(peer(), 0, DOWN)]);
    let claimed = addr(2);
    assert_eq!(
        gossip.handle_payload(NOW, addr(1), &foreign),
        Err(PayloadError::ForeignSource { claimed })
    );
    for kind in [GOSSIP, PING, TURN_UNDEAD] {
        let ours = forge::swim(me(), me(), kind, &[]);
        assert!(gossip.handle_payload(NOW, addr(1), &ours).is_err());
        assert!(gossip.handle_payload(NOW, addr(0), &ours).is_err());
    }
    assert_eq!(gossip.version(), version);
    assert_eq!(gossip.stats().payloads_refused, 7);
    assert_eq!(drain(&mut gossip), (vec![], vec![]));
}

#[test]
fn what_is_not_for_this_node_is_refused() {
    let mut gossip = introduced();
    let elsewhere = forge::swim(peer(), life(addr(3), 1_000), PING, &[]);
    assert_eq!(
        gossip.handle_payload(NOW, addr(1), &elsewhere),
        Err(PayloadError::Misdirected)
    );
    // Asking us about ourselves, by whatever generation.
    for message in [PING_REQ, INDIRECT_PING, INDIRECT_ACK, FORWARDED_ACK] {
        for generation in [1_000, 1, 5_000] {
            let third = Some(life(addr(0), generation));
            let packet = forge::swim_about(peer(), me(), message, third, &[]);
            assert_eq!(
                gossip.handle_payload(NOW, addr(1), &packet),
                Err(PayloadError::Misdirected)
            );
        }
    }
    assert_eq!(drain(&mut gossip), (vec![], vec![]));
}

#[test]
fn nobody_is_made_to_send_to_strangers() {
    let mut gossip = introduced();
    for message in [PING_REQ, INDIRECT_ACK] {
        let third = Some(life("203.0.113.9:53".parse().expect("an address"), 1));
        let packet = forge::swim_about(peer(), me(), message, third, &[]);
        assert_eq!(gossip.handle_payload(NOW, addr(1), &packet), Ok(()));
    }
    assert_eq!(drain(&mut gossip), (vec![], vec![]));
}

#[test]
fn a_count_of_updates_that_are_not_there_is_refused() {
    let mut gossip = introduced();
    let mut packet = forge::swim(peer(), me(), GOSSIP, &[]);
    let count = packet.len() - 2;
    packet[count..].copy_from_slice(&u16::MAX.to_be_bytes());
    assert!(matches!(
        gossip.handle_payload(NOW, addr(1), &packet),
        Err(PayloadError::Decode(_))
    ));
    let mut trailing = forge::swim(peer(), me(), ANNOUNCE, &[]);
    trailing.extend([0, 0]);
    assert!(gossip.handle_payload(NOW, addr(1), &trailing).is_err());
    let long = vec![1; GOSSIP_BYTES_MAX + 1];
    assert_eq!(
        gossip.handle_payload(NOW, addr(1), &long),
        Err(PayloadError::TooLong { bytes: long.len() })
    );
    assert!(gossip.handle_payload(NOW, addr(1), &[]).is_err());
}

#[test]
fn addresses_that_mean_no_machine_are_refused() {
    for bad in [
        "0.0.0.0:1",
        "10.0.0.1:0",
        "255.255.255.255:9",
        "239.1.1.1:9",
        "[::ffff:10.0.0.1]:9",
    ] {
        let bad = life(bad.parse().expect("an address"), 1);
        let mut gossip = introduced();
        let packet = forge::swim(peer(), me(), GOSSIP, &[(bad, 0, ALIVE)]);
        assert!(
            gossip.handle_payload(NOW, addr(1), &packet).is_err(),
            "{bad:?}"
        );
    }
}

/// Each of these would outlive this node, or end it; it has to come back above them, once for each packet
/// however often they say it.
#[test]
fn rumours_of_our_own_death_or_future_are_outlived() {
    let renewed = Life { renewal: 7, ..me() };
    let cases = [
        (vec![(me(), 0, DOWN); 20], 1_000),
        (vec![(life(addr(0), 5_000), 0, ALIVE)], 5_001),
        (
            vec![
                (life(addr(0), 5_000), 0, DOWN),
                (life(addr(0), 9), 3, ALIVE),
            ],
            5_001,
        ),
        (vec![(renewed, u16::MAX, SUSPECT)], 1_000),
        (vec![(me(), u16::MAX, SUSPECT); 5], 1_000),
    ];
    for (updates, generation) in cases {
        let mut gossip = introduced();
        let packet = forge::swim(peer(), me(), GOSSIP, &updates);
        gossip.handle_payload(NOW, addr(1), &packet).expect("sound");
        let (transmits, events) = drain(&mut gossip);
        let renewals: Vec<_> = events
            .iter()
            .filter(|event| matches!(event, Event::SelfRenewed { .. }))
            .collect();
        let identity = Identity {
            addr: addr(0),
            generation: Generation(generation),
        };
        assert_eq!(renewals, [&Event::SelfRenewed { identity }], "{updates:?}");
        assert_eq!(gossip.me().identity, identity);
        assert!(transmits.len() < 10, "{}", transmits.len());
    }
}

#[test]
fn the_last_generation_of_all_is_not_outlived_but_survived() {
    for state in [ALIVE, SUSPECT, DOWN] {
        let mut gossip = introduced();
        let last = Life {
            addr: addr(0),
            generation: limits::GENERATION_MAX,
            renewal: u32::MAX,
        };
        let packet = forge::swim(peer(), me(), GOSSIP, &[(last, 0, state)]);
        gossip.handle_payload(NOW, addr(1), &packet).expect("sound");
        assert_eq!(gossip.me().identity.generation, Generation(1_000));
        let beyond = life(addr(0), limits::GENERATION_MAX + 1);
        let packet = forge::swim(peer(), me(), GOSSIP, &[(beyond, 0, state)]);
        assert!(gossip.handle_payload(NOW, addr(1), &packet).is_err());
        drain(&mut gossip);
    }
}

#[test]
fn false_records_of_this_node_are_corrected_by_a_newer_one() {
    let left = 4;
    for (generation, version, declared) in [(1_000, 9, 2), (1_000, 9, left), (3_000, 1, left)] {
        let mut gossip = introduced();
        let false_record = forge::record(life(addr(0), generation), version, declared);
        gossip
            .handle_payload(NOW, addr(1), &false_record)
            .expect("sound");
        let me = gossip.me();
        assert_eq!(me.state, NodeState::Online);
        let ours = (me.identity.generation.0, me.version);
        assert!(ours > (generation, version), "{ours:?}");
        if declared == left {
            assert!(
                me.identity.generation.0 > generation,
                "nothing follows a goodbye"
            );
        }
    }
    let mut gossip = introduced();
    let last_version = VarInt::MAX.get();
    let unbeatable = forge::record(me(), last_version, 1);
    gossip
        .handle_payload(NOW, addr(1), &unbeatable)
        .expect("sound");
    assert!(gossip.me().version < last_version, "by a new generation");
    assert!(gossip.me().identity.generation > Generation(1_000));

    let mut gossip = introduced();
    gossip
        .handle_payload(NOW, addr(1), &forge::failed(me()))
        .expect("sound");
    let (_, events) = drain(&mut gossip);
    assert!(matches!(events[..], [Event::SelfRenewed { .. }]));
}

/// One false record with a version just below the last, and one far from it: a node outbids both once, and can still
/// say something new afterwards, for ever.
#[test]
fn a_false_record_does_not_use_up_the_versions() {
    for below in [1, 2, 3, 1 << 61, (1 << 61) + 1, (1 << 61) + 2] {
        let mut net = Net::joined(3, Weather::CALM, 4);
        let version = VarInt::MAX.get() - below;
        let false_record = forge::record(me(), version, 1);
        for _ in 0..3 {
            net.with(1, |gossip, now| {
                gossip
                    .handle_payload(now, addr(2), &false_record)
                    .expect("sound");
            });
            net.run_for(20 * SECOND);
        }
        let renewed = |(_, event): &&(Instant, Event)| matches!(event, Event::SelfRenewed { .. });
        let renewals = net.hosts[0].events.iter().filter(renewed).count();
        assert!(renewals <= 1, "{renewals} with {below} versions left");
        for state in [
            DeclaredState::Taken,
            DeclaredState::Online,
            DeclaredState::Taken,
        ] {
            net.declare(0, state);
            net.run_for(SECOND);
            assert!(
                net.all_know(0, state),
                "{state:?} with {below} versions left"
            );
        }
        assert!(net.hosts[0].gossip.me().version < VarInt::MAX.get());
    }
}

#[test]
fn nothing_that_is_said_of_a_leaving_node_brings_it_back() {
    let mut gossip = introduced();
    gossip.leave(NOW);
    drain(&mut gossip);
    let version = gossip.me().version;
    for payload in [
        forge::swim(peer(), me(), TURN_UNDEAD, &[]),
        forge::swim(
            peer(),
            me(),
            GOSSIP,
            &[(me(), 0, DOWN), (life(addr(0), 9_999), 0, ALIVE)],
        ),
        forge::failed(me()),
        forge::record(me(), 77, 1),
    ] {
        gossip
            .handle_payload(NOW, addr(1), &payload)
            .expect("sound");
    }
    let ping = forge::swim(peer(), me(), PING, &[]);
    gossip.handle_payload(NOW, addr(1), &ping).expect("sound");
    let (transmits, events) = drain(&mut gossip);
    assert_eq!(events, []);
    assert_eq!(gossip.me().version, version);
    let acks = transmits
        .iter()
        .filter(|(to, payload)| *to == addr(1) && payload[0] == 1);
    assert_eq!(acks.count(), 1, "pings are still answered");
}

#[test]
fn a_goodbye_is_final_whatever_is_said_later() {
    let mut gossip = introduced();
    gossip
        .handle_payload(NOW, addr(1), &forge::record(peer(), 2, 4))
        .expect("sound");
    let (transmits, events) = drain(&mut gossip);
    assert!(
        matches!(events[..], [Event::Left(_), Event::Alone]),
        "{events:?}"
    );
    assert!(
        transmits
            .iter()
            .any(|(to, payload)| *to == addr(1) && payload[0] == 7),
        "acknowledged"
    );

    let later = Life {
        renewal: 3,
        ..peer()
    };
    for payload in [
        forge::record(peer(), 9, 1),
        forge::record(later, 10, 1),
        forge::swim(peer(), me(), PING, &[]),
        forge::swim(later, me(), PING, &[]),
    ] {
        gossip
            .handle_payload(NOW, addr(1), &payload)
            .expect("sound");
    }
    assert!(gossip.is_alone(), "nobody is there");
    let (transmits, events) = drain(&mut gossip);
    assert_eq!(events, []);
    let mut reminder = forge::record(peer(), 2, 4);
    reminder[0] = 3;
    assert_eq!(transmits, vec![(addr(1), reminder); 4], "each time");

    let hearsay = [(later, 0, ALIVE), (peer(), 9, SUSPECT)];
    let other = forge::swim(life(addr(2), 1), me(), GOSSIP, &hearsay);
    gossip.handle_payload(NOW, addr(2), &other).expect("sound");
    for round in 1..50 {
        gossip.handle_timeout(NOW + Duration::from_millis(20) * round);
    }
    let (transmits, _) = drain(&mut gossip);
    assert!(
        transmits.iter().all(|(to, _)| *to == addr(2)),
        "{transmits:?}"
    );
    let state = gossip.node(addr(1)).expect("still listed").state;
    assert_eq!(state, NodeState::Left);
}

/// The whole table full of members that do not exist.
#[test]
fn a_full_table_refuses_newcomers_until_somebody_is_gone() {
    let mut gossip = introduced();
    let invented = |index: u32| {
        let ip = std::net::Ipv4Addr::from(0x0b00_0000 + index);
        life(SocketAddr::from((ip, 9)), 1)
    };
    let count = u32::try_from(limits::MEMBERS_MAX).expect("fits") - 1;
    let all: Vec<(Life, u16, u8)> = (0..count)
        .map(|index| (invented(index), 0, ALIVE))
        .collect();
    for updates in all.chunks(40) {
        let packet = forge::swim(peer(), me(), GOSSIP, updates);
        gossip.handle_payload(NOW, addr(1), &packet).expect("sound");
    }
    assert_eq!(gossip.stats().members_refused, 0);
    let (newcomer, known) = (life(addr(2), 1), forge::swim(peer(), me(), PING, &[]));
    let ping = forge::swim(newcomer, me(), PING, &[]);
    assert_eq!(
        gossip.handle_payload(NOW, addr(2), &ping),
        Err(PayloadError::Full)
    );
    let hearsay = forge::swim(peer(), me(), GOSSIP, &[(newcomer, 0, ALIVE)]);
    assert_eq!(
        gossip.handle_payload(NOW, addr(1), &hearsay),
        Ok(()),
        "the rest counts"
    );
    assert_eq!(gossip.stats().members_refused, 2);
    assert_eq!(
        gossip.handle_payload(NOW, addr(1), &known),
        Ok(()),
        "who is known, is heard"
    );

    for by in [peer(), invented(8)] {
        let down = forge::swim(by, me(), GOSSIP, &[(invented(7), 0, DOWN)]);
        gossip.handle_payload(NOW, by.addr, &down).expect("sound");
    }
    let later = NOW + Duration::from_millis(1);
    assert_eq!(gossip.handle_payload(later, addr(2), &ping), Ok(()));
    drain(&mut gossip);
}

/// One digest of everything, from a peer that knows nothing, of a node that knows a lot.
#[test]
fn one_payload_causes_a_bounded_number_of_others() {
    let mut net = Net::joined(1, Weather::CALM, 64);
    for index in 0..64 {
        let large = crate::net::largest_metadata(index, 1);
        net.with(index, |gossip, now| gossip.set_metadata(now, large));
    }
    net.run_until(10 * SECOND, Net::all_see_all);
    let everything = forge::raw(4, &[0, 0]);
    let now = net.now;
    let gossip = &mut net.hosts[0].gossip;
    let stranger = addr(999);
    gossip
        .handle_payload(now, stranger, &everything)
        .expect("sound");
    let (transmits, _) = drain(gossip);
    let answers = transmits.iter().filter(|(to, _)| *to == stranger).count();
    assert_eq!(answers, 17, "sixteen payloads and where to go on");
    let last = transmits.last().expect("not empty");
    assert_eq!(last.1[0], 6, "resume");

    let rest = forge::raw(4, &last.1[1..]);
    gossip.handle_payload(now, stranger, &rest).expect("sound");
    assert!(gossip.poll_transmit().is_some(), "and so it goes on");
}

/// Whoever still speaks to an earlier life of ours is told of this one.
#[test]
fn one_that_asks_again_and_again_is_answered_so_often() {
    let asks = [
        forge::raw(4, &[0, 0]),
        forge::raw(6, &[0, 0]),
        forge::payload(5, |writer| forge::put_addr(writer, addr(0))),
    ];
    for ask in asks {
        let mut gossip = introduced();
        let interval = GossipConfig::new(Profile::Local).gossip_interval;
        for round in 1..=3u32 {
            let now = NOW + interval * round;
            let mut answered = 0;
            for _ in 0..4 * limits::ASKS_PER_ROUND_MAX {
                gossip.handle_payload(now, addr(1), &ask).expect("sound");
                answered += usize::from(!drain(&mut gossip).0.is_empty());
            }
            assert_eq!(answered, limits::ASKS_PER_ROUND_MAX);
            // Others are not made to wait for it.
            gossip.handle_payload(now, addr(2), &ask).expect("sound");
            assert!(!drain(&mut gossip).0.is_empty());
        }
        assert_eq!(
            gossip.stats().asks_ignored,
            9 * limits::ASKS_PER_ROUND_MAX as u64
        );
    }
}

#[test]
fn a_peer_that_is_behind_is_brought_up_to_date() {
    let mut gossip = introduced();
    gossip.renew(NOW, Generation(4_000));
    let (_, events) = drain(&mut gossip);
    assert!(matches!(events[..], [Event::SelfRenewed { .. }]));
    let ping = forge::swim(peer(), me(), PING, &[]);
    gossip.handle_payload(NOW, addr(1), &ping).expect("sound");
    let (transmits, _) = drain(&mut gossip);
    assert!(
        matches!(&transmits[..], [(to, payload)] if *to == addr(1) && payload[0] == 2),
        "{transmits:?}"
    );
    gossip.renew(NOW, Generation(3_000));
    assert_eq!(
        gossip.me().identity.generation,
        Generation(4_000),
        "never back"
    );
}

fn is_survived(gossip: &mut Gossip, now: Instant, from: SocketAddr, payload: &[u8]) {
    let _ = gossip.handle_payload(now, from, payload);
    let (transmits, _) = drain(gossip);
    assert!(transmits.len() < 200, "{} payloads", transmits.len());
    for (to, payload) in transmits {
        assert!(payload.len() <= GOSSIP_BYTES_MAX);
        assert_ne!(to, gossip.me().addr());
    }
    if let Some(next) = gossip.poll_timeout() {
        assert!(next.at >= now);
    }
}

/// Payloads of every kind, as a cluster with some trouble sends them.
fn recorded() -> Vec<Vec<u8>> {
    let mut net = Net::new(3, Weather::lossy(20));
    net.recorded = Some(Vec::new());
    for index in 0..6 {
        net.add(index, 1_000);
    }
    net.join_all();
    net.stop(5);
    net.run_for(3 * SECOND);
    net.declare(3, DeclaredState::Taken);
    net.resume(5);
    net.run_for(SECOND);
    net.leave(4);
    net.run_for(SECOND);
    let mut recorded = net.recorded.take().expect("it was recording");
    recorded.push(forge::raw(6, &[0, 0]));
    for kind in 1..=7 {
        assert!(
            recorded.iter().any(|payload| payload[0] == kind),
            "kind {kind}"
        );
    }
    recorded
}

fn edits() -> impl Strategy<Value = Vec<(Index, u8, u8)>> {
    vec((any::<Index>(), 0..4u8, any::<u8>()), 0..6)
}

fn mutate(mut payload: Vec<u8>, edits: &[(Index, u8, u8)]) -> Vec<u8> {
    for (place, what, value) in edits {
        let place = place.index(payload.len() + 1);
        match what {
            0 => payload.insert(place, *value),
            1 => payload.truncate(place.max(1)),
            2 if place < payload.len() => {
                payload.remove(place);
            }
            _ => {
                if let Some(byte) = payload.get_mut(place) {
                    *byte = *value;
                }
            }
        }
    }
    payload
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_survived(
        payloads in vec((1..8u8, vec(any::<u8>(), 0..200)), 1..6),
    ) {
        let mut gossip = introduced();
        for (kind, body) in payloads {
            let mut payload = vec![kind];
            payload.extend(body);
            is_survived(&mut gossip, NOW, addr(1), &payload);
        }
    }
}

#[test]
fn changed_payloads_of_a_real_cluster_are_survived() {
    let recorded = recorded();
    let strategy = vec((any::<Index>(), edits(), 0..8usize, 0..400u64), 1..40);
    let config = ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(payloads in strategy)| {
        let mut gossip = introduced();
        let mut now = NOW;
        for (which, edits, from, pause_ms) in payloads {
            let payload = mutate(which.get(&recorded).clone(), &edits);
            is_survived(&mut gossip, now, addr(from), &payload);
            now = now + Duration::from_millis(pause_ms);
            gossip.handle_timeout(now);
            drain(&mut gossip);
        }
    });
}

#[test]
fn time_that_runs_backwards_is_the_latest_time() {
    let mut gossip = introduced();
    let later = NOW + 10 * SECOND;
    gossip.handle_timeout(later);
    drain(&mut gossip);
    let next = gossip.poll_timeout().expect("there is a peer");
    gossip.handle_timeout(NOW);
    let ping = forge::swim(peer(), me(), PING, &[]);
    gossip.handle_payload(NOW, addr(1), &ping).expect("sound");
    assert_eq!(
        gossip.poll_timeout().map(|deadline| deadline.at),
        Some(next.at)
    );
}

/// The format of version 1. What stands here stays readable by the next version.
#[test]
fn golden_bytes() {
    let ping = forge::swim(peer(), me(), PING, &[(life(addr(2), 9), 3, SUSPECT)]);
    let expected = [
        &[1, 4, 10, 0, 0, 1, 27, 88, 0, 0, 0, 0, 0, 0, 3, 232, 0, 0, 0][..],
        &[
            4, 10, 0, 0, 0, 27, 88, 0, 0, 0, 0, 0, 0, 3, 232, 0, 1, 0, 0, 1,
        ],
        &[4, 10, 0, 0, 2, 27, 88, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 3, 2],
    ];
    assert_eq!(ping, expected.concat());
    let mut gossip = introduced();
    gossip
        .handle_payload(NOW, addr(1), &ping)
        .expect("the format of this version");

    drain(&mut gossip);

    // Announcing: a SWIM packet, the node's own record as news, a digest of all that it knows.
    let own_record = |kind| {
        forge::payload(kind, |writer| {
            writer.u8(1).expect("room");
            forge::put_life(writer, me());
            writer.varint(VarInt::from(1u8)).expect("room");
            writer.u8(1).expect("room");
            for text in ["udp", "", "node-0", "192.0.2.0:4000", "", "1", ""] {
                writer.bytes(text.as_bytes()).expect("room");
            }
        })
    };
    let mut lonely = core();
    lonely.announce(NOW, addr(1));
    let digest = forge::payload(4, |writer| {
        writer.put(&[0, 0]).expect("room");
        forge::put_life(writer, me());
        writer.put(&[1, 1, 0]).expect("room");
    });
    let announce = forge::swim(me(), life(addr(1), 0), ANNOUNCE, &[]);
    let expected = [announce, own_record(2), digest].map(|payload| (addr(1), payload));
    assert_eq!(drain(&mut lonely).0, expected);

    // A want of the node's own record is answered with it.
    let want = forge::payload(5, |writer| forge::put_addr(writer, addr(0)));
    gossip
        .handle_payload(NOW, addr(1), &want)
        .expect("the format of this version");
    assert_eq!(drain(&mut gossip).0, [(addr(1), own_record(3))]);

    // A goodbye is acknowledged with its generation and version.
    gossip
        .handle_payload(NOW, addr(1), &forge::record(peer(), 2, 4))
        .expect("the format of this version");
    let ack = forge::raw(7, &[0, 0, 0, 0, 0, 0, 3, 232, 2]);
    assert_eq!(drain(&mut gossip).0, [(addr(1), ack)]);
}
