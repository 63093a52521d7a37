//! A chat server: rooms and groups for clients that speak lines over TCP, spread over any number of processes.
//!
//! ```text
//! cargo run -p hobnob --example rooms
//! ready tcp 127.0.0.1:4001 mesh 127.0.0.1:5001
//! cargo run -p hobnob --example rooms -- --seed 127.0.0.1:5001      # the other's mesh address
//! ready tcp 127.0.0.1:4002 mesh 127.0.0.1:5002
//! nc 127.0.0.1 4001                                                 # a client
//! ```
//!
//! `--tcp ADDRESS` and `--mesh ADDRESS` choose the ports. Ctrl-C or SIGTERM ends a server.
//!
//! # What a client says
//!
//! | line | what comes back |
//! |---|---|
//! | `name NAME` | `ok NAME`: what the others see, `guest-1` until then |
//! | `create ROOM` | `ok ROOM 127.0.0.1:4002`: the room is on the server at that address |
//! | `join ROOM` | `ok ROOM`: a room on this server; a client is in one at a time |
//! | `leave` | `ok ROOM` |
//! | `say TEXT` | everybody in the room gets `room ROOM NAME: TEXT` |
//! | `group GROUP` | `ok GROUP`: joins a group, which is made if this server has none of that name |
//! | `tell GROUP TEXT` | everybody in the group, on whatever server, gets `group GROUP NAME: TEXT` |
//! | `rooms` | `ok 2`, then `127.0.0.1:4002 ROOM` for each room of every server |
//! | `servers` | `ok 2`, then `127.0.0.1:4002 online 1` for each server: its state and the number of its rooms |
//! | `quit` | the end of the connection |
//!
//! What can't be done is answered by `error` and the reason.
//!
//! # What the mesh is for
//!
//! - A room is made on the server with the fewest rooms, found by its type, by a request. Each server shows
//!   the number of its rooms as one of its values.
//! - What is told to a group goes to all servers by one `send_many`.
//! - The list of rooms is asked of every server at once.
//!
//! # Leaving
//!
//! Each client, room and group holds an admission permit. After SIGTERM:
//!
//! - The clients are told `reconnect 127.0.0.1:4002`, the address of a server that goes on, or only
//!   `reconnect` if there is none. They can still talk, join rooms and groups, and leave.
//! - A new client gets `refused 127.0.0.1:4002` and no connection. No room and no group is made here.
//! - The process ends with status 0 when the last client has gone, or after `HOBNOB_SHUTDOWN_TIMEOUT` seconds.
#![allow(clippy::print_stdout, reason = "tells where it listens")]

mod client;
mod cluster;
mod hall;

use std::{error::Error, net::SocketAddr, sync::Arc};

use hobnob::{Mesh, Profile};
use tokio::net::TcpListener;

use crate::hall::Hall;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_arguments(std::env::args().skip(1))?;
    let listener = TcpListener::bind(settings.tcp).await?;
    let tcp = listener.local_addr()?;
    let mesh = Mesh::builder(cluster::SERVER)
        .bind(settings.mesh)
        .endpoint(tcp.to_string())
        .seeds(settings.seeds)
        // All on one machine: see a crash within two seconds.
        .profile(Profile::Local)
        .start()
        .await?;

    let hall = Arc::new(Hall::new(mesh.clone()));
    cluster::register(&hall)?;
    tokio::spawn(client::accept(hall.clone(), listener));
    tokio::spawn(async move { hall.wind_up().await });

    let served = mesh.run_until_signal();
    println!("ready tcp {tcp} mesh {}", mesh.address());
    served.await?;
    Ok(())
}

struct Settings {
    tcp: SocketAddr,
    mesh: SocketAddr,
    seeds: Vec<String>,
}

impl Settings {
    fn from_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut settings = Self {
            tcp: any_port,
            mesh: any_port,
            seeds: Vec::new(),
        };
        while let Some(flag) = arguments.next() {
            let value = arguments.next().ok_or("every flag takes a value")?;
            match flag.as_str() {
                "--tcp" => settings.tcp = value.parse()?,
                "--mesh" => settings.mesh = value.parse()?,
                "--seed" => settings.seeds.push(value),
                _ => return Err("usage: rooms [--tcp ADDR] [--mesh ADDR] [--seed ADDR]…".into()),
            }
        }
        Ok(settings)
    }
}
