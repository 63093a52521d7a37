//! Runs the handlers of one command, one after the other.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::atomic::Ordering,
    task::{Context as TaskContext, Poll, Waker},
};

use bytes::Bytes;

use super::registry::Chain;
use crate::handler::{Context, ErasedHandler, Handled};

/// Work that may wait.
pub(super) type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// How the handlers of a request went, as far as the caller is concerned.
pub(super) struct Answered {
    pub(super) handled: Handled,
    /// The handlers after the one that answered.
    pub(super) rest: Option<Work<()>>,
}

/// Runs all handlers until one fails.
pub(super) fn run_all(chain: Chain, first: usize, context: Context, payload: Bytes) -> Work<()> {
    Box::pin(async move {
        for handler in chain.iter().skip(first) {
            if guarded(handler, &context, &payload).await.is_err() {
                return;
            }
        }
    })
}

/// Runs handlers until one answers or fails.
pub(super) fn run_until_answer(chain: Chain, context: Context, payload: Bytes) -> Work<Answered> {
    Box::pin(async move {
        for (index, handler) in chain.iter().enumerate() {
            match guarded(handler, &context, &payload).await {
                Ok(None) => {}
                handled => {
                    let next = index + 1;
                    let goes_on = handled.is_ok() && next < chain.len();
                    let rest = goes_on.then(|| run_all(chain.clone(), next, context, payload));
                    return Answered { handled, rest };
                }
            }
        }
        Answered {
            handled: Ok(None),
            rest: None,
        }
    })
}

/// Polls without a waker: whoever gets `None` must poll again, which a spawned task does at once.
pub(super) fn poll_once<T>(work: &mut Work<T>) -> Option<T> {
    match work
        .as_mut()
        .poll(&mut TaskContext::from_waker(Waker::noop()))
    {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Runs one handler; its panic is an error like any other.
async fn guarded(handler: &ErasedHandler, context: &Context, payload: &Bytes) -> Handled {
    let handled = run(handler, context.clone(), payload.clone()).await;
    if let Err(error) = &handled {
        context
            .mesh
            .shared
            .handlers
            .errors
            .fetch_add(1, Ordering::Relaxed);
        tracing::trace!(command = context.command, sender = %context.sender, error, "a handler failed");
    }
    handled
}

async fn run(handler: &ErasedHandler, context: Context, payload: Bytes) -> Handled {
    let started = catch_unwind(AssertUnwindSafe(|| handler.call(context, payload)));
    let mut running = match started {
        Ok(running) => running,
        Err(panic) => return Err(panic_text(panic.as_ref())),
    };
    let handled = poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx)))
            .unwrap_or_else(|panic| Poll::Ready(Err(panic_text(panic.as_ref()))))
    })
    .await;
    // What the handler holds may panic as well when it is dropped.
    match catch_unwind(AssertUnwindSafe(|| drop(running))) {
        Ok(()) => handled,
        Err(panic) => Err(panic_text(panic.as_ref())),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(|text| &**text));
    format!("the handler panicked: {}", text.unwrap_or("no message"))
}
