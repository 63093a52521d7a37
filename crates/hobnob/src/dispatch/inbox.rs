//! What arrived and is for handlers: run inline until they wait, then as tasks of their own.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use hobnob_endpoint::{
    Endpoint,
    messaging::{Event, Failure, RequestKey, RespondError},
    session::Sessions,
    wire::{Instant, ResponseStatus, StreamId},
};
use tokio::task::AbortHandle;

use super::{
    chain::{self, Answered, Work, poll_once},
    streams::{self, Held, Job},
};
use crate::{
    driver::{Block, Blocks},
    handler::{Context, Handled},
    mesh::Mesh,
};

enum Arrived {
    Message {
        sender: SocketAddr,
        command: u16,
        stream: Option<StreamId>,
        payload: Bytes,
    },
    Unreliable {
        sender: SocketAddr,
        command: u16,
        payload: Bytes,
    },
    Request {
        key: RequestKey,
        sender: SocketAddr,
        command: u16,
        payload: Bytes,
        deadline: Instant,
    },
    Cancelled {
        key: RequestKey,
    },
}

/// Messages that came with one batch, and the receive buffers they point into.
#[derive(Default)]
pub(crate) struct Inbox {
    arrived: Vec<Arrived>,
    blocks: Vec<(usize, Block)>,
    answers: Vec<(RequestKey, Handled)>,
}

impl Inbox {
    /// Keeps a block until its payloads were dispatched.
    pub(crate) fn hold(&mut self, index: usize, block: Block) {
        self.blocks.push((index, block));
    }

    pub(crate) fn give_back(&mut self, blocks: &mut Blocks) {
        for (index, block) in self.blocks.drain(..) {
            blocks.give_back(index, block);
        }
    }

    /// Takes a message in. False when its sender is unknown by now: there is nobody it could be said to
    /// come from.
    pub(crate) fn push(&mut self, event: Event, sessions: &Sessions) -> bool {
        let sender = |peer| sessions.remote(peer).map(|remote| remote.addr);
        let arrived = match event {
            Event::Message {
                peer,
                command,
                stream,
                payload,
            } => sender(peer).map(|sender| Arrived::Message {
                sender,
                command: command.0,
                stream,
                payload,
            }),
            Event::Unreliable {
                peer,
                command,
                payload,
            } => sender(peer).map(|sender| Arrived::Unreliable {
                sender,
                command: command.0,
                payload,
            }),
            Event::Request {
                key,
                peer,
                command,
                payload,
                deadline,
            } => sender(peer).map(|sender| Arrived::Request {
                key,
                sender,
                command: command.0,
                payload,
                deadline,
            }),
            Event::Cancelled { key } => Some(Arrived::Cancelled { key }),
            _ => None,
        };
        let is_taken = arrived.is_some();
        self.arrived.extend(arrived);
        is_taken
    }

    /// Takes in a message that came by way of other nodes.
    pub(crate) fn push_relayed(
        &mut self,
        sender: SocketAddr,
        command: u16,
        payload: Bytes,
        is_reliable: bool,
    ) {
        self.arrived.push(if is_reliable {
            Arrived::Message {
                sender,
                command,
                stream: None,
                payload,
            }
        } else {
            Arrived::Unreliable {
                sender,
                command,
                payload,
            }
        });
    }

    /// Runs the handlers of everything that arrived, each until it waits for something.
    pub(crate) fn dispatch(&mut self, mesh: &Mesh, running: &mut Running) {
        let mut handled = 0;
        for arrived in self.arrived.drain(..) {
            match arrived {
                Arrived::Message {
                    sender,
                    command,
                    stream,
                    payload,
                } => handled += message(mesh, sender, command, stream, payload),
                Arrived::Unreliable {
                    sender,
                    command,
                    payload,
                } => unreliable(mesh, sender, command, payload),
                Arrived::Request {
                    key,
                    sender,
                    command,
                    payload,
                    deadline,
                } => {
                    let deadline = mesh.shared.clock.to_tokio(deadline);
                    let context = Context {
                        mesh: mesh.clone(),
                        sender,
                        command,
                        deadline: Some(deadline),
                    };
                    if let Some(answer) = request(running, key, context, payload) {
                        self.answers.push((key, answer));
                    }
                }
                Arrived::Cancelled { key } => running.abort(key),
            }
        }
        if handled > 0 || !self.answers.is_empty() {
            let now = mesh.shared.clock.now();
            let mut core = mesh.shared.core();
            core.endpoint.handled(handled);
            for (key, answer) in self.answers.drain(..) {
                respond(&mut core.endpoint, now, key, answer);
            }
        }
    }
}

/// The event with its payload copied out of the receive buffer.
pub(crate) fn copied(mut event: Event) -> Event {
    let payload = match &mut event {
        Event::Message { payload, .. }
        | Event::Unreliable { payload, .. }
        | Event::Request { payload, .. }
        | Event::Answered {
            result: Ok(payload) | Err(Failure::Handler(payload)),
            ..
        } => payload,
        _ => return event,
    };
    *payload = Bytes::copy_from_slice(payload);
    event
}

