//! How much waits for a peer, and whether more may.

use crate::{
    config::{Checked, Config},
    error::SendError,
    limits::{ASIDE_BYTES_PEER_MAX, ASIDE_MESSAGES_PEER_MAX, WRITABLE_PART},
    message::Kind,
};

/// What has not ended of the reliable messages to a peer.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    /// Those of callers.
    pub(crate) calls: Queued,
    /// Those of the owner's own, beside them.
    pub(crate) aside: Queued,
    /// Payload bytes of responses that are not acknowledged.
    pub(crate) response_bytes: usize,
    /// Somebody met a full queue of calls.
    pub(crate) is_waited_for: bool,
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

impl Backlog {
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

    /// Whether somebody waits for the queue of calls, and it is empty enough to call it writable. Says so once.
    pub(super) const fn takes_waiting(&mut self, config: &Config) -> bool {
        let is_low = self.calls.messages <= config.queue_messages_peer / WRITABLE_PART
            && self.calls.bytes <= config.queue_bytes_peer / WRITABLE_PART;
        let takes = self.is_waited_for && is_low;
        self.is_waited_for &= !takes;
        takes
    }

    pub(super) const fn add(&mut self, kind: &Kind, bytes: usize) {
        if kind.is_response() {
            self.response_bytes += bytes;
        } else {
            let queued = self.queued(kind);
            queued.messages += 1;
            queued.bytes += bytes;
        }
    }

    pub(super) const fn remove(&mut self, kind: &Kind, bytes: usize) {
        if kind.is_response() {
            self.response_bytes -= bytes;
        } else {
            let queued = self.queued(kind);
            queued.messages -= 1;
            queued.bytes -= bytes;
        }
    }

    const fn queued(&mut self, kind: &Kind) -> &mut Queued {
        if kind.is_aside() {
            &mut self.aside
        } else {
            &mut self.calls
        }
    }
}
