//! Data that all nodes share.

use std::{sync::Arc, time::Duration};

use hobnob::{Mesh, SharedEvent};
use hobnob_sim::{Cluster, NodeId};

const SECOND: Duration = Duration::from_secs(1);

/// Every node counts its starts, and writes down who started last.
async fn count_starts(mesh: Mesh) {
    let shared = mesh.shared();
    shared.counter("starts").add(1).expect("there is room");
    let me = mesh.address().to_string();
    shared.set("last", me).expect("there is room");
}

fn nodes(seed: u64, count: usize) -> (Cluster, Vec<NodeId>) {
    let mut cluster = Cluster::new(seed);
    let nodes = (0..count)
        .map(|_| cluster.node("room", count_starts))
        .collect();
    cluster.run_for(10 * SECOND);
    (cluster, nodes)
}

fn starts(cluster: &Cluster, node: NodeId) -> i64 {
    cluster.mesh(node).shared().counter("starts").value()
}

#[test]
fn starts_are_counted_through_crashes_and_partitions() {
    for seed in 0..5 {
        let (mut cluster, nodes) = nodes(seed, 6);
        assert!(
            nodes.iter().all(|node| starts(&cluster, *node) == 6),
            "seed {seed}"
        );
        cluster.crash(nodes[1]);
        cluster.run_for(SECOND);
        cluster.restart(nodes[1]);
        cluster.run_for(20 * SECOND);
        let (one, other) = nodes.split_at(3);
        cluster.cut(one, other);
        for node in [nodes[2], nodes[5]] {
            cluster.crash(node);
            cluster.run_for(SECOND);
            cluster.restart(node);
            cluster.run_for(20 * SECOND);
        }
        assert_eq!(
            (starts(&cluster, nodes[0]), starts(&cluster, nodes[3])),
            (8, 8)
        );
        cluster.heal_all();
        let all = nodes.clone();
        let agree = move |cluster: &Cluster| all.iter().all(|node| starts(cluster, *node) == 9);
        assert!(cluster.run_until(60 * SECOND, agree), "seed {seed}");
        let last = cluster.address(nodes[5]).to_string();
        for node in nodes {
            let entry = cluster.mesh(node).shared().get("last").expect("it was set");
            assert_eq!(entry.decode::<String>().expect("text"), last, "seed {seed}");
        }
    }
}

#[test]
fn a_node_that_joins_reads_what_was_written_before_it_came() {
    let (mut cluster, nodes) = nodes(7, 3);
    cluster.run(nodes[0], |mesh| async move {
        for number in 0..500 {
            let key = format!("room {number}");
            mesh.shared().set(&key, "open").expect("there is room");
        }
    });
    cluster.run_for(30 * SECOND);
    let late = cluster.node("gate", |_| async {});
    let has_all = move |cluster: &Cluster| cluster.mesh(late).shared().entries().len() == 501;
    assert!(cluster.run_until(10 * SECOND, has_all));
    let waits = cluster.spawn(late, |mesh| async move {
        let mut events = mesh.shared().events();
        loop {
            if let Ok(SharedEvent::Removed { key }) = events.recv().await {
                return key;
            }
        }
    });
    cluster
        .run(
            nodes[2],
            |mesh| async move { mesh.shared().remove("room 7") },
        )
        .expect("clocks are right");
    assert_eq!(cluster.wait(waits), Some(Arc::from("room 7")));
}
