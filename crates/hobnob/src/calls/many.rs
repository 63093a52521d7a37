//! Reliable fan-out.

use std::{
    future::{Future, IntoFuture, poll_fn},
    net::SocketAddr,
    num::NonZeroUsize,
    pin::Pin,
    sync::atomic::Ordering,
    time::Duration,
};

use bytes::Bytes;
use hobnob_endpoint::{
    CallError, RelayKey,
    messaging::{Call, Failure, FanOutKey, Token},
    wire::{Command, Instant, Peer},
};

use super::{
    Target,
    addressees::Addressees,
    calling::{Calling, Kind, Order},
};
use crate::{
    driver::{Core, Outcome},
    error::{SendError, Trouble},
    mesh::Mesh,
    payload::EncodeError,
};

/// How each delivery of a fan-out ended, in the order the nodes were given. One that was given more than once is
/// served once, and has the same result in each of its places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report<E = SendError> {
    results: Vec<(SocketAddr, Result<(), E>)>,
}

impl<E> Report<E> {
    pub(super) const fn new(results: Vec<(SocketAddr, Result<(), E>)>) -> Self {
        Self { results }
    }

    /// Every node with its result.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (SocketAddr, Result<(), &E>)> {
        self.results
            .iter()
            .map(|(addr, result)| (*addr, result.as_ref().copied()))
    }

    /// How many deliveries went well.
    pub fn delivered(&self) -> usize {
        self.results
            .iter()
            .filter(|(_, result)| result.is_ok())
            .count()
    }

    /// The nodes whose delivery did not go well, and why.
    pub fn failures(&self) -> impl Iterator<Item = (SocketAddr, &E)> {
        self.results
            .iter()
            .filter_map(|(addr, result)| result.as_ref().err().map(|error| (*addr, error)))
    }

    /// Whether all deliveries went well.
    pub fn is_complete(&self) -> bool {
        self.failures().next().is_none()
    }
}

/// A reliable message to many nodes, sent when it is awaited. Made by [`Mesh::send_many`].
#[must_use = "a message is sent when it is awaited"]
pub struct SendMany {
    mesh: Mesh,
    to: Addressees,
    command: Command,
    payload: Result<Bytes, EncodeError>,
    limit: usize,
    is_relayed: bool,
    timeout: Duration,
    reserved: bool,
}

impl SendMany {
    pub(crate) fn new(
        mesh: Mesh,
        command: u16,
        to: Vec<Target>,
        payload: Result<Bytes, EncodeError>,
        limit: usize,
    ) -> Self {
        let timeout = mesh.shared.settings.request_timeout;
        Self {
            mesh,
            to: Addressees::new(to),
            command: Command(command),
            payload,
            limit,
            is_relayed: false,
            timeout,
            reserved: false,
        }
    }

    /// Sends it down a tree: this node sends to `limit` of the nodes, each of them passes it on to up to
    /// `limit` others, and so on, until all have it.
    ///
    /// It pays for many nodes and for large payloads: the cost of this node is `limit` messages instead of
    /// one for each node, and none of it waits for more than about log(nodes) hops. For a handful of nodes it
    /// costs a report more than it saves. All nodes must be of a version that can relay, and should be members
    /// of the cluster: what is none is served from here.
    ///
    /// The [`Report`] means the same as without it: `Ok` says that this very process has taken the message for
    /// its handlers, which run at most once; [`NoHandler`](SendError::NoHandler) and
    /// [`Overloaded`](SendError::Overloaded) that it has not and will not. A node that relays and dies, or falls
    /// silent, is noticed after a tenth of the timeout (0.2 to 1 second), and others take its part over. Nodes
    /// that no relay could reach are tried from here until the timeout.
    ///
    /// An address stands for the process that is known there when the call begins. Handlers see this node as
    /// the [sender](crate::Context::sender).
    pub const fn relayed(mut self) -> Self {
        self.is_relayed = true;
        self
    }

    /// How long the whole fan-out may take, instead of the mesh's own timeout.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Lets Hobnob's own tools use its commands.
    #[doc(hidden)]
    pub const fn allow_reserved(mut self) -> Self {
        self.reserved = true;
        self
    }

    async fn run(self) -> Report {
        let refused = match &self.payload {
            _ if self.command.is_reserved() && !self.reserved => Some(SendError::Reserved {
                command: self.command.0,
            }),
            Err(error) => Some(SendError::Encode(error.clone())),
            Ok(_) => None,
        };
        match (refused, self.payload.clone()) {
            (None, Ok(payload)) if self.is_relayed => self.relay(payload).await,
            (None, Ok(payload)) => self.deliver(payload).await,
            (refused, _) => self.to.all(&refused.unwrap_or(SendError::Closed)),
        }
    }

