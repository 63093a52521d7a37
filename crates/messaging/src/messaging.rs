//! The state machine's face.

use core::time::Duration;

use bytes::Bytes;
#[cfg(doc)]
use hobnob_wire::limits::{INNER_BYTES_MIN, RELAY_HEAD_BYTES_MAX};
use hobnob_wire::{Command, Instant, PacketNumber, Peer, Writer};

use crate::{
    config::{Config, ConfigError},
    error::PacketError,
    event::{Event, Failure},
    fan_out::FanOuts,
    fill::Filled,
    key::Key,
    peers::Peers,
    shared::{Ending, Shared, Work},
    stats::Stats,
};

/// Reliable and unreliable messages with all peers of a node. See the [crate] for what it promises.
///
/// Change it once, then drain it: [`Messaging::poll_ready`] and [`Messaging::fill`] until there is no ready
/// peer, [`Messaging::poll_event`] until there is no event, then wait until [`Messaging::poll_timeout`] or
/// the next packet. Datagrams may be drained later than events when more changes are at hand, so that they
/// share datagrams. Time is an argument and should never run backwards.
#[derive(Debug)]
pub struct Messaging {
    pub(crate) shared: Shared,
    pub(crate) peers: Peers,
    pub(crate) fan_outs: FanOuts,
}

/// How a session follows on earlier ones with the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionChange {
    /// There was none.
    First,
    /// The peer is the same process; it, or this node, lost the session.
    SameGeneration,
    /// The peer is another process than before.
    NewGeneration,
    /// The peer is an earlier process than the one that calls were made for: what is heard of it may be old, and the
    /// later one yet to come.
    EarlierGeneration,
}

impl SessionChange {
    /// How that ends what was for another process.
    pub(crate) const fn ends_others(self) -> Option<Failure> {
        match self {
            Self::First | Self::SameGeneration => None,
            Self::NewGeneration => Some(Failure::PeerRestarted),
            Self::EarlierGeneration => Some(Failure::SessionLost),
        }
    }
}

impl Messaging {
    /// A core without peers.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] naming the field that cannot work.
    pub fn new(config: Config, now: Instant) -> Result<Self, ConfigError> {
        let shared = Shared::new(config.check()?, now);
        Ok(Self {
            shared,
            peers: Peers::default(),
            fan_outs: FanOuts::new(),
        })
    }

    /// A handler for `command` exists: messages and requests for it are accepted from now on.
    pub fn register(&mut self, command: Command) {
        self.shared.commands.insert(command);
    }

    /// What it was made with.
    pub const fn config(&self) -> &Config {
        &self.shared.config.config
    }

    /// Bytes of the largest unreliable message.
    pub const fn unreliable_payload_max(&self) -> usize {
        self.shared.config.unreliable_payload_max
    }

    /// A command of the owner's own. Messages for it hold no place, may be longer by
    /// [`RELAY_HEAD_BYTES_MAX`] and always have [`INNER_BYTES_MIN`], and they and the ends of those sent under it are told by
    /// [`Messaging::poll_inner`], which is to be drained after every change.
    pub fn register_inner(&mut self, command: Command) {
        self.shared.commands.insert_inner(command);
    }

    /// Whether messages for `command` are accepted.
    pub fn is_registered(&self, command: Command) -> bool {
        self.shared.commands.contains(command)
    }

    /// Whether a place of [`Config::incoming_max`](crate::Config::incoming_max) is free.
    pub const fn has_place(&self) -> bool {
        self.shared.has_place()
    }

    /// Takes a place of [`Config::incoming_max`](crate::Config::incoming_max) for a message that came by other
    /// ways, to be given back by [`Messaging::handled`]. False when none is free.
    pub fn take_place(&mut self) -> bool {
        let is_free = self.shared.has_place();
        self.shared.stats.incoming += usize::from(is_free);
        is_free
    }

    /// Asks the peer for a sign of life, again and again until it comes or the session ends. Without a
    /// session nothing happens.
    pub fn ping(&mut self, _now: Instant, peer: Peer) {
        if let Some(state) = self.peers.get_mut(peer).filter(|state| state.is_connected) {
            state.out.is_ping_due = true;
            state.refresh(&mut self.shared);
        }
    }

    /// Handles the frames of a datagram that stand after the gossip frames. Payloads in the events that
    /// follow are slices of `body`.
    ///
    /// A packet must be given at most once: the session's replay window sees to that.
    ///
    /// # Errors
    ///
    /// [`PacketError`]: the packet is not acknowledged; frames before the bad one took effect.
    pub fn handle_packet(
        &mut self,
        now: Instant,
        peer: Peer,
        packet: PacketNumber,
        body: &Bytes,
    ) -> Result<(), PacketError> {
        let state = self.peers.get_mut(peer).ok_or(PacketError::NoSession)?;
        let result = state.handle_packet(&mut self.shared, now, packet, body);
        state.refresh(&mut self.shared);
        self.settle(now);
        result
    }

