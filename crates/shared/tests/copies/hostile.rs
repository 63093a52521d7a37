//! Bytes that no honest peer sends.

use std::time::Duration;

use bytes::Bytes;
use hobnob_shared::{PayloadError, SharedData, limits};
use hobnob_wire::Instant;
use proptest::prelude::*;

use crate::net::{Net, SECOND, UNIX_START, addr, copy};

const NOW: Instant = Instant::from_nanos(1_000_000_000);

/// A copy with something in it, and every kind of payload it and a peer have exchanged.
fn lived() -> (SharedData, Vec<Bytes>) {
    let (mut a, mut b) = (copy(0), copy(1));
    let mut payloads = Vec::new();
    for number in 0..50 {
        a.set(NOW, &format!("a{number}"), Bytes::from("value"))
            .unwrap();
        b.set(NOW, &format!("b{number}"), Bytes::from("value"))
            .unwrap();
        a.add(NOW, &format!("n{number}"), number).unwrap();
    }
    a.remove(NOW, "a7").unwrap();
    a.peer_up(NOW, addr(1));
    b.peer_up(NOW, addr(0));
    b.handle_timeout(NOW + 2 * SECOND);
    a.set(NOW + 2 * SECOND, "news", Bytes::new()).unwrap();
    loop {
        if let Some(transmit) = a.poll_transmit() {
            b.handle_payload(NOW, addr(0), &transmit.payload).unwrap();
            payloads.push(transmit.payload);
        } else if let Some(transmit) = b.poll_transmit() {
            a.handle_payload(NOW, addr(1), &transmit.payload).unwrap();
            payloads.push(transmit.payload);
        } else {
            break;
        }
    }
    let mut kinds: Vec<u8> = payloads.iter().map(|payload| payload[0]).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, [0, 1, 2, 3, 4], "there is one of each kind");
    (a, payloads)
}

fn answered(copy: &mut SharedData) -> usize {
    std::iter::from_fn(|| copy.poll_transmit())
        .map(|transmit| transmit.payload.len())
        .sum()
}

proptest! {
    #[test]
    fn any_bytes_are_survived(payload in prop::collection::vec(any::<u8>(), 0..300), kind in 0..6u8) {
        let (mut copy, _) = lived();
        let mut bytes = vec![kind];
        bytes.extend(payload);
        let _ = copy.handle_payload(NOW, addr(5), &bytes);
        prop_assert!(answered(&mut copy) <= limits::UNFINISHED_BYTES_PEER_MAX);
    }

    #[test]
    fn damaged_payloads_are_survived(
        which in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        keep in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let (mut copy, payloads) = lived();
        let mut bytes = which.get(&payloads).to_vec();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if cut {
            bytes.truncate(keep.index(bytes.len()));
        }
        let before = copy.stats().payloads_refused;
        let refused = copy.handle_payload(NOW, addr(5), &bytes).is_err();
        prop_assert_eq!(copy.stats().payloads_refused - before, u64::from(refused));
        prop_assert!(answered(&mut copy) <= limits::UNFINISHED_BYTES_PEER_MAX);
        // It still works, and is still what it says of itself.
        copy.set(NOW, "after", Bytes::from("all")).unwrap();
        prop_assert_eq!(copy.get("after").unwrap().value, "all");
        prop_assert_eq!(copy.stats().entries, copy.entries().count());
    }

    #[test]
    fn every_prefix_is_refused_or_harmless(which in any::<prop::sample::Index>(), len in any::<prop::sample::Index>()) {
        let (mut copy, payloads) = lived();
        let payload = which.get(&payloads);
        let _ = copy.handle_payload(NOW, addr(5), &payload[..len.index(payload.len())]);
    }
}

#[test]
fn what_is_longer_than_any_payload_is_not_looked_at() {
    let mut copy = copy(0);
    let bytes = vec![0; limits::PAYLOAD_BYTES_MAX + 1];
    let refused = copy.handle_payload(NOW, addr(1), &bytes);
    assert_eq!(refused, Err(PayloadError::TooLarge(bytes.len())));
    assert_eq!(copy.stats().payloads_refused, 1);
}

/// An item of an entry, as the codec's text describes it.
fn entry(key: &str, time: u64, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1, u8::try_from(key.len()).unwrap()];
    bytes.extend(key.as_bytes());
    bytes.extend(time.to_be_bytes());
    bytes.extend([4, 10, 0, 0, 9, 0, 80]);
    bytes.extend(1u64.to_be_bytes());
    bytes.push(u8::try_from(value.len()).unwrap());
    bytes.extend(value);
    bytes
}

fn items(floor: u64, items: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0, 0];
    bytes.extend(floor.to_be_bytes());
    bytes.extend(items.concat());
    bytes
}

fn time(at: Duration) -> u64 {
    u64::try_from(at.as_millis()).unwrap() << 16
}

#[test]
fn nobody_can_set_a_floor_in_the_future_or_write_there() {
    let (mut copy, _) = lived();
    let entries = copy.stats().entries;
    let future = time(UNIX_START + Duration::from_secs(3_600));
    for time in [future, u64::MAX] {
        copy.handle_payload(NOW, addr(5), &items(time, &[entry("x", time, b"y")]))
            .unwrap();
    }
    assert_eq!(copy.stats().entries, entries);
    assert_eq!(copy.stats().items_ahead, 2);
    copy.set(NOW, "k", Bytes::new()).unwrap();
}

#[test]
fn a_version_with_two_values_has_one_everywhere() {
    let at = time(UNIX_START);
    let (one, other) = (entry("k", at, b"1"), entry("k", at, b"2"));
    let (mut a, mut b) = (copy(0), copy(1));
    a.handle_payload(NOW, addr(5), &items(0, &[one.clone(), other.clone()]))
        .unwrap();
    b.handle_payload(NOW, addr(5), &items(0, &[other, one]))
        .unwrap();
    assert_eq!(a.get("k"), b.get("k"));
    assert_eq!(a.get("k").unwrap().value, "2");
}

#[test]
fn a_peer_that_asks_and_asks_is_answered_up_to_what_may_be_on_its_way() {
    let mut net = Net::new(1, 2);
    let now = net.now;
    for number in 0..500 {
        let value = Bytes::from(vec![1; 10_000]);
        net.at(0).set(now, &format!("k{number}"), value).unwrap();
    }
    let copy = net.at(0);
    answered(copy);
    copy.handle_sent(now, addr(1), usize::MAX, true);
    // "I have nothing between the first and the last hash there is."
    let mut summary = vec![3, 0];
    summary.extend([0; 8]);
    summary.extend([255; 8]);
    summary.extend([0; 2]);
    for _ in 0..100 {
        copy.handle_payload(now, addr(1), &summary).unwrap();
    }
    let bytes = answered(copy);
    let most = limits::UNFINISHED_BYTES_PEER_MAX;
    assert!((most * 7 / 10..=most).contains(&bytes), "{bytes}");
    assert!(copy.stats().payloads_withheld > 0);
    copy.handle_sent(now, addr(1), bytes, true);
    copy.handle_payload(now, addr(1), &summary).unwrap();
    assert!(answered(copy) > 0, "it has room again");
}
