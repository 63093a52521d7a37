//! A cluster of bare foca 2.0, as its own `new_lan` sets it up, on the simulated network.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    time::Duration,
};

use bytes::Bytes;
use foca::{
    Foca, Identity, Member, NoCustomBroadcast, Notification, PostcardCodec, Runtime, Timer,
};
use hobnob_endpoint::wire::Instant;
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use serde::{Deserialize, Serialize};

use super::world::{Said, Views, What, World};
use crate::{Conditions, NodeId, counters::Fate, network::Network};

/// How long a cluster runs before its trial begins.
const WARM_UP: Duration = Duration::from_secs(5);

/// A node's identity: as large as one is that names an address and a life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Name {
    addr: (u32, u16),
    bump: u64,
}

impl Identity for Name {
    type Addr = (u32, u16);

    fn renew(&self) -> Option<Self> {
        let bump = self.bump + 1;
        Some(Self { bump, ..*self })
    }

    fn addr(&self) -> Self::Addr {
        self.addr
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        self.bump > adversary.bump
    }
}

impl Name {
    fn of(node: usize) -> Self {
        match NodeId(node).addr(0) {
            SocketAddr::V4(addr) => Self {
                addr: (addr.ip().to_bits(), addr.port()),
                bump: 0,
            },
            SocketAddr::V6(_) => unreachable!("simulated nodes have IPv4 addresses"),
        }
    }

    fn socket_addr(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::from_bits(self.addr.0), self.addr.1))
    }
}

type Core = Foca<Name, PostcardCodec, ChaCha8Rng, NoCustomBroadcast>;

/// One node. What it wants to happen is fetched after each call.
struct Node {
    core: Core,
    wants: Wants,
    is_dead: bool,
    /// It has said goodbye: to foca, being down is being down.
    has_left: bool,
    is_blocked: bool,
    /// What waits in its socket while it is blocked.
    unread: Vec<Bytes>,
    /// What it has sent while it is blocked.
    held: Vec<(SocketAddr, Bytes)>,
    /// Whom its own probes have made it suspect.
    accused: BTreeSet<SocketAddr>,
}

/// What foca asks for.
#[derive(Default)]
struct Wants {
    sends: Vec<(Name, Bytes)>,
    timers: Vec<(Duration, Timer<Name>)>,
    said: Vec<(Name, What)>,
}

impl Runtime<Name> for Wants {
    fn notify(&mut self, notification: Notification<'_, Name>) {
        match notification {
            Notification::MemberUp(name) => self.said.push((*name, What::Up)),
            Notification::MemberDown(name) => self.said.push((*name, What::Down)),
            _ => {}
        }
    }

    fn send_to(&mut self, to: Name, data: &[u8]) {
        self.sends.push((to, Bytes::copy_from_slice(data)));
    }

    fn submit_after(&mut self, event: Timer<Name>, after: Duration) {
        self.timers.push((after, event));
    }
}

/// foca's nodes.
pub(super) struct Plain {
    now: Instant,
    network: Network,
    nodes: Vec<Node>,
    places: BTreeMap<SocketAddr, usize>,
    timers: BTreeMap<(Instant, u64), (usize, Timer<Name>)>,
    submitted: u64,
    said: Vec<Said>,
    views: Views,
    /// For when they are told of each other.
    introductions: ChaCha8Rng,
}

impl Plain {
    pub(super) fn new(seed: u64, size: usize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let network = Network::new(Conditions::LAN, ChaCha8Rng::seed_from_u64(rng.random()));
        let cluster_size = u32::try_from(size).ok().and_then(NonZeroU32::new);
        let config = foca::Config::new_lan(cluster_size.expect("some nodes, not billions"));
        let mut cluster = Self {
            now: Instant::ZERO,
            network,
            nodes: Vec::new(),
            places: BTreeMap::new(),
            timers: BTreeMap::new(),
            submitted: 0,
            said: Vec::new(),
            views: Views::new(size),
            introductions: ChaCha8Rng::seed_from_u64(rng.random()),
        };
        for index in 0..size {
            let name = Name::of(index);
            cluster.network.bind(name.socket_addr(), NodeId(index));
            cluster.places.insert(name.socket_addr(), index);
            let rng = ChaCha8Rng::seed_from_u64(rng.random());
            cluster.nodes.push(Node {
                core: Foca::new(name, config.clone(), rng, PostcardCodec),
                wants: Wants::default(),
                is_dead: false,
                has_left: false,
                is_blocked: false,
                unread: Vec::new(),
                held: Vec::new(),
                accused: BTreeSet::new(),
            });
        }
        cluster
    }

    /// Tells a node of all others.
    fn introduce(&mut self, index: usize) {
        let others = (0..self.nodes.len()).filter(|other| *other != index);
        let members = others.map(|other| Member::alive(Name::of(other)));
        let node = &mut self.nodes[index];
        let result = node.core.apply_many(members, false, &mut node.wants);
        result.expect("foca takes members");
        self.settle(index);
    }

    /// Hands a datagram to a node.
    fn hear(&mut self, index: usize, bytes: &[u8]) {
        let node = &mut self.nodes[index];
        // It refuses what is not for it any more.
        let _ = node.core.handle_data(bytes, &mut node.wants);
        self.settle(index);
    }

