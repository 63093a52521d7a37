//! Messages of one stream are given out in the order of sending, whatever happens to some of them.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use hobnob_messaging::{
    CallKey, Config, Event, Failure, SendError, SessionChange, Token,
    limits::{CANCELS_MAX, REASSEMBLY_IDLE, TOLD_IN_VAIN},
};
use hobnob_wire::{Instant, StreamId};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};

use crate::harness::{CLEAN, KNOWN, Net, Profile, ROUGH, call, peer};

use SessionChange::{First, NewGeneration, SameGeneration};

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(600);

/// What was sent in streams and what came of it.
#[derive(Default)]
struct Model {
    /// Stream and number of each.
    sent: BTreeMap<Token, (u32, u32)>,
    calls: Vec<CallKey>,
    next: BTreeMap<u32, u32>,
}

impl Model {
    /// Sends the next message of a stream, its number in front.
    fn send(&mut self, net: &mut Net, stream: u32, len: usize, timeout: Duration) -> Token {
        let number = self.next.entry(stream).or_default();
        let mut payload = number.to_be_bytes().to_vec();
        payload.resize(4 + len, 0);
        let (token, call) = net.send_in_order(stream, payload, timeout);
        self.sent.insert(token, (stream, *number));
        self.calls.push(call);
        *number += 1;
        token
    }

    /// Checks what node 1 handled, and returns how much that was.
    fn check(&self, net: &Net, seed: u64) -> usize {
        let mut last: BTreeMap<u32, u32> = BTreeMap::new();
        let mut handled = BTreeMap::new();
        for (stream, payload) in net.nodes[1].handled_in_order() {
            let Some(stream) = stream else { continue };
            let number = number(&payload);
            let before = last.insert(stream, number);
            assert!(
                before.is_none_or(|before| before < number),
                "seed {seed}: stream {stream}: {number} after {before:?}"
            );
            handled.insert((stream, number), ());
        }
        for (token, message) in &self.sent {
            match net.nodes[0].sent(*token) {
                Some(Ok(())) => assert!(
                    handled.contains_key(message) || net.nodes[1].core.stats().held > 0,
                    "seed {seed}: {message:?} was told to be taken"
                ),
                Some(Err(Failure::Overloaded | Failure::NoHandler | Failure::TooLarge)) => assert!(
                    !handled.contains_key(message),
                    "seed {seed}: {message:?} was told to be refused"
                ),
                _ => {}
            }
        }
        handled.len()
    }
}

fn number(payload: &Bytes) -> u32 {
    u32::from_be_bytes(payload[..4].try_into().unwrap())
}

/// Mostly small, sometimes in pieces.
fn some_len(rng: &mut ChaCha8Rng) -> usize {
    match rng.random_range(0..20) {
        0 => rng.random_range(50_000..200_000),
        1..4 => rng.random_range(1_300..6_000),
        4..8 => rng.random_range(200..1_300),
        _ => rng.random_range(0..50),
    }
}

/// The network is as good as new: everything resolves, and nothing is left.
fn resolves(net: &mut Net, model: &Model, seed: u64) -> usize {
    net.profile = CLEAN;
    net.cut(0, 1, false);
    net.cut(1, 0, false);
    net.run(SECOND * 700);
    for token in model.sent.keys() {
        let events = net.nodes[0].events.iter();
        let ends = events.filter(
            |(_, event)| matches!(event, Event::Sent { token: ended, .. } if ended == token),
        );
        assert!(ends.count() <= 1, "seed {seed}: a call ends once");
    }
    let handled = model.check(net, seed);
    let stats = net.nodes[1].core.stats();
    assert_eq!(
        (stats.held, stats.held_bytes, stats.incoming),
        (0, 0, 0),
        "seed {seed}: nothing is held for what will not come"
    );
    assert_eq!(net.nodes[0].core.stats().messages, 0, "seed {seed}");
    handled
}

