//! One peer: its sessions come and go, its calls end, its timer rings.

use alloc::collections::VecDeque;

use hobnob_wire::{Instant, Peer};

use crate::{
    ack_state::AckState,
    credit::Inflow,
    event::{Event, Failure},
    held::Held,
    id_map::IdMap,
    key::Key,
    message::{Kind, Lane},
    messaging::SessionChange,
    outgoing::Outgoing,
    reassembly::Reassemblies,
    recovery::Recovery,
    seen::Seen,
    sent::{Cancel, Matters},
    shared::{Ending, Shared, Timer, Work},
    streams::InStream,
};

/// Everything of one peer.
#[derive(Debug)]
pub(crate) struct PeerState {
    pub(crate) handle: Peer,
    pub(crate) is_connected: bool,
    /// Calls made without a session are meant for one particular process.
    pub(crate) is_expected: bool,
    pub(crate) out: Outgoing,
    pub(crate) recovery: Recovery,
    /// The next datagram goes whatever the congestion window says.
    pub(crate) is_probe_due: bool,
    pub(crate) acks: AckState,
    pub(crate) inflow: Inflow,
    pub(crate) seen: Seen,
    pub(crate) reassemblies: Reassemblies,
    pub(crate) held: Held,
    /// Requests of the current session without an acknowledged response, by id.
    pub(crate) requests: IdMap,
    /// Fan-out deliveries that wait for room in the queue.
    pub(crate) blocked: VecDeque<(Key, u32)>,
    pub(crate) is_room_announced: bool,
    is_ready: bool,
    timer: Alarmed,
    pacing_timer: Alarmed,
    /// As many of its streams are in the counters.
    streams_counted: usize,
}

/// A timer in the wheel, and when it is due.
type Alarmed = Option<(Key, Instant)>;

impl PeerState {
    pub(crate) fn new(shared: &Shared, handle: Peer) -> Self {
        let config = &shared.config.config;
        Self {
            handle,
            is_connected: false,
            is_expected: false,
            out: Outgoing::new(),
            recovery: Recovery::new(config.datagram_bytes, config.window_bytes_max),
            is_probe_due: false,
            acks: AckState::default(),
            inflow: Inflow::default(),
            seen: Seen::default(),
            reassemblies: Reassemblies::default(),
            held: Held::new(),
            requests: IdMap::default(),
            blocked: VecDeque::new(),
            is_room_announced: false,
            is_ready: false,
            timer: None,
            pacing_timer: None,
            streams_counted: 0,
        }
    }

    /// A session begins. What was transmitted in an earlier one never moves into it.
    pub(crate) fn connect(&mut self, shared: &mut Shared, change: SessionChange) {
        if self.is_connected {
            self.disconnect(shared);
        }
        if let Some(failure) = change.ends_others() {
            self.replaced(shared, &failure);
        }
        for lane in [Lane::InFlight, Lane::Awaiting] {
            self.end_lane(shared, lane, &Failure::SessionLost);
        }
        self.is_connected = true;
        self.is_expected = false;
    }

    /// Another process is in the place of the one that was meant: what was for that one ends.
    pub(crate) fn replaced(&mut self, shared: &mut Shared, failure: &Failure) {
        if self.is_connected {
            self.disconnect(shared);
        }
        for lane in [Lane::InFlight, Lane::Awaiting] {
            self.end_lane(shared, lane, failure);
        }
        self.end_behind(shared, failure, true);
        self.end_bound(shared, Lane::Whole, failure);
        self.end_bound(shared, Lane::Pieces, failure);
        self.is_expected = false;
    }

    /// The session is over: what came in it has nowhere to be answered to, what went in it waits to learn
    /// what became of the peer.
    pub(crate) fn disconnect(&mut self, shared: &mut Shared) {
        self.is_connected = false;
        while let Some(index) = self.requests.first() {
            let key = shared.requests.key_at(index);
            self.drop_request(shared, key);
        }
        self.reassemblies.clear(shared);
        // They were acknowledged, and what they waited for cannot come any more.
        self.settle_below(shared, u64::MAX);
        shared.stats.unreliable_dropped += self.out.unreliable.len() as u64;
        self.out.reset();
        self.forget_packets(shared);
        let config = &shared.config.config;
        self.recovery
            .reset(config.datagram_bytes, config.window_bytes_max);
        self.is_probe_due = false;
        self.acks.reset();
        self.seen = Seen::default();
    }

    /// The peer is gone: so is all that was for it or from it.
    pub(crate) fn down(&mut self, shared: &mut Shared) {
        self.disconnect(shared);
        self.end_behind(shared, &Failure::PeerDown, false);
        for lane in [Lane::InFlight, Lane::Awaiting, Lane::Pieces, Lane::Whole] {
            self.end_lane(shared, lane, &Failure::PeerDown);
        }
        for (fan_out, place) in self.blocked.drain(..) {
            shared.work.push_back(Work::Delivered {
                fan_out,
                place,
                result: Err(Failure::PeerDown),
            });
        }
    }

    /// Ends a message that nobody waits for any more, and tells the far side if it holds something for it.
    pub(crate) fn abandon(
        &mut self,
        shared: &mut Shared,
        until: Instant,
        index: u32,
        ending: Ending,
    ) {
        let message = shared.messages.at(index);
        let is_held = message.kind.is_request() || !message.is_whole || message.in_stream.is_some();
        let matters = match message.in_stream {
            Some(InStream { distance, .. }) => Matters::Always { distance },
            None => Matters::Until(until),
        };
        if let Some(id) = message.id.filter(|_| self.is_connected && is_held) {
            self.out.cancel(shared, Cancel { id, matters });
            self.out.floor.want_above(id.get());
        }
        self.end(shared, index, ending);
    }

