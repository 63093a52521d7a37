//! Messages a node sends to itself: its own handlers, without a detour over the wire.

use std::future::Future;

use bytes::Bytes;
use hobnob_endpoint::{
    messaging::Failure,
    wire::{Instant, StreamId},
};

use super::{
    chain,
    inbox::go_on,
    streams::{self, Held, Job},
};
use crate::{
    error::Trouble,
    handler::{Context, Handled},
    mesh::Mesh,
};

/// Runs a one-way message's handlers as a task of their own.
pub(crate) fn send(mesh: &Mesh, command: u16, payload: Bytes) -> Result<(), Trouble> {
    send_in(mesh, command, None, payload)
}

/// As [`send`], in its turn if it is of a stream.
pub(crate) fn send_in(
    mesh: &Mesh,
    command: u16,
    stream: Option<StreamId>,
    payload: Bytes,
) -> Result<(), Trouble> {
    let handlers = &mesh.shared.handlers;
    let chain = handlers
        .chain(command)
        .ok_or(Trouble::Failed(Failure::NoHandler))?;
    let place = handlers
        .local
        .take()
        .ok_or(Trouble::Failed(Failure::Overloaded))?;
    let context = context(mesh, command, None);
    if let Some(stream) = stream {
        let job = Job {
            chain,
            context,
            payload,
            place: Held::Local(place),
        };
        streams::run_in_task(mesh, (mesh.address(), stream), job);
        return Ok(());
    }
    let work = chain::run_all(chain, 0, context, payload);
    tokio::spawn(async move {
        work.await;
        drop(place);
    });
    Ok(())
}

/// Runs a request's handlers as part of the caller.
pub(crate) fn request(
    mesh: &Mesh,
    command: u16,
    payload: Bytes,
    deadline: Instant,
) -> Result<impl Future<Output = Handled> + Send + use<>, Trouble> {
    let chain = mesh
        .shared
        .handlers
        .chain(command)
        .ok_or(Trouble::Failed(Failure::NoHandler))?;
    let context = context(mesh, command, Some(deadline));
    let work = chain::run_until_answer(chain, context.clone(), payload);
    Ok(async move {
        let answered = work.await;
        go_on(&context.mesh, answered.rest);
        answered.handled
    })
}

fn context(mesh: &Mesh, command: u16, deadline: Option<Instant>) -> Context {
    let deadline = deadline.map(|at| mesh.shared.clock.to_tokio(at));
    Context {
        mesh: mesh.clone(),
        sender: mesh.address(),
        command,
        deadline,
    }
}
