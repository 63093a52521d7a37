//! The messages of one peer on their way out, and the order in which they go.

use alloc::collections::VecDeque;

use bytes::Bytes;
use hobnob_wire::{Command, Instant, MessageId};

use crate::{
    config::{Checked, Config},
    credit::Credit,
    error::SendError,
    id_map::IdMap,
    limits::{
        ASIDE_BYTES_PEER_MAX, ASIDE_MESSAGES_PEER_MAX, CANCELS_MAX, FLOOR_STEP, MESSAGE_WINDOW,
        WRITABLE_PART,
    },
    list::List,
    message::{Kind, Lane, Messages},
    sent::{Cancel, Carried, Matters, Piece},
    shared::Shared,
    streams::{InStream, Streams},
};

/// The lists, counters and queues of what goes to one peer.
#[derive(Debug)]
pub(crate) struct Outgoing {
    whole: List,
    pieces: List,
    in_flight: List,
    awaiting: List,
    /// The message in pieces that was begun and is not transmitted to its end.
    pub(crate) sending: Option<u32>,
    /// Transmitted messages that have not ended, by id.
    pub(crate) ids: IdMap,
    next_id: u64,
    pub(crate) floor: Floor,
    pub(crate) streams: Streams,
    pub(crate) credit: Credit,
    /// What has to be transmitted again. Entries of messages that ended are skipped.
    pub(crate) retransmit: VecDeque<Piece>,
    pub(crate) cancels: VecDeque<Cancel>,
    pub(crate) is_ping_due: bool,
    pub(crate) unreliable: VecDeque<(Command, Bytes)>,
    pub(crate) unreliable_bytes: usize,
    /// Those of callers.
    pub(crate) calls: Queued,
    /// Those of the owner's own, beside them.
    pub(crate) aside: Queued,
    /// Payload bytes of responses that are not acknowledged.
    pub(crate) response_bytes: usize,
    /// The last ack refused something.
    pub(crate) is_refused: bool,
    /// Somebody met a full queue of calls.
    pub(crate) is_waited_for: bool,
    /// Somebody met a full queue of unreliable messages.
    pub(crate) is_unreliable_waited_for: bool,
    /// Which source is the first to write into the next datagram.
    pub(crate) turn: usize,
}

/// Calls that have not ended.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Queued {
    pub(crate) messages: usize,
    /// Of their payloads, as far as they are not acknowledged.
    pub(crate) bytes: usize,
}

impl Queued {
    pub(crate) const fn full(self) -> SendError {
        SendError::QueueFull {
            messages: self.messages,
            bytes: self.bytes,
        }
    }
}

/// Which ids the receiver need not remember any more.
#[derive(Debug, Default)]
pub(crate) struct Floor {
    told: u64,
    acked: u64,
    /// It is worth telling as soon as it is above this id.
    wanted_above: Option<u64>,
    /// The receiver must learn of it once it is above this id: it waits for a message that will never come.
    owed_above: Option<u64>,
    /// The receiver has been silent for long, so what is owed to it waits until it is heard.
    is_put_off: bool,
}

impl Floor {
    /// The receiver holds something for the message, which ended here.
    pub(crate) fn want_above(&mut self, id: u64) {
        self.wanted_above = self.wanted_above.max(Some(id));
    }

    /// There is no other way to tell that the message will never come.
    fn owe_above(&mut self, id: u64) {
        self.want_above(id);
        self.owed_above = self.owed_above.max(Some(id));
    }

    /// Whether the receiver waits for the floor.
    pub(crate) fn is_owed(&self, floor: u64) -> bool {
        !self.is_put_off && self.owed_above.is_some_and(|id| floor > id) && self.is_due(floor)
    }

    /// The receiver was heard.
    pub(crate) const fn resume(&mut self) {
        self.is_put_off = false;
    }

    pub(crate) fn is_due(&self, floor: u64) -> bool {
        let is_wanted = self.wanted_above.is_some_and(|id| floor > id);
        floor > self.told && (is_wanted || floor - self.told >= FLOOR_STEP)
    }

