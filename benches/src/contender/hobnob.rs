//! Hobnob, as a server would use it: nodes that know each other by membership, and the calls of [`Mesh`].

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use hobnob::{Bytes, Context, Mesh};
use tokio::time::sleep;

use super::PAYLOAD;
use crate::{
    Result,
    measure::{Caller, Tally},
    roles::Handled,
};

/// The command all messages are sent with.
const COMMAND: u16 = 100;

/// Pause between two looks at the membership.
const LOOK_PAUSE: Duration = Duration::from_millis(10);

/// Nodes that answer a request with its payload.
pub(super) async fn serve_requests(nodes: usize, handled: &Handled) -> Result<Vec<SocketAddr>> {
    let meshes = start_receivers(nodes).await?;
    for mesh in &meshes {
        let handled = handled.clone();
        mesh.handle(COMMAND, move |_: Context, payload: Bytes| {
            handled.add(1);
            async { Ok::<_, Infallible>(payload) }
        })?;
    }
    Ok(meshes.iter().map(Mesh::address).collect())
}

/// Nodes that count one-way messages.
pub(super) async fn serve_messages(nodes: usize, handled: &Handled) -> Result<Vec<SocketAddr>> {
    let meshes = start_receivers(nodes).await?;
    for mesh in &meshes {
        let handled = handled.clone();
        mesh.handle(COMMAND, move |_: Context, _: Bytes| {
            handled.add(1);
            async { Ok::<_, Infallible>(()) }
        })?;
    }
    Ok(meshes.iter().map(Mesh::address).collect())
}

async fn start_receivers(nodes: usize) -> Result<Vec<Mesh>> {
    let mut meshes: Vec<Mesh> = Vec::new();
    for _ in 0..nodes {
        let seed = meshes.first().map(|first| first.address().to_string());
        meshes.push(Mesh::builder("receiver").seeds(seed).start().await?);
    }
    Ok(meshes)
}

/// Starts a node and waits until it knows all receivers.
async fn join(receivers: &[SocketAddr]) -> Result<Mesh> {
    let seed = receivers.first().map(ToString::to_string);
    let mesh = Mesh::builder("driver").seeds(seed).start().await?;
    while !receivers
        .iter()
        .all(|receiver| mesh.node(*receiver).is_some())
    {
        sleep(LOOK_PAUSE).await;
    }
    Ok(mesh)
}

pub(super) async fn requests(receiver: SocketAddr, callers: usize) -> Result<Vec<Requests>> {
    let mesh = join(&[receiver]).await?;
    Ok((0..callers)
        .map(|_| Requests {
            mesh: mesh.clone(),
            receiver,
        })
        .collect())
}

pub(super) struct Requests {
    mesh: Mesh,
    receiver: SocketAddr,
}

impl Caller for Requests {
    async fn call(&mut self) -> Tally {
        let response = self
            .mesh
            .request(COMMAND, self.receiver, Bytes::from_static(&PAYLOAD))
            .await;
        Tally::one(response.is_ok_and(|response| response.as_ref() == PAYLOAD))
    }
}

pub(super) async fn messages(receiver: SocketAddr, callers: usize) -> Result<Vec<Messages>> {
    let mesh = join(&[receiver]).await?;
    Ok((0..callers)
        .map(|_| Messages {
            mesh: mesh.clone(),
            receiver,
        })
        .collect())
}

pub(super) struct Messages {
    mesh: Mesh,
    receiver: SocketAddr,
}

impl Caller for Messages {
    async fn call(&mut self) -> Tally {
        let sent = self
            .mesh
            .send(COMMAND, self.receiver, Bytes::from_static(&PAYLOAD))
            .await;
        Tally::one(sent.is_ok())
    }
}

/// A sender with so many deliveries in flight, as the only caller.
pub(super) async fn reliable_fan_out(
    receivers: &[SocketAddr],
    limit: usize,
) -> Result<Vec<ReliableFanOut>> {
    let mesh = join(receivers).await?;
    Ok(vec![ReliableFanOut {
        mesh,
        receivers: receivers.to_vec(),
        limit,
    }])
}

pub(super) struct ReliableFanOut {
    mesh: Mesh,
    receivers: Vec<SocketAddr>,
    limit: usize,
}

impl Caller for ReliableFanOut {
    async fn call(&mut self) -> Tally {
        let payload = Bytes::from_static(&PAYLOAD);
        let report = self
            .mesh
            .send_many(COMMAND, &self.receivers, payload, self.limit)
            .await;
        tally(report.delivered(), self.receivers.len())
    }
}

/// A sender with bursts of so many datagrams, as the only caller.
pub(super) async fn unreliable_fan_out(
    receivers: &[SocketAddr],
    burst: usize,
) -> Result<Vec<UnreliableFanOut>> {
    let mesh = join(receivers).await?;
    Ok(vec![UnreliableFanOut {
        mesh,
        receivers: receivers.to_vec(),
        burst,
    }])
}

pub(super) struct UnreliableFanOut {
    mesh: Mesh,
    receivers: Vec<SocketAddr>,
    burst: usize,
}

impl Caller for UnreliableFanOut {
    async fn call(&mut self) -> Tally {
        let payload = Bytes::from_static(&PAYLOAD);
        let report = self
            .mesh
            .usend_many(COMMAND, &self.receivers, payload, self.burst)
            .await;
        tally(report.delivered(), self.receivers.len())
    }
}

const fn tally(done: usize, of: usize) -> Tally {
    Tally {
        done: done as u64,
        failed: of.saturating_sub(done) as u64,
    }
}
