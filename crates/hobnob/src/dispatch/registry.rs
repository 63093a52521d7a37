//! The registered handlers, and how many of them may be at work.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use arc_swap::ArcSwap;

use super::streams::Streams;
use crate::handler::ErasedHandler;

/// Handlers of one kind that may wait at once, for what the messaging core does not bound by itself:
/// unreliable messages, messages of this node to itself, and handlers that go on after their chain has
/// answered. As many as a busy node has clients.
const WAITING_MAX: usize = 4_096;

/// The handlers of one command, in the order of their registration.
pub(super) type Chain = Arc<[ErasedHandler]>;

/// The registered handlers by command.
#[derive(Default)]
pub(crate) struct Handlers {
    chains: ArcSwap<BTreeMap<u16, Chain>>,
    pub(super) unreliable: Places,
    pub(super) local: Places,
    pub(super) after_answer: Places,
    /// Messages that are handled in the order of their streams.
    pub(crate) streams: Streams,
    /// Handlers that failed.
    pub(crate) errors: AtomicU64,
}

impl Handlers {
    pub(crate) fn add(&self, command: u16, handler: &ErasedHandler) {
        self.chains.rcu(|chains| {
            let mut chains = BTreeMap::clone(chains);
            let before = chains.remove(&command).unwrap_or_default();
            chains.insert(command, before.iter().chain([handler]).cloned().collect());
            chains
        });
    }

    pub(crate) fn clear(&self) {
        self.chains.store(Arc::default());
    }

    pub(super) fn chain(&self, command: u16) -> Option<Chain> {
        self.chains.load().get(&command).cloned()
    }

    /// Messages that were dropped because too many handlers of their kind were waiting.
    pub(crate) fn dropped(&self) -> u64 {
        [&self.unreliable, &self.local, &self.after_answer]
            .into_iter()
            .map(Places::refused)
            .sum()
    }
}

/// Places for handlers that wait.
#[derive(Debug, Default)]
pub(super) struct Places {
    taken: Arc<AtomicUsize>,
    refused: AtomicU64,
}

/// One place, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Places {
    pub(super) fn take(&self) -> Option<Place> {
        let place = Place(self.taken.clone());
        if self.taken.fetch_add(1, Ordering::Relaxed) < WAITING_MAX {
            return Some(place);
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        None
    }

    fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_and_come_back() {
        let places = Places::default();
        let taken: Vec<_> = (0..WAITING_MAX).map_while(|_| places.take()).collect();
        assert_eq!(taken.len(), WAITING_MAX);
        assert!(places.take().is_none());
        drop(taken);
        assert!(places.take().is_some());
        assert_eq!(places.refused(), 1);
    }
}
