//! Calls that a node makes.

use std::{net::SocketAddr, num::NonZeroUsize};

use hobnob_endpoint::{
    CallError, Target,
    messaging::{Call, CallKey, Failure, Token},
    wire::{Command, Generation, Instant, Peer, StreamId},
};
use hobnob_sim::{
    model::{Aim, CallId, Digest, Fact, Kind, Outcome},
    observed::outcome,
};

use super::{Told, node::Node, payload::payload};

/// A call that was made and may be cancelled.
#[derive(Debug)]
pub(super) struct Open<K> {
    pub(super) call: CallId,
    pub(super) key: K,
    /// Datagrams that had left the node before.
    sent_before: u64,
}

/// To whom a fan-out goes: what the endpoint calls them, and where they are.
pub(super) type Targets = Vec<(Peer, SocketAddr)>;

/// What one call says, and to whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Saying {
    pub(super) call: CallId,
    pub(super) command: Command,
    pub(super) len: usize,
    pub(super) deadline: Instant,
}

impl Saying {
    /// What the endpoint is told.
    fn message(self) -> Call {
        Call {
            command: self.command,
            payload: payload(self.call, self.len),
            deadline: self.deadline,
            token: Token(self.call.0),
        }
    }
}

impl Node {
    pub(super) fn send(&mut self, told: &mut Told<'_>, to: Target, saying: Saying) {
        let call = self.make_call(told, to, saying, Kind::Send);
        let made = self.endpoint.send(told.now, to, call);
        self.note_call(told, saying.call, made);
    }

    pub(super) fn send_in_order(
        &mut self,
        told: &mut Told<'_>,
        to: Target,
        stream: usize,
        saying: Saying,
    ) {
        self.streams[stream] += 1;
        let kind = Kind::Ordered {
            stream: stream as u64,
            place: self.streams[stream],
        };
        let call = self.make_call(told, to, saying, kind);
        let id = StreamId(u32::try_from(stream).unwrap_or(u32::MAX));
        let made = self.endpoint.send_in_order(told.now, to, id, call);
        self.note_call(told, saying.call, made);
    }

    pub(super) fn request(&mut self, told: &mut Told<'_>, to: Target, saying: Saying) {
        let call = self.make_call(told, to, saying, Kind::Request);
        let made = self.endpoint.request(told.now, to, call);
        self.note_call(told, saying.call, made);
    }

    pub(super) fn unreliable(&mut self, told: &mut Told<'_>, to: Target, saying: Saying) {
        let Call {
            command, payload, ..
        } = self.make_call(told, to, saying, Kind::Unreliable);
        let made = self.endpoint.unreliable(told.now, to, command, payload);
        let outcome = match made {
            Ok(()) => Outcome::Delivered,
            Err(_) => Outcome::NotTaken,
        };
        self.end(told, saying.call, outcome, None);
    }

    pub(super) fn fan_out(
        &mut self,
        told: &mut Told<'_>,
        to: &[Target],
        limit: usize,
        saying: Saying,
    ) {
        let call = saying.call;
        let reachable = to.iter().filter_map(|target| {
            let peer = self.endpoint.peer(told.now, *target).ok()?;
            Some((peer, *target))
        });
        let (peers, targets): (Vec<Peer>, Vec<Target>) = reachable.unzip();
        let message = saying.message();
        let aims: Vec<Aim> = targets.iter().copied().map(aim).collect();
        told.tell(&Fact::FanOutBegun {
            kind: Kind::FanOut,
            call,
            by: self.process,
            to: &aims,
            limit,
            payload: Digest::of(&message.payload),
            deadline: message.deadline,
        });
        let limit = NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN);
        let addrs: Vec<SocketAddr> = targets.iter().map(|target| target.addr).collect();
        match self.endpoint.fan_out(told.now, &peers, limit, message) {
            Ok(key) => {
                let open = Open {
                    call,
                    key,
                    sent_before: self.sent,
                };
                self.fan_outs
                    .push((open, peers.into_iter().zip(addrs).collect()));
            }
            Err(_) => {
                let report: Vec<_> = addrs
                    .into_iter()
                    .map(|addr| (addr, Outcome::NotTaken))
                    .collect();
                let now = told.now;
                told.tell(&Fact::FanOutEnded {
                    call,
                    report: &report,
                    now,
                });
            }
        }
    }

    /// The latest process at an address with which it had a session.
    pub(super) fn has_met(&self, addr: SocketAddr) -> Option<Generation> {
        let sessions = self.endpoint.sessions();
        sessions.remote(sessions.peer_at(addr)?)?.proven
    }

    pub(super) fn open_calls(&self) -> usize {
        self.calls.len()
    }

    pub(super) fn cancel(&mut self, told: &mut Told<'_>, place: usize) {
        let Open {
            call,
            key,
            sent_before,
        } = self.calls.swap_remove(place);
        self.endpoint.cancel(told.now, key);
        told.tell(&Fact::Cancelled {
            call,
            was_sendable: self.sent > sent_before,
        });
    }

    pub(super) fn open_fan_outs(&self) -> usize {
        self.fan_outs.len()
    }

    pub(super) fn cancel_fan_out(&mut self, told: &mut Told<'_>, place: usize) {
        let (open, _) = self.fan_outs.swap_remove(place);
        self.endpoint.cancel_fan_out(told.now, open.key);
        told.tell(&Fact::Cancelled {
            call: open.call,
            was_sendable: self.sent > open.sent_before,
        });
    }

    pub(super) fn on_report(
        &mut self,
        told: &mut Told<'_>,
        call: CallId,
        report: &[(Peer, Result<(), Failure>)],
    ) {
        let place = self.fan_outs.iter().position(|(open, _)| open.call == call);
        let place = place.expect("a fan-out that ends was begun, and ends once");
        let (_, targets) = self.fan_outs.swap_remove(place);
        let report: Vec<_> = report
            .iter()
            .map(|(peer, result)| {
                let target = targets.iter().find(|(target, _)| target == peer);
                let (_, addr) = target.expect("the report names targets only");
                let outcome = match result {
                    Ok(()) => Outcome::Delivered,
                    Err(failure) => outcome(failure),
                };
                (*addr, outcome)
            })
            .collect();
        let now = told.now;
        told.tell(&Fact::FanOutEnded {
            call,
            report: &report,
            now,
        });
    }

    fn make_call(&self, told: &mut Told<'_>, to: Target, saying: Saying, kind: Kind) -> Call {
        let message = saying.message();
        told.tell(&Fact::Called {
            call: saying.call,
            kind,
            by: self.process,
            to: aim(to),
            payload: Digest::of(&message.payload),
            deadline: message.deadline,
        });
        message
    }

    fn note_call(&mut self, told: &mut Told<'_>, call: CallId, made: Result<CallKey, CallError>) {
        match made {
            Ok(key) => self.calls.push(Open {
                call,
                key,
                sent_before: self.sent,
            }),
            Err(_) => self.end(told, call, Outcome::NotTaken, None),
        }
    }

    pub(super) fn end_call(
        &mut self,
        told: &mut Told<'_>,
        call: CallId,
        outcome: Outcome,
        answer: Option<Digest>,
    ) {
        self.calls.retain(|open| open.call != call);
        self.end(told, call, outcome, answer);
    }

    fn end(&self, told: &mut Told<'_>, call: CallId, outcome: Outcome, answer: Option<Digest>) {
        let now = told.now;
        told.tell(&Fact::Ended {
            call,
            outcome,
            answer,
            now,
        });
    }
}

const fn aim(to: Target) -> Aim {
    Aim {
        addr: to.addr,
        generation: to.generation,
    }
}
