//! How the window grows and shrinks.

use super::*;

const DATAGRAM: usize = 1_400;

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

fn filled() -> Congestion {
    Congestion {
        is_underused: false,
        ..Congestion::new(DATAGRAM, 1 << 20)
    }
}

fn lose(congestion: &mut Congestion, now: Instant, sent_at: Instant, is_persistent: bool) {
    congestion.on_lost(
        now,
        Loss {
            packets: 1,
            sent_at,
            is_persistent,
            harmless: 0,
            patience: Duration::from_millis(10),
        },
    );
}

/// Acknowledges a window's worth of datagrams.
fn round_trip(congestion: &mut Congestion, sent_at: Instant) {
    for _ in 0..congestion.window() / DATAGRAM {
        congestion.on_acked(DATAGRAM, sent_at);
    }
}

#[test]
fn slow_start_doubles_it_up_to_the_limit() {
    let mut congestion = filled();
    let initial = congestion.window();
    assert_eq!(initial, INITIAL_WINDOW_DATAGRAMS * DATAGRAM);
    round_trip(&mut congestion, at(1));
    assert_eq!(congestion.window(), 2 * initial);
    for _ in 0..10 {
        round_trip(&mut congestion, at(1));
    }
    assert_eq!(congestion.window(), 1 << 20);
}

#[test]
fn a_round_trip_halves_it_once() {
    let mut congestion = filled();
    let initial = congestion.window();
    lose(&mut congestion, at(10), at(5), false);
    lose(&mut congestion, at(11), at(6), false);
    lose(&mut congestion, at(12), at(10), false);
    assert_eq!(congestion.window(), initial / 2);
    lose(&mut congestion, at(20), at(11), false);
    assert_eq!(congestion.window(), initial / 4);
}

#[test]
fn after_a_loss_it_grows_by_a_datagram_a_round_trip() {
    let mut congestion = filled();
    lose(&mut congestion, at(10), at(5), false);
    let halved = congestion.window();
    round_trip(&mut congestion, at(9));
    assert_eq!(
        congestion.window(),
        halved,
        "what was sent before says nothing"
    );
    round_trip(&mut congestion, at(11));
    assert_eq!(congestion.window(), halved + DATAGRAM);
}

#[test]
fn a_small_window_grows_at_half_the_pace() {
    let mut congestion = filled();
    for millis in 10..20 {
        lose(&mut congestion, at(millis), at(millis), false);
    }
    let smallest = congestion.window();
    round_trip(&mut congestion, at(30));
    assert_eq!(congestion.window(), smallest);
    round_trip(&mut congestion, at(31));
    assert_eq!(congestion.window(), smallest + DATAGRAM);
}

#[test]
fn a_reduction_for_packets_that_were_only_late_is_undone() {
    let mut congestion = filled();
    let initial = congestion.window();
    lose(&mut congestion, at(10), at(5), false);
    lose(&mut congestion, at(12), at(6), false);
    congestion.on_late(at(10));
    assert_eq!(congestion.window(), initial / 2, "one is still missing");
    congestion.on_late(at(12));
    assert_eq!(congestion.window(), initial);
    round_trip(&mut congestion, at(5));
    assert_eq!(congestion.window(), 2 * initial, "slow start goes on");
}

#[test]
fn reductions_that_follow_at_once_are_undone_together() {
    let mut congestion = filled();
    let initial = congestion.window();
    lose(&mut congestion, at(10), at(5), false);
    lose(&mut congestion, at(15), at(12), false);
    assert_eq!(congestion.window(), initial / 4);
    congestion.on_late(at(10));
    congestion.on_late(at(15));
    assert_eq!(congestion.window(), initial);
}

#[test]
fn a_packet_that_is_really_lost_keeps_the_window_small() {
    let mut congestion = filled();
    let initial = congestion.window();
    lose(&mut congestion, at(10), at(5), false);
    lose(&mut congestion, at(11), at(6), false);
    congestion.on_late(at(11));
    lose(&mut congestion, at(30), at(20), false);
    congestion.on_late(at(11));
    assert_eq!(
        congestion.window(),
        initial / 4,
        "that was another reduction"
    );
    congestion.on_late(at(30));
    assert_eq!(congestion.window(), initial / 2, "only the last is undone");
}

#[test]
fn an_underused_window_does_not_grow() {
    let mut congestion = filled();
    congestion.is_underused = true;
    let initial = congestion.window();
    round_trip(&mut congestion, at(1));
    assert_eq!(congestion.window(), initial);
}

#[test]
fn persistent_congestion_leaves_the_minimum() {
    let mut congestion = filled();
    lose(&mut congestion, at(10), at(5), true);
    assert_eq!(congestion.window(), MINIMUM_WINDOW_DATAGRAMS * DATAGRAM);
    assert!(congestion.allows(DATAGRAM) && !congestion.allows(DATAGRAM + 1));
    for millis in 11..100 {
        lose(&mut congestion, at(millis), at(millis), false);
    }
    assert_eq!(congestion.window(), MINIMUM_WINDOW_DATAGRAMS * DATAGRAM);
}

#[test]
fn jumbo_datagrams_get_two() {
    let congestion = Congestion::new(65_000, 1 << 20);
    assert_eq!(congestion.window(), 130_000);
}

/// Halves the window until it stays as it is, with so many acknowledged for each that is lost.
fn smallest(harmless: usize, acked: usize) -> usize {
    let mut congestion = filled();
    for millis in 1..200 {
        for _ in 0..acked {
            congestion.on_acked(DATAGRAM, at(0));
        }
        congestion.on_lost(
            at(millis),
            Loss {
                packets: 1,
                sent_at: at(millis),
                is_persistent: false,
                harmless,
                patience: Duration::ZERO,
            },
        );
    }
    congestion.window()
}

#[test]
fn a_bad_path_leaves_more_of_it_than_a_full_one() {
    let minimum = MINIMUM_WINDOW_DATAGRAMS * DATAGRAM;
    assert_eq!(smallest(1 << 20, 4), BAD_PATH_WINDOW_DATAGRAMS * DATAGRAM);
    assert_eq!(smallest(5_000, 4), 5_000, "no more than does no harm");
    assert_eq!(smallest(0, 4), minimum, "a queue is filled");
    assert_eq!(smallest(1 << 20, 60), minimum, "hardly anything is lost");
}
