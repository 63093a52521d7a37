//! A cluster whose nodes note what they handled, and an origin that sends to many.

use std::{collections::BTreeMap, num::NonZeroUsize, time::Duration};

use bytes::Bytes;
use hobnob_sim::{
    Application, At, Conditions, Instant, NodeId, Sim, Step,
    endpoint::{
        CallError, DeliveryError, EndpointConfig, Event, RelayKey, Target,
        gossip::{self, Metadata, MetadataFields, Profile},
        messaging::{self, Call, Failure, Token},
        wire::{Command, Generation},
    },
};

pub(crate) const COMMAND: Command = Command(200);
/// Occupies a place for good.
const HOARD: Command = Command(201);
pub(crate) const UNHANDLED: Command = Command(202);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);

/// Messages a node handles at once.
const PLACES: usize = 8;

type Report = Vec<Result<(), DeliveryError>>;

/// Notes what is handled, and by which process.
#[derive(Default)]
pub(crate) struct App {
    handled: BTreeMap<(u64, NodeId, Generation), u32>,
    pub(crate) reports: BTreeMap<u64, Report>,
    fanned_out: BTreeMap<u64, usize>,
}

impl App {
    fn note(&mut self, at: &At<'_>, payload: &[u8]) {
        let number = payload
            .first_chunk()
            .map_or(0, |head| u64::from_be_bytes(*head));
        let process = (number, at.node, at.endpoint.sessions().generation());
        *self.handled.entry(process).or_default() += 1;
    }
}

impl Application for App {
    fn on_start(&mut self, at: &mut At<'_>) {
        at.endpoint.register(COMMAND);
        at.endpoint.register(HOARD);
    }

    fn on_event(&mut self, at: &mut At<'_>, event: Event) {
        match event {
            Event::Relayed {
                payload,
                is_reliable,
                ..
            } => {
                self.note(at, &payload);
                if is_reliable {
                    at.endpoint.handled(1);
                }
            }
            Event::RelayEnded { token, report } => {
                let before = self.reports.insert(token.0, report);
                assert!(before.is_none(), "a fan-out ends once");
            }
            Event::Message(messaging::Event::Message { command, .. }) if command != HOARD => {
                at.endpoint.handled(1);
            }
            Event::Message(messaging::Event::Unreliable { payload, .. }) => {
                self.note(at, &payload);
            }
            Event::Message(messaging::Event::FannedOut { token, report }) => {
                let delivered = report.iter().filter(|(_, result)| result.is_ok()).count();
                self.fanned_out.insert(token.0, delivered);
            }
            _ => {}
        }
    }
}

/// One fan-out under way.
struct FanOut {
    key: RelayKey,
    deadline: Instant,
    targets: Vec<(NodeId, Generation)>,
}

/// A cluster in which everybody knows everybody; the first node is the origin of all fan-outs.
pub(crate) struct Field {
    pub(crate) sim: Sim<App>,
    pub(crate) ids: Vec<NodeId>,
    seed: u64,
    fan_outs: BTreeMap<u64, FanOut>,
    /// Deliveries the origin may have in flight now.
    limit: usize,
    last: u64,
}

impl Field {
    pub(crate) fn new(seed: u64, size: usize, conditions: Conditions) -> Self {
        Self::with(seed, size, conditions, |_| {})
    }

    pub(crate) fn with(
        seed: u64,
        size: usize,
        conditions: Conditions,
        adjust: impl Fn(&mut EndpointConfig),
    ) -> Self {
        let mut sim = Sim::new(seed, conditions, App::default());
        let fields = MetadataFields {
            node_type: "udp".into(),
            ..MetadataFields::default()
        };
        let metadata = Metadata::new(fields).expect("it is small");
        let start = |_| {
            sim.start(metadata.clone(), |config| {
                config.gossip = gossip::GossipConfig::new(Profile::Lan);
                config.messaging.incoming_max = PLACES;
                adjust(config);
            })
        };
        let ids: Vec<NodeId> = (0..size).map(start).collect();
        let mut field = Self {
            sim,
            ids,
            seed,
            fan_outs: BTreeMap::new(),
            limit: 0,
            last: 0,
        };
        field.everybody_is_back();
        field
    }

    /// Lets time pass until everybody sees everybody.
    pub(crate) fn everybody_is_back(&mut self) {
        for _ in 0..120 {
            for node in self.ids.clone() {
                self.greet(node);
            }
            self.sim.run_for(SECOND);
            let online = |node: &NodeId| {
                let endpoint = self.sim.endpoint(*node).expect("alive");
                let nodes = endpoint.members().nodes();
                nodes.filter(|node| node.is_online()).count()
            };
            if self
                .ids
                .iter()
                .all(|node| online(node) == self.ids.len() - 1)
            {
                return;
            }
        }
        panic!("seed {}: the cluster forms", self.seed);
    }

