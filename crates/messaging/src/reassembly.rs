//! Messages that come in pieces.
//!
//! Room for all of a message is reserved when its first piece comes, so that what is reserved never exceeds
//! the limits; memory is taken as the pieces come. A message that finds no room gets that of the one that was
//! begun first, which is dropped and refused: whoever sends much can lose what he does not finish, but a
//! message that was given up half sent never keeps out others.

use alloc::{collections::BTreeMap, vec::Vec};
use core::ops::Range;

use bytes::Bytes;
use hobnob_wire::{Content as MessageContent, ContentHead, Instant, MessageId, Peer};

use crate::{
    key::{Key, Keyed},
    limits::{
        GAP_BYTES_PAID, REASSEMBLIES_PEER_MAX, REASSEMBLY_AHEAD, REASSEMBLY_IDLE, STRETCHES_MAX,
    },
    list::{Linked, Links, List},
    shared::{Shared, Timer},
    stretches::Stretches,
};

/// The messages of all peers, in the order in which they were begun.
#[derive(Debug)]
pub(crate) struct AllReassemblies {
    table: Keyed<Reassembly>,
    order: List,
}

/// The messages of one peer.
#[derive(Debug, Default)]
pub(crate) struct Reassemblies {
    open: BTreeMap<MessageId, Key>,
    reserved: usize,
    /// Bytes filled in between pieces, less what those that came have paid for.
    unpaid: usize,
}

#[derive(Debug)]
struct Reassembly {
    peer: Peer,
    id: MessageId,
    total: u32,
    came: Stretches,
    content: Content,
    timer: Key,
    last_at: Instant,
    links: Links,
}

/// A message that was dropped unfinished.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dropped {
    pub(crate) peer: Peer,
    pub(crate) id: MessageId,
    total: u32,
    /// The request of this node that it was to answer, if the beginning came, which says so.
    pub(crate) answers: Option<MessageId>,
}

#[derive(Debug)]
enum Content {
    Growing(Vec<u8>),
    Complete(Bytes),
}

/// A piece of a message, as it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived<'a> {
    pub(crate) id: MessageId,
    pub(crate) total: u32,
    pub(crate) offset: u32,
    pub(crate) piece: &'a [u8],
}

impl Arrived<'_> {
    fn range(&self) -> Option<Range<u32>> {
        let len = u32::try_from(self.piece.len()).ok()?;
        let end = self
            .offset
            .checked_add(len)
            .filter(|end| *end <= self.total)?;
        Some(self.offset..end)
    }
}

/// What became of a piece.
#[derive(Debug)]
pub(crate) enum Added {
    /// It is too far ahead of what came, or there are too many gaps, or too long ones.
    Withheld,
    /// It contradicts an earlier one.
    Contradiction,
    /// It was known already.
    Known,
    /// It was taken; others are missing.
    Taken,
    /// Nothing is missing. The message stays until [`Reassemblies::remove`].
    Complete(Bytes),
}

impl AllReassemblies {
    pub(crate) const fn new() -> Self {
        Self {
            table: Keyed::new(),
            order: List::EMPTY,
        }
    }
}

