//! One input of each kind of datagram, frame, content and gossip payload, with their edge cases.

use std::collections::BTreeMap;

use hobnob_endpoint::wire::{
    AckFrame, AppRelease, Command, ContentHead, DataHeader, FanOutId, Frame, Generation, Handshake,
    Hello, HelloAck, Instant, MessageId, PacketNumber, Refusal, RefusalReason, Refuse,
    RefuseReason, RelayHop, RelayOnce, RelayOutcome, RelayReport, RelayRun, RelayTarget,
    ResponseStatus, SessionId, StreamId, VERSION_MAX, VarInt, Writer,
    limits::{ACK_RANGES_MAX, ACK_REFUSALS_MAX, MESSAGE_BYTES_MAX},
};

use super::{NODE, PEER, addr, gossip_node};
use crate::seeds::Seed;

/// Bytes of the largest datagram.
const ROOM: usize = 65_536;

/// Where a SWIM packet between two IPv4 nodes says what it is: after the payload's kind, two lives of 16
/// bytes and the incarnation of the first.
const SWIM_MESSAGE: usize = 1 + 16 + 2 + 16;

pub(crate) fn seeds() -> Vec<Seed> {
    let mut seeds = handshakes();
    seeds.extend(data());
    seeds.extend(plain_frames());
    seeds.extend(acks());
    seeds.extend(contents());
    seeds.extend(relays());
    seeds.extend(gossip());
    seeds
}

fn handshakes() -> Vec<Seed> {
    let (session, nonce) = (SessionId(42), 43);
    let generation = Generation(1_700_000_000_000_000);
    let hello = Hello {
        version_min: 1,
        version_max: VERSION_MAX,
        cluster: 7,
        generation,
        session,
        nonce,
        release: AppRelease::default(),
    };
    let release = AppRelease {
        version: "1.4.2".parse().ok(),
        compatible_with: "1.2..2".parse().ok(),
    };
    let ack = HelloAck {
        version: VERSION_MAX,
        cluster: 7,
        generation,
        session,
        echo_session: SessionId(44),
        echo_nonce: nonce,
    };
    let refuse = |reason| {
        Handshake::Refuse(Refuse {
            echo_session: session,
            echo_nonce: nonce,
            reason,
        })
    };
    [
        ("hello", Handshake::Hello(hello)),
        ("hello-ack", Handshake::HelloAck(ack)),
        (
            "refuse-version",
            refuse(RefuseReason::Version { min: 2, max: 3 }),
        ),
        ("refuse-cluster", refuse(RefuseReason::Cluster)),
        (
            "hello-release",
            Handshake::Hello(Hello { release, ..hello }),
        ),
        (
            "refuse-incompatible",
            refuse(RefuseReason::Incompatible { release }),
        ),
        (
            "refuse-stale",
            refuse(RefuseReason::StaleGeneration { seen: generation }),
        ),
        ("reset", Handshake::Reset(session)),
    ]
    .into_iter()
    .map(|(name, handshake)| (name, encoded(|w| handshake.encode(w).expect("it fits"))))
    .collect()
}

fn data() -> Vec<Seed> {
    let header = DataHeader {
        version: VERSION_MAX,
        session: SessionId(42),
        packet: PacketNumber::from(300_u32),
    };
    vec![(
        "data-every-frame",
        encoded(|w| {
            header.encode(w).expect("it fits");
            every_frame(w);
        }),
    )]
}

fn plain_frames() -> Vec<Seed> {
    let id = MessageId::from(5_u32);
    let last = MessageId::from(VarInt::MAX);
    let fragment = |total, offset, piece| Frame::Fragment {
        id,
        total,
        offset,
        piece,
    };
    let most = u32::try_from(MESSAGE_BYTES_MAX).expect("it is below 2^30");
    let unreliable = |payload| Frame::Unreliable {
        command: Command(200),
        payload,
    };
    [
        ("padding-one", Frame::Padding(1)),
        ("padding", Frame::Padding(70)),
        ("noop", Frame::Noop),
        ("floor", Frame::Floor(id)),
        ("floor-last", Frame::Floor(last)),
        ("cancel", Frame::Cancel(id)),
        ("cancel-last", Frame::Cancel(last)),
        ("credit", Frame::Credit(VarInt::from(65_536_u32))),
        ("skip", Frame::Skip { id, distance: 3 }),
        ("fragment-first", fragment(3_000, 0, &[7; 100])),
        ("fragment-last", fragment(3_000, 2_999, &[7])),
        ("fragment-of-largest", fragment(most, most - 3, &[7; 3])),
        ("unreliable", unreliable(b"hello")),
        ("unreliable-empty", unreliable(b"")),
        ("gossip-empty", Frame::Gossip(b"")),
    ]
    .into_iter()
    .map(|(name, frame)| (name, framed(&frame)))
    .collect()
}

