//! The application that runs on the nodes: makes calls, handles them, and tells the model what it sees.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
    time::Duration,
};

use hobnob_endpoint::{
    CallError, DeliveryError, Endpoint, Event, RelayKey,
    gossip::{self, DeclaredState, NodeState},
    messaging::{self, CallKey, Failure, FanOutKey, RequestKey},
    wire::{Command, Generation, Instant, Peer},
};
use rand::RngExt;

use super::{checks, dice::Dice, handlers::Work, load::Pour, plan::Plan, trace::Trace};
use crate::{
    Application, At, NodeId,
    model::{
        CallId, Declared, Digest, Fact, Model, Outcome, ProcessId, Rules, Seen, Sighting, Violation,
    },
};

/// Handled by every node.
pub(super) const COMMON: Command = Command(200);
/// Handled by every second node.
pub(super) const RARE: Command = Command(201);

/// How often a node that is alone greets its seeds.
const GREETING_PAUSE: Duration = Duration::from_millis(500);
/// How often seeds are greeted that are missing, as the driver does it.
pub(super) const REUNION_PAUSE: Duration = Duration::from_secs(30);
/// Seeds that are greeted at once: as a name service gives them, some of those that run.
const SEEDS: usize = 3;

/// A step of a process takes no time; what must wait for the next one waits this long.
const RETRY_PAUSE: Duration = Duration::from_micros(1);

/// Tokens of wakes by which the day acts on a process.
pub(super) const WAKE_LEAVE: u64 = u64::MAX;
pub(super) const WAKE_DECLARE: u64 = u64::MAX - 1;
pub(super) const WAKE_CLEAN: u64 = u64::MAX - 2;
pub(super) const WAKE_POUR: u64 = u64::MAX - 3;

impl Phase {
    /// Whether handlers are quick and do not fail.
    pub(super) const fn is_calm(self) -> bool {
        matches!(self, Self::Meeting | Self::Clean)
    }
}

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Calls are made, and things go wrong.
    Trouble,
    /// No new calls; what is open comes to its end.
    Quiet,
    /// Calls are made that show who still has a session with whom.
    Meeting,
    /// Calls are made, and all must succeed.
    Clean,
}

/// The application of a day.
pub(super) struct Crew {
    pub(super) plan: Plan,
    pub(super) model: Model,
    pub(super) phase: Phase,
    /// Every address there ever was a node at.
    pub(super) addrs: Vec<SocketAddr>,
    pub(super) lives: BTreeMap<NodeId, Life>,
    /// Whether anybody who is suspected or declared dead is a violation.
    pub(super) is_stable: bool,
    pub(super) trace: Option<Trace>,
    pub(super) dice: Dice,
    pub(super) next_call: u64,
    next_process: u32,
    /// Processes that have said goodbye.
    pub(super) left: Vec<NodeId>,
    /// Requests that nobody answers: their callers give them up.
    pub(super) to_be_cancelled: BTreeSet<CallId>,
    /// Who is there while nothing is wrong.
    pub(super) everybody: Vec<SocketAddr>,
    /// Who sends as fast as possible.
    pub(super) pours: BTreeMap<NodeId, Pour>,
    /// Bytes of the messages that were handled, by sender.
    pub(super) got: BTreeMap<SocketAddr, u64>,
}

/// What the application knows of one process.
pub(super) struct Life {
    pub(super) process: ProcessId,
    addr: SocketAddr,
    generation: Generation,
    pub(super) dice: Dice,
    chores: BTreeMap<u64, Chore>,
    next_chore: u64,
    pub(super) calls: BTreeMap<CallId, Open>,
    pub(super) requests: HashMap<RequestKey, CallId>,
    /// Where the calls go that are made as fast as possible.
    pub(super) poured: BTreeMap<CallId, SocketAddr>,
    /// Messages of each stream to each address so far.
    pub(super) streams: BTreeMap<(SocketAddr, u32), u64>,
    last_reunion: Instant,
    pub(super) is_leaving: bool,
    idles: u64,
}

/// A call under way.
#[derive(Clone, Debug)]
pub(super) enum Open {
    Call(CallKey),
    FanOut(FanOutKey, Vec<(Peer, SocketAddr)>),
    Relayed(RelayKey, Vec<SocketAddr>),
}

