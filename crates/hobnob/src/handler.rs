//! What an application writes to be called.

use std::{fmt::Display, future::Future, net::SocketAddr, pin::Pin, sync::Arc};

use bytes::Bytes;
use hobnob_capsule::Capsule;
use serde::Serialize;
use tokio::time::Instant;

use crate::{
    mesh::Mesh,
    payload::{EncodeError, FromPayload, IntoPayload, Payload, Typed},
};

/// Where a message came from, and the mesh to act on.
#[derive(Clone, Debug)]
pub struct Context {
    pub(crate) mesh: Mesh,
    pub(crate) sender: SocketAddr,
    pub(crate) command: u16,
    pub(crate) deadline: Option<Instant>,
}

impl Context {
    /// The mesh the message came over.
    pub const fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// The mesh address of the node that sent the message.
    pub const fn sender(&self) -> SocketAddr {
        self.sender
    }

    /// The command it was sent with.
    pub const fn command(&self) -> u16 {
        self.command
    }

    /// Whether the sender waits for an answer.
    pub const fn is_request(&self) -> bool {
        self.deadline.is_some()
    }

    /// Until when the sender waits for an answer, if it does. The handler's future is dropped then.
    pub const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}

/// What a handler may answer with.
///
/// `()` and `None` are no answer: the next handler of the command is asked.
pub trait IntoReply {
    /// The answer's bytes, if it is one.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] when the answer has no encoding; the caller is told.
    fn into_reply(self) -> Result<Option<Bytes>, EncodeError>;
}

impl IntoReply for () {
    fn into_reply(self) -> Result<Option<Bytes>, EncodeError> {
        Ok(None)
    }
}

impl<R: IntoReply> IntoReply for Option<R> {
    fn into_reply(self) -> Result<Option<Bytes>, EncodeError> {
        self.map_or(Ok(None), IntoReply::into_reply)
    }
}

macro_rules! into_reply {
    ($($type:ty),*) => {
        $(impl IntoReply for $type {
            fn into_reply(self) -> Result<Option<Bytes>, EncodeError> {
                self.into_payload().map(Some)
            }
        })*
    };
}

into_reply!(
    Bytes,
    Payload,
    Vec<u8>,
    String,
    &'static str,
    &'static [u8],
    Capsule
);

impl<T: Serialize> IntoReply for Typed<T> {
    fn into_reply(self) -> Result<Option<Bytes>, EncodeError> {
        self.into_payload().map(Some)
    }
}

/// How a handler ended: an answer, none, or an error's text.
pub(crate) type Handled = Result<Option<Bytes>, String>;
/// A handler at work.
pub(crate) type HandlerFuture = Pin<Box<dyn Future<Output = Handled> + Send>>;

/// An async function of a [`Context`] and a payload; implemented for all of them.
///
/// The payload is anything that implements [`FromPayload`]: [`Bytes`], [`String`], [`Capsule`],
/// [`Typed`]. One that cannot be read is the handler's error. An error's text reaches the caller of a
/// request and ends the chain of handlers.
pub trait Handler<T>: Send + Sync + 'static {
    /// Runs the handler.
    #[doc(hidden)]
    fn call(&self, context: Context, payload: Bytes) -> HandlerFuture;
}

impl<F, T, Fut, R, E> Handler<T> for F
where
    F: Fn(Context, T) -> Fut + Send + Sync + 'static,
    T: FromPayload,
    Fut: Future<Output = Result<R, E>> + Send + 'static,
    R: IntoReply,
    E: Display,
{
    fn call(&self, context: Context, payload: Bytes) -> HandlerFuture {
        match T::from_payload(payload) {
            Ok(payload) => {
                let running = self(context, payload);
                Box::pin(async move {
                    let reply = running.await.map_err(|error| error.to_string())?;
                    reply.into_reply().map_err(|error| error.to_string())
                })
            }
            Err(error) => Box::pin(std::future::ready(Err(error.to_string()))),
        }
    }
}

type ErasedCall = Arc<dyn Fn(Context, Bytes) -> HandlerFuture + Send + Sync>;

/// A registered handler, its payload type forgotten.
#[derive(Clone)]
pub(crate) struct ErasedHandler(ErasedCall);

impl ErasedHandler {
    pub(crate) fn new<T>(handler: impl Handler<T>) -> Self {
        Self(Arc::new(move |context, payload| {
            handler.call(context, payload)
        }))
    }

    pub(crate) fn call(&self, context: Context, payload: Bytes) -> HandlerFuture {
        (self.0)(context, payload)
    }
}
