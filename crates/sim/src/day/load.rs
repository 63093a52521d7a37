//! Days without faults but too much to carry: how much gets through, how evenly, and whether membership minds.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use hobnob_endpoint::gossip::Profile;
use rand::seq::IndexedRandom;

use super::{
    Scenario,
    crew::{COMMON, Chore, Crew, Phase, WAKE_DECLARE, WAKE_POUR},
    dice::Dice,
    names::Names,
    plan::{Handlers, Limits, Plan, Traffic},
    sharing::Sharing,
    sides::Sides,
    values::Values,
    weather::Faults,
};
use crate::{
    At, Conditions, Host, Link, NodeId, Sim,
    model::{CallId, Kind, Report, Violation},
};

/// Until everybody knows everybody.
const GATHERING: Duration = Duration::from_secs(5);

/// Until windows and queues are as they will be.
const WARM_UP: Duration = Duration::from_secs(2);

/// How long it is measured.
const MEASURED: Duration = Duration::from_secs(20);

/// Longer than the whole day: under load a message waits for its turn.
const DEADLINE: Duration = Duration::from_secs(60);

/// Bytes that each sender keeps under way to each target.
const POURED_BYTES: usize = 512 << 10;

/// Senders into one link.
const BULK_SENDERS: usize = 16;

/// What a link must be used to, with many senders into it.
const BUSY_MIN: f64 = 0.85;

/// What the slowest of many senders must get of its fair share.
const SHARE_MIN: f64 = 1.0 / 3.0;

/// What of all datagrams may be lost in the queue of a link that everybody sends into: more is a sender that
/// does not slow down.
const WASTE_MAX: f64 = 0.10;

/// Links to saturate, and their queues: one delays by 52 ms at most, so that a round trip over four full ones is well
/// within the probe timeout of a data centre's profile, 500 ms.
const SLOW_LINKS: [(u64, usize); 2] = [(5_000_000, 32 << 10), (10_000_000, 64 << 10)];

/// Within this everybody knows of a change of state, however busy the links are: rounds of news, and of comparing
/// knowledge where news was lost.
const NEWS_WITHIN: Duration = Duration::from_secs(10);

/// Messages that a process sends as fast as it can.
#[derive(Clone, Debug)]
pub(super) struct Pour {
    to: Vec<SocketAddr>,
    len: usize,
}

/// The plan of a day of load.
pub(super) fn plan(scenario: Scenario) -> Plan {
    Plan {
        nodes: match scenario {
            Scenario::Bulk => 1 + BULK_SENDERS,
            Scenario::Large => 2,
            _ => 6,
        },
        profile: Profile::Lan,
        trouble: GATHERING + WARM_UP + MEASURED,
        traffic: Traffic::none(),
        handlers: Handlers::quick(),
        limits: Limits::wide(),
        sharing: Sharing::none(),
        values: Values::none(),
        sides: Sides::none(),
        names: Names::default(),
        faults: Faults::none(),
    }
}

/// Lives through the busy hours of a day; what was measured goes to `report`.
pub(super) fn run(scenario: Scenario, sim: &mut Sim<Crew>, dice: &mut Dice, report: &mut Report) {
    let ids: Vec<NodeId> = sim.ids().collect();
    sim.run_for(GATHERING);
    match scenario {
        Scenario::Bulk => bulk(sim, &ids, dice, report),
        Scenario::Large => large(sim, &ids, report),
        _ => saturated(sim, &ids, dice),
    }
    sim.app.pours.clear();
    sim.set_conditions(Conditions::LAN);
    sim.app.phase = Phase::Quiet;
}

fn bulk(sim: &mut Sim<Crew>, ids: &[NodeId], dice: &mut Dice, report: &mut Report) {
    let (receiver, senders) = (ids[0], &ids[1..]);
    let latency = *[500, 10_000].choose(dice).unwrap_or(&500);
    let latency = Duration::from_micros(latency);
    sim.set_conditions(Conditions::LAN.with_latency(latency, latency));
    let link = Link {
        bits_per_second: 20_000_000,
        queue_bytes: 64 << 10,
    };
    sim.set_host(
        receiver,
        Host {
            ingress: Some(link),
            ..Host::default()
        },
    );
    let len = *[1 << 10, 64 << 10, 1 << 20].choose(dice).unwrap_or(&1_024);
    let to = vec![sim.addr(receiver)];
    pour(sim, senders, &to, len);
    sim.run_for(WARM_UP);
    let (before, busy_before) = (sim.app.got.clone(), sim.ingress_stats(receiver));
    sim.run_for(MEASURED);
    let stats = sim.ingress_stats(receiver);
    let busy = (stats.busy - busy_before.busy).as_secs_f64() / MEASURED.as_secs_f64();
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let (got, waste) = {
        let dropped = (stats.dropped - busy_before.dropped) as f64;
        let passed = (stats.datagrams - busy_before.datagrams) as f64;
        let got = senders.iter().map(|id| {
            let addr = sim.addr(*id);
            let bytes = |got: &BTreeMap<SocketAddr, u64>| got.get(&addr).copied().unwrap_or(0);
            (bytes(&sim.app.got) - bytes(&before)) as f64
        });
        (got.collect::<Vec<f64>>(), dropped / (dropped + passed))
    };
    let fair = got.iter().sum::<f64>() / f64::from(u32::try_from(BULK_SENDERS).unwrap_or(1));
    let least = got.iter().copied().fold(f64::MAX, f64::min) / fair;
    let large = if len >= 1 << 20 {
        ", 1 MiB messages"
    } else {
        ""
    };
    report.add_figure("busy share of the link", busy);
    report.add_figure(
        &format!("least share of a sender (1 is fair){large}"),
        least,
    );
    report.add_figure("lost in the link's queue", waste);
    judge(
        sim,
        "the busy share of the link",
        busy,
        busy >= BUSY_MIN,
        BUSY_MIN,
    );
    judge(
        sim,
        "the least share of a sender",
        least,
        least >= SHARE_MIN,
        SHARE_MIN,
    );
    judge(
        sim,
        "the share lost in the queue",
        waste,
        waste <= WASTE_MAX,
        WASTE_MAX,
    );
}