fn acks() -> Vec<Seed> {
    let ack = |ranges: &[(u64, u64)], refusals: &[Refusal]| {
        let ranges = ranges.iter().map(|&(start, end)| start..=end);
        encoded(|w| AckFrame::write(w, 250, ranges, refusals).expect("it fits"))
    };
    let refusal = |message: u32, reason| Refusal {
        message: message.into(),
        reason,
    };
    let most: Vec<_> = (0..ACK_RANGES_MAX as u64)
        .map(|n| (9_000 - 70 * n, 9_000 - 70 * n + n))
        .collect();
    let every_reason = [
        refusal(1, RefusalReason::NoHandler),
        refusal(100, RefusalReason::Overloaded),
        refusal(20_000, RefusalReason::TooLarge),
        refusal(u32::MAX, RefusalReason::Malformed),
    ];
    let refusals: Vec<_> = (0..40)
        .take(ACK_REFUSALS_MAX)
        .map(|id| refusal(id, RefusalReason::Overloaded))
        .collect();
    let last = VarInt::MAX.get();
    vec![
        ("ack-first-packet", ack(&[(0, 0)], &[])),
        ("ack-everything", ack(&[(0, last)], &[])),
        ("ack-down-to-zero", ack(&[(90, 100), (2, 60), (0, 0)], &[])),
        ("ack-most-ranges", ack(&most, &[])),
        ("ack-every-reason", ack(&[(40, 60)], &every_reason)),
        ("ack-most-refusals", ack(&[(40, 60)], &refusals)),
    ]
}

fn contents() -> Vec<Seed> {
    let command = Command(200);
    let request = |timeout_ms| ContentHead::Request {
        command,
        timeout_ms,
    };
    let in_order = |distance| ContentHead::InOrder {
        command,
        stream: StreamId::of_name("stream"),
        distance,
    };
    let response = |status| ContentHead::Response {
        request: MessageId::from(70_u32),
        status,
    };
    [
        ("content-one-way", ContentHead::OneWay { command }),
        ("content-in-order", in_order(0)),
        ("content-in-order-far", in_order(u16::MAX)),
        ("content-request", request(5_000)),
        ("content-request-long", request(u32::MAX)),
        ("content-response", response(ResponseStatus::Ok)),
        (
            "content-response-error",
            response(ResponseStatus::HandlerError),
        ),
        (
            "content-response-no-handler",
            response(ResponseStatus::NoHandler),
        ),
        (
            "content-response-overloaded",
            response(ResponseStatus::Overloaded),
        ),
    ]
    .into_iter()
    .map(|(name, head)| (name, message(head, b"hello")))
    .chain([(
        "content-none",
        framed(&Frame::Message {
            id: MessageId::ZERO,
            content: b"",
        }),
    )])
    .collect()
}

/// What the nodes of a relay tree say to each other.
fn relays() -> Vec<Seed> {
    let target = |place, addr: &str, generation| RelayTarget {
        place,
        addr: addr.parse().expect("an address"),
        generation,
    };
    let meant = Some(Generation(1_700_000_000_000_000));
    let targets = [
        target(4, "10.0.0.4:7946", None),
        target(5, "10.0.0.5:7946", meant),
        target(90, "[2001:db8::1]:7946", meant),
    ];
    let hop = RelayHop {
        id: FanOutId {
            origin: addr(NODE),
            generation: Generation(7),
            serial: 9,
        },
        floor: 8,
        part: 3,
        pace_ms: 50,
        timeout_ms: 5_000,
        limit: 4,
        command: Command(200),
        place: 3,
        generation: meant,
    };
    let once = RelayOnce {
        origin: addr(NODE),
        limit: 4,
        command: Command(200),
    };
    let run = |start, len, outcome| RelayRun {
        start,
        len,
        outcome,
    };
    let runs = [
        run(0, 3, RelayOutcome::Taken),
        run(3, 1, RelayOutcome::NoHandler),
        run(4, 70, RelayOutcome::Overloaded),
        run(500, 1, RelayOutcome::Restarted),
        run(600, 9, RelayOutcome::Unreached),
    ];
    let report = |is_declined, runs: &[RelayRun]| {
        let runs = runs.iter().copied();
        encoded(|w| RelayReport::encode(3, is_declined, runs, w).expect("it fits"))
    };
    let hop = |targets: &[RelayTarget]| {
        encoded(|w| {
            let targets = targets.iter().copied();
            hop.encode(targets, w).expect("it fits");
            w.put(b"hello").expect("it fits");
        })
    };
    let once = encoded(|w| {
        once.encode(targets.into_iter(), w).expect("it fits");
        w.put(b"hello").expect("it fits");
    });
    [
        ("relay-hop", Command::RELAY, hop(&targets)),
        ("relay-hop-leaf", Command::RELAY, hop(&[])),
        ("relay-once", Command::RELAY_ONCE, once),
        ("relay-report", Command::RELAY_REPORT, report(false, &runs)),
        (
            "relay-report-declined",
            Command::RELAY_REPORT,
            report(true, &[]),
        ),
        ("relay-cancel", Command::RELAY_CANCEL, vec![3]),
    ]
    .into_iter()
    .map(|(name, command, payload)| (name, message(ContentHead::OneWay { command }, &payload)))
    .collect()
}

