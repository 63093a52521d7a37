//! The calls that the nodes make.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use hobnob_endpoint::{
    Target,
    messaging::{self, Token},
    wire::{Command, Instant, StreamId},
};
use rand::RngExt;

use super::{
    crew::{COMMON, Chore, Crew, Life, Open, Phase, RARE},
    payload,
};
use crate::{
    At,
    model::{Aim, CallId, Digest, Fact, Kind, Outcome, ProcessId},
};

/// Deliveries of a fan-out in flight, at most.
pub(super) const FAN_OUT_LIMIT_MAX: usize = 6;

/// Streams of a node to each other one.
const STREAMS: u64 = 3;

/// Longest time that nobody flushes.
const UNSENT_MAX: Duration = Duration::from_millis(300);

/// Deadline of the calls that must succeed.
const CLEAN_DEADLINE: Duration = Duration::from_secs(10);

/// After this, a call of the clean phase that is to be cancelled is.
const CLEAN_CANCEL: Duration = Duration::from_millis(300);

/// A call that is about to be made.
pub(super) struct Order {
    pub(super) call: CallId,
    pub(super) by: ProcessId,
    pub(super) kind: Kind,
    pub(super) command: Command,
    pub(super) payload: Bytes,
    pub(super) deadline: Instant,
}

impl Crew {
    /// A burst of calls, and the next one after a pause.
    pub(super) fn make_calls(&mut self, at: &mut At<'_>) {
        let Some(life) = self.lives.get_mut(&at.node) else {
            return;
        };
        if self.phase != Phase::Trouble || life.is_leaving || self.plan.traffic.burst_max == 0 {
            return;
        }
        let traffic = &self.plan.traffic;
        let calls = life.dice.random_range(1..=traffic.burst_max);
        let pause = life.dice.pause(traffic.pause);
        let is_unsent = life.dice.chance(traffic.unsent);
        let unsent_for = life.dice.up_to(UNSENT_MAX);
        for _ in 0..calls {
            self.make_call(at);
        }
        if is_unsent {
            at.leave_unsent();
            self.after(at, unsent_for, Chore::Flush);
        }
        self.after(at, pause, Chore::Traffic);
    }

    /// One call of each kind to everybody who is there, all of which must succeed, and one that is cancelled.
    pub(super) fn make_clean_calls(&mut self, at: &mut At<'_>, everybody: &[SocketAddr]) {
        let own = at.endpoint.addr();
        let others = everybody.iter().copied().filter(|it| *it != own);
        let others: Vec<SocketAddr> = others.filter(|it| self.is_for(at.node, *it)).collect();
        let len = self.clean_len(others.len());
        for &to in &others {
            for kind in [Kind::Send, Kind::Request] {
                let order = self.order(at, kind, COMMON, len, CLEAN_DEADLINE);
                self.call_one(at, order, to);
            }
            let order = self.order(at, Kind::Request, COMMON, payload::SHORTEST, CLEAN_DEADLINE);
            let call = order.call;
            self.to_be_cancelled.insert(call);
            self.call_one(at, order, to);
            self.after(at, CLEAN_CANCEL, Chore::Cancel(call));
        }
        if !others.is_empty() {
            let order = self.order(at, Kind::FanOut, COMMON, payload::SHORTEST, CLEAN_DEADLINE);
            self.call_many(at, order, &others, 2);
            // With queues of a few messages, relays that all work at once wait for each other too long.
            if !self.plan.limits.are_tight() {
                let order =
                    self.order(at, Kind::Relayed, COMMON, payload::SHORTEST, CLEAN_DEADLINE);
                self.relay(at, order, &others, 2);
            }
        }
    }

    /// Bytes of the calls of the clean phase: several pieces, but so few that a send and a request of everybody find
    /// room at one node.
    fn clean_len(&self, others: usize) -> usize {
        let config = self.plan.limits.messaging();
        let share = config.reassembly_bytes_node / (4 * others.max(1));
        share.min(config.message_bytes_max).min(20_000)
    }

    pub(super) fn is_to_be_cancelled(&self, call: CallId) -> bool {
        self.to_be_cancelled.contains(&call)
    }

    /// The caller gives a call up.
    pub(super) fn cancel(&mut self, at: &mut At<'_>, call: CallId, was_sendable: bool) {
        let open = self
            .lives
            .get_mut(&at.node)
            .and_then(|life| life.calls.remove(&call));
        match open {
            Some(Open::Call(key)) => at.endpoint.cancel(at.now, key),
            Some(Open::FanOut(key, _)) => at.endpoint.cancel_fan_out(at.now, key),
            Some(Open::Relayed(key, _)) => at.endpoint.cancel_relay(at.now, key),
            None => return,
        }
        self.see(at.world_now, Fact::Cancelled { call, was_sendable });
    }

