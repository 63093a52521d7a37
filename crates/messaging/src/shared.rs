//! What all peers share: tables, timers, counters, and the queues of what is to be told.

use alloc::{boxed::Box, collections::VecDeque, vec, vec::Vec};

use bytes::Bytes;
use hobnob_wire::{Command, ContentHead, Instant, MessageId, Peer};

use crate::{
    config::{Checked, inner_bytes_max},
    credit::ReceiveBuffer,
    event::{Event, Failure},
    key::{Key, Keyed},
    limits::POOL_MAX,
    message::{Kind, Message, Messages},
    reassembly::{AllReassemblies, Dropped},
    sent::Carried,
    stats::Stats,
    wheel::Wheel,
};

/// Everything that is not of one peer.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Checked,
    pub(crate) commands: Commands,
    pub(crate) messages: Messages,
    pub(crate) requests: Keyed<Incoming>,
    pub(crate) wheel: Wheel<Timer>,
    pub(crate) events: VecDeque<Event>,
    /// What concerns inner commands.
    pub(crate) inner: VecDeque<Event>,
    /// Peers with something to send, each at most once.
    pub(crate) ready: VecDeque<Peer>,
    /// What other peers or fan-outs have to do about a change.
    pub(crate) work: VecDeque<Work>,
    pub(crate) stats: Stats,
    pub(crate) receive_buffer: ReceiveBuffer,
    pub(crate) reassemblies: AllReassemblies,
    /// Places that messages which wait for their turn hold.
    pub(crate) held_places: usize,
    pool: Vec<Vec<Carried>>,
}

/// Why a timer fires.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Timer {
    /// A call's deadline.
    Call(Key),
    /// A fan-out's deadline.
    FanOut(Key),
    /// The deadline of a request that came from a peer.
    Request(Key),
    /// A peer's packets are lost or need a probe.
    Peer(Peer),
    /// A peer's next datagram may go.
    Pacing(Peer),
    /// A message that comes in pieces may have been given up.
    Reassembly(Peer, MessageId),
}

/// A consequence that cannot be drawn while a peer is being changed.
#[derive(Debug)]
pub(crate) enum Work {
    /// A delivery of a fan-out ended.
    Delivered {
        fan_out: Key,
        place: u32,
        result: Result<(), Failure>,
    },
    /// There may be room for deliveries that wait for it.
    Room(Peer),
    /// A peer's unfinished message was dropped to make room for another peer's.
    Dropped(Dropped),
}

/// A request that came from a peer and is not answered, or its response not acknowledged.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) peer: Peer,
    pub(crate) id: MessageId,
    pub(crate) deadline: Instant,
    pub(crate) timer: Option<Key>,
    /// The message with the response.
    pub(crate) response: Option<Key>,
}

/// How a message ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// It was taken, or answered with this.
    Done(Bytes),
    /// It came to nothing.
    Failed(Failure),
    /// Nobody wants to know.
    Silent,
}

impl Shared {
    pub(crate) fn new(config: Checked, now: Instant) -> Self {
        let chosen = &config.config;
        Self {
            receive_buffer: ReceiveBuffer::new(chosen.receive_buffer_bytes, chosen.datagram_bytes),
            config,
            commands: Commands::new(),
            messages: Messages::new(),
            requests: Keyed::new(),
            wheel: Wheel::new(now),
            events: VecDeque::new(),
            inner: VecDeque::new(),
            ready: VecDeque::new(),
            work: VecDeque::new(),
            stats: Stats::default(),
            reassemblies: AllReassemblies::new(),
            held_places: 0,
            pool: Vec::new(),
        }
    }

    /// Tells whoever waits for a message how it ended.
    pub(crate) fn report(&mut self, kind: Kind, ending: Ending) {
        let result = match ending {
            Ending::Done(payload) => Ok(payload),
            Ending::Failed(failure) => Err(failure),
            Ending::Silent => return,
        };
        match kind {
            Kind::OneWay { command, token }
            | Kind::Aside { command, token }
            | Kind::InOrder { command, token, .. } => {
                let result = result.map(|_| ());
                self.queue(command).push_back(Event::Sent { token, result });
            }
            Kind::Request { token, .. } => self.events.push_back(Event::Answered { token, result }),
            Kind::Delivery { fan_out, place, .. } => {
                self.work.push_back(Work::Delivered {
                    fan_out,
                    place,
                    result: result.map(|_| ()),
                });
            }
            Kind::Response { .. } => {}
        }
    }

    /// Where to tell what concerns a command.
    pub(crate) fn queue(&mut self, command: Command) -> &mut VecDeque<Event> {
        if self.commands.is_inner(command) {
            &mut self.inner
        } else {
            &mut self.events
        }
    }

    /// Adds a message to the table; its peer must be told where.
    pub(crate) fn insert_message(&mut self, message: Message) -> Key {
        self.stats.messages += 1;
        self.messages.insert(message)
    }

    /// Takes a message out of the table.
    pub(crate) fn remove_message(&mut self, key: Key) -> Option<Message> {
        let message = self.messages.remove(key)?;
        self.stats.messages -= 1;
        Some(message)
    }

    /// Bytes of the largest payload after such a head.
    pub(crate) const fn payload_max(&self, head: &ContentHead) -> usize {
        let max = self.config.config.message_bytes_max;
        match head {
            ContentHead::OneWay { command } if self.commands.is_inner(*command) => {
                inner_bytes_max(max)
            }
            _ => max,
        }
    }

    /// Whether a place for another message or request is free.
    pub(crate) const fn has_place(&self) -> bool {
        self.stats.incoming < self.config.config.incoming_max
    }

    /// An empty vector that may have been used before.
    pub(crate) fn borrow_vec(&mut self) -> Vec<Carried> {
        self.pool.pop().unwrap_or_default()
    }

    /// Keeps a vector for reuse.
    pub(crate) fn return_vec(&mut self, mut carried: Vec<Carried>) {
        if self.pool.len() < POOL_MAX {
            carried.clear();
            self.pool.push(carried);
        }
    }
}

/// The commands that have a handler: a bit for each of the 65,536; and those that are the owner's own.
#[derive(Debug)]
pub(crate) struct Commands {
    words: Box<[u64]>,
    inner: u128,
}

const _: () = assert!(
    Command::FIRST_FREE.0 <= 128,
    "a bit for each reserved command"
);

impl Commands {
    fn new() -> Self {
        Self {
            words: vec![0; (1 << 16) / 64].into_boxed_slice(),
            inner: 0,
        }
    }

    pub(crate) fn insert(&mut self, command: Command) {
        self.words[usize::from(command.0) / 64] |= 1 << (command.0 % 64);
    }

    pub(crate) fn contains(&self, command: Command) -> bool {
        self.words[usize::from(command.0) / 64] & 1 << (command.0 % 64) != 0
    }

    /// Whether messages for the command are wanted, by whomever.
    pub(crate) fn knows(&self, command: Command) -> bool {
        self.contains(command) || self.is_inner(command)
    }

    pub(crate) fn insert_inner(&mut self, command: Command) {
        debug_assert!(command.is_reserved(), "inner commands are Hobnob's own");
        self.inner |= inner_bit(command);
    }

    pub(crate) const fn is_inner(&self, command: Command) -> bool {
        self.inner & inner_bit(command) != 0
    }
}

const fn inner_bit(command: Command) -> u128 {
    if command.is_reserved() {
        1 << command.0
    } else {
        0
    }
}
