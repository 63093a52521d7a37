//! The streams to one peer: messages that keep their order.
//!
//! Ids say the order: the messages of a stream get theirs in the order of sending, and each names the one
//! before it. Messages of one size class wait in one lane, which keeps their order; where the size class
//! changes, those behind wait until the ones before have their ids. So a stream fills datagrams as any other
//! messages do, and a large message holds up nothing but what comes after it in its own stream.

use alloc::{collections::BTreeMap, vec::Vec};

use hobnob_wire::StreamId;

use crate::{
    key::Keyed,
    list::{Linked, Links, List},
    message::{Lane, Messages},
};

/// A message's place in its stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InStream {
    /// Which stream: valid until the message has an id.
    place: u32,
    /// How far below its own id that of the message before it is; 0 if there is none to wait for.
    pub(crate) distance: u16,
    /// It waits until others have left another lane.
    pub(crate) is_behind: bool,
}

/// The streams with messages that have no id yet, or whose last id the receiver may still have to remember.
///
/// So there are as many, at most, as messages may wait, and [`MESSAGE_WINDOW`](crate::limits::MESSAGE_WINDOW)
/// more. Finding one by its name takes the logarithm of that, every other step is O(1).
#[derive(Debug)]
pub(crate) struct Streams {
    by_name: BTreeMap<StreamId, u32>,
    table: Keyed<Stream>,
    /// Those with a last id, from the lowest on.
    recent: List,
}

#[derive(Debug)]
struct Stream {
    name: StreamId,
    /// The id of its last message in the current session, unless the receiver is done with that one for sure.
    last: Option<u64>,
    /// Messages in a lane, without an id.
    queued: usize,
    /// The lane they are in.
    lane: Lane,
    /// Messages behind those.
    behind: List,
    links: Links,
}

impl Streams {
    pub(crate) const fn new() -> Self {
        Self {
            by_name: BTreeMap::new(),
            table: Keyed::new(),
            recent: List::EMPTY,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Puts a new message into its stream. Says whether it may enter its lane; otherwise it waits here.
    pub(crate) fn enter(&mut self, messages: &mut Messages, index: u32, name: StreamId) -> bool {
        let place = self.find(name);
        let stream = self.table.at_mut(place);
        let message = messages.at_mut(index);
        let may_enter =
            stream.queued == 0 || stream.lane == message.lane && stream.behind.is_empty();
        message.in_stream = Some(InStream {
            place,
            distance: 0,
            is_behind: !may_enter,
        });
        if may_enter {
            stream.lane = message.lane;
            stream.queued += 1;
        } else {
            stream.behind.push_back(messages, index);
        }
        may_enter
    }

    /// Names the message before the one that gets the id `id` next.
    pub(crate) fn measure(&self, in_stream: &mut InStream, id: u64) {
        let last = self.table.at(in_stream.place).last;
        let distance = last.map_or(0, |last| id - last);
        debug_assert!(
            distance <= u64::from(u16::MAX),
            "ids in flight lie within the window"
        );
        in_stream.distance = u16::try_from(distance).unwrap_or_default();
    }

    /// A message has left its lane, because it has an id now or came to nothing.
    pub(crate) fn left_lane(&mut self, in_stream: InStream, id: Option<u64>) {
        let stream = self.table.at_mut(in_stream.place);
        stream.queued -= 1;
        if id.is_none() {
            return;
        }
        if core::mem::replace(&mut stream.last, id).is_some() {
            self.recent.remove(&mut self.table, in_stream.place);
        }
        self.recent.push_back(&mut self.table, in_stream.place);
    }

    /// The next message behind that may enter its lane now, which it is to be put into.
    pub(crate) fn next_up(&mut self, messages: &mut Messages, in_stream: InStream) -> Option<u32> {
        let stream = self.table.at_mut(in_stream.place);
        let index = stream.behind.front()?;
        let lane = messages.at(index).lane;
        if stream.queued > 0 && stream.lane != lane {
            return None;
        }
        stream.behind.remove(messages, index);
        stream.lane = lane;
        stream.queued += 1;
        if let Some(in_stream) = &mut messages.at_mut(index).in_stream {
            in_stream.is_behind = false;
        }
        Some(index)
    }

    /// Takes a message out that came to nothing before it entered its lane.
    pub(crate) fn remove_behind(
        &mut self,
        messages: &mut Messages,
        in_stream: InStream,
        index: u32,
    ) {
        let stream = self.table.at_mut(in_stream.place);
        stream.behind.remove(messages, index);
    }

    /// Forgets the stream if there is nothing left to remember of it.
    pub(crate) fn tidy(&mut self, in_stream: InStream) {
        self.forget_if_idle(in_stream.place);
    }

    /// The receiver is done with all messages below `floor`, and knows it.
    pub(crate) fn raise(&mut self, floor: u64) {
        while let Some(place) = self.recent.front() {
            if self.table.at(place).last.is_some_and(|last| last >= floor) {
                return;
            }
            self.forget_last(place);
        }
    }

    /// The end of a session: ids start again. Messages without one stay where they are.
    pub(crate) fn reset(&mut self) {
        while let Some(place) = self.recent.front() {
            self.forget_last(place);
        }
    }

    /// All messages behind others, those of one stream in their order.
    pub(crate) fn behind(&self, messages: &Messages) -> Vec<u32> {
        let mut all = Vec::new();
        for place in self.by_name.values() {
            let mut next = self.table.at(*place).behind.front();
            while let Some(index) = next {
                all.push(index);
                next = List::after(messages, index);
            }
        }
        all
    }

    fn find(&mut self, name: StreamId) -> u32 {
        if let Some(place) = self.by_name.get(&name) {
            return *place;
        }
        let stream = Stream {
            name,
            last: None,
            queued: 0,
            lane: Lane::Whole,
            behind: List::EMPTY,
            links: Links::default(),
        };
        let place = self.table.insert(stream).index;
        self.by_name.insert(name, place);
        place
    }

    fn forget_last(&mut self, place: u32) {
        self.recent.remove(&mut self.table, place);
        self.table.at_mut(place).last = None;
        self.forget_if_idle(place);
    }

    fn forget_if_idle(&mut self, place: u32) {
        let stream = self.table.at(place);
        if stream.last.is_some() || stream.queued > 0 || !stream.behind.is_empty() {
            return;
        }
        self.by_name.remove(&stream.name);
        let key = self.table.key_at(place);
        self.table.remove(key);
    }
}

impl Linked for Stream {
    fn links(&self) -> &Links {
        &self.links
    }

    fn links_mut(&mut self) -> &mut Links {
        &mut self.links
    }
}
