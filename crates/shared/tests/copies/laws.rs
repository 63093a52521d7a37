//! What a copy is depends on what it has heard, not on when, how often, or from whom.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use hobnob_shared::SharedData;
use hobnob_wire::Instant;
use proptest::{prelude::*, sample::Index};

use crate::net::{UNIX_START, addr, copy, view};

const WRITERS: usize = 4;

#[derive(Clone, Debug)]
enum Op {
    Set(usize, u8, u8),
    Remove(usize, u8),
    Add(usize, u8, i8),
    /// The first hears what the second has told so far, up to somewhere.
    Hear(usize, usize, Index),
    /// A writer's clock is off, by milliseconds.
    Clock(usize, i16),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let node = 0..WRITERS;
    let op = prop_oneof![
        4 => (node.clone(), 0..4u8, any::<u8>()).prop_map(|(n, k, v)| Op::Set(n, k, v)),
        2 => (node.clone(), 0..4u8).prop_map(|(n, k)| Op::Remove(n, k)),
        3 => (node.clone(), 0..4u8, any::<i8>()).prop_map(|(n, k, d)| Op::Add(n, k, d)),
        2 => (node.clone(), node.clone(), any::<Index>()).prop_map(|(a, b, at)| Op::Hear(a, b, at)),
        1 => (node, any::<i16>()).prop_map(|(n, off)| Op::Clock(n, off)),
    ];
    prop::collection::vec(op, 0..40)
}

/// What all writers told, each of its changes by itself, the writers, and the sums of what was added.
struct Told {
    payloads: Vec<Bytes>,
    writers: Vec<SharedData>,
    sums: BTreeMap<String, i64>,
}

/// With clocks that stand still, many writes are of the same time.
fn play(ops: &[Op], stands_still: bool) -> Told {
    let mut now = Instant::ZERO;
    let mut writers: Vec<SharedData> = (0..WRITERS).map(copy).collect();
    for writer in &mut writers {
        // Somebody to tell.
        writer.peer_up(now, addr(99));
    }
    let mut told: Vec<Vec<Bytes>> = vec![Vec::new(); WRITERS];
    let mut sums = BTreeMap::new();
    for op in ops {
        // Every change is a round of news of its own.
        now = now + Duration::from_millis(200);
        for writer in writers.iter_mut().filter(|_| stands_still) {
            writer.set_wall_clock(now, UNIX_START);
        }
        match *op {
            Op::Set(n, k, v) => drop(writers[n].set(now, &format!("k{k}"), Bytes::from(vec![v]))),
            Op::Remove(n, k) => drop(writers[n].remove(now, &format!("k{k}"))),
            Op::Add(n, k, delta) => {
                if writers[n].add(now, &format!("n{k}"), delta.into()).is_ok() && delta != 0 {
                    *sums.entry(format!("n{k}")).or_default() += i64::from(delta);
                }
            }
            Op::Hear(a, b, at) => {
                let heard = at.index(told[b].len() + 1);
                for payload in &told[b][..heard] {
                    writers[a].handle_payload(now, addr(b), payload).unwrap();
                }
            }
            Op::Clock(n, off) => {
                let wall = UNIX_START + now.saturating_since(Instant::ZERO);
                let off = Duration::from_millis(off.unsigned_abs().into());
                let wall = if matches!(op, Op::Clock(_, off) if *off < 0) {
                    wall - off
                } else {
                    wall + off
                };
                writers[n].set_wall_clock(now, wall);
            }
        }
        for (writer, told) in writers.iter_mut().zip(&mut told) {
            while let Some(transmit) = writer.poll_transmit() {
                // The other kind compares.
                if transmit.payload[0] == 0 {
                    told.push(transmit.payload.clone());
                }
                writer.handle_sent(now, transmit.to, transmit.payload.len(), true);
            }
        }
    }
    Told {
        payloads: told.concat(),
        writers,
        sums,
    }
}

fn hear(copy: &mut SharedData, payload: &Bytes) {
    copy.handle_payload(
        Instant::from_duration(Duration::from_secs(60)),
        addr(0),
        payload,
    )
    .unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Commutative, associative and idempotent: any order, any repetition.
    #[test]
    fn copies_that_heard_the_same_are_equal(
        ops in ops(),
        stands_still in any::<bool>(),
        again in prop::collection::vec(any::<Index>(), 0..20),
        shuffle in any::<u64>(),
    ) {
        let told = play(&ops, stands_still);
        let mut one = copy(50);
        for payload in &told.payloads {
            hear(&mut one, payload);
        }
        let mut shuffled = told.payloads.clone();
        if !shuffled.is_empty() {
            shuffled.extend(again.iter().map(|index| index.get(&told.payloads).clone()));
            let mut state = shuffle;
            for at in (1..shuffled.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let other = usize::try_from(state >> 33).unwrap() % (at + 1);
                shuffled.swap(at, other);
            }
        }
        let mut other = copy(51);
        for payload in &shuffled {
            hear(&mut other, payload);
        }
        prop_assert_eq!(view(&one), view(&other));
        prop_assert_eq!(one.fingerprint(), other.fingerprint());
        // Nothing is counted twice, or not at all.
        for (name, sum) in &told.sums {
            prop_assert_eq!(one.counter(name), *sum);
        }
        // Nobody has anything that was not told.
        let mut all = told.writers;
        for writer in &mut all {
            for payload in &told.payloads {
                hear(writer, payload);
            }
            prop_assert_eq!(view(writer), view(&one));
        }
    }

    /// Two copies of whatever kind become equal by comparing, and both have what each of them had.
    #[test]
    fn comparing_makes_any_two_copies_equal(
        ops in ops(),
        stands_still in any::<bool>(),
        mine in prop::collection::vec(any::<bool>(), 40),
    ) {
        let told = play(&ops, stands_still);
        let (mut a, mut b, mut both) = (copy(50), copy(51), copy(52));
        for (number, payload) in told.payloads.iter().enumerate() {
            hear(if mine[number % mine.len()] { &mut a } else { &mut b }, payload);
            hear(&mut both, payload);
        }
        let mut now = Instant::from_duration(Duration::from_secs(60));
        a.peer_up(now, addr(51));
        b.peer_up(now, addr(50));
        for _ in 0..20 {
            now = now + Duration::from_secs(2);
            a.handle_timeout(now);
            b.handle_timeout(now);
            loop {
                if let Some(transmit) = a.poll_transmit() {
                    a.handle_sent(now, transmit.to, transmit.payload.len(), true);
                    b.handle_payload(now, addr(50), &transmit.payload).unwrap();
                } else if let Some(transmit) = b.poll_transmit() {
                    b.handle_sent(now, transmit.to, transmit.payload.len(), true);
                    a.handle_payload(now, addr(51), &transmit.payload).unwrap();
                } else {
                    break;
                }
            }
        }
        prop_assert_eq!(view(&a), view(&both));
        prop_assert_eq!(view(&b), view(&both));
        prop_assert_eq!(a.fingerprint(), b.fingerprint());
    }
}
