//! Nodes that run another application, or a version that does not work with all others, and greet the same seeds.

use std::net::SocketAddr;

use hobnob_endpoint::{EndpointConfig, gossip::MetadataFields};
use rand::{RngExt, seq::IndexedRandom};

use super::{crew::Crew, dice::Dice};
use crate::{NodeId, model::Release};

/// Share of calls that may go to anybody, even to those whom their caller cannot see.
const STRAY_CALLS: f64 = 0.2;

/// Who works with whom on a day.
#[derive(Clone, Debug)]
pub(super) struct Sides {
    split: Split,
    /// On which side each node is.
    of: Vec<usize>,
}

/// What the sides are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Split {
    /// All work with all.
    None,
    Applications,
    /// Each of the two versions excludes the other.
    Versions,
    /// Only the later version excludes the earlier one.
    OneWord,
    /// Some work with two versions that do not work with each other.
    Between,
}

/// What a node of a side declares.
#[derive(Clone, Copy, Debug)]
struct Side {
    release: Release,
    cluster: u64,
    version: &'static str,
    compatible_with: &'static str,
}

impl Sides {
    /// All work with all.
    pub(super) const fn none() -> Self {
        Self {
            split: Split::None,
            of: Vec::new(),
        }
    }

    pub(super) fn draw(dice: &mut Dice, nodes: usize) -> Self {
        let splits = [
            Split::Applications,
            Split::Versions,
            Split::OneWord,
            Split::Between,
            Split::Between,
        ];
        if nodes < 4 || dice.chance(0.75) {
            return Self::none();
        }
        let split = *splits.choose(dice).unwrap_or(&Split::None);
        let sides = split.sides().len();
        Self {
            split,
            of: (0..nodes).map(|_| dice.random_range(0..sides)).collect(),
        }
    }

    pub(super) fn are_one(&self) -> bool {
        self.split == Split::None
    }

    /// Whether each node works with all those or with none of those that work with another one.
    pub(super) fn are_apart(&self) -> bool {
        self.split != Split::Between
    }

    /// What the model is told of a node.
    pub(super) fn release(&self, node: NodeId) -> Release {
        self.side(node.index()).release
    }

    /// Whether two nodes work together.
    pub(super) fn work_together(&self, one: NodeId, other: NodeId) -> bool {
        self.release(one).works_with(self.release(other))
    }

    pub(super) fn declare(&self, index: usize, fields: &mut MetadataFields) {
        let side = self.side(index);
        fields.app_version = side.version.into();
        fields.compatible_with = side.compatible_with.into();
    }

    pub(super) fn configure(&self, index: usize, config: &mut EndpointConfig) {
        config.cluster = self.side(index).cluster;
    }

    /// Nodes that come later are on the sides of the first ones.
    fn side(&self, index: usize) -> Side {
        let place = index.checked_rem(self.of.len());
        let side = place.and_then(|place| self.of.get(place));
        self.split.sides()[side.copied().unwrap_or(0)]
    }
}

impl Split {
    const fn sides(self) -> &'static [Side] {
        match self {
            Self::None => &[Side::NONE],
            Self::Applications => &[Side::NONE, Side::ANOTHER],
            Self::Versions => {
                const {
                    &[
                        Side::version(10, Some((0, 20)), "1.0", "..2"),
                        Side::version(20, Some((20, 30)), "2.0.0", "2..3"),
                    ]
                }
            }
            Self::OneWord => {
                const {
                    &[
                        Side::version(14, None, "1.4", ""),
                        Side::version(20, Some((20, u32::MAX)), "2", "2.."),
                    ]
                }
            }
            Self::Between => {
                const {
                    &[
                        Side::version(14, Some((10, 20)), "1.4", "1..2"),
                        Side::version(19, Some((10, 30)), "1.9", "1..3"),
                        Side::version(20, Some((19, 30)), "2.0", "1.9..3"),
                    ]
                }
            }
        }
    }
}

impl Side {
    const NONE: Self = Self::version(0, None, "", "");

    const ANOTHER: Self = Self {
        release: Release {
            application: 1,
            ..Self::NONE.release
        },
        cluster: 1,
        ..Self::NONE
    };

    const fn version(
        version: u32,
        range: Option<(u32, u32)>,
        text: &'static str,
        compatible_with: &'static str,
    ) -> Self {
        Self {
            release: Release {
                application: 0,
                version,
                range,
            },
            cluster: 0,
            version: text,
            compatible_with,
        }
    }
}

impl Crew {
    /// Those whom the process on a node calls next, of all that ever were elsewhere.
    pub(super) fn callees(&mut self, node: NodeId, own: SocketAddr) -> Vec<SocketAddr> {
        let others = self.addrs.iter().map(|(addr, _)| *addr);
        let others: Vec<SocketAddr> = others.filter(|addr| *addr != own).collect();
        if self.plan.sides.are_one() {
            return others;
        }
        let life = self.lives.get_mut(&node);
        if life.is_some_and(|life| life.dice.chance(STRAY_CALLS)) {
            return others;
        }
        let seen = others.into_iter();
        seen.filter(|addr| self.is_for(node, *addr)).collect()
    }

    /// Whether a node works with the one at an address.
    pub(super) fn is_for(&self, node: NodeId, addr: SocketAddr) -> bool {
        let mut others = self.addrs.iter();
        let other = others.find(|(known, _)| *known == addr);
        other.is_some_and(|(_, other)| self.plan.sides.work_together(node, *other))
    }
}
