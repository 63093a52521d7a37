//! What the nodes have reported, read for what is asked.

use super::world::{What, World};
use hobnob_endpoint::wire::Instant;

/// Reports of failures since a moment, of those whom it is about.
pub(super) fn downs_of(world: &impl World, since: usize, is_meant: impl Fn(usize) -> bool) -> u64 {
    let said = &world.said()[since..];
    let downs = said.iter().filter(|said| said.what == What::Down);
    downs.filter(|said| is_meant(said.whom)).count() as u64
}

/// When the first and the last of the living reported a crash or a leave, once all have.
pub(super) fn told_all(
    world: &impl World,
    since: usize,
    (whom, what): (usize, What),
    is_dead: &[bool],
) -> Option<(Instant, Instant)> {
    let said = world.said()[since..].iter();
    let reports = said.filter(|said| said.whom == whom && said.what == what);
    let mut has_told = is_dead.to_vec();
    let (mut first, mut last, mut told) = (None, None, 0);
    // In the order in which they were made.
    for said in reports.filter(|said| !std::mem::replace(&mut has_told[said.by], true)) {
        first = first.or(Some(said.at));
        last = Some(said.at);
        told += 1;
    }
    let living = is_dead.iter().filter(|is_dead| !**is_dead).count();
    if told < living {
        return None;
    }
    first.zip(last)
}
