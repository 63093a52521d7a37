//! Calls of one to many: plain ones, and those that others pass on.

use std::{net::SocketAddr, num::NonZeroUsize};

use hobnob_endpoint::{
    Endpoint, Target,
    messaging::{Call, Token},
    wire::{Instant, Peer},
};
use rand::{RngExt, seq::SliceRandom};

use super::{
    calls::{FAN_OUT_LIMIT_MAX, Order, aim},
    crew::{Crew, Open},
};
use crate::{
    At,
    model::{Aim, Digest, Fact, Outcome},
};

/// What the endpoint is told of a call to many, however it goes.
struct Begun {
    now: Instant,
    limit: NonZeroUsize,
    call: Call,
}

impl Crew {
    pub(super) fn draw_targets(
        &mut self,
        at: &At<'_>,
        mut others: Vec<SocketAddr>,
    ) -> (Vec<SocketAddr>, usize) {
        let Some(life) = self.lives.get_mut(&at.node) else {
            return (Vec::new(), 1);
        };
        others.shuffle(&mut *life.dice);
        others.truncate(life.dice.random_range(1..=others.len()));
        (others, life.dice.random_range(1..=FAN_OUT_LIMIT_MAX))
    }

    pub(super) fn call_many(
        &mut self,
        at: &mut At<'_>,
        order: Order,
        to: &[SocketAddr],
        limit: usize,
    ) {
        let mut targets: Vec<(Peer, Aim)> = Vec::new();
        for &addr in to {
            let target = self.target(at, addr);
            let aim = aim(at, target);
            // As the facade does it: who cannot be called is reported as such, without a delivery.
            if let Ok(peer) = at.endpoint.peer(at.now, target) {
                targets.push((peer, aim));
            }
        }
        let (peers, aims): (Vec<Peer>, Vec<Aim>) = targets.into_iter().unzip();
        self.begin_many(at, order, &aims, limit, |endpoint, begun| {
            let Begun { now, limit, call } = begun;
            let key = endpoint.fan_out(now, &peers, limit, call);
            let addrs = aims.iter().map(|aim| aim.addr);
            let targets = peers.iter().copied().zip(addrs).collect();
            Some(Open::FanOut(key.ok()?, targets))
        });
    }

    /// The same by way of others.
    pub(super) fn relay(&mut self, at: &mut At<'_>, order: Order, to: &[SocketAddr], limit: usize) {
        let targets: Vec<Target> = to.iter().map(|addr| self.target(at, *addr)).collect();
        let aims: Vec<Aim> = targets
            .iter()
            .map(|target| aim_by_others(at, *target))
            .collect();
        self.begin_many(at, order, &aims, limit, |endpoint, begun| {
            let Begun { now, limit, call } = begun;
            let key = endpoint.relay(now, &targets, limit, call);
            Some(Open::Relayed(key.ok()?, to.to_vec()))
        });
    }

    /// Tells the model of a call to many, and makes it by `begin`.
    fn begin_many(
        &mut self,
        at: &mut At<'_>,
        order: Order,
        aims: &[Aim],
        limit: usize,
        begin: impl FnOnce(&mut Endpoint, Begun) -> Option<Open>,
    ) {
        let Order {
            call,
            by,
            kind,
            command,
            payload,
            deadline,
        } = order;
        self.see(
            at.world_now,
            Fact::FanOutBegun {
                call,
                kind,
                by,
                to: aims,
                limit,
                payload: Digest::of(&payload),
                deadline,
            },
        );
        let begun = Begun {
            now: at.now,
            limit: NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN),
            call: Call {
                command,
                payload,
                deadline,
                token: Token(call.0),
            },
        };
        let Some(open) = begin(at.endpoint, begun) else {
            return self.tell_end(at, call, Outcome::NotTaken, None);
        };
        if let Some(life) = self.lives.get_mut(&at.node) {
            life.calls.insert(call, open);
        }
    }
}

/// For whom a message is meant that goes by way of others: for the process that its sender names, or else for the
/// one that is known there.
fn aim_by_others(at: &At<'_>, target: Target) -> Aim {
    let sessions = at.endpoint.sessions();
    let peer = sessions.peer_at(target.addr);
    let proven = peer.and_then(|peer| sessions.remote(peer)?.proven);
    let member = at.endpoint.members().node(target.addr);
    let known = proven.max(member.map(|node| node.identity.generation));
    Aim {
        addr: target.addr,
        generation: target.generation.or(known),
    }
}
