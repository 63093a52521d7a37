//! Messages over a bad network, and who is in the cluster.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use hobnob::{Context, HandleError, Mesh, SendError};
use hobnob_sim::{Cluster, Conditions, Fate, NodeId};

const TELL: u16 = 100;

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<BTreeMap<String, u32>>>);

impl Heard {
    async fn serve(self, mesh: Mesh) -> Result<(), HandleError> {
        mesh.handle(TELL, move |_: Context, text: String| {
            *self.0.lock().unwrap().entry(text).or_default() += 1;
            async { Ok::<_, String>(()) }
        })
    }
}

#[test]
fn at_thirty_percent_loss_each_send_is_handled_once() {
    let mut cluster = Cluster::new(30);
    cluster.set_conditions(Conditions::LAN.with_loss(0.3).with_duplication(0.1));
    let heard = Heard::default();
    let ears = heard.clone();
    let room = cluster.node("room", move |mesh| ears.clone().serve(mesh));
    let gate = cluster.node("gate", |_| async {});
    cluster.run_for(Duration::from_secs(2));
    let to = cluster.address(room);
    let delivered = cluster.run(gate, move |mesh| async move {
        let mut delivered = 0;
        for number in 0..200 {
            let text = number.to_string();
            let sent = mesh.send(TELL, to, text).timeout(Duration::from_secs(60));
            delivered += u32::from(sent.await.is_ok());
        }
        delivered
    });
    assert_eq!(delivered, 200);
    let heard = heard.0.lock().unwrap();
    assert_eq!(heard.len(), 200);
    assert!(heard.values().all(|times| *times == 1), "{heard:?}");
    assert!(cluster.counters().fate(Fate::LostByChance) > 50);
}

#[test]
fn sixteen_nodes_find_each_other() {
    let mut cluster = Cluster::new(16);
    let nodes: Vec<NodeId> = (0..16)
        .map(|_| cluster.node("room", |_| async {}))
        .collect();
    let all_know_all = |cluster: &Cluster| {
        let knows_all = |node| cluster.mesh(node).nodes().online().len() == 15;
        nodes.iter().copied().all(knows_all)
    };
    assert!(cluster.run_until(Duration::from_secs(10), all_know_all));
    cluster.run_for(Duration::from_secs(60));
    assert!(all_know_all(&cluster), "nobody was forgotten");
}

#[test]
fn nodes_that_are_told_of_nobody_stay_alone() {
    let mut cluster = Cluster::new(17);
    cluster.set_finds_itself(false);
    let one = cluster.node("room", |_| async {});
    let two = cluster.node("room", |_| async {});
    let to = cluster.address(one).to_string();
    let three = cluster.node_with(
        "room",
        move |builder| builder.name("three").seed(to.clone()),
        |_| async {},
    );
    cluster.run_for(Duration::from_secs(5));
    assert!(cluster.mesh(two).nodes().is_empty());
    assert_eq!(cluster.mesh(three).nodes().len(), 1);
    assert_eq!(cluster.mesh(one).nodes().first().unwrap().name(), "three");
}

#[test]
fn nothing_but_the_simulated_network_is_used() {
    let sockets = || {
        let open = std::fs::read_dir("/proc/self/fd").unwrap();
        open.filter_map(|fd| std::fs::read_link(fd.unwrap().path()).ok())
            .filter(|target| target.to_string_lossy().starts_with("socket:"))
            .count()
    };
    let before = sockets();
    let mut cluster = Cluster::new(18);
    let named = |builder: hobnob::MeshBuilder| builder.seed("localhost:7946");
    let room = cluster.node_with("room", named, |mesh: Mesh| async move {
        mesh.run_until_signal().await
    });
    let gate = cluster.node("gate", |_| async {});
    cluster.run_for(Duration::from_secs(5));
    assert_eq!(cluster.mesh(gate).nodes().online().len(), 1);
    assert_eq!(sockets(), before);
    let to = cluster.address(room);
    let result = cluster.run(
        gate,
        move |mesh| async move { mesh.send(TELL, to, "").await },
    );
    assert_eq!(result, Err(SendError::NoHandler));
}

#[test]
fn what_does_not_fit_into_the_socket_waits_for_room() {
    let mut cluster = Cluster::new(19);
    let heard = Heard::default();
    let ears = heard.clone();
    let room = cluster.node("room", move |mesh| ears.clone().serve(mesh));
    let gate = cluster.node("gate", |_| async {});
    cluster.run_for(Duration::from_secs(2));
    let to = cluster.address(room);
    cluster.run(gate, move |mesh| async move {
        for number in 0..1_000 {
            let text = format!("{number:01000}");
            mesh.usend(TELL, to, text).await.unwrap();
        }
    });
    cluster.run_for(Duration::from_secs(1));
    let heard = heard.0.lock().unwrap().len() as u64;
    let lost = cluster.counters().fate(Fate::LostAtSocket);
    assert!(heard > 300, "{heard} of 1,000 came through");
    assert!(
        lost > 0 && heard + lost >= 1_000,
        "{heard} heard, {lost} lost"
    );
}
