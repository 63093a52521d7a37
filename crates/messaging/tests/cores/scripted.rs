//! A core against a far side that does exactly what the test says, packet by packet.

use std::{ops::RangeInclusive, time::Duration};

use bytes::Bytes;
use hobnob_messaging::{
    Config, Event, Messaging, SendError, SessionChange, Token,
    limits::{CANCELS_MAX, MESSAGE_WINDOW},
};
use hobnob_wire::{
    AckFrame, ContentHead, Frame, Frames, Instant, MessageId, PacketNumber, ResponseStatus,
    StreamId, Writer,
};

use crate::harness::{KNOWN, call, pattern, peer};

const FOREVER: Instant = Instant::from_nanos(u64::MAX);

/// What a test looks for in a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Ack,
    Noop,
    Floor(u64),
    Message(u64),
    Piece(u32),
    Unreliable,
    Cancel(u64),
    Credit(u64),
    Skip(u64, u16),
}

struct Scripted {
    core: Messaging,
    now: Instant,
    next_out: u32,
    next_in: u32,
}

impl Scripted {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        let mut core = Messaging::new(config, Instant::ZERO).unwrap();
        core.register(KNOWN);
        core.session_established(Instant::ZERO, peer(1), SessionChange::First);
        Self {
            core,
            now: Instant::ZERO,
            next_out: 0,
            next_in: 0,
        }
    }

    fn send(&mut self, payload: impl Into<Bytes>, deadline: Instant) {
        let call = call(payload, deadline, Token(0));
        self.core.send(self.now, peer(1), call).unwrap();
    }

    /// One datagram, if there is something to send.
    fn datagram(&mut self) -> Option<(u64, Vec<Seen>)> {
        let ready = self.core.poll_ready(self.now)?;
        let mut buffer = [0; 1_373];
        let mut w = Writer::new(&mut buffer);
        let number = self.next_out;
        self.core
            .fill(self.now, ready, PacketNumber::from(number), &mut w);
        if w.is_empty() {
            return None;
        }
        self.next_out += 1;
        let frames = Frames::new(w.written()).map(|frame| match frame.unwrap() {
            Frame::Ack(_) => Seen::Ack,
            Frame::Noop => Seen::Noop,
            Frame::Floor(id) => Seen::Floor(id.get()),
            Frame::Message { id, .. } => Seen::Message(id.get()),
            Frame::Fragment { offset, .. } => Seen::Piece(offset),
            Frame::Unreliable { .. } => Seen::Unreliable,
            Frame::Cancel(id) => Seen::Cancel(id.get()),
            Frame::Credit(bytes) => Seen::Credit(bytes.get()),
            Frame::Skip { id, distance } => Seen::Skip(id.get(), distance),
            other => panic!("{other:?}"),
        });
        Some((number.into(), frames.collect()))
    }

    fn datagrams(&mut self) -> Vec<(u64, Vec<Seen>)> {
        std::iter::from_fn(|| self.datagram()).collect()
    }

    fn hand_in(&mut self, write: impl FnOnce(&mut Writer<'_>)) {
        let mut buffer = [0; 1_373];
        let mut w = Writer::new(&mut buffer);
        write(&mut w);
        let body = Bytes::copy_from_slice(w.written());
        let packet = PacketNumber::from(self.next_in);
        self.next_in += 1;
        self.core
            .handle_packet(self.now, peer(1), packet, &body)
            .unwrap();
    }

    fn ack(&mut self, numbers: RangeInclusive<u64>) {
        self.hand_in(|w| AckFrame::write(w, 0, [numbers].into_iter(), &[]).unwrap());
    }

    /// Goes on to the next timer of the core.
    fn ring(&mut self) {
        self.now = self.core.poll_timeout().expect("a timer is set").at;
        self.core.handle_timeout(self.now);
    }

    /// Goes on until there is something to send.
    fn ring_until_ready(&mut self) -> Vec<(u64, Vec<Seen>)> {
        loop {
            self.ring();
            let datagrams = self.datagrams();
            if !datagrams.is_empty() {
                return datagrams;
            }
        }
    }

    fn wait(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
    }
}

