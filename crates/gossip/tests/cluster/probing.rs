//! Who looks after whom, and how soon a crash is known for it.

use std::time::Duration;

use hobnob_gossip::{NodeState, Profile};

use crate::{
    forge,
    net::{Net, Weather, addr},
};

const SECOND: Duration = Duration::from_secs(1);
const SIZE: usize = 20;
const VICTIM: usize = 5;

/// A cluster under the profile for data centres, whose probe period is a second.
fn lan(seed: u64) -> Net {
    let mut net = Net::with_config(seed, Weather::CALM, Profile::Lan.into());
    for index in 0..SIZE {
        net.add(index, 1_000);
    }
    net.join_all();
    // Somewhere in a round.
    net.run_for(3 * SECOND + Duration::from_millis(37) * u32::try_from(seed).unwrap());
    net
}

fn accusers(net: &Net, by: usize) -> usize {
    let why = net.hosts[by].gossip.why(addr(VICTIM));
    why.map_or(0, |why| why.accusers.len())
}

fn most_accusers(net: &Net) -> usize {
    let others = (0..SIZE).filter(|by| *by != VICTIM);
    others.map(|by| accusers(net, by)).max().unwrap_or(0)
}

/// With random probes alone one node in seven is not probed for two periods, and one in fifty not for four.
#[test]
fn every_node_is_probed_by_its_predecessor_at_least_every_other_period() {
    for seed in 0..40 {
        let mut net = lan(seed);
        net.stop(VICTIM);
        // Until the round in which it is probed begins, and until that is over.
        net.run_for(2 * SECOND + SECOND);
        assert_ne!(most_accusers(&net), 0, "seed {seed}");
    }
}

/// Whoever hears of a suspicion finds out for itself, in whatever way it has heard of it: SWIM's own word, which names
/// no accuser, is often there first.
#[test]
fn a_suspicion_without_an_accuser_is_looked_into_as_well() {
    let mut net = lan(0);
    net.block(VICTIM);
    let life = |index| forge::life(addr(index), 1_000);
    let suspect = (life(VICTIM), 0, forge::SUSPECT);
    for by in (0..SIZE).filter(|by| ![VICTIM, 1].contains(by)) {
        let gossip = forge::swim(life(1), life(by), forge::GOSSIP, &[suspect]);
        net.with(by, |host, now| {
            host.handle_payload(now, addr(1), &gossip).expect("sound");
        });
    }
    // A question takes a period; the word of who began it is heard within another one.
    net.run_for(2 * SECOND);
    assert_eq!(most_accusers(&net), 4, "as many as count");
}

/// Two periods until it is probed, one until that has failed, one and a third until it is dead, and four rounds of
/// gossip.
#[test]
fn a_crash_is_known_to_all_within_five_periods() {
    for seed in 0..40 {
        let mut net = lan(seed);
        net.stop(VICTIM);
        net.run_until(5 * SECOND, |net| net.all_see(VICTIM, NodeState::Failed));
    }
}

/// In a ring of two there is nobody else to look after, and in one of three there is.
#[test]
fn small_clusters_notice_a_crash_as_well() {
    for size in [2, 3] {
        let mut net = Net::with_config(1, Weather::CALM, Profile::Lan.into());
        for index in 0..size {
            net.add(index, 1_000);
        }
        net.join_all();
        net.run_for(3 * SECOND);
        net.stop(1);
        net.run_until(10 * SECOND, |net| net.all_see(1, NodeState::Failed));
    }
}

/// Whoever hears nothing of its successor does not call it dead: others are asked to probe it, and hear it.
#[test]
fn a_bad_path_to_the_successor_is_nobodys_failure() {
    // One of the distances is that of a neighbour in the ring, for each host.
    for distance in 1..SIZE {
        let mut net = lan(3);
        for by in 0..SIZE {
            let whom = (by + distance) % SIZE;
            net.cuts.insert((addr(whom), addr(by)));
        }
        net.run_for(20 * SECOND);
        for whom in 0..SIZE {
            let failed = (0..SIZE).filter(|by| net.ever_failed(*by, whom)).count();
            assert_eq!(failed, 0, "distance {distance}: {whom}");
        }
    }
}
