//! What happens when there is more than there is room for.

use std::time::Duration;

use bytes::Bytes;
use hobnob_messaging::{Config, ConfigError, Event, Failure, Messaging, SendError, Token};
use hobnob_wire::{Instant, PacketNumber, Writer};

use crate::harness::{CLEAN, KNOWN, Net, Profile, ROUGH, UNKNOWN, call, pattern, peer};

const SECOND: Duration = Duration::from_secs(1);
const FOREVER: Instant = Instant::from_nanos(u64::MAX);

fn results(net: &Net) -> (usize, usize) {
    let count = |wanted: &dyn Fn(&Result<(), Failure>) -> bool| {
        let sent = net.nodes[0].events.iter();
        sent.filter(|(_, event)| matches!(event, Event::Sent { result, .. } if wanted(result)))
            .count()
    };
    (
        count(&|result| result.is_ok()),
        count(&|result| *result == Err(Failure::Overloaded)),
    )
}

#[test]
fn refused_overloaded_is_told_and_never_handled() {
    for seed in 0..50 {
        let config = Config {
            incoming_max: 3,
            ..Config::default()
        };
        let mut net = Net::pair_with(&config, ROUGH, seed);
        net.nodes[1].holds = true;
        for message in 0..100u32 {
            net.send(0, 1, message.to_be_bytes().to_vec());
        }
        assert!(
            net.run_until(60 * SECOND, |net| net.nodes[0].events.len() == 100),
            "seed {seed}"
        );
        assert_eq!(results(&net), (3, 97), "seed {seed}");
        net.nodes[1].core.handled(3);
        net.run(60 * SECOND);
        assert_eq!(
            net.nodes[1].handled().len(),
            3,
            "seed {seed}: late copies are not handled"
        );
        let again = net.send(0, 1, "now there is room");
        net.run(SECOND);
        assert_eq!(net.nodes[0].sent(again), Some(Ok(())), "seed {seed}");
    }
}

#[test]
fn overloaded_requests_are_answered() {
    let config = Config {
        incoming_max: 3,
        ..Config::default()
    };
    let mut net = Net::pair_with(&config, ROUGH, 1);
    let tokens: Vec<_> = (0..100).map(|_| net.request(0, 1, "hello")).collect();
    net.run_until(60 * SECOND, |net| net.nodes[0].events.len() == 97);
    assert_eq!(net.nodes[1].requests().len(), 3);
    for (key, _) in net.nodes[1].requests() {
        net.respond(1, key, hobnob_wire::ResponseStatus::Ok, "done");
    }
    net.run(10 * SECOND);
    let answers: Vec<_> = tokens
        .iter()
        .filter_map(|token| net.nodes[0].answered(*token))
        .collect();
    assert_eq!(
        answers
            .iter()
            .filter(|answer| **answer == Err(Failure::Overloaded))
            .count(),
        97
    );
    assert_eq!(
        answers
            .iter()
            .filter(|answer| **answer == Ok(Bytes::from("done")))
            .count(),
        3
    );
    assert_eq!(net.nodes[1].core.stats().incoming, 0);
}

#[test]
fn answers_that_nobody_acknowledges_are_bounded() {
    let config = Config {
        queue_bytes_peer: 1_000,
        message_bytes_max: 1_000,
        ..Config::default()
    };
    let mut net = Net::pair_with(&config, CLEAN, 1);
    let first = net.request(0, 1, "first");
    net.run(SECOND);
    net.cut(1, 0, true);
    let (key, _) = net.nodes[1].requests()[0].clone();
    let answer = pattern(1_000);
    let answered = net.nodes[1].core.respond(
        net.now,
        key,
        hobnob_wire::ResponseStatus::Ok,
        answer.clone(),
    );
    answered.unwrap();
    let second = net.request(0, 1, "second");
    net.run(SECOND);
    assert_eq!(
        net.nodes[1].requests().len(),
        1,
        "there is no room to answer"
    );
    net.cut(1, 0, false);
    net.run(5 * SECOND);
    assert_eq!(net.nodes[0].answered(first), Some(Ok(answer)));
    assert_eq!(
        net.nodes[0].answered(second),
        Some(Err(Failure::Overloaded))
    );
    let third = net.request(0, 1, "third");
    net.run(SECOND);
    assert_eq!(net.nodes[1].requests().len(), 2, "there is again");
    assert_eq!(net.nodes[0].answered(third), None);
}

