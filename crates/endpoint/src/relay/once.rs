//! Unreliable messages down a tree: no memory, no reports, no second try.

use alloc::{collections::BTreeSet, vec, vec::Vec};
use core::{net::SocketAddr, num::NonZeroUsize};

use bytes::Bytes;
use hobnob_messaging::SendError;
use hobnob_wire::{
    Command, Instant, RelayOnce, RelayTarget, Writer,
    limits::{RELAY_PLACES_MAX, RELAY_TARGETS_MAX},
};

use crate::{
    calling::Target,
    endpoint::Endpoint,
    event::{CallError, Event},
};

/// Bytes of a message's head without targets, at most: an IPv6 origin, limit, command, and how many.
const HEAD_BYTES_MAX: usize = 1 + 16 + 2 + 4 + 2 + 2;

/// Bytes of one target: flags, port, generation, address, and how far its place is from the last one's.
/// Places are numbered anew in each message, so that they are next to each other.
const fn target_bytes(addr: SocketAddr) -> usize {
    1 + 2 + 8 + 1 + if addr.is_ipv4() { 4 } else { 16 }
}

/// A message on its way down.
struct Spread<'a> {
    once: RelayOnce,
    payload: &'a [u8],
    /// This node only passes it on: to members, and to whom it talks.
    is_relay: bool,
    /// Targets that fit into one datagram beside the payload.
    capacity: usize,
}

impl Endpoint {
    /// Hands a message that is sent once to the next datagrams for a few of its targets, which pass it on: each
    /// serves up to `limit` others, or more where their names do not fit into one datagram beside the payload.
    /// Where not even one does, it goes to all targets from here. Says what is known at once of each.
    ///
    /// # Errors
    ///
    /// [`CallError::Reserved`] for Hobnob's own commands; nothing was sent.
    pub fn relay_once(
        &mut self,
        now: Instant,
        targets: &[Target],
        command: Command,
        payload: &Bytes,
        limit: NonZeroUsize,
    ) -> Result<Vec<Result<(), CallError>>, CallError> {
        Self::check_command(command)?;
        let mut results = vec![Ok(()); targets.len()];
        let targets: Vec<RelayTarget> = targets
            .iter()
            .zip(0..RELAY_PLACES_MAX)
            .map(|(target, place)| RelayTarget {
                place,
                addr: target.addr,
                generation: target.generation,
            })
            .collect();
        let once = RelayOnce {
            origin: self.addr,
            limit: u32::try_from(limit.get()).unwrap_or(u32::MAX),
            command,
        };
        match self.capacity(&targets, payload.len()) {
            Some(capacity) => {
                let spread = Spread {
                    once,
                    payload,
                    is_relay: false,
                    capacity,
                };
                self.spread(now, &spread, &targets, &mut results);
            }
            None => {
                for (target, result) in targets.iter().zip(&mut results) {
                    *result = if target.addr == self.addr {
                        self.take_plainly(&once, payload)
                    } else {
                        self.send_plainly(now, target, command, payload)
                    };
                }
            }
        }
        Ok(results)
    }

    /// A message came that is to be passed on.
    pub(super) fn on_once(&mut self, now: Instant, body: &Bytes) {
        let Ok((once, targets, payload)) = RelayOnce::decode(body) else {
            self.relays.stats.malformed += 1;
            return;
        };
        self.take_once(&once, &body.slice_ref(payload));
        let mut named = BTreeSet::new();
        let targets: Vec<RelayTarget> = targets.filter(|it| named.insert(it.addr)).collect();
        let spread = Spread {
            once,
            payload,
            is_relay: true,
            capacity: self.capacity(&targets, payload.len()).unwrap_or(0),
        };
        let mut results = vec![Ok(()); targets.len()];
        self.spread(now, &spread, &targets, &mut results);
    }

    fn take_once(&mut self, once: &RelayOnce, payload: &Bytes) {
        if self.messaging.is_registered(once.command) && self.messaging.has_place() {
            self.events.push_back(Event::Relayed {
                origin: once.origin,
                command: once.command,
                payload: payload.clone(),
                is_reliable: false,
            });
        }
    }

    /// The same for this node itself, which gets no more than others would.
    fn take_plainly(&mut self, once: &RelayOnce, payload: &Bytes) -> Result<(), CallError> {
        let (len, max) = (payload.len(), self.messaging.unreliable_payload_max());
        if len > max {
            return Err(SendError::TooLarge { len, max }.into());
        }
        self.take_once(once, payload);
        Ok(())
    }

    /// How many targets fit into a datagram beside the payload; `None` when it does not fit itself.
    fn capacity(&self, targets: &[RelayTarget], payload: usize) -> Option<usize> {
        let head = HEAD_BYTES_MAX + payload;
        let room = self.messaging.unreliable_payload_max().checked_sub(head)?;
        let sizes = targets.iter().map(|target| target_bytes(target.addr));
        let largest = sizes.max().unwrap_or(1);
        Some((room / largest).min(RELAY_TARGETS_MAX))
    }

    fn spread(
        &mut self,
        now: Instant,
        spread: &Spread<'_>,
        targets: &[RelayTarget],
        results: &mut [Result<(), CallError>],
    ) {
        let limit = usize::try_from(spread.once.limit).unwrap_or(usize::MAX);
        let least = targets.len().div_ceil(spread.capacity + 1);
        let parts = limit.min(targets.len()).max(least);
        for number in 0..parts {
            let from = targets.len() * number / parts;
            let to = targets.len() * (number + 1) / parts;
            if let (Some(part), Some(results)) = (targets.get(from..to), results.get_mut(from..to))
            {
                self.serve(now, spread, part, results);
            }
        }
    }

    /// Sends a part to the first of its nodes that can be talked to.
    fn serve(
        &mut self,
        now: Instant,
        spread: &Spread<'_>,
        part: &[RelayTarget],
        results: &mut [Result<(), CallError>],
    ) {
        for ((index, head), result) in part.iter().enumerate().zip(results) {
            if head.addr == self.addr {
                if !spread.is_relay {
                    self.take_once(&spread.once, &Bytes::copy_from_slice(spread.payload));
                }
                continue;
            }
            if spread.is_relay && !self.may_relay_to(head) {
                continue;
            }
            let rest = part.get(index + 1..).unwrap_or_default();
            let body = encode(spread, rest);
            *result = self.send_plainly(now, head, Command::RELAY_ONCE, &body);
            if result.is_ok() {
                return;
            }
        }
    }

    fn send_plainly(
        &mut self,
        now: Instant,
        target: &RelayTarget,
        command: Command,
        payload: &Bytes,
    ) -> Result<(), CallError> {
        let to = Target {
            addr: target.addr,
            generation: target.generation,
        };
        let peer = self.peer(now, to)?;
        Ok(self
            .messaging
            .unreliable(now, peer, command, payload.clone())?)
    }
}

fn encode(spread: &Spread<'_>, targets: &[RelayTarget]) -> Bytes {
    let numbered = targets
        .iter()
        .zip(0..)
        .map(|(target, place)| RelayTarget { place, ..*target })
        .collect::<Vec<_>>();
    let sizes = targets.iter().map(|target| target_bytes(target.addr));
    let mut bytes = vec![0; HEAD_BYTES_MAX + sizes.sum::<usize>()];
    let mut w = Writer::new(&mut bytes);
    let encoded = spread.once.encode(numbered.into_iter(), &mut w);
    debug_assert!(encoded.is_ok(), "the head and its targets fit");
    let len = w.len();
    bytes.truncate(len);
    bytes.extend_from_slice(spread.payload);
    bytes.into()
}
