//! Row 5: `mesh.usend(..)` and `mesh.usend_many(command, &nodes, payload, limit)`.

mod common;

use std::{convert::Infallible, future::pending, net::SocketAddr, time::Duration};

use common::{
    Apart, COMMAND, Counter, NEVER, black_hole, cluster, ends, in_time, pair, quick, sees, start,
};
use hobnob::{Bytes, Context, EncodeError, IntoPayload, Mesh, NodeState, USendError};

/// Long enough to wait for a session in vain.
const SHORT: Duration = Duration::from_millis(100);

/// A handler that counts.
fn counts(mesh: &Mesh, count: &Counter) {
    let count = count.clone();
    mesh.handle(COMMAND, move |context: Context, payload: Bytes| {
        assert!(!context.is_request());
        assert_eq!(payload.as_ref(), b"tick");
        count.add();
        async { Ok::<_, Infallible>(()) }
    })
    .unwrap();
}

#[tokio::test]
async fn a_message_arrives_at_most_once() {
    let (a, b) = pair().await;
    let count = Counter::default();
    counts(&b, &count);
    let mut sent = 0;
    while count.get() < 10 {
        ends("usend", a.usend(COMMAND, b.address(), "tick"))
            .await
            .unwrap();
        sent += 1;
        assert!(sent < 100_000, "they are sent and none arrives");
        assert!(count.get() <= sent);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn it_waits_for_a_session_but_for_no_answer() {
    let a = start(quick("a")).await;
    let count = Counter::default();
    let b = start(quick("b")).await;
    let handled = count.clone();
    b.handle(COMMAND, move |_: Context, (): ()| {
        handled.add();
        pending::<Result<(), Infallible>>()
    })
    .unwrap();
    // They have never heard of each other.
    let mut sent = 0;
    while count.get() == 0 {
        ends("usend", a.usend(COMMAND, b.address(), "").timeout(NEVER))
            .await
            .unwrap();
        sent += 1;
        assert!(sent < 100_000, "they are sent and none arrives");
        tokio::task::yield_now().await;
    }

    let (_socket, nobody) = black_hole();
    let sent = ends("to nobody", a.usend(COMMAND, nobody, "").timeout(SHORT)).await;
    assert_eq!(sent, Err(USendError::Timeout));
}

#[tokio::test]
async fn without_a_handler_it_is_lost() {
    let (a, b) = pair().await;
    ends("usend", a.usend(COMMAND, b.address(), "tick"))
        .await
        .unwrap();
    let report = ends(
        "usend_many",
        a.usend_many(COMMAND, [b.address()], "tick", 1),
    )
    .await;
    assert!(report.is_complete());
}

#[tokio::test]
async fn what_does_not_fit_into_a_datagram_is_refused() {
    let a = start(quick("a").datagram_bytes(1_200)).await;
    let b = start(quick("b").seed(a.address().to_string())).await;
    sees(&a, b.address(), NodeState::Online).await;
    let sent = ends("usend", a.usend(COMMAND, b.address(), vec![0; 1_200])).await;
    let Err(USendError::TooLarge { len: 1_200, max }) = sent else {
        panic!("{sent:?}");
    };
    let report = ends(
        "usend_many",
        a.usend_many(COMMAND, [b.address()], vec![0; 1_200], 1),
    );
    let too_large = USendError::TooLarge { len: 1_200, max };
    assert_eq!(
        report.await.failures().next(),
        Some((b.address(), &too_large))
    );

    // The sender's own handlers get no more than others would.
    let own = ends("itself", a.usend(COMMAND, a.address(), vec![0; max + 1])).await;
    let too_large = USendError::TooLarge { len: max + 1, max };
    assert_eq!(own, Err(too_large.clone()));
    for relayed in [false, true] {
        let call = a.usend_many(COMMAND, [a.address()], vec![0; max + 1], 1);
        let call = if relayed { call.relayed() } else { call };
        let report = ends("itself among many", call).await;
        assert_eq!(report.failures().next(), Some((a.address(), &too_large)));
    }

    // What it says would fit does.
    let count = Counter::default();
    let handled = count.clone();
    b.handle(COMMAND, move |_: Context, payload: Bytes| {
        assert_eq!(payload.len(), max);
        handled.add();
        async { Ok::<_, Infallible>(()) }
    })
    .unwrap();
    while count.get() == 0 {
        ends("usend", a.usend(COMMAND, b.address(), vec![0; max]))
            .await
            .unwrap();
        tokio::task::yield_now().await;
    }
    assert!(max > 1_100, "{max} of 1,200");
}

#[tokio::test]
async fn a_dead_peer_is_an_error() {
    let a = start(quick("a")).await;
    let b = Apart::start(quick("b").seed(a.address().to_string()), |_| {}).await;
    sees(&a, b.address(), NodeState::Online).await;
    let address = b.crash().await;
    sees(&a, address, NodeState::Failed).await;
    let sent = ends("usend", a.usend(COMMAND, address, "").timeout(NEVER)).await;
    assert_eq!(sent, Err(USendError::PeerDown));
    let report = ends(
        "usend_many",
        a.usend_many(COMMAND, [address], "", 1).timeout(NEVER),
    )
    .await;
    assert_eq!(
        report.failures().next(),
        Some((address, &USendError::PeerDown))
    );
}

#[tokio::test]
async fn it_may_go_to_many_and_to_the_sender_itself() {
    let meshes = cluster(&["a", "b", "b", "b", "b"]).await;
    let counts_of: Vec<Counter> = meshes.iter().map(|_| Counter::default()).collect();
    for (mesh, count) in meshes.iter().zip(&counts_of) {
        counts(mesh, count);
    }
    let a = &meshes[0];
    let mut sent = 0;
    while counts_of.iter().any(|count| count.get() == 0) {
        let nodes = a.nodes_by_type("b").online().into_iter().chain([a.me()]);
        let report = ends("usend_many", a.usend_many(COMMAND, nodes, "tick", 2)).await;
        assert!(report.is_complete());
        assert_eq!(report.delivered(), 5);
        sent += 1;
        assert!(sent < 10_000, "they are sent and some never arrive");
        tokio::task::yield_now().await;
    }
    assert!(counts_of.iter().all(|count| count.get() <= sent));
    let own = ends("usend", a.usend(COMMAND, a.address(), "tick")).await;
    assert_eq!(own, Ok(()));
}

#[tokio::test]
async fn many_strangers_are_waited_for() {
    in_time(SHORT * 5, strangers_are_waited_for).await;
}

async fn strangers_are_waited_for(timeout: Duration) -> bool {
    let a = start(quick("a")).await;
    let count = Counter::default();
    let mut nodes = Vec::new();
    let mut strangers = Vec::new();
    for _ in 0..4 {
        let stranger = start(quick("b")).await;
        counts(&stranger, &count);
        nodes.push(stranger.address());
        strangers.push(stranger);
    }
    let (_socket, nobody) = black_hole();
    nodes.insert(1, nobody);
    let report = ends(
        "usend_many",
        a.usend_many(COMMAND, &nodes, "tick", 2).timeout(timeout),
    );
    let report = report.await;
    let failures: Vec<_> = report.failures().collect();
    let is_late = |(address, error): (SocketAddr, &USendError)| {
        address != nobody && *error == USendError::Timeout
    };
    if failures.iter().copied().any(is_late) {
        return false;
    }
    assert_eq!(failures, [(nobody, &USendError::Timeout)]);
    assert_eq!(report.delivered(), 4);
    true
}

/// On a runtime of one thread, others only run when the node lets them.
#[tokio::test(flavor = "current_thread")]
async fn after_each_burst_others_have_a_turn() {
    let meshes = cluster(&["a", "b", "b", "b", "b", "b", "b", "b", "b"]).await;
    let a = &meshes[0];
    let turns = Counter::default();
    let counting = turns.clone();
    let other = tokio::spawn(async move {
        loop {
            counting.add();
            tokio::task::yield_now().await;
        }
    });
    let nodes = a.nodes_by_type("b");
    assert_eq!(nodes.len(), 8);
    for (limit, bursts) in [(1, 8), (3, 3), (8, 1), (0, 8)] {
        let before = turns.get();
        let report = ends("usend_many", a.usend_many(COMMAND, &nodes, "tick", limit)).await;
        assert!(report.is_complete());
        let had = turns.get() - before;
        assert!(had >= bursts, "{had} turns in {bursts} bursts of {limit}");
    }
    other.abort();
}

#[tokio::test]
async fn the_payload_is_encoded_once() {
    struct Counted<'a>(&'a Counter);
    impl IntoPayload for Counted<'_> {
        fn into_payload(self) -> Result<Bytes, EncodeError> {
            self.0.add();
            Ok(Bytes::from_static(b"tick"))
        }
    }
    let meshes = cluster(&["a", "b", "b", "b", "b"]).await;
    let encoded = Counter::default();
    let nodes = meshes[0].nodes_by_type("b");
    let fan_out = meshes[0].usend_many(COMMAND, &nodes, Counted(&encoded), 2);
    assert_eq!(ends("usend_many", fan_out).await.delivered(), 4);
    assert_eq!(encoded.get(), 1);
}

#[tokio::test]
async fn after_a_shutdown_nothing_is_sent_any_more() {
    let (a, b) = pair().await;
    ends("shutdown", a.shutdown()).await;
    let sent = ends("usend", a.usend(COMMAND, b.address(), "")).await;
    assert_eq!(sent, Err(USendError::Closed));
    let report = ends("usend_many", a.usend_many(COMMAND, [b.address()], "", 1)).await;
    assert_eq!(
        report.failures().next(),
        Some((b.address(), &USendError::Closed))
    );
}
