//! One node's part in one fan-out: whom to serve, by whom, and what became of it.

mod children;

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};
use core::{net::SocketAddr, ops::Range, time::Duration};

use bytes::Bytes;
use hobnob_messaging::{Failure, Token};
use hobnob_wire::{
    Command, FanOutId, Generation, Instant, RelayOutcome, RelayTarget, limits::RELAY_TARGETS_MAX,
};

use super::{DeliveryError, reports::Upward};
use children::Child;

pub(super) use children::GivenUp;

/// For whom an errand is, and by which name they know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Parent {
    pub(super) addr: SocketAddr,
    pub(super) generation: Generation,
    pub(super) part: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Owner {
    /// A caller of this node.
    Origin { token: Token },
    /// The node that sent the hop.
    Parent(Parent),
}

/// One node's part in one fan-out.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) id: FanOutId,
    pub(super) floor: u64,
    pub(super) command: Command,
    pub(super) payload: Bytes,
    pub(super) deadline: Instant,
    pub(super) limit: usize,
    pub(super) pace: Duration,
    pub(super) owner: Owner,
    pub(super) alarm: Instant,
    pub(super) upward: Upward,
    /// In the order of their places.
    slots: Vec<Slot>,
    /// Slots that have no result yet.
    open: usize,
    /// Parts that wait for their turn: the first open slot of each is its next head.
    waiting: VecDeque<Range<usize>>,
    /// Parts that wait for the next tick, so that what fails at once is not tried at once again.
    later: Vec<Range<usize>>,
    /// By the number of their part.
    children: BTreeMap<u64, Child>,
    in_flight: usize,
    given_up: VecDeque<u64>,
}

#[derive(Debug)]
struct Slot {
    target: RelayTarget,
    state: State,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// For a child to serve.
    Open,
    /// A relay could not reach it: the origin tries itself.
    Direct,
    Told(RelayOutcome),
    /// At the origin only: others are told an outcome.
    Failed(DeliveryError),
}

/// A part whose turn it is.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) head: usize,
    pub(super) rest: Range<usize>,
}

/// What an errand is about.
pub(super) struct Task {
    pub(super) id: FanOutId,
    pub(super) floor: u64,
    pub(super) command: Command,
    pub(super) payload: Bytes,
    pub(super) deadline: Instant,
    pub(super) limit: usize,
    pub(super) pace: Duration,
    pub(super) owner: Owner,
}

impl Errand {
    pub(super) fn new(
        now: Instant,
        task: Task,
        targets: impl Iterator<Item = RelayTarget>,
    ) -> Self {
        let state = State::Open;
        let slots: Vec<Slot> = targets
            .map(|target| Slot {
                target,
                state: state.clone(),
            })
            .collect();
        let mut errand = Self {
            id: task.id,
            floor: task.floor,
            command: task.command,
            payload: task.payload,
            deadline: task.deadline,
            limit: task.limit,
            pace: task.pace,
            owner: task.owner,
            alarm: task.deadline.min(now + task.pace),
            upward: Upward::default(),
            open: slots.len(),
            waiting: VecDeque::new(),
            later: Vec::new(),
            children: BTreeMap::new(),
            in_flight: 0,
            given_up: VecDeque::new(),
            slots,
        };
        if !errand.is_origin() {
            errand.hand_back_repeated();
        }
        errand.split(0..errand.slots.len());
        errand
    }

    /// A relay serves each address once, however often it is named: the origin does the rest.
    fn hand_back_repeated(&mut self) {
        let mut named = BTreeSet::new();
        for index in 0..self.slots.len() {
            if !named.insert(self.slots[index].target.addr) {
                self.unreached(index);
            }
        }
    }

    pub(super) const fn is_origin(&self) -> bool {
        matches!(self.owner, Owner::Origin { .. })
    }

    /// Whether every target has its result.
    pub(super) const fn is_complete(&self) -> bool {
        self.open == 0
    }

    pub(super) const fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// What it holds, with the copies of the payload that its hops may be, where it is for others.
    pub(super) fn bytes(&self) -> usize {
        let copies = if self.is_origin() {
            0
        } else {
            self.limit.min(self.slots.len())
        };
        self.payload.len() * (1 + copies) + self.slots.len() * size_of::<Slot>()
    }

    pub(super) fn target(&self, index: usize) -> RelayTarget {
        self.slots[index].target
    }

    /// The targets in a part that are for a child to serve.
    pub(super) fn open_in(&self, part: &Range<usize>) -> Vec<RelayTarget> {
        let slots = self.slots[part.clone()].iter();
        let open = slots.filter(|slot| slot.state == State::Open);
        open.map(|slot| slot.target).collect()
    }

