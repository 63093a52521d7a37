//! The lists that a peer's messages go through, from the queue to their end.

use crate::{
    list::List,
    message::{Lane, Messages},
};

/// A list for each [`Lane`].
#[derive(Debug)]
pub(super) struct Lanes {
    whole: List,
    pieces: List,
    in_flight: List,
    awaiting: List,
}

impl Lanes {
    pub(super) const EMPTY: Self = Self {
        whole: List::EMPTY,
        pieces: List::EMPTY,
        in_flight: List::EMPTY,
        awaiting: List::EMPTY,
    };

    pub(super) fn first(&self, lane: Lane) -> Option<u32> {
        match lane {
            Lane::Whole => self.whole.front(),
            Lane::Pieces => self.pieces.front(),
            Lane::InFlight => self.in_flight.front(),
            Lane::Awaiting => self.awaiting.front(),
        }
    }

    pub(super) const fn has_new(&self) -> bool {
        !self.whole.is_empty() || !self.pieces.is_empty()
    }

    /// Appends a message to the lane it names.
    pub(super) fn push_back(&mut self, messages: &mut Messages, index: u32) {
        let lane = messages.at(index).lane;
        self.list(lane).push_back(messages, index);
    }

    /// Takes a message out of the lane it names.
    pub(super) fn remove(&mut self, messages: &mut Messages, index: u32) {
        let lane = messages.at(index).lane;
        self.list(lane).remove(messages, index);
    }

    pub(super) fn move_to(&mut self, messages: &mut Messages, index: u32, lane: Lane) {
        self.remove(messages, index);
        messages.at_mut(index).lane = lane;
        self.push_back(messages, index);
    }

    const fn list(&mut self, lane: Lane) -> &mut List {
        match lane {
            Lane::Whole => &mut self.whole,
            Lane::Pieces => &mut self.pieces,
            Lane::InFlight => &mut self.in_flight,
            Lane::Awaiting => &mut self.awaiting,
        }
    }
}
