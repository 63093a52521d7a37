//! What relays say to each other: one encoding, checked to the end, bounded.

mod common;

use std::net::SocketAddr;

use common::{field, hex, written};
use hobnob_wire::{
    Command, FanOutId, Full, Generation, RelayHop, RelayOnce, RelayOutcome, RelayReport, RelayRun,
    RelayTarget, Writer,
    limits::{RELAY_HEAD_BYTES_MAX, RELAY_PLACES_MAX, RELAY_TARGETS_MAX},
};
use proptest::{collection::vec, option, prelude::*};

fn hop() -> RelayHop {
    RelayHop {
        id: FanOutId {
            origin: "10.0.0.1:7946".parse().unwrap(),
            generation: Generation(0x0006_a1b2_c3d4_e5f6),
            serial: 300,
        },
        floor: 298,
        part: 5,
        pace_ms: 125,
        timeout_ms: 5_000,
        limit: 4,
        command: Command(200),
        place: 7,
        generation: Some(Generation(9)),
    }
}

fn targets() -> [RelayTarget; 2] {
    [
        RelayTarget {
            place: 8,
            addr: "10.0.0.2:1".parse().unwrap(),
            generation: None,
        },
        RelayTarget {
            place: 10,
            addr: "[fd00::3]:2".parse().unwrap(),
            generation: Some(Generation(1)),
        },
    ]
}

/// Written down from the format's description.
const HOP: &str =
    "02 0a000001 1f0a 0006a1b2c3d4e5f6 412c 02 05 407d 5388 04 00c8 07 02 0000000000000009
    02 00 00 0a000002 0001 01 03 fd000000000000000000000000000003 0002 0000000000000001 6869";

#[test]
fn a_hop_has_these_bytes() {
    let mut bytes = written(|w| hop().encode(targets().into_iter(), w));
    bytes.extend_from_slice(b"hi");
    assert_eq!(bytes, hex(HOP));
    let (decoded, named, payload) = RelayHop::decode(&bytes).unwrap();
    assert_eq!((decoded, payload), (hop(), &b"hi"[..]));
    assert_eq!(named.collect::<Vec<_>>(), targets());
}

#[test]
fn a_message_sent_once_has_these_bytes() {
    let once = RelayOnce {
        origin: "10.0.0.1:7946".parse().unwrap(),
        limit: 4,
        command: Command(200),
    };
    let golden = hex("00 0a000001 1f0a 04 00c8 01 00 00 0a000002 0001 6869");
    let (decoded, named, payload) = RelayOnce::decode(&golden).unwrap();
    assert_eq!((decoded, payload), (once, &b"hi"[..]));
    let targets: Vec<_> = named.collect();
    let mut bytes = written(|w| once.encode(targets.into_iter(), w));
    bytes.extend_from_slice(b"hi");
    assert_eq!(bytes, golden);
}

#[test]
fn a_report_has_these_bytes() {
    let run = |start, len, outcome| RelayRun {
        start,
        len,
        outcome,
    };
    let runs = [
        run(3, 70, RelayOutcome::Taken),
        run(73, 1, RelayOutcome::NoHandler),
        run(75, 1, RelayOutcome::NoHandler),
        run(76, 1, RelayOutcome::Unreached),
    ];
    let bytes = written(|w| RelayReport::encode(300, true, runs.into_iter(), w));
    assert_eq!(bytes, hex("412c 01 03 4045 00 00 00 01 01 00 01 00 00 04"));
    let report = RelayReport::decode(&bytes).unwrap();
    assert_eq!((report.part, report.is_declined), (300, true));
    assert_eq!(report.runs.collect::<Vec<_>>(), runs);
}