/// Something a process will do.
#[derive(Clone, Debug)]
pub(super) enum Chore {
    /// Makes calls, and comes back.
    Traffic,
    /// Greets somebody if need be, and comes back.
    Greet,
    /// Nothing: the process runs, and sends what waits.
    Flush,
    /// Gives a call up.
    Cancel(CallId),
    /// Pours again where the queue was full.
    Pour(CallId),
    /// Ends the handling of something.
    Finish(Work),
}

impl Crew {
    pub(super) fn new(plan: Plan, dice: Dice) -> Self {
        Self {
            plan,
            model: Model::new(Rules::default()),
            phase: Phase::Trouble,
            addrs: Vec::new(),
            lives: BTreeMap::new(),
            is_stable: false,
            trace: None,
            dice,
            next_call: 0,
            next_process: 0,
            left: Vec::new(),
            to_be_cancelled: BTreeSet::new(),
            everybody: Vec::new(),
            pours: BTreeMap::new(),
            got: BTreeMap::new(),
        }
    }

    /// Tells the model, and whoever reads the trace.
    pub(super) fn see(&mut self, at: Instant, fact: Fact<'_>) {
        let is_news = !matches!(fact, Fact::Ran { .. } | Fact::InFlight { .. });
        if is_news && let Some(trace) = &self.trace {
            trace.line(at, &format_args!("{fact:?}"));
        }
        let before = self.model.violations().len();
        self.model.observe(at, &fact);
        if let Some(trace) = &self.trace {
            for (at, violation) in &self.model.violations()[before..] {
                trace.line(*at, &format_args!("VIOLATION: {violation}"));
            }
        }
    }

    /// The process on the node is no more.
    pub(super) fn on_stop(&mut self, node: NodeId, now: Instant) {
        if let Some(life) = self.lives.remove(&node) {
            let process = life.process;
            self.see(now, Fact::Stopped { process });
        }
    }

    /// Whether the process on the node is saying goodbye.
    pub(super) fn is_leaving(&self, node: NodeId) -> bool {
        self.lives.get(&node).is_some_and(|life| life.is_leaving)
    }

    /// Ends the open calls and says goodbye, as a shutdown does.
    fn leave(&mut self, at: &mut At<'_>) {
        let Some(life) = self.lives.get_mut(&at.node) else {
            return;
        };
        life.is_leaving = true;
        let process = life.process;
        let open: Vec<CallId> = life.calls.keys().copied().collect();
        for call in open {
            self.cancel(at, call, true);
        }
        at.endpoint.leave(at.now);
        self.see(at.world_now, Fact::Leaving { process });
    }

    /// The node says something else of itself.
    fn declare(&mut self, at: &mut At<'_>) {
        let Some(life) = self.lives.get_mut(&at.node).filter(|it| !it.is_leaving) else {
            return;
        };
        let states = [
            DeclaredState::Online,
            DeclaredState::Taken,
            DeclaredState::Offline,
        ];
        let state = states[life.dice.random_range(0..states.len())];
        at.endpoint.set_state(at.now, state);
        let process = life.process;
        let state = declared(state);
        self.see(at.world_now, Fact::Declared { process, state });
    }

    /// The first node that sees the cluster as it is not.
    pub(super) fn wrong_view(&self, node: NodeId, endpoint: &Endpoint) -> Option<Violation> {
        let view = endpoint.members().nodes().map(|node| Sighting {
            addr: node.identity.addr,
            generation: node.identity.generation,
            seen: seen(node.state),
        });
        self.model.wrong_view(self.lives.get(&node)?.process, view)
    }

    pub(super) fn after(&mut self, at: &mut At<'_>, after: Duration, chore: Chore) {
        if let Some(life) = self.lives.get_mut(&at.node) {
            life.next_chore += 1;
            life.chores.insert(life.next_chore, chore);
            at.wake_in(after, life.next_chore);
        }
    }