    fn make_call(&mut self, at: &mut At<'_>) {
        let own = at.endpoint.addr();
        let others = self.callees(at.node, own);
        let Some(life) = self.lives.get_mut(&at.node).filter(|_| !others.is_empty()) else {
            return;
        };
        let to = others[life.dice.random_range(0..others.len())];
        let kind = draw_kind(life, self.plan.traffic.weights);
        let command = match life.dice.chance(self.plan.traffic.rare) {
            true => RARE,
            false => COMMON,
        };
        let len = draw_len(life, &mut self.plan.traffic);
        let time = draw_time(life, self.plan.traffic.deadline_max);
        let is_cancelled = life.dice.chance(self.plan.traffic.cancelled);
        let cancel_at_once = life.dice.chance(0.3);
        let cancel_after = life.dice.up_to(time);
        let order = self.order(at, kind, command, len, time);
        let call = order.call;
        match kind {
            Kind::FanOut => {
                let (targets, limit) = self.draw_targets(at, others);
                self.call_many(at, order, &targets, limit);
            }
            Kind::Relayed => {
                let (targets, limit) = self.draw_targets(at, others);
                self.relay(at, order, &targets, limit);
            }
            _ => self.call_one(at, order, to),
        }
        match (is_cancelled, cancel_at_once) {
            // Not if its end has come already, and was not looked at.
            (true, true) if !at.endpoint.has_events() => self.cancel(at, call, false),
            (true, _) => self.after(at, cancel_after, Chore::Cancel(call)),
            (false, _) => {}
        }
    }

    pub(super) fn order(
        &mut self,
        at: &At<'_>,
        kind: Kind,
        command: Command,
        len: usize,
        time: Duration,
    ) -> Order {
        let call = CallId(self.next_call);
        self.next_call += 1;
        Order {
            call,
            by: self.lives[&at.node].process,
            kind,
            command,
            payload: payload::make(call, 0, len),
            deadline: at.now + time,
        }
    }

    pub(super) fn call_one(&mut self, at: &mut At<'_>, order: Order, to: SocketAddr) {
        let Order {
            call,
            by,
            kind,
            command,
            payload,
            deadline,
        } = order;
        let target = self.target(at, to);
        let kind = self.in_turn(at, kind, to);
        self.see(
            at.world_now,
            Fact::Called {
                call,
                kind,
                by,
                to: aim(at, target),
                payload: Digest::of(&payload),
                deadline,
            },
        );
        let (now, endpoint) = (at.now, &mut *at.endpoint);
        let message = messaging::Call {
            command,
            payload,
            deadline,
            token: Token(call.0),
        };
        let taken = match kind {
            Kind::Unreliable => endpoint
                .unreliable(now, target, command, message.payload)
                .map(|()| None),
            Kind::Ordered { stream, .. } => {
                let stream = StreamId(u32::try_from(stream).unwrap_or(0));
                endpoint
                    .send_in_order(now, target, stream, message)
                    .map(Some)
            }
            Kind::Request => endpoint.request(now, target, message).map(Some),
            _ => endpoint.send(now, target, message).map(Some),
        };
        match taken {
            Ok(Some(key)) => {
                if let Some(life) = self.lives.get_mut(&at.node) {
                    life.calls.insert(call, Open::Call(key));
                }
            }
            Ok(None) => self.tell_end(at, call, Outcome::Delivered, None),
            Err(_) => self.tell_end(at, call, Outcome::NotTaken, None),
        }
    }

    /// Gives a message of a stream its place.
    fn in_turn(&mut self, at: &At<'_>, kind: Kind, to: SocketAddr) -> Kind {
        let Kind::Ordered { stream, .. } = kind else {
            return kind;
        };
        let key = (to, u32::try_from(stream).unwrap_or(0));
        let life = self.lives.get_mut(&at.node);
        let place = life.map_or(0, |life| {
            let last = life.streams.entry(key).or_default();
            *last += 1;
            *last
        });
        Kind::Ordered { stream, place }
    }

    pub(super) fn target(&mut self, at: &At<'_>, addr: SocketAddr) -> Target {
        // Naming a process is what finds out that it has another generation than its session was made with.
        let share = match self.phase {
            Phase::Meeting => 1.0,
            _ => self.plan.traffic.to_process,
        };
        let known = at.endpoint.members().node(addr);
        let known = known.map(|node| node.identity.generation);
        let is_for_process = self
            .lives
            .get_mut(&at.node)
            .is_some_and(|life| life.dice.chance(share));
        Target {
            addr,
            generation: known.filter(|_| is_for_process),
        }
    }
}

/// For whom a call is meant: for the process that its caller names, or else for the one it has a session with.
pub(super) fn aim(at: &At<'_>, target: Target) -> Aim {
    let sessions = at.endpoint.sessions();
    let remote = sessions
        .peer_at(target.addr)
        .and_then(|peer| sessions.remote(peer))
        .filter(|remote| remote.is_established);
    Aim {
        addr: target.addr,
        generation: target.generation.or(remote.and_then(|it| it.generation)),
    }
}

fn draw_kind(life: &mut Life, weights: [u32; 6]) -> Kind {
    let stream = life.dice.random_range(0..STREAMS);
    let kinds = [
        Kind::Send,
        Kind::Request,
        Kind::Unreliable,
        Kind::FanOut,
        Kind::Relayed,
        Kind::Ordered { stream, place: 0 },
    ];
    let mut draw = life.dice.random_range(0..weights.iter().sum());
    for (kind, weight) in kinds.into_iter().zip(weights) {
        if draw < weight {
            return kind;
        }
        draw -= weight;
    }
    Kind::Send
}

fn draw_len(life: &mut Life, traffic: &mut super::plan::Traffic) -> usize {
    let is_large = traffic.bytes_budget > 0 && life.dice.chance(traffic.large_share);
    let most = match is_large {
        true => traffic.large_max,
        false => traffic.small_max,
    };
    let len = life.dice.random_range(0..=most).max(payload::SHORTEST);
    if is_large {
        traffic.bytes_budget = traffic.bytes_budget.saturating_sub(len as u64);
    }
    len
}

fn draw_time(life: &mut Life, most: Duration) -> Duration {
    Duration::from_millis(1) + life.dice.up_to(most)
}
