//! Nodes that find each other by names.

use std::{net::IpAddr, time::Duration};

use hobnob_sim::{Cluster, NodeId};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A cluster in which nobody knows anybody, of nodes whose only seed is a name.
fn by_name(seed: u64, size: usize) -> (Cluster, Vec<NodeId>) {
    let mut cluster = Cluster::new(seed);
    cluster.set_finds_itself(false);
    let nodes = (0..size).map(|_| room(&mut cluster)).collect();
    (cluster, nodes)
}

fn room(cluster: &mut Cluster) -> NodeId {
    cluster.node_with("room", |builder| builder.seed("rooms:7946"), |_| async {})
}

fn hosts(cluster: &Cluster, nodes: &[NodeId]) -> Vec<IpAddr> {
    let host = |node: &NodeId| cluster.address(*node).ip();
    nodes.iter().map(host).collect()
}

/// Hosts that were there once, or will be.
fn nobody(count: u8) -> impl Iterator<Item = IpAddr> {
    (0..count).map(|number| IpAddr::from([10, 200, 0, number]))
}

fn all_see_all(cluster: &Cluster, nodes: &[NodeId]) -> bool {
    let online = |node: &NodeId| cluster.mesh(*node).nodes().online().len();
    nodes.iter().all(|node| online(node) == nodes.len() - 1)
}

#[test]
fn a_headless_service_is_a_seed_for_all_its_pods() {
    for seed in 0..5 {
        // The first pods start before the service knows any; each has itself in the answer later.
        let (mut cluster, nodes) = by_name(seed, 8);
        cluster.run_for(10 * SECOND);
        assert!(cluster.mesh(nodes[0]).nodes().is_empty());
        cluster.set_name("rooms", hosts(&cluster, &nodes));
        let are_found = |cluster: &Cluster| all_see_all(cluster, &nodes);
        assert!(cluster.run_until(4 * SECOND, are_found), "seed {seed}");
    }
}

#[test]
fn a_name_is_resolved_again_at_each_try() {
    let (mut cluster, mut nodes) = by_name(3, 1);
    cluster.set_name("rooms", nobody(3));
    cluster.run_for(MINUTE);
    nodes.push(room(&mut cluster));
    cluster.run_for(MINUTE);
    assert!(cluster.mesh(nodes[0]).nodes().is_empty());
    cluster.set_name("rooms", hosts(&cluster, &nodes[1..]));
    assert!(cluster.run_until(4 * SECOND, |cluster| all_see_all(cluster, &nodes)));
}

#[test]
fn one_pod_that_lives_is_found_among_two_hundred_that_do_not() {
    for seed in 0..5 {
        let (mut cluster, nodes) = by_name(seed, 2);
        let mut all: Vec<IpAddr> = nobody(200).collect();
        all.extend(hosts(&cluster, &nodes[1..]));
        cluster.set_name("rooms", all);
        let are_found = |cluster: &Cluster| all_see_all(cluster, &nodes);
        assert!(cluster.run_until(10 * SECOND, are_found), "seed {seed}");
    }
}

#[test]
fn a_node_whose_cluster_was_replaced_finds_the_new_one() {
    let (mut cluster, nodes) = by_name(4, 3);
    cluster.set_name("rooms", hosts(&cluster, &nodes));
    cluster.run_for(10 * SECOND);
    assert!(all_see_all(&cluster, &nodes));

    // The last one is cut off; meanwhile all others are replaced by new ones at other addresses.
    cluster.cut(&nodes[2..], &nodes[..2]);
    cluster.run_for(MINUTE);
    for node in &nodes[..2] {
        cluster.crash(*node);
    }
    let mut new = vec![room(&mut cluster), room(&mut cluster)];
    cluster.cut(&nodes[2..], &new);
    cluster.set_name("rooms", hosts(&cluster, &new));
    cluster.run_for(MINUTE);
    assert!(cluster.mesh(nodes[2]).nodes().online().is_empty());

    cluster.heal_all();
    new.push(nodes[2]);
    assert!(cluster.run_until(4 * SECOND, |cluster| all_see_all(cluster, &new)));
}

/// Groups that formed apart, each behind seeds of its own, become one soon after they can see each other's.
#[test]
fn groups_that_never_met_become_one() {
    let (mut cluster, nodes) = by_name(9, 6);
    let (one, other) = nodes.split_at(3);
    cluster.cut(one, other);
    cluster.set_name("rooms", hosts(&cluster, &nodes));
    cluster.run_for(5 * MINUTE);
    assert!(all_see_all(&cluster, one) && all_see_all(&cluster, other));
    cluster.heal_all();
    assert!(cluster.run_until(35 * SECOND, |cluster| all_see_all(cluster, &nodes)));
}
