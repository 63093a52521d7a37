//! A list of appointments goes to a node chosen by its type, and comes back with one more.
//!
//! ```text
//! cargo run -p hobnob --example schedule                                  # both nodes in one process
//!
//! cargo run -p hobnob --example schedule -- serve                         # or each in its own:
//! cargo run -p hobnob --example schedule -- add --seed 127.0.0.1:PORT     # the address that `serve` shows
//! ```
#![allow(clippy::print_stdout, reason = "this is what the program is for")]

use std::{error::Error, time::Duration};

use hobnob::{
    Capsule, Context, EventsError, Mesh, Node,
    capsule::{GetError, Map},
};
use tokio::time::timeout;

/// Applications number their commands from 100 on.
const ADD_APPOINTMENT: u16 = 100;

/// How long to look for a calendar.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        [] => {
            let calendar = start_calendar().await?;
            send_schedule(&calendar.address().to_string()).await?;
            calendar.shutdown().await;
        }
        ["serve"] => {
            let calendar = start_calendar().await?;
            let served = calendar.run_until_signal();
            println!("calendar at {}", calendar.address());
            served.await?;
        }
        ["add", "--seed", seed] => send_schedule(seed).await?,
        _ => return Err("usage: schedule [serve | add --seed ADDRESS]".into()),
    }
    Ok(())
}

/// The node that adds an appointment to every schedule it gets.
async fn start_calendar() -> Result<Mesh, Box<dyn Error>> {
    let mesh = Mesh::builder("calendar").start().await?;
    mesh.handle(ADD_APPOINTMENT, add_appointment)?;
    Ok(mesh)
}

async fn add_appointment(_: Context, mut schedule: Capsule) -> Result<Capsule, GetError> {
    let mut appointments: Vec<Map> = schedule.get("appointments")?;
    appointments.push(appointment("2031-04-03", "Piano"));
    schedule.set("appointments", appointments);
    Ok(schedule)
}

/// The node that has a schedule and wants one more appointment in it.
async fn send_schedule(seed: &str) -> Result<(), Box<dyn Error>> {
    let mesh = Mesh::builder("desk").seed(seed).start().await?;
    let calendar = timeout(PATIENCE, find(&mesh, "calendar"))
        .await
        .map_err(|_| format!("no calendar answers at {seed}"))??;

    let schedule = Capsule::new().with("owner", "mary").with(
        "appointments",
        [
            appointment("2031-04-01", "Dentist"),
            appointment("2031-04-02", "Lunch with Tom"),
        ],
    );
    show("sent", &schedule)?;
    let answer = mesh.request(ADD_APPOINTMENT, &calendar, &schedule).await?;
    show("back", &answer.decode()?)?;

    mesh.shutdown().await;
    Ok(())
}

/// Waits for a node of a type that takes new work.
async fn find(mesh: &Mesh, node_type: &str) -> Result<Node, EventsError> {
    // Before the first look, so that no change falls in between.
    let mut events = mesh.events();
    loop {
        if let Some(node) = mesh.nodes_by_type(node_type).online().first() {
            return Ok(node.clone());
        }
        // Whatever happened, and however much of it was missed: look again.
        if let Err(closed @ EventsError::Closed) = events.recv().await {
            return Err(closed);
        }
    }
}

fn appointment(date: &str, title: &str) -> Map {
    Map::new().with("date", date).with("title", title)
}

fn show(what: &str, schedule: &Capsule) -> Result<(), GetError> {
    for appointment in schedule.get::<Vec<&Map>>("appointments")? {
        let (date, title): (&str, &str) = (appointment.get("date")?, appointment.get("title")?);
        println!("{what}: {date} {title}");
    }
    Ok(())
}
