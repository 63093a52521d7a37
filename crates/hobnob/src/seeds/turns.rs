//! Which of many addresses are greeted next.

use std::net::SocketAddr;

use crate::pick::Dice;

/// Addresses behind one seed that are greeted at once: all pods of a usual service. With more, the next ones have
/// their turn at the next try; a thousand, of which one is alive, are through in half a minute. Greeting a thousand
/// at once would be a million handshakes where a thousand nodes start together.
pub(super) const GREETED_AT_ONCE_MAX: usize = 64;

/// Goes through a list that may be another at each try, and in another order.
#[derive(Debug)]
pub(super) struct Turns {
    last: Option<SocketAddr>,
}

impl Turns {
    pub(super) const fn new() -> Self {
        Self { last: None }
    }

    /// Whose turn it is. Each node begins somewhere else, so that not all fall upon the same ones.
    pub(super) fn next(
        &mut self,
        mut addresses: Vec<SocketAddr>,
        dice: &Dice,
    ) -> impl Iterator<Item = SocketAddr> + use<> {
        addresses.sort_unstable();
        addresses.dedup();
        let begin = match self.last {
            Some(last) => addresses.partition_point(|address| *address <= last),
            None => dice.below(addresses.len()).unwrap_or(0),
        };
        addresses.rotate_left(begin);
        addresses.truncate(GREETED_AT_ONCE_MAX);
        self.last = addresses.last().copied().or(self.last);
        addresses.into_iter()
    }
}
