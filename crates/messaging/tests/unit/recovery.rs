//! When packets are lost and when a probe goes.

use alloc::vec::Vec;

use super::*;

const MS: Duration = Duration::from_millis(1);

fn at(millis: u32) -> Instant {
    Instant::ZERO + millis * MS
}

/// Packets 0, 1, 2 … sent at these times.
fn sent(times: &[u32]) -> Recovery {
    let mut recovery = Recovery::new(1_400, 1 << 20);
    for (number, time) in (0..).zip(times) {
        let packet = SentPacket {
            number,
            at: at(*time),
            bytes: 100,
            carried: Vec::new(),
            is_superseded: false,
        };
        recovery.on_sent(number, Some(packet));
    }
    recovery
}

fn ack(recovery: &mut Recovery, now: Instant, number: u64) {
    let place = recovery.sent.places_of(&(number..=number)).start;
    let packet = recovery.sent.take(place).expect("it is in flight");
    recovery.sent.trim();
    let newest = Newest {
        number,
        sent_at: packet.at,
    };
    recovery.on_ack(now, number, newest, Duration::ZERO);
}

fn lost(recovery: &mut Recovery, now: Instant) -> Vec<u64> {
    let mut lost = Vec::new();
    let count = recovery.detect_lost(now, |packet| lost.push(packet.number));
    assert_eq!(count, lost.len() as u64);
    lost
}

#[test]
fn three_later_packets_tell_of_a_loss() {
    let mut recovery = sent(&[0; 6]);
    ack(&mut recovery, at(10), 4);
    assert_eq!(lost(&mut recovery, at(10)), [0, 1]);
    assert_eq!(recovery.sent.in_flight(), 300);
}

#[test]
fn a_later_packet_and_some_time_tell_of_a_loss() {
    let mut recovery = sent(&[0, 0, 4]);
    ack(&mut recovery, at(8), 1);
    assert_eq!(lost(&mut recovery, at(8)), []);
    assert_eq!(
        recovery.alarm(),
        Some((at(9), Alarm::Loss)),
        "nine eighths of a round trip"
    );
    assert_eq!(lost(&mut recovery, at(9)), [0]);
    assert!(
        matches!(recovery.alarm(), Some((_, Alarm::Probe))),
        "packet 2 is under way"
    );
}

#[test]
fn nothing_is_lost_before_anything_was_acknowledged() {
    let mut recovery = sent(&[0; 6]);
    assert_eq!(lost(&mut recovery, at(100_000)), []);
}

#[test]
fn probes_back_off_to_a_limit() {
    let mut recovery = sent(&[0]);
    let mut now = at(0);
    let mut waits = Vec::new();
    for _ in 0..10 {
        let Some((next, Alarm::Probe)) = recovery.alarm() else {
            panic!("a packet is under way")
        };
        waits.push(next.saturating_since(now).as_millis());
        now = next;
        recovery.on_probe_timeout(now);
    }
    assert_eq!(waits[..5], [75, 150, 300, 600, 1_000]);
    assert_eq!(waits[5..], [1_000; 5]);
}

#[test]
fn an_ack_ends_the_backoff() {
    let mut recovery = sent(&[0, 0]);
    recovery.on_probe_timeout(at(75));
    recovery.on_probe_timeout(at(225));
    ack(&mut recovery, at(230), 1);
    lost(&mut recovery, at(230));
    assert_eq!(recovery.timeouts, 0);
}

#[test]
fn a_long_run_of_losses_is_persistent_congestion() {
    let minimum = 2 * 1_400;
    let mut recovery = sent(&[0, 5, 100, 200, 300, 400, 500, 501, 502, 503]);
    ack(&mut recovery, at(10), 0);
    ack(&mut recovery, at(510), 9);
    assert_eq!(lost(&mut recovery, at(510)), [1, 2, 3, 4, 5, 6]);
    assert_eq!(recovery.congestion.window(), minimum);
}

#[test]
fn a_short_run_of_losses_is_not() {
    let mut recovery = sent(&[0, 5, 10, 15, 20, 27, 27, 27]);
    let initial = recovery.congestion.window();
    ack(&mut recovery, at(10), 0);
    ack(&mut recovery, at(37), 7);
    assert_eq!(lost(&mut recovery, at(37)), [1, 2, 3, 4]);
    assert_eq!(recovery.congestion.window(), initial / 2);
}

#[test]
fn a_packet_that_arrived_interrupts_the_run() {
    let mut recovery = sent(&[0, 5, 60, 110, 111, 112, 113]);
    let initial = recovery.congestion.window();
    ack(&mut recovery, at(10), 0);
    let place = recovery.sent.places_of(&(2..=2)).start;
    recovery.sent.take(place);
    ack(&mut recovery, at(123), 6);
    assert_eq!(lost(&mut recovery, at(123)), [1, 3, 4]);
    assert_eq!(recovery.congestion.window(), initial / 2);
}
