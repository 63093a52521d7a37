//! Datagrams on their way.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hasher},
    net::SocketAddr,
    time::Duration,
};

use hobnob_endpoint::wire::Instant;
use rand::{RngExt, rngs::ChaCha8Rng};

use crate::{conditions::Conditions, node::NodeId};

/// A datagram that will arrive.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

/// Everything between the nodes.
pub(crate) struct Network {
    pub(crate) conditions: Conditions,
    rng: ChaCha8Rng,
    flights: BTreeMap<(Instant, u64), Flight>,
    sequence: u64,
    cuts: BTreeSet<(NodeId, NodeId)>,
    trace: DefaultHasher,
    pub(crate) sent: u64,
    pub(crate) lost: u64,
}

impl Network {
    pub(crate) fn new(conditions: Conditions, rng: ChaCha8Rng) -> Self {
        Self {
            conditions,
            rng,
            flights: BTreeMap::new(),
            sequence: 0,
            cuts: BTreeSet::new(),
            trace: DefaultHasher::new(),
            sent: 0,
            lost: 0,
        }
    }

    /// Makes one direction between two nodes dead or alive.
    pub(crate) fn set_cut(&mut self, from: NodeId, to: NodeId, is_cut: bool) {
        if is_cut {
            self.cuts.insert((from, to));
        } else {
            self.cuts.remove(&(from, to));
        }
    }

    pub(crate) fn is_cut(&self, from: NodeId, to: NodeId) -> bool {
        self.cuts.contains(&(from, to))
    }

    /// Takes a datagram from a node; what becomes of it is drawn now.
    pub(crate) fn send(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        self.sent += 1;
        if self.draw(self.conditions.loss) {
            self.lost += 1;
            return;
        }
        self.fly(now, from, to, bytes);
        if self.draw(self.conditions.duplication) {
            self.fly(now, from, to, bytes);
        }
    }

    /// When the next datagram arrives.
    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        self.flights.keys().next().map(|(at, _)| *at)
    }

    /// The next datagram, if it has arrived by `now`.
    pub(crate) fn arrive(&mut self, now: Instant) -> Option<Flight> {
        let entry = self
            .flights
            .first_entry()
            .filter(|entry| entry.key().0 <= now)?;
        let flight = entry.remove();
        self.trace.write_u64(now.as_nanos());
        self.trace.write(flight.from.to_string().as_bytes());
        self.trace.write(flight.to.to_string().as_bytes());
        self.trace.write(&flight.bytes);
        Some(flight)
    }

    pub(crate) fn trace(&self) -> u64 {
        self.trace.finish()
    }

    fn fly(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        if self.draw(self.conditions.corruption) && !bytes.is_empty() {
            let place = self.rng.random_range(0..bytes.len());
            bytes[place] ^= 1 << self.rng.random_range(0..8_u32);
        }
        let Conditions {
            latency_min,
            latency_max,
            ..
        } = self.conditions;
        let span = latency_max.saturating_sub(latency_min).as_nanos();
        let extra = self
            .rng
            .random_range(0..=u64::try_from(span).unwrap_or(u64::MAX));
        let at = now + latency_min + Duration::from_nanos(extra);
        self.sequence += 1;
        self.flights
            .insert((at, self.sequence), Flight { from, to, bytes });
    }

    fn draw(&mut self, share: f64) -> bool {
        share > 0.0 && self.rng.random::<f64>() < share
    }
}
