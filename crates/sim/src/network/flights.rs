//! Datagrams under way, in the order of their arrival.

use std::{cmp::Reverse, collections::BinaryHeap, net::SocketAddr};

use bytes::Bytes;
use hobnob_endpoint::wire::Instant;

use crate::node::NodeId;

/// Bytes of datagrams under way at once: 16 senders with 16 MiB in flight each. What is sent beyond is lost.
const FLIGHT_BYTES_MAX: usize = 256 << 20;

/// A datagram that will arrive.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) source: NodeId,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Bytes,
    /// It has already been through the receiver's link.
    pub(crate) is_through: bool,
}

/// A heap of places in a slab: what moves in the heap stays small.
#[derive(Debug, Default)]
pub(crate) struct Flights {
    order: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    slab: Vec<Option<Flight>>,
    free: Vec<usize>,
    sequence: u64,
    bytes: usize,
}

impl Flights {
    /// Takes a datagram that arrives at `at`, after all others that do.
    pub(crate) fn push(&mut self, at: Instant, flight: Flight) -> Result<(), Flight> {
        if self.bytes + flight.bytes.len() > FLIGHT_BYTES_MAX {
            return Err(flight);
        }
        self.bytes += flight.bytes.len();
        self.sequence += 1;
        let place = self.free.pop().unwrap_or_else(|| {
            self.slab.push(None);
            self.slab.len() - 1
        });
        self.slab[place] = Some(flight);
        self.order.push(Reverse((at, self.sequence, place)));
        Ok(())
    }

    /// When the next one arrives.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.order.peek().map(|Reverse((at, ..))| *at)
    }

    /// The next one that has arrived by `now`.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Flight> {
        self.next().filter(|at| *at <= now)?;
        let Reverse((.., place)) = self.order.pop()?;
        let flight = self.slab[place].take()?;
        self.free.push(place);
        self.bytes -= flight.bytes.len();
        Some(flight)
    }
}