#[test]
fn all_come_in_order_under_loss_duplication_and_reordering() {
    let mut held = 0;
    for seed in 0..150 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut net = Net::pair(ROUGH, seed);
        let mut model = Model::default();
        for _ in 0..150 {
            let stream = rng.random_range(0..4);
            model.send(&mut net, stream, some_len(&mut rng), LONG);
            if rng.random_bool(0.2) {
                net.run(Duration::from_micros(rng.random_range(0..3_000)));
            }
        }
        assert_eq!(resolves(&mut net, &model, seed), 150, "seed {seed}");
        for token in model.sent.keys() {
            assert_eq!(net.nodes[0].sent(*token), Some(Ok(())), "seed {seed}");
        }
        held += net.nodes[1].core.stats().messages_held;
    }
    assert!(held > 5_000, "reordering was met with: {held}");
}

/// Deadlines that pass, calls that are dropped, sessions that are lost, links that are cut, places that run out.
#[test]
fn none_comes_after_a_later_one_whatever_is_given_up() {
    let (mut handled, mut sent, mut failed) = (0, 0, BTreeMap::<String, u32>::new());
    for seed in 0..300 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let config = Config {
            incoming_max: if seed % 3 == 0 { 20 } else { 65_536 },
            message_bytes_max: 300_000,
            reassembly_bytes_peer: 340_000,
            ..Config::default()
        };
        let mut net = Net::pair_with(&config, ROUGH, seed);
        let mut model = Model::default();
        for _ in 0..200 {
            match rng.random_range(0..100) {
                0..70 => {
                    let timeout = if rng.random_bool(0.3) {
                        20 * MILLISECOND
                    } else {
                        LONG
                    };
                    let stream = rng.random_range(0..3);
                    model.send(&mut net, stream, some_len(&mut rng), timeout);
                }
                70..76 => {
                    let call = rng.random_range(0..model.calls.len().max(1));
                    if let Some(call) = model.calls.get(call) {
                        net.nodes[0].core.cancel(net.now, *call);
                    }
                }
                76..79 => net.cut(0, 1, rng.random_bool(0.5)),
                79..82 => net.cut(1, 0, rng.random_bool(0.5)),
                82..84 => net.connect(0, 1, SameGeneration, SameGeneration),
                84..85 => net.nodes[0].core.session_lost(net.now, peer(1)),
                85..86 => net.nodes[1].core.session_lost(net.now, peer(0)),
                86..88 => drop(net.send(0, 1, "of no stream")),
                _ => net.run(Duration::from_micros(rng.random_range(0..30_000))),
            }
            net.settle();
            model.check(&net, seed);
        }
        net.connect(0, 1, SameGeneration, SameGeneration);
        handled += resolves(&mut net, &model, seed);
        sent += model.sent.len();
        for token in model.sent.keys() {
            let result = net.nodes[0].sent(*token);
            *failed.entry(format!("{result:?}")).or_default() += 1;
        }
    }
    assert!(handled * 4 > sent && handled < sent, "{handled} of {sent}");
    for ending in ["Timeout", "SessionLost", "Overloaded", "None"] {
        let met = failed.keys().any(|result| result.contains(ending));
        assert!(met, "{ending} is among {failed:?}");
    }
}

#[test]
fn another_process_begins_its_streams_anew() {
    for seed in 0..100 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut net = Net::pair(ROUGH, seed);
        let mut model = Model::default();
        for life in 0..4 {
            for _ in 0..40 {
                let stream = rng.random_range(0..3);
                model.send(&mut net, stream, some_len(&mut rng), LONG);
                if rng.random_bool(0.3) {
                    net.run(Duration::from_micros(rng.random_range(0..5_000)));
                }
            }
            model.check(&net, seed);
            if life % 2 == 0 {
                model
                    .sent
                    .retain(|token, _| net.nodes[0].sent(*token).is_none());
                net.nodes[0].core.session_lost(net.now, peer(1));
                let unbound = model.send(&mut net, 0, 10, LONG);
                net.restart(1);
                net.connect(0, 1, NewGeneration, First);
                net.run(SECOND);
                assert_eq!(net.nodes[0].sent(unbound), Some(Ok(())), "seed {seed}");
                assert!(
                    net.nodes[0].core.stats().messages == 0,
                    "seed {seed}: the others were bound"
                );
            } else {
                net.restart(0);
                net.connect(0, 1, First, NewGeneration);
                net.settle();
                model.sent.clear();
                model.check(&net, seed);
                net.nodes[1].events.clear();
                model = Model::default();
            }
        }
        resolves(&mut net, &model, seed);
    }
}

