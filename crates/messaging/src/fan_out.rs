//! One message to many peers, a few at a time.

use alloc::{collections::VecDeque, vec::Vec};
use core::num::NonZeroUsize;

use bytes::Bytes;
use hobnob_wire::{Command, Instant, Peer};

use crate::{
    calls::Call,
    error::SendError,
    event::{Event, Failure},
    key::{FanOutKey, Key, Keyed, Token},
    limits::FAN_OUT_DELIVERIES_MAX,
    message::Kind,
    messaging::Messaging,
    shared::{Ending, Timer},
};

/// The fan-outs under way.
#[derive(Debug)]
pub(crate) struct FanOuts {
    plans: Keyed<Plan>,
    /// Deliveries of all plans, ended ones included.
    deliveries: usize,
}

#[derive(Debug)]
struct Plan {
    token: Token,
    command: Command,
    payload: Bytes,
    deadline: Instant,
    timer: Option<Key>,
    limit: usize,
    in_flight: usize,
    unfinished: usize,
    deliveries: Vec<Delivery>,
    /// The first delivery that was never tried.
    next: usize,
    /// Deliveries that met a full queue and may be tried again.
    again: VecDeque<u32>,
}

#[derive(Debug)]
struct Delivery {
    peer: Peer,
    /// Meant for the process there was a session with from the beginning, and not for its successor.
    is_bound: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting,
    InFlight(Key),
    Ended(Result<(), Failure>),
}

impl FanOuts {
    pub(crate) const fn new() -> Self {
        Self {
            plans: Keyed::new(),
            deliveries: 0,
        }
    }

    /// Deliveries of a plan that are in flight, counted one by one.
    pub(crate) fn in_flight(&self, key: Key) -> Option<usize> {
        let in_flight = |delivery: &&Delivery| matches!(delivery.state, State::InFlight(_));
        let plan = self.plans.get(key)?;
        Some(plan.deliveries.iter().filter(in_flight).count())
    }
}

impl Plan {
    fn next_to_try(&mut self) -> Option<u32> {
        if self.in_flight >= self.limit {
            return None;
        }
        while let Some(place) = self.again.pop_front() {
            if matches!(self.deliveries[place as usize].state, State::Waiting) {
                return Some(place);
            }
        }
        while let Some(delivery) = self.deliveries.get(self.next) {
            let place = u32::try_from(self.next).ok()?;
            self.next += 1;
            if matches!(delivery.state, State::Waiting) {
                return Some(place);
            }
        }
        None
    }

    fn end(&mut self, place: u32, result: Result<(), Failure>) {
        let Some(delivery) = self.deliveries.get_mut(place as usize) else {
            return;
        };
        match delivery.state {
            State::Ended(_) => return,
            State::InFlight(_) => self.in_flight -= 1,
            State::Waiting => {}
        }
        delivery.state = State::Ended(result);
        self.unfinished -= 1;
    }
}

impl Messaging {
    /// Begins to send the call to every one of `peers`, at most `limit` deliveries in flight at any
    /// moment; [`Event::FannedOut`] tells how each ended. Where a peer's queue is full, its delivery waits
    /// and others go before it.
    ///
    /// # Errors
    ///
    /// [`SendError`] when the payload is too large, the deadline has passed, or the node has too many
    /// unfinished deliveries.
    pub fn fan_out(
        &mut self,
        now: Instant,
        peers: &[Peer],
        limit: NonZeroUsize,
        call: Call,
    ) -> Result<FanOutKey, SendError> {
        self.check_call(now, &call)?;
        if self.fan_outs.deliveries + peers.len() > FAN_OUT_DELIVERIES_MAX {
            let messages = self.fan_outs.deliveries;
            return Err(SendError::QueueFull { messages, bytes: 0 });
        }
        let Call {
            command,
            payload,
            deadline,
            token,
        } = call;
        let plan = Plan {
            token,
            command,
            payload,
            deadline,
            timer: None,
            limit: limit.get(),
            in_flight: 0,
            unfinished: peers.len(),
            deliveries: peers
                .iter()
                .map(|peer| Delivery {
                    peer: *peer,
                    is_bound: self
                        .peers
                        .get(*peer)
                        .is_some_and(|state| state.is_connected || state.is_expected),
                    state: State::Waiting,
                })
                .collect(),
            next: 0,
            again: VecDeque::new(),
        };
        self.fan_outs.deliveries += peers.len();
        let key = self.fan_outs.plans.insert(plan);
        let timer = self.shared.wheel.insert(deadline, Timer::FanOut(key));
        if let Some(plan) = self.fan_outs.plans.get_mut(key) {
            plan.timer = Some(timer);
        }
        self.advance(now, key);
        self.settle(now);
        Ok(FanOutKey(key))
    }

    /// Ends a fan-out: what is in flight is not sent again, and no completion follows.
    pub fn cancel_fan_out(&mut self, now: Instant, key: FanOutKey) {
        self.end_in_flight(now, key.0);
        self.remove_plan(key.0);
        self.settle(now);
    }

    /// The deadline of a fan-out passed.
    pub(crate) fn on_fan_out_deadline(&mut self, now: Instant, key: Key) {
        self.end_in_flight(now, key);
        let Some(plan) = self.fan_outs.plans.get_mut(key) else {
            return;
        };
        plan.timer = None;
        self.shared.stats.timeouts += plan.unfinished as u64;
        for place in 0..plan.deliveries.len() {
            plan.end(
                u32::try_from(place).unwrap_or(u32::MAX),
                Err(Failure::Timeout),
            );
        }
        self.advance(now, key);
    }