    /// Does what a node has asked for.
    fn settle(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        let from = NodeId(index).addr(0);
        for (after, timer) in node.wants.timers.drain(..) {
            if let Timer::ChangeSuspectToDown { member_id, .. } = &timer {
                node.accused.insert(member_id.socket_addr());
            }
            self.submitted += 1;
            let at = self.now + after;
            self.timers.insert((at, self.submitted), (index, timer));
        }
        let heard = std::mem::take(&mut node.wants.said);
        for (name, what) in heard {
            self.note(index, name.socket_addr(), what);
        }
        let node = &mut self.nodes[index];
        for (to, bytes) in node.wants.sends.drain(..) {
            let to = to.socket_addr();
            if node.is_blocked {
                node.held.push((to, bytes));
            } else {
                self.network.send(self.now, NodeId(index), from, to, bytes);
            }
        }
    }

    fn note(&mut self, by: usize, addr: SocketAddr, what: What) {
        self.nodes[by].accused.remove(&addr);
        let Some(&whom) = self.places.get(&addr) else {
            return;
        };
        let what = match what {
            What::Down if self.nodes[whom].has_left => What::Left,
            what => what,
        };
        let said = Said {
            at: self.now,
            by,
            whom,
            what,
        };
        self.views.note(&said);
        self.said.push(said);
    }

    fn step(&mut self, end: Instant) -> bool {
        let arrival = self.network.next_arrival();
        let timer = self.timers.first_key_value().map(|((at, _), _)| *at);
        let Some(next) = arrival.into_iter().chain(timer).min() else {
            return false;
        };
        if next > end {
            return false;
        }
        self.now = self.now.max(next);
        // A node reads its socket before it believes its timers.
        if arrival == Some(next) {
            if let Some(arrival) = self.network.arrive(self.now) {
                let node = &mut self.nodes[arrival.node.index()];
                if node.is_blocked {
                    node.unread.push(arrival.bytes);
                } else if !node.is_dead {
                    self.hear(arrival.node.index(), &arrival.bytes);
                }
            }
        } else if let Some((_, (index, timer))) = self.timers.pop_first()
            && !self.nodes[index].is_dead
        {
            let node = &mut self.nodes[index];
            // A timer of a life that is over is refused.
            let _ = node.core.handle_timer(timer, &mut node.wants);
            self.settle(index);
        }
        true
    }
}

impl World for Plain {
    fn greet(&mut self, node: usize) {
        let greeter = &mut self.nodes[node];
        let greeted = greeter.core.announce(Name::of(0), &mut greeter.wants);
        greeted.expect("a greeting fits a datagram");
        self.settle(node);
    }

    fn is_alone(&self, node: usize) -> bool {
        self.nodes[node].core.iter_members().next().is_none()
    }

    fn assemble(&mut self) {
        if !self.views.are_full() {
            let size = self.nodes.len();
            for index in 0..size {
                // At different moments, or all would probe in step.
                let wait = self.introductions.random_range(0..1_000) / size as u64;
                self.run_for(Duration::from_millis(wait));
                self.introduce(index);
            }
        }
        self.run_for(WARM_UP);
    }

    fn now(&self) -> Instant {
        self.now
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while self.step(end) {}
        self.now = end;
    }

    fn leave(&mut self, node: usize) {
        let leaver = &mut self.nodes[node];
        let left = leaver.core.leave_cluster(&mut leaver.wants);
        left.expect("a goodbye fits a datagram");
        leaver.has_left = true;
        self.settle(node);
        self.kill(node);
    }

    fn kill(&mut self, node: usize) {
        self.nodes[node].is_dead = true;
    }

    fn set_blocked(&mut self, node: usize, is_blocked: bool) {
        self.nodes[node].is_blocked = is_blocked;
        if !is_blocked {
            let from = NodeId(node).addr(0);
            for (to, bytes) in std::mem::take(&mut self.nodes[node].held) {
                self.network.send(self.now, NodeId(node), from, to, bytes);
            }
            for bytes in std::mem::take(&mut self.nodes[node].unread) {
                self.hear(node, &bytes);
            }
        }
    }

    fn set_cut(&mut self, from: usize, to: usize, is_cut: bool) {
        let direction = (NodeId(from), NodeId(to));
        self.network.paths.set_cut(direction, is_cut);
    }

    fn set_loss(&mut self, from: usize, to: usize, share: f64) {
        let conditions = Some(Conditions::LAN.with_loss(share)).filter(|_| share > 0.0);
        let direction = (NodeId(from), NodeId(to));
        self.network.paths.set_conditions(direction, conditions);
    }

    fn set_loss_everywhere(&mut self, share: f64) {
        self.network.conditions = Conditions::LAN.with_loss(share);
    }

    fn said(&self) -> &[Said] {
        &self.said
    }

    fn views(&self) -> &Views {
        &self.views
    }

    fn holds_alive(&self, by: usize, whom: usize) -> bool {
        let addr = Name::of(whom).addr;
        let mut members = self.nodes[by].core.iter_members();
        members.any(|member| member.id().addr == addr)
    }

    fn has_accused(&self, by: usize, whom: usize) -> bool {
        !self.nodes[by].is_dead && self.nodes[by].accused.contains(&NodeId(whom).addr(0))
    }

    fn sent(&self) -> (u64, u64) {
        let counters = &self.network.record.counters;
        (counters.fate(Fate::Sent), counters.bytes_sent())
    }
}