    /// The next peer with something to put into a datagram now, each in its turn. Whoever gets a peer must
    /// call [`Messaging::fill`] for it: only then, or when something changes, is it returned again.
    pub fn poll_ready(&mut self, _now: Instant) -> Option<Peer> {
        while let Some(peer) = self.shared.ready.pop_front() {
            if let Some(state) = self.peers.get_mut(peer) {
                state.leave_ready_ring();
                if state.has_something_to_send(&self.shared) {
                    return Some(peer);
                }
            }
        }
        None
    }

    /// Writes frames for the peer into the room of a datagram with this packet number, and remembers what it
    /// carries. If nothing was written, the number need not be used.
    ///
    /// Room may be taken by gossip before, but not in every datagram: a message that fits into an empty one
    /// waits for that.
    pub fn fill(
        &mut self,
        now: Instant,
        peer: Peer,
        packet: PacketNumber,
        w: &mut Writer<'_>,
    ) -> Filled {
        let Some(state) = self.peers.get_mut(peer).filter(|state| state.is_connected) else {
            return Filled::default();
        };
        let filled = state.fill(&mut self.shared, now, packet, w);
        state.refresh(&mut self.shared);
        filled
    }

    /// The next thing the owner must know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.shared.events.pop_front()
    }

    /// The next thing the owner must know about the commands of its own: [`Event::Message`],
    /// [`Event::Unreliable`] or [`Event::Sent`].
    pub fn poll_inner(&mut self) -> Option<Event> {
        self.shared.inner.pop_front()
    }

    /// Whether [`Messaging::poll_event`] has something to tell.
    pub fn has_events(&self) -> bool {
        !self.shared.events.is_empty()
    }

    /// Whether anything reliable has not come to its end: a message or response that is not acknowledged, a
    /// request that is not answered, here or there.
    pub fn has_unfinished(&self) -> bool {
        self.shared.messages.len() > 0 || self.shared.requests.len() > 0
    }

    /// Counters of all peers together.
    pub const fn stats(&self) -> &Stats {
        &self.shared.stats
    }

    /// Whether any call or message waits for a session with the peer, or for an answer from it.
    pub fn is_waiting(&self, peer: Peer) -> bool {
        self.peers.get(peer).is_some_and(|state| {
            state.out.backlog.calls.messages > 0
                || state.out.backlog.aside.messages > 0
                || !state.out.unreliable.is_empty()
                || !state.blocked.is_empty()
                || state.requests.len() > 0
        })
    }

    /// Whether the peer has answered, in the current session, anything that was sent at `since` or later: so
    /// it is there, hears this node, and is heard.
    pub fn has_answered(&self, peer: Peer, since: Instant) -> bool {
        self.peers.get(peer).is_some_and(|state| {
            let answered = state.recovery.answered();
            answered > Instant::ZERO && answered >= since
        })
    }

    /// The smoothed round trip to the peer, once it was measured.
    pub fn rtt(&self, peer: Peer) -> Option<Duration> {
        self.peers.get(peer)?.recovery.rtt.measured()
    }

    /// Bytes in flight to the peer.
    pub fn in_flight(&self, peer: Peer) -> usize {
        self.peers
            .get(peer)
            .map_or(0, |state| state.recovery.sent.in_flight())
    }

    /// Bytes that may be in flight to the peer.
    pub fn window(&self, peer: Peer) -> Option<usize> {
        self.peers
            .get(peer)
            .map(|state| state.recovery.congestion.window())
    }

    /// Draws the consequences that other peers and fan-outs have of a change.
    pub(crate) fn settle(&mut self, now: Instant) {
        while let Some(work) = self.shared.work.pop_front() {
            match work {
                Work::Delivered {
                    fan_out,
                    place,
                    result,
                } => self.on_delivered(now, fan_out, place, result),
                Work::Room(peer) => self.on_room(now, peer),
                Work::Dropped(dropped) => {
                    if let Some(state) = self.peers.get_mut(dropped.peer) {
                        state.on_dropped(&mut self.shared, &dropped);
                        state.refresh(&mut self.shared);
                    }
                }
            }
        }
    }

    pub(crate) fn abandon(&mut self, peer: Peer, key: Key, until: Instant, ending: Ending) {
        if let Some(state) = self.peers.get_mut(peer) {
            state.abandon(&mut self.shared, until, key.index, ending);
            state.refresh(&mut self.shared);
        }
    }
}
