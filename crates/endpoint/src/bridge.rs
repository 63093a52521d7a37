//! What one core learns and the others must do about it.

use alloc::vec::Vec;
use core::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use hobnob_gossip as gossip;
use hobnob_messaging::{self as messaging, SessionChange};
use hobnob_session as session;
use hobnob_wire::{Command, Frame, Frames, Generation, Instant, PacketNumber, Peer, RefuseReason};

use crate::{endpoint::Endpoint, event::Event, sharing::Sharer};

/// How long it is believed that a node of another cluster or version stays one. Calls to it meanwhile end at
/// once, without asking again.
const REFUSAL_LASTS: Duration = Duration::from_secs(1);

impl Endpoint {
    /// Hands the frames of a datagram to the cores: the gossip frames in front, then all others.
    pub(crate) fn deliver(
        &mut self,
        now: Instant,
        from: SocketAddr,
        peer: Peer,
        packet: PacketNumber,
        body: &Bytes,
    ) {
        let mut frames = Frames::new(body);
        let mut rest = frames.rest();
        while let Some(Ok(Frame::Gossip(payload))) = frames.next() {
            // The gossip core counts what it refuses; the datagram's other frames are not spoiled by it.
            let _ = self.gossip.handle_payload(now, from, payload);
            rest = frames.rest();
        }
        if !rest.is_empty() {
            let messages = body.slice_ref(rest);
            let _ = self.messaging.handle_packet(now, peer, packet, &messages);
        }
    }

    /// Carries news between the cores until none is left.
    pub(crate) fn settle(&mut self, now: Instant) {
        loop {
            let mut quiet = !self.settle_sessions(now);
            while let Some(event) = self.gossip.poll_event() {
                quiet = false;
                self.on_gossip_event(now, event);
            }
            while let Some((to, payload)) = self.gossip.poll_transmit() {
                quiet = false;
                self.queue_gossip(now, to, payload);
            }
            while let Some(event) = self.messaging.poll_inner() {
                quiet = false;
                self.on_inner_event(now, event);
            }
            while let Some(transmit) = self.shared.poll_transmit() {
                quiet = false;
                self.send_shared(now, Sharer::Shared, transmit);
            }
            while let Some(transmit) = self.values.poll_transmit() {
                quiet = false;
                self.send_shared(now, Sharer::Values, transmit);
            }
            self.repeat_probe(now);
            if quiet {
                return;
            }
        }
    }

    /// Something was told of the nodes' own commands.
    pub(crate) fn on_inner_event(&mut self, now: Instant, event: messaging::Event) {
        match event {
            messaging::Event::Message {
                peer,
                command: Command::SHARED,
                payload,
                ..
            } => self.on_shared_message(now, peer, Sharer::Shared, &payload),
            messaging::Event::Message {
                peer,
                command: Command::VALUES,
                payload,
                ..
            } => self.on_shared_message(now, peer, Sharer::Values, &payload),
            messaging::Event::Sent { token, ref result }
                if self.on_shared_sent(now, token, result.is_ok()) => {}
            event => self.on_relay_event(now, event),
        }
    }

    /// What messages have shown counts for membership: a peer that has answered anything sent since its
    /// probe began, or since it is suspected, is there, whatever became of the gossip.
    pub(crate) fn answer_for_peers(&mut self, now: Instant) {
        if let Some(probe) = self.gossip.probe()
            && self.has_answered(probe.whom, probe.since)
        {
            self.gossip.probe_answered(now);
        }
        let due: Vec<gossip::Suspect> = self.gossip.suspects_due(now).collect();
        for suspect in due {
            if self.has_answered(suspect.whom, suspect.since) {
                self.gossip.vouch(now, suspect.whom);
            }
        }
    }

    /// Whether this very process has answered anything that was sent at `since` or later.
    fn has_answered(&self, whom: gossip::Identity, since: Instant) -> bool {
        self.session_with(whom)
            .is_some_and(|peer| self.messaging.has_answered(peer, since))
    }

    /// SWIM sends each probe once. A ping goes beside it, one byte of the same datagram, and is repeated until
    /// the peer has answered anything, so that nobody is suspected for a few lost datagrams.
    pub(crate) fn repeat_probe(&mut self, now: Instant) {
        let Some(probe) = self.gossip.probe() else {
            self.probing = None;
            return;
        };
        let is_due = self
            .probing
            .is_none_or(|(known, again)| known != probe || again <= now);
        if is_due {
            self.probing = Some((probe, now + probe.repeat_after));
            if let Some(peer) = self.session_with(probe.whom) {
                self.messaging.ping(now, peer);
            }
        }
    }

    /// The peer that has a session as this very process.
    fn session_with(&self, whom: gossip::Identity) -> Option<Peer> {
        let peer = self.sessions.peer_at(whom.addr)?;
        let remote = self.sessions.remote(peer)?;
        (remote.is_established && remote.generation == Some(whom.generation)).then_some(peer)
    }

    /// Tells the other cores what the session core has learnt; says whether there was anything.
    pub(crate) fn settle_sessions(&mut self, now: Instant) -> bool {
        let mut is_news = false;
        while let Some(event) = self.sessions.poll_event() {
            is_news = true;
            self.on_session_event(now, event);
        }
        is_news
    }

