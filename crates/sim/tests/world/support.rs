//! A stream of numbered datagrams from some nodes to others, and what came of it.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use hobnob_sim::{
    Application, At, Conditions, Instant, NodeId, Sim,
    endpoint::{
        Event, Target,
        gossip::{Metadata, MetadataFields},
        messaging,
        wire::Command,
    },
};

pub(crate) const BEAT: Command = Command(200);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const MILLI: Duration = Duration::from_millis(1);

/// Bytes of a payload: a multiple of 8, less than a datagram's worth.
pub(crate) const SIZE: usize = 1_000;

/// Every node with a target sends it a numbered payload now and then.
#[derive(Default)]
pub(crate) struct Beats {
    /// To whom and how often, for each sender.
    pub(crate) targets: BTreeMap<NodeId, (Target, Duration)>,
    /// When each number left, by the world's time.
    pub(crate) left: Vec<(NodeId, Instant)>,
    /// What came, in order: receiver, number, and when.
    pub(crate) came: Vec<(NodeId, usize, Instant)>,
    /// Payloads that were not what was sent.
    pub(crate) spoiled: u64,
}

impl Application for Beats {
    fn on_start(&mut self, at: &mut At<'_>) {
        at.endpoint.register(BEAT);
    }

    fn on_wake(&mut self, at: &mut At<'_>, token: u64) {
        let Some(&(target, pause)) = self.targets.get(&at.node) else {
            return;
        };
        at.wake_in(pause, token);
        let number = self.left.len();
        if at
            .endpoint
            .unreliable(at.now, target, BEAT, payload(number))
            .is_ok()
        {
            self.left.push((at.node, at.world_now));
        }
    }

    fn on_event(&mut self, at: &mut At<'_>, event: Event) {
        if let Event::Message(messaging::Event::Unreliable { payload, .. }) = event {
            let number = number(&payload);
            match number {
                Some(number) if number < self.left.len() => {
                    self.came.push((at.node, number, at.world_now));
                }
                _ => self.spoiled += 1,
            }
        }
    }
}

impl Beats {
    /// How long each datagram that came took, in the order of their coming.
    pub(crate) fn latencies(&self) -> Vec<Duration> {
        self.came
            .iter()
            .map(|(_, number, came)| came.saturating_since(self.left[*number].1))
            .collect()
    }
}

fn payload(number: usize) -> Bytes {
    let number = u64::try_from(number).expect("it is small");
    number.to_be_bytes().repeat(SIZE / 8).into()
}

fn number(payload: &[u8]) -> Option<usize> {
    let head: [u8; 8] = payload.get(..8)?.try_into().ok()?;
    let number = usize::try_from(u64::from_be_bytes(head)).ok()?;
    (payload == self::payload(number)).then_some(number)
}

/// A world of `nodes` that know each other on a quiet network, with nothing under way yet.
pub(crate) fn world(seed: u64, nodes: usize) -> (Sim<Beats>, Vec<NodeId>) {
    let mut sim = Sim::new(seed, Conditions::LAN, Beats::default());
    let ids: Vec<NodeId> = (0..nodes).map(|_| start(&mut sim)).collect();
    for &from in &ids {
        for &to in &ids {
            if from != to {
                connect(&mut sim, from, to);
            }
        }
    }
    (sim, ids)
}

pub(crate) fn start(sim: &mut Sim<Beats>) -> NodeId {
    let fields = MetadataFields {
        node_type: "udp".into(),
        ..MetadataFields::default()
    };
    sim.start(Metadata::new(fields).unwrap(), |_| {})
}

/// Waits until there is a session between the two.
pub(crate) fn connect(sim: &mut Sim<Beats>, from: NodeId, to: NodeId) {
    let to = target(sim, to);
    let is_there = |sim: &Sim<Beats>| {
        let endpoint = sim.endpoint(from).expect("alive");
        let peer = endpoint.sessions().peer_at(to.addr);
        peer.is_some_and(|peer| endpoint.is_connected(peer))
    };
    sim.with(from, |at| at.endpoint.peer(at.now, to).map(|_| ()))
        .expect("alive")
        .expect("reachable");
    assert!(sim.run_until(SECOND, is_there));
}

pub(crate) fn target(sim: &Sim<Beats>, to: NodeId) -> Target {
    Target {
        addr: sim.addr(to),
        generation: None,
    }
}

/// Has `from` send to `to` from now on.
pub(crate) fn beat(sim: &mut Sim<Beats>, from: NodeId, to: NodeId, pause: Duration) {
    let to = target(sim, to);
    sim.app.targets.insert(from, (to, pause));
    sim.with(from, |at| at.wake_in(pause, 0)).expect("alive");
}

/// A count as a share of a whole.
pub(crate) fn share(part: u64, of: u64) -> f64 {
    f64::from(u32::try_from(part).unwrap()) / f64::from(u32::try_from(of).unwrap())
}

/// The length of something as a count.
pub(crate) fn count<T>(all: &[T]) -> u64 {
    u64::try_from(all.len()).unwrap()
}
