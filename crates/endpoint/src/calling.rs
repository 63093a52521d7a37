//! Calls: to whom they go, and which process is meant.

use core::{net::SocketAddr, num::NonZeroUsize};

use bytes::Bytes;
use hobnob_messaging::{self as messaging, Call, CallKey, FanOutKey, RequestKey};
use hobnob_wire::{Command, Generation, Instant, Peer, ResponseStatus, StreamId};

use crate::{
    endpoint::{Endpoint, can_be_node},
    event::CallError,
};

/// To whom a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The node's mesh address.
    pub addr: SocketAddr,
    /// Which life of the node is meant: no other process at the address gets the call then. `None` takes
    /// whoever is there.
    pub generation: Option<Generation>,
}

impl Endpoint {
    /// Makes messages for `command` welcome.
    pub fn register(&mut self, command: Command) {
        if Self::check_command(command).is_ok() {
            self.messaging.register(command);
        }
    }

    /// Sends a one-way message; [`messaging::Event::Sent`] tells how it ended.
    ///
    /// # Errors
    ///
    /// [`CallError`]; no completion will follow then.
    pub fn send(&mut self, now: Instant, to: Target, call: Call) -> Result<CallKey, CallError> {
        Self::check_command(call.command)?;
        let peer = self.peer(now, to)?;
        Ok(self.messaging.send(now, peer, call)?)
    }

    /// As [`Endpoint::send`], and keeps the order of a stream.
    ///
    /// # Errors
    ///
    /// [`CallError`]; no completion will follow then.
    pub fn send_in_order(
        &mut self,
        now: Instant,
        to: Target,
        stream: StreamId,
        call: Call,
    ) -> Result<CallKey, CallError> {
        Self::check_command(call.command)?;
        let peer = self.peer(now, to)?;
        Ok(self.messaging.send_in_order(now, peer, stream, call)?)
    }

    /// Sends a request; [`messaging::Event::Answered`] tells how it ended.
    ///
    /// # Errors
    ///
    /// [`CallError`]; no completion will follow then.
    pub fn request(&mut self, now: Instant, to: Target, call: Call) -> Result<CallKey, CallError> {
        Self::check_command(call.command)?;
        let peer = self.peer(now, to)?;
        Ok(self.messaging.request(now, peer, call)?)
    }

    /// Sends one message to many, at most `limit` deliveries in flight;
    /// [`messaging::Event::FannedOut`] tells how each ended.
    ///
    /// # Errors
    ///
    /// [`CallError`]; no completion will follow then. Targets come from [`Endpoint::peer`].
    pub fn fan_out(
        &mut self,
        now: Instant,
        peers: &[Peer],
        limit: NonZeroUsize,
        call: Call,
    ) -> Result<FanOutKey, CallError> {
        Self::check_command(call.command)?;
        Ok(self.messaging.fan_out(now, peers, limit, call)?)
    }

    /// Hands a message to the next datagram for its target, once and without any promise.
    ///
    /// # Errors
    ///
    /// [`CallError::NotConnected`] while a handshake is under way: try again after
    /// [`Event::Connected`](crate::Event::Connected).
    pub fn unreliable(
        &mut self,
        now: Instant,
        to: Target,
        command: Command,
        payload: Bytes,
    ) -> Result<(), CallError> {
        Self::check_command(command)?;
        let peer = self.peer(now, to)?;
        if !self.is_connected(peer) {
            return Err(CallError::NotConnected);
        }
        Ok(self.messaging.unreliable(now, peer, command, payload)?)
    }

    /// Gives a call up: no completion follows, and the far side is told if it is working on it.
    pub fn cancel(&mut self, now: Instant, call: CallKey) {
        self.messaging.cancel(now, call);
    }

    /// Gives a fan-out up: deliveries that were not begun never will be.
    pub fn cancel_fan_out(&mut self, now: Instant, fan_out: FanOutKey) {
        self.messaging.cancel_fan_out(now, fan_out);
    }

    /// Answers a request.
    ///
    /// # Errors
    ///
    /// [`messaging::RespondError`]: nobody waits for it any more, or it is too large.
    pub fn respond(
        &mut self,
        now: Instant,
        request: RequestKey,
        status: ResponseStatus,
        payload: Bytes,
    ) -> Result<(), messaging::RespondError> {
        self.messaging.respond(now, request, status, payload)
    }

    /// `count` one-way messages were handled to their end: as many new ones may come.
    pub fn handled(&mut self, count: usize) {
        self.messaging.handled(count);
    }

    /// The place of a target in the table of peers, with a handshake begun if there is no session.
    ///
    /// # Errors
    ///
    /// [`CallError`] when the target cannot be talked to.
    pub fn peer(&mut self, now: Instant, to: Target) -> Result<Peer, CallError> {
        if !can_be_node(to.addr) {
            return Err(CallError::BadAddress);
        }
        let known = self.sessions.peer_at(to.addr);
        let proven = known
            .and_then(|peer| self.sessions.remote(peer))
            .and_then(|remote| remote.proven);
        // Even with a session: a node that said goodbye may still be there to hear that it was heard.
        if self.is_gone(to, proven) || known.is_some_and(|peer| self.refuses(now, peer)) {
            return Err(CallError::PeerDown);
        }
        if let (Some(peer), Some(meant)) = (known, to.generation) {
            self.expect(now, peer, meant, proven)?;
        }
        if let Some(peer) = known.filter(|peer| self.is_connected(*peer)) {
            return Ok(peer);
        }
        let peer = self
            .sessions
            .connect(now, to.addr)
            .map_err(|_| CallError::TooManyPeers)?;
        if let Some(meant) = to.generation {
            self.meant.insert(peer, meant);
            self.messaging.expect_process(peer);
        }
        Ok(peer)
    }

    /// A call for the process `meant` is about to be made. If that is a later one than calls were for so far,
    /// those come to nothing, and so does the session with the one before.
    fn expect(
        &mut self,
        now: Instant,
        peer: Peer,
        meant: Generation,
        proven: Option<Generation>,
    ) -> Result<(), CallError> {
        let Some(last) = self.meant.get(&peer).copied().max(proven) else {
            return Ok(());
        };
        if meant < last {
            return Err(CallError::PeerRestarted);
        }
        if meant > last {
            self.messaging.process_replaced(now, peer);
            self.gossip_queue.discard(peer);
            self.sessions.disconnect(peer);
        }
        Ok(())
    }

    fn refuses(&mut self, now: Instant, peer: Peer) -> bool {
        if self.refused.get(&peer).is_some_and(|until| *until <= now) {
            self.refused.remove(&peer);
        }
        self.refused.contains_key(&peer)
    }

    /// Whether the process that is meant failed or left, and no later one was met at its address. A session
    /// does not disprove it: a node that leaves talks on until its goodbye is confirmed.
    fn is_gone(&self, to: Target, proven: Option<Generation>) -> bool {
        self.gossip.node(to.addr).is_some_and(|node| {
            let last = node.identity.generation;
            node.state.is_gone()
                && proven.is_none_or(|proven| proven <= last)
                && to.generation.is_none_or(|meant| meant <= last)
        })
    }
}