    fn greet(&mut self, node: NodeId) {
        let first = self.sim.addr(self.ids[0]);
        self.sim.with(node, |at| {
            if at.endpoint.members().is_alone() {
                at.endpoint.join(at.now, first);
            }
        });
    }

    pub(crate) fn restart(&mut self, node: NodeId) {
        self.sim.restart(node);
        self.greet(node);
    }

    fn targets(&self, nodes: &[NodeId]) -> Vec<Target> {
        let target = |node: &NodeId| Target {
            addr: self.sim.addr(*node),
            generation: None,
        };
        nodes.iter().map(target).collect()
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn begin(
        &mut self,
        command: Command,
        nodes: &[NodeId],
        limit: usize,
        timeout: Duration,
        bytes: usize,
    ) -> Result<u64, CallError> {
        let number = self.next();
        let targets = self.targets(nodes);
        let payload = numbered(number, bytes);
        let at_once = NonZeroUsize::new(limit).expect("it is not zero");
        let deadline = self.sim.now() + timeout;
        let begun = self.sim.with(self.ids[0], |at| {
            let call = Call {
                command,
                payload,
                deadline: at.now + timeout,
                token: Token(number),
            };
            at.endpoint.relay(at.now, &targets, at_once, call)
        });
        let fan_out = FanOut {
            key: begun.expect("the origin is alive")?,
            deadline,
            targets: nodes
                .iter()
                .map(|node| (*node, self.sim.generation(*node)))
                .collect(),
        };
        self.fan_outs.insert(number, fan_out);
        self.limit = limit;
        Ok(number)
    }

    /// Begins a relayed fan-out; the number names it.
    pub(crate) fn relay(
        &mut self,
        command: Command,
        nodes: &[NodeId],
        limit: usize,
        timeout: Duration,
    ) -> u64 {
        self.begin(command, nodes, limit, timeout, 8)
            .expect("it is taken on")
    }

    /// The same with a payload of so many bytes.
    pub(crate) fn try_relay_bytes(
        &mut self,
        nodes: &[NodeId],
        bytes: usize,
    ) -> Result<u64, CallError> {
        self.begin(COMMAND, nodes, 4, 60 * SECOND, bytes)
    }

    /// Sends an unreliable message down a tree.
    pub(crate) fn relay_once(&mut self, nodes: &[NodeId], limit: usize, bytes: usize) -> u64 {
        let number = self.next();
        let targets = self.targets(nodes);
        let payload = numbered(number, bytes);
        let limit = NonZeroUsize::new(limit).expect("it is not zero");
        let begun = self.sim.with(self.ids[0], |at| {
            at.endpoint
                .relay_once(at.now, &targets, COMMAND, &payload, limit)
        });
        begun.expect("alive").expect("an ordinary command");
        number
    }

    /// Sends to every one from here.
    pub(crate) fn fan_out(&mut self, nodes: &[NodeId], limit: usize, timeout: Duration) -> u64 {
        let number = self.next();
        let targets = self.targets(nodes);
        let limit = NonZeroUsize::new(limit).expect("it is not zero");
        self.sim.with(self.ids[0], |at| {
            let peers = targets.iter().map(|to| at.endpoint.peer(at.now, *to));
            let peers: Vec<_> = peers.collect::<Result<_, _>>().expect("all are there");
            let call = Call {
                command: COMMAND,
                payload: numbered(number, 8),
                deadline: at.now + timeout,
                token: Token(number),
            };
            at.endpoint
                .fan_out(at.now, &peers, limit, call)
                .expect("it is taken on");
        });
        number
    }

    pub(crate) fn fanned_out(&mut self, number: u64) {
        let done = |sim: &Sim<App>| sim.app.fanned_out.contains_key(&number);
        assert!(self.sim.run_until(60 * SECOND, done));
    }

    pub(crate) fn give_up(&mut self, number: u64) {
        let key = self.fan_outs[&number].key;
        self.sim
            .with(self.ids[0], |at| at.endpoint.cancel_relay(at.now, key));
    }

    /// Lets time pass until a moment, looking at every node that does something.
    pub(crate) fn run_until_time(&mut self, end: Instant) {
        while let Some(node) = self.step(end) {
            self.look(node);
        }
    }

    /// The report of a fan-out, by its deadline.
    pub(crate) fn ended(&mut self, number: u64) -> Report {
        let deadline = self.fan_outs[&number].deadline;
        while !self.sim.app.reports.contains_key(&number) {
            match self.step(deadline) {
                Some(node) => self.look(node),
                None => break,
            }
        }
        let report = self.sim.app.reports.remove(&number);
        report.unwrap_or_else(|| panic!("seed {}: ended by its deadline", self.seed))
    }

    fn step(&mut self, end: Instant) -> Option<Option<NodeId>> {
        match self.sim.step(end) {
            Step::Quiet => None,
            Step::Network => Some(None),
            Step::Ran(node) => Some(Some(node)),
        }
    }

    /// No node ever has more in flight than it may, by its own count; at the origin, which sends nothing else
    /// as long as no child was given up, by that of the messaging core, too.
    fn look(&self, node: Option<NodeId>) {
        let Some(endpoint) = node.and_then(|node| self.sim.endpoint(node)) else {
            return;
        };
        for (in_flight, limit) in endpoint.relays_in_flight() {
            assert!(in_flight <= limit, "seed {}: {in_flight}", self.seed);
        }
        let is_origin = node == Some(self.ids[0]);
        if is_origin && endpoint.relay_stats().taken_over == 0 {
            let messages = endpoint.messages().stats().messages;
            assert!(messages <= self.limit, "seed {}: {messages}", self.seed);
        }
    }

    /// Compares a report with what was handled. `is_sure` says which nodes must have handled it.
    pub(crate) fn check(&self, number: u64, report: &Report, is_sure: impl Fn(NodeId) -> bool) {
        let targets = &self.fan_outs[&number].targets;
        assert_eq!(report.len(), targets.len(), "every node is in the report");
        for ((node, generation), result) in targets.iter().zip(report) {
            let of = format!("seed {}, {node:?}: {result:?}", self.seed);
            let by_process = |generation| {
                let process = (number, *node, generation);
                self.sim.app.handled.get(&process).copied().unwrap_or(0)
            };
            let handled = by_process(*generation);
            let by_all: u32 = self
                .sim
                .app
                .handled
                .iter()
                .filter(|((of, by, _), _)| *of == number && by == node)
                .map(|(_, times)| times)
                .sum();
            assert_eq!(by_all, handled, "{of}: by nobody but the process meant");
            assert!(handled <= 1, "{of}: handled {handled} times");
            match result {
                Ok(()) => assert_eq!(handled, 1, "{of}: handled"),
                Err(DeliveryError::Failed(Failure::NoHandler | Failure::Overloaded)) => {
                    assert_eq!(handled, 0, "{of}: refused");
                }
                Err(_) => {}
            }
            if is_sure(*node) {
                assert_eq!((handled, result), (1, &Ok(())), "{of}: it was there");
            }
        }
    }

    /// How many nodes have handled a message.
    pub(crate) fn handled(&self, number: u64) -> usize {
        let of = |((of, ..), _): &(&(u64, NodeId, Generation), &u32)| *of == number;
        self.sim.app.handled.iter().filter(of).count()
    }

    /// How often the node that handled a message most often did so.
    pub(crate) fn handled_at_most(&self, number: u64) -> u32 {
        let handled = self.sim.app.handled.iter();
        let of = handled.filter(|((of, ..), _)| *of == number);
        of.map(|(_, times)| *times).max().unwrap_or(0)
    }

    /// Children given up, at all nodes that live.
    pub(crate) fn taken_over(&self) -> u64 {
        let endpoints = self.ids.iter().filter_map(|node| self.sim.endpoint(*node));
        endpoints
            .map(|endpoint| endpoint.relay_stats().taken_over)
            .sum()
    }

    /// Nobody works on anything any more.
    pub(crate) fn is_idle(&self) {
        for node in &self.ids {
            let endpoint = self.sim.endpoint(*node).expect("alive");
            let stats = endpoint.relay_stats();
            assert_eq!((stats.errands, stats.bytes), (0, 0), "{node:?}");
            assert!(!endpoint.messages().has_unfinished(), "{node:?}");
            assert_eq!(endpoint.messages().stats().incoming, 0, "{node:?}");
        }
    }

    /// Occupies all places of a node by messages that nobody ever handles to their end.
    pub(crate) fn fill(&mut self, node: NodeId) {
        let to = self.targets(&[node])[0];
        for _ in 0..PLACES {
            self.sim.with(self.ids[0], |at| {
                let call = Call {
                    command: HOARD,
                    payload: Bytes::new(),
                    deadline: at.now + 60 * SECOND,
                    token: Token(0),
                };
                let sent = at.endpoint.send(at.now, to, call);
                sent.expect("it is taken on");
            });
        }
        let is_full = |sim: &Sim<App>| {
            let endpoint = sim.endpoint(node).expect("alive");
            let origin = sim.endpoint(self.ids[0]).expect("alive");
            endpoint.messages().stats().incoming == PLACES && !origin.messages().has_unfinished()
        };
        assert!(self.sim.run_until(60 * SECOND, is_full));
    }
}

/// A payload that says which message it is.
fn numbered(number: u64, bytes: usize) -> Bytes {
    let mut payload = number.to_be_bytes().to_vec();
    payload.resize(bytes.max(8), 0xab);
    payload.into()
}
