//! A node that was stopped and goes on.

mod common;

use std::{convert::Infallible, net::UdpSocket, sync::mpsc as blocking};

use common::{Apart, COMMAND, Counter, NEVER, ends, eventually, is_pending, patient, sees, start};
use hobnob::{Context, Mesh, NodeState, RequestError, SendError, Stats};
use tokio::sync::{mpsc, oneshot};

/// The stops at which a node on a thread of its own blocks it.
struct Stops {
    mesh: Mesh,
    go: blocking::Sender<()>,
    begin: mpsc::UnboundedSender<oneshot::Sender<()>>,
    ended: oneshot::Receiver<Result<(), SendError>>,
}

/// A node that stops, sends a message to `b`, stops again, and waits for the message's end.
async fn stopping(b: &Mesh) -> (Apart, Stops) {
    let (go, stop) = blocking::channel();
    let (begin, mut begun) = mpsc::unbounded_channel::<oneshot::Sender<()>>();
    let (end, ended) = oneshot::channel();
    let (hand_out, mesh) = oneshot::channel();
    let to = b.address();
    let a = Apart::start(patient("a").seed(to.to_string()), move |mesh| {
        assert!(hand_out.send(mesh.clone()).is_ok());
        let mesh = mesh.clone();
        tokio::spawn(async move {
            let stopped = begun.recv().await.expect("the test goes on");
            let _ = stopped.send(());
            let _ = stop.recv();
            let send = mesh.send(COMMAND, to, "").timeout(NEVER);
            let mut send = Box::pin(send.into_future());
            assert!(is_pending(&mut send).await);
            // Unreliable messages leave at once, with all that waits.
            let mut now = Box::pin(mesh.usend(COMMAND + 1, to, "").into_future());
            assert!(!is_pending(&mut now).await);
            let _ = stop.recv();
            let _ = end.send(send.await);
        });
    })
    .await;
    let mesh = mesh.await.expect("it started");
    let stops = Stops {
        mesh,
        go,
        begin,
        ended,
    };
    (a, stops)
}

/// A process that was stopped finds its timers overdue and the acks in its socket, behind much else.
#[tokio::test]
async fn a_paused_node_reads_its_socket_before_it_believes_its_timers() {
    let b = start(patient("b")).await;
    let count = Counter::default();
    let handled = count.clone();
    b.handle(COMMAND, move |_: Context, (): ()| {
        handled.add();
        async { Ok::<_, Infallible>(()) }
    })
    .unwrap();
    let (a, stops) = stopping(&b).await;
    sees(&b, a.address(), NodeState::Online).await;
    sees(&stops.mesh, b.address(), NodeState::Online).await;
    let first = stops.mesh.send(COMMAND, b.address(), "");
    ends("a first one, which measures the round trip", first)
        .await
        .unwrap();

    let (stop, stopped) = oneshot::channel();
    stops.begin.send(stop).unwrap();
    ends("the stop", stopped).await.unwrap();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..100 {
        stranger.send_to(&[0; 100], a.address()).unwrap();
    }
    stops.go.send(()).unwrap();
    count.reaches(2).await;
    let probes = |stats: &Stats| stats.get("probe_timeouts_total").unwrap();
    let (probed, mut ask) = (
        b.stats(),
        Box::pin(
            b.request(COMMAND, a.address(), "")
                .timeout(NEVER)
                .into_future(),
        ),
    );
    assert!(is_pending(&mut ask).await);
    eventually("a long pause", || probes(&b.stats()) > probes(&probed) + 4).await;
    stops.go.send(()).unwrap();
    assert_eq!(ends("the send", stops.ended).await.unwrap(), Ok(()));
    let answer = ends("an answer of the paused node", ask).await;
    assert_eq!(answer.map(drop), Err(RequestError::NoHandler));
    let repeated = b.stats().get("duplicates_total");
    assert_eq!(repeated, Some(0), "the ack was there all the time");
    assert_eq!(count.get(), 2);
}
