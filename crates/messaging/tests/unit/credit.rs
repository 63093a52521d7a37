//! Who counts as a sender, and what is worth telling.

use core::time::Duration;

use super::*;

const DATAGRAM: usize = 1_400;

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

#[test]
fn each_bulk_sender_lowers_the_share_once() {
    let mut buffer = ReceiveBuffer::new(100_000, DATAGRAM);
    let mut peers = [(); 4].map(|()| Inflow::default());
    for peer in &mut peers {
        for _ in 0..5 {
            peer.on_packet(&mut buffer, at(0), DATAGRAM);
        }
    }
    assert_eq!(buffer.share(), 25_000);
    let mut quiet = Inflow::default();
    quiet.on_packet(&mut buffer, at(50), 2 * DATAGRAM - 1);
    assert!(!quiet.is_bulk());
    assert_eq!(buffer.share(), 25_000);
}

#[test]
fn senders_that_stop_are_forgotten_after_two_intervals() {
    let mut buffer = ReceiveBuffer::new(100_000, DATAGRAM);
    let mut peers = [(); 4].map(|()| Inflow::default());
    for peer in &mut peers {
        peer.on_packet(&mut buffer, at(0), 10_000);
    }
    peers[0].on_packet(&mut buffer, at(100), 10_000);
    assert_eq!(buffer.share(), 25_000, "those of the last interval count");
    peers[0].on_packet(&mut buffer, at(200), 10_000);
    assert_eq!(buffer.share(), 100_000);
    for peer in &mut peers {
        peer.on_packet(&mut buffer, at(250), 10_000);
    }
    peers[0].on_packet(&mut buffer, at(1_000), 10_000);
    assert_eq!(buffer.share(), 100_000, "the last interval was long ago");
}

#[test]
fn a_share_is_never_below_two_datagrams() {
    let mut buffer = ReceiveBuffer::new(1, DATAGRAM);
    assert_eq!(buffer.share(), 2 * DATAGRAM);
    Inflow::default().on_packet(&mut buffer, at(0), usize::MAX);
    assert_eq!(buffer.share(), 2 * DATAGRAM);
}

#[test]
fn small_changes_are_no_news() {
    let mut credit = Credit::default();
    assert_eq!(credit.news(100, false), None, "it sends little");
    assert_eq!(credit.news(100, true), Some(VarInt::from(100u32)));
    credit.on_told(VarInt::from(100u32));
    for same in [75, 100, 125] {
        assert_eq!(credit.news(same, true), None);
    }
    assert!(credit.news(74, true).is_some());
    assert!(credit.news(126, false).is_some(), "it knows another one");
}

#[test]
fn what_was_lost_is_told_again_unless_something_newer_was_told() {
    let (old, new) = (VarInt::from(100u32), VarInt::from(50u32));
    let mut credit = Credit::default();
    credit.on_told(old);
    credit.on_told(new);
    credit.on_lost(old);
    assert_eq!(credit.news(50, true), None);
    credit.on_lost(new);
    assert_eq!(credit.news(50, true), Some(new));
}
