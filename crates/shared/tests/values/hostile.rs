//! Payloads that nobody honest sends.

use bytes::Bytes;
use hobnob_shared::{Process, values::Values};
use hobnob_wire::Instant;
use proptest::prelude::*;

use crate::net::process;

const NOW: Instant = Instant::ZERO;

/// Two nodes that know each other, the first with something to tell.
fn pair() -> (Values, Values) {
    let (one, other) = (process(0, 1), process(1, 1));
    let mut a = Values::new(one, 1, NOW);
    for number in 0..6_usize {
        let value = Bytes::from(vec![1; number * 40]);
        a.set(NOW, &format!("k{number}"), value).unwrap();
    }
    a.remove(NOW, "k3");
    let mut b = Values::new(other, 2, NOW);
    a.member_up(NOW, other);
    b.member_up(NOW, one);
    (a, b)
}

fn honest_payload() -> Vec<u8> {
    let (mut a, _) = pair();
    a.poll_transmit()
        .expect("it introduces itself")
        .payload
        .into()
}

fn take(node: &mut Values, payload: &[u8]) {
    let _ = node.handle_payload(NOW, process(0, 1).addr, payload);
    let mut sent = 0;
    while let Some(transmit) = node.poll_transmit() {
        sent += transmit.payload.len();
    }
    assert!(sent < 1 << 20, "what one payload causes is bounded");
}

proptest! {
    #[test]
    fn any_bytes_are_taken_without_a_panic(payload in proptest::collection::vec(any::<u8>(), 0..400)) {
        let (mut a, mut b) = pair();
        take(&mut a, &payload);
        take(&mut b, &payload);
    }

    #[test]
    fn a_payload_with_faults_is_taken_without_a_panic(
        faults in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut payload = honest_payload();
        for (at, byte) in faults {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        let (_, mut b) = pair();
        take(&mut b, &payload);
        take(&mut b, &payload[..cut.index(payload.len())]);
    }
}

/// The head of a values item of a process, from one version to another.
fn values_item(of: Process, base: u8, version: u8, floor: u8, count: u8) -> Vec<u8> {
    let mut bytes = vec![0, 0, 2, 4];
    let std::net::IpAddr::V4(ip) = of.addr.ip() else {
        unreachable!("addresses here are of version 4");
    };
    bytes.extend(ip.octets());
    bytes.extend(of.addr.port().to_be_bytes());
    bytes.extend(of.generation.0.to_be_bytes());
    bytes.extend([base, version, floor, count]);
    bytes
}

fn slot(key: &str, version: u8, value: Option<usize>) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(key.len()).unwrap()];
    bytes.extend(key.as_bytes());
    bytes.push(version);
    match value {
        None => bytes.push(0),
        Some(len) => {
            bytes.push(1);
            match u8::try_from(len) {
                Ok(short @ 0..64) => bytes.push(short),
                _ => bytes.extend((u16::try_from(len).unwrap() | 0x4000).to_be_bytes()),
            }
            bytes.resize(bytes.len() + len, 0);
        }
    }
    bytes
}

