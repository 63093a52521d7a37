//! Bytes that are not what a peer sent.

mod common;

use common::{FAIR, World, addr, craft, craft_data, hello};
use hobnob_session::Dropped;
use hobnob_wire::{
    CHECKSUM_BYTES, Generation, Handshake, HelloAck, Refuse, RefuseReason, SessionId, Writer,
    append_checksum,
};
use proptest::{collection::vec, prelude::*};

/// One datagram of each kind that a node with a session and an attempt takes.
fn welcome(world: &mut World) -> Vec<Vec<u8>> {
    world.connect(0, addr(2));
    let attempt = common::as_hello(&world.sent.last().expect("a hello").bytes);
    let (echo_session, echo_nonce) = (attempt.session, attempt.nonce);
    let data = world.nodes[1].data(addr(0), b"some bytes of data");
    let to_peer = world.nodes[0].data(addr(1), b"").expect("a session");
    let id_of_peer = common::session_of(&to_peer.bytes);
    vec![
        data.expect("a session").bytes,
        craft(Handshake::Hello(hello(0xaaaa_0000, 3))),
        craft(Handshake::HelloAck(HelloAck {
            version: 1,
            cluster: common::CLUSTER,
            generation: Generation(1),
            session: SessionId(0xbbbb_0000),
            echo_session,
            echo_nonce,
        })),
        craft(Handshake::Refuse(Refuse {
            echo_session,
            echo_nonce,
            reason: RefuseReason::Cluster,
        })),
        craft(Handshake::Reset(id_of_peer)),
    ]
}

fn is_malformed(drops: &[Dropped]) -> bool {
    matches!(drops, [Dropped::Malformed(_)])
}

#[test]
fn a_datagram_with_any_bit_turned_is_dropped() {
    let mut world = World::pair(1);
    let datagrams = welcome(&mut world);
    let before = world.sent.len();
    for bytes in &datagrams {
        for bit in 0..bytes.len() * 8 {
            let mut turned = bytes.clone();
            turned[bit / 8] ^= 1 << (bit % 8);
            for from in [addr(1), addr(2)] {
                world.inject(0, from, &turned);
                assert!(is_malformed(&world.nodes[0].drops), "bit {bit}");
                world.nodes[0].drops.clear();
            }
        }
    }
    assert_eq!(world.sent.len(), before, "no answer to any of them");
    assert_eq!(world.nodes[0].events, []);
    for (bytes, from) in datagrams.iter().zip([1, 1, 2, 2, 1]) {
        world.inject(0, addr(from), bytes);
    }
    let unsolicited = [Dropped::Unsolicited];
    assert_eq!(world.nodes[0].drops, unsolicited, "the refuse came late");
}

#[test]
fn a_datagram_cut_short_or_with_more_behind_it_is_dropped() {
    let mut world = World::pair(2);
    let datagrams = welcome(&mut world);
    for bytes in datagrams {
        for len in 0..bytes.len() {
            world.inject(0, addr(1), &bytes[..len]);
            assert!(is_malformed(&world.nodes[0].drops), "{len} bytes");
            world.nodes[0].drops.clear();
        }
        let mut longer = bytes.clone();
        longer.push(0);
        world.inject(0, addr(1), &longer);
        assert!(is_malformed(&world.nodes[0].drops));
        world.nodes[0].drops.clear();
    }
    assert_eq!(world.nodes[0].events, []);
}

