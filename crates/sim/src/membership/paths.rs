//! Nodes with bad paths.

use std::time::Duration;

use super::{
    Findings,
    world::{What, World},
};

/// How long a bad path is bad, and how long it is good after that. A lossy one stays bad.
const BAD_FOR: Duration = Duration::from_secs(20);
/// Times a path turns bad.
const BAD_TIMES: u32 = 3;

/// How long a lossy path has been bad when it must be known, and for how long it is watched then.
const LOSSY_KNOWN_WITHIN: Duration = Duration::from_secs(90);
/// Share of what is sent to a node that hears badly which it does not hear.
const LOSSY: f64 = 0.8;
/// How long nodes may take to be back after their paths are good.
const BACK_WITHIN: Duration = Duration::from_secs(60);

/// The bad ones of a cluster: one of a hundred.
fn bad_ones(size: usize) -> usize {
    (size / 100).max(1)
}

/// Each way from another node to a bad one.
fn ways_to_bad(bad: usize, size: usize) -> impl Iterator<Item = (usize, usize)> {
    let pairs = (0..bad).flat_map(move |whom| (0..size).map(move |by| (by, whom)));
    pairs.filter(|(by, whom)| by != whom)
}

pub(super) fn hears_badly(world: &mut impl World, size: usize) -> Findings {
    let bad = bad_ones(size);
    let before = world.said().len();
    ways_to_bad(bad, size).for_each(|(by, whom)| world.set_loss(by, whom, LOSSY));
    world.run_for(LOSSY_KNOWN_WITHIN);
    let not_removed = not_removed(world, size, bad);
    let removed = world.said().len();
    world.run_for(LOSSY_KNOWN_WITHIN);
    let mut findings = Findings {
        bad: bad as u64,
        not_removed,
        revived: revived(world, removed, bad),
        false_downs: 0,
        ..Findings::default()
    };
    ways_to_bad(bad, size).for_each(|(by, whom)| world.set_loss(by, whom, 0.0));
    world.run_for(BACK_WITHIN);
    findings.not_back = not_back(world, size, bad);
    findings.false_downs = healthy_downs(world, before, size, bad);
    findings
}

/// In which direction nodes are cut off.
#[derive(Clone, Copy)]
pub(super) enum Cut {
    Inwards,
    Outwards,
}

pub(super) fn cut_off(world: &mut impl World, size: usize, direction: Cut) -> Findings {
    let bad = bad_ones(size);
    let mut findings = Findings::default();
    let before = world.said().len();
    let ways: Vec<(usize, usize)> = ways_to_bad(bad, size)
        .map(|(other, bad)| match direction {
            Cut::Inwards => (other, bad),
            Cut::Outwards => (bad, other),
        })
        .collect();
    for _ in 0..BAD_TIMES {
        ways.iter()
            .for_each(|(from, to)| world.set_cut(*from, *to, true));
        world.run_for(BAD_FOR);
        findings.bad += bad as u64;
        findings.not_removed += not_removed(world, size, bad);
        ways.iter()
            .for_each(|(from, to)| world.set_cut(*from, *to, false));
        world.run_for(BAD_FOR);
    }
    world.run_for(BACK_WITHIN);
    findings.not_back = not_back(world, size, bad);
    findings.false_downs = healthy_downs(world, before, size, bad);
    findings
}

/// Bad nodes that some healthy one holds for alive.
fn not_removed(world: &impl World, size: usize, bad: usize) -> u64 {
    let is_held = |whom: &usize| (bad..size).any(|by| world.holds_alive(by, *whom));
    (0..bad).filter(is_held).count() as u64
}

/// Reports of healthy nodes that a bad one is back.
fn revived(world: &impl World, since: usize, bad: usize) -> u64 {
    let said = world.said()[since..].iter();
    let ups = said.filter(|said| said.what == What::Up && said.whom < bad && said.by >= bad);
    ups.count() as u64
}

fn not_back(world: &impl World, size: usize, bad: usize) -> u64 {
    let is_missed = |whom: &usize| {
        let others = (0..size).filter(|by| by != whom);
        others
            .clone()
            .any(|by| !world.holds_alive(by, *whom) || !world.holds_alive(*whom, by))
    };
    (0..bad).filter(is_missed).count() as u64
}

/// Reports of healthy nodes as failed by healthy ones: a bad node's own view is its own affair.
fn healthy_downs(world: &impl World, since: usize, size: usize, bad: usize) -> u64 {
    let said = world.said()[since..].iter();
    let downs = said.filter(|said| said.what == What::Down && said.by >= bad);
    downs
        .filter(|said| (bad..size).contains(&said.whom))
        .count() as u64
}
