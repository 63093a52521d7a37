//! A peer that says what it likes.

use std::time::Duration;

use bytes::Bytes;
use hobnob_messaging::{Config, Event, Failure, PacketError, limits::REASSEMBLY_AHEAD};
use hobnob_wire::{
    AckFrame, Command, Content, ContentHead, Frame, MessageId, PacketNumber, Refusal,
    RefusalReason, ResponseStatus, StreamId, VarInt, Writer,
};
use proptest::{collection::vec, prelude::*};

use crate::harness::{CLEAN, KNOWN, Net, ROUGH, UNKNOWN, call, pattern, peer};

const SECOND: Duration = Duration::from_secs(1);

fn body(write: impl FnOnce(&mut Writer<'_>)) -> Bytes {
    let mut buffer = [0; 1_373];
    let mut w = Writer::new(&mut buffer);
    write(&mut w);
    Bytes::copy_from_slice(w.written())
}

fn frame(frame: &Frame<'_>) -> Bytes {
    body(|w| frame.encode(w).unwrap())
}

fn ack(ranges: &[std::ops::RangeInclusive<u64>], refusals: &[Refusal]) -> Bytes {
    body(|w| AckFrame::write(w, 0, ranges.iter().cloned(), refusals).unwrap())
}

fn content(head: ContentHead, payload: &[u8]) -> Vec<u8> {
    body(|w| {
        head.encode(w).unwrap();
        w.put(payload).unwrap();
    })
    .to_vec()
}

/// A core in the middle of its work: calls in flight both ways, one open request, a large message half here.
fn busy() -> Net {
    let mut net = Net::pair(CLEAN, 1);
    net.request(1, 0, "open");
    net.send(1, 0, pattern(1 << 20));
    net.run(Duration::from_millis(5));
    net.cut(0, 1, true);
    net.cut(1, 0, true);
    for _ in 0..10 {
        net.send(0, 1, "one way");
        net.request(0, 1, "request");
    }
    net.send(0, 1, pattern(1 << 20));
    net.run(Duration::from_millis(5));
    net
}

fn hand_in(net: &mut Net, number: u32, body: &Bytes) -> Result<(), PacketError> {
    let packet = PacketNumber::from(1_000_000 + number);
    let result = net.nodes[0]
        .core
        .handle_packet(net.now, peer(1), packet, body);
    net.settle();
    result
}

#[test]
fn acks_for_packets_never_sent_are_ignored() {
    let mut net = busy();
    let (in_flight, events) = (
        net.nodes[0].core.in_flight(peer(1)),
        net.nodes[0].events.len(),
    );
    hand_in(&mut net, 0, &ack(&[1 << 61..=(1 << 62) - 1], &[])).unwrap();
    hand_in(&mut net, 1, &ack(&[5_000..=6_000, 4_000..=4_000], &[])).unwrap();
    assert_eq!(net.nodes[0].core.in_flight(peer(1)), in_flight);
    assert_eq!(net.nodes[0].events.len(), events);
    assert_eq!(net.nodes[0].core.stats().packets_lost, 0);
}

#[test]
fn a_huge_range_costs_no_more_than_what_is_in_flight() {
    let mut net = busy();
    for number in 0..1_000 {
        hand_in(&mut net, number, &ack(&[0..=(1 << 62) - 1], &[])).unwrap();
    }
    assert_eq!(net.nodes[0].core.stats().packets_lost, 0);
}

#[test]
fn refusals_of_what_was_never_sent_are_ignored() {
    let mut net = busy();
    let events = net.nodes[0].events.len();
    let refusals: Vec<_> = (1_000_000..1_000_032u32)
        .map(|message| Refusal {
            message: message.into(),
            reason: RefusalReason::Overloaded,
        })
        .collect();
    hand_in(&mut net, 0, &ack(&[5_000..=5_000], &refusals)).unwrap();
    assert_eq!(net.nodes[0].events.len(), events);
}

#[test]
fn responses_to_what_is_no_request_are_ignored() {
    let mut net = busy();
    let events = net.nodes[0].events.len();
    for (number, request) in [(0, 2u32), (1, 900), (2, u32::MAX)] {
        let head = ContentHead::Response {
            request: request.into(),
            status: ResponseStatus::Ok,
        };
        let id = MessageId::from(500 + number);
        hand_in(
            &mut net,
            number,
            &frame(&Frame::Message {
                id,
                content: &content(head, b"x"),
            }),
        )
        .unwrap();
    }
    let answered = net.nodes[0].events[events..]
        .iter()
        .filter(|(_, event)| matches!(event, Event::Answered { .. }));
    assert!(
        answered.count() <= 1,
        "at most the one id that is a request's"
    );
    assert!(net.nodes[0].core.stats().responses_stray >= 2);
}

#[test]
fn gossip_behind_other_frames_is_an_error() {
    let mut net = busy();
    assert_eq!(
        hand_in(&mut net, 0, &frame(&Frame::Gossip(b"late"))),
        Err(PacketError::Gossip)
    );
    assert!(matches!(
        hand_in(&mut net, 1, &Bytes::from_static(&[77])),
        Err(PacketError::Decode(_))
    ));
    assert_eq!(net.nodes[0].core.stats().packets_malformed, 2);
}

#[test]
fn padding_is_nothing() {
    let mut net = Net::pair(CLEAN, 1);
    hand_in(&mut net, 0, &frame(&Frame::Padding(500))).unwrap();
    assert_eq!(net.datagrams(0, 1), 0);
}

#[test]
fn content_that_makes_no_sense_is_refused() {
    let mut net = Net::pair(CLEAN, 1);
    let id = MessageId::ZERO;
    hand_in(
        &mut net,
        0,
        &frame(&Frame::Message {
            id,
            content: &[9, 9, 9],
        }),
    )
    .unwrap();
    hand_in(
        &mut net,
        1,
        &frame(&Frame::Message {
            id,
            content: &[9, 9, 9],
        }),
    )
    .unwrap();
    assert_eq!(net.nodes[0].core.stats().refused_malformed, 1);
    assert_eq!(net.nodes[0].core.stats().duplicates, 1);
    assert_eq!(net.datagrams(0, 1), 2, "each copy is refused");
}

#[test]
fn pieces_that_contradict_each_other_are_refused() {
    let mut net = Net::pair(CLEAN, 1);
    let id = MessageId::ZERO;
    let head = content(ContentHead::OneWay { command: KNOWN }, b"beginning");
    hand_in(
        &mut net,
        0,
        &frame(&Frame::Fragment {
            id,
            total: 5_000,
            offset: 0,
            piece: &head,
        }),
    )
    .unwrap();
    assert_eq!(net.nodes[0].core.stats().reassembly_bytes, 5_000);
    hand_in(
        &mut net,
        1,
        &frame(&Frame::Fragment {
            id,
            total: 6_000,
            offset: 100,
            piece: b"x",
        }),
    )
    .unwrap();
    assert_eq!(net.nodes[0].core.stats().refused_malformed, 1);
    assert_eq!(net.nodes[0].core.stats().reassembly_bytes, 0);
}

#[test]
fn a_lone_piece_far_off_gets_no_memory() {
    let mut net = Net::pair(CLEAN, 1);
    let (id, total) = (MessageId::ZERO, 16 << 20);
    hand_in(
        &mut net,
        0,
        &frame(&Frame::Fragment {
            id,
            total,
            offset: total - 1,
            piece: b"x",
        }),
    )
    .unwrap();
    assert_eq!(net.nodes[0].core.stats().packets_withheld, 1);
    assert_eq!(net.datagrams(0, 1), 0, "it is not acknowledged");
}

#[test]
fn memory_between_pieces_is_filled_only_for_who_sends_much() {
    let mut net = Net::pair(CLEAN, 1);
    let far = |id: u32, offset: usize, piece: &[u8]| {
        frame(&Frame::Fragment {
            id: id.into(),
            total: 16 << 20,
            offset: u32::try_from(offset).unwrap(),
            piece,
        })
    };
    for number in 0..50u32 {
        hand_in(&mut net, number, &far(number, REASSEMBLY_AHEAD / 2, b"x")).unwrap();
    }
    let withheld = net.nodes[0].core.stats().packets_withheld;
    assert_eq!(withheld, 48, "a window's worth in all");
    // What comes without gaps pays for what is lost in between.
    let piece = content(ContentHead::OneWay { command: KNOWN }, &[1; 1_297]);
    let places = (0..50).flat_map(|round| (0..10).map(move |place| round * 20 + place));
    for (number, place) in (50..).zip(places) {
        let body = far(100, place * piece.len(), &piece);
        hand_in(&mut net, number, &body).unwrap();
    }
    let stats = net.nodes[0].core.stats();
    assert_eq!(stats.packets_withheld, withheld);
    assert_eq!((stats.refused_malformed, stats.refused_no_handler), (0, 0));
}

#[test]
fn first_pieces_of_many_messages_are_bounded() {
    let mut net = Net::pair(CLEAN, 1);
    let head = content(ContentHead::OneWay { command: KNOWN }, b"beginning");
    for number in 0..200u32 {
        let (id, total) = (MessageId::from(number), 1 << 20);
        hand_in(
            &mut net,
            number,
            &frame(&Frame::Fragment {
                id,
                total,
                offset: 0,
                piece: &head,
            }),
        )
        .unwrap();
    }
    let max = Config::default().reassembly_bytes_peer;
    assert!(net.nodes[0].core.stats().reassembly_bytes <= max);
    assert_eq!(
        net.nodes[0].core.stats().reassemblies_dropped,
        200 - (max >> 20) as u64
    );
    net.nodes[0].core.peer_down(net.now, peer(1));
    assert_eq!(net.nodes[0].core.stats().reassembly_bytes, 0);
    assert_eq!(net.nodes[0].core.poll_timeout(), None);
}

#[test]
fn no_credit_stops_a_sender_or_makes_it_reckless() {
    let config = Config {
        window_bytes_max: 100_000,
        ..Config::default()
    };
    for credit in [0, 1, 1 << 40, (1 << 62) - 1] {
        let mut net = Net::pair_with(&config, CLEAN, 1);
        let credit = frame(&Frame::Credit(VarInt::new(credit).unwrap()));
        hand_in(&mut net, 0, &credit).unwrap();
        let token = net.send(0, 1, pattern(1 << 20));
        let is_done = net.run_until(10 * SECOND, |net| {
            assert!(net.nodes[0].core.in_flight(peer(1)) <= 100_000);
            net.nodes[0].sent(token).is_some()
        });
        assert!(is_done);
        assert_eq!(net.nodes[0].sent(token), Some(Ok(())));
    }
}

#[test]
fn messages_that_are_put_together_at_once_are_bounded() {
    let mut net = Net::pair(CLEAN, 1);
    let head = content(ContentHead::OneWay { command: KNOWN }, b"beginning");
    let max = hobnob_messaging::limits::REASSEMBLIES_PEER_MAX;
    for number in 0..u32::try_from(max).unwrap() + 50 {
        let (id, total) = (MessageId::from(number), 2_000);
        let first = Frame::Fragment {
            id,
            total,
            offset: 0,
            piece: &head,
        };
        hand_in(&mut net, number, &frame(&first)).unwrap();
    }
    let stats = net.nodes[0].core.stats();
    assert_eq!(stats.reassembly_bytes, 2_000 * max);
    assert_eq!(stats.reassemblies_dropped, 50);
}

#[test]
fn a_message_of_which_every_second_byte_comes_is_bounded() {
    let mut net = Net::pair(CLEAN, 1);
    let head = content(ContentHead::OneWay { command: KNOWN }, b"beginning");
    let max = u32::try_from(hobnob_messaging::limits::STRETCHES_MAX).unwrap();
    for number in 0..max + 10 {
        let piece = Frame::Fragment {
            id: MessageId::from(0u32),
            total: 100_000,
            offset: if number == 0 { 0 } else { 1_000 + 2 * number },
            piece: if number == 0 { &head } else { b"x" },
        };
        hand_in(&mut net, number, &frame(&piece)).unwrap();
    }
    let stats = net.nodes[0].core.stats();
    assert_eq!(stats.packets_withheld, 10, "they are to come again");
    assert_eq!(stats.reassembly_bytes, 100_000);
}

#[test]
fn a_place_in_a_stream_that_cannot_be_is_refused() {
    let mut net = Net::pair(CLEAN, 1);
    let mut packet = 0;
    let mut arrives = |net: &mut Net, id: u32, distance| {
        let head = ContentHead::InOrder {
            command: KNOWN,
            stream: StreamId(7),
            distance,
        };
        let content = content(head, &id.to_be_bytes());
        let id = MessageId::from(id);
        let content = &content;
        hand_in(net, packet, &frame(&Frame::Message { id, content })).unwrap();
        packet += 1;
        net.settle();
        let stats = net.nodes[0].core.stats();
        (stats.held, stats.refused_malformed)
    };
    assert_eq!(
        arrives(&mut net, 5, 6),
        (0, 0),
        "nothing is before the first"
    );
    assert_eq!(arrives(&mut net, 6, 2), (1, 0), "it waits for 4");
    assert_eq!(arrives(&mut net, 7, 3), (1, 1), "another next one after 4");
    assert_eq!(arrives(&mut net, 8, 2), (2, 1), "it waits for 6");
    assert_eq!(arrives(&mut net, 9, 2), (3, 1), "7 has no turn");
    assert_eq!(
        arrives(&mut net, 4, 0),
        (1, 1),
        "those in a row have their turn"
    );
    hand_in(&mut net, 99, &frame(&Frame::Floor(MessageId::from(8u32)))).unwrap();
    net.settle();
    assert_eq!(net.nodes[0].core.stats().held, 0);
    let handled: Vec<_> = [5u32, 4, 6, 8, 9]
        .into_iter()
        .map(|id| (Some(7), Bytes::copy_from_slice(&id.to_be_bytes())))
        .collect();
    assert_eq!(net.nodes[0].handled_in_order(), handled);
}

#[test]
fn what_waits_for_its_turn_leaves_places_to_others() {
    let config = Config {
        incoming_max: 16,
        ..Config::default()
    };
    let mut net = Net::star(3, &config, CLEAN, 1);
    for from in 1..4 {
        for number in 0..16u32 {
            let head = ContentHead::InOrder {
                command: KNOWN,
                stream: StreamId(number),
                distance: 1,
            };
            let content = content(head, b"waits for what never comes");
            let id = MessageId::from(2 * number + 1);
            let body = frame(&Frame::Message {
                id,
                content: &content,
            });
            let packet = PacketNumber::from(number);
            let core = &mut net.nodes[0].core;
            core.handle_packet(net.now, peer(from), packet, &body)
                .unwrap();
        }
        let held = net.nodes[0].core.stats().incoming;
        assert_eq!(held, [0, 4, 8, 8][from]);
    }
    let head = ContentHead::OneWay { command: KNOWN };
    let content = content(head, b"waits for nobody");
    let body = frame(&Frame::Message {
        id: MessageId::ZERO,
        content: &content,
    });
    let packet = PacketNumber::from(100u32);
    let core = &mut net.nodes[0].core;
    core.handle_packet(net.now, peer(3), packet, &body).unwrap();
    assert!(matches!(core.poll_event(), Some(Event::Message { .. })));
}

#[test]
fn messages_beyond_the_window_are_withheld() {
    let mut net = Net::pair(CLEAN, 1);
    let message = content(ContentHead::OneWay { command: KNOWN }, b"hello");
    let id = MessageId::from(u32::try_from(hobnob_messaging::limits::MESSAGE_WINDOW).unwrap());
    hand_in(
        &mut net,
        0,
        &frame(&Frame::Message {
            id,
            content: &message,
        }),
    )
    .unwrap();
    assert_eq!(net.nodes[0].core.stats().packets_withheld, 1);
    hand_in(&mut net, 1, &frame(&Frame::Floor(MessageId::from(1u32)))).unwrap();
    hand_in(
        &mut net,
        2,
        &frame(&Frame::Message {
            id,
            content: &message,
        }),
    )
    .unwrap();
    assert_eq!(net.nodes[0].handled(), ["hello"]);
}

#[test]
fn requests_whose_responses_are_never_acknowledged_are_bounded() {
    let mut net = Net::pair(CLEAN, 1);
    net.cut(0, 1, true);
    let head = ContentHead::Request {
        command: UNKNOWN,
        timeout_ms: u32::MAX,
    };
    let request = content(head, b"");
    let max = hobnob_messaging::limits::OPEN_REQUESTS_PEER_MAX;
    for number in 0..u32::try_from(max + 1_000).unwrap() {
        let id = MessageId::from(number);
        hand_in(
            &mut net,
            number,
            &frame(&Frame::Message {
                id,
                content: &request,
            }),
        )
        .unwrap();
    }
    assert_eq!(net.nodes[0].core.stats().messages, max);
    assert_eq!(net.nodes[0].core.stats().packets_withheld, 1_000);
}

#[test]
fn answers_that_are_not_acknowledged_are_bounded() {
    let config = Config {
        message_bytes_max: 10_000,
        queue_bytes_peer: 25_000,
        ..Config::default()
    };
    let mut net = Net::pair_with(&config, CLEAN, 1);
    let asked: Vec<_> = (0..10).map(|_| net.request(1, 0, "large")).collect();
    net.run(Duration::from_millis(10));
    net.cut(0, 1, true);
    let keys: Vec<_> = net.nodes[0]
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Request { key, .. } => Some(*key),
            _ => None,
        })
        .collect();
    for key in &keys {
        let answer = pattern(10_000);
        let core = &mut net.nodes[0].core;
        core.respond(net.now, *key, ResponseStatus::Ok, answer)
            .unwrap();
    }
    assert_eq!(
        (keys.len(), net.nodes[0].core.stats().answers_dropped),
        (10, 8)
    );
    net.cut(0, 1, false);
    net.run(10 * SECOND);
    for (number, token) in asked.into_iter().enumerate() {
        let answer = net.nodes[1].answered(token);
        let expected = match number {
            0 | 1 => Ok(pattern(10_000)),
            _ => Err(Failure::AnswerDropped),
        };
        assert_eq!(answer, Some(expected));
    }
}