/// Node 0 has sent a message of stream 1 that was lost, and time has not told yet.
fn with_one_lost(timeout: Duration) -> (Net, Token, CallKey) {
    let mut net = Net::pair(CLEAN, 1);
    net.cut(0, 1, true);
    let (first, call) = net.send_in_order(1, "first", timeout);
    net.run(MILLISECOND);
    net.cut(0, 1, false);
    (net, first, call)
}

fn payloads(net: &Net) -> Vec<Bytes> {
    net.nodes[1].handled()
}

#[test]
fn other_streams_are_not_held_up() {
    let (mut net, first, _) = with_one_lost(LONG);
    let (second, _) = net.send_in_order(1, "second", LONG);
    net.send_in_order(2, "another stream", LONG);
    net.send(0, 1, "of no stream");
    net.run(2 * MILLISECOND);
    assert_eq!(payloads(&net), ["another stream", "of no stream"]);
    assert_eq!(net.nodes[1].core.stats().held, 1);
    assert_eq!(net.nodes[0].sent(second), Some(Ok(())), "held is taken");
    assert_eq!(net.nodes[0].sent(first), None);
    net.run(SECOND);
    assert_eq!(payloads(&net)[2..], ["first", "second"]);
}

#[test]
fn what_is_given_up_holds_up_nothing() {
    let (mut net, first, call) = with_one_lost(LONG);
    net.send_in_order(1, "second", LONG);
    net.run(3 * MILLISECOND / 2);
    assert_eq!(net.nodes[1].core.stats().held, 1);
    net.nodes[0].core.cancel(net.now, call);
    net.run(2 * MILLISECOND);
    assert_eq!(payloads(&net), ["second"]);
    net.run(SECOND);
    assert_eq!(payloads(&net), ["second"], "late copies are not handled");
    assert_eq!(net.nodes[0].sent(first), None);
}

#[test]
fn past_its_deadline_it_holds_up_nothing_even_if_that_is_told_in_vain() {
    let (mut net, first, _) = with_one_lost(20 * MILLISECOND);
    net.send_in_order(1, "second", LONG);
    net.run(3 * MILLISECOND / 2);
    net.cut(0, 1, true);
    net.run(5 * SECOND);
    assert_eq!(net.nodes[0].sent(first), Some(Err(Failure::Timeout)));
    assert_eq!(net.nodes[1].core.stats().held, 1);
    net.cut(0, 1, false);
    net.run(2 * SECOND);
    assert_eq!(payloads(&net), ["second"]);
    assert_eq!(
        net.nodes[0].core.poll_timeout(),
        None,
        "it is told once it was heard"
    );
}

#[test]
fn a_silent_receiver_is_told_once_it_is_heard() {
    let (mut net, first, _) = with_one_lost(20 * MILLISECOND);
    net.send_in_order(1, "second", LONG);
    net.run(3 * MILLISECOND / 2);
    net.cut(0, 1, true);
    let mut asked = net.nodes[0].core.stats().probe_timeouts;
    net.run(2 * TOLD_IN_VAIN);
    assert_eq!(net.nodes[0].sent(first), Some(Err(Failure::Timeout)));
    let told = net.nodes[0].core.stats().probe_timeouts - asked;
    assert!(told > 10, "{told}");
    asked += told;
    net.run(LONG);
    assert_eq!(net.nodes[0].core.stats().probe_timeouts, asked);
    assert_eq!(net.nodes[0].core.load(peer(1)).unwrap().in_flight, 0);
    assert_eq!(net.nodes[1].core.stats().held, 1);
    net.cut(0, 1, false);
    net.run(SECOND);
    assert_eq!(
        net.nodes[1].core.stats().held,
        1,
        "neither has a word to say"
    );
    net.send(1, 0, "here");
    net.run(SECOND);
    assert_eq!(payloads(&net), ["second"]);
    assert_eq!(net.nodes[0].core.poll_timeout(), None);
}

