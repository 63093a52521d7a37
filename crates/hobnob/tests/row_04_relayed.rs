//! Row 4 by way of a tree: `mesh.send_many(…).relayed()` and `mesh.usend_many(…).relayed()`.

mod common;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use common::{
    Apart, COMMAND, acquainted, ends, eventually, in_time, is_pending, patient, pattern, start,
};
use hobnob::{Bytes, Context, Mesh, SendError, USendError};

const NODES: usize = 12;

/// How often each node has handled something, and whom it took for the sender.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<BTreeMap<SocketAddr, Vec<SocketAddr>>>>);

impl Log {
    fn noting(&self, mesh: &Mesh) {
        let log = self.clone();
        mesh.handle(COMMAND, move |context: Context, _: Bytes| {
            let mut log = log.0.lock().unwrap();
            let senders = log.entry(context.mesh().address()).or_default();
            senders.push(context.sender());
            async { Ok::<_, Infallible>(()) }
        })
        .unwrap();
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().values().map(Vec::len).sum()
    }

    /// Waits until just these have handled it, each once, as sent by `sender`; forgets it.
    async fn is(&self, sender: SocketAddr, nodes: impl IntoIterator<Item = SocketAddr>) {
        let expected: BTreeMap<_, _> = nodes.into_iter().map(|node| (node, vec![sender])).collect();
        eventually("all handlers", || self.len() >= expected.len()).await;
        assert_eq!(std::mem::take(&mut *self.0.lock().unwrap()), expected);
    }
}

/// Nodes that all know each other and note what they handle; the first one sends.
async fn field() -> (Vec<Mesh>, Vec<SocketAddr>, Log) {
    let (mut meshes, log) = (Vec::new(), Log::default());
    for _ in 0..NODES {
        let seed = meshes
            .first()
            .map(|first: &Mesh| first.address().to_string());
        let mesh = start(patient("node").seeds(seed)).await;
        log.noting(&mesh);
        meshes.push(mesh);
    }
    acquainted(&meshes).await;
    let others = meshes[1..].iter().map(Mesh::address).collect();
    (meshes, others, log)
}

#[tokio::test]
async fn every_node_gets_it_once_from_the_origin_as_it_were() {
    let (meshes, others, log) = field().await;
    let sender = &meshes[0];
    for limit in [0, 1, 2, 4, 100] {
        let call = sender.send_many(COMMAND, &others, "hello", limit).relayed();
        let report = ends("send_many", call).await;
        let addresses: Vec<SocketAddr> = report.iter().map(|(address, _)| address).collect();
        assert_eq!(addresses, others, "in the order given");
        assert!(report.is_complete(), "{report:?}");
        log.is(sender.address(), others.clone()).await;
    }
    let hops = |mesh: &Mesh| mesh.stats().get("relay_hops_total").unwrap();
    assert!(
        meshes[1..].iter().any(|mesh| hops(mesh) > 0),
        "others helped"
    );
    let taken = |mesh: &Mesh| mesh.stats().get("relays_taken_total").unwrap();
    assert_eq!(meshes[1..].iter().map(taken).sum::<u64>(), 5 * 11);
}

#[tokio::test]
async fn this_node_and_nodes_by_name_may_be_among_them() {
    let (meshes, mut others, log) = field().await;
    let sender = &meshes[0];
    let call = sender.send_many(COMMAND, sender.nodes_by_type("node"), "", 3);
    assert!(ends("by nodes", call.relayed()).await.is_complete());
    log.is(sender.address(), others.clone()).await;
    others.push(sender.address());
    let call = sender.send_many(COMMAND, &others, "", 3).relayed();
    assert!(ends("with itself", call).await.is_complete());
    log.is(sender.address(), others).await;
    let call = sender.send_many(COMMAND, sender.nodes_by_type("nobody"), "", 3);
    assert_eq!(ends("to nobody", call.relayed()).await.iter().len(), 0);
}

#[tokio::test]
async fn a_large_payload_arrives_unharmed() {
    let (meshes, others, _) = field().await;
    let got = Arc::new(Mutex::new(Vec::new()));
    for mesh in &meshes[1..] {
        let got = got.clone();
        mesh.handle(COMMAND + 1, move |_: Context, payload: Bytes| {
            got.lock().unwrap().push(payload);
            async { Ok::<_, Infallible>(()) }
        })
        .unwrap();
    }
    let payload = Bytes::from(pattern(300_000));
    let call = meshes[0].send_many(COMMAND + 1, &others, payload.clone(), 2);
    assert!(ends("send_many", call.relayed()).await.is_complete());
    eventually("all handlers", || got.lock().unwrap().len() == others.len()).await;
    assert!(got.lock().unwrap().iter().all(|bytes| *bytes == payload));
}

