//! `mesh.views()` and `mesh.view()`.

mod common;

use std::{net::SocketAddr, time::Duration};

use common::{HANG, ends, eventually, is_pending, quick, start};
use hobnob::{Mesh, MeshBuilder, Node};

/// Long enough for nodes that start together, short enough for a test.
const QUIET: Duration = Duration::from_millis(300);

fn room() -> MeshBuilder {
    quick("room").view_quiet(QUIET).view_held_max(HANG)
}

fn addresses(nodes: &[Node]) -> Vec<SocketAddr> {
    nodes.iter().map(Node::address).collect()
}

async fn room_beside(mesh: &Mesh) -> Mesh {
    start(room().seed(mesh.address().to_string())).await
}

#[tokio::test]
async fn every_reader_gets_the_version_that_stands_and_the_next() {
    let a = start(room()).await;
    assert!(a.view().is_none(), "nothing has settled yet");
    let mut early = a.views();
    let first = ends("a version", early.next()).await.unwrap();
    assert_eq!(first.view.number(), 1);
    assert_eq!(addresses(first.view.members()), [a.address()]);
    assert_eq!(addresses(&first.added), [a.address()]);
    assert!(first.removed.is_empty());

    let mut late = a.views();
    assert_eq!(late.next().await.unwrap().view.number(), 1);
    let b = room_beside(&a).await;
    for reader in [&mut early, &mut late] {
        let second = ends("a version", reader.next()).await.unwrap();
        assert_eq!(second.view.number(), 2);
        assert_eq!(addresses(&second.added), [b.address()]);
        assert!(second.removed.is_empty());
        assert_eq!(second.view.pick("room").len(), 2);
    }
    assert_eq!(a.view().unwrap().number(), 2);
}

#[tokio::test]
async fn a_slow_reader_misses_versions_and_no_change() {
    let a = start(room()).await;
    let mut views = a.views();
    ends("a version", views.next()).await.unwrap();
    let has_version = |number| {
        let a = &a;
        async move {
            let what = format!("version {number}");
            eventually(&what, || {
                a.view().is_some_and(|view| view.number() == number)
            })
            .await;
        }
    };
    let b = room_beside(&a).await;
    has_version(2).await;
    let c = room_beside(&a).await;
    has_version(3).await;
    ends("shutdown", b.shutdown()).await;
    has_version(4).await;

    let change = ends("a version", views.next()).await.unwrap();
    assert_eq!(change.view.number(), 4);
    assert_eq!(addresses(&change.added), [c.address()]);
    assert!(change.removed.is_empty(), "it never heard of b");

    // What came and went while nobody read is no change: the reader waits on.
    let d = room_beside(&a).await;
    has_version(5).await;
    ends("shutdown", d.shutdown()).await;
    has_version(6).await;
    assert!(is_pending(&mut Box::pin(views.next())).await);
    ends("shutdown", c.shutdown()).await;
    let change = ends("a version", views.next()).await.unwrap();
    assert_eq!(addresses(&change.removed), [c.address()]);
    assert_eq!(addresses(change.view.members()), [a.address()]);
}

#[tokio::test]
async fn a_future_that_is_dropped_loses_nothing() {
    let a = start(room()).await;
    let mut views = a.views();
    eventually("a version", || a.view().is_some()).await;
    // Made and never polled; then polled once, before there is anything.
    drop(views.next());
    assert_eq!(views.next().await.unwrap().view.number(), 1);
    assert!(is_pending(&mut Box::pin(views.next())).await);
    let b = room_beside(&a).await;
    let change = ends("a version", views.next()).await.unwrap();
    assert_eq!(addresses(&change.added), [b.address()]);
}

#[tokio::test]
async fn the_end_of_the_mesh_is_the_end_of_its_views() {
    let a = start(quick("room").view_quiet(HANG)).await;
    let mut views = a.views();
    let waiting = tokio::spawn(async move { views.next().await.is_none() });
    ends("shutdown", a.shutdown()).await;
    assert!(ends("the reader", waiting).await.unwrap());
    assert!(ends("a late one", a.views().next()).await.is_none());
}

#[tokio::test]
async fn a_bound_below_the_quiet_time_is_refused() {
    let builder = quick("room").view_quiet(HANG).view_held_max(QUIET);
    let error = builder.start().await.unwrap_err().to_string();
    assert!(error.starts_with("view_held_max is 300ms: "), "{error}");
    // Alone, a long quiet time takes the bound along.
    start(quick("room").view_quiet(HANG)).await;
}
