//! Messages of streams that came before their turn.
//!
//! A message has its turn when the one it names is settled: given out, refused or skipped in its own turn, or
//! below the floor, or lost with the session. Until then it waits here, acknowledged. A message that was
//! refused or skipped waits as well, as a gap: what comes after it must not overtake what comes before it.

use bytes::Bytes;
use hobnob_wire::{Command, MessageId, RefusalReason, StreamId};

use crate::{
    event::Event,
    id_map::IdMap,
    incoming::{Packet, Verdict},
    key::Keyed,
    limits::{HELD_PLACES_PART, HELD_PLACES_PEER_PART},
    peer::PeerState,
    seen::Look,
    shared::Shared,
};

/// Where a message belongs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    pub(crate) command: Command,
    pub(crate) stream: StreamId,
    /// How far below its own id that of the message before it is, unless it is 0.
    pub(crate) distance: u16,
}

/// What waits for its turn, of one peer.
///
/// Its ids lie within [`MESSAGE_WINDOW`](crate::limits::MESSAGE_WINDOW). A message holds one of the places of
/// [`Config::incoming_max`](crate::Config::incoming_max) that are for such, and the bytes are bounded as those of
/// messages in pieces are.
#[derive(Debug)]
pub(crate) struct Held {
    table: Keyed<Early>,
    /// By the id of the message that each waits for.
    by_awaited: IdMap,
    messages: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Early {
    id: MessageId,
    awaited: u64,
    what: What,
}

#[derive(Debug)]
enum What {
    Message(Command, StreamId, Bytes),
    Gap,
}

impl What {
    const fn bytes(&self) -> usize {
        match self {
            Self::Message(_, _, payload) => payload.len(),
            Self::Gap => 0,
        }
    }