    fn greet(&mut self, at: &mut At<'_>) {
        let running: Vec<SocketAddr> = self.lives.values().map(|life| life.addr).collect();
        let Some(life) = self.lives.get_mut(&at.node) else {
            return;
        };
        let is_alone = at.endpoint.members().is_alone();
        if is_alone || at.now.saturating_since(life.last_reunion) >= REUNION_PAUSE {
            life.last_reunion = at.now;
            for _ in 0..SEEDS {
                let seed = running[life.dice.random_range(0..running.len())];
                let members = at.endpoint.members();
                if members.node(seed).is_none_or(|node| node.state.is_gone()) {
                    at.endpoint.join(at.now, seed);
                }
            }
        }
        self.after(at, GREETING_PAUSE, Chore::Greet);
    }

    fn on_message_event(&mut self, at: &mut At<'_>, event: messaging::Event) {
        use messaging::Event::{
            Answered, Cancelled, FannedOut, Message, Request, Sent, Unreliable,
        };
        match event {
            Message { peer, payload, .. } => {
                let from = addr_of(at, peer);
                self.on_message(at, from, &payload, true);
            }
            Unreliable { peer, payload, .. } => {
                let from = addr_of(at, peer);
                self.on_message(at, from, &payload, false);
            }
            Request {
                key,
                peer,
                payload,
                deadline,
                ..
            } => self.on_request(at, key, peer, &payload, deadline),
            Cancelled { key } => self.on_withdrawn(at, key),
            Sent { token, result } => {
                let outcome = result.map_or_else(|it| outcome(&it), |()| Outcome::Delivered);
                self.on_ended(at, CallId(token.0), outcome, None);
            }
            Answered { token, result } => {
                let (outcome, answer) = match &result {
                    Ok(answer) => (Outcome::Answered, Some(Digest::of(answer))),
                    Err(Failure::Handler(text)) => (Outcome::HandlerFailed, Some(Digest::of(text))),
                    Err(failure) => (outcome(failure), None),
                };
                self.on_ended(at, CallId(token.0), outcome, answer);
            }
            FannedOut { token, report } => self.on_fanned_out(at, CallId(token.0), &report),
            _ => {}
        }
    }

    fn on_ended(
        &mut self,
        at: &mut At<'_>,
        call: CallId,
        outcome: Outcome,
        answer: Option<Digest>,
    ) {
        if let Some(life) = self.lives.get_mut(&at.node) {
            life.calls.remove(&call);
        }
        self.tell_end(at, call, outcome, answer);
        self.go_on_pouring(at, call);
    }

    /// Tells the model how a call ended. When nothing is wrong any more, it must have succeeded.
    pub(super) fn tell_end(
        &mut self,
        at: &At<'_>,
        call: CallId,
        outcome: Outcome,
        answer: Option<Digest>,
    ) {
        let now = at.now;
        self.see(
            at.world_now,
            Fact::Ended {
                call,
                outcome,
                answer,
                now,
            },
        );
        self.check_served(call, outcome);
    }

    /// When nothing is wrong any more, every call succeeds, unless queues are too small for all at once.
    fn check_served(&mut self, call: CallId, outcome: Outcome) {
        let is_served = match outcome {
            Outcome::Delivered | Outcome::Answered => true,
            Outcome::NotTaken | Outcome::Overloaded => self.plan.limits.are_tight(),
            _ => false,
        };
        if self.phase == Phase::Clean && !is_served {
            self.model.blame(Violation::Unserved { call, outcome });
        }
    }

    fn on_fanned_out(
        &mut self,
        at: &mut At<'_>,
        call: CallId,
        report: &[(Peer, Result<(), Failure>)],
    ) {
        let Some(life) = self.lives.get_mut(&at.node) else {
            return;
        };
        let targets = match life.calls.remove(&call) {
            Some(Open::FanOut(_, targets)) => targets,
            _ => Vec::new(),
        };
        let addr_of = |peer: &Peer| {
            let target = targets.iter().find(|(target, _)| target == peer);
            target.map_or(at.endpoint.addr(), |(_, addr)| *addr)
        };
        let ended = report.iter().map(|(peer, result)| {
            let outcome = match result {
                Ok(()) => Outcome::Delivered,
                Err(failure) => outcome(failure),
            };
            (addr_of(peer), outcome)
        });
        let report: Vec<(SocketAddr, Outcome)> = ended.collect();
        self.tell_report(at, call, &report);
    }

