//! The state machine's face.

use core::time::Duration;

use bytes::Bytes;
#[cfg(doc)]
use hobnob_wire::limits::RELAY_HEAD_BYTES_MAX;
use hobnob_wire::{
    Command, ContentHead, Instant, PacketNumber, Peer, ResponseStatus, StreamId, Writer,
};

use crate::{
    config::{Config, ConfigError},
    error::{PacketError, RespondError, SendError},
    event::{Event, Failure},
    fan_out::FanOuts,
    fill::Filled,
    key::{CallKey, Key, RequestKey, Token},
    message::{Kind, Message},
    peers::Peers,
    shared::{Ending, Shared, Timer, Work},
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
    /// [`RELAY_HEAD_BYTES_MAX`], and they and the ends of those sent under it are told by
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

    /// A session with the peer begins; packet numbers start at zero in both directions.
    ///
    /// Messages that were never transmitted go on in it, except that a process's messages never go to its
    /// successor: with [`SessionChange::NewGeneration`] those made during an earlier session end with
    /// [`Failure::PeerRestarted`](crate::Failure::PeerRestarted). What was transmitted in an earlier session
    /// ends with that or with [`Failure::SessionLost`](crate::Failure::SessionLost).
    pub fn session_established(&mut self, now: Instant, peer: Peer, change: SessionChange) {
        if let Some(state) = self.peers.tenant(&mut self.shared, peer) {
            state.connect(&mut self.shared, change);
            state.refresh(&mut self.shared);
        }
        if change == SessionChange::NewGeneration {
            self.end_waiting(now, peer, &Failure::PeerRestarted, true);
        }
        self.settle(now);
    }

    /// Calls made to the peer from now until its next session are meant for one particular process: if that
    /// session begins with [`SessionChange::NewGeneration`], they end [`Failure::PeerRestarted`]. No effect
    /// during a session, whose process is meant anyway.
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
            state.replaced(&mut self.shared);
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

    /// Sends a one-way message; [`Event::Sent`] tells how it ended. Without a session it waits for one.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing changed.
    pub fn send(
        &mut self,
        now: Instant,
        peer: Peer,
        command: Command,
        payload: Bytes,
        deadline: Instant,
        token: Token,
    ) -> Result<CallKey, SendError> {
        self.call(
            now,
            peer,
            Kind::OneWay { command, token },
            payload,
            deadline,
        )
    }

    /// As [`Messaging::send`], and keeps the order of a stream: the peer is given the messages of one stream in
    /// the order in which they were sent, see the [crate]'s promises.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing changed.
    #[allow(
        clippy::too_many_arguments,
        reason = "each says something else, and none has a default"
    )]
    pub fn send_in_order(
        &mut self,
        now: Instant,
        peer: Peer,
        command: Command,
        stream: StreamId,
        payload: Bytes,
        deadline: Instant,
        token: Token,
    ) -> Result<CallKey, SendError> {
        let kind = Kind::InOrder {
            command,
            stream,
            token,
        };
        self.call(now, peer, kind, payload, deadline)
    }

    /// Sends a request; [`Event::Answered`] tells how it ended. Without a session it waits for one.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing changed.
    pub fn request(
        &mut self,
        now: Instant,
        peer: Peer,
        command: Command,
        payload: Bytes,
        deadline: Instant,
        token: Token,
    ) -> Result<CallKey, SendError> {
        self.call(
            now,
            peer,
            Kind::Request { command, token },
            payload,
            deadline,
        )
    }

    /// Nobody waits for the call any more: it is not transmitted again, and no completion follows. The far
    /// side learns of it if it may have begun to work on a request. A stale key changes nothing.
    pub fn cancel(&mut self, now: Instant, key: CallKey) {
        let Some(message) = self.shared.messages.get(key.0) else {
            return;
        };
        let deadline = message.deadline;
        self.abandon(message.peer, key.0, deadline, Ending::Silent);
        self.settle(now);
    }

    /// Sends a message that is never repeated, in the next datagram with room. Without a session it waits
    /// for one.
    ///
    /// # Errors
    ///
    /// [`SendError`] when it does not fit into a datagram, or too many wait; nothing changed.
    pub fn unreliable(
        &mut self,
        _now: Instant,
        peer: Peer,
        command: Command,
        payload: Bytes,
    ) -> Result<(), SendError> {
        let (len, max) = (payload.len(), self.shared.config.unreliable_payload_max);
        if len > max {
            return Err(SendError::TooLarge { len, max });
        }
        let state = self
            .peers
            .tenant(&mut self.shared, peer)
            .ok_or(SendError::Forgotten)?;
        let messages = state.out.unreliable.len();
        if messages >= self.shared.config.config.unreliable_messages_peer {
            state.out.is_unreliable_waited_for = true;
            return Err(SendError::QueueFull {
                messages,
                bytes: state.out.unreliable_bytes,
            });
        }
        state.out.unreliable_bytes += len;
        state.out.unreliable.push_back((command, payload));
        state.refresh(&mut self.shared);
        Ok(())
    }

    /// Answers a request, which frees the place it held. Where answers of
    /// [`Config::queue_bytes_peer`](crate::Config::queue_bytes_peer) wait for the peer already, it is dropped and
    /// the caller told so: [`Failure::AnswerDropped`].
    ///
    /// # Errors
    ///
    /// [`RespondError::Gone`] when nobody waits any more: its place was free already.
    /// [`RespondError::TooLarge`]: the request is still open.
    pub fn respond(
        &mut self,
        _now: Instant,
        request: RequestKey,
        status: ResponseStatus,
        payload: Bytes,
    ) -> Result<(), RespondError> {
        let open = self
            .shared
            .requests
            .get(request.key)
            .is_some_and(|incoming| incoming.response.is_none());
        let state = self
            .peers
            .get_mut(request.peer)
            .filter(|_| open)
            .ok_or(RespondError::Gone)?;
        let (len, max) = (payload.len(), self.shared.config.config.message_bytes_max);
        if len > max {
            return Err(RespondError::TooLarge { len, max });
        }
        self.shared.stats.incoming -= 1;
        let (status, payload) = if state.out.has_room_for_answer(&self.shared.config, len) {
            (status, payload)
        } else {
            self.shared.stats.answers_dropped += 1;
            (ResponseStatus::AnswerDropped, Bytes::new())
        };
        state.answer(&mut self.shared, request.id, request.key, status, payload);
        state.refresh(&mut self.shared);
        Ok(())
    }

    /// The handling of `count` one-way messages ended, which frees the places they held.
    pub fn handled(&mut self, count: usize) {
        debug_assert!(
            count <= self.shared.stats.incoming,
            "no more messages end than were given out"
        );
        self.shared.stats.incoming = self.shared.stats.incoming.saturating_sub(count);
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
            state.out.calls > 0
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

    pub(crate) fn check_call(
        &self,
        now: Instant,
        command: Command,
        len: usize,
        deadline: Instant,
    ) -> Result<(), SendError> {
        let max = self.shared.payload_max(&ContentHead::OneWay { command });
        if len > max {
            return Err(SendError::TooLarge { len, max });
        }
        if deadline <= now {
            return Err(SendError::DeadlinePassed);
        }
        Ok(())
    }

    fn call(
        &mut self,
        now: Instant,
        peer: Peer,
        kind: Kind,
        payload: Bytes,
        deadline: Instant,
    ) -> Result<CallKey, SendError> {
        if let Kind::OneWay { command, .. }
        | Kind::InOrder { command, .. }
        | Kind::Request { command, .. } = kind
        {
            self.check_call(now, command, payload.len(), deadline)?;
        }
        let key = self.start_call(now, peer, kind, payload, deadline)?;
        let timer = self.shared.wheel.insert(deadline, Timer::Call(key));
        self.shared.messages.at_mut(key.index).timer = Some(timer);
        Ok(CallKey(key))
    }

    /// Queues a message that was checked.
    pub(crate) fn start_call(
        &mut self,
        now: Instant,
        peer: Peer,
        kind: Kind,
        payload: Bytes,
        deadline: Instant,
    ) -> Result<Key, SendError> {
        if deadline <= now {
            return Err(SendError::DeadlinePassed);
        }
        let state = self
            .peers
            .tenant(&mut self.shared, peer)
            .ok_or(SendError::Forgotten)?;
        let shared = &mut self.shared;
        if !state.out.has_room(&shared.config.config, payload.len()) {
            state.out.is_waited_for |= !matches!(kind, Kind::Delivery { .. });
            return Err(SendError::QueueFull {
                messages: state.out.calls,
                bytes: state.out.call_bytes,
            });
        }
        let is_whole = payload.len() <= shared.config.whole_payload_max;
        let mut message = Message::new(peer, kind, payload, deadline, is_whole);
        message.is_bound = state.is_connected || state.is_expected;
        let key = shared.insert_message(message);
        state.out.push(&mut shared.messages, key.index);
        state.refresh(shared);
        Ok(key)
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