#[test]
fn to_a_silent_receiver_messages_still_go() {
    let (mut net, ..) = with_one_lost(20 * MILLISECOND);
    net.send_in_order(1, "second", LONG);
    net.run(3 * MILLISECOND / 2);
    net.cut(0, 1, true);
    net.run(2 * TOLD_IN_VAIN);
    let (third, _) = net.send_in_order(1, "third", LONG);
    net.run(2 * TOLD_IN_VAIN);
    net.cut(0, 1, false);
    net.run(2 * SECOND);
    assert_eq!(net.nodes[0].sent(third), Some(Ok(())));
    assert_eq!(payloads(&net), ["second", "third"]);
}

#[test]
fn more_given_up_than_can_be_told_one_by_one_is_told_by_the_floor() {
    let config = Config {
        receive_buffer_bytes: 4 << 20,
        ..Config::default()
    };
    let mut net = Net::pair_with(&config, CLEAN, 1);
    for _ in 0..20_000 {
        net.send(0, 1, "widens the window");
    }
    net.run(SECOND);
    net.cut(0, 1, true);
    let before = net.nodes[0].core.stats().messages_sent;
    let long = net.send(0, 1, vec![0; 8 << 20]);
    let gone: Vec<_> = (0..3 * CANCELS_MAX)
        .map(|_| net.send_in_order(1, "lost", LONG).1)
        .collect();
    net.run(MILLISECOND);
    let transmitted = net.nodes[0].core.stats().messages_sent - before;
    assert!(transmitted > CANCELS_MAX as u64 + 1_000, "{transmitted}");
    for call in gone {
        net.nodes[0].core.cancel(net.now, call);
    }
    net.cut(0, 1, false);
    let (last, _) = net.send_in_order(1, "last", LONG);
    net.run_until(LONG, |net| net.nodes[0].sent(last).is_some());
    assert_eq!(net.nodes[0].sent(last), Some(Ok(())));
    assert_eq!(net.nodes[0].sent(long), None, "it keeps the floor down");
    let handled = payloads(&net).len();
    net.run(LONG);
    assert_eq!(net.nodes[0].sent(long), Some(Ok(())));
    assert_eq!(
        payloads(&net).len(),
        handled + 2,
        "the long one and the last one"
    );
    assert_eq!(net.nodes[0].core.poll_timeout(), None);
}

#[test]
fn what_was_dropped_half_received_is_skipped_in_its_turn() {
    let mut net = Net::pair(CLEAN, 1);
    net.cut(0, 1, true);
    net.send_in_order(1, "first", LONG);
    net.run(MILLISECOND);
    net.cut(0, 1, false);
    let (large, _) = net.send_in_order(1, vec![0; 5 << 20], LONG);
    net.send_in_order(1, "third", LONG);
    net.run(3 * MILLISECOND / 2);
    assert_eq!(net.nodes[1].core.stats().held, 1, "the third");
    net.cut(0, 1, true);
    net.run(2 * REASSEMBLY_IDLE);
    assert_eq!(net.nodes[1].core.stats().reassembly_bytes, 0);
    assert!(payloads(&net).is_empty(), "the first may still come");
    net.cut(0, 1, false);
    net.run(10 * SECOND);
    assert_eq!(net.nodes[0].sent(large), Some(Err(Failure::Overloaded)));
    assert_eq!(payloads(&net), ["first", "third"]);
}

