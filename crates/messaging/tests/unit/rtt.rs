//! Estimates of the round trip.

use super::*;

const MS: Duration = Duration::from_millis(1);

#[test]
fn the_first_sample_is_taken_as_it_is() {
    let mut rtt = Rtt::default();
    assert_eq!((rtt.measured(), rtt.smoothed()), (None, INITIAL_RTT));
    assert_eq!(rtt.probe_timeout(), 3 * INITIAL_RTT);
    rtt.sample(10 * MS, 3 * MS);
    assert_eq!(rtt.measured(), Some(10 * MS));
    assert_eq!(rtt.probe_timeout(), 33 * MS);
}

#[test]
fn the_time_an_ack_was_held_back_is_taken_off() {
    let mut rtt = Rtt::default();
    rtt.sample(10 * MS, Duration::ZERO);
    for _ in 0..200 {
        rtt.sample(25 * MS, 15 * MS);
    }
    assert_eq!(rtt.measured(), Some(10 * MS));
    let timeout = rtt.probe_timeout();
    assert!(
        timeout >= 25 * MS,
        "an ack may be held back as long again: {timeout:?}"
    );
}

#[test]
fn a_delay_that_cannot_be_true_is_not_believed() {
    let mut rtt = Rtt::default();
    rtt.sample(10 * MS, Duration::ZERO);
    for _ in 0..200 {
        rtt.sample(20 * MS, 3_600_000 * MS);
    }
    assert!(rtt.smoothed() > 19 * MS, "{:?}", rtt.smoothed());
}

#[test]
fn timeouts_have_a_floor() {
    let mut rtt = Rtt::default();
    for _ in 0..100 {
        rtt.sample(MS / 100, Duration::ZERO);
    }
    assert_eq!(
        (rtt.probe_timeout(), rtt.loss_delay()),
        (GRANULARITY, GRANULARITY)
    );
}