    async fn deliver(self, payload: Bytes) -> Report {
        let deadline = self.mesh.shared.clock.now() + self.timeout;
        let me = self.mesh.address();
        let to = self.to.each();
        let mut results: Vec<Result<(), SendError>> = vec![Err(SendError::Closed); to.len()];
        let mut places = Vec::with_capacity(to.len());
        let mut peers = Vec::with_capacity(to.len());
        self.mesh.shared.command(|core, now| {
            for (place, to) in to.iter().enumerate().filter(|(_, to)| to.address() != me) {
                match core.endpoint.peer(now, to.0) {
                    Ok(peer) => {
                        places.push(place);
                        peers.push(peer);
                    }
                    Err(error) => results[place] = Err(Trouble::NotTaken(error).into()),
                }
            }
        });
        for (place, to) in to.iter().enumerate().filter(|(_, to)| to.address() == me) {
            let order = Order {
                kind: Kind::Send,
                to: to.0,
                command: self.command,
                payload: payload.clone(),
                deadline,
                stream: None,
                waits: true,
            };
            results[place] = Calling::new(self.mesh.clone(), order)
                .await
                .map(drop)
                .map_err(SendError::from);
        }
        let outcome = self.fan_out(&peers, payload.clone(), deadline).await;
        for (index, place) in places.into_iter().enumerate() {
            results[place] = match &outcome {
                Ok(report) => match report.get(index) {
                    Some((_, result)) => result
                        .clone()
                        .map_err(|failure| Trouble::Failed(failure).into()),
                    None => Err(SendError::Closed),
                },
                Err(trouble) => Err(trouble.clone().into()),
            };
        }
        self.to.report(&results)
    }

    async fn fan_out(
        &self,
        peers: &[Peer],
        payload: Bytes,
        deadline: Instant,
    ) -> Result<Vec<(Peer, Result<(), Failure>)>, Trouble> {
        if peers.is_empty() {
            return Ok(Vec::new());
        }
        let (command, limit) = (self.command, self.limit());
        let begin = |core: &mut Core, now, token| {
            let call = Call {
                command,
                payload,
                deadline,
                token,
            };
            let key = core.endpoint.fan_out(now, peers, limit, call)?;
            Ok(Key::Plain(key))
        };
        match self.carry_out(begin).await? {
            Outcome::FannedOut(report) => Ok(report),
            _ => Err(Trouble::Closed),
        }
    }

    async fn relay(self, payload: Bytes) -> Report {
        let targets: Vec<_> = self.to.each().iter().map(|to| to.0).collect();
        let (command, limit) = (self.command, self.limit());
        let timeout = self.timeout;
        let begin = |core: &mut Core, now: Instant, token| {
            let call = Call {
                command,
                payload,
                deadline: now + timeout,
                token,
            };
            let key = core.endpoint.relay(now, &targets, limit, call)?;
            Ok(Key::Relayed(key))
        };
        let results: Vec<Result<(), SendError>> = match self.carry_out(begin).await {
            Ok(Outcome::Relayed(report)) => report
                .into_iter()
                .map(|result| result.map_err(|error| Trouble::from(error).into()))
                .collect(),
            Ok(_) => vec![Err(SendError::Closed); targets.len()],
            Err(trouble) => vec![Err(trouble.into()); targets.len()],
        };
        self.to.report(&results)
    }

    const fn limit(&self) -> NonZeroUsize {
        match NonZeroUsize::new(self.limit) {
            Some(limit) => limit,
            None => NonZeroUsize::MIN,
        }
    }

    /// Begins a fan-out and waits for its end.
    async fn carry_out(
        &self,
        begin: impl FnOnce(&mut Core, Instant, Token) -> Result<Key, CallError>,
    ) -> Result<Outcome, Trouble> {
        let shared = &self.mesh.shared;
        let (token, key) = shared.command(|core, now| {
            let token = core.calls.begin().ok_or(Trouble::Closed)?;
            begin(core, now, token)
                .map(|key| (token, key))
                .map_err(|error| {
                    core.calls.abandon(token);
                    Trouble::NotTaken(error)
                })
        })?;
        shared.under_way.fetch_add(1, Ordering::Relaxed);
        let under_way = FanOut {
            mesh: &self.mesh,
            token,
            key,
        };
        shared.flush().await;
        let outcome = poll_fn(|cx| shared.core().calls.poll(token, cx.waker())).await;
        drop(under_way);
        Ok(outcome)
    }
}

/// What a fan-out under way is known by.
#[derive(Clone, Copy)]
enum Key {
    Plain(FanOutKey),
    Relayed(RelayKey),
}

/// Gives the fan-out up when it is dropped before its end.
struct FanOut<'a> {
    mesh: &'a Mesh,
    token: Token,
    key: Key,
}

impl Drop for FanOut<'_> {
    fn drop(&mut self) {
        let shared = &self.mesh.shared;
        shared.under_way.fetch_sub(1, Ordering::Relaxed);
        shared.command(|core, now| {
            if core.calls.abandon(self.token) {
                match self.key {
                    Key::Plain(key) => core.endpoint.cancel_fan_out(now, key),
                    Key::Relayed(key) => core.endpoint.cancel_relay(now, key),
                }
            }
        });
        shared.flush_unless_awake();
    }
}

impl IntoFuture for SendMany {
    type Output = Report;
    type IntoFuture = Pin<Box<dyn Future<Output = Report> + std::marker::Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