    pub(crate) fn on_told(&mut self, floor: u64) {
        self.told = floor;
        if self.wanted_above.is_some_and(|id| floor > id) {
            self.wanted_above = None;
        }
    }

    fn on_acked(&mut self, floor: u64) {
        self.acked = self.acked.max(floor);
        if self.owed_above.is_some_and(|id| floor > id) {
            self.owed_above = None;
        }
    }

    pub(crate) fn on_lost(&mut self, floor: u64) {
        if floor > self.acked && floor == self.told {
            self.told = self.acked;
            self.want_above(floor - 1);
        }
    }
}

impl Outgoing {
    pub(crate) fn new() -> Self {
        Self {
            whole: List::EMPTY,
            pieces: List::EMPTY,
            in_flight: List::EMPTY,
            awaiting: List::EMPTY,
            sending: None,
            ids: IdMap::default(),
            next_id: 0,
            floor: Floor::default(),
            streams: Streams::new(),
            credit: Credit::default(),
            retransmit: VecDeque::new(),
            cancels: VecDeque::new(),
            is_ping_due: false,
            unreliable: VecDeque::new(),
            unreliable_bytes: 0,
            calls: Queued::default(),
            aside: Queued::default(),
            response_bytes: 0,
            is_refused: false,
            is_waited_for: false,
            is_unreliable_waited_for: false,
            turn: 0,
        }
    }

    /// Whether a call with so many bytes fits into the queue.
    ///
    /// An empty queue takes any message: one with a relay's head may be longer than the queue.
    pub(crate) const fn has_room(&self, config: &Config, bytes: usize) -> bool {
        self.calls.messages < config.queue_messages_peer
            && (self.calls.bytes == 0 || self.calls.bytes + bytes <= config.queue_bytes_peer)
    }

    /// Whether a message of the owner's own with so many bytes may wait.
    pub(crate) const fn has_room_aside(&self, bytes: usize) -> bool {
        self.aside.messages < ASIDE_MESSAGES_PEER_MAX
            && self.aside.bytes + bytes <= ASIDE_BYTES_PEER_MAX
    }

    /// Whether an answer of so many bytes may wait with the others. Small ones always may: they are no more than
    /// the open requests.
    pub(crate) const fn has_room_for_answer(&self, config: &Checked, bytes: usize) -> bool {
        bytes <= config.whole_payload_max
            || self.response_bytes + bytes <= config.config.queue_bytes_peer
    }

    /// Whether somebody waits for a queue that is empty enough to call it writable. Says so once.
    pub(crate) fn takes_waiting(&mut self, config: &Config) -> bool {
        let are_calls_low = self.calls.messages <= config.queue_messages_peer / WRITABLE_PART
            && self.calls.bytes <= config.queue_bytes_peer / WRITABLE_PART;
        let is_unreliable_low =
            self.unreliable.len() <= config.unreliable_messages_peer / WRITABLE_PART;
        let for_calls = self.is_waited_for && are_calls_low;
        let for_unreliable = self.is_unreliable_waited_for && is_unreliable_low;
        self.is_waited_for &= !for_calls;
        self.is_unreliable_waited_for &= !for_unreliable;
        for_calls || for_unreliable
    }

    /// Appends a new message to the lane it names, or to its stream if it must wait there.
    pub(crate) fn push(&mut self, messages: &mut Messages, index: u32) {
        let message = messages.at(index);
        let (lane, bytes) = (message.lane, message.payload.len());
        if message.kind.is_response() {
            self.response_bytes += bytes;
        } else {
            let queued = self.queued(&messages.at(index).kind);
            queued.messages += 1;
            queued.bytes += bytes;
        }
        let stream = messages.at(index).kind.stream();
        if stream.is_none_or(|name| self.streams.enter(messages, index, name)) {
            self.list(lane).push_back(messages, index);
        }
    }

