//! Row 9, within one process: `mesh.shutdown()`.

mod common;

use std::{convert::Infallible, future::pending, sync::Arc, time::Duration};

use common::{
    COMMAND, Counter, NEVER, acquainted, cluster, ends, events_until, eventually, is_pending,
    own_address, pair, quick, sees, start,
};
use hobnob::{
    Bytes, Context, Event, EventsError, ForgetError, Mesh, NodeState, RequestError, ShutdownReport,
    StartError,
};
use tokio::{sync::Notify, task::JoinSet};

/// Long enough for a shutdown to give permits up after, where that is what is wanted.
const SHORT: Duration = Duration::from_millis(100);

fn leave(mesh: &Mesh) -> tokio::task::JoinHandle<ShutdownReport> {
    let mesh = mesh.clone();
    tokio::spawn(async move { mesh.shutdown().await })
}

async fn echo(_: Context, payload: Bytes) -> Result<Bytes, Infallible> {
    Ok(payload)
}

#[tokio::test]
async fn others_see_it_offline_while_it_serves_and_then_left() {
    let meshes = cluster(&["a", "b", "c"]).await;
    let [a, b, c] = <[Mesh; 3]>::try_from(meshes).unwrap();
    b.handle(COMMAND, echo).unwrap();
    let mut events = [a.events(), c.events()];
    let permit = b.admission().client().unwrap();

    let shutdown = leave(&b);
    for (mesh, events) in [&a, &c].into_iter().zip(&mut events) {
        let offline = events_until(events, "Offline", |event| {
            matches!(
                event,
                Event::StateChanged {
                    to: NodeState::Offline,
                    ..
                }
            )
        })
        .await;
        let Some(Event::StateChanged { node, from, .. }) = offline.last() else {
            panic!("{offline:?}");
        };
        assert_eq!((node.address(), *from), (b.address(), NodeState::Online));
        assert_eq!(mesh.node(b.address()).unwrap().state(), NodeState::Offline);
        let answer = ends("request", mesh.request(COMMAND, b.address(), "still here")).await;
        assert_eq!(answer.unwrap().as_ref(), b"still here");
    }
    assert!(!shutdown.is_finished());

    drop(permit);
    let report = ends("shutdown", shutdown).await.unwrap();
    assert_eq!((report.confirmed, report.peers), (2, 2));
    assert_eq!(report.permits_outstanding, 0);
    assert!(report.flushed);
    for (mesh, events) in [&a, &c].into_iter().zip(&mut events) {
        let left = events_until(events, "Left", |event| matches!(event, Event::Left(_))).await;
        let of_b = left.iter().filter(|event| match event {
            Event::Left(node) | Event::Failed(node) | Event::StateChanged { node, .. } => {
                node.address() == b.address()
            }
            _ => false,
        });
        assert_eq!(
            of_b.count(),
            1,
            "nothing between Offline and Left: {left:?}"
        );
        assert_eq!(mesh.node(b.address()).unwrap().state(), NodeState::Left);
    }
}

