//! An application of its own: rooms that nodes keep, and a gate that sends clients to them.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use hobnob::{Context, HandleError, Mesh, NodeState};
use hobnob_sim::{Cluster, NodeId};

/// Joins the room in the payload; answers how many are in it.
const JOIN: u16 = 100;

/// What a room node keeps; shared with the test, it survives a crash as a disk would.
#[derive(Clone, Default)]
struct Rooms(Arc<Mutex<BTreeMap<String, usize>>>);

impl Rooms {
    async fn serve(self, mesh: Mesh) -> Result<(), HandleError> {
        mesh.handle(JOIN, move |_: Context, room: String| {
            let rooms = self.clone();
            async move {
                if room.is_empty() {
                    return Err("a room needs a name");
                }
                let mut rooms = rooms.0.lock().unwrap();
                let guests = rooms.entry(room).or_default();
                *guests += 1;
                Ok(guests.to_string())
            }
        })
    }
}

fn join(cluster: &mut Cluster, gate: NodeId, room: &'static str) -> Result<String, String> {
    cluster.run(gate, move |mesh| async move {
        let rooms = mesh.nodes_by_type("room").online();
        let node = rooms.first().ok_or("no room is online")?;
        let answer = mesh.request(JOIN, node, room).await;
        let answer = answer.map_err(|error| error.to_string())?;
        answer.decode().map_err(|error| error.to_string())
    })
}

#[test]
fn a_room_survives_a_partition() {
    let mut cluster = Cluster::new(7);
    let rooms = Rooms::default();
    let room = cluster.node("room", move |mesh| rooms.clone().serve(mesh));
    let gate = cluster.node("gate", |_| async {});
    cluster.run_for(Duration::from_secs(2));

    assert_eq!(join(&mut cluster, gate, "blue").as_deref(), Ok("1"));
    assert_eq!(
        join(&mut cluster, gate, ""),
        Err("the handler failed: a room needs a name".into())
    );

    cluster.cut(&[room], &[gate]);
    cluster.run_for(Duration::from_secs(30));
    let address = cluster.address(room);
    let state = cluster.mesh(gate).node(address).unwrap().state();
    assert_eq!(state, NodeState::Failed);
    assert_eq!(
        join(&mut cluster, gate, "blue"),
        Err("no room is online".into())
    );

    cluster.heal(&[room], &[gate]);
    let is_back = |cluster: &Cluster| cluster.mesh(gate).is_node_online(address);
    assert!(cluster.run_until(Duration::from_secs(60), is_back));
    assert_eq!(join(&mut cluster, gate, "blue").as_deref(), Ok("2"));
}

#[test]
fn a_room_is_found_again_after_a_crash() {
    let mut cluster = Cluster::new(8);
    let rooms = Rooms::default();
    let room = cluster.node("room", move |mesh| rooms.clone().serve(mesh));
    let gate = cluster.node("gate", |_| async {});
    cluster.run_for(Duration::from_secs(2));
    assert_eq!(join(&mut cluster, gate, "blue").as_deref(), Ok("1"));

    cluster.crash(room);
    cluster.run_for(Duration::from_secs(1));
    cluster.restart(room);
    cluster.run_for(Duration::from_secs(5));
    assert_eq!(
        join(&mut cluster, gate, "blue").as_deref(),
        Ok("2"),
        "the handlers were registered again and found what was kept"
    );
}
