//! A cluster that was in two is one again soon after it can be.

use std::time::Duration;

use hobnob_sim::{
    Conditions, Idle, NodeId, Sim,
    endpoint::gossip::{GossipConfig, Metadata, MetadataFields, Profile},
};

const SECOND: Duration = Duration::from_secs(1);

/// A node of the profile for a data centre.
fn start(sim: &mut Sim<Idle>) -> NodeId {
    let fields = MetadataFields {
        node_type: "room".into(),
        ..MetadataFields::default()
    };
    sim.start(Metadata::new(fields).unwrap(), |config| {
        config.gossip = GossipConfig::new(Profile::Lan);
    })
}

/// Whoever is alone greets the first node, as the driver does with its seeds.
fn greet(sim: &mut Sim<Idle>, ids: &[NodeId]) {
    let first = sim.addr(ids[0]);
    for &id in ids {
        sim.with(id, |at| {
            if at.endpoint.members().is_alone() {
                at.endpoint.join(at.now, first);
            }
        });
    }
}

/// How many of the others each of the nodes sees as Online, at least and at most.
fn seen(sim: &Sim<Idle>, ids: &[NodeId]) -> (usize, usize) {
    let online = ids.iter().map(|id| {
        let endpoint = sim.endpoint(*id).expect("alive");
        let nodes = endpoint.members().nodes();
        nodes.filter(|node| node.is_online()).count()
    });
    online.fold((usize::MAX, 0), |(least, most), count| {
        (least.min(count), most.max(count))
    })
}

/// Lets time pass in steps until all see so many others; how long that took.
fn until_all_see(
    sim: &mut Sim<Idle>,
    ids: &[NodeId],
    others: usize,
    at_most: Duration,
) -> Option<Duration> {
    const STEP: Duration = Duration::from_millis(100);
    let began = sim.now();
    while seen(sim, ids) != (others, others) {
        if sim.now().saturating_since(began) >= at_most {
            return None;
        }
        greet(sim, ids);
        sim.run_for(STEP);
    }
    Some(sim.now().saturating_since(began))
}

#[test]
fn halves_of_64_are_one_view_15_seconds_after_a_minute_apart() {
    const SIZE: usize = 128;
    let seed = 0;
    let mut sim = Sim::new(seed, Conditions::LAN, Idle);
    let ids: Vec<NodeId> = (0..SIZE).map(|_| start(&mut sim)).collect();
    let joined = until_all_see(&mut sim, &ids, SIZE - 1, 60 * SECOND);
    joined.unwrap_or_else(|| panic!("seed {seed}: the cluster forms"));

    let (one, other) = ids.split_at(SIZE / 2);
    sim.partition(one, other, true);
    sim.run_for(60 * SECOND);
    assert_eq!(
        seen(&sim, &ids),
        (SIZE / 2 - 1, SIZE / 2 - 1),
        "seed {seed}"
    );

    sim.partition(one, other, false);
    let took = until_all_see(&mut sim, &ids, SIZE - 1, 15 * SECOND);
    assert!(
        took.is_some(),
        "seed {seed}: {:?} see each other",
        seen(&sim, &ids)
    );
}
