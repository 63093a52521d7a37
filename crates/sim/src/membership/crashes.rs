//! One crash after the other.

use std::time::Duration;

use super::{
    Findings,
    reports::told_all,
    world::{What, World},
};

/// How long a crash may take to be noticed by all before it counts as never noticed.
const NOTICED_WITHIN: Duration = Duration::from_secs(90);

/// How exactly crashes are watched: far finer than any bound.
const WATCH_EVERY: Duration = Duration::from_millis(20);

/// How long a cluster has after that, until the others that are dead are known too.
const SETTLED_AFTER: Duration = Duration::from_secs(20);

/// One crash after the other; each may take `accusers` with it.
pub(super) fn crashes(
    world: &mut impl World,
    size: usize,
    victims: usize,
    accusers: usize,
) -> Findings {
    let mut findings = Findings::default();
    let mut is_dead = vec![false; size];
    for victim in (1..size).step_by(size / (victims + 1)).take(victims) {
        if is_dead[victim] {
            continue;
        }
        world.kill(victim);
        is_dead[victim] = true;
        let crashed_at = world.now();
        let before = world.said().len();
        let mut doomed = accusers;
        let mut told = None;
        while told.is_none() && world.now().saturating_since(crashed_at) < NOTICED_WITHIN {
            world.run_for(WATCH_EVERY);
            let is_accuser = |by: &usize| !is_dead[*by] && world.has_accused(*by, victim);
            let found: Vec<usize> = (0..size).filter(is_accuser).take(doomed).collect();
            for by in found {
                world.kill(by);
                is_dead[by] = true;
                doomed -= 1;
            }
            told = told_all(world, before, (victim, What::Down), &is_dead);
        }
        match told {
            Some((first, last)) => {
                findings.first.push(first.saturating_since(crashed_at));
                findings.last.push(last.saturating_since(first));
            }
            None => findings.unnoticed += 1,
        }
        world.run_for(SETTLED_AFTER);
    }
    findings
}