    const fn queued(&mut self, kind: &Kind) -> &mut Queued {
        if kind.is_aside() {
            &mut self.aside
        } else {
            &mut self.calls
        }
    }

    /// The next message in one piece that was never transmitted.
    pub(crate) fn next_whole(&self) -> Option<u32> {
        self.whole.front()
    }

    /// The message in pieces to go on with, or to begin.
    pub(crate) fn next_in_pieces(&self) -> Option<u32> {
        self.sending.or_else(|| self.pieces.front())
    }

    pub(crate) const fn has_new(&self) -> bool {
        !self.whole.is_empty() || self.sending.is_some() || !self.pieces.is_empty()
    }

    /// Whether something small is due that no window holds back.
    pub(crate) fn has_urgent(&self) -> bool {
        self.is_ping_due || !self.cancels.is_empty() || !self.unreliable.is_empty()
    }

    /// Whether the receiver has room to remember another id.
    pub(crate) const fn has_id(&self) -> bool {
        self.next_id < self.floor.acked + MESSAGE_WINDOW
    }

    /// The id that the next message gets.
    pub(crate) const fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Makes a message ready to be the next that is transmitted for the first time.
    pub(crate) fn prepare(&self, messages: &mut Messages, index: u32, now: Instant) {
        let message = messages.at_mut(index);
        if let Some(in_stream) = &mut message.in_stream {
            self.streams.measure(in_stream, self.next_id);
        }
        message.prepare(now);
    }

    /// The message is about to be transmitted for the first time: it gets the next id.
    pub(crate) fn begin(&mut self, messages: &mut Messages, index: u32) {
        let message = messages.at_mut(index);
        message.id = MessageId::new(self.next_id).ok();
        message.is_bound = true;
        let in_stream = message.in_stream;
        self.move_to(messages, index, Lane::InFlight);
        self.ids.insert(self.next_id, index);
        if let Some(in_stream) = in_stream {
            self.streams.left_lane(in_stream, Some(self.next_id));
            self.bring_up(messages, in_stream);
        }
        self.next_id += 1;
    }

    /// The receiver has learnt of the floor.
    pub(crate) fn on_floor_acked(&mut self, floor: u64) {
        self.floor.on_acked(floor);
        self.streams.raise(self.floor.acked);
    }

    /// The request has arrived: only its answer is missing.
    pub(crate) fn await_answer(&mut self, messages: &mut Messages, index: u32) {
        self.move_to(messages, index, Lane::Awaiting);
        let message = messages.at_mut(index);
        self.calls.bytes -= message.payload.len();
        message.payload = Bytes::new();
    }

    /// Takes a message out of its list and out of the counters.
    pub(crate) fn unlink(&mut self, messages: &mut Messages, index: u32) {
        let message = messages.at(index);
        let (lane, bytes, in_stream) = (message.lane, message.payload.len(), message.in_stream);
        if message.kind.is_response() {
            self.response_bytes -= bytes;
        } else {
            let queued = self.queued(&messages.at(index).kind);
            queued.messages -= 1;
            queued.bytes -= bytes;
        }
        if let Some(id) = message.id
            && self.ids.get(id.get()) == Some(index)
        {
            self.ids.remove(id.get());
        }
        if self.sending == Some(index) {
            self.sending = None;
        }
        match in_stream.filter(|_| matches!(lane, Lane::Whole | Lane::Pieces)) {
            Some(in_stream) if in_stream.is_behind => {
                self.streams.remove_behind(messages, in_stream, index);
            }
            Some(in_stream) => {
                self.list(lane).remove(messages, index);
                self.streams.left_lane(in_stream, None);
                self.bring_up(messages, in_stream);
                self.streams.tidy(in_stream);
            }
            None => self.list(lane).remove(messages, index),
        }
    }

