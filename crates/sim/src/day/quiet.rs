//! After the faults: everything comes to its end, and everything works again.

use std::{net::SocketAddr, time::Duration};

use super::{
    checks,
    crew::{Crew, Phase, WAKE_CLEAN, WAKE_COMPARED, WAKE_FORGET, WAKE_READ},
    plan::Plan,
    values::{HEARD_WITHIN, has_unheard},
};
use crate::{Conditions, NodeId, Sim, model::Violation};

/// How often it is looked whether everything has come to its end.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A message whose sender died is given up by its receiver after a minute without a piece of it; an address at
/// which nobody answers is forgotten after one to two minutes.
const LEFTOVERS_GO_WITHIN: Duration = Duration::from_secs(130);

/// How long the calls of the clean phase may take; their deadline is longer.
const CLEAN_WITHIN: Duration = Duration::from_secs(5);

/// Share of datagrams that are lost at last: retransmission makes good for it well within a deadline, and nobody
/// is suspected for it.
const DRIZZLE_LOSS: f64 = 0.05;

/// Within this a handler learns that its caller has given up: a few round trips of a good network.
const CANCELS_ARRIVE_WITHIN: Duration = Duration::from_secs(1);

/// Ends a day.
pub(super) fn run(sim: &mut Sim<Crew>, plan: &Plan) {
    sim.app.phase = Phase::Quiet;
    let patience = plan.settles_within();
    if let Err(violation) = wait(sim, patience, unsettled) {
        sim.app.model.blame(violation);
        return finish(sim);
    }
    if let Err(violation) = wait(sim, sim.app.copies_are_equal_within(), unequal) {
        sim.app.model.blame(violation);
    } else {
        everywhere(sim, WAKE_COMPARED);
    }
    if !plan.values.are_none() {
        read_values(sim, plan);
    }
    if let Err(violation) = wait(sim, LEFTOVERS_GO_WITHIN, leftovers) {
        sim.app.model.blame(violation);
    }
    clean(sim);
    finish(sim);
}

/// Everybody calls everybody whom they see, three times. The first time may find sessions that the other side has ended because
/// it took this one for dead. From then on everything must succeed, though the last time some datagrams are lost.
fn clean(sim: &mut Sim<Crew>) {
    // Nobody calls one that is in nobody's view, as nobody could know which process it is; and who gets a message by way
    // of others knows nothing of it.
    let seen = alive(sim).filter(|id| sim.app.sharer(*id).is_some());
    let seen: Vec<NodeId> = seen.collect();
    let everybody = seen.iter().map(|id| sim.addr(*id));
    sim.app.everybody = everybody.collect::<Vec<SocketAddr>>();
    let drizzle = Conditions::LAN.with_loss(DRIZZLE_LOSS);
    let rounds = [
        (Phase::Meeting, Conditions::LAN),
        (Phase::Clean, Conditions::LAN),
        (Phase::Clean, drizzle),
    ];
    for (phase, conditions) in rounds {
        sim.app.phase = phase;
        sim.app.is_stable = true;
        sim.set_conditions(conditions);
        let since = sim.now();
        for &id in &seen {
            sim.with(id, |at| at.wake_in(Duration::ZERO, WAKE_CLEAN));
        }
        sim.run_for(CLEAN_WITHIN);
        sim.app.model.check_abandoned(since, CANCELS_ARRIVE_WITHIN);
    }
    sim.app.is_stable = false;
    sim.set_conditions(Conditions::LAN);
    if let Err(violation) = wait(sim, CLEAN_WITHIN * 2, |sim| {
        unsettled(sim).or_else(|| leftovers(sim))
    }) {
        sim.app.model.blame(violation);
    }
}

fn finish(sim: &mut Sim<Crew>) {
    sim.app.model.finish();
}

/// Lets time pass until `trouble` finds none, at most for `patience`.
fn wait<T>(
    sim: &mut Sim<Crew>,
    patience: Duration,
    trouble: impl Fn(&Sim<Crew>) -> Option<T>,
) -> Result<(), T> {
    let end = sim.now() + patience;
    loop {
        match trouble(sim) {
            None => return Ok(()),
            Some(trouble) if sim.now() >= end => return Err(trouble),
            Some(_) => sim.run_for(LOOK_EVERY),
        }
    }
}

/// Whether some call is open, or somebody sees the cluster as it is not.
fn unsettled(sim: &Sim<Crew>) -> Option<Violation> {
    let open = sim.app.model.first_open();
    open.or_else(|| alive(sim).find_map(|id| sim.app.wrong_view(id, sim.endpoint(id)?)))
        .or_else(|| sim.app.model.first_misnamed())
}

/// Whether somebody's copy of what all share is not as that of the first one it shares with.
fn unequal(sim: &Sim<Crew>) -> Option<Violation> {
    let copies = || {
        alive(sim).filter_map(|id| {
            let process = sim.app.sharer(id)?;
            Some((process, sim.endpoint(id)?.shared().fingerprint()))
        })
    };
    let model = &sim.app.model;
    copies().find_map(|(process, copy)| {
        let first = copies().find(|(other, _)| model.share_with_each_other(process, *other));
        let (first, _) = first.filter(|(_, other)| *other != copy)?;
        Some(model.differing(process, first))
    })
}

/// Everybody reads what everybody says, as soon as they have heard the last of it, and those who are gone are forgotten.
fn read_values(sim: &mut Sim<Crew>, plan: &Plan) {
    // Whoever has not heard it by then is blamed for what it reads.
    let _ = wait(sim, HEARD_WITHIN, somebody_unheard);
    everywhere(sim, WAKE_READ);
    if plan.values.are_gone_forgotten {
        everywhere(sim, WAKE_FORGET);
    }
}

/// Somebody who has not heard the last of what somebody else says.
fn somebody_unheard(sim: &Sim<Crew>) -> Option<NodeId> {
    let mut readers = alive(sim).filter(|reader| sim.app.sharer(*reader).is_some());
    readers.find(|reader| {
        let mut others = alive(sim).filter_map(|other| sim.endpoint(other));
        let reader = sim.endpoint(*reader);
        reader.is_some_and(|reader| others.any(|other| has_unheard(reader, other)))
    })
}

/// Wakes every node.
fn everywhere(sim: &mut Sim<Crew>, wake: u64) {
    for id in alive(sim).collect::<Vec<NodeId>>() {
        sim.with(id, |at| at.wake_in(Duration::ZERO, wake));
    }
    sim.run_for(LOOK_EVERY);
}

fn leftovers(sim: &Sim<Crew>) -> Option<Violation> {
    alive(sim).find_map(|id| {
        let process = sim.app.lives.get(&id)?.process;
        checks::leftovers(process, sim.endpoint(id)?).err()
    })
}

fn alive(sim: &Sim<Crew>) -> impl Iterator<Item = NodeId> {
    sim.ids().filter(|id| sim.endpoint(*id).is_some())
}
