//! Whole nodes that send all they can over one slow link, some of them later than the others.

use std::{collections::BTreeMap, net::SocketAddr, num::NonZeroUsize, time::Duration};

use bytes::Bytes;
use hobnob_sim::{
    Application, At, Conditions, Host, Link, NodeId, Sim,
    endpoint::{
        Event, Target,
        gossip::{Metadata, MetadataFields},
        messaging::{self, Call, Token},
        wire::{Command, Peer, ResponseStatus, StreamId},
    },
};

const COMMAND: Command = Command(200);
const SECOND: Duration = Duration::from_secs(1);
const SENDERS: usize = 16;
const BITS_PER_SECOND: u32 = 20_000_000;
/// Calls that each sender has under way.
const AT_ONCE: usize = 48;
/// Bytes of messages, in turn.
const LENS: [usize; 4] = [100, 3_000, 40_000, 200_000];

#[derive(Clone, Copy, Debug)]
enum Kind {
    Send,
    Request,
    Order,
    FanOut,
}

/// Senders that begin another call whenever one has ended, and a receiver that counts.
struct Bulk {
    kind: Kind,
    to: Option<Target>,
    came: BTreeMap<SocketAddr, usize>,
    calls: usize,
}

impl Bulk {
    fn begin(&mut self, at: &mut At<'_>) {
        let to = self.to.expect("the receiver was started first");
        let now = at.now;
        let payload = Bytes::from(vec![7; LENS[self.calls % LENS.len()]]);
        self.calls += 1;
        let call = Call {
            command: COMMAND,
            payload,
            deadline: now + 600 * SECOND,
            token: Token(self.calls as u64),
        };
        let endpoint = &mut at.endpoint;
        let begun = match self.kind {
            Kind::Send => endpoint.send(now, to, call).map(drop),
            Kind::Request => endpoint.request(now, to, call).map(drop),
            Kind::Order => endpoint.send_in_order(now, to, StreamId(1), call).map(drop),
            Kind::FanOut => endpoint.peer(now, to).and_then(|peer| {
                let one = NonZeroUsize::MIN;
                endpoint.fan_out(now, &[peer], one, call).map(drop)
            }),
        };
        begun.expect("there is room for so few");
    }

    fn note(&mut self, at: &At<'_>, peer: Peer, bytes: usize) {
        let remote = at.endpoint.sessions().remote(peer).expect("a peer");
        *self.came.entry(remote.addr).or_default() += bytes;
    }
}

impl Application for Bulk {
    fn on_start(&mut self, at: &mut At<'_>) {
        at.endpoint.register(COMMAND);
    }

    fn on_wake(&mut self, at: &mut At<'_>, _: u64) {
        (0..AT_ONCE).for_each(|_| self.begin(at));
    }

    fn on_event(&mut self, at: &mut At<'_>, event: Event) {
        let Event::Message(message) = event else {
            return;
        };
        match message {
            messaging::Event::Message { peer, payload, .. } => {
                self.note(at, peer, payload.len());
                at.endpoint.handled(1);
            }
            messaging::Event::Request {
                key, peer, payload, ..
            } => {
                self.note(at, peer, payload.len());
                let _ = at
                    .endpoint
                    .respond(at.now, key, ResponseStatus::Ok, Bytes::new());
            }
            messaging::Event::Sent { result, .. } => {
                assert_eq!(result, Ok(()));
                self.begin(at);
            }
            messaging::Event::Answered { result, .. } => {
                assert_eq!(result, Ok(Bytes::new()));
                self.begin(at);
            }
            messaging::Event::FannedOut { report, .. } => {
                assert_eq!(report[0].1, Ok(()));
                self.begin(at);
            }
            _ => {}
        }
    }
}

/// Half of the senders begin at once, the others ten seconds later; then it is counted for ten seconds.
fn contend(kind: Kind, round_trip: Duration, seed: u64) {
    let latency = round_trip / 2;
    let conditions = Conditions::LAN.with_latency(latency, latency + latency / 10);
    let app = Bulk {
        kind,
        to: None,
        came: BTreeMap::new(),
        calls: 0,
    };
    let mut sim = Sim::new(seed, conditions, app);
    let fields = MetadataFields {
        node_type: "udp".into(),
        ..MetadataFields::default()
    };
    let metadata = Metadata::new(fields).expect("it is small");
    let receiver = sim.start(metadata.clone(), |_| {});
    let senders: Vec<NodeId> = (0..SENDERS)
        .map(|_| sim.start(metadata.clone(), |_| {}))
        .collect();
    let link = Link {
        bits_per_second: BITS_PER_SECOND.into(),
        queue_bytes: 64 << 10,
    };
    let host = Host {
        ingress: Some(link),
        ..Host::default()
    };
    sim.set_host(receiver, host);
    let to = Target {
        addr: sim.addr(receiver),
        generation: None,
    };
    sim.app.to = Some(to);
    for half in senders.chunks(SENDERS / 2) {
        for sender in half {
            sim.with(*sender, |at| at.wake_in(Duration::ZERO, 0))
                .expect("alive");
        }
        sim.run_for(10 * SECOND);
    }
    let (before, busy) = (sim.app.came.clone(), sim.ingress_stats(receiver).busy);
    sim.run_for(10 * SECOND);
    let busy = (sim.ingress_stats(receiver).busy - busy).as_secs_f64() / 10.0;
    assert!(busy >= 0.85, "{kind:?}, {round_trip:?}: {busy:.2} busy");
    let fair = f64::from(BITS_PER_SECOND) / 8.0 * 10.0 / SENDERS as f64;
    for sender in senders {
        let addr = sim.addr(sender);
        let of = |came: &BTreeMap<SocketAddr, usize>| came.get(&addr).copied().unwrap_or(0);
        let share = (of(&sim.app.came) - of(&before)) as f64 / fair;
        assert!(
            share >= 1.0 / 3.0,
            "{kind:?}, {round_trip:?}: {sender} has {share:.2} of its share"
        );
    }
}

#[test]
fn on_a_short_way_late_senders_get_their_share() {
    contend(Kind::Send, Duration::from_millis(1), 1);
    contend(Kind::Request, Duration::from_millis(5), 2);
}

#[test]
fn on_a_long_way_late_senders_get_their_share() {
    contend(Kind::Order, Duration::from_millis(20), 3);
    contend(Kind::FanOut, Duration::from_millis(50), 4);
}
