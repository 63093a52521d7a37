//! A cluster of whole endpoints.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use hobnob_endpoint::{
    Event, Target,
    gossip::{self, Metadata, MetadataFields},
    wire::Instant,
};

use super::{
    join::join,
    world::{Said, Views, What, World},
};
use crate::{Application, At, Conditions, NodeId, Sim};

const SECOND: Duration = Duration::from_secs(1);

/// Size from which on nobody meets everybody: a million sessions take 4 GB, four million would take 16.
const MEET_BELOW: usize = 2_000;

/// Sessions a node begins at once while everybody meets everybody, every [`MEET_PAUSE`].
const MEET_AT_ONCE: usize = 16;
const MEET_PAUSE: Duration = Duration::from_millis(50);

/// Writes down what the nodes say of each other.
struct Witness {
    places: BTreeMap<SocketAddr, usize>,
    said: Vec<Said>,
    views: Views,
    /// Those whose leave is over, and whose process goes on.
    left: Vec<NodeId>,
}

impl Application for Witness {
    fn on_event(&mut self, at: &mut At<'_>, event: Event) {
        let (whom, what) = match &event {
            Event::Member(gossip::Event::NodeUp(node)) => (node.addr(), What::Up),
            Event::Member(gossip::Event::Failed(node)) => (node.addr(), What::Down),
            Event::Member(gossip::Event::Left(node)) => (node.addr(), What::Left),
            Event::Member(gossip::Event::LeaveFinished { .. }) => return self.left.push(at.node),
            _ => return,
        };
        if let Some(&whom) = self.places.get(&whom) {
            let said = Said {
                at: at.world_now,
                by: at.node.index(),
                whom,
                what,
            };
            self.views.note(&said);
            self.said.push(said);
        }
    }
}

/// Hobnob's nodes.
pub(super) struct Whole {
    sim: Sim<Witness>,
    ids: Vec<NodeId>,
}

impl Whole {
    pub(super) fn new(seed: u64, size: usize) -> Self {
        let witness = Witness {
            places: BTreeMap::new(),
            said: Vec::new(),
            views: Views::new(size),
            left: Vec::new(),
        };
        let mut sim = Sim::new(seed, Conditions::LAN, witness);
        let ids: Vec<NodeId> = (0..size).map(|index| start(&mut sim, index)).collect();
        sim.app.places = (0..).zip(&ids).map(|(n, id)| (sim.addr(*id), n)).collect();
        Self { sim, ids }
    }

    /// Has everybody begin a session with everybody, so that no handshake counts as load.
    fn meet(&mut self) {
        let addrs: Vec<SocketAddr> = self.ids.iter().map(|id| self.sim.addr(*id)).collect();
        for step in (1..addrs.len()).step_by(MEET_AT_ONCE) {
            for (index, id) in self.ids.iter().enumerate() {
                for further in step..(step + MEET_AT_ONCE).min(addrs.len()) {
                    // Of two nodes one begins.
                    let other = (index + further) % addrs.len();
                    if index < other {
                        let to = Target {
                            addr: addrs[other],
                            generation: None,
                        };
                        let met = self.sim.with(*id, |at| at.endpoint.peer(at.now, to));
                        assert!(matches!(met, Some(Ok(_))), "there is room: {met:?}");
                    }
                }
            }
            self.sim.run_for(MEET_PAUSE);
        }
    }

    fn members(&self, by: usize) -> Option<&gossip::Gossip> {
        Some(self.sim.endpoint(self.ids[by])?.members())
    }
}

fn start(sim: &mut Sim<Witness>, index: usize) -> NodeId {
    let fields = MetadataFields {
        node_type: "room".into(),
        name: format!("room-{index}"),
        ..MetadataFields::default()
    };
    let metadata = Metadata::new(fields).expect("it is within its limits");
    sim.start(metadata, |_| {})
}

impl World for Whole {
    fn greet(&mut self, node: usize) {
        let first = self.sim.addr(self.ids[0]);
        self.sim
            .with(self.ids[node], |at| at.endpoint.join(at.now, first));
    }

    fn is_alone(&self, node: usize) -> bool {
        self.members(node).is_some_and(gossip::Gossip::is_alone)
    }

    fn assemble(&mut self) {
        if !self.sim.app.views.are_full() {
            join(self, self.ids.len());
        }
        if self.ids.len() < MEET_BELOW {
            self.meet();
        }
        self.run_for(5 * SECOND);
    }

    fn now(&self) -> Instant {
        self.sim.now()
    }

    fn run_for(&mut self, time: Duration) {
        self.sim.run_for(time);
        for id in std::mem::take(&mut self.sim.app.left) {
            self.sim.kill(id);
        }
    }

    fn leave(&mut self, node: usize) {
        self.sim
            .with(self.ids[node], |at| at.endpoint.leave(at.now));
    }

    fn kill(&mut self, node: usize) {
        self.sim.kill(self.ids[node]);
    }

    fn set_blocked(&mut self, node: usize, is_blocked: bool) {
        if is_blocked {
            self.sim.block(self.ids[node]);
        } else {
            self.sim.unblock(self.ids[node]);
        }
    }

    fn set_cut(&mut self, from: usize, to: usize, is_cut: bool) {
        self.sim.cut(self.ids[from], self.ids[to], is_cut);
    }

    fn set_loss(&mut self, from: usize, to: usize, share: f64) {
        let conditions = Some(Conditions::LAN.with_loss(share)).filter(|_| share > 0.0);
        self.sim
            .set_path_conditions(self.ids[from], self.ids[to], conditions);
    }

    fn set_loss_everywhere(&mut self, share: f64) {
        self.sim.set_conditions(Conditions::LAN.with_loss(share));
    }

    fn said(&self) -> &[Said] {
        &self.sim.app.said
    }

    fn views(&self) -> &Views {
        &self.sim.app.views
    }

    fn holds_alive(&self, by: usize, whom: usize) -> bool {
        let addr = self.sim.addr(self.ids[whom]);
        let node = self.members(by).and_then(|members| members.node(addr));
        node.is_some_and(|node| !node.state.is_gone())
    }

    fn has_accused(&self, by: usize, whom: usize) -> bool {
        let addr_of = |node: usize| self.sim.addr(self.ids[node]);
        let why = self.members(by).and_then(|m| m.why(addr_of(whom)));
        why.is_some_and(|why| why.accusers.iter().any(|known| known.addr == addr_of(by)))
    }

    fn sent(&self) -> (u64, u64) {
        let counters = self.sim.counters();
        (self.sim.datagrams_sent(), counters.bytes_sent())
    }
}
