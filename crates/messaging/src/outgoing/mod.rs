//! The messages of one peer on their way out, and the order in which they go.

mod backlog;
mod floor;
mod lanes;
mod repeat;
mod unreliable;

use alloc::collections::VecDeque;

use bytes::Bytes;
use hobnob_wire::{Instant, MessageId};

use self::{backlog::Backlog, floor::Floor, lanes::Lanes, unreliable::Unreliable};
use crate::{
    config::Config,
    credit::Credit,
    id_map::IdMap,
    limits::MESSAGE_WINDOW,
    list::List,
    message::{Lane, Messages},
    sent::{Cancel, Piece},
    streams::{InStream, Streams},
};

/// The lists, counters and queues of what goes to one peer.
#[derive(Debug)]
pub(crate) struct Outgoing {
    lanes: Lanes,
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
    pub(crate) unreliable: Unreliable,
    pub(crate) backlog: Backlog,
    /// The last ack refused something.
    pub(crate) is_refused: bool,
    /// Which source is the first to write into the next datagram.
    pub(crate) turn: usize,
}

impl Outgoing {
    pub(crate) fn new() -> Self {
        Self {
            lanes: Lanes::EMPTY,
            sending: None,
            ids: IdMap::default(),
            next_id: 0,
            floor: Floor::default(),
            streams: Streams::new(),
            credit: Credit::default(),
            retransmit: VecDeque::new(),
            cancels: VecDeque::new(),
            is_ping_due: false,
            unreliable: Unreliable::default(),
            backlog: Backlog::default(),
            is_refused: false,
            turn: 0,
        }
    }

    /// Whether somebody waits for a queue that is empty enough to call it writable. Says so once.
    pub(crate) fn takes_waiting(&mut self, config: &Config) -> bool {
        let for_calls = self.backlog.takes_waiting(config);
        let for_unreliable = self.unreliable.takes_waiting(config);
        for_calls || for_unreliable
    }

    /// Appends a new message to the lane it names, or to its stream if it must wait there.
    pub(crate) fn push(&mut self, messages: &mut Messages, index: u32) {
        let message = messages.at(index);
        self.backlog.add(&message.kind, message.payload.len());
        let stream = message.kind.stream();
        if stream.is_none_or(|name| self.streams.enter(messages, index, name)) {
            self.lanes.push_back(messages, index);
        }
    }

    /// The next message in one piece that was never transmitted.
    pub(crate) fn next_whole(&self) -> Option<u32> {
        self.lanes.first(Lane::Whole)
    }

    /// The message in pieces to go on with, or to begin.
    pub(crate) fn next_in_pieces(&self) -> Option<u32> {
        self.sending.or_else(|| self.lanes.first(Lane::Pieces))
    }

    pub(crate) const fn has_new(&self) -> bool {
        self.sending.is_some() || self.lanes.has_new()
    }

    /// Whether something small is due that no window holds back.
    pub(crate) fn has_urgent(&self) -> bool {
        self.is_ping_due || !self.cancels.is_empty() || !self.unreliable.is_empty()
    }

    /// Whether the receiver has room to remember another id.
    pub(crate) const fn has_id(&self) -> bool {
        self.next_id < self.floor.acked() + MESSAGE_WINDOW
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
        self.lanes.move_to(messages, index, Lane::InFlight);
        self.ids.insert(self.next_id, index);
        if let Some(in_stream) = in_stream {
            self.streams.left_lane(in_stream, Some(self.next_id));
            self.bring_up(messages, in_stream);
        }
        self.next_id += 1;
    }

    /// The request has arrived: only its answer is missing.
    pub(crate) fn await_answer(&mut self, messages: &mut Messages, index: u32) {
        self.lanes.move_to(messages, index, Lane::Awaiting);
        let message = messages.at_mut(index);
        self.backlog.calls.bytes -= message.payload.len();
        message.payload = Bytes::new();
    }

    /// Takes a message out of its list and out of the counters.
    pub(crate) fn unlink(&mut self, messages: &mut Messages, index: u32) {
        let message = messages.at(index);
        let (lane, in_stream) = (message.lane, message.in_stream);
        self.backlog.remove(&message.kind, message.payload.len());
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
                self.lanes.remove(messages, index);
                self.streams.left_lane(in_stream, None);
                self.bring_up(messages, in_stream);
                self.streams.tidy(in_stream);
            }
            None => self.lanes.remove(messages, index),
        }
    }

    /// Some message of the lane.
    pub(crate) fn first(&self, lane: Lane) -> Option<u32> {
        self.lanes.first(lane)
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
    }

    /// Lets the messages of a stream into their lane that may enter it now.
    fn bring_up(&mut self, messages: &mut Messages, in_stream: InStream) {
        while let Some(index) = self.streams.next_up(messages, in_stream) {
            self.lanes.push_back(messages, index);
        }
    }
}
