//! Calls of one to many: plain ones, and those that others pass on.

use std::{net::SocketAddr, num::NonZeroUsize};

use hobnob_endpoint::{Target, messaging::Token, wire::Peer};
use rand::{RngExt, seq::SliceRandom};

use super::{
    calls::{FAN_OUT_LIMIT_MAX, Order, aim},
    crew::{Crew, Open},
};
use crate::{
    At,
    model::{Aim, Digest, Fact, Outcome},
};

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
        let aims: Vec<Aim> = targets.iter().map(|(_, aim)| *aim).collect();
        let call = order.call;
        self.see(
            at.world_now,
            Fact::FanOutBegun {
                call,
                kind: order.kind,
                by: order.by,
                to: &aims,
                limit,
                payload: Digest::of(&order.payload),
                deadline: order.deadline,
            },
        );
        let peers: Vec<Peer> = targets.iter().map(|(peer, _)| *peer).collect();
        let begun = at.endpoint.fan_out(
            at.now,
            &peers,
            order.command,
            order.payload,
            NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN),
            order.deadline,
            Token(call.0),
        );
        let Ok(key) = begun else {
            return self.tell_end(at, call, Outcome::NotTaken, None);
        };
        let targets = targets.into_iter().map(|(peer, aim)| (peer, aim.addr));
        if let Some(life) = self.lives.get_mut(&at.node) {
            life.calls
                .insert(call, Open::FanOut(key, targets.collect()));
        }
    }

    /// The same by way of others.
    pub(super) fn relay(&mut self, at: &mut At<'_>, order: Order, to: &[SocketAddr], limit: usize) {
        let targets: Vec<Target> = to.iter().map(|addr| self.target(at, *addr)).collect();
        let aims: Vec<Aim> = targets
            .iter()
            .map(|target| aim_by_others(at, *target))
            .collect();
        let call = order.call;
        self.see(
            at.world_now,
            Fact::FanOutBegun {
                call,
                kind: order.kind,
                by: order.by,
                to: &aims,
                limit,
                payload: Digest::of(&order.payload),
                deadline: order.deadline,
            },
        );
        let begun = at.endpoint.relay(
            at.now,
            &targets,
            order.command,
            order.payload,
            NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN),
            order.deadline,
            Token(call.0),
        );
        match begun {
            Ok(key) => {
                if let Some(life) = self.lives.get_mut(&at.node) {
                    life.calls.insert(call, Open::Relayed(key, to.to_vec()));
                }
            }
            Err(_) => self.tell_end(at, call, Outcome::NotTaken, None),
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
