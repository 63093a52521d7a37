//! Unreliable messages, to one node and to many.

use std::{
    future::{Future, IntoFuture},
    num::NonZeroUsize,
    pin::Pin,
    time::Duration,
};

use bytes::Bytes;
use hobnob_endpoint::{
    CallError,
    messaging::SendError as Refused,
    wire::{Command, Instant},
};

use super::{Report, Target, addressees::Addressees};
use crate::{
    dispatch::local, driver::Drained, error::USendError, mesh::Mesh, payload::EncodeError,
};

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What is sent, and as what.
struct Message {
    mesh: Mesh,
    command: Command,
    payload: Result<Bytes, EncodeError>,
    timeout: Duration,
    reserved: bool,
}

impl Message {
    fn new(mesh: Mesh, command: u16, payload: Result<Bytes, EncodeError>) -> Self {
        let timeout = mesh.shared.settings.request_timeout;
        Self {
            mesh,
            command: Command(command),
            payload,
            timeout,
            reserved: false,
        }
    }

    fn checked(&self) -> Result<Bytes, USendError> {
        if self.command.is_reserved() && !self.reserved {
            return Err(USendError::Reserved {
                command: self.command.0,
            });
        }
        if self.mesh.shared.is_closed() {
            return Err(USendError::Closed);
        }
        self.payload.clone().map_err(USendError::Encode)
    }

    /// Hands the message to the core for one target.
    fn add(&self, to: Target, payload: &Bytes) -> Result<(), CallError> {
        let shared = &self.mesh.shared;
        shared.command(|core, now| {
            core.endpoint
                .unreliable(now, to.0, self.command, payload.clone())
        })
    }

    /// Adds the message for one target, waiting for a session or for room as long as there is time.
    async fn add_in_time(
        &self,
        to: Target,
        payload: &Bytes,
        deadline: Instant,
    ) -> Result<(), USendError> {
        let shared = &self.mesh.shared;
        let until = shared.clock.to_tokio(deadline);
        loop {
            // Made before the attempt: what happens after it is not missed.
            let (connected, writable) = (shared.connected.notified(), shared.writable.notified());
            tokio::pin!(connected, writable);
            connected.as_mut().enable();
            writable.as_mut().enable();
            if shared.is_closed() {
                return Err(USendError::Closed);
            }
            match self.add(to, payload) {
                Err(CallError::NotConnected) => {
                    shared.flush_now();
                    tokio::time::timeout_at(until, connected)
                        .await
                        .map_err(|_| USendError::Timeout)?;
                }
                Err(CallError::Refused(Refused::QueueFull { .. })) => {
                    hand_to_kernel(&self.mesh).await?;
                    tokio::time::timeout_at(until, writable)
                        .await
                        .map_err(|_| USendError::Timeout)?;
                }
                result => return result.map_err(USendError::from),
            }
        }
    }

    /// Runs this node's own handlers: it is among the targets.
    fn deliver_here(&self, payload: &Bytes) -> Result<(), USendError> {
        let max = self
            .mesh
            .shared
            .core()
            .endpoint
            .messages()
            .unreliable_payload_max();
        let len = payload.len();
        if len > max {
            return Err(USendError::TooLarge { len, max });
        }
        // Without a handler, or without a place for one, it is lost like any other unreliable message.
        let _ = local::send(&self.mesh, self.command.0, payload.clone());
        Ok(())
    }
}

/// Drains the endpoint until the kernel has taken everything. Says whether it could: a closed mesh sends
/// nothing.
async fn hand_to_kernel(mesh: &Mesh) -> Result<(), USendError> {
    while mesh.shared.send_now() == Drained::Blocked {
        mesh.shared.writable().await;
    }
    if mesh.shared.is_closed() {
        Err(USendError::Closed)
    } else {
        Ok(())
    }
}

/// An unreliable message that is sent when it is awaited. Made by [`Mesh::usend`].
#[must_use = "a message is sent when it is awaited"]
pub struct Usend {
    message: Message,
    to: Target,
}

impl Usend {
    pub(crate) fn new(
        mesh: Mesh,
        command: u16,
        to: Target,
        payload: Result<Bytes, EncodeError>,
    ) -> Self {
        Self {
            message: Message::new(mesh, command, payload),
            to,
        }
    }

    /// How long to wait for a session where there is none yet, instead of the mesh's own timeout.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.message.timeout = timeout;
        self
    }

    /// Lets Hobnob's own tools use its commands.
    #[doc(hidden)]
    pub const fn allow_reserved(mut self) -> Self {
        self.message.reserved = true;
        self
    }

    async fn run(self) -> Result<(), USendError> {
        let payload = self.message.checked()?;
        if self.to.address() == self.message.mesh.address() {
            return self.message.deliver_here(&payload);
        }
        let deadline = self.message.mesh.shared.clock.now() + self.message.timeout;
        self.message
            .add_in_time(self.to, &payload, deadline)
            .await?;
        hand_to_kernel(&self.message.mesh).await
    }
}

