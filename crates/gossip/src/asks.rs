//! How often each peer has asked lately.

use alloc::collections::BTreeMap;
use core::{net::SocketAddr, time::Duration};

use hobnob_wire::Instant;

use crate::limits::ASKS_PER_ROUND_MAX;

/// Questions of each peer in the present round of gossip. Bounded by the number of peers there are sessions with.
#[derive(Debug, Default)]
pub(crate) struct Asks {
    counts: BTreeMap<SocketAddr, usize>,
    until: Instant,
}

impl Asks {
    /// Counts a question; says whether it is to be answered.
    pub(crate) fn take(&mut self, now: Instant, from: SocketAddr, round: Duration) -> bool {
        if now >= self.until {
            self.counts.clear();
            self.until = now + round;
        }
        let count = self.counts.entry(from).or_default();
        *count = count.saturating_add(1);
        *count <= ASKS_PER_ROUND_MAX
    }
}
