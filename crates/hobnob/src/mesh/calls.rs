//! Handlers, and the calls that reach those of others.

use hobnob_endpoint::wire::Command;

use super::Mesh;
use crate::{
    calls::{Request, Send, SendMany, Target, Usend, UsendMany},
    error::HandleError,
    handler::{ErasedHandler, Handler},
    payload::IntoPayload,
};

impl Mesh {
    /// Registers a handler for messages and requests with `command`, 100 to 65,535.
    ///
    /// Several handlers of one command run in the order of their registration; an error ends the chain. A
    /// request is answered by the first that answers; the others still run. When none answers, the response
    /// is empty.
    ///
    /// # Errors
    ///
    /// [`HandleError::Reserved`] below 100; nothing was registered.
    pub fn handle<T>(&self, command: u16, handler: impl Handler<T>) -> Result<(), HandleError> {
        if Command(command).is_reserved() {
            return Err(HandleError::Reserved { command });
        }
        self.handle_reserved(command, handler);
        Ok(())
    }

    /// Registers a handler for one of Hobnob's own commands.
    #[doc(hidden)]
    pub fn handle_reserved<T>(&self, command: u16, handler: impl Handler<T>) {
        if self.shared.is_closed() {
            // It would never run, and might keep this very mesh alive.
            return;
        }
        self.shared
            .handlers
            .add(command, &ErasedHandler::new(handler));
        self.shared
            .command(|core, _| core.endpoint.register(Command(command)));
    }

    /// Sends a request and waits for its response.
    ///
    /// # Errors
    ///
    /// [`RequestError`](crate::RequestError), when awaited.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the request up; it may have been handled.
    pub fn request(
        &self,
        command: u16,
        to: impl Into<Target>,
        payload: impl IntoPayload,
    ) -> Request {
        Request::new(self.clone(), command, to.into(), payload.into_payload())
    }

    /// Sends a message reliably: resolves when the node has taken it for its handlers, which run at most
    /// once however often it had to be sent. Where too much is waiting for the node, which is 65,536 calls or 64
    /// MiB of payload, it waits for room first.
    ///
    /// Messages have no order unless they are given one: [`in_order`](crate::Send::in_order).
    ///
    /// # Errors
    ///
    /// [`SendError`](crate::SendError), when awaited.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends the retries; the message may have been handled.
    pub fn send(&self, command: u16, to: impl Into<Target>, payload: impl IntoPayload) -> Send {
        Send::new(self.clone(), command, to.into(), payload.into_payload())
    }

    /// As [`send`](Self::send), but never waits for room: where as much is waiting for the node already as the queue
    /// to it holds, it ends with [`SendError::QueueFull`](crate::SendError::QueueFull) as soon as it is polled, and
    /// nothing was sent. Otherwise it resolves as `send` does. A message that keeps the
    /// [order](crate::Send::in_order) of a stream is also refused where an earlier one waits for room.
    ///
    /// # Errors
    ///
    /// [`SendError`](crate::SendError), when awaited.
    ///
    /// # Cancel safety
    ///
    /// As that of `send`.
    pub fn try_send(&self, command: u16, to: impl Into<Target>, payload: impl IntoPayload) -> Send {
        self.send(command, to, payload).without_waiting()
    }

    /// As [`request`](Self::request), but never waits for room in the queue to the node:
    /// [`RequestError::QueueFull`](crate::RequestError::QueueFull) then, and nothing was sent.
    ///
    /// # Errors
    ///
    /// [`RequestError`](crate::RequestError), when awaited.
    ///
    /// # Cancel safety
    ///
    /// As that of `request`.
    pub fn try_request(
        &self,
        command: u16,
        to: impl Into<Target>,
        payload: impl IntoPayload,
    ) -> Request {
        self.request(command, to, payload).without_waiting()
    }

    /// Sends a message reliably to many nodes, with at most `limit` deliveries in flight at any moment (at
    /// least 1). Resolves to each node's result once all have one. A node that is named more than once gets it
    /// once.
    ///
    /// A node that does not answer occupies one place of the limit until it is known to be down, or until the
    /// timeout, no more. But as many of them as there are places hold up all that come after them: choose the
    /// limit above the number of nodes that may die at once, or a [`timeout`](SendMany::timeout) well above the
    /// six seconds or so that it takes to notice. For hundreds of nodes see [`SendMany::relayed`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends it: deliveries not begun never are; those under way may be handled.
    pub fn send_many<I>(
        &self,
        command: u16,
        nodes: I,
        payload: impl IntoPayload,
        limit: usize,
    ) -> SendMany
    where
        I: IntoIterator,
        I::Item: Into<Target>,
    {
        let nodes = nodes.into_iter().map(Into::into).collect();
        SendMany::new(self.clone(), command, nodes, payload.into_payload(), limit)
    }

    /// Sends a message once: resolves when it was handed to the kernel. It must fit into one datagram: 1,366
    /// bytes in one of the default size, as [`USendError::TooLarge`](crate::USendError::TooLarge) says.
    ///
    /// # Errors
    ///
    /// [`USendError`](crate::USendError), when awaited.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may or may not keep the message from being sent.
    pub fn usend(&self, command: u16, to: impl Into<Target>, payload: impl IntoPayload) -> Usend {
        Usend::new(self.clone(), command, to.into(), payload.into_payload())
    }

    /// Sends a message once to many nodes, `limit` datagrams a burst (at least 1), yielding in between. A node
    /// that is named more than once gets it once. For hundreds of nodes see [`UsendMany::relayed`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future ends it: bursts not begun never are.
    pub fn usend_many<I>(
        &self,
        command: u16,
        nodes: I,
        payload: impl IntoPayload,
        limit: usize,
    ) -> UsendMany
    where
        I: IntoIterator,
        I::Item: Into<Target>,
    {
        let nodes = nodes.into_iter().map(Into::into).collect();
        UsendMany::new(self.clone(), command, nodes, payload.into_payload(), limit)
    }
}
