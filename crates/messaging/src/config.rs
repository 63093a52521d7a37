//! What an operator may choose.

use hobnob_wire::{
    ContentHead, DATA_OVERHEAD_MAX,
    limits::{
        DATAGRAM_BYTES_DEFAULT, DATAGRAM_BYTES_MAX, DATAGRAM_BYTES_MIN, INNER_BYTES_MIN,
        MESSAGE_BYTES_DEFAULT, MESSAGE_BYTES_MAX, RELAY_HEAD_BYTES_MAX, UNRELIABLE_FRAME_OVERHEAD,
    },
};
use thiserror::Error;

use crate::limits::{MESSAGE_OVERHEAD_MAX, MINIMUM_WINDOW_DATAGRAMS, RECEIVE_BUFFER_BYTES_DEFAULT};

/// Bytes of content besides a message's payload, at most: its head, and a relay's.
const CONTENT_HEADS_MAX: usize = ContentHead::BYTES_MAX + RELAY_HEAD_BYTES_MAX;

/// Bytes of the largest payload of a message of the nodes' own, where callers are allowed so much.
pub(crate) const fn inner_bytes_max(message_bytes_max: usize) -> usize {
    let relayed = message_bytes_max + RELAY_HEAD_BYTES_MAX;
    if relayed < INNER_BYTES_MIN {
        INNER_BYTES_MIN
    } else {
        relayed
    }
}

/// How messages behave. Checked once, by [`Messaging::new`](crate::Messaging::new).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Bytes of the largest datagram, header and trailer included: 1,200 to 65,000. What is larger is sent
    /// in pieces. Must be what the owner of the sockets composes: a datagram with nothing before the
    /// messages must have room for all but the header and trailer of this.
    pub datagram_bytes: usize,
    /// Largest payload of a reliable message that is sent or accepted, at least 1. A larger one may be held
    /// in memory by any peer: choose what the handlers really expect.
    pub message_bytes_max: usize,
    /// One-way messages and requests given to the application and not finished, of all peers together, at
    /// least 1. One more is refused as overloaded. Choose how many handlers may run at once. No more than half
    /// of them are for messages that wait for their turn in a stream.
    pub incoming_max: usize,
    /// Bytes reserved for messages of one peer that come in pieces. When another one finds no room, the oldest that is
    /// unfinished is dropped and refused as overloaded. At least `message_bytes_max` and the heads before it, a relay's
    /// of 32 KiB included, and what messages of the nodes' own may have; choose several times that, so that one with
    /// lost pieces is not dropped for the next. Messages that came before their turn in a stream may hold as much
    /// again; one for which there is no room is refused.
    pub reassembly_bytes_peer: usize,
    /// As `reassembly_bytes_peer`, of all peers together, and at least as much: the oldest one of any peer is
    /// dropped.
    pub reassembly_bytes_node: usize,
    /// Calls to one peer that have not ended, at least 1. One more is an error at once. Choose how many
    /// callers may wait for a peer that does not answer.
    pub queue_messages_peer: usize,
    /// Bytes of payload for one peer that are not acknowledged. A call with more is an error at once. As many
    /// again may be answers; one more is dropped and its caller told. At least `message_bytes_max`.
    pub queue_bytes_peer: usize,
    /// Unreliable messages to one peer that wait for a datagram, at least 1. One more is an error at once.
    pub unreliable_messages_peer: usize,
    /// Bytes in flight to one peer, at most, at least two datagrams. Choose the product of the path's
    /// bandwidth and round trip, and no more than the peer's socket can buffer.
    pub window_bytes_max: usize,
    /// Bytes of datagrams that this node can receive before it reads them, at least 1. The peers that send
    /// much at the moment are told to keep no more than their share of it in flight, though two datagrams
    /// always may be. Choose half of what the kernel gave the socket: the other half is for its bookkeeping.
    pub receive_buffer_bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            datagram_bytes: DATAGRAM_BYTES_DEFAULT,
            message_bytes_max: MESSAGE_BYTES_DEFAULT,
            incoming_max: 65_536,
            reassembly_bytes_peer: 64 << 20,
            reassembly_bytes_node: 256 << 20,
            queue_messages_peer: 65_536,
            queue_bytes_peer: 64 << 20,
            unreliable_messages_peer: 4_096,
            window_bytes_max: 1 << 20,
            receive_buffer_bytes: RECEIVE_BUFFER_BYTES_DEFAULT,
        }
    }
}

/// A configuration that cannot work. Nothing was created; only the author of the configuration can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The value is too small.
    #[error("{field} is {value}, but must be at least {min}")]
    TooSmall {
        /// Which field.
        field: &'static str,
        /// What it is.
        value: usize,
        /// What it must be at least.
        min: usize,
    },
    /// The value is too large.
    #[error("{field} is {value}, but must be at most {max}")]
    TooLarge {
        /// Which field.
        field: &'static str,
        /// What it is.
        value: usize,
        /// What it must be at most.
        max: usize,
    },
}

/// A configuration that was checked, with what follows from it.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) config: Config,
    /// Largest payload that is sent as one frame.
    pub(crate) whole_payload_max: usize,
    /// Largest payload of an unreliable message.
    pub(crate) unreliable_payload_max: usize,
    /// Largest content that is accepted.
    pub(crate) content_max: usize,
}

impl Config {
    pub(crate) fn check(self) -> Result<Checked, ConfigError> {
        at_least("datagram_bytes", self.datagram_bytes, DATAGRAM_BYTES_MIN)?;
        at_most("datagram_bytes", self.datagram_bytes, DATAGRAM_BYTES_MAX)?;
        at_least("message_bytes_max", self.message_bytes_max, 1)?;
        at_most(
            "message_bytes_max",
            self.message_bytes_max,
            MESSAGE_BYTES_MAX - CONTENT_HEADS_MAX,
        )?;
        let content_max = ContentHead::BYTES_MAX + inner_bytes_max(self.message_bytes_max);
        at_least("incoming_max", self.incoming_max, 1)?;
        at_least(
            "reassembly_bytes_peer",
            self.reassembly_bytes_peer,
            content_max,
        )?;
        at_least(
            "reassembly_bytes_node",
            self.reassembly_bytes_node,
            self.reassembly_bytes_peer,
        )?;
        at_least("queue_messages_peer", self.queue_messages_peer, 1)?;
        at_least(
            "queue_bytes_peer",
            self.queue_bytes_peer,
            self.message_bytes_max,
        )?;
        at_least("unreliable_messages_peer", self.unreliable_messages_peer, 1)?;
        let window_min = MINIMUM_WINDOW_DATAGRAMS * self.datagram_bytes;
        at_least("window_bytes_max", self.window_bytes_max, window_min)?;
        at_least("receive_buffer_bytes", self.receive_buffer_bytes, 1)?;
        let room = self.datagram_bytes - DATA_OVERHEAD_MAX;
        Ok(Checked {
            whole_payload_max: room - MESSAGE_OVERHEAD_MAX,
            unreliable_payload_max: room - UNRELIABLE_FRAME_OVERHEAD,
            content_max,
            config: self,
        })
    }
}

const fn at_least(field: &'static str, value: usize, min: usize) -> Result<(), ConfigError> {
    if value < min {
        Err(ConfigError::TooSmall { field, value, min })
    } else {
        Ok(())
    }
}

const fn at_most(field: &'static str, value: usize, max: usize) -> Result<(), ConfigError> {
    if value > max {
        Err(ConfigError::TooLarge { field, value, max })
    } else {
        Ok(())
    }
}