/// A right trailer behind any bytes.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    let mut buffer = vec![0; bytes.len() + CHECKSUM_BYTES];
    let mut w = Writer::new(&mut buffer);
    w.put(bytes).expect("it fits");
    append_checksum(&mut w).expect("it fits");
    buffer
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in vec(any::<u8>(), 0..300), from in 1..4usize) {
        let mut world = World::pair(3);
        welcome(&mut world);
        world.inject(0, addr(from), &bytes);
        world.inject(0, addr(from), &sealed(&bytes));
        prop_assert_eq!(world.nodes[0].drops.len(), 2);
        prop_assert!(world.nodes[0].is_established(addr(1)));
    }

    #[test]
    fn any_bytes_behind_a_good_start_are_survived(
        kind in 0..7u8,
        tail in vec(any::<u8>(), 0..140),
        from in 1..4usize,
    ) {
        let mut world = World::pair(4);
        welcome(&mut world);
        let mut bytes = vec![b'H', 1, kind];
        bytes.extend(tail);
        world.inject(0, addr(from), &sealed(&bytes));
        world.run_for(common::ms(50));
        prop_assert!(world.nodes[0].is_established(addr(1)));
    }

    #[test]
    fn welcome_datagrams_with_bytes_changed_are_survived(
        which in 0..5usize,
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        from in 1..4usize,
    ) {
        let mut world = World::pair(5);
        let mut bytes = welcome(&mut world).swap_remove(which);
        bytes.truncate(bytes.len() - CHECKSUM_BYTES);
        for (index, value) in changes {
            let at = index.index(bytes.len());
            bytes[at] = value;
        }
        world.inject(0, addr(from), &sealed(&bytes));
        world.run_for(common::ms(50));
        for node in &mut world.nodes {
            node.sessions.handle_timeout(world.now);
        }
    }

    /// The window against a model that remembers every number.
    #[test]
    fn a_packet_number_is_taken_once_and_within_the_window(
        steps in vec((0..3u8, 0..3_000u64), 1..300),
    ) {
        let mut world = World::new(1, 6, FAIR);
        world.inject(0, addr(1), &craft(Handshake::Hello(hello(0x100, 1))));
        let id = common::as_ack(&world.sent[0].bytes).session;
        let mut taken = std::collections::BTreeSet::new();
        let mut highest = 0u64;
        for (kind, distance) in steps {
            let number = match kind {
                0 => highest.saturating_sub(distance),
                1 => highest + distance % 4,
                _ => highest + distance,
            };
            let node = &mut world.nodes[0];
            let (bodies, drops) = (node.bodies.len(), node.drops.len());
            node.take(world.now, addr(1), &craft_data(id, number, b""));
            let expected = if !taken.is_empty() && number + 1_024 <= highest {
                Some(Dropped::TooOld)
            } else if taken.insert(number) {
                None
            } else {
                Some(Dropped::Replayed)
            };
            highest = highest.max(number);
            prop_assert_eq!(node.drops.get(drops).copied(), expected);
            prop_assert_eq!(node.bodies.len() - bodies, usize::from(expected.is_none()));
        }
    }
}

#[test]
fn the_highest_packet_number_is_survived() {
    let mut world = World::new(1, 7, FAIR);
    world.inject(0, addr(1), &craft(Handshake::Hello(hello(0x100, 1))));
    let id = common::as_ack(&world.sent[0].bytes).session;
    let last = (1 << 62) - 1;
    for number in [0, last, last, last - 1_023, last - 1_024] {
        world.inject(0, addr(1), &craft_data(id, number, b""));
    }
    assert_eq!(world.nodes[0].bodies.len(), 3);
    assert_eq!(world.nodes[0].drops, [Dropped::Replayed, Dropped::TooOld]);
}

#[test]
fn every_drop_is_counted_under_its_name() {
    let mut world = World::pair(8);
    world.inject(0, addr(1), b"nonsense");
    world.inject(0, addr(1), &craft(Handshake::Reset(SessionId(1))));
    world.inject(0, addr(1), &craft_data(SessionId(1 << 20), 0, b""));
    let counted: Vec<_> = world.nodes[0]
        .sessions
        .stats()
        .dropped()
        .filter(|(_, count)| *count > 0)
        .collect();
    let expected = [("malformed", 1), ("unsolicited", 1), ("unknown_session", 1)];
    assert_eq!(counted, expected);
}
