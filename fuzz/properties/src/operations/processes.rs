//! Processes begin, stop and end.

use hobnob_endpoint::wire::Generation;
use hobnob_sim::model::{Fact, ProcessId};

use super::{Told, node::Node, world::World};

/// Generations between two starts, so that a process that renews itself stays below the next.
pub(super) const GENERATION_STEP: u64 = 1_000;

impl World {
    pub(super) fn start(&mut self, place: usize, generation: Generation) {
        self.processes += 1;
        let mut told = Told {
            model: &mut self.model,
            now: self.now,
            journal: self.journal,
        };
        let it = &mut self.places[place];
        it.highest = it.highest.max(generation);
        it.node = Some(Node::start(
            &mut told,
            it.addr,
            ProcessId(self.processes),
            generation,
            self.setting,
            place,
        ));
        if self.setting.is_joined() && self.processes > 2 {
            self.join(place);
        }
    }

    pub(super) fn kill(&mut self, place: usize) {
        let place = &mut self.places[place];
        place.waiting.clear();
        if let Some(node) = place.node.take() {
            place.former = Some(node.generation());
            let mut told = Told {
                model: &mut self.model,
                now: self.now,
                journal: self.journal,
            };
            told.tell(&Fact::Stopped {
                process: node.process,
            });
        }
    }

    pub(super) fn restart(&mut self, place: usize) {
        self.kill(place);
        let highest = self.places[place].highest.0;
        let next = (highest / GENERATION_STEP + 1) * GENERATION_STEP;
        self.start(place, Generation(next));
    }

    pub(super) fn join(&mut self, place: usize) {
        let seed = self.places[1 - place].addr;
        self.act(place, |node, told| node.endpoint.join(told.now, seed));
        self.settle();
    }

    /// Stops a process as SIGSTOP would, or lets it go on: it reads its socket before it believes its timers.
    pub(super) fn pause(&mut self, place: usize) {
        let Some(node) = &mut self.places[place].node else {
            return;
        };
        node.is_paused ^= true;
        if !node.is_paused {
            for flight in std::mem::take(&mut self.places[place].waiting) {
                self.deliver(flight);
            }
            self.act(place, Node::run);
        }
    }
}
