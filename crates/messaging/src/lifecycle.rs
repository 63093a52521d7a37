//! Sessions that come and go, and peers that do.

use hobnob_wire::{Instant, Peer};

use crate::{
    event::Failure,
    messaging::{Messaging, SessionChange},
};

impl Messaging {
    /// A session with the peer begins; packet numbers start at zero in both directions.
    ///
    /// Messages that were never transmitted go on in it, except that a process's messages never go to its
    /// successor: with [`SessionChange::NewGeneration`] those made during an earlier session end with
    /// [`Failure::PeerRestarted`](crate::Failure::PeerRestarted), with [`SessionChange::EarlierGeneration`] as if their
    /// session were lost, for the process they are meant for may be there. What was transmitted in an earlier session
    /// ends with that or with [`Failure::SessionLost`](crate::Failure::SessionLost).
    pub fn session_established(&mut self, now: Instant, peer: Peer, change: SessionChange) {
        if let Some(state) = self.peers.tenant(&mut self.shared, peer) {
            state.connect(&mut self.shared, change);
            state.refresh(&mut self.shared);
        }
        if let Some(failure) = change.ends_others() {
            self.end_waiting(now, peer, &failure, true);
        }
        self.settle(now);
    }

    /// Calls made to the peer from now until its next session are meant for one particular process: if that
    /// session is with another one, they end. No effect during a session, whose process is meant anyway.
    pub fn expect_process(&mut self, peer: Peer) {
        if let Some(state) = self.peers.tenant(&mut self.shared, peer) {
            state.is_expected |= !state.is_connected;
        }
    }

    /// Another process is known to be at the peer's address, though there is no session with it yet: what was
    /// for the one before ends [`Failure::PeerRestarted`](crate::Failure::PeerRestarted) at once, and a session
    /// with it is over. Calls made from now on are for the new one.
    pub fn process_replaced(&mut self, now: Instant, peer: Peer) {
        if let Some(state) = self.peers.get_mut(peer) {
            state.replaced(&mut self.shared, &Failure::PeerRestarted);
            state.refresh(&mut self.shared);
        }
        self.end_waiting(now, peer, &Failure::PeerRestarted, true);
        self.settle(now);
    }

    /// The session with the peer is over. Nothing is transmitted until the next one; deadlines go on.
    /// Requests that came in it are cancelled.
    pub fn session_lost(&mut self, now: Instant, peer: Peer) {
        if let Some(state) = self.peers.get_mut(peer) {
            state.disconnect(&mut self.shared);
            state.refresh(&mut self.shared);
        }
        self.settle(now);
    }

    /// The peer is gone: every call to it ends [`Failure::PeerDown`](crate::Failure::PeerDown) at once.
    pub fn peer_down(&mut self, now: Instant, peer: Peer) {
        if let Some(state) = self.peers.get_mut(peer) {
            state.down(&mut self.shared);
            state.refresh(&mut self.shared);
        }
        self.end_waiting(now, peer, &Failure::PeerDown, false);
        self.settle(now);
    }

    /// As [`Messaging::peer_down`], and the peer's place in the table is free.
    pub fn forget(&mut self, now: Instant, peer: Peer) {
        self.peers.remove(&mut self.shared, peer);
        self.end_waiting(now, peer, &Failure::PeerDown, false);
        self.settle(now);
    }
}
