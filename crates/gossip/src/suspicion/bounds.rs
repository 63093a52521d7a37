//! How long a suspect has to show itself.

use core::time::Duration;

/// Accusers beside the first that make a suspicion as certain as it gets: the paper's K.
pub(crate) const CONFIRMATIONS_MAX: usize = 3;

/// ln(1) … ln(4) in thousandths, for the formula below.
const LN_MILLI: [u32; CONFIRMATIONS_MAX + 1] = [0, 693, 1_099, 1_386];

/// How long a suspect has to show itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Once enough others have confirmed the suspicion.
    pub(crate) min: Duration,
    /// As long as nobody has.
    pub(crate) max: Duration,
    /// How many others are enough: fewer than the paper's K where there are fewer to ask.
    pub(crate) confirmations: usize,
}

impl Bounds {
    /// max − (max − min) · ln(C + 1) / ln(K + 1)
    pub(crate) fn timeout(&self, confirmations: usize) -> Duration {
        let ln_of = |count: usize| LN_MILLI[count.min(CONFIRMATIONS_MAX)];
        let needed = ln_of(self.confirmations);
        if needed == 0 || confirmations >= self.confirmations {
            return self.min;
        }
        self.max - (self.max - self.min) * ln_of(confirmations) / needed
    }
}
