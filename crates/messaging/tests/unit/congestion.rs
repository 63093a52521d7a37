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
    congestion.on_lost(at(10), at(5), false);
    congestion.on_lost(at(11), at(6), false);
    congestion.on_lost(at(12), at(10), false);
    assert_eq!(congestion.window(), initial / 2);
    congestion.on_lost(at(20), at(11), false);
    assert_eq!(congestion.window(), initial / 4);
}

#[test]
fn after_a_loss_it_grows_by_a_datagram_a_round_trip() {
    let mut congestion = filled();
    congestion.on_lost(at(10), at(5), false);
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
    congestion.on_lost(at(10), at(5), true);
    assert_eq!(congestion.window(), MINIMUM_WINDOW_DATAGRAMS * DATAGRAM);
    assert!(congestion.allows(DATAGRAM) && !congestion.allows(DATAGRAM + 1));
    for millis in 11..100 {
        congestion.on_lost(at(millis), at(millis), false);
    }
    assert_eq!(congestion.window(), MINIMUM_WINDOW_DATAGRAMS * DATAGRAM);
}

#[test]
fn jumbo_datagrams_get_two() {
    let congestion = Congestion::new(65_000, 1 << 20);
    assert_eq!(congestion.window(), 130_000);
}
