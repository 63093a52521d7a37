//! One cluster and what it lives through.

use super::{Findings, Trouble, plain::Plain, trouble::REST, whole::Whole, world::World};

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Engine {
    /// Whole endpoints.
    Hobnob,
    /// Bare foca 2.0, `new_lan`.
    Foca,
}

/// What a cluster lives through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Who it is made of.
    pub engine: Engine,
    /// Of how many.
    pub size: usize,
    /// One after the other, with some rest in between. Those that kill come last.
    pub troubles: Vec<Trouble>,
    /// With so many seeds at most.
    pub seeds_max: u64,
}

impl Trial {
    /// Lives through it once; what came of each trouble, in their order.
    pub fn run(&self, seed: u64) -> Vec<Findings> {
        match self.engine {
            Engine::Hobnob => self.run_in(&mut Whole::new(seed, self.size)),
            Engine::Foca => self.run_in(&mut Plain::new(seed, self.size)),
        }
    }

    fn run_in(&self, world: &mut impl World) -> Vec<Findings> {
        if self.troubles.first() != Some(&Trouble::Join) {
            world.assemble();
        }
        let troubles = self.troubles.iter();
        let lived = troubles.map(|trouble| {
            let findings = trouble.happen(world, self.size);
            if self.troubles.len() > 1 {
                if *trouble == Trouble::Join {
                    world.assemble();
                }
                world.run_for(REST);
            }
            findings
        });
        lived.collect()
    }
}
