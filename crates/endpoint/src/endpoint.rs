//! The node and its commands.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use core::{net::SocketAddr, num::NonZeroUsize, time::Duration};

use bytes::Bytes;
use hobnob_gossip::{self as gossip, Gossip};
use hobnob_messaging::{self as messaging, CallKey, FanOutKey, Messaging, RequestKey, Token};
use hobnob_session::{Opened, SessionConfig, Sessions};
use hobnob_shared::{SharedData, values::Values};
use hobnob_wire::{Command, Deadline, Generation, Instant, Peer, ResponseStatus, StreamId};

use crate::{
    config::{ConfigError, EndpointConfig},
    event::{CallError, Event, TimeoutReason},
    gossip_queue::GossipQueue,
    housekeeping::Housekeeping,
    relay::Relays,
    sharing::UnderWay,
    strangers::Strangers,
};

/// One node of the mesh. See the [crate's documentation](crate) for how to drive it.
pub struct Endpoint {
    pub(crate) addr: SocketAddr,
    pub(crate) datagram_bytes: usize,
    pub(crate) sessions: Sessions,
    pub(crate) gossip: Gossip,
    pub(crate) messaging: Messaging,
    pub(crate) gossip_queue: GossipQueue,
    pub(crate) housekeeping: Housekeeping,
    pub(crate) relays: Relays,
    pub(crate) shared: SharedData,
    pub(crate) values: Values,
    pub(crate) shared_under_way: UnderWay,
    /// For which process calls are that wait for a session.
    pub(crate) meant: BTreeMap<Peer, Generation>,
    /// Peers that lately would not talk to this node, and until when that is believed.
    pub(crate) refused: BTreeMap<Peer, Instant>,
    pub(crate) strangers: Strangers,
    /// SWIM's probe, and when its ping is repeated.
    pub(crate) probing: Option<(gossip::Probe, Instant)>,
    pub(crate) events: VecDeque<Event>,
}

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
    /// A node that is alone. All its randomness comes from `seed`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the field that is wrong.
    pub fn new(config: EndpointConfig, seed: u64, now: Instant) -> Result<Self, ConfigError> {
        config.check()?;
        let session = SessionConfig {
            cluster: config.cluster,
            release: config.metadata.release(),
            generation: config.generation,
            peers_max: config.peers_max,
        };
        let me = gossip::Identity {
            addr: config.addr,
            generation: config.generation,
        };
        let gossip = config.gossip.validate()?;
        let messaging = messaging::Config {
            datagram_bytes: config.datagram_bytes,
            ..config.messaging
        };
        let mut messaging = Messaging::new(messaging, now)?;
        Command::RELAYING
            .into_iter()
            .chain(Command::SHARING)
            .for_each(|command| messaging.register_inner(command));
        let sharer = Self::sharer(config.addr, config.generation);
        let born = Duration::from_micros(config.generation.0);
        let unix_time = config.unix_time.unwrap_or(born);
        Ok(Self {
            addr: config.addr,
            datagram_bytes: config.datagram_bytes,
            sessions: Sessions::new(session, seed, now)?,
            // Two cores drawing from one stream would tie their behaviour to each other's.
            gossip: Gossip::new(gossip, me, config.metadata, seed.rotate_left(32), now),
            messaging,
            gossip_queue: GossipQueue::default(),
            housekeeping: Housekeeping::new(now),
            relays: Relays::default(),
            shared: SharedData::new(config.shared, sharer, seed.rotate_left(16), now, unix_time)?,
            values: Values::new(sharer, seed.rotate_left(48), now),
            shared_under_way: UnderWay::new(),
            meant: BTreeMap::new(),
            refused: BTreeMap::new(),
            strangers: Strangers::default(),
            probing: None,
            events: VecDeque::new(),
        })
    }

    /// The address under which the others reach this node.
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Greets a seed: both sides then tell each other whom they know.
    pub fn join(&mut self, now: Instant, seed: SocketAddr) {
        if seed != self.addr && can_be_node(seed) {
            self.gossip.announce(now, seed);
            self.settle(now);
        }
    }

    /// The membership core, to read from.
    pub const fn members(&self) -> &Gossip {
        &self.gossip
    }

    /// The messaging core, to read from.
    pub const fn messages(&self) -> &Messaging {
        &self.messaging
    }

    /// The session core, to read from.
    pub const fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Gossip payloads dropped because too many waited for one peer.
    pub const fn gossip_dropped(&self) -> u64 {
        self.gossip_queue.dropped()
    }

    /// Gossip payloads that wait for the peer for which most do: at most [`GOSSIP_PAYLOADS_PEER_MAX`].
    ///
    /// [`GOSSIP_PAYLOADS_PEER_MAX`]: crate::GOSSIP_PAYLOADS_PEER_MAX
    pub fn gossip_waiting(&self) -> usize {
        self.gossip_queue.longest()
    }

    /// What this node says of itself.
    pub fn set_state(&mut self, now: Instant, state: gossip::DeclaredState) {
        self.gossip.set_state(now, state);
        self.settle(now);
    }

    /// Replaces this node's metadata.
    pub fn set_metadata(&mut self, now: Instant, metadata: gossip::Metadata) {
        self.gossip.set_metadata(now, metadata);
        self.settle(now);
    }

    /// Says goodbye until every live peer has confirmed it; ends with a leave-finished event.
    pub fn leave(&mut self, now: Instant) {
        self.decline_all(now);
        let there = |(peer, addr): (Peer, SocketAddr)| self.is_connected(peer).then_some(addr);
        let acquaintances: Vec<SocketAddr> = self.sessions.peers().filter_map(there).collect();
        self.gossip.leave_telling(now, &acquaintances);
        self.settle(now);
    }

    /// Forgets a node that has left or failed, ahead of its time: see [`gossip::Gossip::forget`].
    ///
    /// # Errors
    ///
    /// [`gossip::ForgetError`] when it is not known or not gone.
    pub fn forget(
        &mut self,
        now: Instant,
        addr: SocketAddr,
    ) -> Result<gossip::Identity, gossip::ForgetError> {
        let forgotten = self.gossip.forget(now, addr)?;
        self.settle(now);
        Ok(forgotten)
    }

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
    pub fn send(
        &mut self,
        now: Instant,
        to: Target,
        command: Command,
        payload: Bytes,
        deadline: Instant,
        token: Token,
    ) -> Result<CallKey, CallError> {
        Self::check_command(command)?;
        let peer = self.peer(now, to)?;
        Ok(self
            .messaging
            .send(now, peer, command, payload, deadline, token)?)
    }

    /// As [`Endpoint::send`], and keeps the order of a stream.
    ///
    /// # Errors
    ///
    /// [`CallError`]; no completion will follow then.
    #[allow(
        clippy::too_many_arguments,
        reason = "one parameter for each thing a message is made of"
    )]
    pub fn send_in_order(
        &mut self,
        now: Instant,
        to: Target,
        command: Command,
        stream: StreamId,
        payload: Bytes,
        deadline: Instant,
        token: Token,
    ) -> Result<CallKey, CallError> {
        Self::check_command(command)?;
        let peer = self.peer(now, to)?;
        Ok(self
            .messaging
            .send_in_order(now, peer, command, stream, payload, deadline, token)?)
    }

    /// Sends a request; [`messaging::Event::Answered`] tells how it ended.
    ///
    /// # Errors
    ///
    /// [`CallError`]; no completion will follow then.
    pub fn request(
        &mut self,
        now: Instant,
        to: Target,
        command: Command,
        payload: Bytes,
        deadline: Instant,
        token: Token,
    ) -> Result<CallKey, CallError> {
        Self::check_command(command)?;
        let peer = self.peer(now, to)?;
        Ok(self
            .messaging
            .request(now, peer, command, payload, deadline, token)?)
    }

    /// Sends one message to many, at most `limit` deliveries in flight;
    /// [`messaging::Event::FannedOut`] tells how each ended.
    ///
    /// # Errors
    ///
    /// [`CallError`]; no completion will follow then. Targets come from [`Endpoint::peer`].
    #[allow(
        clippy::too_many_arguments,
        reason = "one parameter for each thing a fan-out is made of"
    )]
    pub fn fan_out(
        &mut self,
        now: Instant,
        peers: &[Peer],
        command: Command,
        payload: Bytes,
        limit: NonZeroUsize,
        deadline: Instant,
        token: Token,
    ) -> Result<FanOutKey, CallError> {
        Self::check_command(command)?;
        Ok(self
            .messaging
            .fan_out(now, command, peers, payload, limit, deadline, token)?)
    }

    /// Hands a message to the next datagram for its target, once and without any promise.
    ///
    /// # Errors
    ///
    /// [`CallError::NotConnected`] while a handshake is under way: try again after
    /// [`Event::Connected`].
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

    /// Whether there is a session with the peer.
    pub fn is_connected(&self, peer: Peer) -> bool {
        self.sessions
            .remote(peer)
            .is_some_and(|remote| remote.is_established)
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

    /// Takes in one datagram. What is wrong with it is counted, never fatal.
    pub fn handle_datagram(&mut self, now: Instant, from: SocketAddr, datagram: &Bytes) {
        let opened = self.sessions.handle_datagram(now, from, datagram);
        // The datagram may have proven a session, which the other cores must know before they see its frames:
        // they would take them for those of the session before.
        self.settle_sessions(now);
        if let Ok(Opened::Frames { peer, packet, body }) = opened {
            let body = datagram.slice_ref(body);
            self.housekeeping.heard(peer);
            self.deliver(now, from, peer, packet, &body);
        }
        self.settle(now);
    }

    /// Lets everything happen that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.sessions.handle_timeout(now);
        self.gossip.set_hearing(!self.sessions.hears_badly(now));
        self.answer_for_peers(now);
        self.gossip.handle_timeout(now);
        self.messaging.handle_timeout(now);
        self.shared.handle_timeout(now);
        self.values.handle_timeout(now);
        self.tick_relays(now);
        self.sweep(now);
        self.settle(now);
    }

    /// The next thing the driver must know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events
            .pop_front()
            .or_else(|| self.messaging.poll_event().map(Event::Message))
            .or_else(|| self.shared.poll_event().map(Event::Shared))
            .or_else(|| self.values.poll_event().map(Event::Values))
    }

    /// Whether [`Endpoint::poll_event`] has something to tell.
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
            || self.messaging.has_events()
            || self.shared.has_events()
            || self.values.has_events()
    }

    /// When [`Endpoint::handle_timeout`] is to be called, at the latest.
    pub fn poll_timeout(&self) -> Option<Deadline<TimeoutReason>> {
        let session = self
            .sessions
            .poll_timeout()
            .map(|d| with(d, TimeoutReason::Session));
        let gossip = self
            .gossip
            .poll_timeout()
            .map(|d| with(d, TimeoutReason::Gossip));
        let messaging = self
            .messaging
            .poll_timeout()
            .map(|d| with(d, TimeoutReason::Messaging));
        let shared = self
            .shared
            .poll_timeout()
            .map(|d| with(d, TimeoutReason::Shared));
        let values = self
            .values
            .poll_timeout()
            .map(|d| with(d, TimeoutReason::Values));
        let sweep = Deadline {
            at: self.housekeeping.due(),
            reason: TimeoutReason::Housekeeping,
        };
        let probe = self.probing.map(|(_, again)| Deadline {
            at: again,
            reason: TimeoutReason::Probe,
        });
        let relay = self.relays.due().map(|at| Deadline {
            at,
            reason: TimeoutReason::Relay,
        });
        [
            session,
            gossip,
            messaging,
            shared,
            values,
            relay,
            probe,
            Some(sweep),
        ]
        .into_iter()
        .flatten()
        .min_by_key(|deadline| deadline.at)
    }
}

/// Whether datagrams can be sent there at all: one host, one port.
const fn can_be_node(addr: SocketAddr) -> bool {
    addr.port() != 0 && !addr.ip().is_unspecified() && !addr.ip().is_multicast()
}

fn with<R>(
    deadline: Deadline<R>,
    wrap: impl FnOnce(R) -> TimeoutReason,
) -> Deadline<TimeoutReason> {
    Deadline {
        at: deadline.at,
        reason: wrap(deadline.reason),
    }
}
