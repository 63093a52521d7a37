//! The table of peers.

use alloc::{boxed::Box, vec::Vec};

use hobnob_wire::Peer;

use crate::{peer::PeerState, shared::Shared};

/// The peers by slot.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    slots: Vec<Option<Box<PeerState>>>,
}

impl Peers {
    pub(crate) fn get(&self, peer: Peer) -> Option<&PeerState> {
        let state = self.slots.get(usize::from(peer.slot))?.as_deref()?;
        (state.handle == peer).then_some(state)
    }

    pub(crate) fn get_mut(&mut self, peer: Peer) -> Option<&mut PeerState> {
        let state = self.slots.get_mut(usize::from(peer.slot))?.as_deref_mut()?;
        (state.handle == peer).then_some(state)
    }

    /// The peer, which moves in if the slot is free or has an earlier tenant. `None` if it is the earlier.
    pub(crate) fn tenant(&mut self, shared: &mut Shared, peer: Peer) -> Option<&mut PeerState> {
        let slot = usize::from(peer.slot);
        if slot >= self.slots.len() {
            self.slots.resize_with(slot + 1, || None);
        }
        let present = self.slots[slot].as_ref().map(|state| state.handle);
        if let Some(present) = present.filter(|present| *present != peer) {
            if present.epoch > peer.epoch {
                return None;
            }
            self.remove(shared, present);
        }
        let state = self.slots[slot].get_or_insert_with(|| Box::new(PeerState::new(shared, peer)));
        Some(state)
    }

    pub(crate) fn remove(&mut self, shared: &mut Shared, peer: Peer) {
        if let Some(state) = self.get_mut(peer) {
            state.down(shared);
            state.stop_timers(shared);
            state.count_streams(shared);
            self.slots[usize::from(peer.slot)] = None;
        }
    }
}