#[test]
fn ids_go_no_further_than_the_receiver_remembers() {
    let config = Config {
        queue_messages_peer: 200_000,
        ..Config::default()
    };
    let mut far = Scripted::with(config);
    for _ in 0..MESSAGE_WINDOW + 5_000 {
        far.send("x", FOREVER);
    }
    let mut highest = 0;
    // All is acknowledged but what carries message 0.
    for _ in 0..20_000 {
        let datagrams = far.datagrams();
        let is_idle = datagrams.is_empty();
        far.wait(1);
        for (number, seen) in datagrams {
            highest = seen
                .iter()
                .filter_map(|seen| match seen {
                    Seen::Message(id) => Some(*id),
                    _ => None,
                })
                .chain([highest])
                .max()
                .unwrap();
            if !seen.contains(&Seen::Message(0)) {
                far.ack(number..=number);
            }
        }
        if highest == MESSAGE_WINDOW - 1 && is_idle {
            break;
        }
        far.core.handle_timeout(far.now);
    }
    assert_eq!(highest, MESSAGE_WINDOW - 1);

    let retransmitted = far.ring_until_ready();
    assert!(
        retransmitted[0].1.contains(&Seen::Message(0)),
        "{retransmitted:?}"
    );
    far.wait(1);
    far.ack(retransmitted[0].0..=retransmitted[0].0);
    let told = far.datagrams();
    let floor = [Seen::Floor(MESSAGE_WINDOW), Seen::Noop];
    assert_eq!(
        told[0].1, floor,
        "nothing else may go before the receiver knows the floor"
    );
    assert_eq!(told.len(), 1);
    // The packet with the floor is lost.
    let told = far.ring_until_ready();
    assert_eq!(told[0].1, floor);
    far.wait(1);
    far.ack(told[0].0..=told[0].0);
    let went_on = far.datagrams();
    assert!(went_on[0].1.contains(&Seen::Message(MESSAGE_WINDOW)));
}

/// How often a piece or message occurs in all datagrams.
fn times(datagrams: &[(u64, Vec<Seen>)], wanted: &Seen) -> usize {
    datagrams
        .iter()
        .flat_map(|(_, seen)| seen)
        .filter(|seen| *seen == wanted)
        .count()
}

#[test]
fn a_piece_whose_copies_are_all_lost_is_sent_once_more() {
    for payload in [pattern(3_000), pattern(1_000)] {
        let wanted = if payload.len() > 1_400 {
            Seen::Piece(0)
        } else {
            Seen::Message(0)
        };
        let mut far = Scripted::new();
        far.send(payload, FOREVER);
        assert_eq!(times(&far.datagrams(), &wanted), 1);
        let probe = far.ring_until_ready();
        assert_eq!((probe.len(), times(&probe, &wanted)), (1, 1), "a probe");
        let mut last = 0;
        for _ in 0..4 {
            far.wait(1);
            far.core.ping(far.now, peer(1));
            last = far.datagram().expect("a ping").0;
        }
        far.wait(1);
        far.ack(last..=last);
        assert_eq!(
            times(&far.datagrams(), &wanted),
            1,
            "not once for each lost copy"
        );
    }
}