#[test]
fn the_end_of_a_session_gives_out_what_was_held() {
    let (mut net, first, _) = with_one_lost(LONG);
    let (second, _) = net.send_in_order(1, "second", LONG);
    let (third, _) = net.send_in_order(1, "third", LONG);
    net.run(3 * MILLISECOND / 2);
    assert_eq!(net.nodes[1].core.stats().held, 2);
    net.cut(0, 1, true);
    net.send_in_order(1, "fourth, lost", LONG);
    net.run(MILLISECOND);
    net.nodes[0].core.session_lost(net.now, peer(1));
    net.send_in_order(1, "fifth", LONG);
    net.cut(0, 1, false);
    net.connect(0, 1, SameGeneration, SameGeneration);
    net.run(SECOND);
    assert_eq!(payloads(&net), ["second", "third", "fifth"]);
    assert_eq!(net.nodes[0].sent(first), Some(Err(Failure::SessionLost)));
    for taken in [second, third] {
        assert_eq!(net.nodes[0].sent(taken), Some(Ok(())));
    }
}

#[test]
fn what_cannot_be_held_is_refused_and_holds_up_nothing() {
    let config = Config {
        message_bytes_max: 2_000,
        reassembly_bytes_peer: 34_000,
        ..Config::default()
    };
    let mut net = Net::pair_with(&config, CLEAN, 1);
    net.cut(0, 1, true);
    net.send_in_order(1, "first", LONG);
    net.run(MILLISECOND);
    net.cut(0, 1, false);
    let sent: Vec<_> = (1..=40u8)
        .map(|number| net.send_in_order(1, vec![number; 1_000], LONG).0)
        .collect();
    net.run(3 * MILLISECOND / 2);
    assert_eq!(net.nodes[1].core.stats().messages_held, 34);
    assert_eq!(net.nodes[1].core.stats().held_bytes, 34_000);
    net.run(SECOND);
    let (taken, refused) = sent.split_at(34);
    for token in taken {
        assert_eq!(net.nodes[0].sent(*token), Some(Ok(())));
    }
    for token in refused {
        assert_eq!(net.nodes[0].sent(*token), Some(Err(Failure::Overloaded)));
    }
    let firsts: Vec<u8> = payloads(&net).iter().map(|payload| payload[0]).collect();
    let expected: Vec<u8> = std::iter::once(b'f').chain(1..=34).collect();
    assert_eq!(firsts, expected);
}

#[test]
fn what_is_held_has_a_place() {
    let config = Config {
        incoming_max: 12,
        ..Config::default()
    };
    let mut net = Net::pair_with(&config, CLEAN, 1);
    net.nodes[1].holds = true;
    for _ in 0..9 {
        net.send(0, 1, "busy");
    }
    net.run(MILLISECOND);
    net.cut(0, 1, true);
    let (first, _) = net.send_in_order(1, "first", LONG);
    net.run(MILLISECOND);
    net.cut(0, 1, false);
    let results: Vec<_> = (0..4)
        .map(|_| net.send_in_order(1, "more", LONG).0)
        .collect();
    net.run(2 * MILLISECOND);
    assert_eq!(net.nodes[1].core.stats().incoming, 9 + 3);
    assert_eq!(net.nodes[0].sent(results[2]), Some(Ok(())));
    assert_eq!(
        net.nodes[0].sent(results[3]),
        Some(Err(Failure::Overloaded))
    );
    net.run(SECOND);
    assert_eq!(
        net.nodes[0].sent(first),
        Some(Err(Failure::Overloaded)),
        "those that came before it have all places"
    );
    assert_eq!(payloads(&net).len(), 9 + 3, "and are not held up by that");
}

#[test]
fn a_stream_fills_datagrams_as_others_do() {
    let mut net = Net::pair(CLEAN, 1);
    for number in 0..2_000u32 {
        net.send_in_order(number % 3, number.to_be_bytes().to_vec(), LONG);
    }
    net.run(SECOND);
    let handled: Vec<u32> = payloads(&net).iter().map(number).collect();
    assert_eq!(handled, (0..2_000).collect::<Vec<_>>());
    assert!(
        net.datagrams(0, 1) <= 2_000 * 16 / 1_373 + 10,
        "{}",
        net.datagrams(0, 1)
    );
    assert_eq!(net.nodes[1].core.stats().messages_held, 0);
}

