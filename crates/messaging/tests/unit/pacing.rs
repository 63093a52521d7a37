//! When the next datagram may go.

use super::*;

const DATAGRAM: usize = 1_400;
const WINDOW: usize = 100 * DATAGRAM;
const ROUND_TRIP: Duration = Duration::from_millis(100);

fn at(micros: u64) -> Instant {
    Instant::from_nanos(1_000_000_000 + micros * 1_000)
}

/// Datagrams that go until the pacer says no, and the time until it says yes.
fn burst(pacer: &mut Pacer, now: Instant, round_trip: Option<Duration>) -> (usize, Duration) {
    for sent in 1..=1_000 {
        pacer.on_sent(now, DATAGRAM, WINDOW, round_trip);
        if let Some(at) = pacer.resume_at() {
            return (sent, at.saturating_since(now));
        }
    }
    (usize::MAX, Duration::ZERO)
}

#[test]
fn a_burst_goes_at_once_and_the_rest_at_five_fourths_of_the_window() {
    let mut pacer = Pacer::new(DATAGRAM);
    let (sent, wait) = burst(&mut pacer, at(0), Some(ROUND_TRIP));
    assert_eq!((sent, wait), (10, Duration::from_micros(800)));
    pacer.wake(at(799));
    assert!(pacer.resume_at().is_some());
    let mut total = 0;
    for step in 1..=125 {
        pacer.wake(at(800 * step));
        assert_eq!(pacer.resume_at(), None);
        total += burst(&mut pacer, at(800 * step), Some(ROUND_TRIP)).0;
    }
    assert_eq!(total, 125, "in one round trip");
}

#[test]
fn a_bucket_holds_no_more_than_a_burst() {
    let mut pacer = Pacer::new(DATAGRAM);
    burst(&mut pacer, at(0), Some(ROUND_TRIP));
    let (sent, _) = burst(&mut pacer, at(60_000_000), Some(ROUND_TRIP));
    assert_eq!(sent, 10);
    let (sent, _) = burst(&mut pacer, at(120_000_000), Some(5 * PACING_BURST));
    assert_eq!(sent, 25, "2 ms at 125 datagrams in 10 ms");
}

#[test]
fn a_short_or_unknown_round_trip_sets_no_pace() {
    let mut pacer = Pacer::new(DATAGRAM);
    assert_eq!(burst(&mut pacer, at(0), None).0, usize::MAX);
    assert_eq!(burst(&mut pacer, at(0), Some(PACING_BURST)).0, usize::MAX);
    assert_eq!(burst(&mut pacer, at(0), Some(Duration::ZERO)).0, usize::MAX);
}

#[test]
fn no_numbers_are_too_large() {
    let mut pacer = Pacer::new(65_000);
    let long = Some(Duration::from_secs(1 << 30));
    for _ in 0..100 {
        pacer.on_sent(at(0), usize::MAX, 1, long);
    }
    pacer.on_sent(Instant::from_nanos(u64::MAX), 1, usize::MAX, long);
}
