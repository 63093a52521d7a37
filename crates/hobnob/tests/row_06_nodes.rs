//! Row 6: `mesh.nodes()`, `nodes_by_type(…)`, `types()`, `node(address)`, `me()`.

mod common;

use std::{convert::Infallible, net::SocketAddr, sync::mpsc, thread};

use common::{Apart, COMMAND, HANG, acquainted, cluster, ends, eventually, quick, sees, start};
use hobnob::{Context, Mesh, Node, NodeState, Nodes, RoundRobin, node_type};

fn addresses(nodes: &Nodes) -> Vec<SocketAddr> {
    nodes.iter().map(hobnob::Node::address).collect()
}

#[tokio::test]
async fn nodes_are_all_others_in_the_order_of_their_addresses() {
    let alone = start(quick("alone")).await;
    assert!(alone.nodes().is_empty());
    assert_eq!(alone.nodes().len(), 0);

    let meshes = cluster(&["a", "b", "a", "c"]).await;
    for mesh in &meshes {
        let mut others: Vec<SocketAddr> = meshes.iter().map(Mesh::address).collect();
        others.retain(|address| *address != mesh.address());
        others.sort();
        assert_eq!(addresses(&mesh.nodes()), others);
    }
}

#[tokio::test]
async fn nodes_can_be_asked_for_by_type() {
    let types = [
        node_type::UDP,
        node_type::TCP,
        node_type::HTTP,
        node_type::WS,
        "matchmaker",
        "räume/süd 7",
        "udp",
    ];
    assert_eq!(types[..4], ["udp", "tcp", "http", "ws"]);
    let meshes = cluster(&types).await;
    let mesh = &meshes[0];
    assert_eq!(
        mesh.types(),
        ["http", "matchmaker", "räume/süd 7", "tcp", "udp", "ws"]
    );
    for (node_type, other) in types.iter().zip(&meshes).skip(1) {
        assert_eq!(
            addresses(&mesh.nodes_by_type(node_type)),
            [other.address()],
            "{node_type}"
        );
        assert_eq!(
            addresses(&mesh.nodes().of_type(node_type)),
            [other.address()]
        );
    }
    assert!(mesh.nodes_by_type("UDP").is_empty());
    assert!(mesh.nodes_by_type("").is_empty());
}

#[tokio::test]
async fn online_ones_can_be_told_from_others() {
    let meshes = cluster(&["a", "b", "b", "b"]).await;
    let a = &meshes[0];
    meshes[1].set_taken(true);
    sees(a, meshes[1].address(), NodeState::Taken).await;
    ends("shutdown", meshes[2].shutdown()).await;
    sees(a, meshes[2].address(), NodeState::Left).await;

    assert_eq!(a.nodes_by_type("b").len(), 3);
    assert_eq!(
        addresses(&a.nodes_by_type("b").online()),
        [meshes[3].address()]
    );
    assert_eq!(addresses(&a.nodes().online()), [meshes[3].address()]);
    let gone = a.nodes().filter(|node| node.state() == NodeState::Left);
    assert_eq!(addresses(&gone), [meshes[2].address()]);
    assert_eq!(
        a.nodes().online().first().map(|node| node.address()),
        Some(meshes[3].address())
    );
}

#[tokio::test]
async fn new_work_goes_to_online_nodes_only() {
    let meshes = cluster(&["a", "b", "b", "b", "b"]).await;
    let a = &meshes[0];
    meshes[1].set_taken(true);
    sees(a, meshes[1].address(), NodeState::Taken).await;
    ends("shutdown", meshes[2].shutdown()).await;
    sees(a, meshes[2].address(), NodeState::Left).await;
    let permit = meshes[3].admission().client().unwrap();
    let leaving = tokio::spawn({
        let mesh = meshes[3].clone();
        async move { mesh.shutdown().await }
    });
    sees(a, meshes[3].address(), NodeState::Offline).await;

    let only = meshes[4].address();
    let turns = RoundRobin::new();
    for mesh in [a, &meshes[1], &meshes[4]] {
        let pick = mesh.pick("b");
        assert_eq!(pick.len(), 1);
        for chosen in [
            pick.random(),
            pick.round_robin(&turns),
            pick.least_loaded(Node::generation),
            pick.by_key("a key"),
        ] {
            assert_eq!(chosen.map(|node| node.address()), Some(only));
        }
        assert!(mesh.pick("c").is_empty());
    }
    assert!(meshes[4].pick("b").without_me().is_empty());
    drop(permit);
    ends("shutdown", leaving).await.unwrap();
}