    /// A delivery ended: the next one may start.
    pub(crate) fn on_delivered(
        &mut self,
        now: Instant,
        key: Key,
        place: u32,
        result: Result<(), Failure>,
    ) {
        if let Some(plan) = self.fan_outs.plans.get_mut(key) {
            plan.end(place, result);
            self.advance(now, key);
        }
    }

    /// Ends deliveries to a peer that were not begun: it is gone, or another process has taken its place.
    pub(crate) fn end_waiting(
        &mut self,
        now: Instant,
        peer: Peer,
        failure: &Failure,
        only_bound: bool,
    ) {
        let plans: Vec<Key> = self.fan_outs.plans.keys().collect();
        for key in plans {
            let Some(plan) = self.fan_outs.plans.get_mut(key) else {
                continue;
            };
            let concerned = plan.deliveries.iter().zip(0..).filter(|(delivery, _)| {
                delivery.peer == peer
                    && (delivery.is_bound || !only_bound)
                    && matches!(delivery.state, State::Waiting)
            });
            let places: Vec<u32> = concerned.map(|(_, place)| place).collect();
            if places.is_empty() {
                continue;
            }
            if let Some(state) = self.peers.get_mut(peer) {
                let is_over = |of, place| of == key && places.binary_search(&place).is_ok();
                state.blocked.retain(|(of, place)| !is_over(*of, *place));
            }
            for place in places {
                plan.end(place, Err(failure.clone()));
            }
            self.advance(now, key);
        }
    }

    /// A peer's queue has room: deliveries that wait for it are tried until it is full again.
    pub(crate) fn on_room(&mut self, now: Instant, peer: Peer) {
        let Some(state) = self.peers.get_mut(peer) else {
            return;
        };
        state.is_room_announced = false;
        for _ in 0..state.blocked.len() {
            let Some(state) = self.peers.get_mut(peer) else {
                return;
            };
            if !state.out.backlog.has_room(&self.shared.config.config, 0) {
                return;
            }
            let Some((key, place)) = state.blocked.pop_front() else {
                return;
            };
            if let Some(plan) = self.fan_outs.plans.get_mut(key) {
                plan.again.push_back(place);
                self.advance(now, key);
            }
        }
    }

    /// Starts deliveries up to the limit; ends the plan when none is left.
    fn advance(&mut self, now: Instant, key: Key) {
        while let Some(plan) = self.fan_outs.plans.get_mut(key) {
            let Some(place) = plan.next_to_try() else {
                break;
            };
            let peer = plan.deliveries[place as usize].peer;
            let kind = Kind::Delivery {
                command: plan.command,
                fan_out: key,
                place,
            };
            let (payload, deadline) = (plan.payload.clone(), plan.deadline);
            let started = self.start_call(now, peer, kind, payload, deadline);
            let Some(plan) = self.fan_outs.plans.get_mut(key) else {
                return;
            };
            match started {
                Ok(message) => {
                    let delivery = &mut plan.deliveries[place as usize];
                    // The session it was bound by may be lost by now, and the next one be another process's.
                    self.shared.messages.at_mut(message.index).is_bound |= delivery.is_bound;
                    delivery.state = State::InFlight(message);
                    plan.in_flight += 1;
                }
                Err(SendError::QueueFull { .. }) => {
                    if let Some(state) = self.peers.get_mut(peer) {
                        state.blocked.push_back((key, place));
                    }
                }
                Err(SendError::DeadlinePassed) => plan.end(place, Err(Failure::Timeout)),
                Err(_) => plan.end(place, Err(Failure::PeerDown)),
            }
        }
        if self
            .fan_outs
            .plans
            .get(key)
            .is_some_and(|plan| plan.unfinished == 0)
            && let Some(plan) = self.remove_plan(key)
        {
            let report = plan
                .deliveries
                .into_iter()
                .filter_map(|delivery| match delivery.state {
                    State::Ended(result) => Some((delivery.peer, result)),
                    State::Waiting | State::InFlight(_) => None,
                });
            self.shared.events.push_back(Event::FannedOut {
                token: plan.token,
                report: report.collect(),
            });
        }
    }

    fn end_in_flight(&mut self, now: Instant, key: Key) {
        let Some(plan) = self.fan_outs.plans.get(key) else {
            return;
        };
        let in_flight = plan
            .deliveries
            .iter()
            .filter_map(|delivery| match delivery.state {
                State::InFlight(message) => Some((delivery.peer, message)),
                State::Waiting | State::Ended(_) => None,
            });
        for (peer, message) in in_flight {
            if let Some(state) = self.peers.get_mut(peer)
                && self.shared.messages.get(message).is_some()
            {
                state.abandon(&mut self.shared, now, message.index, Ending::Silent);
                state.refresh(&mut self.shared);
            }
        }
    }

    fn remove_plan(&mut self, key: Key) -> Option<Plan> {
        let plan = self.fan_outs.plans.remove(key)?;
        self.fan_outs.deliveries -= plan.deliveries.len();
        for delivery in &plan.deliveries {
            if let Some(state) = self.peers.get_mut(delivery.peer) {
                state.blocked.retain(|(of, _)| *of != key);
            }
        }
        if let Some(timer) = plan.timer {
            self.shared.wheel.remove(timer);
        }
        Some(plan)
    }
}