    fn on_relay_ended(
        &mut self,
        at: &mut At<'_>,
        call: CallId,
        report: &[Result<(), DeliveryError>],
    ) {
        let Some(life) = self.lives.get_mut(&at.node) else {
            return;
        };
        let targets = match life.calls.remove(&call) {
            Some(Open::Relayed(_, targets)) => targets,
            _ => Vec::new(),
        };
        let outcomes = report.iter().map(|result| match result {
            Ok(()) => Outcome::Delivered,
            Err(DeliveryError::Failed(failure)) => outcome(failure),
            Err(DeliveryError::NotTaken(CallError::PeerRestarted)) => Outcome::PeerRestarted,
            // Another node may have brought it there before.
            Err(_) => Outcome::PeerDown,
        });
        let report: Vec<(SocketAddr, Outcome)> = targets.into_iter().zip(outcomes).collect();
        self.tell_report(at, call, &report);
    }

    fn tell_report(&mut self, at: &At<'_>, call: CallId, report: &[(SocketAddr, Outcome)]) {
        let now = at.now;
        self.see(at.world_now, Fact::FanOutEnded { call, report, now });
        for (_, outcome) in report {
            self.check_served(call, *outcome);
        }
    }

    fn on_member_event(&mut self, at: &mut At<'_>, event: &gossip::Event) {
        let Some(life) = self.lives.get_mut(&at.node) else {
            return;
        };
        let process = life.process;
        match event {
            gossip::Event::LeaveFinished { confirmed, total } => {
                let (confirmed, total) = (*confirmed, *total);
                let fact = Fact::LeaveEnded {
                    process,
                    confirmed,
                    total,
                };
                self.see(at.world_now, fact);
                self.left.push(at.node);
            }
            gossip::Event::StateChanged { node, to, .. }
                if self.is_stable && (to.is_gone() || *to == NodeState::Suspect) =>
            {
                self.blame_suspicion(process, node);
            }
            gossip::Event::Failed(node) if self.is_stable => self.blame_suspicion(process, node),
            _ => {}
        }
    }

    /// A node whose generation proved stale has chosen another one.
    fn note_renewal(&mut self, at: &At<'_>) {
        let generation = at.endpoint.sessions().generation();
        if let Some(life) = self.lives.get_mut(&at.node)
            && life.generation != generation
        {
            life.generation = generation;
            let process = life.process;
            let fact = Fact::Renewed {
                process,
                generation,
            };
            self.see(at.world_now, fact);
        }
    }

    fn blame_suspicion(&mut self, by: ProcessId, node: &gossip::Node) {
        self.model.blame(Violation::FalseSuspicion {
            by,
            addr: node.identity.addr,
            seen: node.state.to_string(),
        });
    }
}

impl Application for Crew {
    fn on_start(&mut self, at: &mut At<'_>) {
        let (process, addr) = (ProcessId(self.next_process), at.endpoint.addr());
        self.next_process += 1;
        let generation = at.generation;
        if !self.addrs.contains(&addr) {
            self.addrs.push(addr);
        }
        self.see(
            at.world_now,
            Fact::Started {
                process,
                addr,
                generation,
            },
        );
        let life = Life {
            process,
            addr,
            generation,
            dice: self.dice.split(),
            chores: BTreeMap::new(),
            next_chore: 0,
            calls: BTreeMap::new(),
            requests: HashMap::new(),
            poured: BTreeMap::new(),
            streams: BTreeMap::new(),
            last_reunion: at.now,
            is_leaving: false,
            idles: 0,
        };
        self.lives.insert(at.node, life);
        at.endpoint.register(COMMON);
        if at.node.index().is_multiple_of(2) {
            at.endpoint.register(RARE);
        }
        self.greet(at);
        let pause = self.dice.up_to(self.plan.traffic.pause);
        self.after(at, pause, Chore::Traffic);
    }

    fn on_event(&mut self, at: &mut At<'_>, event: Event) {
        self.note_renewal(at);
        match event {
            Event::Member(event) => self.on_member_event(at, &event),
            Event::Message(event) => self.on_message_event(at, event),
            Event::Relayed {
                origin,
                payload,
                is_reliable,
                ..
            } => self.on_message(at, origin, &payload, is_reliable),
            Event::RelayEnded { token, report } => {
                self.on_relay_ended(at, CallId(token.0), &report);
            }
            _ => {}
        }
    }