#[test]
fn a_large_message_holds_up_its_own_stream_only() {
    let mut net = Net::pair(CLEAN, 1);
    let mut model = Model::default();
    for _ in 0..3 {
        model.send(&mut net, 1, 500_000, LONG);
        model.send(&mut net, 1, 10, LONG);
        model.send(&mut net, 2, 10, LONG);
    }
    net.run(3 * MILLISECOND);
    let streams: Vec<_> = net.nodes[1]
        .handled_in_order()
        .iter()
        .map(|(stream, _)| *stream)
        .collect();
    assert_eq!(streams, [Some(2); 3]);
    assert_eq!(resolves(&mut net, &model, 1), 9);
}

#[test]
fn streams_are_forgotten_once_the_receiver_is_done_with_them() {
    let mut net = Net::pair(CLEAN, 1);
    for stream in 0..50_000 {
        net.send_in_order(stream, "one of many", LONG);
        if stream % 1_000 == 0 {
            net.run(5 * MILLISECOND);
        }
    }
    net.run(SECOND);
    let streams = net.nodes[0].core.stats().streams;
    assert!(streams < 10_000, "{streams}");
    net.nodes[0].core.session_lost(net.now, peer(1));
    assert_eq!(net.nodes[0].core.stats().streams, 0);
    net.send_in_order(1, "waits", LONG);
    assert_eq!(net.nodes[0].core.stats().streams, 1);
    net.nodes[0].core.forget(net.now, peer(1));
    assert_eq!(net.nodes[0].core.stats().streams, 0);
}

/// Loss without reordering: what is held is what came behind a hole, so it is bounded by the window.
#[test]
fn a_stream_goes_on_at_full_speed_over_a_bad_network() {
    let lossy = Profile {
        loss: 0.05,
        ..CLEAN
    };
    let time = |is_in_order| {
        let mut net = Net::pair(lossy, 3);
        for number in 0..20_000u32 {
            let payload = number.to_be_bytes().repeat(10);
            if is_in_order {
                net.send_in_order(1, payload, LONG);
            } else {
                net.send(0, 1, payload);
            }
        }
        assert!(net.run_until(LONG, |net| net.nodes[0].events.len() == 20_000));
        net.run(SECOND);
        assert_eq!(payloads(&net).len(), 20_000);
        assert_eq!(net.nodes[1].core.stats().refused_overloaded, 0);
        net.datagrams(0, 1)
    };
    let (with, without) = (time(true), time(false));
    assert!(
        with * 10 < without * 13,
        "{with} datagrams, {without} without a stream"
    );
}

#[test]
fn a_full_queue_of_one_kind_keeps_nobody_waiting_for_the_other() {
    let config = Config {
        queue_messages_peer: 4,
        unreliable_messages_peer: 2,
        ..Config::default()
    };
    let mut net = Net::new(2, &config, CLEAN, 1);
    let calls: Vec<_> = (0..4).map(|_| net.send_in_order(1, "x", LONG).1).collect();
    let core = &mut net.nodes[0].core;
    let far = Instant::ZERO + LONG;
    let full = core.send(net.now, peer(1), call("", far, Token(0)));
    assert!(matches!(full, Err(SendError::QueueFull { .. })));
    for _ in 0..2 {
        core.unreliable(net.now, peer(1), KNOWN, Bytes::new())
            .unwrap();
    }
    for call in &calls[..2] {
        assert_eq!(core.poll_event(), None);
        core.cancel(net.now, *call);
    }
    assert_eq!(core.poll_event(), Some(Event::Writable { peer: peer(1) }));
}

#[test]
fn a_message_that_is_too_large_is_refused() {
    let config = Config {
        message_bytes_max: 100,
        ..Config::default()
    };
    let mut net = Net::new(2, &config, CLEAN, 1);
    let far = Instant::ZERO + LONG;
    let mut send = |len: usize| {
        let call = call(vec![0; len], far, Token(0));
        let core = &mut net.nodes[0].core;
        core.send_in_order(net.now, peer(1), StreamId(1), call)
    };
    let too_large = SendError::TooLarge { len: 101, max: 100 };
    assert_eq!(send(101).err(), Some(too_large));
    assert!(send(100).is_ok());
}
