//! What goes wrong: which faults there are on a day, how often, and how each is done and undone.

use std::{collections::BTreeMap, time::Duration};

use hobnob_endpoint::wire::{Generation, Instant};
use rand::{RngExt, seq::IndexedRandom};

use super::{
    crew::{Crew, WAKE_DECLARE, WAKE_LEAVE},
    dice::Dice,
    plan::Plan,
    start,
};
use crate::{Burst, Conditions, Host, Link, NodeId, SOCKET_BYTES_DEFAULT, Sim};

/// Longest jump of a clock: a virtual machine that was moved, or a laptop that slept for a moment.
const CLOCK_JUMP_MAX: Duration = Duration::from_secs(20);

/// Clocks run fast or slow by up to this, in parts per million: a hundred times what crystals do.
const CLOCK_PPM_MAX: i32 = 20_000;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FaultKind {
    /// The network gets worse or better: loss, duplication, reordering, corruption, latency.
    Weather,
    /// Two groups of nodes lose each other.
    Partition,
    /// One direction between two nodes, or all from or to a node, is dead.
    OneWay,
    /// A process is killed, and maybe started again.
    Crash,
    /// A process says goodbye, and maybe comes back.
    Leave,
    /// A process is stopped as by SIGSTOP, and goes on.
    Pause,
    /// A node says something else of itself.
    Declare,
    /// A node's clock jumps, or runs fast or slow.
    Clock,
    /// A node's line is slow, its socket small, its machine late to wake it up.
    Host,
    /// One direction between two nodes is worse than the rest.
    Path,
}

const KINDS: [FaultKind; 10] = [
    FaultKind::Weather,
    FaultKind::Partition,
    FaultKind::OneWay,
    FaultKind::Crash,
    FaultKind::Leave,
    FaultKind::Pause,
    FaultKind::Declare,
    FaultKind::Clock,
    FaultKind::Host,
    FaultKind::Path,
];

/// The faults of a day.
#[derive(Clone, Debug)]
pub(super) struct Faults {
    /// Which kinds there are, and how far apart those of a kind are on average.
    kinds: Vec<(FaultKind, Duration)>,
    /// How long a fault lasts, at most.
    lasts: Duration,
    /// How bad weather gets, 0 to 1.
    badness: f64,
}

impl Faults {
    /// Any mixture.
    pub(super) fn draw(dice: &mut Dice) -> Self {
        if dice.chance(0.25) {
            let kind = *KINDS.choose(dice).unwrap_or(&FaultKind::Weather);
            return Self::only(kind, dice);
        }
        let often = 0.2 + dice.share(1.0, 0.8);
        let kinds: Vec<FaultKind> = KINDS.into_iter().filter(|_| dice.chance(often)).collect();
        Self::of(kinds, dice)
    }

    /// Nothing goes wrong.
    pub(super) const fn none() -> Self {
        Self {
            kinds: Vec::new(),
            lasts: Duration::ZERO,
            badness: 0.0,
        }
    }

    /// One kind.
    pub(super) fn only(kind: FaultKind, dice: &mut Dice) -> Self {
        Self::of(vec![kind], dice)
    }

    fn of(kinds: Vec<FaultKind>, dice: &mut Dice) -> Self {
        let mut apart = || Duration::from_millis(dice.random_range(700..12_000));
        Self {
            kinds: kinds.into_iter().map(|kind| (kind, apart())).collect(),
            lasts: Duration::from_millis(*[300, 3_000, 15_000].choose(dice).unwrap_or(&300)),
            badness: dice.random(),
        }
    }
}

/// What is to be undone later.
#[derive(Clone, Debug)]
enum Repair {
    Calm,
    Heal(Vec<(NodeId, NodeId)>),
    Start(NodeId),
    StartElsewhere(NodeId),
    Resume(NodeId),
    Clock(NodeId),
    Host(NodeId),
    Path(NodeId, NodeId),
}

/// The faults of a day as they come and go.
pub(super) struct Weather {
    faults: Faults,
    dice: Dice,
    due: BTreeMap<(Instant, u64), Event>,
    count: u64,
    /// Goodbyes and changes of state, of which the world knows nothing.
    pub(super) done: BTreeMap<&'static str, u64>,
}

#[derive(Clone, Debug)]
enum Event {
    Fault(FaultKind, Duration),
    Repair(Repair),
    /// A node comes that was not there before.
    Arrive,
    /// A node dies, and comes back elsewhere after so long.
    Move(NodeId, Duration),
}

