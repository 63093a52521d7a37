//! This node's own health: Lifeguard's local health multiplier (Dadgar, Phillips, Currey 2017, section III-A).

use core::time::Duration;

/// Highest score, as in the paper: probes are then nine times slower than usual.
const SCORE_MAX: u8 = 8;

/// How far this node trusts its own clockwork and network: 0 when nothing speaks against it.
///
/// Whoever misses answers, and even the word of those it asked for help, is more likely to be slow itself
/// than to be the only one to see others fail. Its probes then wait longer and go less often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Health {
    score: u8,
}

impl Health {
    pub(crate) const fn score(self) -> u8 {
        self.score
    }

    /// A probe was answered.
    pub(crate) const fn improve(&mut self) {
        self.score = self.score.saturating_sub(1);
    }

    /// So many signs that should have come did not.
    pub(crate) fn worsen(&mut self, by: u8) {
        self.score = self.score.saturating_add(by).min(SCORE_MAX);
    }

    /// How long something takes that usually takes `usual`.
    pub(crate) fn stretch(self, usual: Duration) -> Duration {
        usual * (u32::from(self.score) + 1)
    }
}
