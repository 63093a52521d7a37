//! Calls to one node: requests and reliable one-way messages.

use std::{
    future::{Future, IntoFuture},
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hobnob_endpoint::wire::{Command, StreamId};

use super::{
    Target,
    calling::{Calling, Kind, Order},
};
use crate::{
    error::{RequestError, SendError, Trouble},
    mesh::Mesh,
    payload::{EncodeError, Payload},
};

/// A request that is sent when it is awaited. Made by [`Mesh::request`].
pub type Request = Call<Payload, RequestError>;

/// A reliable message that is sent when it is awaited. Made by [`Mesh::send`].
pub type Send = Call<(), SendError>;

/// A call to one node, not begun yet: it is sent when it is awaited.
#[must_use = "a call is sent when it is awaited"]
pub struct Call<T, E> {
    mesh: Mesh,
    kind: Kind,
    to: Target,
    command: Command,
    payload: Result<Bytes, EncodeError>,
    timeout: Duration,
    stream: Option<StreamId>,
    waits: bool,
    reserved: bool,
    result: PhantomData<fn() -> Result<T, E>>,
}

impl Request {
    pub(crate) fn new(
        mesh: Mesh,
        command: u16,
        to: Target,
        payload: Result<Bytes, EncodeError>,
    ) -> Self {
        Self::of_kind(Kind::Request, mesh, command, to, payload)
    }
}

impl Send {
    pub(crate) fn new(
        mesh: Mesh,
        command: u16,
        to: Target,
        payload: Result<Bytes, EncodeError>,
    ) -> Self {
        Self::of_kind(Kind::Send, mesh, command, to, payload)
    }

    /// Keeps the order of the stream with this name: the messages of one node to another in one stream are handled
    /// one after the other, in the order in which they were sent, that is, first polled. The handlers of one
    /// have come to their end before those of the next begin, whatever their commands. Other streams, and
    /// messages without one, go on meanwhile.
    ///
    /// A message whose send failed may be missing, or may have been handled unknown to its sender, but never
    /// after a later one. It is resolved, as without a stream, when the node has taken it for its handlers,
    /// which may be before its turn.
    ///
    /// A stream exists by being named, and there may be many: one for each client or room is fine. Streams that
    /// are alike in a hash of 32 bits share one order.
    pub fn in_order(mut self, stream: &str) -> Self {
        self.stream = Some(StreamId::of_name(stream));
        self
    }
}

impl<T, E> Call<T, E> {
    fn of_kind(
        kind: Kind,
        mesh: Mesh,
        command: u16,
        to: Target,
        payload: Result<Bytes, EncodeError>,
    ) -> Self {
        let timeout = mesh.shared.settings.request_timeout;
        let command = Command(command);
        Self {
            mesh,
            kind,
            to,
            command,
            payload,
            timeout,
            stream: None,
            waits: true,
            reserved: false,
            result: PhantomData,
        }
    }

    /// How long to try and to wait, instead of the mesh's own timeout.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Ends with an error where it would wait for room in the queue to the node.
    pub(crate) const fn without_waiting(mut self) -> Self {
        self.waits = false;
        self
    }

    /// Lets Hobnob's own tools use its commands.
    #[doc(hidden)]
    pub const fn allow_reserved(mut self) -> Self {
        self.reserved = true;
        self
    }

    fn order(&mut self) -> Result<Order, Trouble> {
        if self.command.is_reserved() && !self.reserved {
            return Err(Trouble::Reserved(self.command.0));
        }
        let payload =
            std::mem::replace(&mut self.payload, Ok(Bytes::new())).map_err(Trouble::Encode)?;
        let deadline = self.mesh.shared.clock.now() + self.timeout;
        Ok(Order {
            kind: self.kind,
            to: self.to.0,
            command: self.command,
            payload,
            deadline,
            stream: self.stream,
            waits: self.waits,
        })
    }
}

impl<T, E> IntoFuture for Call<T, E>
where
    T: From<Payload>,
    E: From<Trouble>,
{
    type Output = Result<T, E>;
    type IntoFuture = UnderWay<T, E>;

    fn into_future(mut self) -> UnderWay<T, E> {
        let calling = self.order().map(|order| Calling::new(self.mesh, order));
        UnderWay {
            calling: calling.map_err(Some),
            result: PhantomData,
        }
    }
}

/// A call under way.
///
/// # Cancel safety
///
/// Dropping it gives the call up: retries end, and the far side of a request is told and drops its handler
/// where that waits for something. The message may have been handled.
#[must_use = "futures do nothing unless awaited"]
pub struct UnderWay<T, E> {
    calling: Result<Calling, Option<Trouble>>,
    result: PhantomData<fn() -> Result<T, E>>,
}

impl<T, E> Future for UnderWay<T, E>
where
    T: From<Payload>,
    E: From<Trouble>,
{
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = match &mut self.calling {
            Ok(calling) => std::task::ready!(Pin::new(calling).poll(cx)),
            Err(trouble) => Err(trouble.take().unwrap_or(Trouble::Closed)),
        };
        Poll::Ready(
            result
                .map(|bytes| T::from(Payload::new(bytes)))
                .map_err(E::from),
        )
    }
}
