//! A process and the application that runs on it.

use std::net::SocketAddr;

use hobnob_endpoint::{
    Endpoint, EndpointConfig, Event, GOSSIP_PAYLOADS_PEER_MAX,
    gossip::{self, DeclaredState, Metadata, MetadataFields},
    messaging::{
        self, CallKey, Failure, FanOutKey, RequestKey,
        limits::{PROBE_BACKOFF_MAX, REASSEMBLIES_PEER_MAX, SUPERSEDED_KEPT},
    },
    wire::{Generation, Instant},
};
use hobnob_sim::{
    model::{CallId, Declared, Digest, Fact, Outcome, ProcessId},
    observed::outcome,
};

use super::{
    Told,
    calls::{Open, Targets},
    handlers::Work,
    script::{COMMANDS, Code, DATAGRAM_BYTES, STREAMS, Setting, Step},
};

/// Times that [`Node::run`] does what is due at one moment, at most. What is due then may make something
/// else due, but not for ever.
const ROUNDS_MAX: usize = 100;

/// Datagrams in flight beyond the window, at most: the last one that the window let go, and the probes that
/// are remembered. Where the round trip takes no time they are 64 ms apart at most.
const IN_FLIGHT_PROBES: usize =
    2 + (SUPERSEDED_KEPT.as_millis() / 64) as usize + PROBE_BACKOFF_MAX as usize;

/// One life of a node.
pub(super) struct Node {
    pub(super) endpoint: Endpoint,
    pub(super) process: ProcessId,
    generation: Generation,
    pub(super) is_paused: bool,
    pub(super) is_deferred: bool,
    /// Datagrams that left it.
    pub(super) sent: u64,
    pub(super) calls: Vec<Open<CallKey>>,
    pub(super) fan_outs: Vec<(Open<FanOutKey>, Targets)>,
    pub(super) work: Vec<Work>,
    pub(super) stale: Vec<RequestKey>,
    pub(super) unfinished: usize,
    pub(super) limits: messaging::Config,
    /// Messages of each stream so far.
    pub(super) streams: [u64; STREAMS],
}

impl Node {
    pub(super) fn start(
        told: &mut Told<'_>,
        addr: SocketAddr,
        process: ProcessId,
        generation: Generation,
        setting: Setting,
        place: usize,
    ) -> Self {
        let fields = MetadataFields {
            node_type: "udp".into(),
            ..MetadataFields::default()
        };
        let metadata = Metadata::new(fields).expect("it is short");
        let mut config = EndpointConfig::new(addr, generation, metadata);
        setting.limit(place, &mut config);
        let limits = config.messaging.clone();
        let seed = setting.seed << 8 | u64::from(process.0);
        let mut endpoint = Endpoint::new(config, seed, told.now).expect("the limits work");
        endpoint.register(COMMANDS[0]);
        told.tell(&Fact::Started {
            process,
            addr,
            generation,
        });
        Self {
            endpoint,
            process,
            generation,
            is_paused: false,
            is_deferred: setting.is_deferred(place),
            sent: 0,
            calls: Vec::new(),
            fan_outs: Vec::new(),
            work: Vec::new(),
            stale: Vec::new(),
            unfinished: 0,
            limits,
            streams: [0; STREAMS],
        }
    }

    /// Does what a node can do by itself.
    pub(super) fn apply(&mut self, told: &mut Told<'_>, step: Step) {
        match step.code {
            Code::Cancel => {
                if let Some(place) = step.choice(self.open_calls()) {
                    self.cancel(told, place);
                }
            }
            Code::CancelFanOut => {
                if let Some(place) = step.choice(self.open_fan_outs()) {
                    self.cancel_fan_out(told, place);
                }
            }
            Code::Answer | Code::Fail => {
                if let Some(place) = step.choice(self.open_work()) {
                    self.answer(told, place, step.length(), step.code == Code::Fail);
                }
            }
            Code::AnswerLate => {
                if let Some(place) = step.choice(self.stale()) {
                    self.answer_late(told.now, place);
                }
            }
            Code::Finish => self.finish(),
            Code::Register => self.endpoint.register(COMMANDS[1]),
            Code::Defer => self.is_deferred ^= true,
            Code::Leave => self.endpoint.leave(told.now),
            Code::Declare => {
                let (declared, state) = match step.choice(3) {
                    Some(0) => (DeclaredState::Online, Declared::Online),
                    Some(1) => (DeclaredState::Taken, Declared::Taken),
                    _ => (DeclaredState::Offline, Declared::Offline),
                };
                self.endpoint.set_state(told.now, declared);
                told.tell(&Fact::Declared {
                    process: self.process,
                    state,
                });
            }
            _ => {}
        }
    }

    /// What is held for calls, messages and handlers: nothing, once all have ended.
    pub(super) fn held(&self) -> Vec<(&'static str, usize)> {
        let messages = self.endpoint.messages();
        let stats = messages.stats();
        let loads = self.endpoint.sessions().peers();
        let loads = loads.filter_map(|(peer, _)| messages.load(peer));
        let in_flight = loads.map(|load| load.in_flight + load.unreliable + load.retransmissions);
        let all = [
            ("calls", self.calls.len()),
            ("fan-outs", self.fan_outs.len()),
            ("handlers", self.work.len() + self.unfinished),
            ("messages", stats.messages),
            ("requests", messages.has_unfinished().into()),
            ("messages before their turn", stats.held),
            ("bytes of pieces", stats.reassembly_bytes),
            ("bytes in flight", in_flight.sum()),
        ];
        all.into_iter().filter(|(_, held)| *held > 0).collect()
    }

