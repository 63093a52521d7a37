//! A call under way, whatever its kind.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
};

use bytes::Bytes;
use hobnob_endpoint::{
    CallError, Target,
    messaging::{self, CallKey, Failure, SendError as Refused, Token},
    wire::{Command, Instant, StreamId},
};
use tokio::{
    sync::Notify,
    time::{error::Elapsed, timeout_at},
};

use super::turns::Turn;
use crate::{
    dispatch::{answer_too_large, local},
    driver::{Outcome, Shared},
    error::Trouble,
    mesh::Mesh,
};

/// One-way or with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Send,
    Request,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) kind: Kind,
    pub(super) to: Target,
    pub(super) command: Command,
    pub(super) payload: Bytes,
    pub(super) deadline: Instant,
    /// The stream it keeps the order of.
    pub(super) stream: Option<StreamId>,
    /// Waits where the queue to the node is full.
    pub(super) waits: bool,
}

/// The future of one call. Dropping it gives the call up.
pub(super) struct Calling {
    mesh: Mesh,
    state: State,
    /// Its place among those of its stream that wait for room.
    turn: Option<Turn>,
}

/// Room in a queue that was full, or the end of the time there was for it.
type Room = Pin<Box<dyn Future<Output = Result<(), Elapsed>> + Send>>;

enum State {
    /// To be taken on; with somebody who waits for room already, if there was none before.
    Ready(Order, Option<Room>),
    /// The queue to the peer is full.
    Queued(Order, Room),
    /// Taken on; others get the chance to add theirs before it is sent.
    Yielded(Token, CallKey),
    Waiting(Token, CallKey),
    /// The node calls itself.
    Local(Pin<Box<dyn Future<Output = Result<Bytes, Trouble>> + Send>>),
    Done,
}

impl Calling {
    pub(super) const fn new(mesh: Mesh, order: Order) -> Self {
        Self {
            mesh,
            state: State::Ready(order, None),
            turn: None,
        }
    }

    fn begin(&mut self, order: Order, room: Option<Room>, cx: &mut Context<'_>) -> Step {
        if order.to.addr == self.mesh.address() && !self.mesh.shared.is_closed() {
            self.state = State::Local(call_self(self.mesh.clone(), order));
            return Step::Again;
        }
        let shared = &self.mesh.shared;
        let taken = if self.is_next(&order) {
            take_on(shared, &order)
        } else {
            Err(no_room())
        };
        match taken {
            Ok((token, key)) => {
                self.turn = None;
                let is_alone = shared.under_way.fetch_add(1, Ordering::Relaxed) == 0;
                if is_alone || shared.is_driver_awake() {
                    shared.flush_unless_awake();
                    self.state = State::Waiting(token, key);
                    return Step::Again;
                }
                self.state = State::Yielded(token, key);
                cx.waker().wake_by_ref();
                Step::Wait
            }
            Err(Trouble::NotTaken(CallError::Refused(Refused::QueueFull { .. })))
                if order.waits =>
            {
                self.wait_for_room(order, room, cx)
            }
            Err(trouble) => Step::End(Err(trouble)),
        }
    }

    /// Whether nobody with an earlier message of the same stream waits for room.
    fn is_next(&self, order: &Order) -> bool {
        match (&self.turn, order.stream) {
            (Some(turn), _) => turn.is_first(),
            (None, Some(stream)) => self.mesh.shared.turns.is_free(&(order.to.addr, stream)),
            (None, None) => true,
        }
    }

    /// Room that comes about before anybody waits for it is told to nobody: begins to wait, then tries once
    /// more.
    fn wait_for_room(&mut self, order: Order, room: Option<Room>, cx: &mut Context<'_>) -> Step {
        if let Some(room) = room {
            self.state = State::Queued(order, room);
            return Step::Wait;
        }
        let shared = &self.mesh.shared;
        if let (None, Some(stream)) = (&self.turn, order.stream) {
            self.turn = Some(shared.turns.stand((order.to.addr, stream)));
        }
        let behind = self.turn.as_ref().filter(|turn| !turn.is_first());
        let mut room = room_for(shared.clone(), order.deadline, behind.map(Turn::called));
        let room = match room.as_mut().poll(cx) {
            Poll::Pending => Some(room),
            Poll::Ready(Ok(())) => None,
            Poll::Ready(Err(_)) => return Step::End(Err(timed_out())),
        };
        self.state = State::Ready(order, room);
        Step::Again
    }
}

enum Step {
    Again,
    Wait,
    End(Result<Bytes, Trouble>),
}

const fn timed_out() -> Trouble {
    Trouble::Failed(Failure::Timeout)
}

