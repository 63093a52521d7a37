//! Which faults there are on a day, and how often.

use std::time::Duration;

use rand::{RngExt, seq::IndexedRandom};

use crate::day::dice::Dice;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::day) enum FaultKind {
    /// The network gets worse or better: loss, duplication, reordering, corruption, latency.
    Weather,
    /// Two groups of nodes lose each other.
    Partition,
    /// One direction between two nodes, or all from or to a node, is dead.
    OneWay,
    /// A process is killed, and maybe started again.
    Crash,
    /// A process says goodbye, and maybe comes back.
    Leave,
    /// A process is stopped as by SIGSTOP, and goes on.
    Pause,
    /// A node says something else of itself.
    Declare,
    /// A node's clock jumps, or runs fast or slow.
    Clock,
    /// A node's line is slow, its socket small, its machine late to wake it up.
    Host,
    /// One direction between two nodes is worse than the rest.
    Path,
}

const KINDS: [FaultKind; 10] = [
    FaultKind::Weather,
    FaultKind::Partition,
    FaultKind::OneWay,
    FaultKind::Crash,
    FaultKind::Leave,
    FaultKind::Pause,
    FaultKind::Declare,
    FaultKind::Clock,
    FaultKind::Host,
    FaultKind::Path,
];

/// The faults of a day.
#[derive(Clone, Debug)]
pub(in crate::day) struct Faults {
    /// Which kinds there are, and how far apart those of a kind are on average.
    pub(super) kinds: Vec<(FaultKind, Duration)>,
    /// How long a fault lasts, at most.
    pub(super) lasts: Duration,
    /// How bad weather gets, 0 to 1.
    pub(super) badness: f64,
}

impl Faults {
    /// Any mixture.
    pub(in crate::day) fn draw(dice: &mut Dice) -> Self {
        if dice.chance(0.25) {
            let kind = *KINDS.choose(dice).unwrap_or(&FaultKind::Weather);
            return Self::only(kind, dice);
        }
        let often = 0.2 + dice.share(1.0, 0.8);
        let kinds: Vec<FaultKind> = KINDS.into_iter().filter(|_| dice.chance(often)).collect();
        Self::of(kinds, dice)
    }

    /// Nothing goes wrong.
    pub(in crate::day) const fn none() -> Self {
        Self {
            kinds: Vec::new(),
            lasts: Duration::ZERO,
            badness: 0.0,
        }
    }

    /// One kind.
    pub(in crate::day) fn only(kind: FaultKind, dice: &mut Dice) -> Self {
        Self::of(vec![kind], dice)
    }

    fn of(kinds: Vec<FaultKind>, dice: &mut Dice) -> Self {
        let mut apart = || Duration::from_millis(dice.random_range(700..12_000));
        Self {
            kinds: kinds.into_iter().map(|kind| (kind, apart())).collect(),
            lasts: Duration::from_millis(*[300, 3_000, 15_000].choose(dice).unwrap_or(&300)),
            badness: dice.random(),
        }
    }
}