    /// Lets everything happen that is due.
    pub(super) fn run(&mut self, told: &mut Told<'_>) {
        let now = told.now;
        let mut rounds = 0;
        while self.due().is_some_and(|due| due <= now) {
            self.endpoint.handle_timeout(now);
            self.drain(told);
            rounds += 1;
            assert!(
                rounds < ROUNDS_MAX,
                "{:?} is due for ever",
                self.endpoint.poll_timeout()
            );
        }
        told.tell(&Fact::Ran {
            process: self.process,
            now,
        });
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.endpoint.poll_timeout().map(|deadline| deadline.at)
    }

    /// Takes note of all that the endpoint has to tell.
    pub(super) fn drain(&mut self, told: &mut Told<'_>) {
        self.note_generation(told);
        while let Some(event) = self.endpoint.poll_event() {
            match event {
                Event::Message(event) => self.on_message_event(told, event),
                Event::Member(gossip::Event::LeaveFinished { confirmed, total }) => {
                    told.tell(&Fact::LeaveEnded {
                        process: self.process,
                        confirmed,
                        total,
                    });
                }
                _ => {}
            }
        }
        for (open, _) in &self.fan_outs {
            let messages = self.endpoint.messages();
            if let Some(deliveries) = messages.fan_out_in_flight(open.key) {
                let call = open.call;
                told.tell(&Fact::InFlight { call, deliveries });
            }
        }
        self.check_limits();
    }

    fn on_message_event(&mut self, told: &mut Told<'_>, event: messaging::Event) {
        use messaging::Event::{
            Answered, Cancelled, FannedOut, Message, Request, Sent, Unreliable,
        };
        match event {
            Sent { token, result } => {
                let outcome =
                    result.map_or_else(|failure| outcome(&failure), |()| Outcome::Delivered);
                self.end_call(told, CallId(token.0), outcome, None);
            }
            Answered { token, result } => {
                let (outcome, answer) = match result {
                    Ok(answer) => (Outcome::Answered, Some(Digest::of(&answer))),
                    Err(Failure::Handler(text)) => {
                        (Outcome::HandlerFailed, Some(Digest::of(&text)))
                    }
                    Err(failure) => (outcome(&failure), None),
                };
                self.end_call(told, CallId(token.0), outcome, answer);
            }
            FannedOut { token, report } => self.on_report(told, CallId(token.0), &report),
            Message { peer, payload, .. } => {
                self.unfinished += 1;
                self.handle(told, peer, &payload, None);
            }
            Request {
                key,
                peer,
                payload,
                deadline,
                ..
            } => {
                let call = self.handle(told, peer, &payload, Some(deadline));
                self.work.push(Work { key, call });
            }
            Unreliable { peer, payload, .. } => {
                self.handle(told, peer, &payload, None);
            }
            Cancelled { key } => {
                let place = self.work.iter().position(|work| work.key == key);
                let place = place.expect("what is withdrawn is being worked on");
                let call = self.work.swap_remove(place).call;
                self.keep_stale(key);
                told.tell(&Fact::Withdrawn {
                    call,
                    by: self.process,
                });
            }
            _ => {}
        }
    }

    /// A node that learns of a later generation at its own address goes on above it.
    fn note_generation(&mut self, told: &mut Told<'_>) {
        let generation = self.endpoint.sessions().generation();
        if generation != self.generation {
            self.generation = generation;
            told.tell(&Fact::Renewed {
                process: self.process,
                generation,
            });
        }
    }

    pub(super) const fn generation(&self) -> Generation {
        self.generation
    }

    /// No queue or table holds more than it may.
    fn check_limits(&self) {
        let (limits, messages) = (&self.limits, self.endpoint.messages());
        let stats = messages.stats();
        let loads = self.endpoint.sessions().peers();
        let loads = loads.filter_map(|(peer, _)| messages.load(peer));
        let waiting: usize = loads.map(|load| load.held).sum();
        let at_work = self.work.len() + self.unfinished;
        assert!(
            (at_work..=at_work + waiting).contains(&stats.incoming),
            "places are held by handlers, and by messages before their turn"
        );
        assert!(stats.incoming <= limits.incoming_max);
        assert!(stats.reassembly_bytes <= limits.reassembly_bytes_node);
        for (peer, _) in self.endpoint.sessions().peers() {
            let Some(load) = messages.load(peer) else {
                continue;
            };
            assert!(load.calls <= limits.queue_messages_peer, "{load:?}");
            assert!(load.call_bytes <= limits.queue_bytes_peer, "{load:?}");
            assert!(
                load.unreliable <= limits.unreliable_messages_peer,
                "{load:?}"
            );
            assert!(
                load.reassembly_bytes <= limits.reassembly_bytes_peer,
                "{load:?}"
            );
            assert!(load.reassemblies <= REASSEMBLIES_PEER_MAX, "{load:?}");
            // A probe goes out whatever is in flight.
            let probes = IN_FLIGHT_PROBES * DATAGRAM_BYTES;
            assert!(
                load.in_flight <= limits.window_bytes_max + probes,
                "{load:?}"
            );
        }
        assert!(self.endpoint.gossip_waiting() <= GOSSIP_PAYLOADS_PEER_MAX);
        let gossip = self.endpoint.members().stats();
        assert_eq!(gossip.swim_faults, 0, "SWIM is used as it wants to be");
        assert_eq!(gossip.events_dropped, 0, "events are drained");
    }
}
