//! Names: nodes that come with the name of another one, and nodes that come back under theirs elsewhere.

use std::time::Duration;

use hobnob_endpoint::gossip;
use rand::RngExt;

use super::{crew::Crew, dice::Dice};
use crate::{
    At,
    model::{Fact, Naming, ProcessId},
};

/// Longest time until one that moves is back.
const AWAY_MAX: Duration = Duration::from_secs(4);

/// Nodes that come with the name of another one, at most.
const NAMESAKES_MAX: usize = 3;

/// What comes of names on a day.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// After how long another node comes, and whose name it has, in the order in which they come.
    pub(super) namesakes: Vec<(Duration, usize)>,
    /// After how long a node dies, which one, and how long it takes to come back elsewhere.
    pub(super) moves: Vec<(Duration, usize, Duration)>,
}

impl Names {
    /// Nodes without namesakes may still move.
    pub(super) fn draw(
        dice: &mut Dice,
        nodes: usize,
        trouble: Duration,
        may_conflict: bool,
    ) -> Self {
        if dice.chance(0.65) {
            return Self::default();
        }
        let namesakes = match may_conflict {
            true => dice.random_range(0..=NAMESAKES_MAX),
            false => 0,
        };
        let moves = dice.random_range(0..3);
        let mut namesakes: Vec<(Duration, usize)> = (0..namesakes)
            .map(|_| (arrival(dice, trouble), dice.random_range(0..nodes)))
            .collect();
        namesakes.sort_unstable();
        Self {
            namesakes,
            moves: (0..moves)
                .map(|_| {
                    let whom = dice.random_range(0..nodes);
                    (dice.up_to(trouble), whom, dice.up_to(AWAY_MAX))
                })
                .collect(),
        }
    }

    /// Whose name the `index`th node has.
    pub(super) fn of(&self, index: usize, nodes: usize) -> String {
        let namesake = index.checked_sub(nodes);
        let namesake = namesake.and_then(|place| self.namesakes.get(place));
        let of = namesake.map_or(index, |(_, of)| *of);
        format!("node {of}")
    }
}

/// When another node comes: while the first ones are new as well, or when they are established.
fn arrival(dice: &mut Dice, trouble: Duration) -> Duration {
    match dice.chance(0.5) {
        true => dice.up_to(trouble),
        false => trouble - dice.up_to(trouble / 2),
    }
}

impl Crew {
    /// What a process shows of its name is what it has reported.
    pub(super) fn note_refusal(&mut self, at: &At<'_>) {
        let is_refused = at.endpoint.members().refused_by().is_some();
        if let Some(life) = self.lives.get_mut(&at.node)
            && life.is_refused != is_refused
        {
            life.is_refused = is_refused;
            let by = life.process;
            let what = Naming::Shown { is_refused };
            self.see(at.world_now, Fact::Named { by, what });
        }
    }
}

/// What a process reports of its name, or of who is not for it.
pub(super) fn named(by: ProcessId, event: &gossip::Event) -> Option<Fact<'static>> {
    match event {
        gossip::Event::NameConflict {
            other, is_refused, ..
        } => {
            let what = Naming::Conflict {
                addr: other.addr,
                generation: other.generation,
                is_refused: *is_refused,
            };
            Some(Fact::Named { by, what })
        }
        gossip::Event::NameFree { .. } => {
            let what = Naming::Free;
            Some(Fact::Named { by, what })
        }
        gossip::Event::Incompatible(node) => Some(Fact::Excluded {
            by,
            addr: node.identity.addr,
            generation: node.identity.generation,
        }),
        _ => None,
    }
}