#[test]
fn a_response_is_sent_again_when_its_request_comes_again() {
    let mut far = Scripted::new();
    let request = |far: &mut Scripted| {
        far.hand_in(|w| {
            let mut content = [0; 20];
            let mut head = Writer::new(&mut content);
            ContentHead::Request {
                command: KNOWN,
                timeout_ms: 60_000,
            }
            .encode(&mut head)
            .unwrap();
            Frame::Message {
                id: MessageId::ZERO,
                content: head.written(),
            }
            .encode(w)
            .unwrap();
        });
    };
    request(&mut far);
    let Some(Event::Request { key, .. }) = far.core.poll_event() else {
        panic!("a request")
    };
    far.core
        .respond(far.now, key, ResponseStatus::Ok, Bytes::from("answer"))
        .unwrap();
    assert_eq!(far.datagrams(), [(0, vec![Seen::Ack, Seen::Message(0)])]);
    far.wait(10);
    request(&mut far);
    assert_eq!(
        far.datagrams(),
        [(1, vec![Seen::Ack])],
        "the response may still be on its way"
    );
    far.wait(30);
    request(&mut far);
    assert_eq!(far.datagrams(), [(2, vec![Seen::Ack, Seen::Message(0)])]);
    assert_eq!(
        far.core.poll_event(),
        None,
        "the handler does not run again"
    );
    for _ in 0..4 {
        far.core.ping(far.now, peer(1));
        far.datagrams();
    }
    far.wait(1);
    far.ack(6..=6);
    assert_eq!(
        times(&far.datagrams(), &Seen::Message(0)),
        1,
        "not once for each lost copy"
    );
}

#[test]
fn a_probe_is_one_datagram_whatever_waits() {
    let mut far = Scripted::new();
    for _ in 0..20_000 {
        far.send("x", FOREVER);
    }
    far.datagrams();
    for _ in 0..5 {
        assert_eq!(far.ring_until_ready().len(), 1);
        far.hand_in(|w| Frame::Noop.encode(w).unwrap());
        let alone: Vec<_> = far.datagrams().into_iter().map(|(_, seen)| seen).collect();
        assert_eq!(alone, [[Seen::Ack]], "what waits does not ride with an ack");
    }
}

#[test]
fn a_probe_is_not_wasted_on_what_has_ended() {
    let mut far = Scripted::new();
    for _ in 0..60 {
        far.send("soon over", Instant::ZERO + Duration::from_millis(100));
    }
    let (_, seen) = far.datagram().unwrap();
    assert_eq!(seen.len(), 60);
    for _ in 0..20_000 {
        far.send("x", FOREVER);
    }
    far.datagrams();
    let probe = far.ring_until_ready();
    assert_eq!((probe.len(), times(&probe, &Seen::Message(0))), (1, 1));
    let timeouts = far.core.stats().probe_timeouts;
    let probe = far.ring_until_ready();
    assert_eq!(
        (probe.len(), times(&probe, &Seen::Message(60))),
        (1, 1),
        "{probe:?}"
    );
    assert_eq!(far.core.stats().probe_timeouts, timeouts + 1);
}

#[test]
fn sources_take_turns() {
    let mut far = Scripted::new();
    far.send(pattern(1 << 20), FOREVER);
    for _ in 0..20 {
        far.send(pattern(1_200), FOREVER);
        far.core
            .unreliable(far.now, peer(1), KNOWN, pattern(1_200))
            .unwrap();
    }
    let datagrams: Vec<_> = (0..9).map(|_| far.datagram().unwrap().1).collect();
    assert!(
        datagrams.iter().all(|seen| seen.len() == 1),
        "the rest of the room is not worth a piece"
    );
    let first = datagrams.concat();
    let is_piece = |seen: &&Seen| matches!(seen, Seen::Piece(_));
    let is_message = |seen: &&Seen| matches!(seen, Seen::Message(_));
    assert_eq!(first.iter().filter(is_piece).count(), 3, "{first:?}");
    assert_eq!(first.iter().filter(is_message).count(), 3);
    assert_eq!(times(&[(0, first)], &Seen::Unreliable), 3);
}

#[test]
fn a_timed_out_request_is_cancelled_once() {
    let mut far = Scripted::new();
    let deadline = Instant::ZERO + Duration::from_millis(500);
    far.core
        .request(far.now, peer(1), call("x", deadline, Token(0)))
        .unwrap();
    far.datagrams();
    far.ack(0..=0);
    assert_eq!(far.ring_until_ready(), [(1, vec![Seen::Cancel(0)])]);
    assert_eq!(far.core.poll_timeout(), None);
}