    /// Ends a message: takes it out of everything that knows it and tells whoever waits.
    pub(crate) fn end(&mut self, shared: &mut Shared, index: u32, ending: Ending) {
        let key = shared.messages.key_at(index);
        self.out.unlink(&mut shared.messages, index);
        let Some(message) = shared.remove_message(key) else {
            return;
        };
        if let Some(timer) = message.timer {
            shared.wheel.remove(timer);
        }
        if let Kind::Response {
            request, incoming, ..
        } = message.kind
        {
            self.close_request(shared, request, incoming);
        }
        shared.report(message.kind, ending);
        self.announce_room(shared);
    }

    fn end_lane(&mut self, shared: &mut Shared, lane: Lane, failure: &Failure) {
        while let Some(index) = self.out.first(lane) {
            self.end(shared, index, Ending::Failed(failure.clone()));
        }
    }

    fn end_bound(&mut self, shared: &mut Shared, lane: Lane, failure: &Failure) {
        let mut next = self.out.first(lane);
        while let Some(index) = next {
            next = self.out.after(&shared.messages, index);
            if shared.messages.at(index).is_bound {
                self.end(shared, index, Ending::Failed(failure.clone()));
            }
        }
    }

    /// Ends the messages that wait for others of their stream. Comes before the end of those others, which
    /// would let them into their lanes.
    fn end_behind(&mut self, shared: &mut Shared, failure: &Failure, only_bound: bool) {
        for index in self.out.streams.behind(&shared.messages) {
            if shared.messages.at(index).is_bound || !only_bound {
                self.end(shared, index, Ending::Failed(failure.clone()));
            }
        }
    }

    /// Something left the queue: whoever waits for room may have it now.
    pub(crate) fn announce_room(&mut self, shared: &mut Shared) {
        self.announce_writable(shared);
        if !self.blocked.is_empty() && !self.is_room_announced {
            self.is_room_announced = true;
            shared.work.push_back(Work::Room(self.handle));
        }
    }

    /// Tells the senders that met a full queue, once there is room.
    pub(crate) fn announce_writable(&mut self, shared: &mut Shared) {
        if self.out.takes_waiting(&shared.config.config) {
            shared
                .events
                .push_back(Event::Writable { peer: self.handle });
        }
    }

    /// Brings timers and ready ring up to date after a change.
    pub(crate) fn refresh(&mut self, shared: &mut Shared) {
        let alarm = self.recovery.alarm().map(|(at, _)| at);
        set(&mut self.timer, shared, alarm, Timer::Peer(self.handle));
        let resume = self
            .recovery
            .pacer
            .resume_at()
            .filter(|_| self.is_connected && self.recovery.has_window() && self.has_messages());
        let timer = Timer::Pacing(self.handle);
        set(&mut self.pacing_timer, shared, resume, timer);
        if !self.is_ready && self.has_something_to_send(shared) {
            self.is_ready = true;
            shared.ready.push_back(self.handle);
        }
        self.count_streams(shared);
    }

    pub(crate) fn count_streams(&mut self, shared: &mut Shared) {
        let streams = self.out.streams.len();
        shared.stats.streams = shared.stats.streams + streams - self.streams_counted;
        self.streams_counted = streams;
    }

    /// The ready ring gave the peer out.
    pub(crate) fn leave_ready_ring(&mut self) {
        self.is_ready = false;
    }

    /// The peer's timer fired; it is not in the wheel any more.
    pub(crate) fn timer_fired(&mut self) {
        self.timer = None;
    }

    /// The next datagram may go.
    pub(crate) fn on_pacing_timer(&mut self, now: Instant) {
        self.pacing_timer = None;
        self.recovery.pacer.wake(now);
    }

    pub(crate) fn stop_timers(&mut self, shared: &mut Shared) {
        set(&mut self.timer, shared, None, Timer::Peer(self.handle));
        let pacing = Timer::Pacing(self.handle);
        set(&mut self.pacing_timer, shared, None, pacing);
    }

    /// Whether a datagram with all its room would be written into now.
    pub(crate) fn has_something_to_send(&self, shared: &Shared) -> bool {
        if !self.is_connected {
            return false;
        }
        let is_allowed = self.recovery.is_open();
        self.acks.is_due()
            || self.out.has_urgent()
            || (is_allowed || self.is_probe_due) && !self.out.retransmit.is_empty()
            || is_allowed && self.out.has_new() && self.out.has_id()
            || self.must_tell_floor(shared)
    }

    /// Whether there are messages that the window and pacing hold back.
    fn has_messages(&self) -> bool {
        !self.out.retransmit.is_empty() || self.out.has_new() && self.out.has_id()
    }

    /// Whether the receiver must learn the floor before anything new can go, or before it can go on.
    pub(crate) fn must_tell_floor(&self, shared: &Shared) -> bool {
        let floor = self.out.current_floor(&shared.messages);
        let is_stuck = self.out.has_new() && !self.out.has_id();
        self.out.floor.is_owed(floor) || is_stuck && self.out.floor.is_due(floor)
    }
}

/// Moves a timer to another time, or takes it off.
fn set(alarmed: &mut Alarmed, shared: &mut Shared, at: Option<Instant>, timer: Timer) {
    if at == alarmed.map(|(_, at)| at) {
        return;
    }
    if let Some((key, _)) = alarmed.take() {
        shared.wheel.remove(key);
    }
    *alarmed = at.map(|at| (shared.wheel.insert(at, timer), at));
}