#[test]
fn more_refusals_than_anyone_remembers() {
    for profile in [CLEAN, ROUGH] {
        let mut net = Net::pair(profile, 1);
        for _ in 0..5_000 {
            net.send_as(0, 1, UNKNOWN, Bytes::from("hello"));
        }
        let is_done = net.run_until(120 * SECOND, |net| net.nodes[0].events.len() == 5_000);
        assert!(
            is_done,
            "{} of 5,000 ended after {}",
            net.nodes[0].events.len(),
            net.now
        );
        let is_refused = |event: &Event| {
            matches!(
                event,
                Event::Sent {
                    result: Err(Failure::NoHandler),
                    ..
                }
            )
        };
        assert!(
            net.nodes[0]
                .events
                .iter()
                .all(|(_, event)| is_refused(event))
        );
        let token = net.send(0, 1, "and all is well");
        net.run(10 * SECOND);
        assert_eq!(net.nodes[0].sent(token), Some(Ok(())));
    }
}

#[test]
fn queue_full_then_writable() {
    let config = Config {
        queue_messages_peer: 10,
        queue_bytes_peer: 1_000,
        message_bytes_max: 1_000,
        ..Config::default()
    };
    let mut net = Net::pair_with(&config, CLEAN, 1);
    for _ in 0..10 {
        net.send(0, 1, "hello");
    }
    let core = &mut net.nodes[0].core;
    let full = core.send(net.now, peer(1), call("", FOREVER, Token(0)));
    assert_eq!(
        full,
        Err(SendError::QueueFull {
            messages: 10,
            bytes: 50
        })
    );
    net.run(SECOND);
    let writable = |net: &Net| {
        let events = net.nodes[0].events.iter();
        events
            .filter(|(_, event)| matches!(event, Event::Writable { .. }))
            .count()
    };
    assert_eq!(writable(&net), 1);
    assert!(
        net.nodes[0]
            .events
            .iter()
            .any(|(_, event)| *event == Event::Writable { peer: peer(1) })
    );
    net.send(0, 1, pattern(600));
    let core = &mut net.nodes[0].core;
    let full = core.send(net.now, peer(1), call(pattern(401), FOREVER, Token(0)));
    assert_eq!(
        full,
        Err(SendError::QueueFull {
            messages: 1,
            bytes: 600
        })
    );
    net.run(SECOND);
    assert_eq!(writable(&net), 2);
    for _ in 0..3 {
        net.send(0, 1, "hello");
        net.run(SECOND);
    }
    assert_eq!(writable(&net), 2, "nobody met a full queue since");
}

#[test]
fn a_request_that_arrived_leaves_its_bytes_to_others() {
    let config = Config {
        queue_bytes_peer: 1_000,
        message_bytes_max: 1_000,
        ..Config::default()
    };
    let mut net = Net::pair_with(&config, CLEAN, 1);
    net.request(0, 1, pattern(1_000));
    let core = &mut net.nodes[0].core;
    let full = core.send(net.now, peer(1), call(pattern(1), FOREVER, Token(0)));
    assert!(matches!(full, Err(SendError::QueueFull { .. })));
    net.run(SECOND);
    assert_eq!(net.nodes[1].requests().len(), 1, "it is not answered");
    let writable = Event::Writable { peer: peer(1) };
    assert!(
        net.nodes[0]
            .events
            .iter()
            .any(|(_, event)| *event == writable)
    );
}

#[test]
fn unreliable_queue_is_bounded() {
    let config = Config {
        unreliable_messages_peer: 3,
        ..Config::default()
    };
    let mut net = Net::pair_with(&config, CLEAN, 1);
    let core = &mut net.nodes[0].core;
    for _ in 0..3 {
        core.unreliable(net.now, peer(1), KNOWN, Bytes::from("hello"))
            .unwrap();
    }
    let full = core.unreliable(net.now, peer(1), KNOWN, Bytes::from("hello"));
    assert_eq!(
        full,
        Err(SendError::QueueFull {
            messages: 3,
            bytes: 15
        })
    );
    net.run(SECOND);
    assert_eq!(net.nodes[1].events.len(), 3);
    let writable = Event::Writable { peer: peer(1) };
    assert!(
        net.nodes[0]
            .events
            .iter()
            .any(|(_, event)| *event == writable)
    );
    net.nodes[0]
        .core
        .unreliable(net.now, peer(1), KNOWN, Bytes::from("hello"))
        .unwrap();
}