#[test]
fn what_no_owner_can_have_set_is_refused() {
    let one = process(0, 1);
    let (_, mut b) = pair();
    let from = one.addr;
    let good = [
        values_item(one, 0, 2, 0, 2),
        slot("a", 1, None),
        slot("b", 2, Some(3)),
    ]
    .concat();
    for bad in [
        [values_item(one, 3, 3, 0, 0)].concat(),
        [values_item(one, 0, 2, 3, 0)].concat(),
        [values_item(one, 1, 9, 5, 0)].concat(),
        [values_item(one, 0, 2, 0, 1), slot("a", 3, None)].concat(),
        [
            values_item(one, 0, 2, 0, 2),
            slot("b", 1, None),
            slot("a", 2, None),
        ]
        .concat(),
        [values_item(one, 0, 2, 0, 1), slot("a\n", 2, None)].concat(),
        [values_item(one, 0, 2, 0, 1), slot("", 2, None)].concat(),
        [values_item(one, 0, 2, 0, 1), slot("a", 2, Some(5_000))].concat(),
    ] {
        assert!(b.handle_payload(NOW, from, &bad).is_err(), "{bad:?}");
    }
    let excessive = [
        values_item(one, 0, 2, 0, 2),
        slot("a", 1, Some(4_000)),
        slot("b", 2, Some(4_000)),
    ];
    assert_eq!(b.handle_payload(NOW, from, &excessive.concat()), Ok(()));
    assert_eq!(b.stats().excessive, 1);
    assert!(b.of(one).is_none_or(|set| set.version() == 0));

    assert_eq!(b.handle_payload(NOW, from, &good), Ok(()));
    assert!(
        b.of(one)
            .is_some_and(|set| set.version() == 2 && set.get("a").is_none())
    );
    let before = b.stats().useless;
    let early = values_item(one, 7, 9, 0, 0);
    assert_eq!(b.handle_payload(NOW, from, &early), Ok(()));
    assert_eq!(b.handle_payload(NOW, from, &good), Ok(()));
    assert_eq!(b.stats().useless, before + 2, "a gap, and a repetition");
}

/// Somebody holds a version of a process' values that it never had. What others hold becomes its own word again, also
/// where that lies below what it was told.
#[test]
fn a_false_version_is_outbid_by_its_owner() {
    let (mut a, mut b) = pair();
    let (one, other) = (process(0, 1), process(1, 1));
    let carry = |a: &mut Values, b: &mut Values| {
        loop {
            if let Some(transmit) = a.poll_transmit() {
                b.handle_payload(NOW, one.addr, &transmit.payload).unwrap();
                a.handle_sent(NOW, transmit.to, transmit.payload.len(), true);
            } else if let Some(transmit) = b.poll_transmit() {
                a.handle_payload(NOW, other.addr, &transmit.payload)
                    .unwrap();
                b.handle_sent(NOW, transmit.to, transmit.payload.len(), true);
            } else {
                return;
            }
        }
    };
    let mut now = NOW;
    let mut settle = |a: &mut Values, b: &mut Values| {
        for _ in 0..40 {
            now = now + core::time::Duration::from_millis(500);
            a.handle_timeout(now);
            b.handle_timeout(now);
            carry(a, b);
        }
    };
    settle(&mut a, &mut b);
    assert_eq!(b.of(one), Some(a.own()));
    let version = a.own().version();
    let false_values = [values_item(one, 0, 60, 60, 1), slot("lie", 60, Some(3))].concat();
    b.handle_payload(NOW, process(2, 1).addr, &false_values)
        .unwrap();
    assert!(b.of(one).is_some_and(|set| set.get("lie").is_some()));
    settle(&mut a, &mut b);
    assert!(a.own().version() > 60 && version < 60);
    assert_eq!(b.of(one), Some(a.own()));
    assert_eq!(b.of(one).unwrap().iter().count(), 5);
    assert_eq!(a.stats().outbid, 1);
    a.set(NOW, "k3", Bytes::from("new")).unwrap();
    a.remove(NOW, "k4");
    settle(&mut a, &mut b);
    assert_eq!(b.of(one), Some(a.own()));
}

#[test]
fn nobody_speaks_for_this_node_or_for_a_process_that_is_outlived() {
    let (_, mut b) = pair();
    let from = process(0, 1).addr;
    let b_itself = [
        values_item(process(1, 1), 0, 9, 0, 1),
        slot("a", 9, Some(1)),
    ]
    .concat();
    let later = [
        values_item(process(1, 7), 0, 9, 0, 1),
        slot("a", 9, Some(1)),
    ]
    .concat();
    let earlier = [
        values_item(process(0, 0), 0, 9, 0, 1),
        slot("a", 9, Some(1)),
    ]
    .concat();
    for payload in [b_itself, later, earlier] {
        assert_eq!(b.handle_payload(NOW, from, &payload), Ok(()));
    }
    assert_eq!(b.stats().useless, 3);
    assert_eq!(b.own().iter().count(), 0);
    assert!(b.of(process(1, 7)).is_none() && b.of(process(0, 0)).is_none());
}
