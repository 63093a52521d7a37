//! What ack frames say.

use std::{
    collections::{BTreeMap, BTreeSet},
    vec,
    vec::Vec,
};

use hobnob_wire::{Frame, Frames, RefusalReason};
use proptest::{collection::vec as many, prelude::*};

use super::*;

/// The packets and refusals of the ack frame that is written now.
fn told(acks: &mut AckState) -> Option<(BTreeSet<u64>, Vec<u64>)> {
    let mut buffer = [0; 1_200];
    let mut w = Writer::new(&mut buffer);
    acks.set_due();
    if !acks.write(Instant::ZERO, &mut w) {
        return None;
    }
    let mut frames = Frames::new(w.written());
    let Some(Ok(Frame::Ack(ack))) = frames.next() else {
        panic!("an ack frame")
    };
    let refused = ack
        .refusals()
        .map(|refusal| refusal.message.get())
        .collect();
    Some((ack.ranges().flatten().collect(), refused))
}

fn refusal(message: u32) -> Refusal {
    Refusal {
        message: message.into(),
        reason: RefusalReason::Overloaded,
    }
}

#[test]
fn packets_are_told_of_a_few_times() {
    let mut acks = AckState::default();
    for packet in 0..20 {
        acks.settle(Instant::ZERO, packet);
        let first = packet.saturating_sub(ACKS_TOLD as u64);
        assert_eq!(told(&mut acks).unwrap().0, (first..=packet).collect());
    }
}

#[test]
fn a_late_packet_is_told_of() {
    let mut acks = AckState::default();
    for packet in 1..20 {
        acks.settle(Instant::ZERO, packet);
        told(&mut acks);
    }
    acks.settle(Instant::ZERO, 0);
    assert!(told(&mut acks).unwrap().0.contains(&0));
}

#[test]
fn the_delay_is_that_of_the_largest() {
    let mut acks = AckState::default();
    acks.settle(Instant::from_nanos(1_000_000), 7);
    acks.settle(Instant::from_nanos(2_000_000), 3);
    acks.set_due();
    let mut buffer = [0; 100];
    let mut w = Writer::new(&mut buffer);
    assert!(acks.write(Instant::from_nanos(5_000_000), &mut w));
    let Some(Ok(Frame::Ack(ack))) = Frames::new(w.written()).next() else {
        panic!("an ack frame")
    };
    assert_eq!((ack.largest(), ack.delay_us()), (7, 4_000));
}

#[test]
fn nothing_is_due_without_packets() {
    let mut acks = AckState::default();
    assert!(acks.refuse(0, refusal(0)));
    acks.set_due();
    assert!(!acks.is_due());
    assert_eq!(told(&mut acks), None);
}

#[test]
fn room_for_refusals_is_made_by_telling_less() {
    let mut acks = AckState::default();
    let full = u32::try_from(ACK_REFUSALS_MAX).unwrap();
    for message in 0..full {
        assert!(acks.refuse(4, refusal(message)));
    }
    acks.settle(Instant::ZERO, 4);
    assert!(
        !acks.refuse(5, refusal(full)),
        "those of packet 4 were not told yet"
    );
    acks.withhold();
    assert_eq!(told(&mut acks).unwrap().1.len(), ACK_REFUSALS_MAX);
    assert!(acks.refuse(5, refusal(full)));
    acks.settle(Instant::ZERO, 5);
    assert_eq!(
        told(&mut acks),
        Some(([5].into(), vec![full.into()])),
        "packet 4 went with its refusals"
    );
}

#[test]
fn refusals_below_the_floor_are_forgotten() {
    let mut acks = AckState::default();
    for message in 0..10 {
        acks.refuse(1, refusal(message));
    }
    acks.settle(Instant::ZERO, 1);
    acks.raise(8u32.into());
    assert_eq!(told(&mut acks), Some(([1].into(), vec![8, 9])));
}

#[derive(Clone, Debug)]
enum Step {
    /// A packet with so many refused messages.
    Arrive(u64, u32),
    Tell,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0u64..120, Just(0)).prop_map(|(packet, refusals)| Step::Arrive(packet, refusals)),
        1 => (0u64..120, 0u32..40).prop_map(|(packet, refusals)| Step::Arrive(packet, refusals)),
        1 => Just(Step::Tell),
    ]
}

proptest! {
    /// An ack that covers a packet refuses all that was refused of it, whatever came between.
    #[test]
    fn no_ack_hides_a_refusal(steps in many(step(), 1..300)) {
        let mut acks = AckState::default();
        let mut arrived = BTreeMap::new();
        for step in steps {
            match step {
                Step::Arrive(packet, refusals) => {
                    if arrived.contains_key(&packet) {
                        continue;
                    }
                    let messages = (0..refusals).map(|message| u32::try_from(packet).unwrap() * 100 + message);
                    let is_settled = messages.fold(true, |all, message| acks.refuse(packet, refusal(message)) & all);
                    if is_settled {
                        acks.settle(Instant::ZERO, packet);
                    } else {
                        acks.withhold();
                    }
                    arrived.insert(packet, if is_settled { Some(refusals) } else { None });
                }
                Step::Tell => {
                    let Some((packets, refused)) = told(&mut acks) else { continue };
                    for packet in packets {
                        let Some(Some(refusals)) = arrived.get(&packet) else {
                            panic!("packet {packet} was not settled")
                        };
                        for message in 0..u64::from(*refusals) {
                            prop_assert!(refused.contains(&(packet * 100 + message)), "packet {}", packet);
                        }
                    }
                }
            }
            prop_assert!(acks.ranges.len() <= ACK_RANGES_MAX);
            let is_stuck = acks.refusals.len() == ACK_REFUSALS_MAX && acks.ranges.is_empty();
            prop_assert!(!is_stuck, "an ack can go that makes room");
        }
    }
}