/// Runs a one-way message's handlers, in its turn. Says how many messages came to their end at once.
fn message(
    mesh: &Mesh,
    sender: SocketAddr,
    command: u16,
    stream: Option<StreamId>,
    payload: Bytes,
) -> usize {
    let Some(chain) = mesh.shared.handlers.chain(command) else {
        return 1;
    };
    let context = Context {
        mesh: mesh.clone(),
        sender,
        command,
        deadline: None,
    };
    if let Some(stream) = stream {
        let job = Job {
            chain,
            context,
            payload,
            place: Held::Incoming(Ended::new(mesh)),
        };
        return streams::run_inline(mesh, (sender, stream), job);
    }
    let mut work = chain::run_all(chain, 0, context, payload);
    if poll_once(&mut work).is_some() {
        return 1;
    }
    let ended = Ended::new(mesh);
    tokio::spawn(async move {
        work.await;
        drop(ended);
    });
    0
}

/// Gives the place of a one-way message back, however its handlers end.
pub(super) struct Ended(Option<Mesh>);

impl Ended {
    fn new(mesh: &Mesh) -> Self {
        Self(Some(mesh.clone()))
    }

    /// The caller gives the place back.
    pub(super) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        if let Some(mesh) = &self.0 {
            mesh.shared.command(|core, _| core.endpoint.handled(1));
        }
    }
}

fn unreliable(mesh: &Mesh, sender: SocketAddr, command: u16, payload: Bytes) {
    let handlers = &mesh.shared.handlers;
    let Some(chain) = handlers.chain(command) else {
        return;
    };
    let Some(place) = handlers.unreliable.take() else {
        return;
    };
    let context = Context {
        mesh: mesh.clone(),
        sender,
        command,
        deadline: None,
    };
    let mut work = chain::run_all(chain, 0, context, payload);
    if poll_once(&mut work).is_none() {
        tokio::spawn(async move {
            work.await;
            drop(place);
        });
    }
}

/// Runs a request's handlers; the answer, if it is there at once.
fn request(
    running: &Running,
    key: RequestKey,
    context: Context,
    payload: Bytes,
) -> Option<Handled> {
    let mesh = context.mesh.clone();
    let Some(chain) = mesh.shared.handlers.chain(context.command) else {
        return Some(Err("the node is shutting down".to_owned()));
    };
    let mut work = chain::run_until_answer(chain, context, payload);
    if let Some(Answered { handled, rest }) = poll_once(&mut work) {
        go_on(&mesh, rest);
        return Some(handled);
    }
    let tasks = running.tasks.clone();
    // Held over the spawn: the task cannot take itself off before it was put in.
    let mut table = running
        .tasks
        .lock()
        .expect("no panic while the table is locked");
    let task = tokio::spawn(async move {
        let Answered { handled, rest } = work.await;
        tasks
            .lock()
            .expect("no panic while the table is locked")
            .remove(&key);
        mesh.shared
            .command(|core, now| respond(&mut core.endpoint, now, key, handled));
        go_on(&mesh, rest);
        // Others that end now add their answers first: they share datagrams.
        tokio::task::yield_now().await;
        mesh.shared.flush_unless_awake();
    });
    table.insert(key, task.abort_handle());
    None
}

/// Runs the handlers after the one that answered. Where too many wait already, they are dropped when they
/// would wait.
pub(super) fn go_on(mesh: &Mesh, rest: Option<Work<()>>) {
    let Some(mut rest) = rest else { return };
    if poll_once(&mut rest).is_none()
        && let Some(place) = mesh.shared.handlers.after_answer.take()
    {
        tokio::spawn(async move {
            rest.await;
            drop(place);
        });
    }
}

fn respond(endpoint: &mut Endpoint, now: Instant, key: RequestKey, answer: Handled) {
    let (status, payload) = match answer {
        Ok(payload) => (ResponseStatus::Ok, payload.unwrap_or_default()),
        Err(text) => (ResponseStatus::HandlerError, Bytes::from(text)),
    };
    // Gone means that nobody waits for it any more, which is no error of the handler's.
    if let Err(RespondError::TooLarge { len, max }) = endpoint.respond(now, key, status, payload) {
        let text = Bytes::from(answer_too_large(len, max));
        let _ = endpoint.respond(now, key, ResponseStatus::HandlerError, text);
    }
}

/// What a caller is told in place of an answer that is too large.
pub(crate) fn answer_too_large(len: usize, max: usize) -> String {
    format!("the answer has {len} bytes; {max} are allowed")
}

/// Requests whose handlers wait for something, so that they can be stopped.
#[derive(Default)]
pub(crate) struct Running {
    tasks: Arc<Mutex<BTreeMap<RequestKey, AbortHandle>>>,
}

impl Running {
    fn abort(&self, key: RequestKey) {
        let task = self
            .tasks
            .lock()
            .expect("no panic while the table is locked")
            .remove(&key);
        if let Some(task) = task {
            task.abort();
        }
    }

    pub(crate) fn abort_all(&self) {
        let tasks = std::mem::take(
            &mut *self
                .tasks
                .lock()
                .expect("no panic while the table is locked"),
        );
        tasks.into_values().for_each(|task| task.abort());
    }
}
