//! What goes wrong on a day: when each fault comes, and how it is done.

mod faults;
mod repairs;
mod severity;

use std::{collections::BTreeMap, time::Duration};

use hobnob_endpoint::wire::Instant;
use rand::{RngExt, seq::IndexedRandom};

pub(super) use faults::{FaultKind, Faults};

use self::repairs::Repair;
use super::{
    crew::{Crew, WAKE_DECLARE, WAKE_LEAVE},
    dice::Dice,
    plan::Plan,
    start,
};
use crate::{Conditions, Host, NodeId, Sim};

/// Longest jump of a clock: a virtual machine that was moved, or a laptop that slept for a moment.
const CLOCK_JUMP_MAX: Duration = Duration::from_secs(20);

/// Clocks run fast or slow by up to this, in parts per million: a hundred times what crystals do.
const CLOCK_PPM_MAX: i32 = 20_000;

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

    /// A node has left: its process ends, and maybe comes back.
    pub(super) fn on_left(&mut self, sim: &mut Sim<Crew>, node: NodeId) {
        kill(sim, node);
        if self.dice.chance(0.5) {
            self.later(sim.now(), Repair::Start(node));
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

    fn cut(&mut self, sim: &mut Sim<Crew>, cut: Vec<(NodeId, NodeId)>) {
        cut.iter().for_each(|(a, b)| sim.cut(*a, *b, true));
        self.later(sim.now(), Repair::Heal(cut));
    }
}

/// Kills a process, and tells the model.
pub(super) fn kill(sim: &mut Sim<Crew>, node: NodeId) {
    let now = sim.now();
    sim.app.on_stop(node, now);
    sim.kill(node);
}
