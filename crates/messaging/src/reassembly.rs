//! Messages of one peer that come in pieces.

use alloc::vec::Vec;
use core::ops::Range;

use bytes::Bytes;
use hobnob_wire::{Instant, MessageId, Peer};

use crate::{
    key::Key,
    limits::{REASSEMBLIES_PEER_MAX, REASSEMBLY_AHEAD, REASSEMBLY_IDLE, STRETCHES_MAX},
    shared::{Shared, Timer},
    stretches::Stretches,
};

/// The messages that are being put together. Room for all of a message is reserved when its first piece
/// comes, so that one which was begun can always be finished; memory is taken as the pieces come.
#[derive(Debug, Default)]
pub(crate) struct Reassemblies {
    open: Vec<Reassembly>,
    reserved: usize,
}

#[derive(Debug)]
struct Reassembly {
    id: MessageId,
    total: u32,
    came: Stretches,
    content: Content,
    timer: Key,
    last_at: Instant,
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
    /// There is no room for it now.
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

impl Reassemblies {
    pub(crate) fn contains(&self, id: MessageId) -> bool {
        self.open.iter().any(|reassembly| reassembly.id == id)
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// Bytes that the open ones reserve.
    pub(crate) fn bytes(&self) -> usize {
        self.open.iter().map(|it| it.total as usize).sum()
    }

    pub(crate) fn add(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        peer: Peer,
        arrived: &Arrived<'_>,
    ) -> Added {
        let place = match self
            .open
            .iter()
            .position(|reassembly| reassembly.id == arrived.id)
        {
            Some(place) => place,
            None if !self.has_room(shared, arrived.total) => return Added::Withheld,
            None => {
                self.reserved += arrived.total as usize;
                shared.stats.reassembly_bytes += arrived.total as usize;
                let timer = shared
                    .wheel
                    .insert(now + REASSEMBLY_IDLE, Timer::Reassembly(peer, arrived.id));
                self.open.push(Reassembly::new(now, arrived, timer));
                self.open.len() - 1
            }
        };
        self.open[place].add(now, arrived)
    }

    /// The idle timer fired. Says whether pieces stopped coming; if not, the timer is set again.
    pub(crate) fn is_idle(
        &mut self,
        shared: &mut Shared,
        now: Instant,
        peer: Peer,
        id: MessageId,
    ) -> bool {
        let Some(reassembly) = self.open.iter_mut().find(|reassembly| reassembly.id == id) else {
            return false;
        };
        let idle_at = reassembly.last_at + REASSEMBLY_IDLE;
        if now < idle_at {
            reassembly.timer = shared.wheel.insert(idle_at, Timer::Reassembly(peer, id));
        }
        now >= idle_at
    }

    pub(crate) fn remove(&mut self, shared: &mut Shared, id: MessageId) {
        if let Some(place) = self.open.iter().position(|reassembly| reassembly.id == id) {
            let reassembly = self.open.remove(place);
            self.release(shared, &reassembly);
        }
    }

    /// Drops what its sender has given up.
    pub(crate) fn raise(&mut self, shared: &mut Shared, floor: MessageId) {
        while let Some(given_up) = self.open.iter().find(|reassembly| reassembly.id < floor) {
            let id = given_up.id;
            self.remove(shared, id);
        }
    }

    pub(crate) fn clear(&mut self, shared: &mut Shared) {
        while let Some(reassembly) = self.open.pop() {
            self.release(shared, &reassembly);
        }
    }

    fn has_room(&self, shared: &Shared, total: u32) -> bool {
        let config = &shared.config.config;
        self.open.len() < REASSEMBLIES_PEER_MAX
            && self.reserved + total as usize <= config.reassembly_bytes_peer
            && shared.stats.reassembly_bytes + total as usize <= config.reassembly_bytes_node
    }

    fn release(&mut self, shared: &mut Shared, reassembly: &Reassembly) {
        self.reserved -= reassembly.total as usize;
        shared.stats.reassembly_bytes -= reassembly.total as usize;
        shared.wheel.remove(reassembly.timer);
    }
}

impl Reassembly {
    const fn new(now: Instant, first: &Arrived<'_>, timer: Key) -> Self {
        Self {
            id: first.id,
            total: first.total,
            came: Stretches::new(),
            content: Content::Growing(Vec::new()),
            timer,
            last_at: now,
        }
    }

    fn add(&mut self, now: Instant, arrived: &Arrived<'_>) -> Added {
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
        if range.end as usize > reach || self.came.count() >= STRETCHES_MAX {
            return Added::Withheld;
        }
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