impl IntoFuture for Usend {
    type Output = Result<(), USendError>;
    type IntoFuture = Boxed<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// An unreliable message to many nodes, sent when it is awaited. Made by [`Mesh::usend_many`].
#[must_use = "a message is sent when it is awaited"]
pub struct UsendMany {
    message: Message,
    to: Addressees,
    limit: usize,
    is_relayed: bool,
}

impl UsendMany {
    pub(crate) fn new(
        mesh: Mesh,
        command: u16,
        to: Vec<Target>,
        payload: Result<Bytes, EncodeError>,
        limit: usize,
    ) -> Self {
        Self {
            message: Message::new(mesh, command, payload),
            to: Addressees::new(to),
            limit: limit.max(1),
            is_relayed: false,
        }
    }

    /// Sends it down a tree: this node sends to `limit` of the nodes, each of them passes it on to up to
    /// `limit` others, and so on.
    ///
    /// Each node gets the message from one other, at most once. Where a datagram is lost, or a node that should
    /// pass it on is gone, all that would have got it that way do not; nothing is repeated or taken over. The
    /// report says which nodes the message was handed on for, not which it reached, and waits for no session:
    /// where there is none, the message goes as soon as there is one.
    ///
    /// The names of the nodes to serve travel in the same datagram, some 16 bytes each (28 with IPv6). The
    /// longer the message, the fewer a relay serves, and the more of them this node sends to itself; from about
    /// 1,330 bytes on (in datagrams of the default size) it sends to all.
    pub const fn relayed(mut self) -> Self {
        self.is_relayed = true;
        self
    }

    /// How long to wait for sessions where there are none yet, instead of the mesh's own timeout.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.message.timeout = timeout;
        self
    }

    /// Lets Hobnob's own tools use its commands.
    #[doc(hidden)]
    pub const fn allow_reserved(mut self) -> Self {
        self.message.reserved = true;
        self
    }

    async fn run(self) -> Report<USendError> {
        match self.message.checked() {
            Ok(payload) if self.is_relayed => self.relay(&payload).await,
            Ok(payload) => self.deliver(&payload).await,
            Err(error) => self.to.all(&error),
        }
    }

    async fn relay(&self, payload: &Bytes) -> Report<USendError> {
        let mesh = &self.message.mesh;
        let targets: Vec<_> = self.to.each().iter().map(|to| to.0).collect();
        let limit = NonZeroUsize::new(self.limit).unwrap_or(NonZeroUsize::MIN);
        let begun = mesh.shared.command(|core, now| {
            core.endpoint
                .relay_once(now, &targets, self.message.command, payload, limit)
        });
        let closed = hand_to_kernel(mesh).await.err();
        let results: Vec<Result<(), USendError>> = match (begun, closed) {
            (_, Some(error)) => vec![Err(error); targets.len()],
            (Err(error), None) => vec![Err(error.into()); targets.len()],
            (Ok(results), None) => results
                .into_iter()
                .map(|result| result.map_err(USendError::from))
                .collect(),
        };
        self.to.report(&results)
    }

    async fn deliver(&self, payload: &Bytes) -> Report<USendError> {
        let mesh = &self.message.mesh;
        let to = self.to.each();
        let mut results: Vec<Result<(), USendError>> = vec![Ok(()); to.len()];
        let mut later = Vec::new();
        for (burst, targets) in to.chunks(self.limit).enumerate() {
            for (index, to) in targets.iter().enumerate() {
                let place = burst * self.limit + index;
                if to.address() == mesh.address() {
                    results[place] = self.message.deliver_here(payload);
                    continue;
                }
                match self.message.add(*to, payload) {
                    Err(
                        CallError::NotConnected | CallError::Refused(Refused::QueueFull { .. }),
                    ) => {
                        later.push(place);
                    }
                    result => results[place] = result.map_err(USendError::from),
                }
            }
            if hand_to_kernel(mesh).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        self.deliver_later(payload, later, &mut results).await;
        if hand_to_kernel(mesh).await.is_err() {
            results
                .iter_mut()
                .for_each(|result| *result = Err(USendError::Closed));
        }
        self.to.report(&results)
    }

    /// Waits for sessions and for room; whoever gets them first is served first.
    async fn deliver_later(
        &self,
        payload: &Bytes,
        mut later: Vec<usize>,
        results: &mut [Result<(), USendError>],
    ) {
        let shared = &self.message.mesh.shared;
        let until = tokio::time::Instant::now() + self.message.timeout;
        while !later.is_empty() {
            let (connected, writable) = (shared.connected.notified(), shared.writable.notified());
            tokio::pin!(connected, writable);
            connected.as_mut().enable();
            writable.as_mut().enable();
            later.retain(
                |place| match self.message.add(self.to.each()[*place], payload) {
                    Err(
                        CallError::NotConnected | CallError::Refused(Refused::QueueFull { .. }),
                    ) => true,
                    result => {
                        results[*place] = result.map_err(USendError::from);
                        false
                    }
                },
            );
            if later.is_empty() || hand_to_kernel(&self.message.mesh).await.is_err() {
                return;
            }
            let change = async {
                tokio::select! {
                    biased;
                    () = connected => {}
                    () = writable => {}
                }
            };
            if tokio::time::timeout_at(until, change).await.is_err() {
                later
                    .iter()
                    .for_each(|place| results[*place] = Err(USendError::Timeout));
                return;
            }
        }
    }
}

impl IntoFuture for UsendMany {
    type Output = Report<USendError>;
    type IntoFuture = Boxed<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
