//! The nodes a fan-out is for: who is named more than once is served once.

use std::collections::BTreeMap;

use super::{Report, Target};

/// Whom a fan-out serves, each once, and which of them was named in which place.
pub(super) struct Addressees {
    each: Vec<Target>,
    named: Vec<usize>,
}

impl Addressees {
    pub(super) fn new(named: impl IntoIterator<Item = Target>) -> Self {
        let mut each = Vec::new();
        let mut places = BTreeMap::new();
        let named = named
            .into_iter()
            .map(|target| {
                let known = places.entry((target.0.addr, target.0.generation));
                *known.or_insert_with(|| {
                    each.push(target);
                    each.len() - 1
                })
            })
            .collect();
        Self { each, named }
    }

    /// Everybody, once.
    pub(super) fn each(&self) -> &[Target] {
        &self.each
    }

    /// The results of [`each`](Self::each), told of all in the order they were named.
    pub(super) fn report<E: Clone>(&self, results: &[Result<(), E>]) -> Report<E> {
        let told = self
            .named
            .iter()
            .filter_map(|&place| {
                Some((self.each.get(place)?.address(), results.get(place)?.clone()))
            })
            .collect::<Vec<_>>();
        debug_assert!(told.len() == self.named.len(), "one result for each");
        Report::new(told)
    }

    /// The same result for all.
    pub(super) fn all<E: Clone>(&self, error: &E) -> Report<E> {
        self.report(&vec![Err(error.clone()); self.each.len()])
    }
}