impl Reassemblies {
    pub(crate) fn contains(&self, id: MessageId) -> bool {
        self.open.contains_key(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// Bytes that the open ones reserve.
    pub(crate) const fn bytes(&self) -> usize {
        self.reserved
    }

    /// Takes the room of the message that was begun first away from it, if one of `total` bytes finds none:
    /// that of this peer for this peer's limits, that of any peer for the node's. Ask until there is none to
    /// drop. If it is another peer's, [`Reassemblies::on_dropped`] of that one must follow.
    pub(crate) fn drop_for(&self, shared: &mut Shared, total: u32) -> Option<Dropped> {
        let config = &shared.config.config;
        let total = total as usize;
        let key = if self.open.len() >= REASSEMBLIES_PEER_MAX
            || self.reserved + total > config.reassembly_bytes_peer
        {
            *self.open.values().next()?
        } else if shared.stats.reassembly_bytes + total > config.reassembly_bytes_node {
            let all = &shared.reassemblies;
            all.table.key_at(all.order.front()?)
        } else {
            return None;
        };
        shared.stats.reassemblies_dropped += 1;
        release(shared, key)
    }

    /// Forgets a message whose room was taken away.
    pub(crate) fn on_dropped(&mut self, dropped: &Dropped) {
        if self.open.remove(&dropped.id).is_some() {
            self.reserved -= dropped.total as usize;
        }
    }

    /// Adds a piece. There must be room for its message.
    pub(crate) fn add(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        peer: Peer,
        arrived: &Arrived<'_>,
    ) -> Added {
        let key = match self.open.get(&arrived.id) {
            Some(key) => *key,
            None => self.open(shared, now, peer, arrived),
        };
        let reassembly = shared.reassemblies.table.get_mut(key);
        debug_assert!(reassembly.is_some(), "what is open is in the table");
        let unpaid = &mut self.unpaid;
        reassembly.map_or(Added::Withheld, |reassembly| {
            reassembly.add(now, arrived, unpaid)
        })
    }

    /// The idle timer fired. If pieces stopped coming, the message is dropped; if not, the timer is set again.
    pub(crate) fn drop_idle(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        id: MessageId,
    ) -> Option<Dropped> {
        let key = *self.open.get(&id)?;
        let reassembly = shared.reassemblies.table.get_mut(key)?;
        let idle_at = reassembly.last_at + REASSEMBLY_IDLE;
        if now < idle_at {
            let timer = Timer::Reassembly(reassembly.peer, id);
            reassembly.timer = shared.wheel.insert(idle_at, timer);
            return None;
        }
        shared.stats.reassemblies_dropped += 1;
        release(shared, key)
    }

    pub(crate) fn remove(&mut self, shared: &mut Shared, id: MessageId) {
        if let Some(dropped) = self.open.get(&id).and_then(|key| release(shared, *key)) {
            self.on_dropped(&dropped);
        }
    }

    /// Drops what its sender has given up.
    pub(crate) fn raise(&mut self, shared: &mut Shared, floor: MessageId) {
        while let Some(id) = self.open.keys().next().copied().filter(|id| *id < floor) {
            self.remove(shared, id);
        }
    }

    pub(crate) fn clear(&mut self, shared: &mut Shared) {
        while let Some(id) = self.open.keys().next().copied() {
            self.remove(shared, id);
        }
    }

    fn open(&mut self, shared: &mut Shared, now: Instant, peer: Peer, first: &Arrived<'_>) -> Key {
        self.reserved += first.total as usize;
        shared.stats.reassembly_bytes += first.total as usize;
        let timer = Timer::Reassembly(peer, first.id);
        let timer = shared.wheel.insert(now + REASSEMBLY_IDLE, timer);
        let all = &mut shared.reassemblies;
        let key = all.table.insert(Reassembly {
            peer,
            id: first.id,
            total: first.total,
            came: Stretches::new(),
            content: Content::Growing(Vec::new()),
            timer,
            last_at: now,
            links: Links::default(),
        });
        all.order.push_back(&mut all.table, key.index);
        self.open.insert(first.id, key);
        key
    }
}

/// Frees the memory of a message and what was reserved of the node's for it.
fn release(shared: &mut Shared, key: Key) -> Option<Dropped> {
    let all = &mut shared.reassemblies;
    all.table.get(key)?;
    all.order.remove(&mut all.table, key.index);
    let reassembly = all.table.remove(key)?;
    shared.stats.reassembly_bytes -= reassembly.total as usize;
    shared.wheel.remove(reassembly.timer);
    Some(Dropped {
        peer: reassembly.peer,
        id: reassembly.id,
        total: reassembly.total,
        answers: reassembly.answers(),
    })
}

impl Reassembly {
    fn add(&mut self, now: Instant, arrived: &Arrived<'_>, unpaid: &mut usize) -> Added {
        let buffer = match &mut self.content {
            Content::Complete(content) => return Added::Complete(content.clone()),
            Content::Growing(buffer) => buffer,
        };
        let Some(range) = arrived.range().filter(|_| arrived.total == self.total) else {
            return Added::Contradiction;
        };
        if self.came.contains(&range) {
            return Added::Known;
        }
        let reach = REASSEMBLY_AHEAD + 2 * self.came.bytes() as usize;
        let filled = *unpaid + (range.start as usize).saturating_sub(buffer.len());
        if range.end as usize > reach
            || self.came.count() >= STRETCHES_MAX
            || filled > REASSEMBLY_AHEAD
        {
            return Added::Withheld;
        }
        *unpaid = filled.saturating_sub(GAP_BYTES_PAID * arrived.piece.len());
        put(
            buffer,
            self.total as usize,
            range.start as usize,
            arrived.piece,
        );
        self.came.insert(range);
        self.last_at = now;
        if self.came.bytes() < self.total {
            return Added::Taken;
        }
        let content = Bytes::from(core::mem::take(buffer));
        self.content = Content::Complete(content.clone());
        Added::Complete(content)
    }

    fn answers(&self) -> Option<MessageId> {
        let beginning = match &self.content {
            Content::Growing(buffer) if self.came.contains(&(0..1)) => &buffer[..],
            Content::Growing(_) => return None,
            Content::Complete(content) => &content[..],
        };
        match MessageContent::decode(beginning).ok()?.head {
            ContentHead::Response { request, .. } => Some(request),
            _ => None,
        }
    }
}

impl Linked for Reassembly {
    fn links(&self) -> &Links {
        &self.links
    }

    fn links_mut(&mut self) -> &mut Links {
        &mut self.links
    }
}

/// Writes `piece` at `offset`; grows the buffer by doubling, but never past `total`.
fn put(buffer: &mut Vec<u8>, total: usize, offset: usize, piece: &[u8]) {
    let end = offset + piece.len();
    if end > buffer.capacity() {
        let capacity = end.max(2 * buffer.capacity()).min(total);
        buffer.reserve_exact(capacity - buffer.len());
    }
    if offset == buffer.len() {
        buffer.extend_from_slice(piece);
        return;
    }
    if end > buffer.len() {
        buffer.resize(end, 0);
    }
    buffer[offset..end].copy_from_slice(piece);
}