/// Without a permit to wait for, all others must have had the time to see it Offline all the same.
#[tokio::test]
async fn others_see_it_offline_even_if_it_has_nothing_to_wait_for() {
    let mut others = cluster(&["a"; 12]).await;
    let leaving = others.pop().unwrap();
    let mut events: Vec<_> = others.iter().map(Mesh::events).collect();
    let report = ends("shutdown", leaving.shutdown()).await;
    assert_eq!((report.confirmed, report.peers), (11, 11));
    for events in &mut events {
        let is_left = |event: &Event| matches!(event, Event::Left(_));
        let seen = events_until(events, "Left", is_left).await;
        assert!(
            matches!(
                &seen[..],
                [
                    Event::StateChanged { to: NodeState::Offline, .. },
                    Event::Left(left)
                ] if left.address() == leaving.address()
            ),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn it_waits_for_permits_but_no_longer_than_the_timeout() {
    let a = start(quick("a").shutdown_timeout(SHORT)).await;
    let b = start(quick("b").seed(a.address().to_string())).await;
    sees(&b, a.address(), NodeState::Online).await;
    sees(&a, b.address(), NodeState::Online).await;
    let _permits = [
        a.admission().client().unwrap(),
        a.admission().room().unwrap(),
    ];
    let report = ends("shutdown", a.shutdown()).await;
    assert_eq!(report.permits_outstanding, 2);
    assert_eq!((report.confirmed, report.peers), (1, 1));
    sees(&b, a.address(), NodeState::Left).await;

    // The last one back ends the wait: this timeout would hang the test.
    let c = start(quick("c").shutdown_timeout(NEVER)).await;
    let permits = [
        c.admission().client().unwrap(),
        c.admission().room().unwrap(),
    ];
    let shutdown = leave(&c);
    ends("going offline", c.admission().on_offline()).await;
    let [client, room] = permits;
    drop(client);
    assert!(!shutdown.is_finished());
    drop(room);
    let report = ends("shutdown", shutdown).await.unwrap();
    assert_eq!(report.permits_outstanding, 0);
    assert_eq!((report.confirmed, report.peers), (0, 0), "it was alone");
}

#[tokio::test]
async fn who_left_is_forgotten_by_hand_everywhere() {
    let mut nodes = cluster(&["a", "b", "c"]).await;
    let c = nodes.pop().expect("three nodes");
    let (address, state) = (c.address(), NodeState::Online);
    let refused = nodes[0].forget(address);
    let expected = ForgetError::NotGone {
        addr: address,
        state,
    };
    assert_eq!(refused, Err(expected), "it is there");
    ends("shutdown", c.shutdown()).await;
    for node in &nodes {
        sees(node, address, NodeState::Left).await;
    }

    nodes[0].forget(address).expect("it has left");
    assert_eq!(nodes[0].node(address), None, "at once");
    eventually("the other forgets it too", || {
        nodes[1].node(address).is_none()
    })
    .await;
    let unknown = ForgetError::Unknown { addr: address };
    assert_eq!(nodes[1].forget(address), Err(unknown));
}

#[tokio::test]
async fn how_long_gone_nodes_are_listed_has_bounds() {
    let refused = quick("a")
        .forget_after(Duration::from_secs(1))
        .start()
        .await;
    let error = refused.expect_err("it is too short").to_string();
    assert!(error.contains("forget_after is 1s"), "{error}");
}

#[tokio::test]
async fn a_second_shutdown_waits_for_the_same_one() {
    let (a, b) = pair().await;
    let permit = a.admission().client().unwrap();
    let mut first = Box::pin(a.shutdown());
    assert!(is_pending(&mut first).await);
    let mut second = Box::pin(a.shutdown());
    assert!(is_pending(&mut second).await);
    // Once begun it goes on, whoever still waits for it.
    drop(first);
    sees(&b, a.address(), NodeState::Offline).await;
    assert!(is_pending(&mut second).await);
    drop(permit);
    let report = ends("the second", second).await;
    let third = ends("a third, when it is over", a.shutdown()).await;
    assert_eq!(report, third);
    assert_eq!(report.confirmed, 1);
    ends("closed", a.closed()).await;
}

#[tokio::test]
async fn what_is_under_way_is_flushed() {
    // They are strangers to each other, so that nothing but the messages keeps the node from its end.
    let (a, b) = (start(quick("a")).await, start(quick("b")).await);
    let count = Counter::default();
    let handled = count.clone();
    b.handle(COMMAND, move |_: Context, _: Bytes| {
        handled.add();
        async { Ok::<_, Infallible>(()) }
    })
    .unwrap();
    let mut sends = JoinSet::new();
    for _ in 0..20 {
        let mut send = Box::pin(a.send(COMMAND, b.address(), vec![0; 500]).into_future());
        assert!(is_pending(&mut send).await);
        sends.spawn(send);
    }
    let report = ends("shutdown", a.shutdown()).await;
    assert!(report.flushed);
    while let Some(sent) = ends("the sends", sends.join_next()).await {
        assert_eq!(sent.unwrap(), Ok(()));
    }
    assert_eq!(count.get(), 20);
}

#[tokio::test]
async fn a_handler_that_is_at_work_may_end_it() {
    let (a, b) = pair().await;
    let (begun, finish) = (Counter::default(), Arc::new(Notify::new()));
    let shared = (begun.clone(), finish.clone());
    b.handle(COMMAND, move |context: Context, (): ()| {
        let (begun, finish) = shared.clone();
        async move {
            // What a server does for a client that waits for it.
            let _permit = context.mesh().admission().room()?;
            begun.add();
            finish.notified().await;
            Ok::<_, hobnob::AdmissionError>("done")
        }
    })
    .unwrap();
    let request = tokio::spawn(
        a.request(COMMAND, b.address(), "")
            .timeout(NEVER)
            .into_future(),
    );
    begun.reaches(1).await;
    let shutdown = leave(&b);
    sees(&a, b.address(), NodeState::Offline).await;
    finish.notify_one();
    let answer = ends("request", request).await.unwrap();
    assert_eq!(answer.unwrap().as_ref(), b"done");
    ends("shutdown", shutdown).await.unwrap();
}

#[tokio::test]
async fn what_never_ends_does_not_keep_it() {
    let (a, b) = pair().await;
    for mesh in [&a, &b] {
        mesh.handle(COMMAND, |_: Context, (): ()| {
            pending::<Result<(), Infallible>>()
        })
        .unwrap();
    }
    let into = tokio::spawn(
        a.request(COMMAND, b.address(), "")
            .timeout(NEVER)
            .into_future(),
    );
    let out = tokio::spawn(
        b.request(COMMAND, a.address(), "")
            .timeout(NEVER)
            .into_future(),
    );
    let own = tokio::spawn(
        b.request(COMMAND, b.address(), "")
            .timeout(NEVER)
            .into_future(),
    );
    eventually("both requests", || {
        [&a, &b]
            .iter()
            .all(|mesh| mesh.stats().get("messages_received_total") >= Some(1))
    })
    .await;
    let report = ends("shutdown", b.shutdown()).await;
    assert!(!report.flushed);
    assert_eq!(
        ends("into it", into).await.unwrap(),
        Err(RequestError::PeerDown)
    );
    assert_eq!(
        ends("out of it", out).await.unwrap(),
        Err(RequestError::Closed)
    );
    assert_eq!(
        ends("its own", own).await.unwrap(),
        Err(RequestError::Closed)
    );
}

#[tokio::test]
async fn after_it_events_end_and_the_snapshot_stays() {
    let (a, b) = pair().await;
    let mut events = b.events();
    ends("shutdown", b.shutdown()).await;
    loop {
        match ends("the end of events", events.recv()).await {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error, EventsError::Closed);
                break;
            }
        }
    }
    let mut late = b.events();
    assert_eq!(ends("late", late.recv()).await, Err(EventsError::Closed));
    assert_eq!(b.nodes().len(), 1);
    assert!(b.node(a.address()).is_some());
}

#[tokio::test]
async fn its_address_is_free_once_it_is_dropped() {
    let a = start(quick("a")).await;
    let builder = quick("b").bind(own_address());
    let b = start(builder.seed(a.address().to_string())).await;
    acquainted(&[a.clone(), b.clone()]).await;
    let address = b.address();
    let before = b.me().generation();
    ends("shutdown", b.shutdown()).await;
    drop(b);
    let seed = a.address().to_string();
    let again = ends("the port to be free", async {
        loop {
            match quick("b").bind(address).seed(seed.clone()).start().await {
                Err(StartError::AddressInUse { .. }) => tokio::task::yield_now().await,
                started => break started.unwrap(),
            }
        }
    })
    .await;
    sees(&a, again.address(), NodeState::Online).await;
    assert!(a.node(address).unwrap().generation() > before);
}

/// A runtime that goes away with all its tasks.
fn short_lived() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_node_whose_runtime_is_gone_is_shut_down_already() {
    let runtime = short_lived();
    let a = start(quick("a")).await;
    let builder = quick("b").seed(a.address().to_string());
    let b = runtime.spawn(start(builder.shutdown_timeout(NEVER)));
    let b = b.await.unwrap();
    sees(&b, a.address(), NodeState::Online).await;
    let permit = b.admission().client().unwrap();
    runtime.shutdown_background();
    ends("closed", b.closed()).await;
    // It waits for no permit and for nobody's word.
    let report = ends("shutdown", b.shutdown()).await;
    assert_eq!((report.confirmed, report.permits_outstanding), (0, 1));
    drop(permit);
}

#[tokio::test]
async fn a_shutdown_whose_runtime_goes_away_ends_for_all_who_wait() {
    let a = start(quick("a").shutdown_timeout(NEVER)).await;
    let permit = a.admission().client().unwrap();
    let runtime = short_lived();
    let mesh = a.clone();
    runtime.spawn(async move { mesh.shutdown().await });
    eventually("it has begun", || !a.is_online()).await;
    let waiting = leave(&a);
    runtime.shutdown_background();
    let report = ends("the other one", waiting).await.unwrap();
    assert!(!report.flushed);
    ends("closed", a.closed()).await;
    drop(permit);
}