#[test]
fn unreliable_messages_are_dropped_where_handlers_have_enough_to_do() {
    let config = Config {
        incoming_max: 1,
        ..Config::default()
    };
    let mut net = Net::pair_with(&config, CLEAN, 1);
    net.nodes[1].holds = true;
    net.send(0, 1, "it is at work");
    net.run(SECOND);
    let flick = |net: &mut Net| {
        let core = &mut net.nodes[0].core;
        core.unreliable(net.now, peer(1), KNOWN, Bytes::from("flick"))
            .unwrap();
        net.run(SECOND);
        let stats = net.nodes[1].core.stats();
        (stats.unreliable_received, stats.unreliable_dropped)
    };
    assert_eq!(flick(&mut net), (0, 1));
    net.nodes[1].core.handled(1);
    assert_eq!(flick(&mut net), (1, 1));
}

#[test]
fn the_window_is_respected() {
    let mut net = Net::pair(CLEAN, 1);
    net.cut(1, 0, true);
    net.send(0, 1, pattern(1 << 20));
    for _ in 0..1_000 {
        net.send(0, 1, pattern(500));
    }
    net.settle();
    let core = &net.nodes[0].core;
    let (window, in_flight) = (core.window(peer(1)).unwrap(), core.in_flight(peer(1)));
    assert!(
        in_flight <= window && in_flight > window - 2 * 1_400,
        "{in_flight} of {window}"
    );
    let datagrams = net.datagrams(0, 1);
    net.run(10 * SECOND);
    let probes = net.nodes[0].core.stats().probe_timeouts;
    assert!((5..20).contains(&probes), "{probes}");
    assert_eq!(
        net.datagrams(0, 1),
        datagrams + probes,
        "a probe timeout sends one datagram, never the window"
    );
}

#[test]
fn the_window_grows_with_what_arrives_and_no_further_than_allowed() {
    let config = Config {
        window_bytes_max: 300_000,
        receive_buffer_bytes: 1 << 20,
        ..Config::default()
    };
    let mut net = Net::pair_with(&config, CLEAN, 1);
    let initial = net.nodes[0].core.window(peer(1)).unwrap();
    for _ in 0..100 {
        net.send(0, 1, "hello");
        net.run(Duration::from_millis(5));
    }
    assert_eq!(
        net.nodes[0].core.window(peer(1)),
        Some(initial),
        "it was never filled"
    );
    net.send(0, 1, pattern(16 << 20));
    let mut most = 0;
    net.run_until(60 * SECOND, |net| {
        let core = &net.nodes[0].core;
        assert!(core.in_flight(peer(1)) <= core.window(peer(1)).unwrap());
        most = most.max(core.in_flight(peer(1)));
        net.nodes[1].handled().len() == 101
    });
    assert_eq!(net.nodes[0].core.window(peer(1)), Some(300_000));
    assert!(most > 290_000, "{most} bytes were in flight at most");
}

#[test]
fn loss_makes_the_window_small_but_never_closes_it() {
    let mut net = Net::pair(Profile { loss: 0.5, ..CLEAN }, 1);
    net.send(0, 1, pattern(300_000));
    let mut least = usize::MAX;
    let is_done = net.run_until(600 * SECOND, |net| {
        least = least.min(net.nodes[0].core.window(peer(1)).unwrap());
        !net.nodes[0].events.is_empty()
    });
    assert!(is_done);
    assert_eq!(least, 2 * 1_400);
}

#[test]
fn unreliable_messages_are_not_starved_and_do_not_starve() {
    let mut net = Net::pair(CLEAN, 1);
    net.send(0, 1, pattern(1 << 20));
    net.run(Duration::from_millis(5));
    for _ in 0..1_000 {
        net.nodes[0]
            .core
            .unreliable(net.now, peer(1), KNOWN, pattern(1_000))
            .unwrap();
        net.send(0, 1, pattern(10));
    }
    net.run(Duration::from_millis(50));
    let unreliable = net.nodes[1]
        .events
        .iter()
        .filter(|(_, event)| matches!(event, Event::Unreliable { .. }));
    assert_eq!(unreliable.count(), 1_000);
    assert!(net.nodes[1].handled().len() > 900);
}

#[test]
fn ready_peers_take_turns() {
    let mut net = Net::star(3, &Config::default(), CLEAN, 1);
    for other in 1..=3 {
        net.send(0, other, pattern(20_000));
    }
    let mut turns = Vec::new();
    let mut buffer = [0; 1_373];
    for datagram in 0..9u32 {
        let core = &mut net.nodes[0].core;
        let ready = core.poll_ready(net.now).expect("each has more");
        let mut w = Writer::new(&mut buffer);
        let filled = core.fill(net.now, ready, PacketNumber::from(datagram / 3), &mut w);
        assert!(filled.wrote && filled.more);
        turns.push(ready.slot);
    }
    assert_eq!(turns, [1, 2, 3, 1, 2, 3, 1, 2, 3]);
}

