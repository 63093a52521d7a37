//! What the servers say to each other.

use std::{collections::BTreeMap, convert::Infallible, net::SocketAddr, sync::Arc};

use futures_util::future::join_all;
use hobnob::{Capsule, Context, HandleError, Mesh, Node, Typed, capsule::GetError};

use crate::hall::{Hall, Refusal};

/// The type of all servers.
pub(crate) const SERVER: &str = "rooms";

/// Name of the value under which a server shows how many rooms it has.
pub(crate) const ROOM_COUNT: &str = "rooms";

/// Request: make a room. Its name; no answer but that it is done.
const CREATE_ROOM: u16 = 100;
/// Request: which rooms are there? Answered by their names.
const LIST_ROOMS: u16 = 101;
/// Message: pass a line on to a group. A capsule of `group` and `line`.
const TELL_GROUP: u16 = 102;

/// Servers that are told of a group's line at once.
const TELL_LIMIT: usize = 16;

/// Answers what other servers ask.
pub(crate) fn register(hall: &Arc<Hall>) -> Result<(), HandleError> {
    let here = hall.clone();
    hall.mesh
        .handle(CREATE_ROOM, move |_: Context, room: String| {
            let created = here.create_room(&room);
            async move { created }
        })?;
    let here = hall.clone();
    hall.mesh.handle(LIST_ROOMS, move |_: Context, (): ()| {
        let rooms = here.rooms();
        async move { Ok::<_, Infallible>(Typed(rooms)) }
    })?;
    let here = hall.clone();
    hall.mesh
        .handle(TELL_GROUP, move |_: Context, message: Capsule| {
            let passed_on = pass_on(&here, &message);
            async move { passed_on }
        })
}

fn pass_on(hall: &Hall, message: &Capsule) -> Result<(), GetError> {
    hall.pass_on(message.get("group")?, message.get("line")?);
    Ok(())
}

/// Makes a room on the server with the fewest, which may be this one. Says where clients reach it.
pub(crate) async fn create_room(mesh: &Mesh, room: &str) -> Result<String, Refusal> {
    // A server that leaves makes no rooms, nor does it ask others to. With the permit it stays for the answer.
    let _permit = mesh.admission().room().map_err(|error| error.to_string())?;
    let me = mesh.me();
    let others = mesh.nodes_by_type(SERVER).online();
    let server = others.iter().fold(&me, |fewest, other| {
        if rooms_on(other) < rooms_on(fewest) {
            other
        } else {
            fewest
        }
    });
    mesh.request(CREATE_ROOM, server, room)
        .await
        .map_err(|error| error.to_string())?;
    Ok(server.endpoint().to_owned())
}

pub(crate) fn rooms_on(server: &Node) -> u64 {
    server.value_as(ROOM_COUNT).unwrap_or(0)
}

/// The rooms of all servers, each with the address at which clients reach it.
pub(crate) async fn list_rooms(mesh: &Mesh) -> Vec<(String, String)> {
    let servers = servers(mesh);
    let answers = join_all(servers.iter().map(|server| async move {
        let answer = mesh.request(LIST_ROOMS, server, ()).await.ok()?;
        let Typed(rooms) = answer.decode::<Typed<Vec<String>>>().ok()?;
        Some(
            rooms
                .into_iter()
                .map(|room| (server.endpoint().to_owned(), room)),
        )
    }));
    answers.await.into_iter().flatten().flatten().collect()
}

/// Hands a line to a group on all servers, this one included. Says who did not get it and why.
pub(crate) async fn tell_group(
    mesh: &Mesh,
    group: &str,
    line: &str,
) -> BTreeMap<SocketAddr, String> {
    let message = Capsule::new().with("group", group).with("line", line);
    let report = mesh
        .send_many(TELL_GROUP, servers(mesh), message, TELL_LIMIT)
        .await;
    report
        .failures()
        .map(|(server, error)| (server, error.to_string()))
        .collect()
}

/// Another server for clients to go to, if there is one.
pub(crate) fn other_server(mesh: &Mesh) -> Option<String> {
    let servers = mesh.nodes_by_type(SERVER).online();
    servers.first().map(|server| server.endpoint().to_owned())
}

/// All servers that are there, whatever they still accept, this one included.
pub(crate) fn servers(mesh: &Mesh) -> Vec<Node> {
    let others = mesh.nodes_by_type(SERVER);
    let others = others.filter(|server| !server.state().is_gone());
    others.into_iter().chain([mesh.me()]).collect()
}
