//! Row 4: `mesh.send_many(command, &nodes, payload, limit)`.

mod common;

use std::{
    collections::BTreeSet,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use common::{
    Apart, COMMAND, Counter, NEVER, ends, eventually, in_time, is_pending, patient, quick, sees,
    start,
};
use hobnob::{Bytes, Context, EncodeError, IntoPayload, Mesh, NodeState, SendError};

/// Long enough for a delivery to time out in, where that is what is wanted.
const SHORT: Duration = Duration::from_millis(300);

/// The addresses of the nodes that have handled something.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<SocketAddr>>>);

impl Log {
    /// Registers a handler of [`COMMAND`] that notes its node, and one that answers at once.
    fn noting(&self, mesh: &Mesh) {
        let log = self.clone();
        mesh.handle(COMMAND, move |context: Context, _: Bytes| {
            log.0.lock().unwrap().push(context.mesh().address());
            async { Ok::<_, Infallible>(()) }
        })
        .unwrap();
        mesh.handle(COMMAND + 1, |_: Context, _: Bytes| async {
            Ok::<_, Infallible>(())
        })
        .unwrap();
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// Waits until it holds just these, each once.
    async fn is(&self, expected: impl IntoIterator<Item = SocketAddr>) {
        let expected: BTreeSet<SocketAddr> = expected.into_iter().collect();
        eventually("all handlers", || self.len() >= expected.len()).await;
        let log = self.0.lock().unwrap();
        assert_eq!(log.len(), expected.len(), "{log:?}");
        assert_eq!(BTreeSet::from_iter(log.iter().copied()), expected);
    }
}

/// A sender, nodes on its own thread, and nodes that can be frozen and crashed.
struct Field {
    sender: Mesh,
    near: Vec<Mesh>,
    far: Vec<Apart>,
    log: Log,
}

impl Field {
    async fn new(near: usize, far: usize) -> Self {
        let sender = start(patient("sender")).await;
        let seed = sender.address().to_string();
        let log = Log::default();
        let mut field = Self {
            sender,
            near: Vec::new(),
            far: Vec::new(),
            log,
        };
        for _ in 0..near {
            let mesh = start(patient("near").seed(seed.clone())).await;
            field.log.noting(&mesh);
            field.near.push(mesh);
        }
        for _ in 0..far {
            let log = field.log.clone();
            let builder = patient("far").seed(seed.clone());
            field
                .far
                .push(Apart::start(builder, move |mesh| log.noting(mesh)).await);
        }
        for address in field.all() {
            sees(&field.sender, address, NodeState::Online).await;
            // There is a session from now on.
            ends("send", field.sender.send(COMMAND + 1, address, ""))
                .await
                .unwrap();
        }
        field
    }

    fn near(&self) -> Vec<SocketAddr> {
        self.near.iter().map(Mesh::address).collect()
    }

    /// The far ones first.
    fn all(&self) -> Vec<SocketAddr> {
        self.far
            .iter()
            .map(Apart::address)
            .chain(self.near())
            .collect()
    }

    /// Has many round trips to the near nodes, after which everything sent to them before has arrived.
    async fn many_round_trips(&self) {
        for _ in 0..20 {
            for address in self.near() {
                ends("request", self.sender.request(COMMAND + 1, address, ""))
                    .await
                    .unwrap();
            }
        }
    }
}

#[tokio::test]
async fn every_node_gets_it_once_and_has_a_result() {
    let field = Field::new(12, 0).await;
    for limit in [0, 1, 3, 12, 1_000] {
        let nodes = field.near();
        let report = ends(
            "send_many",
            field.sender.send_many(COMMAND, &nodes, "hello", limit),
        );
        let report = report.await;
        let addresses: Vec<SocketAddr> = report.iter().map(|(address, _)| address).collect();
        assert_eq!(addresses, nodes, "in the order given");
        assert!(report.is_complete());
        assert_eq!(report.delivered(), nodes.len());
        field.log.is(nodes).await;
        field.log.0.lock().unwrap().clear();
    }
}

#[tokio::test]
async fn nodes_may_be_named_in_any_way() {
    let field = Field::new(3, 0).await;
    let (sender, addresses) = (&field.sender, field.near());
    let by_address = sender.send_many(COMMAND, addresses.clone(), "", 2);
    assert_eq!(ends("by address", by_address).await.delivered(), 3);
    let by_nodes = sender.send_many(COMMAND, sender.nodes_by_type("near"), "", 2);
    assert_eq!(ends("by nodes", by_nodes).await.delivered(), 3);
    let online = sender.nodes_by_type("near").online();
    let by_reference = sender.send_many(COMMAND, &online, "", 2);
    assert_eq!(ends("by reference", by_reference).await.delivered(), 3);
    let nobody = sender.send_many(COMMAND, sender.nodes_by_type("nobody"), "", 2);
    let report = ends("to nobody", nobody).await;
    assert!(report.is_complete() && report.iter().len() == 0);
    eventually("nine", || field.log.len() == 9).await;
}

#[tokio::test]
async fn who_is_named_twice_is_served_once() {
    let field = Field::new(2, 0).await;
    let (sender, near) = (&field.sender, field.near());
    field.log.noting(sender);
    let me = sender.address();
    let named = [near[0], me, near[0], near[1], me, near[0]];
    for limit in [1, 2, 6] {
        let report = ends("plain", sender.send_many(COMMAND, named, "", limit)).await;
        let addresses: Vec<SocketAddr> = report.iter().map(|(address, _)| address).collect();
        assert_eq!(addresses, named, "each place has its result");
        assert!(report.is_complete());
        field.log.is(named).await;
        field.log.0.lock().unwrap().clear();

        for relayed in [false, true] {
            let call = sender.usend_many(COMMAND, named, "", limit);
            let call = if relayed { call.relayed() } else { call };
            assert_eq!(ends("once", call).await.delivered(), named.len());
            field.many_round_trips().await;
            let handled = field.log.0.lock().unwrap().split_off(0);
            let distinct: BTreeSet<_> = handled.iter().collect();
            assert_eq!(distinct.len(), handled.len(), "{handled:?}");
        }
    }
}

#[tokio::test]
async fn at_most_limit_deliveries_are_in_flight() {
    const LIMIT: usize = 3;
    let field = Field::new(4, LIMIT).await;
    let mut frozen = Vec::new();
    for far in &field.far {
        frozen.push(far.freeze().await);
    }
    // The frozen ones take all places.
    let nodes = field.all();
    let fan_out = field
        .sender
        .send_many(COMMAND, &nodes, "hello", LIMIT)
        .timeout(NEVER);
    let mut fan_out = Box::pin(fan_out.into_future());
    assert!(is_pending(&mut fan_out).await);
    field.many_round_trips().await;
    assert!(is_pending(&mut fan_out).await);
    assert_eq!(field.log.len(), 0, "no place was free for the others");

    // One place is enough for all others, one after the other.
    drop(frozen.pop());
    let fan_out = tokio::spawn(fan_out);
    let thawed = field.far.last().map(Apart::address);
    field.log.is(field.near().into_iter().chain(thawed)).await;
    assert!(!fan_out.is_finished());

    drop(frozen);
    let report = ends("send_many", fan_out).await.unwrap();
    assert!(report.is_complete());
    field.log.is(nodes).await;
}

#[tokio::test]
async fn who_does_not_answer_takes_one_place_and_no_more() {
    let field = Field::new(6, 2).await;
    let mut frozen = Vec::new();
    for far in &field.far {
        frozen.push(far.freeze().await);
    }
    let nodes = field.all();
    let fan_out = field
        .sender
        .send_many(COMMAND, &nodes, "hello", 3)
        .timeout(NEVER);
    let fan_out = tokio::spawn(fan_out.into_future());
    // All others are through although the first two never end.
    field.log.is(field.near()).await;
    assert!(!fan_out.is_finished());
    drop(frozen);
    assert!(ends("send_many", fan_out).await.unwrap().is_complete());
}

#[tokio::test]
async fn who_does_not_answer_is_reported_at_the_deadline() {
    in_time(SHORT, the_frozen_are_reported).await;
}

async fn the_frozen_are_reported(timeout: Duration) -> bool {
    let field = Field::new(4, 2).await;
    let mut frozen = Vec::new();
    for far in &field.far {
        frozen.push(far.freeze().await);
    }
    let fan_out = field
        .sender
        .send_many(COMMAND, field.all(), "hello", 4)
        .timeout(timeout);
    let report = ends("send_many", fan_out).await;
    let failures: Vec<(SocketAddr, SendError)> = report
        .failures()
        .map(|(address, error)| (address, error.clone()))
        .collect();
    let expected: Vec<(SocketAddr, SendError)> = field
        .far
        .iter()
        .map(|far| (far.address(), SendError::Timeout))
        .collect();
    let near = field.near();
    let is_late = |(address, error): &(SocketAddr, SendError)| {
        *error == SendError::Timeout && near.contains(address)
    };
    if failures.iter().any(is_late) {
        return false;
    }
    assert_eq!(failures, expected);
    assert_eq!(report.delivered(), 4);
    assert!(!report.is_complete());
    field.log.is(near).await;
    true
}

#[tokio::test]
async fn dead_nodes_are_reported_at_once() {
    let sender = start(quick("sender")).await;
    let seed = sender.address().to_string();
    let log = Log::default();
    let mut dead = Vec::new();
    for _ in 0..3 {
        dead.push(Apart::start(quick("dead").seed(seed.clone()), |_| {}).await);
    }
    let alive = start(quick("alive").seed(seed)).await;
    log.noting(&alive);
    for address in dead.iter().map(Apart::address).chain([alive.address()]) {
        sees(&sender, address, NodeState::Online).await;
    }
    // Two are declared dead while they hold both places, which ends their deliveries.
    let addresses: Vec<SocketAddr> = dead.iter().map(Apart::address).collect();
    let mut frozen = Vec::new();
    for node in &dead {
        frozen.push(node.freeze().await);
    }
    let nodes: Vec<SocketAddr> = addresses.iter().copied().chain([alive.address()]).collect();
    for _ in ["while they die", "once they are dead"] {
        let fan_out = sender.send_many(COMMAND, &nodes, "hello", 2).timeout(NEVER);
        let report = ends("send_many", fan_out).await;
        let results: Vec<(SocketAddr, Result<(), &SendError>)> = report.iter().collect();
        for (node, (address, result)) in nodes.iter().zip(results) {
            assert_eq!(*node, address);
            let expected = if address == alive.address() {
                Ok(())
            } else {
                Err(&SendError::PeerDown)
            };
            assert_eq!(result, expected, "{address}");
        }
        for address in &addresses {
            sees(&sender, *address, NodeState::Failed).await;
        }
    }
    eventually("both", || log.len() == 2).await;
    drop(frozen);
}

#[tokio::test]
async fn one_without_a_handler_is_reported() {
    let field = Field::new(2, 0).await;
    let other = start(patient("other").seed(field.sender.address().to_string())).await;
    sees(&field.sender, other.address(), NodeState::Online).await;
    let nodes = [field.near(), vec![other.address()]].concat();
    let report = ends("send_many", field.sender.send_many(COMMAND, nodes, "", 8)).await;
    let failures: Vec<_> = report.failures().collect();
    assert_eq!(failures, [(other.address(), &SendError::NoHandler)]);
    assert_eq!(report.delivered(), 2);
}

#[tokio::test]
async fn the_sender_may_be_among_them() {
    let field = Field::new(2, 0).await;
    field.log.noting(&field.sender);
    let me = field.sender.address();
    let nodes = [field.near()[0], me, field.near()[1]];
    let report = ends("send_many", field.sender.send_many(COMMAND, nodes, "", 2)).await;
    assert!(report.is_complete());
    field.log.is(nodes).await;
    let report = ends("only itself", field.sender.send_many(COMMAND, [me], "", 1)).await;
    assert_eq!(report.delivered(), 1);
}

#[tokio::test]
async fn a_large_payload_is_encoded_once_and_reaches_all() {
    struct Counted<'a>(&'a Counter);
    impl IntoPayload for Counted<'_> {
        fn into_payload(self) -> Result<Bytes, EncodeError> {
            self.0.add();
            Ok(Bytes::from(vec![7; 100_000]))
        }
    }
    let field = Field::new(5, 0).await;
    let encoded = Counter::default();
    let fan_out = field
        .sender
        .send_many(COMMAND, field.near(), Counted(&encoded), 3);
    assert!(
        ends("send_many", fan_out.timeout(NEVER))
            .await
            .is_complete()
    );
    assert_eq!(encoded.get(), 1);
    field.log.is(field.near()).await;
}

#[tokio::test]
async fn dropping_it_ends_what_was_not_begun() {
    let field = Field::new(3, 1).await;
    let frozen = field.far[0].freeze().await;
    let fan_out = field
        .sender
        .send_many(COMMAND, field.all(), "hello", 1)
        .timeout(NEVER);
    let mut fan_out = Box::pin(fan_out.into_future());
    assert!(is_pending(&mut fan_out).await);
    drop(fan_out);
    drop(frozen);
    field.many_round_trips().await;
    let handled = field.log.0.lock().unwrap().clone();
    assert!(
        handled
            .iter()
            .all(|address| *address == field.far[0].address()),
        "{handled:?}"
    );
}