#[test]
fn a_given_up_request_is_cancelled_until_that_arrives() {
    let mut far = Scripted::new();
    let deadline = Instant::ZERO + Duration::from_secs(60);
    let call = far
        .core
        .request(far.now, peer(1), call("x", deadline, Token(0)))
        .unwrap();
    far.datagrams();
    far.core.cancel(far.now, call);
    let cancel = vec![Seen::Cancel(0), Seen::Noop, Seen::Floor(1)];
    assert_eq!(far.datagrams(), [(1, cancel.clone())]);
    assert_eq!(far.ring_until_ready(), [(2, cancel.clone())]);
    assert_eq!(far.ring_until_ready(), [(3, cancel)]);
    far.ack(3..=3);
    while far.core.poll_timeout().is_some() {
        far.ring();
        assert_eq!(far.datagrams(), []);
    }
}

#[test]
fn acknowledged_packets_are_not_acknowledged_for_ever() {
    let mut far = Scripted::new();
    for _ in 0..10 {
        far.hand_in(|w| Frame::Noop.encode(w).unwrap());
        assert_eq!(far.datagrams().len(), 1);
    }
    assert_eq!(far.datagrams(), [], "an ack asks for no ack");
}

#[test]
fn writable_comes_with_the_low_water_mark() {
    let config = Config {
        queue_messages_peer: 10,
        ..Config::default()
    };
    let mut far = Scripted::with(config);
    for _ in 0..10 {
        far.send(pattern(1_000), FOREVER);
    }
    let full = far.core.send(far.now, peer(1), call("", FOREVER, Token(0)));
    assert_eq!(
        full,
        Err(SendError::QueueFull {
            messages: 10,
            bytes: 10_000
        })
    );
    assert_eq!(far.datagrams().len(), 10);
    let mut writable_after = Vec::new();
    for number in 0..10 {
        far.ack(number..=number);
        while let Some(event) = far.core.poll_event() {
            if event == (Event::Writable { peer: peer(1) }) {
                writable_after.push(number + 1);
            }
        }
    }
    assert_eq!(writable_after, [5]);
}

#[test]
fn a_message_of_a_stream_that_was_given_up_is_skipped_until_that_arrives() {
    let mut far = Scripted::new();
    let soon = Instant::ZERO + Duration::from_millis(10);
    for deadline in [FOREVER, soon, FOREVER] {
        let call = call("", deadline, Token(0));
        far.core
            .send_in_order(far.now, peer(1), StreamId(1), call)
            .unwrap();
    }
    assert_eq!(far.datagrams()[0].1.len(), 3);
    let skip = vec![Seen::Skip(1, 1), Seen::Noop];
    assert_eq!(far.ring_until_ready(), [(1, skip)], "past its deadline");
    for _ in 0..20 {
        let again = far.ring_until_ready();
        let (last, seen) = again.last().unwrap();
        if seen.contains(&Seen::Skip(1, 1)) {
            far.ack(*last..=*last);
            far.wait(2_000);
            far.core.handle_timeout(far.now);
            let seen = far.datagrams();
            assert_eq!(times(&seen, &Seen::Skip(1, 1)), 0, "it arrived: {seen:?}");
            return;
        }
    }
    panic!("it is not repeated");
}

#[test]
fn cancellations_that_wait_are_bounded() {
    let mut far = Scripted::new();
    let mut calls = Vec::new();
    for _ in 0..CANCELS_MAX + 500 {
        let call = far
            .core
            .request(far.now, peer(1), call("", FOREVER, Token(0)));
        calls.push(call.unwrap());
    }
    loop {
        let datagrams = far.datagrams();
        let Some((last, _)) = datagrams.last() else {
            break;
        };
        far.wait(1);
        far.ack(0..=*last);
    }
    for call in calls {
        far.core.cancel(far.now, call);
    }
    assert_eq!(far.core.stats().cancels_skipped, 500);
    let cancels = far.datagrams().into_iter().flat_map(|(_, seen)| seen);
    assert_eq!(
        cancels
            .filter(|seen| matches!(seen, Seen::Cancel(_)))
            .count(),
        CANCELS_MAX
    );
}