    fn on_wake(&mut self, at: &mut At<'_>, token: u64) {
        match token {
            // The ends of some calls may have come already, and not been looked at.
            WAKE_LEAVE if at.endpoint.has_events() => return at.wake_in(RETRY_PAUSE, token),
            WAKE_LEAVE => return self.leave(at),
            WAKE_POUR => return self.begin_pouring(at),
            WAKE_DECLARE => return self.declare(at),
            WAKE_CLEAN => {
                let everybody = std::mem::take(&mut self.everybody);
                self.make_clean_calls(at, &everybody);
                self.everybody = everybody;
                return;
            }
            _ => {}
        }
        let chore = self
            .lives
            .get_mut(&at.node)
            .and_then(|life| life.chores.remove(&token));
        match chore {
            Some(Chore::Traffic) => self.make_calls(at),
            Some(Chore::Greet) => self.greet(at),
            // The call's end may have come already, and not been looked at.
            Some(Chore::Cancel(call)) if at.endpoint.has_events() => {
                self.after(at, RETRY_PAUSE, Chore::Cancel(call));
            }
            Some(Chore::Cancel(call)) => self.cancel(at, call, true),
            Some(Chore::Pour(call)) => self.go_on_pouring(at, call),
            Some(Chore::Finish(work)) => self.finish(at, work),
            Some(Chore::Flush) | None => {}
        }
    }

    fn on_idle(&mut self, at: &At<'_>) {
        self.note_renewal(at);
        let Some(life) = self.lives.get_mut(&at.node) else {
            return;
        };
        life.idles += 1;
        let (process, now, idles) = (life.process, at.now, life.idles);
        let messages = at.endpoint.messages();
        let in_flight: Vec<(CallId, usize)> = life
            .calls
            .iter()
            .filter_map(|(call, open)| match open {
                Open::FanOut(key, _) => Some((*call, messages.fan_out_in_flight(*key)?)),
                Open::Call(_) | Open::Relayed(..) => None,
            })
            .collect();
        self.see(at.world_now, Fact::Ran { process, now });
        for (call, deliveries) in in_flight {
            self.see(at.world_now, Fact::InFlight { call, deliveries });
        }
        let checked = checks::limits(process, at.endpoint, &self.plan.limits.messaging(), idles);
        if let Err(violation) = checked {
            self.model.blame(violation);
        }
    }
}

/// Where a peer is.
pub(super) fn addr_of(at: &At<'_>, peer: Peer) -> SocketAddr {
    let remote = at.endpoint.sessions().remote(peer);
    remote.map_or(at.endpoint.addr(), |remote| remote.addr)
}

pub(super) const fn outcome(failure: &Failure) -> Outcome {
    match failure {
        Failure::Timeout => Outcome::Timeout,
        Failure::PeerDown => Outcome::PeerDown,
        Failure::PeerRestarted => Outcome::PeerRestarted,
        Failure::SessionLost => Outcome::SessionLost,
        Failure::NoHandler => Outcome::NoHandler,
        Failure::Overloaded => Outcome::Overloaded,
        Failure::TooLarge => Outcome::TooLarge,
        Failure::AnswerDropped => Outcome::AnswerDropped,
        Failure::Handler(_) => Outcome::HandlerFailed,
        _ => Outcome::Malformed,
    }
}

const fn declared(state: DeclaredState) -> Declared {
    match state {
        DeclaredState::Online => Declared::Online,
        DeclaredState::Taken => Declared::Taken,
        DeclaredState::Offline => Declared::Offline,
    }
}

const fn seen(state: NodeState) -> Seen {
    match state {
        NodeState::Online => Seen::Here(Declared::Online),
        NodeState::Taken => Seen::Here(Declared::Taken),
        NodeState::Offline => Seen::Here(Declared::Offline),
        NodeState::Left => Seen::Left,
        NodeState::Failed => Seen::Failed,
        _ => Seen::Suspect,
    }
}