#[tokio::test]
async fn a_dead_node_a_missing_handler_and_a_reserved_command_are_told() {
    in_time(Duration::from_secs(2), each_is_told).await;
}

async fn each_is_told(timeout: Duration) -> bool {
    let (meshes, mut others, log) = field().await;
    let sender = &meshes[0];
    let seed = sender.address().to_string();
    let dead = Apart::start(patient("dead").seed(seed), |_| {}).await;
    common::sees(sender, dead.address(), hobnob::NodeState::Online).await;
    let bare = start(patient("bare").seed(sender.address().to_string())).await;
    common::sees(sender, bare.address(), hobnob::NodeState::Online).await;
    // The dead one is the first relay of all.
    let address = dead.crash().await;
    let alive = others.clone();
    others.insert(0, address);
    others.push(bare.address());
    let call = sender.send_many(COMMAND, &others, "", 2).relayed();
    let report = ends("send_many", call.timeout(timeout)).await;
    let failures: Vec<_> = report.failures().collect();
    if is_late(&failures, &alive) {
        return false;
    }
    log.is(sender.address(), alive).await;
    let expected = [
        (address, &SendError::Timeout),
        (bare.address(), &SendError::NoHandler),
    ];
    assert_eq!(failures, expected);
    let call = sender.send_many(10, &others, "", 2).relayed();
    let report = ends("reserved", call).await;
    let reserved = SendError::Reserved { command: 10 };
    assert!(report.failures().all(|(_, error)| *error == reserved));
    assert_eq!(report.delivered(), 0);
    true
}

/// Whether one that lives and answers was not reached in time.
fn is_late(failures: &[(SocketAddr, &SendError)], alive: &[SocketAddr]) -> bool {
    let mut failures = failures.iter();
    failures.any(|(address, error)| **error == SendError::Timeout && alive.contains(address))
}

#[tokio::test]
async fn dropping_it_ends_it() {
    let (meshes, others, log) = field().await;
    let (_socket, nobody) = common::black_hole();
    let mut targets = others.clone();
    targets.push(nobody);
    let call = meshes[0].send_many(COMMAND, &targets, "", 2).relayed();
    let mut call = Box::pin(call.timeout(common::NEVER).into_future());
    assert!(is_pending(&mut call).await);
    log.is(meshes[0].address(), others.clone()).await;
    assert!(is_pending(&mut call).await, "one does not answer");
    drop(call);
    for mesh in &meshes {
        let idle = || mesh.stats().get("relay_errands") == Some(0);
        eventually("nothing is left", idle).await;
    }
    // The sender is none the worse for it.
    let call = meshes[0].send_many(COMMAND, &others, "", 2).relayed();
    assert!(ends("send_many", call).await.is_complete());
}

#[tokio::test]
async fn a_closed_node_sends_nothing() {
    let (meshes, others, log) = field().await;
    ends("shutdown", meshes[0].shutdown()).await;
    let call = meshes[0].send_many(COMMAND, &others, "", 2).relayed();
    let report = ends("send_many", call).await;
    assert!(
        report
            .failures()
            .all(|(_, error)| *error == SendError::Closed)
    );
    assert_eq!(report.failures().count(), others.len());
    let call = meshes[0].usend_many(COMMAND, &others, "", 2).relayed();
    let report = ends("usend_many", call).await;
    assert!(
        report
            .failures()
            .all(|(_, error)| *error == USendError::Closed)
    );
    assert_eq!(log.len(), 0);
}

#[tokio::test]
async fn an_unreliable_message_reaches_all_over_loopback() {
    let (meshes, mut others, log) = field().await;
    let sender = &meshes[0];
    others.push(sender.address());
    for bytes in [0, 1_300, 1_340] {
        let call = sender.usend_many(COMMAND, &others, Bytes::from(pattern(bytes)), 2);
        let report = ends("usend_many", call.relayed()).await;
        assert!(report.is_complete(), "{report:?}");
        log.is(sender.address(), others.clone()).await;
    }
    let call = sender.usend_many(COMMAND, &others[..2], Bytes::from(pattern(2_000)), 2);
    let report = ends("usend_many", call.relayed()).await;
    let too_large = |error: &USendError| matches!(error, USendError::TooLarge { .. });
    assert!(report.failures().all(|(_, error)| too_large(error)));
    assert_eq!(report.delivered(), 0);
}