#[test]
fn a_request_that_arrives_after_its_cancellation_is_not_handled() {
    let mut net = Net::pair(CLEAN, 1);
    let id = MessageId::ZERO;
    let head = ContentHead::Request {
        command: KNOWN,
        timeout_ms: 1_000,
    };
    let request = content(head, b"late");
    hand_in(&mut net, 0, &frame(&Frame::Cancel(id))).unwrap();
    let late = Frame::Message {
        id,
        content: &request,
    };
    hand_in(&mut net, 1, &frame(&late)).unwrap();
    assert!(net.nodes[0].events.is_empty());
    assert_eq!(net.datagrams(0, 1), 1, "it is acknowledged all the same");
}

/// A frame with plausible fields.
fn plausible() -> impl Strategy<Value = Vec<u8>> {
    let id = prop_oneof![0u64..40, any::<u64>().prop_map(|id| id >> 2)]
        .prop_map(|id| MessageId::new(id).unwrap());
    let payload = vec(any::<u8>(), 0..40);
    let head = prop_oneof![
        any::<bool>().prop_map(|is_known| ContentHead::OneWay {
            command: command(is_known)
        }),
        (any::<bool>(), any::<u32>()).prop_map(|(is_known, timeout_ms)| ContentHead::Request {
            command: command(is_known),
            timeout_ms
        }),
        (0u32..40).prop_map(|id| ContentHead::Response {
            request: id.into(),
            status: ResponseStatus::HandlerError
        }),
        (any::<bool>(), 0u32..3, 0u16..6).prop_map(|(is_known, stream, distance)| {
            ContentHead::InOrder {
                command: command(is_known),
                stream: StreamId(stream),
                distance,
            }
        }),
    ];
    let message = (id.clone(), head, payload.clone()).prop_map(|(id, head, payload)| {
        let content = content(head, &payload);
        assert!(Content::decode(&content).is_ok());
        frame(&Frame::Message {
            id,
            content: &content,
        })
        .to_vec()
    });
    let fragment = (id.clone(), 1u32..3_000, 0u32..3_000, payload.clone()).prop_map(
        |(id, total, offset, piece)| {
            frame(&Frame::Fragment {
                id,
                total,
                offset,
                piece: &piece,
            })
            .to_vec()
        },
    );
    let acks = (0u64..2_000, 0u64..50, 0u64..50, vec(0u32..40, 0..4)).prop_map(
        |(first, length, gap, refused)| {
            let second = first + length + gap + 2;
            let reason = RefusalReason::Overloaded;
            let refusals: Vec<_> = refused
                .into_iter()
                .map(|id| Refusal {
                    message: id.into(),
                    reason,
                })
                .collect();
            ack(
                &[second..=second + length, first..=first + length],
                &refusals,
            )
            .to_vec()
        },
    );
    prop_oneof![
        3 => message,
        3 => fragment,
        3 => acks,
        1 => id.clone().prop_map(|id| frame(&Frame::Floor(id)).to_vec()),
        1 => id.clone().prop_map(|id| frame(&Frame::Cancel(id)).to_vec()),
        2 => (id.clone(), 0u16..6).prop_map(|(id, distance)| frame(&Frame::Skip { id, distance }).to_vec()),
        1 => id.prop_map(|id| frame(&Frame::Credit(id.into())).to_vec()),
        1 => payload.prop_map(|payload| frame(&Frame::Unreliable { command: KNOWN, payload: &payload }).to_vec()),
        1 => Just(frame(&Frame::Noop).to_vec()),
        1 => vec(any::<u8>(), 0..60),
    ]
}

