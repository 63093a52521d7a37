//! What late packets teach.

use alloc::vec::Vec;

use super::*;

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

/// Packets given up at 20 ms that were sent at 10 ms.
fn given_up(numbers: core::ops::Range<u64>) -> Reordering {
    let mut reordering = Reordering::new();
    for number in numbers {
        reordering.on_lost(Lost {
            number,
            sent_at: at(10),
            given_up_at: at(20),
        });
    }
    reordering
}

fn late(
    reordering: &mut Reordering,
    now: Instant,
    numbers: RangeInclusive<u64>,
    largest: u64,
) -> Vec<u64> {
    let mut late = Vec::new();
    reordering.on_acked(now, &numbers, largest, |lost| late.push(lost.number));
    late
}

#[test]
fn a_late_packet_raises_both_thresholds_as_far_as_needed() {
    let mut reordering = given_up(5..8);
    assert_eq!(late(&mut reordering, at(40), 0..=6, 20), [5, 6]);
    assert_eq!(reordering.packet_threshold(), 16, "20 was 15 after 5");
    assert_eq!(reordering.delay(), Duration::from_millis(30));
    assert_eq!(late(&mut reordering, at(50), 0..=6, 20), [], "once");
    assert_eq!(late(&mut reordering, at(45), 7..=7, 8), [7]);
    assert_eq!(reordering.packet_threshold(), 16, "it stays");
}

#[test]
fn thresholds_are_bounded() {
    let mut reordering = given_up(0..1);
    late(&mut reordering, at(100_000), 0..=0, 1 << 40);
    assert_eq!(reordering.packet_threshold(), PACKET_THRESHOLD_MAX);
    assert_eq!(reordering.delay(), REORDERING_DELAY_MAX);
}

#[test]
fn what_was_learned_is_forgotten_after_many_true_losses() {
    let mut reordering = given_up(0..2);
    late(&mut reordering, at(30), 0..=0, 10);
    for _ in 0..REORDERING_KEPT {
        reordering.on_reduction();
    }
    assert_eq!(reordering.packet_threshold(), 11);
    late(&mut reordering, at(30), 1..=1, 2);
    for _ in 0..REORDERING_KEPT {
        reordering.on_reduction();
    }
    assert_eq!(reordering.packet_threshold(), 11, "counted anew");
    reordering.on_reduction();
    assert_eq!(reordering.packet_threshold(), PACKET_THRESHOLD);
    assert_eq!(reordering.delay(), Duration::ZERO);
}

#[test]
fn only_so_many_are_remembered() {
    let kept = LOST_REMEMBERED as u64;
    let mut reordering = given_up(0..kept + 10);
    assert_eq!(reordering.lost.len(), LOST_REMEMBERED);
    assert_eq!(late(&mut reordering, at(30), 0..=10, 50), [10]);
}
