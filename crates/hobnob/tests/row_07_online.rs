//! Row 7: `mesh.is_node_online(address)`, `mesh.is_online()`.

mod common;

use std::net::SocketAddr;

use common::{Apart, cluster, ends, patient, quick, sees, start};
use hobnob::{Mesh, NodeState};

/// Asserts what a node sees of another one, in all the ways to ask.
fn assert_state(mesh: &Mesh, address: SocketAddr, state: NodeState) {
    let node = mesh.node(address).expect("it is known");
    assert_eq!(node.state(), state);
    assert_eq!(node.is_online(), state == NodeState::Online);
    assert_eq!(mesh.is_node_online(address), state == NodeState::Online);
    assert_eq!(
        mesh.nodes()
            .online()
            .iter()
            .any(|node| node.address() == address),
        state == NodeState::Online
    );
}

#[tokio::test]
async fn online_means_online_and_nothing_else() {
    let meshes = cluster(&["a", "b"]).await;
    let (a, b) = (&meshes[0], &meshes[1]);
    let address = b.address();
    assert_state(a, address, NodeState::Online);
    assert!(b.is_online());

    b.set_taken(true);
    assert!(!b.is_online());
    assert!(!b.is_node_online(address), "it says so of itself too");
    sees(a, address, NodeState::Taken).await;
    assert_state(a, address, NodeState::Taken);

    b.set_taken(false);
    assert!(b.is_online() && b.is_node_online(address));
    sees(a, address, NodeState::Online).await;
    assert_state(a, address, NodeState::Online);

    let permit = b.admission().client().unwrap();
    let leaving = b.clone();
    let shutdown = tokio::spawn(async move { leaving.shutdown().await });
    sees(a, address, NodeState::Offline).await;
    assert_state(a, address, NodeState::Offline);
    assert!(!b.is_online() && !b.is_node_online(address));
    assert_eq!(b.me().state(), NodeState::Offline);
    // Offline is final.
    b.set_taken(true);
    b.set_taken(false);
    assert_eq!(b.me().state(), NodeState::Offline);

    drop(permit);
    ends("shutdown", shutdown).await.unwrap();
    sees(a, address, NodeState::Left).await;
    assert_state(a, address, NodeState::Left);
    assert!(!b.is_online());
}

#[tokio::test]
async fn a_crashed_node_is_failed_and_not_online() {
    let a = start(quick("a")).await;
    let b = Apart::start(quick("b").seed(a.address().to_string()), |_| {}).await;
    sees(&a, b.address(), NodeState::Online).await;
    let address = b.crash().await;
    sees(&a, address, NodeState::Failed).await;
    assert_state(&a, address, NodeState::Failed);
}

#[tokio::test]
async fn a_node_that_does_not_answer_is_suspect_and_not_online_until_it_does() {
    // Quick to suspect, and patient before it is declared dead.
    let a = start(hobnob::Mesh::builder("a")).await;
    let b = Apart::start(
        hobnob::Mesh::builder("b").seed(a.address().to_string()),
        |_| {},
    )
    .await;
    sees(&a, b.address(), NodeState::Online).await;
    let frozen = b.freeze().await;
    sees(&a, b.address(), NodeState::Suspect).await;
    assert_state(&a, b.address(), NodeState::Suspect);
    drop(frozen);
    sees(&a, b.address(), NodeState::Online).await;
    assert_state(&a, b.address(), NodeState::Online);
}

#[tokio::test]
async fn a_stranger_is_not_online() {
    let (a, b) = (start(quick("a")).await, start(patient("b")).await);
    assert!(!a.is_node_online(b.address()));
    assert!(!a.is_node_online(SocketAddr::from(([127, 0, 0, 1], 1))));
    assert!(a.is_node_online(a.address()));
}
