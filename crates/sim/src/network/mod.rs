//! Everything between the sockets.

mod chance;
mod flights;
mod paths;
mod queue;

use std::{collections::BTreeMap, net::SocketAddr};

use bytes::Bytes;
use hobnob_endpoint::wire::Instant;
use rand::rngs::ChaCha8Rng;

use crate::{
    conditions::Conditions,
    counters::Fate,
    host::{Link, LinkStats},
    node::NodeId,
    record::{Record, Seen},
};
use chance::Way;
use flights::{Flight, Flights};
use paths::Paths;
use queue::Queue;

/// The network, and the record of all that happens.
pub(crate) struct Network {
    pub(crate) conditions: Conditions,
    pub(crate) paths: Paths,
    pub(crate) record: Record,
    rng: ChaCha8Rng,
    flights: Flights,
    addresses: BTreeMap<SocketAddr, NodeId>,
    egress: BTreeMap<NodeId, Queue>,
    ingress: BTreeMap<NodeId, Queue>,
}

/// A datagram at the socket it was sent to.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) node: NodeId,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: Bytes,
}

impl Network {
    pub(crate) fn new(conditions: Conditions, rng: ChaCha8Rng) -> Self {
        Self {
            conditions,
            paths: Paths::default(),
            record: Record::default(),
            rng,
            flights: Flights::default(),
            addresses: BTreeMap::new(),
            egress: BTreeMap::new(),
            ingress: BTreeMap::new(),
        }
    }

    /// What is sent to the address goes to the node from now on.
    pub(crate) fn bind(&mut self, addr: SocketAddr, node: NodeId) {
        self.addresses.insert(addr, node);
    }

    /// Nobody has the address any more.
    pub(crate) fn unbind(&mut self, addr: SocketAddr) {
        self.addresses.remove(&addr);
    }

    pub(crate) fn set_links(&mut self, node: NodeId, egress: Option<Link>, ingress: Option<Link>) {
        set_link(&mut self.egress, node, egress);
        set_link(&mut self.ingress, node, ingress);
    }

    pub(crate) fn egress_stats(&self, node: NodeId) -> LinkStats {
        self.egress.get(&node).map(Queue::stats).unwrap_or_default()
    }

    pub(crate) fn ingress_stats(&self, node: NodeId) -> LinkStats {
        self.ingress
            .get(&node)
            .map(Queue::stats)
            .unwrap_or_default()
    }

    /// Takes a datagram from a node; what becomes of it is drawn now.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        source: NodeId,
        from: SocketAddr,
        to: SocketAddr,
        bytes: Bytes,
    ) {
        let flight = Flight {
            source,
            from,
            to,
            bytes,
            is_through: false,
        };
        self.note(now, Fate::Sent, &flight);
        let Some(leaves) = through(&mut self.egress, source, now, flight.bytes.len()) else {
            return self.note(now, Fate::LostInQueue, &flight);
        };
        let way = self.way(now, leaves, source, to);
        if let Some(loss) = self.loss(way) {
            return self.note(now, loss, &flight);
        }
        if self.draw(way.conditions.duplication) {
            self.note(now, Fate::Duplicated, &flight);
            let twin = Flight {
                bytes: flight.bytes.clone(),
                ..flight
            };
            self.fly(way, twin);
        }
        self.fly(way, flight);
    }

    /// When the next datagram comes out of the network or into a link.
    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        self.flights.next()
    }

    /// The next datagram that has arrived at its socket by `now`.
    pub(crate) fn arrive(&mut self, now: Instant) -> Option<Arrival> {
        while let Some(flight) = self.flights.pop(now) {
            let Some(&node) = self.addresses.get(&flight.to) else {
                self.note(now, Fate::LostToNobody, &flight);
                continue;
            };
            if self.paths.is_cut((flight.source, node)) {
                self.note(now, Fate::LostAtCut, &flight);
                continue;
            }
            if flight.is_through || !self.ingress.contains_key(&node) {
                return Some(Arrival {
                    node,
                    from: flight.from,
                    to: flight.to,
                    bytes: flight.bytes,
                });
            }
            match through(&mut self.ingress, node, now, flight.bytes.len()) {
                Some(at) => {
                    let is_through = true;
                    self.take_off(
                        now,
                        at,
                        Flight {
                            is_through,
                            ..flight
                        },
                    );
                }
                None => self.note(now, Fate::LostInQueue, &flight),
            }
        }
        None
    }

    fn way(&self, now: Instant, leaves: Instant, source: NodeId, to: SocketAddr) -> Way {
        let direction = self.addresses.get(&to).map(|to| (source, *to));
        let conditions = direction
            .and_then(|direction| self.paths.conditions(direction))
            .unwrap_or(self.conditions);
        Way {
            now,
            leaves,
            direction,
            conditions,
        }
    }

    fn take_off(&mut self, now: Instant, at: Instant, flight: Flight) {
        if let Err(flight) = self.flights.push(at, flight) {
            self.note(now, Fate::LostToLimit, &flight);
        }
    }

    fn note(&mut self, now: Instant, fate: Fate, flight: &Flight) {
        let seen = Seen {
            from: flight.from,
            to: flight.to,
            bytes: &flight.bytes,
        };
        self.record.datagram(now, fate, seen);
    }
}

fn set_link(queues: &mut BTreeMap<NodeId, Queue>, node: NodeId, link: Option<Link>) {
    match link {
        Some(link) => queues
            .entry(node)
            .or_insert_with(|| Queue::new(link))
            .set_link(link),
        None => {
            queues.remove(&node);
        }
    }
}

/// When a datagram is through a node's link, if the node has one and the link takes it.
fn through(
    queues: &mut BTreeMap<NodeId, Queue>,
    node: NodeId,
    now: Instant,
    bytes: usize,
) -> Option<Instant> {
    queues
        .get_mut(&node)
        .map_or(Some(now), |queue| queue.accept(now, bytes))
}