fn message(head: ContentHead, payload: &[u8]) -> Vec<u8> {
    let content = encoded(|w| {
        head.encode(w).expect("it fits");
        w.put(payload).expect("it fits");
    });
    framed(&Frame::Message {
        id: MessageId::from(5_u32),
        content: &content,
    })
}

/// The first of each kind of payload that one node sends another, and the kinds that take more nodes.
fn gossip() -> Vec<Seed> {
    let address = [4, 10, 0, 0, PEER, 31, 10];
    let generation = u64::from(PEER).to_be_bytes();
    let made = [
        ("gossip-want", [&[5][..], &address].concat()),
        ("gossip-resume", [&[6, 1][..], &address, &[0]].concat()),
        ("gossip-leave-ack", [&[7][..], &generation, &[3]].concat()),
    ];
    let mut seeds: BTreeMap<&str, Vec<u8>> = made.into();
    for payload in gossip_payloads() {
        let name = match (payload.first(), payload.get(SWIM_MESSAGE)) {
            (Some(1), Some(1)) => "gossip-swim-ping",
            (Some(1), Some(2)) => "gossip-swim-ack",
            (Some(1), Some(7)) => "gossip-swim-announce",
            (Some(1), Some(8)) => "gossip-swim-feed",
            (Some(1), Some(9)) => "gossip-swim-gossip",
            (Some(2), _) => "gossip-news",
            (Some(3), _) => "gossip-answer",
            (Some(4), _) => "gossip-digest",
            _ => continue,
        };
        seeds.entry(name).or_insert(payload);
    }
    seeds
        .into_iter()
        .map(|(name, payload)| (name, framed(&Frame::Gossip(&payload))))
        .collect()
}

/// What two nodes say that meet, and part again.
fn gossip_payloads() -> Vec<Vec<u8>> {
    let mut nodes = [gossip_node(NODE, 1), gossip_node(PEER, 2)];
    let mut payloads = Vec::new();
    let mut now = Instant::ZERO;
    for round in 0..30 {
        match round {
            0 => nodes[1].announce(now, addr(NODE)),
            1 => nodes[0].announce(now, addr(PEER)),
            20 => nodes[1].leave(now),
            _ => {}
        }
        for turn in 0..20 {
            let from = turn % 2;
            while let Some((_, payload)) = nodes[from].poll_transmit() {
                let source = addr([NODE, PEER][from]);
                let _ = nodes[1 - from].handle_payload(now, source, &payload);
                if from == 1 {
                    payloads.push(payload);
                }
            }
        }
        let due = nodes
            .iter()
            .filter_map(|node| Some(node.poll_timeout()?.at));
        now = due.min().unwrap_or(now);
        for node in &mut nodes {
            node.handle_timeout(now);
        }
    }
    payloads
}

/// Every frame there is, padding last.
pub(crate) fn every_frame(w: &mut Writer<'_>) {
    let id = MessageId::from(5_u32);
    let refusals = [Refusal {
        message: id,
        reason: RefusalReason::Overloaded,
    }];
    let put = |w: &mut Writer<'_>, frame: Frame<'_>| frame.encode(w).expect("it fits");
    put(w, Frame::Gossip(b"gossip"));
    AckFrame::write(w, 250, [90..=100, 40..=60].into_iter(), &refusals).expect("it fits");
    put(w, Frame::Noop);
    put(w, Frame::Floor(id));
    put(
        w,
        Frame::Message {
            id,
            content: b"\x00\x00\xc8hello",
        },
    );
    put(
        w,
        Frame::Message {
            id: id.next(),
            content: b"\x01\x00\xc8\x50hello",
        },
    );
    put(
        w,
        Frame::Fragment {
            id: id.next().next(),
            total: 3_000,
            offset: 1_000,
            piece: &[7; 100],
        },
    );
    put(
        w,
        Frame::Unreliable {
            command: Command(200),
            payload: b"hello",
        },
    );
    put(w, Frame::Cancel(id));
    put(w, Frame::Credit(id.into()));
    put(w, Frame::Skip { id, distance: 3 });
    put(w, Frame::Padding(8));
}

fn framed(frame: &Frame<'_>) -> Vec<u8> {
    encoded(|w| frame.encode(w).expect("it fits"))
}

pub(crate) fn encoded(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut buffer = vec![0; ROOM];
    let mut writer = Writer::new(&mut buffer);
    write(&mut writer);
    writer.written().to_vec()
}