impl Weather {
    pub(super) fn new(faults: Faults, dice: Dice, now: Instant) -> Self {
        let mut weather = Self {
            faults: faults.clone(),
            dice,
            due: BTreeMap::new(),
            count: 0,
            done: BTreeMap::new(),
        };
        for (kind, apart) in faults.kinds {
            weather.next(now, kind, apart);
        }
        weather
    }

    /// Lets happen what is planned because of the nodes' names.
    pub(super) fn expect(&mut self, plan: &Plan) {
        for (after, _) in &plan.names.namesakes {
            self.schedule(Instant::ZERO + *after, Event::Arrive);
        }
        for (after, whom, away) in &plan.names.moves {
            let event = Event::Move(NodeId(*whom), *away);
            self.schedule(Instant::ZERO + *after, event);
        }
    }

    /// When something happens next.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.due.keys().next().map(|(at, _)| *at)
    }

    /// Lets happen what is due.
    pub(super) fn blow(&mut self, sim: &mut Sim<Crew>) {
        while let Some(entry) = self
            .due
            .first_entry()
            .filter(|entry| entry.key().0 <= sim.now())
        {
            match entry.remove() {
                Event::Fault(kind, apart) => {
                    self.next(sim.now(), kind, apart);
                    self.fault(sim, kind);
                }
                Event::Repair(repair) => self.repair(sim, repair),
                Event::Arrive => {
                    let plan = sim.app.plan.clone();
                    start(sim, &plan, sim.ids().count());
                    self.count("arrival");
                }
                Event::Move(node, away) => self.carry_off(sim, node, away),
            }
        }
    }

    /// A node dies, and will come back elsewhere; not if it is about to leave.
    fn carry_off(&mut self, sim: &mut Sim<Crew>, node: NodeId, away: Duration) {
        if sim.endpoint(node).is_some() && !sim.app.is_leaving(node) {
            kill(sim, node);
            self.schedule(
                sim.now() + away,
                Event::Repair(Repair::StartElsewhere(node)),
            );
        }
    }

    /// Ends all faults. Some of the dead stay dead.
    pub(super) fn clear(&mut self, sim: &mut Sim<Crew>) {
        let due = std::mem::take(&mut self.due);
        for event in due.into_values() {
            if let Event::Repair(repair) = event {
                self.repair(sim, repair);
            }
        }
        sim.set_conditions(Conditions::LAN);
        sim.heal_all();
        for id in sim.ids().collect::<Vec<NodeId>>() {
            sim.resume(id);
            sim.set_host(id, Host::default());
            sim.set_clock_rate(id, 0);
        }
    }

    fn next(&mut self, now: Instant, kind: FaultKind, apart: Duration) {
        let at = now + self.dice.pause(apart);
        self.schedule(at, Event::Fault(kind, apart));
    }

    fn later(&mut self, now: Instant, repair: Repair) {
        let lasts = Duration::from_millis(1) + self.dice.up_to(self.faults.lasts);
        self.schedule(now + lasts, Event::Repair(repair));
    }

    fn schedule(&mut self, at: Instant, event: Event) {
        self.count += 1;
        self.due.insert((at, self.count), event);
    }

    fn count(&mut self, what: &'static str) {
        *self.done.entry(what).or_default() += 1;
    }

    fn fault(&mut self, sim: &mut Sim<Crew>, kind: FaultKind) {
        let now = sim.now();
        let ids: Vec<NodeId> = sim.ids().collect();
        let alive: Vec<NodeId> = ids
            .iter()
            .copied()
            .filter(|id| sim.endpoint(*id).is_some() && !sim.app.is_leaving(*id))
            .collect();
        let Some(&victim) = alive.choose(&mut *self.dice) else {
            return;
        };
        match kind {
            FaultKind::Weather => {
                sim.set_conditions(self.conditions());
                self.later(now, Repair::Calm);
            }
            FaultKind::Partition => {
                let cut = self.split(&ids);
                self.cut(sim, cut);
            }
            FaultKind::OneWay => {
                let cut = self.one_way(&ids, victim);
                self.cut(sim, cut);
            }
            FaultKind::Crash if alive.len() > 1 => {
                kill(sim, victim);
                self.later(now, Repair::Start(victim));
            }
            FaultKind::Leave if alive.len() > 1 && !sim.is_paused(victim) => {
                sim.with(victim, |at| at.wake_in(Duration::ZERO, WAKE_LEAVE));
                self.count("leave");
            }
            FaultKind::Pause if !sim.is_paused(victim) => {
                sim.pause(victim);
                self.later(now, Repair::Resume(victim));
            }
            FaultKind::Declare => {
                sim.with(victim, |at| at.wake_in(Duration::ZERO, WAKE_DECLARE));
                self.count("change of state");
            }
            FaultKind::Clock if self.dice.chance(0.5) => {
                let by = self.dice.up_to(CLOCK_JUMP_MAX);
                sim.jump_clock(victim, by);
            }
            FaultKind::Clock => {
                let ppm = self.dice.random_range(-CLOCK_PPM_MAX..=CLOCK_PPM_MAX);
                sim.set_clock_rate(victim, ppm);
                self.later(now, Repair::Clock(victim));
            }
            FaultKind::Host => {
                let host = self.host();
                sim.set_host(victim, host);
                self.later(now, Repair::Host(victim));
            }
            FaultKind::Path => {
                let other = *ids.choose(&mut *self.dice).unwrap_or(&victim);
                let conditions = self.conditions();
                sim.set_path_conditions(victim, other, Some(conditions));
                self.later(now, Repair::Path(victim, other));
            }
            FaultKind::Crash | FaultKind::Leave | FaultKind::Pause => {}
        }
    }

    /// A node has left: its process ends, and maybe comes back.
    pub(super) fn on_left(&mut self, sim: &mut Sim<Crew>, node: NodeId) {
        kill(sim, node);
        if self.dice.chance(0.5) {
            self.later(sim.now(), Repair::Start(node));
        }
    }

    fn repair(&mut self, sim: &mut Sim<Crew>, repair: Repair) {
        match repair {
            Repair::Calm => sim.set_conditions(Conditions::LAN),
            Repair::Heal(cut) => cut.into_iter().for_each(|(a, b)| sim.cut(a, b, false)),
            Repair::Resume(node) => sim.resume(node),
            Repair::Start(node) => self.start_again(sim, node),
            Repair::StartElsewhere(node) if sim.endpoint(node).is_none() => {
                sim.restart_elsewhere(node);
            }
            Repair::StartElsewhere(_) => {}
            Repair::Clock(node) => sim.set_clock_rate(node, 0),
            Repair::Host(node) => sim.set_host(node, Host::default()),
            Repair::Path(from, to) => sim.set_path_conditions(from, to, None),
        }
    }

    fn start_again(&mut self, sim: &mut Sim<Crew>, node: NodeId) {
        if sim.endpoint(node).is_some() || self.dice.chance(0.15) {
            return;
        }
        match self.dice.random_range(0..100) {
            0..12 => {
                // The wall clock was set back: the generation is one that was used before, or never.
                let back = self.dice.random_range(0..60_000_000);
                let earlier = Generation(sim.generation(node).0.saturating_sub(back));
                sim.restart_with_generation(node, earlier);
            }
            12..24 => sim.restart_elsewhere(node),
            _ => sim.restart(node),
        }
    }

    fn conditions(&mut self) -> Conditions {
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

    fn host(&mut self) -> Host {
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

    fn cut(&mut self, sim: &mut Sim<Crew>, cut: Vec<(NodeId, NodeId)>) {
        cut.iter().for_each(|(a, b)| sim.cut(*a, *b, true));
        self.later(sim.now(), Repair::Heal(cut));
    }

    fn split(&mut self, ids: &[NodeId]) -> Vec<(NodeId, NodeId)> {
        let sides: Vec<bool> = ids.iter().map(|_| self.dice.chance(0.5)).collect();
        let mut cut = Vec::new();
        for (a, side) in ids.iter().zip(&sides) {
            let others = ids.iter().zip(&sides).filter(|(_, other)| *other != side);
            cut.extend(others.map(|(b, _)| (*a, *b)));
        }
        cut
    }

    fn one_way(&mut self, ids: &[NodeId], victim: NodeId) -> Vec<(NodeId, NodeId)> {
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

/// Kills a process, and tells the model.
pub(super) fn kill(sim: &mut Sim<Crew>, node: NodeId) {
    let now = sim.now();
    sim.app.on_stop(node, now);
    sim.kill(node);
}
