//! Whose turn it is.

use std::{net::SocketAddr, sync::Mutex};

/// A place in a round, for [`Pick::round_robin`](crate::Pick::round_robin): whoever takes turns by the same value
/// takes them together. It may be a `static`.
///
/// It remembers who was chosen last, not how many were, so that the round goes on where it was when nodes come or go.
/// Rounds begin anywhere: a cluster that has just started does not fall upon one node.
#[derive(Debug, Default)]
pub struct RoundRobin {
    last: Mutex<Option<SocketAddr>>,
}

impl RoundRobin {
    /// A round that has not begun.
    pub const fn new() -> Self {
        Self {
            last: Mutex::new(None),
        }
    }

    /// The next of some addresses in ascending order, as an index; the round begins at `first`.
    pub(super) fn next(&self, among: &[SocketAddr], first: usize) -> Option<usize> {
        let mut last = self.last.lock().expect("no panic while it is locked");
        let place = match *last {
            Some(last) => among.partition_point(|address| *address <= last),
            None => first,
        };
        let place = if place < among.len() { place } else { 0 };
        *last = Some(*among.get(place)?);
        Some(place)
    }
}