    fn queue_gossip(&mut self, now: Instant, to: SocketAddr, payload: Vec<u8>) {
        // A full table of peers leaves nothing to do for this payload: gossip is repeated by its nature.
        if let Ok(peer) = self.sessions.connect(now, to) {
            self.gossip_queue.push(peer, payload);
            if self.is_connected(peer) {
                self.gossip_queue.release(peer);
            }
        }
    }

    fn on_session_event(&mut self, now: Instant, event: session::Event) {
        match event {
            session::Event::Established {
                peer,
                addr,
                generation,
                initiator,
                previous,
                ..
            } => {
                self.on_established(now, peer, addr, generation, previous);
                if initiator {
                    // The far side may only use the session once it has heard something in it.
                    self.messaging.ping(now, peer);
                }
            }
            session::Event::Lost { peer, addr, .. } => {
                self.messaging.session_lost(now, peer);
                // What is in flight waits for the answer to one question: is it still the same process?
                let _ = self.sessions.connect(now, addr);
            }
            session::Event::Failed { peer, addr, reason } => {
                self.on_failed(now, peer, addr, reason);
            }
            session::Event::Stranger { addr, reason } => self.note_stranger(now, addr, reason),
            session::Event::OwnGenerationStale { seen } => {
                let renewed = seen.next();
                // Whoever says it has already shown it to be later than ours.
                let _ = self.sessions.set_generation(renewed);
                self.gossip.renew(now, renewed);
            }
        }
    }

    fn on_established(
        &mut self,
        now: Instant,
        peer: Peer,
        addr: SocketAddr,
        generation: Generation,
        previous: Option<Generation>,
    ) {
        self.no_stranger(addr);
        let meant = self.meant.remove(&peer);
        // Calls that waited are for the process they name, which need not be the one of the last session.
        let change = match meant.or(previous) {
            None => SessionChange::First,
            Some(last) if last == generation => SessionChange::SameGeneration,
            Some(last) if last > generation => SessionChange::EarlierGeneration,
            Some(_) => SessionChange::NewGeneration,
        };
        self.messaging.session_established(now, peer, change);
        if previous.is_some_and(|previous| previous < generation) {
            self.gossip.observed_restart(now, addr, generation);
        }
        self.gossip_queue.release(peer);
        self.events.push_back(Event::Connected {
            peer,
            addr,
            generation,
        });
    }

    fn on_failed(
        &mut self,
        now: Instant,
        peer: Peer,
        addr: SocketAddr,
        reason: session::FailedReason,
    ) {
        self.gossip_queue.discard(peer);
        match reason {
            // Another cluster, format or application will not change its mind within a call's deadline.
            session::FailedReason::Refused(
                why @ (RefuseReason::Version { .. }
                | RefuseReason::Cluster
                | RefuseReason::Incompatible { .. }),
            ) => {
                self.note_stranger(now, addr, why);
                self.gossip.refused(now, addr);
                self.refused.insert(peer, now + REFUSAL_LASTS);
                self.messaging.peer_down(now, peer);
            }
            _ if self.messaging.is_waiting(peer) => {
                let _ = self.sessions.connect(now, addr);
            }
            _ => {}
        }
        self.events.push_back(Event::Unreachable { addr, reason });
    }

    fn on_gossip_event(&mut self, now: Instant, event: gossip::Event) {
        match &event {
            gossip::Event::Failed(node) | gossip::Event::Left(node) => {
                self.end_calls(now, node.identity);
            }
            gossip::Event::Incompatible(node) => {
                let release = node.metadata.release();
                let reason = RefuseReason::Incompatible { release };
                self.note_stranger(now, node.addr(), reason);
            }
            gossip::Event::Replaced { old, new } if old.addr() != new.addr => {
                self.end_calls(now, old.identity);
            }
            gossip::Event::SelfRenewed { identity } => {
                // The others will call this node by it; one that it has already is no later one.
                let _ = self.sessions.set_generation(identity.generation);
            }
            gossip::Event::Replaced { new, .. } => {
                // A request whose packet was acknowledged has nothing left to retransmit: only a ping finds
                // out whether the process that took it is still there.
                if let Some(peer) = self.sessions.peer_at(new.addr) {
                    self.messaging.ping(now, peer);
                }
            }
            _ => {}
        }
        self.share_with(now, &event);
        self.follow_for_values(now, &event);
        self.events.push_back(Event::Member(event));
    }

    /// Ends all calls to a node that is gone, unless a later process at its address is the one we talk to.
    fn end_calls(&mut self, now: Instant, gone: gossip::Identity) {
        let Some(peer) = self.sessions.peer_at(gone.addr) else {
            return;
        };
        let proven = self.sessions.remote(peer).and_then(|remote| remote.proven);
        if proven.is_some_and(|generation| generation > gone.generation) {
            return;
        }
        self.messaging.peer_down(now, peer);
        self.gossip_queue.discard(peer);
        self.sessions.disconnect(peer);
    }
}
