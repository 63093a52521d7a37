//! Messages that are sent once, whatever becomes of them.

use alloc::collections::VecDeque;

use bytes::Bytes;
use hobnob_wire::Command;

use crate::{config::Config, error::SendError, limits::WRITABLE_PART};

/// The unreliable messages that wait for a datagram with room.
#[derive(Debug, Default)]
pub(crate) struct Unreliable {
    queue: VecDeque<(Command, Bytes)>,
    /// Of their payloads.
    bytes: usize,
    /// Somebody met a full queue.
    is_waited_for: bool,
}

impl Unreliable {
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn push(
        &mut self,
        config: &Config,
        command: Command,
        payload: Bytes,
    ) -> Result<(), SendError> {
        if self.queue.len() >= config.unreliable_messages_peer {
            self.is_waited_for = true;
            return Err(SendError::QueueFull {
                messages: self.queue.len(),
                bytes: self.bytes,
            });
        }
        self.bytes += payload.len();
        self.queue.push_back((command, payload));
        Ok(())
    }

    pub(crate) fn front(&self) -> Option<&(Command, Bytes)> {
        self.queue.front()
    }

    pub(crate) fn pop_front(&mut self) {
        if let Some((_, payload)) = self.queue.pop_front() {
            self.bytes -= payload.len();
        }
    }

    /// Whether somebody waits for the queue, and it is empty enough to call it writable. Says so once.
    pub(super) fn takes_waiting(&mut self, config: &Config) -> bool {
        let is_low = self.queue.len() <= config.unreliable_messages_peer / WRITABLE_PART;
        let takes = self.is_waited_for && is_low;
        self.is_waited_for &= !takes;
        takes
    }

    /// Drops all of them; who waits for room goes on waiting.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.bytes = 0;
    }
}
