//! Greeting, leaving, saying something else of oneself; and what the nodes see of each other.

use std::net::SocketAddr;

use hobnob_endpoint::{
    Endpoint,
    gossip::{self, DeclaredState, NodeState},
};
use rand::RngExt;

use super::{
    crew::{Chore, Crew, GREETING_PAUSE, REUNION_PAUSE, SEEDS},
    names::named,
};
use crate::{
    At, NodeId,
    model::{CallId, Fact, Notice, ProcessId, Seen, Sighting, Violation},
    observed::{declared, seen},
};

impl Crew {
    /// Ends the open calls and says goodbye, as a shutdown does.
    pub(super) fn leave(&mut self, at: &mut At<'_>) {
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
    pub(super) fn declare(&mut self, at: &mut At<'_>) {
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
        let process = self.lives.get(&node)?.process;
        self.model.wrong_view(process, view(endpoint))
    }

    pub(super) fn greet(&mut self, at: &mut At<'_>) {
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

    pub(super) fn on_member_event(&mut self, at: &mut At<'_>, event: &gossip::Event) {
        let Some(life) = self.lives.get_mut(&at.node) else {
            return;
        };
        let process = life.process;
        if let Some(fact) = noticed(process, event).or_else(|| named(process, event)) {
            self.see(at.world_now, fact);
        }
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
            // Who is gone may still turn out to have left.
            gossip::Event::StateChanged { node, to, .. }
                if self.is_stable && *to == NodeState::Suspect =>
            {
                self.blame_suspicion(process, node);
            }
            gossip::Event::Failed(node) if self.is_stable => self.blame_suspicion(process, node),
            _ => {}
        }
    }

    /// What a node shows is what it has reported.
    pub(super) fn check_shown(&mut self, at: &At<'_>) {
        let version = at.endpoint.members().version();
        if let Some(life) = self.lives.get_mut(&at.node)
            && life.shown != version
        {
            life.shown = version;
            self.model.check_shown(life.process, view(at.endpoint));
        }
    }

    /// A node whose generation proved stale has chosen another one.
    pub(super) fn note_renewal(&mut self, at: &At<'_>) {
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

    pub(super) fn blame_suspicion(&mut self, by: ProcessId, node: &gossip::Node) {
        self.model.blame(Violation::FalseSuspicion {
            by,
            addr: node.identity.addr,
            seen: node.state.to_string(),
        });
    }
}

/// What is reported of another node, or of there being any.
fn noticed(by: ProcessId, event: &gossip::Event) -> Option<Fact<'static>> {
    use gossip::Event::{
        Accompanied, Alone, Failed, Left, MetadataChanged, NodeUp, Replaced, StateChanged,
    };
    let of = |identity: gossip::Identity, notice| Fact::Noticed {
        by,
        addr: identity.addr,
        generation: identity.generation,
        notice,
    };
    Some(match event {
        NodeUp(node) => of(node.identity, Notice::Up(seen(node.state))),
        StateChanged { node, from, to } => {
            let (from, to) = (seen(*from), seen(*to));
            of(node.identity, Notice::Changed { from, to })
        }
        MetadataChanged { node, .. } => of(node.identity, Notice::SaidOtherwise),
        Left(node) => of(node.identity, Notice::Gone(Seen::Left)),
        Failed(node) => of(node.identity, Notice::Gone(Seen::Failed)),
        Replaced { old, new } => {
            let (addr, generation) = (new.addr, new.generation);
            of(old.identity, Notice::Replaced { addr, generation })
        }
        Alone => Fact::Company { by, is_alone: true },
        Accompanied => Fact::Company {
            by,
            is_alone: false,
        },
        _ => return None,
    })
}

/// Everybody whom a node shows.
fn view(endpoint: &Endpoint) -> impl Iterator<Item = Sighting> {
    endpoint.members().nodes().map(|node| Sighting {
        addr: node.identity.addr,
        generation: node.identity.generation,
        seen: seen(node.state),
    })
}
