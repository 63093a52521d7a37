//! What the tests share. Each test is a program of its own and uses a part of it.
#![allow(dead_code, unused_imports, reason = "no test uses everything")]

mod apart;
mod processes;
mod relay;

use std::{
    future::Future,
    net::{SocketAddr, UdpSocket},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use hobnob::{Event, Events, EventsError, Mesh, MeshBuilder, NodeState, Profile};
use tokio::time::{Instant, sleep, timeout};

pub(crate) use apart::{Apart, Frozen};
pub(crate) use processes::{Lines, Process, example};
pub(crate) use relay::{Faults, Relay};

/// After this something hangs. Nothing in a test takes a tenth of it.
pub(crate) const HANG: Duration = Duration::from_secs(60);

/// A timeout that no test lives to see.
pub(crate) const NEVER: Duration = Duration::from_secs(3_600);

/// Tries with a timeout what is to be partly late and partly in time, and says whether the latter is: with a longer
/// timeout each time, for a machine too busy to be in time with anything.
pub(crate) async fn in_time<F>(shortest: Duration, tried: impl Fn(Duration) -> F)
where
    F: Future<Output = bool>,
{
    for longer in [1, 3, 9] {
        if tried(shortest * longer).await {
            return;
        }
    }
    panic!("nothing is in time, not even within {:?}", shortest * 9);
}

/// Pause between two looks at a condition.
const LOOK: Duration = Duration::from_millis(2);

/// The command most tests use.
pub(crate) const COMMAND: u16 = 100;

/// A node whose membership is quick: a crash is seen within two seconds.
pub(crate) fn quick(node_type: &str) -> MeshBuilder {
    calm(node_type).profile(Profile::Local)
}

/// A node whose membership has patience: a node may be frozen for some seconds without being declared dead.
pub(crate) fn patient(node_type: &str) -> MeshBuilder {
    calm(node_type).profile(Profile::Wan)
}

/// A node whose calls, unless they have a deadline of their own, end late only where something hangs.
fn calm(node_type: &str) -> MeshBuilder {
    Mesh::builder(node_type).request_timeout(HANG)
}

/// A loopback address of its own, with port 0: who binds it and gives it back finds it free later on. On 127.0.0.1
/// the port may have gone to somebody else by then.
pub(crate) fn own_address() -> SocketAddr {
    static GIVEN: AtomicU8 = AtomicU8::new(2);
    let [.., high, low] = std::process::id().to_be_bytes();
    let host = GIVEN.fetch_add(1, Ordering::Relaxed);
    SocketAddr::from(([127, high, low, host], 0))
}

/// Starts a node.
pub(crate) async fn start(builder: MeshBuilder) -> Mesh {
    builder.start().await.expect("a loopback port is free")
}

/// Starts a quick node of each type and waits until all see all.
pub(crate) async fn cluster(types: &[&str]) -> Vec<Mesh> {
    let mut meshes: Vec<Mesh> = Vec::new();
    for node_type in types {
        let seeds = meshes.first().map(|first| first.address().to_string());
        meshes.push(start(quick(node_type).seeds(seeds)).await);
    }
    acquainted(&meshes).await;
    meshes
}

/// Two quick nodes that see each other.
pub(crate) async fn pair() -> (Mesh, Mesh) {
    let [a, b] = <[Mesh; 2]>::try_from(cluster(&["a", "b"]).await).expect("two were started");
    (a, b)
}

/// Waits until every one of the nodes sees all others as Online.
pub(crate) async fn acquainted(meshes: &[Mesh]) {
    for mesh in meshes {
        for other in meshes {
            sees(mesh, other.address(), NodeState::Online).await;
        }
    }
}

/// Waits until a node sees the one at an address in a state.
pub(crate) async fn sees(mesh: &Mesh, address: SocketAddr, state: NodeState) {
    eventually(&format!("{mesh:?} sees {address} as {state}"), || {
        mesh.node(address).is_some_and(|node| node.state() == state)
    })
    .await;
}

/// Waits until a condition holds.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let hang = Instant::now() + HANG;
    while !holds() {
        assert!(Instant::now() < hang, "never came about: {what}");
        sleep(LOOK).await;
    }
}

/// Waits for a future that must end.
pub(crate) async fn ends<F: IntoFuture>(what: &str, future: F) -> F::Output {
    match timeout(HANG, future).await {
        Ok(output) => output,
        Err(_) => panic!("never ended: {what}"),
    }
}

/// Whether a future has not ended yet. Polls it once, so that what it begins is begun.
pub(crate) async fn is_pending<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> bool {
    std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}

/// Reads events until one is wanted, and returns it with those before it.
pub(crate) async fn events_until(
    events: &mut Events,
    what: &str,
    wanted: impl Fn(&Event) -> bool,
) -> Vec<Event> {
    let mut seen = Vec::new();
    loop {
        let event = timeout(HANG, events.recv()).await;
        let event = event.unwrap_or_else(|_| panic!("no {what} among {seen:#?}"));
        seen.push(event.unwrap_or_else(|error: EventsError| panic!("{what}: {error}: {seen:#?}")));
        if seen.last().is_some_and(&wanted) {
            return seen;
        }
    }
}

/// Counts, and tells the highest count there was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counter(Arc<AtomicUsize>);

impl Counter {
    pub(crate) fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) async fn reaches(&self, count: usize) {
        eventually(&format!("a count of {count}"), || self.get() >= count).await;
    }
}

/// Counts its drops.
pub(crate) struct CountsDrop(pub(crate) Counter);

impl Drop for CountsDrop {
    fn drop(&mut self) {
        self.0.add();
    }
}

/// Bytes in which no stretch repeats soon.
pub(crate) fn pattern(len: u32) -> Vec<u8> {
    (0..len)
        .map(|place| place.wrapping_mul(place).to_be_bytes()[0])
        .collect()
}

/// An address at which datagrams arrive and nobody ever answers, for as long as the socket lives.
pub(crate) fn black_hole() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a loopback port is free");
    let address = socket.local_addr().expect("it is bound");
    (socket, address)
}