fn large(sim: &mut Sim<Crew>, ids: &[NodeId], report: &mut Report) {
    let latency = Duration::from_millis(10);
    sim.set_conditions(
        Conditions::LAN
            .with_latency(latency, latency)
            .with_loss(0.05),
    );
    let to = vec![sim.addr(ids[1])];
    pour(sim, &ids[..1], &to, 1 << 20);
    sim.run_for(WARM_UP);
    let from = sim.addr(ids[0]);
    let got = |sim: &Sim<Crew>| sim.app.got.get(&from).copied().unwrap_or(0);
    let before = got(sim);
    sim.run_for(MEASURED);
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let bytes = (got(sim) - before) as f64;
    let goodput = bytes * 8.0 / MEASURED.as_secs_f64() / 1e6;
    report.add_figure("goodput of 1 MiB messages, Mbit/s", goodput);
    judge(
        sim,
        "the goodput of large messages",
        goodput,
        goodput > 0.0,
        0.0,
    );
}

fn saturated(sim: &mut Sim<Crew>, ids: &[NodeId], dice: &mut Dice) {
    let (bits_per_second, queue_bytes) = *SLOW_LINKS.choose(dice).unwrap_or(&SLOW_LINKS[0]);
    let link = Link {
        bits_per_second,
        queue_bytes,
    };
    for &id in ids {
        let host = Host {
            egress: Some(link),
            ingress: Some(link),
            ..Host::default()
        };
        sim.set_host(id, host);
    }
    sim.app.is_stable = true;
    let everybody: Vec<SocketAddr> = ids.iter().map(|id| sim.addr(*id)).collect();
    let len = *[1 << 10, 64 << 10, 1 << 20].choose(dice).unwrap_or(&1_024);
    pour(sim, ids, &everybody, len);
    sim.run_for(WARM_UP + MEASURED - NEWS_WITHIN);
    for &id in ids {
        sim.with(id, |at| at.wake_in(Duration::ZERO, WAKE_DECLARE));
    }
    sim.run_for(NEWS_WITHIN);
    let wrong = ids
        .iter()
        .find_map(|id| sim.app.wrong_view(*id, sim.endpoint(*id)?));
    if let Some(violation) = wrong {
        sim.app.model.blame(violation);
    }
    sim.app.is_stable = false;
    for &id in ids {
        sim.set_host(id, Host::default());
    }
}

fn judge(sim: &mut Sim<Crew>, what: &'static str, value: f64, holds: bool, bound: f64) {
    if !holds {
        sim.app
            .model
            .blame(Violation::Figure { what, value, bound });
    }
}

/// Lets nodes send messages of `len` bytes as fast as they can.
fn pour(sim: &mut Sim<Crew>, from: &[NodeId], to: &[SocketAddr], len: usize) {
    for &id in from {
        let own = sim.addr(id);
        let to = to.iter().copied().filter(|addr| *addr != own).collect();
        sim.app.pours.insert(id, Pour { to, len });
        sim.with(id, |at| at.wake_in(Duration::ZERO, WAKE_POUR));
    }
}

impl Crew {
    /// Begins to pour.
    pub(super) fn begin_pouring(&mut self, at: &mut At<'_>) {
        let Some(Pour { to, len }) = self.pours.get(&at.node).cloned() else {
            return;
        };
        for addr in to {
            for _ in 0..POURED_BYTES.div_ceil(len) {
                self.pour_one(at, addr);
            }
        }
    }

    /// A call ended: if it was poured, the next one takes its place.
    pub(super) fn go_on_pouring(&mut self, at: &mut At<'_>, call: CallId) {
        let life = self.lives.get_mut(&at.node);
        if let Some(addr) = life.and_then(|life| life.poured.remove(&call)) {
            self.pour_one(at, addr);
        }
    }

    fn pour_one(&mut self, at: &mut At<'_>, addr: SocketAddr) {
        let Some(len) = self.pours.get(&at.node).map(|pour| pour.len) else {
            return;
        };
        let order = self.order(at, Kind::Send, COMMON, len, DEADLINE);
        let call = order.call;
        if let Some(life) = self.lives.get_mut(&at.node) {
            life.poured.insert(call, addr);
        }
        self.call_one(at, order, addr);
        let is_taken = self
            .lives
            .get(&at.node)
            .is_some_and(|life| life.calls.contains_key(&call));
        if !is_taken {
            self.after(at, Duration::from_millis(100), Chore::Pour(call));
        }
    }
}
