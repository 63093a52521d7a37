//! A client's connection, and what its lines ask for.

use std::{io, sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::codec::{Framed, LinesCodec, LinesCodecError};

use crate::{
    cluster,
    hall::{ClientId, Hall, Refusal},
};

/// Bytes of a line. A longer one ends the connection.
const LINE_BYTES: usize = 1_024;

/// How long a client may take to accept a line.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// Pause after a connection could not be accepted, so that a lack of file descriptors does not spin.
const ACCEPT_ERROR_PAUSE: Duration = Duration::from_millis(100);

type Lines = Framed<TcpStream, LinesCodec>;

/// Serves clients as they come, for as long as the process lives: one that is leaving says where to go.
pub(crate) async fn accept(hall: Arc<Hall>, listener: TcpListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_ERROR_PAUSE).await;
            continue;
        };
        let hall = hall.clone();
        // How a connection ends is the client's affair.
        tokio::spawn(async move { serve(&hall, stream).await });
    }
}

async fn serve(hall: &Hall, stream: TcpStream) -> Result<(), LinesCodecError> {
    let mut lines = Framed::new(stream, LinesCodec::new_with_max_length(LINE_BYTES));
    // Held for as long as the connection lasts.
    let Ok(permit) = hall.mesh.admission().client() else {
        return write(&mut lines, &with_other_server("refused", hall)).await;
    };
    let (id, mut from_others) = hall.enter();
    let client = ClientOf { hall, id };
    let mut is_told_to_move = false;
    loop {
        tokio::select! {
            line = lines.next() => match line.transpose()? {
                Some(line) if line != "quit" => {
                    for answer in client.obey(&line).await {
                        write(&mut lines, &answer).await?;
                    }
                }
                _ => return Ok(()),
            },
            line = from_others.recv() => match line {
                Some(line) => write(&mut lines, &line).await?,
                None => return Ok(()),
            },
            () = permit.on_offline(), if !is_told_to_move => {
                is_told_to_move = true;
                write(&mut lines, &with_other_server("reconnect", hall)).await?;
            }
        }
    }
}

async fn write(lines: &mut Lines, line: &str) -> Result<(), LinesCodecError> {
    timeout(WRITE_TIMEOUT, lines.send(line))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

fn with_other_server(word: &str, hall: &Hall) -> String {
    match cluster::other_server(&hall.mesh) {
        Some(address) => format!("{word} {address}"),
        None => word.to_owned(),
    }
}

/// A client that is here; gone when this is dropped.
struct ClientOf<'a> {
    hall: &'a Hall,
    id: ClientId,
}

impl Drop for ClientOf<'_> {
    fn drop(&mut self) {
        self.hall.exit(self.id);
    }
}

impl ClientOf<'_> {
    /// Does what a line asks for; the answer may have any number of lines.
    async fn obey(&self, line: &str) -> Vec<String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match self.command(word, rest.trim()).await {
            Ok(answer) => answer,
            Err(refusal) => vec![format!("error {refusal}")],
        }
    }

    async fn command(&self, word: &str, rest: &str) -> Result<Vec<String>, Refusal> {
        let Self { hall, id } = *self;
        match word {
            "name" => hall.rename(id, rest).map(|()| ok(rest)),
            "create" => {
                let address = cluster::create_room(&hall.mesh, rest).await?;
                Ok(ok(&format!("{rest} {address}")))
            }
            "join" => hall.join_room(id, rest).map(|()| ok(rest)),
            "leave" => hall.leave_room(id).map(|room| ok(&room)),
            "say" => hall.say(id, rest).map(|()| Vec::new()),
            "group" => hall.join_group(id, rest).map(|()| ok(rest)),
            "tell" => self.tell(rest).await,
            "rooms" => Ok(self.rooms().await),
            "servers" => Ok(self.servers()),
            _ => Err(format!("what does {word} mean?")),
        }
    }

    async fn tell(&self, rest: &str) -> Result<Vec<String>, Refusal> {
        let Self { hall, id } = *self;
        let (group, text) = rest.split_once(' ').unwrap_or((rest, ""));
        if !hall.is_in_group(id, group) {
            return Err(format!("you are not in {group}"));
        }
        let line = format!("group {group} {}: {text}", hall.name_of(id));
        let missed = cluster::tell_group(&hall.mesh, group, &line).await;
        match missed.first_key_value() {
            None => Ok(Vec::new()),
            Some((server, error)) => Err(format!("not everybody was told: {server}: {error}")),
        }
    }

    async fn rooms(&self) -> Vec<String> {
        let rooms = cluster::list_rooms(&self.hall.mesh).await.into_iter();
        list(rooms.map(|(address, room)| format!("{address} {room}")))
    }

    fn servers(&self) -> Vec<String> {
        let servers = cluster::servers(&self.hall.mesh).into_iter();
        list(servers.map(|server| {
            let rooms = cluster::rooms_on(&server);
            format!("{} {} {rooms}", server.endpoint(), server.state())
        }))
    }
}

fn ok(what: &str) -> Vec<String> {
    vec![format!("ok {what}")]
}

fn list(lines: impl Iterator<Item = String>) -> Vec<String> {
    let lines: Vec<String> = lines.collect();
    [ok(&lines.len().to_string()), lines].concat()
}
