//! How bad a fault is, and whom it concerns.

use std::time::Duration;

use rand::{RngExt, seq::IndexedRandom};

use super::Weather;
use crate::{Burst, Conditions, Host, Link, NodeId, SOCKET_BYTES_DEFAULT};

impl Weather {
    pub(super) fn conditions(&mut self) -> Conditions {
        let bad = self.faults.badness;
        let dice = &mut self.dice;
        let mut up_to = |millis| dice.up_to(Duration::from_millis(millis)).mul_f64(bad);
        let (latency, spread, tail) = (up_to(150), up_to(200), up_to(2_000));
        let latency = Duration::from_micros(200) + latency;
        let burst = Burst {
            enter: dice.share(0.3, 0.05),
            leave: 0.02 + dice.share(1.0, 0.9),
            loss: dice.share(1.0, 1.0),
        };
        Conditions::LAN
            .with_loss(dice.share(0.8, 0.6 * bad))
            .with_burst(burst)
            .with_duplication(dice.share(0.5, 0.3 * bad))
            .with_corruption(dice.share(0.5, 0.2 * bad))
            .with_truncation(dice.share(0.3, 0.1 * bad))
            .with_reordering(dice.share(0.5, 1.0))
            .with_latency(latency, latency + spread)
            .with_tail(dice.share(0.5, 0.1 * bad), latency + spread + tail)
    }

    pub(super) fn host(&mut self) -> Host {
        let dice = &mut self.dice;
        let mut link = || {
            dice.chance(0.6).then(|| Link {
                bits_per_second: dice.random_range(200_000..50_000_000),
                queue_bytes: dice.random_range(12_000..300_000),
            })
        };
        let (egress, ingress) = (link(), link());
        Host {
            egress,
            ingress,
            socket_bytes: match dice.chance(0.4) {
                true => dice.random_range(20_000..SOCKET_BYTES_DEFAULT),
                false => SOCKET_BYTES_DEFAULT,
            },
            wake_delay: dice.up_to(Duration::from_millis(20)),
        }
    }

    pub(super) fn split(&mut self, ids: &[NodeId]) -> Vec<(NodeId, NodeId)> {
        let sides: Vec<bool> = ids.iter().map(|_| self.dice.chance(0.5)).collect();
        let mut cut = Vec::new();
        for (a, side) in ids.iter().zip(&sides) {
            let others = ids.iter().zip(&sides).filter(|(_, other)| *other != side);
            cut.extend(others.map(|(b, _)| (*a, *b)));
        }
        cut
    }

    pub(super) fn one_way(&mut self, ids: &[NodeId], victim: NodeId) -> Vec<(NodeId, NodeId)> {
        let others = ids.iter().copied().filter(|id| *id != victim);
        match self.dice.random_range(0..3) {
            0 => others.map(|other| (other, victim)).collect(),
            1 => others.map(|other| (victim, other)).collect(),
            _ => {
                let others: Vec<NodeId> = others.collect();
                let other = others.choose(&mut *self.dice);
                other.map(|other| (victim, *other)).into_iter().collect()
            }
        }
    }
}