    /// Places for messages that it takes.
    const fn places(&self) -> usize {
        match self {
            Self::Message(..) => 1,
            Self::Gap => 0,
        }
    }
}

impl Held {
    pub(crate) fn new() -> Self {
        Self {
            table: Keyed::new(),
            by_awaited: IdMap::default(),
            messages: 0,
            bytes: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    fn has_room(&self, shared: &Shared, bytes: usize) -> bool {
        let config = &shared.config.config;
        let places = |part: usize| (config.incoming_max / part).max(1);
        self.messages < places(HELD_PLACES_PEER_PART)
            && shared.held_places < places(HELD_PLACES_PART)
            && self.bytes + bytes <= config.reassembly_bytes_peer
            && shared.stats.held_bytes + bytes <= config.reassembly_bytes_node
    }

    fn is_awaited(&self, id: u64) -> bool {
        self.by_awaited.get(id).is_some()
    }

    fn insert(&mut self, shared: &mut Shared, early: Early) {
        let (awaited, bytes) = (early.awaited, early.what.bytes());
        let places = early.what.places();
        let key = self.table.insert(early);
        self.by_awaited.insert(awaited, key.index);
        self.messages += places;
        self.bytes += bytes;
        shared.held_places += places;
        shared.stats.held += 1;
        shared.stats.held_bytes += bytes;
    }

    fn remove(&mut self, shared: &mut Shared, awaited: u64) -> Option<Early> {
        let index = self.by_awaited.remove(awaited)?;
        let early = self.table.remove(self.table.key_at(index))?;
        let (bytes, places) = (early.what.bytes(), early.what.places());
        self.messages -= places;
        self.bytes -= bytes;
        shared.held_places -= places;
        shared.stats.held -= 1;
        shared.stats.held_bytes -= bytes;
        Some(early)
    }

    /// The lowest id that is waited for.
    fn first(&self) -> Option<u64> {
        let index = self.by_awaited.first()?;
        Some(self.table.at(index).awaited)
    }
}

impl PeerState {
    /// Handles a message of a stream that never came before: takes it, now or for later, or refuses it.
    pub(crate) fn on_in_order(
        &mut self,
        shared: &mut Shared,
        packet: Packet<'_>,
        id: MessageId,
        turn: Turn,
        payload: Bytes,
    ) -> Verdict {
        let awaited = self.awaited(id, turn.distance);
        let refusal = if !shared.commands.contains(turn.command) {
            Some(RefusalReason::NoHandler)
        } else if awaited.is_some_and(|awaited| self.held.is_awaited(awaited)) {
            // Two messages cannot both be the next one.
            Some(RefusalReason::Malformed)
        } else if !shared.has_place()
            || awaited.is_some() && !self.held.has_room(shared, payload.len())
        {
            Some(RefusalReason::Overloaded)
        } else {
            None
        };
        if let Some(reason) = refusal {
            let verdict = self.refuse(shared, packet, id, reason);
            self.pass_in_turn(shared, id, turn.distance);
            return verdict;
        }
        shared.stats.incoming += 1;
        match awaited {
            Some(awaited) => self.hold(shared, id, awaited, turn, payload),
            None => {
                self.seen.take(id);
                self.give_out(shared, turn.command, Some(turn.stream), payload);
                self.settle(shared, id.get());
            }
        }
        Verdict::Settled
    }

    /// The sender will not send a message any more that is the next one in its stream at this distance. Unless it
    /// came, those after it go on without it, in its turn.
    pub(crate) fn on_skip(&mut self, shared: &mut Shared, id: MessageId, distance: u16) {
        self.reassemblies.remove(shared, id);
        match self.seen.look(id) {
            Look::New => self.seen.hold(id),
            Look::Refused(_) if !self.seen.is_settled(id) => {}
            _ => return,
        }
        self.pass_in_turn(shared, id, distance);
    }

    /// Lets a message pass that was refused or skipped, once those before it are settled.
    pub(crate) fn pass_in_turn(&mut self, shared: &mut Shared, id: MessageId, distance: u16) {
        match self.awaited(id, distance) {
            None => {
                self.seen.pass(id);
                self.settle(shared, id.get());
            }
            Some(awaited) if !self.held.is_awaited(awaited) => {
                let what = What::Gap;
                self.held.insert(shared, Early { id, awaited, what });
            }
            // It waits already.
            Some(_) => {}
        }
    }

    /// No message below `floor` will come any more.
    pub(crate) fn settle_below(&mut self, shared: &mut Shared, floor: u64) {
        while let Some(awaited) = self.held.first().filter(|awaited| *awaited < floor) {
            self.settle(shared, awaited);
        }
    }

    /// Gives a message to the application. It holds a place already.
    pub(crate) fn give_out(
        &self,
        shared: &mut Shared,
        command: Command,
        stream: Option<StreamId>,
        payload: Bytes,
    ) {
        shared.stats.messages_received += 1;
        shared.queue(command).push_back(Event::Message {
            peer: self.handle,
            command,
            stream,
            payload,
        });
    }

    /// A message is settled: what waited for it has its turn, and so has what waited for that.
    fn settle(&mut self, shared: &mut Shared, id: u64) {
        let mut settled = id;
        while let Some(Early { id, what, .. }) = self.held.remove(shared, settled) {
            self.seen.pass(id);
            if let What::Message(command, stream, payload) = what {
                self.give_out(shared, command, Some(stream), payload);
            }
            settled = id.get();
        }
    }

    /// The message that one at this distance must wait for, if there is one.
    fn awaited(&self, id: MessageId, distance: u16) -> Option<u64> {
        let awaited = id.get().checked_sub(distance.into())?;
        let is_settled = awaited == id.get()
            || MessageId::new(awaited).is_ok_and(|awaited| self.seen.is_settled(awaited));
        (!is_settled).then_some(awaited)
    }

    fn hold(
        &mut self,
        shared: &mut Shared,
        id: MessageId,
        awaited: u64,
        turn: Turn,
        payload: Bytes,
    ) {
        // What came in pieces has its memory for itself; the rest must not keep a whole receive buffer.
        let payload = if payload.len() > shared.config.whole_payload_max {
            payload
        } else {
            Bytes::copy_from_slice(&payload)
        };
        self.seen.hold(id);
        shared.stats.messages_held += 1;
        let what = What::Message(turn.command, turn.stream, payload);
        self.held.insert(shared, Early { id, awaited, what });
    }
}
