//! The application that runs on the nodes: makes calls, handles them, and tells the model what it sees.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
    time::Duration,
};

use hobnob_endpoint::{
    Event, RelayKey,
    messaging::{CallKey, FanOutKey, RequestKey},
    shared::Version,
    wire::{Command, Generation, Instant, Peer},
};

use super::{
    checks, dice::Dice, handlers::Work, load::Pour, plan::Plan, trace::Trace, values::ReadSoFar,
};
use crate::{
    Application, At, NodeId,
    model::{CallId, Fact, Model, ProcessId, Rules},
};

/// Handled by every node.
pub(super) const COMMON: Command = Command(200);
/// Handled by every second node.
pub(super) const RARE: Command = Command(201);

/// How often a node that is alone greets its seeds.
pub(super) const GREETING_PAUSE: Duration = Duration::from_millis(500);
/// How often seeds are greeted that are missing, as the driver does it.
pub(super) const REUNION_PAUSE: Duration = Duration::from_secs(30);
/// Seeds that are greeted at once: as a name service gives them, some of those that run.
pub(super) const SEEDS: usize = 3;

/// A step of a process takes no time; what must wait for the next one waits this long.
const RETRY_PAUSE: Duration = Duration::from_micros(1);

/// Tokens of wakes by which the day acts on a process.
pub(super) const WAKE_LEAVE: u64 = u64::MAX;
pub(super) const WAKE_DECLARE: u64 = u64::MAX - 1;
pub(super) const WAKE_CLEAN: u64 = u64::MAX - 2;
pub(super) const WAKE_POUR: u64 = u64::MAX - 3;
pub(super) const WAKE_COMPARED: u64 = u64::MAX - 4;
pub(super) const WAKE_READ: u64 = u64::MAX - 5;
pub(super) const WAKE_FORGET: u64 = u64::MAX - 6;

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
    /// Every address there ever was a node at, and which node it was.
    pub(super) addrs: Vec<(SocketAddr, NodeId)>,
    pub(super) lives: BTreeMap<NodeId, Life>,
    /// Whether anybody who is suspected or declared dead is a violation.
    pub(super) is_stable: bool,
    pub(super) trace: Option<Trace>,
    pub(super) dice: Dice,
    pub(super) next_call: u64,
    /// Values that were shared so far.
    pub(super) next_value: u64,
    /// How far a write was ahead of the true time, at most.
    pub(super) ahead: Duration,
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
    pub(super) addr: SocketAddr,
    pub(super) generation: Generation,
    pub(super) dice: Dice,
    chores: BTreeMap<u64, Chore>,
    next_chore: u64,
    pub(super) calls: BTreeMap<CallId, Open>,
    pub(super) requests: HashMap<RequestKey, CallId>,
    /// Where the calls go that are made as fast as possible.
    pub(super) poured: BTreeMap<CallId, SocketAddr>,
    /// Messages of each stream to each address so far.
    pub(super) streams: BTreeMap<(SocketAddr, u32), u64>,
    pub(super) last_reunion: Instant,
    /// How wrong its wall clock is: what is added to the true time, and what is taken away.
    pub(super) wall_error: (Duration, Duration),
    pub(super) is_leaving: bool,
    /// Whether another one has its name.
    pub(super) is_refused: bool,
    /// The version of the members that were last looked at.
    pub(super) shown: u64,
    pub(super) read: ReadSoFar,
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
    /// Does something to what all share, and comes back.
    Share,
    /// Says something else of itself, and comes back.
    Say,
    /// Gives a key a value if it still has what it had.
    Compare(String, Option<Version>),
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
            next_value: 0,
            ahead: Duration::ZERO,
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

    pub(super) fn after(&mut self, at: &mut At<'_>, after: Duration, chore: Chore) {
        if let Some(life) = self.lives.get_mut(&at.node) {
            life.next_chore += 1;
            life.chores.insert(life.next_chore, chore);
            at.wake_in(after, life.next_chore);
        }
    }
}

impl Application for Crew {
    fn on_start(&mut self, at: &mut At<'_>) {
        let (process, addr) = (ProcessId(self.next_process), at.endpoint.addr());
        self.next_process += 1;
        let generation = at.generation;
        if !self.addrs.contains(&(addr, at.node)) {
            self.addrs.push((addr, at.node));
        }
        self.see(
            at.world_now,
            Fact::Started {
                process,
                addr,
                generation,
            },
        );
        self.see(
            at.world_now,
            Fact::Introduced {
                process,
                name: at.endpoint.members().me().metadata.name(),
                release: self.plan.sides.release(at.node),
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
            wall_error: self.plan.sharing.wall_error(&mut self.dice),
            is_leaving: false,
            is_refused: false,
            shown: 0,
            read: ReadSoFar::default(),
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
        self.read_wall_clock(at);
        self.after(at, pause, Chore::Share);
        self.begin_saying(at);
    }

    fn on_event(&mut self, at: &mut At<'_>, event: Event) {
        self.note_renewal(at);
        match event {
            Event::Member(event) => self.on_member_event(at, &event),
            Event::Message(event) => self.on_message_event(at, event),
            Event::Shared(event) => self.on_shared_event(at, &event),
            Event::Values(changed) => self.on_values_event(at, &changed),
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
            WAKE_COMPARED => return self.check_copy(at),
            WAKE_READ => return self.read_all_values(at),
            WAKE_FORGET => return Self::forget_the_gone(at),
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
            Some(Chore::Greet) => {
                self.read_wall_clock(at);
                self.greet(at);
            }
            Some(chore @ (Chore::Share | Chore::Compare(..))) if at.endpoint.has_events() => {
                self.after(at, RETRY_PAUSE, chore);
            }
            Some(Chore::Share) => self.share(at),
            Some(Chore::Say) => self.say(at),
            Some(Chore::Compare(key, expected)) => self.compare(at, &key, expected),
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
        self.note_refusal(at);
        self.check_shown(at);
        self.read_values(at);
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