#[test]
fn what_is_wrong_is_named() {
    let whole = hex(HOP);
    for end in 0..whole.len() - 2 {
        assert!(RelayHop::decode(&whole[..end]).is_err(), "{end} bytes");
    }
    let wrong = |place: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[place] = byte;
        field(RelayHop::decode(&bytes).unwrap_err())
    };
    assert_eq!(wrong(0, 0), "relay origin");
    assert_eq!(wrong(0, 4), "relay origin");
    // A serial of zero, which is below the floor.
    assert_eq!(wrong(15, 0x00), "relay floor");
    assert_eq!(wrong(23, 0), "relay limit");
    assert_eq!(wrong(27, 1), "relay generation flag");
    assert_eq!(wrong(28 + 8, 0x40), "relay targets");
    let report = |digits| field(RelayReport::decode(&hex(digits)).unwrap_err());
    assert_eq!(report("01 02"), "relay report flag");
    assert_eq!(report("01 00 00 00 05"), "relay outcome");
    assert_eq!(report("01 00 00 00 00 00 00 00"), "relay report run");
    assert_eq!(report("01 00 bfffffff 00 00"), "relay report run");
    assert_eq!(report("01 00 00 bfffffff 00"), "relay report run");
}

#[test]
fn too_many_targets_are_neither_written_nor_read() {
    let many = |count: usize| {
        (0..count).map(|place| RelayTarget {
            place: u32::try_from(place).unwrap() * 1_000 + 8,
            addr: SocketAddr::from(([0xfd; 16], 65_535)),
            generation: Some(Generation(u64::MAX)),
        })
    };
    let mut buffer = vec![0; RELAY_HEAD_BYTES_MAX];
    let mut w = Writer::new(&mut buffer);
    let most = many(RELAY_TARGETS_MAX);
    hop().encode(most, &mut w).expect("the limit is enough");
    let mut w = Writer::new(&mut buffer);
    let more = many(RELAY_TARGETS_MAX + 1);
    assert_eq!(hop().encode(more, &mut w), Err(Full));
    let head = written(|w| hop().encode([].into_iter(), w));
    let count = [&head[..head.len() - 1], &[0x44, 0x01]].concat();
    assert_eq!(
        field(RelayHop::decode(&count).unwrap_err()),
        "relay targets"
    );
}

fn any_target() -> impl Strategy<Value = (u32, SocketAddr, Option<Generation>)> {
    let generation = option::of(any::<u64>().prop_map(Generation));
    (0..1_000_u32, any::<SocketAddr>(), generation)
}

proptest! {
    #[test]
    fn hops_come_back(found in vec(any_target(), 0..30), payload in vec(any::<u8>(), 0..20)) {
        let mut place = 7;
        let targets: Vec<RelayTarget> = found.into_iter().map(|(gap, addr, generation)| {
            place += gap + 1;
            let addr = SocketAddr::new(addr.ip(), addr.port());
            RelayTarget { place, addr, generation }
        }).collect();
        let mut bytes = written(|w| hop().encode(targets.clone().into_iter(), w));
        bytes.extend_from_slice(&payload);
        let (decoded, named, rest) = RelayHop::decode(&bytes).unwrap();
        prop_assert_eq!(decoded, hop());
        prop_assert_eq!(named.len(), targets.len());
        prop_assert_eq!(named.collect::<Vec<_>>(), targets);
        prop_assert_eq!(rest, payload);
    }

    #[test]
    fn what_decodes_has_one_encoding(bytes in vec(any::<u8>(), 0..80), change in any::<(usize, u8)>()) {
        let mut near = hex(HOP);
        let place = change.0 % near.len();
        near[place] ^= change.1;
        for bytes in [bytes, near] {
            if let Ok((hop, targets, payload)) = RelayHop::decode(&bytes) {
                let mut again = written(|w| hop.encode(targets, w));
                again.extend_from_slice(payload);
                prop_assert_eq!(&again, &bytes);
            }
            if let Ok((once, targets, payload)) = RelayOnce::decode(&bytes) {
                let mut again = written(|w| once.encode(targets, w));
                again.extend_from_slice(payload);
                prop_assert_eq!(&again, &bytes);
            }
            if let Ok(report) = RelayReport::decode(&bytes) {
                let runs = report.runs.clone();
                for run in runs.clone() {
                    prop_assert!(run.len > 0 && run.start + run.len <= RELAY_PLACES_MAX);
                }
                let again = written(|w| RelayReport::encode(report.part, report.is_declined, runs, w));
                prop_assert_eq!(&again, &bytes);
            }
        }
    }
}