    /// Lets the messages of a stream into their lane that may enter it now.
    fn bring_up(&mut self, messages: &mut Messages, in_stream: InStream) {
        while let Some(index) = self.streams.next_up(messages, in_stream) {
            let lane = messages.at(index).lane;
            self.list(lane).push_back(messages, index);
        }
    }

    /// The lowest id that may still be transmitted.
    pub(crate) fn current_floor(&self, messages: &Messages) -> u64 {
        let oldest = self
            .in_flight
            .front()
            .and_then(|index| messages.at(index).id);
        oldest.map_or(self.next_id, MessageId::get)
    }

    pub(crate) fn cancel(&mut self, shared: &mut Shared, cancel: Cancel) {
        if self.cancels.len() < CANCELS_MAX {
            self.cancels.push_back(cancel);
            return;
        }
        shared.stats.cancels_skipped += 1;
        if matches!(cancel.matters, Matters::Always { .. }) {
            self.floor.owe_above(cancel.id.get());
        }
    }

    /// Nobody waits for the peer, which is silent: asks it nothing more, and puts off what is left to tell it. The
    /// floor says as much as every cancel that is left out.
    pub(crate) fn put_off(&mut self) {
        self.is_ping_due = false;
        for cancel in self.cancels.drain(..) {
            if matches!(cancel.matters, Matters::Always { .. }) {
                self.floor.owe_above(cancel.id.get());
            }
        }
        self.floor.is_put_off = true;
    }

    /// What a packet carried has to go again.
    pub(crate) fn repeat(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        packet: u64,
        carried: &Carried,
    ) {
        match carried {
            Carried::Piece(piece) => self.repeat_piece(&mut shared.messages, packet, piece),
            Carried::Cancel(cancel) if cancel.matters_at(now) => self.cancel(shared, *cancel),
            Carried::Cancel(_) => {}
            Carried::Floor(floor) => self.floor.on_lost(*floor),
            Carried::Credit(credit) => self.credit.on_lost(*credit),
            Carried::Ping => self.is_ping_due = true,
        }
    }

    fn repeat_piece(&mut self, messages: &mut Messages, packet: u64, piece: &Piece) {
        let Some(message) = messages.get_mut(piece.message) else {
            return;
        };
        if message.has_acked(piece) {
            return;
        }
        if message.is_whole {
            if message.carrier != Some(packet) {
                return;
            }
            message.carrier = None;
        }
        self.retransmit.push_back(*piece);
    }

    /// Drops the retransmissions in front that nobody waits for any more.
    pub(crate) fn drop_ended(&mut self, messages: &Messages) {
        while let Some(piece) = self.retransmit.front() {
            if messages
                .get(piece.message)
                .is_some_and(|message| !message.has_acked(piece))
            {
                return;
            }
            self.retransmit.pop_front();
        }
    }

    /// Some message of the lane.
    pub(crate) fn first(&self, lane: Lane) -> Option<u32> {
        match lane {
            Lane::Whole => self.whole.front(),
            Lane::Pieces => self.pieces.front(),
            Lane::InFlight => self.in_flight.front(),
            Lane::Awaiting => self.awaiting.front(),
        }
    }

    /// The message behind another one of the same lane.
    pub(crate) fn after(&self, messages: &Messages, index: u32) -> Option<u32> {
        List::after(messages, index)
    }

    /// The end of a session: ids start again. Messages stay where they are.
    pub(crate) fn reset(&mut self) {
        self.sending = None;
        self.ids.clear();
        self.next_id = 0;
        self.floor = Floor::default();
        self.streams.reset();
        self.credit = Credit::default();
        self.retransmit.clear();
        self.cancels.clear();
        self.is_ping_due = false;
        self.is_refused = false;
        self.unreliable.clear();
        self.unreliable_bytes = 0;
    }

    fn move_to(&mut self, messages: &mut Messages, index: u32, lane: Lane) {
        let from = core::mem::replace(&mut messages.at_mut(index).lane, lane);
        self.list(from).remove(messages, index);
        self.list(lane).push_back(messages, index);
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
