//! Everything between the sockets.

mod flights;
mod paths;
mod queue;

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use bytes::Bytes;
use hobnob_endpoint::wire::Instant;
use rand::{RngExt, rngs::ChaCha8Rng};

use crate::{
    conditions::{CORRUPTED_BYTES_MAX, Conditions, Tail},
    counters::Fate,
    host::{Link, LinkStats},
    node::NodeId,
    record::{Record, Seen},
};
use flights::{Flight, Flights};
use paths::{Direction, Paths};
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

/// How a datagram goes: when it was handed over, when it is on the open road, from whom to whom.
#[derive(Clone, Copy)]
struct Way {
    now: Instant,
    leaves: Instant,
    /// `None` when nobody has the address it is for.
    direction: Option<Direction>,
    conditions: Conditions,
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

    fn loss(&mut self, way: Way) -> Option<Fate> {
        let burst = way.conditions.burst;
        if let Some(direction) = way.direction.filter(|_| burst.enter > 0.0) {
            let is_bad = self.paths.path(way.now, direction).is_bad;
            let changes = self.draw(if is_bad { burst.leave } else { burst.enter });
            self.paths.path(way.now, direction).is_bad = is_bad != changes;
            if is_bad && self.draw(burst.loss) {
                return Some(Fate::LostInBurst);
            }
        }
        self.draw(way.conditions.loss).then_some(Fate::LostByChance)
    }

    fn fly(&mut self, way: Way, mut flight: Flight) {
        self.damage(way, &mut flight);
        let conditions = &way.conditions;
        let at = if self.draw(conditions.tail.share) {
            way.leaves + self.tail(conditions)
        } else {
            let at = way.leaves + self.latency(conditions);
            match way.direction {
                Some(direction) if self.keeps_order(conditions) => {
                    let path = self.paths.path(way.now, direction);
                    path.last_arrival = path.last_arrival.max(at);
                    path.last_arrival
                }
                _ => at,
            }
        };
        self.take_off(way.now, at, flight);
    }

    fn take_off(&mut self, now: Instant, at: Instant, flight: Flight) {
        if let Err(flight) = self.flights.push(at, flight) {
            self.note(now, Fate::LostToLimit, &flight);
        }
    }

    fn damage(&mut self, way: Way, flight: &mut Flight) {
        if self.draw(way.conditions.truncation) && !flight.bytes.is_empty() {
            let len = self.rng.random_range(0..flight.bytes.len());
            flight.bytes.truncate(len);
            self.note(way.now, Fate::Truncated, flight);
        }
        if self.draw(way.conditions.corruption) && !flight.bytes.is_empty() {
            let mut bytes = flight.bytes.to_vec();
            for _ in 0..self.rng.random_range(1..=CORRUPTED_BYTES_MAX) {
                let place = self.rng.random_range(0..bytes.len());
                bytes[place] ^= self.rng.random_range(1..=u8::MAX);
            }
            flight.bytes = Bytes::from(bytes);
            self.note(way.now, Fate::Corrupted, flight);
        }
    }

    /// Equal latencies keep the order by themselves.
    fn keeps_order(&mut self, conditions: &Conditions) -> bool {
        conditions.latency_min < conditions.latency_max && !self.draw(conditions.reordering)
    }

    fn latency(&mut self, conditions: &Conditions) -> Duration {
        let span = conditions
            .latency_max
            .saturating_sub(conditions.latency_min)
            .as_nanos();
        let span = u64::try_from(span).unwrap_or(u64::MAX);
        conditions.latency_min + Duration::from_nanos(self.rng.random_range(0..=span))
    }

    /// Bounded Pareto with shape 1, by inversion: nothing but divisions, which are the same on every machine.
    fn tail(&mut self, conditions: &Conditions) -> Duration {
        let Tail { latency_max, .. } = conditions.tail;
        let from = conditions.latency_max.max(Duration::from_micros(1));
        let to = latency_max.max(from);
        let share = 1.0 - from.as_secs_f64() / to.as_secs_f64();
        from.div_f64(1.0 - self.rng.random::<f64>() * share).min(to)
    }

    fn draw(&mut self, share: f64) -> bool {
        share > 0.0 && self.rng.random::<f64>() < share
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
