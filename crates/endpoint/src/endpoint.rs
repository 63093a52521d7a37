//! The node and its commands.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use core::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use hobnob_gossip::{self as gossip, Gossip};
use hobnob_messaging::{self as messaging, Messaging};
use hobnob_session::{Opened, SessionConfig, Sessions};
use hobnob_shared::{SharedData, values::Values};
use hobnob_wire::{Command, Deadline, Generation, Instant, Peer};

use crate::{
    config::{ConfigError, EndpointConfig},
    event::{Event, TimeoutReason},
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

    /// Whether there is a session with the peer.
    pub fn is_connected(&self, peer: Peer) -> bool {
        self.sessions
            .remote(peer)
            .is_some_and(|remote| remote.is_established)
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
pub(crate) const fn can_be_node(addr: SocketAddr) -> bool {
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
