//! What is drawn for a datagram.

use std::time::Duration;

use bytes::Bytes;
use hobnob_endpoint::wire::Instant;
use rand::RngExt;

use super::{Network, flights::Flight, paths::Direction};
use crate::{
    conditions::{CORRUPTED_BYTES_MAX, Conditions, Tail},
    counters::Fate,
};

/// How a datagram goes: when it was handed over, when it is on the open road, from whom to whom.
#[derive(Clone, Copy)]
pub(super) struct Way {
    pub(super) now: Instant,
    pub(super) leaves: Instant,
    /// `None` when nobody has the address it is for.
    pub(super) direction: Option<Direction>,
    pub(super) conditions: Conditions,
}

impl Network {
    pub(super) fn loss(&mut self, way: Way) -> Option<Fate> {
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

    pub(super) fn fly(&mut self, way: Way, mut flight: Flight) {
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

    pub(super) fn draw(&mut self, share: f64) -> bool {
        share > 0.0 && self.rng.random::<f64>() < share
    }
}
