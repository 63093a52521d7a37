//! Versions of the membership that have settled.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use hobnob::{Mesh, Node, ViewChange};
use hobnob_sim::{Cluster, NodeId};

const MINUTE: Duration = Duration::from_secs(60);

type Seen = Arc<Mutex<Vec<ViewChange>>>;

/// Writes down every version it gets.
async fn watch(mesh: Mesh, seen: Seen) {
    let mut views = mesh.views();
    while let Some(change) = views.next().await {
        seen.lock().unwrap().push(change);
    }
}

/// Lets a cluster come to rest: all have the same version of the membership.
fn settle(cluster: &mut Cluster, nodes: &[NodeId]) {
    cluster.run_for(MINUTE);
    for node in nodes {
        let view = cluster.mesh(*node).view().expect("a minute is enough");
        assert_eq!(view.members().len(), nodes.len());
    }
}

fn cluster_of(seed: u64, size: usize) -> (Cluster, Vec<NodeId>) {
    let mut cluster = Cluster::new(seed);
    let nodes: Vec<_> = (0..size)
        .map(|_| cluster.node("room", |_| async {}))
        .collect();
    settle(&mut cluster, &nodes);
    (cluster, nodes)
}

fn addresses<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> BTreeSet<SocketAddr> {
    nodes.into_iter().map(Node::address).collect()
}

#[test]
fn ten_crashes_together_are_one_change() {
    for seed in 0..2 {
        let (mut cluster, nodes) = cluster_of(seed, 30);
        let number = |cluster: &Cluster, node| cluster.mesh(node).view().unwrap().number();
        let before: Vec<u64> = nodes.iter().map(|node| number(&cluster, *node)).collect();

        let (left, crashed) = nodes.split_at(20);
        crashed.iter().for_each(|node| cluster.crash(*node));
        cluster.run_for(2 * MINUTE);
        let expected: BTreeSet<_> = left.iter().map(|node| cluster.address(*node)).collect();
        for (node, before) in left.iter().zip(before) {
            let view = cluster.mesh(*node).view().unwrap();
            assert_eq!(view.number(), before + 1, "seed {seed}, {node}");
            assert_eq!(addresses(view.members()), expected);
        }
    }
}

#[test]
fn a_start_of_all_is_one_version_and_a_rolling_restart_is_another() {
    let seen = Seen::default();
    let mut cluster = Cluster::new(5);
    let watching = seen.clone();
    let mut nodes = vec![cluster.node("room", move |mesh| watch(mesh, watching.clone()))];
    nodes.extend((1..8).map(|_| cluster.node("room", |_| async {})));
    settle(&mut cluster, &nodes);
    let first = std::mem::take(&mut *seen.lock().unwrap());
    assert_eq!(first.len(), 1, "{first:#?}");
    assert_eq!(first[0].added.len(), 8);
    assert!(first[0].removed.is_empty());
    assert!(first[0].view.members().is_sorted_by_key(Node::address));

    // A node each second, in good order: goes and comes.
    for node in &nodes[1..6] {
        cluster.shutdown(*node);
        cluster.restart(*node);
        cluster.run_for(Duration::from_secs(1));
    }
    settle(&mut cluster, &nodes);
    let second = std::mem::take(&mut *seen.lock().unwrap());
    assert_eq!(second.len(), 1, "{second:#?}");
    assert_eq!(addresses(&second[0].removed), addresses(&second[0].added));
    assert_eq!(second[0].added.len(), 5);
    let newest = |nodes: &[Node]| nodes.iter().map(Node::generation).max();
    assert!(newest(&second[0].added) > newest(&second[0].removed));

    // Nobody waits for a version of a mesh that is gone.
    cluster.shutdown(nodes[0]);
    assert_eq!(Arc::strong_count(&seen), 2, "the watch has ended");
}

#[test]
fn a_short_cut_moves_no_shard_and_a_long_one_ends_where_it_began() {
    let (mut cluster, nodes) = cluster_of(7, 12);
    let owners = |cluster: &Cluster, node: NodeId| -> Vec<SocketAddr> {
        let pick = cluster.mesh(node).view().unwrap().pick("room");
        let owner = |key: usize| pick.by_key(format!("key {key}")).unwrap().address();
        (0..100).map(owner).collect()
    };
    let before = owners(&cluster, nodes[0]);
    assert!(nodes.iter().all(|node| owners(&cluster, *node) == before));

    let (one, other) = nodes.split_at(6);
    cluster.cut(one, other);
    cluster.run_for(Duration::from_secs(3));
    assert!(nodes.iter().all(|node| owners(&cluster, *node) == before));
    cluster.run_for(2 * MINUTE);
    let halved = owners(&cluster, one[0]);
    assert!(one.iter().all(|node| owners(&cluster, *node) == halved));
    assert_ne!(halved, owners(&cluster, other[0]));

    cluster.heal_all();
    cluster.run_for(2 * MINUTE);
    assert!(nodes.iter().all(|node| owners(&cluster, *node) == before));
}