#[test]
fn a_datagram_without_room_is_left_alone() {
    let mut net = Net::pair(CLEAN, 1);
    net.send(0, 1, pattern(1_000));
    let core = &mut net.nodes[0].core;
    let mut buffer = [0; 999];
    let mut w = Writer::new(&mut buffer);
    let filled = core.fill(net.now, peer(1), PacketNumber::from(0u32), &mut w);
    assert_eq!((filled.wrote, filled.more, w.len()), (false, true, 0));
    assert_eq!(core.poll_ready(net.now), Some(peer(1)));
    net.send(0, 1, "this one fits");
    net.run(SECOND);
    assert_eq!(net.nodes[1].handled().len(), 2);
}

#[test]
fn more_messages_than_the_id_window() {
    let config = Config {
        queue_messages_peer: 200_000,
        ..Config::default()
    };
    let mut net = Net::pair_with(
        &config,
        Profile {
            loss: 0.02,
            ..CLEAN
        },
        1,
    );
    for _ in 0..150_000 {
        net.send(0, 1, "x");
    }
    assert!(net.run_until(600 * SECOND, |net| net.nodes[0].events.len() == 150_000));
    assert_eq!(net.nodes[1].handled().len(), 150_000);
}

#[test]
fn configurations_that_cannot_work() {
    let default = Config::default;
    for (config, field) in [
        (
            Config {
                datagram_bytes: 1_199,
                ..default()
            },
            "datagram_bytes",
        ),
        (
            Config {
                datagram_bytes: 65_001,
                ..default()
            },
            "datagram_bytes",
        ),
        (
            Config {
                message_bytes_max: 0,
                ..default()
            },
            "message_bytes_max",
        ),
        (
            Config {
                message_bytes_max: 1 << 30,
                ..default()
            },
            "message_bytes_max",
        ),
        (
            Config {
                incoming_max: 0,
                ..default()
            },
            "incoming_max",
        ),
        (
            Config {
                reassembly_bytes_peer: 1 << 20,
                ..default()
            },
            "reassembly_bytes_peer",
        ),
        (
            Config {
                reassembly_bytes_node: 1 << 20,
                ..default()
            },
            "reassembly_bytes_node",
        ),
        (
            Config {
                queue_messages_peer: 0,
                ..default()
            },
            "queue_messages_peer",
        ),
        (
            Config {
                queue_bytes_peer: 1 << 20,
                ..default()
            },
            "queue_bytes_peer",
        ),
        (
            Config {
                unreliable_messages_peer: 0,
                ..default()
            },
            "unreliable_messages_peer",
        ),
        (
            Config {
                window_bytes_max: 2_799,
                ..default()
            },
            "window_bytes_max",
        ),
    ] {
        match Messaging::new(config, Instant::ZERO).map(|_| ()) {
            Err(
                ConfigError::TooSmall { field: named, .. }
                | ConfigError::TooLarge { field: named, .. },
            ) => {
                assert_eq!(named, field);
            }
            other => panic!("{field}: {other:?}"),
        }
    }
}

#[test]
fn jumbo_datagrams() {
    let config = Config {
        datagram_bytes: 65_000,
        ..Config::default()
    };
    let mut net = Net::pair_with(&config, ROUGH, 1);
    for message in 0..50 {
        net.send(0, 1, pattern(message * 3_000));
    }
    assert!(net.run_until(60 * SECOND, |net| net.nodes[0].events.len() == 50));
    assert_eq!(results(&net), (50, 0));
}

#[test]
fn acks_to_a_peer_that_never_answers_do_not_add_up() {
    let mut net = Net::pair(CLEAN, 1);
    net.nodes[0].core.ping(net.now, peer(1));
    net.settle();
    net.cut(0, 1, true);
    net.run(SECOND);
    net.nodes[0].core.ping(net.now, peer(1));
    for _ in 0..1_000 {
        net.send(1, 0, "and another one");
        net.run(SECOND);
    }
    let in_flight = net.nodes[0].core.in_flight(peer(1));
    assert!(
        in_flight < 300,
        "{in_flight} bytes of probes are remembered"
    );
}

#[test]
fn whoever_is_refused_sends_less_at_once() {
    let mut net = Net::pair(CLEAN, 1);
    for _ in 0..100 {
        for _ in 0..40 {
            net.send_as(0, 1, UNKNOWN, Bytes::from("hello"));
        }
        net.run(Duration::from_millis(20));
    }
    net.run(SECOND);
    assert_eq!(net.nodes[0].events.len(), 4_000);
    let retransmissions = net.nodes[0].core.stats().retransmissions;
    assert!(retransmissions < 2_000, "{retransmissions}");
}
