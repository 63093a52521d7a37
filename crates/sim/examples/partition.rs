//! A test of handlers of one's own, told as a program: rooms that keep guests, gates that bring them, and a
//! network that is cut in two.
//!
//! `cargo run -p hobnob-sim --example partition`, with another seed behind it if you like.
#![expect(clippy::print_stdout, reason = "a program that tells what happens")]

use std::{
    convert::Infallible,
    env,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use hobnob::{Context, HandleError, Mesh, RequestError};
use hobnob_sim::{Cluster, Conditions, Fate, NodeId};

/// Lets a guest in; answers how many the room has now.
const ENTER: u16 = 100;

/// A room's program. It would be the same with a real mesh.
async fn room(mesh: Mesh) -> Result<(), HandleError> {
    let guests = AtomicUsize::new(0);
    mesh.handle(ENTER, move |_: Context, guest: String| {
        let guests = guests.fetch_add(1, Ordering::Relaxed) + 1;
        async move {
            // As long as it takes to open a door.
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok::<_, Infallible>(format!("{guest} is guest number {guests}"))
        }
    })
}

/// A gate's way to bring a guest in: the first room that is online, and the next one if that fails.
async fn enter(mesh: Mesh, guest: &'static str) -> Result<String, RequestError> {
    let mut result = Err(RequestError::PeerDown);
    for room in &mesh.nodes_by_type("room").online() {
        let request = mesh.request(ENTER, room, guest);
        match request.timeout(Duration::from_millis(500)).await {
            Ok(answer) => return Ok(answer.decode().expect("a room answers with a text")),
            Err(error) => result = Err(error),
        }
    }
    result
}

fn bring(cluster: &mut Cluster, gate: NodeId, guest: &'static str) -> Result<String, RequestError> {
    let result = cluster.run(gate, move |mesh| enter(mesh, guest));
    println!("{:>9.3?}  {gate}: {result:?}", cluster.now());
    result
}

pub(crate) fn main() {
    let seed = env::args().nth(1).and_then(|seed| seed.parse().ok());
    let mut cluster = Cluster::new(seed.unwrap_or(7));
    cluster.set_conditions(Conditions::LAN.with_loss(0.02));
    let rooms = [cluster.node("room", room), cluster.node("room", room)];
    let gates = [(); 2].map(|()| cluster.node("gate", |_| async {}));

    cluster.run_for(Duration::from_secs(5));
    assert!(bring(&mut cluster, gates[0], "ada").is_ok());

    // One room and one gate on either side. Nobody has noticed yet: the first room is asked in vain.
    cluster.cut(&[rooms[0], gates[0]], &[rooms[1], gates[1]]);
    let before = cluster.now();
    assert!(bring(&mut cluster, gates[1], "grace").is_ok());
    assert!(cluster.now() - before >= Duration::from_millis(500));

    // Both sides have noticed, and go on with what they have.
    cluster.run_for(Duration::from_secs(30));
    for gate in gates {
        let online = cluster.mesh(gate).nodes_by_type("room").online();
        assert_eq!(online.len(), 1);
        let before = cluster.now();
        assert!(bring(&mut cluster, gate, "edsger").is_ok());
        assert!(cluster.now() - before < Duration::from_millis(500));
    }

    cluster.heal_all();
    let is_whole = |cluster: &Cluster| {
        let rooms = gates.map(|gate| cluster.mesh(gate).nodes_by_type("room").online().len());
        rooms == [2, 2]
    };
    assert!(cluster.run_until(Duration::from_secs(60), is_whole));
    println!("{:>9.3?}  the cluster is whole again", cluster.now());

    cluster.crash(rooms[0]);
    assert!(bring(&mut cluster, gates[0], "barbara").is_ok());
    let counters = cluster.counters();
    println!(
        "{} datagrams, {} of them lost to the cut; trace {:016x}",
        counters.fate(Fate::Sent),
        counters.fate(Fate::LostAtCut),
        cluster.trace()
    );
}