#[tokio::test]
async fn every_node_chooses_the_same_for_a_key() {
    let meshes = cluster(&["b", "b", "b", "b"]).await;
    for key in 0..100 {
        let owner = meshes[0].pick("b").by_key(format!("room {key}"));
        for mesh in &meshes[1..] {
            let chosen = mesh.pick("b").by_key(format!("room {key}"));
            assert_eq!(
                chosen.map(|node| node.address()),
                owner.as_ref().map(|node| node.address())
            );
        }
    }
}

#[tokio::test]
async fn a_node_tells_what_it_said_of_itself() {
    let a = start(quick("a")).await;
    let b = quick("b")
        .name("b-7")
        .role("spare")
        .endpoint("example.org:443")
        .version("1.2.3")
        .value("zone", "south")
        .value("bytes", vec![0_u8, 255])
        .seed(a.address().to_string());
    let b = start(b).await;
    acquainted(&[a.clone(), b.clone()]).await;
    eventually("its values", || a.value(b.address(), "zone").is_some()).await;
    for node in [
        a.node(b.address()).unwrap(),
        b.me(),
        b.node(b.address()).unwrap(),
    ] {
        assert_eq!(node.address(), b.address());
        assert_eq!(node.node_type(), "b");
        assert_eq!(node.name(), "b-7");
        assert_eq!(node.role(), "spare");
        assert_eq!(node.endpoint(), "example.org:443");
        assert_eq!(node.app(), "");
        assert_eq!(node.app_version(), "1.2.3");
        assert_eq!(node.value("zone"), Some(&"south".into()));
        assert_eq!(node.value_as::<&[u8]>("bytes"), Some(&[0, 255][..]));
        assert_eq!(node.value("none"), None);
        let keys: Vec<_> = node.values().iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["bytes", "zone"]);
        assert_eq!(node.state(), NodeState::Online);
        assert_eq!(node.generation(), b.me().generation());
    }
    let plain = b.node(a.address()).unwrap();
    assert_eq!((plain.name(), plain.role(), plain.endpoint()), ("", "", ""));
    assert!(plain.values().is_empty());
    let stranger = SocketAddr::from(([127, 0, 0, 1], 1));
    assert!(a.node(stranger).is_none());
}

#[tokio::test]
async fn what_was_read_does_not_change_any_more() {
    let meshes = cluster(&["a", "b"]).await;
    let (a, b) = (&meshes[0], &meshes[1]);
    let (nodes, node) = (a.nodes(), a.node(b.address()).unwrap());
    b.set_taken(true);
    sees(a, b.address(), NodeState::Taken).await;
    assert_eq!(node.state(), NodeState::Online);
    assert_eq!(nodes.online().len(), 1);
    assert_eq!(a.nodes().online().len(), 0);
}

/// The node's own thread is held up in a handler, so that nothing at all happens on the network.
#[tokio::test]
async fn reading_is_never_blocked_by_the_network() {
    let a = start(quick("a")).await;
    let (mesh_out, mesh) = mpsc::channel();
    let (held, is_held) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let b = Apart::start(quick("b").seed(a.address().to_string()), move |mesh| {
        mesh_out.send(mesh.clone()).unwrap();
        mesh.handle(COMMAND, move |_: Context, (): ()| {
            held.send(()).unwrap();
            let _ = released.lock().unwrap().recv();
            async { Ok::<_, Infallible>(()) }
        })
        .unwrap();
    })
    .await;
    let mesh = mesh.recv().unwrap();
    acquainted(&[a.clone(), mesh.clone()]).await;
    let request = tokio::spawn(
        a.request(COMMAND, b.address(), ())
            .timeout(common::NEVER)
            .into_future(),
    );
    tokio::task::spawn_blocking(move || is_held.recv_timeout(HANG).unwrap())
        .await
        .unwrap();

    let (done, is_done) = mpsc::channel();
    let (address, other) = (b.address(), a.address());
    thread::spawn(move || {
        assert_eq!(mesh.me().address(), address);
        assert_eq!(mesh.address(), address);
        assert_eq!(mesh.nodes().len(), 1);
        assert_eq!(mesh.nodes_by_type("a").len(), 1);
        assert_eq!(mesh.types(), ["a", "b"]);
        assert!(mesh.node(other).is_some());
        assert!(mesh.is_node_online(other));
        assert!(mesh.is_online());
        assert!(mesh.admission().client().is_ok());
        done.send(()).unwrap();
    });
    let read = tokio::task::spawn_blocking(move || is_done.recv_timeout(HANG))
        .await
        .unwrap();
    assert_eq!(read, Ok(()));
    assert!(!request.is_finished());
    release.send(()).unwrap();
    ends("the request", request).await.unwrap().unwrap();
}