const fn command(is_known: bool) -> Command {
    if is_known { KNOWN } else { UNKNOWN }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn arbitrary_bodies_never_panic(bodies in vec(vec(plausible(), 0..8), 1..40), pauses in vec(0u64..2_000_000_000, 40)) {
        let mut net = busy();
        for (number, (frames, pause)) in bodies.into_iter().zip(pauses).enumerate() {
            let body = Bytes::from(frames.concat());
            let _ = hand_in(&mut net, u32::try_from(number).unwrap(), &body);
            net.run(Duration::from_nanos(pause));
        }
        net.run(700 * SECOND);
        let stats = net.nodes[0].core.stats();
        prop_assert_eq!(stats.reassembly_bytes, 0, "what was reserved was given back");
        prop_assert!(stats.messages <= 40, "calls have ended: {:?}", stats);
        net.nodes[0].core.session_lost(net.now, peer(1));
        net.settle();
        let stats = net.nodes[0].core.stats();
        prop_assert_eq!((stats.held, stats.held_bytes, stats.incoming), (0, 0, 0), "nothing is kept of it");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_one_peer_says_changes_nothing_for_others(seed: u64, bodies in vec(vec(plausible(), 0..8), 40)) {
        const HONEST: usize = 2;
        let mut net = Net::star(2, &Config::default(), ROUGH, seed);
        net.nodes[0].echoes = true;
        let (mut sent, mut asked) = (Vec::new(), Vec::new());
        for (number, frames) in (0u32..).zip(bodies) {
            let payload = number.to_be_bytes();
            sent.push(net.send(HONEST, 0, payload.to_vec()));
            asked.push(net.request(HONEST, 0, payload.to_vec()));
            let token = net.token();
            let ordered = call(payload.to_vec(), net.now + 600 * SECOND, token);
            let core = &mut net.nodes[HONEST].core;
            core.send_in_order(net.now, peer(0), StreamId(number % 3), ordered).unwrap();
            sent.push(token);
            if number % 10 == 0 {
                sent.push(net.send(HONEST, 0, pattern(20_000)));
            }
            let _ = hand_in(&mut net, number, &Bytes::from(frames.concat()));
            net.run(Duration::from_millis(2));
        }
        net.run(60 * SECOND);
        for token in sent {
            prop_assert_eq!(net.nodes[HONEST].sent(token), Some(Ok(())));
        }
        for (number, token) in (0u32..).zip(asked) {
            let answer = Bytes::copy_from_slice(&number.to_be_bytes());
            prop_assert_eq!(net.nodes[HONEST].answered(token), Some(Ok(answer)));
        }
        let mut last = [const { None }; 3];
        let mut handled = 0;
        for (_, event) in &net.nodes[0].events {
            let Event::Message { peer: from, stream, payload, .. } = event else { continue };
            if *from != peer(HONEST) {
                continue;
            }
            handled += 1;
            if let Some(StreamId(stream)) = stream {
                let last = &mut last[*stream as usize];
                let number = Some(payload.clone());
                prop_assert!(*last < number, "in order, and once");
                *last = number;
            }
        }
        prop_assert_eq!(handled, 40 + 40 + 4);
        net.nodes[0].core.session_lost(net.now, peer(1));
        net.settle();
        let stats = net.nodes[0].core.stats();
        prop_assert_eq!((stats.held, stats.reassembly_bytes, stats.incoming), (0, 0, 0));
    }
}