/// Hands the order to the core.
fn take_on(shared: &Shared, order: &Order) -> Result<(Token, CallKey), Trouble> {
    shared.command(|core, now| {
        let token = core.calls.begin().ok_or(Trouble::Closed)?;
        let call = messaging::Call {
            command: order.command,
            payload: order.payload.clone(),
            deadline: order.deadline,
            token,
        };
        let taken = match (order.kind, order.stream) {
            (Kind::Send, Some(stream)) => core.endpoint.send_in_order(now, order.to, stream, call),
            (Kind::Send, None) => core.endpoint.send(now, order.to, call),
            (Kind::Request, _) => core.endpoint.request(now, order.to, call),
        };
        taken.map(|key| (token, key)).map_err(|error| {
            core.calls.abandon(token);
            Trouble::NotTaken(error)
        })
    })
}

const fn no_room() -> Trouble {
    Trouble::NotTaken(CallError::Refused(Refused::QueueFull {
        messages: 0,
        bytes: 0,
    }))
}

/// Resolves when a full queue may have room again, or the one in front is gone, or the deadline passed.
fn room_for(shared: Arc<Shared>, deadline: Instant, called: Option<Arc<Notify>>) -> Room {
    Box::pin(async move {
        let deadline = shared.clock.to_tokio(deadline);
        let waited_for = called.as_deref().unwrap_or(&shared.writable);
        timeout_at(deadline, waited_for.notified()).await
    })
}

/// The node's own handlers, without a detour over the wire.
fn call_self(
    mesh: Mesh,
    order: Order,
) -> Pin<Box<dyn Future<Output = Result<Bytes, Trouble>> + Send>> {
    Box::pin(async move {
        let (len, max) = (order.payload.len(), mesh.shared.settings.message_bytes_max);
        if len > max {
            let refused = Refused::TooLarge { len, max };
            return Err(Trouble::NotTaken(CallError::Refused(refused)));
        }
        let command = order.command.0;
        if order.kind == Kind::Send {
            return local::send_in(&mesh, command, order.stream, order.payload)
                .map(|()| Bytes::new());
        }
        let chain = local::request(&mesh, command, order.payload, order.deadline)?;
        let until = mesh.shared.clock.to_tokio(order.deadline);
        tokio::select! {
            biased;
            handled = timeout_at(until, chain) => match handled {
                Ok(Ok(answer)) => {
                    let answer = answer.unwrap_or_default();
                    match answer.len() {
                        len if len > max => Err(Trouble::Handler(answer_too_large(len, max))),
                        _ => Ok(answer),
                    }
                }
                Ok(Err(text)) => Err(Trouble::Handler(text)),
                Err(_) => Err(timed_out()),
            },
            () = mesh.closed() => Err(Trouble::Closed),
        }
    })
}

impl Future for Calling {
    type Output = Result<Bytes, Trouble>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::Ready(order, room) => match self.begin(order, room, cx) {
                    Step::Again => {}
                    Step::Wait => return Poll::Pending,
                    Step::End(result) => {
                        self.turn = None;
                        return Poll::Ready(result);
                    }
                },
                State::Queued(order, mut room) => match room.as_mut().poll(cx) {
                    Poll::Ready(Ok(())) => self.state = State::Ready(order, None),
                    Poll::Ready(Err(_)) => {
                        self.turn = None;
                        return Poll::Ready(Err(timed_out()));
                    }
                    Poll::Pending => {
                        self.state = State::Queued(order, room);
                        return Poll::Pending;
                    }
                },
                State::Yielded(token, key) => {
                    self.mesh.shared.flush_now();
                    self.state = State::Waiting(token, key);
                }
                State::Waiting(token, key) => {
                    let outcome = self.mesh.shared.core().calls.poll(token, cx.waker());
                    let Poll::Ready(outcome) = outcome else {
                        self.state = State::Waiting(token, key);
                        return Poll::Pending;
                    };
                    self.mesh.shared.under_way.fetch_sub(1, Ordering::Relaxed);
                    return Poll::Ready(match outcome {
                        Outcome::Sent(result) => result.map(|()| Bytes::new()),
                        Outcome::Answered(result) => result,
                        Outcome::FannedOut(_) | Outcome::Relayed(_) | Outcome::Closed => {
                            Err(Trouble::Closed)
                        }
                    });
                }
                State::Local(mut running) => {
                    let poll = running.as_mut().poll(cx);
                    if poll.is_pending() {
                        self.state = State::Local(running);
                    }
                    return poll;
                }
                State::Done => return Poll::Ready(Err(Trouble::Closed)),
            }
        }
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        if let State::Yielded(token, key) | State::Waiting(token, key) = self.state {
            let shared = &self.mesh.shared;
            shared.under_way.fetch_sub(1, Ordering::Relaxed);
            shared.command(|core, now| {
                if core.calls.abandon(token) {
                    core.endpoint.cancel(now, key);
                }
            });
            shared.flush_now();
        }
    }
}
