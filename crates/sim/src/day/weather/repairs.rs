//! How faults are undone.

use hobnob_endpoint::wire::Generation;
use rand::RngExt;

use super::Weather;
use crate::{Conditions, Host, NodeId, Sim, day::crew::Crew};

/// What is to be undone later.
#[derive(Clone, Debug)]
pub(super) enum Repair {
    Calm,
    Heal(Vec<(NodeId, NodeId)>),
    Start(NodeId),
    StartElsewhere(NodeId),
    Resume(NodeId),
    Clock(NodeId),
    Host(NodeId),
    Path(NodeId, NodeId),
}

impl Weather {
    pub(super) fn repair(&mut self, sim: &mut Sim<Crew>, repair: Repair) {
        match repair {
            Repair::Calm => sim.set_conditions(Conditions::LAN),
            Repair::Heal(cut) => cut.into_iter().for_each(|(a, b)| sim.cut(a, b, false)),
            Repair::Resume(node) => sim.resume(node),
            Repair::Start(node) => self.start_again(sim, node),
            Repair::StartElsewhere(node) if sim.endpoint(node).is_none() => {
                sim.restart_elsewhere(node);
            }
            Repair::StartElsewhere(_) => {}
            Repair::Clock(node) => sim.set_clock_rate(node, 0),
            Repair::Host(node) => sim.set_host(node, Host::default()),
            Repair::Path(from, to) => sim.set_path_conditions(from, to, None),
        }
    }

    fn start_again(&mut self, sim: &mut Sim<Crew>, node: NodeId) {
        if sim.endpoint(node).is_some() || self.dice.chance(0.15) {
            return;
        }
        match self.dice.random_range(0..100) {
            0..12 => {
                // The wall clock was set back: the generation is one that was used before, or never.
                let back = self.dice.random_range(0..60_000_000);
                let earlier = Generation(sim.generation(node).0.saturating_sub(back));
                sim.restart_with_generation(node, earlier);
            }
            12..24 => sim.restart_elsewhere(node),
            _ => sim.restart(node),
        }
    }
}