    /// The next part whose turn it is, unless as much is in flight as may be.
    pub(super) fn next_attempt(&mut self) -> Option<Attempt> {
        if self.in_flight >= self.limit {
            return None;
        }
        while let Some(part) = self.waiting.pop_front() {
            let is_lone = part.len() == 1;
            let head = part.clone().find(|index| match self.slots[*index].state {
                State::Open => true,
                State::Direct => is_lone,
                _ => false,
            });
            if let Some(head) = head {
                let rest = head + 1..part.end;
                return Some(Attempt { head, rest });
            }
        }
        None
    }

    /// The head could not be served: the rest of the part is for another one.
    pub(super) fn pass_over(&mut self, attempt: &Attempt) {
        if !attempt.rest.is_empty() {
            self.waiting.push_front(attempt.rest.clone());
        }
    }

    /// The attempt could not be made now.
    pub(super) fn put_off(&mut self, attempt: &Attempt) {
        self.later.push(attempt.head..attempt.rest.end);
    }

    /// What was put off has its turn again.
    pub(super) fn retry(&mut self) {
        self.waiting.extend(self.later.drain(..));
    }

    /// A node could not be reached from here, now. Relays leave it to the origin, the origin tries again.
    pub(super) fn unreached(&mut self, index: usize) {
        if !self.is_origin() {
            self.tell(index, RelayOutcome::Unreached);
        } else if matches!(self.slots[index].state, State::Open | State::Direct) {
            self.slots[index].state = State::Direct;
            self.later.push(index..index + 1);
        }
    }

    /// The process that a hop went to is gone, and another one in its place. Where no process was meant, that one
    /// will do.
    pub(super) fn restarted(&mut self, index: usize) {
        if self.slots[index].target.generation.is_some() {
            self.tell(index, RelayOutcome::Restarted);
        } else if self.is_open(index) {
            self.unreached(index);
        }
    }

    /// The result of a node is known.
    pub(super) fn tell(&mut self, index: usize, outcome: RelayOutcome) {
        let is_known = match self.slots[index].state {
            State::Open | State::Direct => false,
            State::Told(known) if is_own_word(known) => return,
            State::Told(known) if known == outcome => return,
            State::Told(_) | State::Failed(_) if !is_own_word(outcome) => return,
            State::Told(_) | State::Failed(_) => true,
        };
        self.open -= usize::from(!is_known);
        self.slots[index].state = State::Told(outcome);
        if !self.is_origin() {
            self.upward.add(self.slots[index].target.place, outcome);
        }
    }

    /// The origin has tried a node itself and gives it up.
    pub(super) fn fail(&mut self, index: usize, error: DeliveryError) {
        debug_assert!(self.is_origin(), "relays leave failures to the origin");
        if matches!(self.slots[index].state, State::Open | State::Direct) {
            self.open -= 1;
            self.slots[index].state = State::Failed(error);
        }
    }

    /// The time is up.
    pub(super) fn expire(&mut self) {
        for index in 0..self.slots.len() {
            self.fail(index, Failure::Timeout.into());
        }
    }

    /// Each target's result, in the order of their places, at the origin.
    pub(super) fn into_report(self) -> Vec<Result<(), DeliveryError>> {
        let results = self.slots.into_iter().map(|slot| match slot.state {
            State::Told(outcome) => result_of(outcome),
            State::Failed(error) => Err(error),
            State::Open | State::Direct => Err(Failure::Timeout.into()),
        });
        results.collect()
    }

    /// Whether the head of a child has no result yet.
    pub(super) fn is_open(&self, index: usize) -> bool {
        matches!(self.slots[index].state, State::Open | State::Direct)
    }

    /// Queues the open slots of a part in as many parts as may be served at once.
    fn split(&mut self, part: Range<usize>) {
        let open: Vec<usize> = part
            .filter(|index| self.slots[*index].state == State::Open)
            .collect();
        let parts = self
            .limit
            .min(open.len())
            .max(open.len().div_ceil(RELAY_TARGETS_MAX + 1));
        for number in 0..parts {
            let (from, to) = (
                open.len() * number / parts,
                open.len() * (number + 1) / parts,
            );
            if let Some([first, .., last] | [first @ last]) = open.get(from..to) {
                self.waiting.push_back(*first..*last + 1);
            }
        }
    }
}

/// Whether the node itself has said so: it then stays that way.
const fn is_own_word(outcome: RelayOutcome) -> bool {
    matches!(
        outcome,
        RelayOutcome::Taken | RelayOutcome::NoHandler | RelayOutcome::Overloaded
    )
}

fn result_of(outcome: RelayOutcome) -> Result<(), DeliveryError> {
    Err(DeliveryError::Failed(match outcome {
        RelayOutcome::Taken => return Ok(()),
        RelayOutcome::NoHandler => Failure::NoHandler,
        RelayOutcome::Overloaded => Failure::Overloaded,
        RelayOutcome::Restarted => Failure::PeerRestarted,
        _ => Failure::Timeout,
    }))
}
