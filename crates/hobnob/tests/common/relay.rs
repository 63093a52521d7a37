//! A bad network between two nodes.
//!
//! Each node is started as one that advertises the relay's address for it, and knows the other by the
//! relay's address for that one. A datagram then comes from the address its sender goes by, as it must,
//! and the relay decides what becomes of it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hobnob::MeshBuilder;
use rand::{Rng, RngExt, SeedableRng, rngs::ChaCha8Rng};
use tokio::{net::UdpSocket, sync::Mutex, time::sleep};

/// What becomes of a datagram, as parts of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    pub(crate) lost: f64,
    pub(crate) doubled: f64,
    pub(crate) late: f64,
}

/// How late a late datagram is, at most: some dozen others overtake it.
const LATE_MAX: Duration = Duration::from_millis(8);

/// Relays between two nodes for as long as its runtime lives.
pub(crate) struct Relay {
    stands_for: [SocketAddr; 2],
}

/// One node's side: the socket that stands for it, and where it really is once that is known.
struct Side {
    socket: UdpSocket,
    node: Mutex<Option<SocketAddr>>,
}

impl Relay {
    pub(crate) async fn start(seed: u64, faults: Faults) -> Self {
        let sides = [Arc::new(Side::new().await), Arc::new(Side::new().await)];
        let stands_for = sides
            .each_ref()
            .map(|side| side.socket.local_addr().expect("it is bound"));
        for (from, to) in [(0, 1), (1, 0)] {
            let random = ChaCha8Rng::seed_from_u64(seed + from as u64);
            tokio::spawn(carry(
                sides[from].clone(),
                sides[to].clone(),
                random,
                faults,
            ));
        }
        Self { stands_for }
    }

    /// Puts the nodes on both sides of the relay.
    pub(crate) fn between(&self, nodes: [MeshBuilder; 2]) -> [MeshBuilder; 2] {
        let [a, b] = nodes;
        let [stands_for_a, stands_for_b] = self.stands_for;
        [
            a.advertise(stands_for_a).seed(stands_for_b.to_string()),
            b.advertise(stands_for_b).seed(stands_for_a.to_string()),
        ]
    }
}

impl Side {
    async fn new() -> Self {
        Self {
            socket: UdpSocket::bind("127.0.0.1:0")
                .await
                .expect("a loopback port is free"),
            node: Mutex::new(None),
        }
    }
}

/// Carries what the node on the side of `from` sends to the node on the side of `to`.
async fn carry(from: Arc<Side>, to: Arc<Side>, mut random: impl Rng, faults: Faults) {
    let mut buffer = vec![0; 65_536];
    loop {
        // The node on this side sends to the socket that stands for the other.
        let Ok((len, source)) = to.socket.recv_from(&mut buffer).await else {
            continue;
        };
        *from.node.lock().await = Some(source);
        let Some(target) = *to.node.lock().await else {
            continue;
        };
        let copies = 1 + u32::from(random.random_bool(faults.doubled));
        for _ in 0..copies {
            if random.random_bool(faults.lost) {
                continue;
            }
            let datagram = buffer[..len].to_vec();
            if random.random_bool(faults.late) {
                let (from, delay) = (from.clone(), LATE_MAX.mul_f64(random.random()));
                tokio::spawn(async move {
                    sleep(delay).await;
                    let _ = from.socket.send_to(&datagram, target).await;
                });
            } else {
                let _ = from.socket.send_to(&datagram, target).await;
            }
        }
    }
}
