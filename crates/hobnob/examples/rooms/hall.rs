//! What is on this server: clients, and the rooms and groups they are in.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard},
};

use hobnob::{AdmissionError, Mesh, Permit};
use tokio::sync::mpsc;

use crate::cluster::ROOM_COUNT;

/// Lines that may wait for a client. One that reads too slowly to keep up with so many is disconnected.
const OUTBOX_LINES: usize = 256;

/// Bytes of a name of anything.
const NAME_BYTES: usize = 64;

pub(crate) type ClientId = u64;

/// Why something can't be done, for the client to read.
pub(crate) type Refusal = String;

pub(crate) struct Hall {
    pub(crate) mesh: Mesh,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    clients_so_far: ClientId,
    clients: BTreeMap<ClientId, Client>,
    rooms: BTreeMap<String, Gathering>,
    groups: BTreeMap<String, Gathering>,
}

struct Client {
    name: String,
    room: Option<String>,
    outbox: mpsc::Sender<String>,
}

/// A room or a group.
struct Gathering {
    members: BTreeSet<ClientId>,
    /// A server that leaves waits until it is gone.
    _permit: Permit,
}

impl Hall {
    pub(crate) fn new(mesh: Mesh) -> Self {
        Self {
            mesh,
            state: Mutex::default(),
        }
    }

    /// A client is here. What others say comes out of the receiver, which ends if it is not read in time.
    pub(crate) fn enter(&self) -> (ClientId, mpsc::Receiver<String>) {
        let (outbox, lines) = mpsc::channel(OUTBOX_LINES);
        let mut state = self.state();
        state.clients_so_far += 1;
        let id = state.clients_so_far;
        let client = Client {
            name: format!("guest-{id}"),
            room: None,
            outbox,
        };
        state.clients.insert(id, client);
        (id, lines)
    }

    /// A client is gone.
    pub(crate) fn exit(&self, id: ClientId) {
        let mut state = self.state();
        state.clients.remove(&id);
        for gathering in state.gatherings() {
            gathering.members.remove(&id);
        }
        self.tidy(&mut state);
    }

    pub(crate) fn rename(&self, id: ClientId, name: &str) -> Result<(), Refusal> {
        let name = checked(name)?;
        if let Some(client) = self.state().clients.get_mut(&id) {
            client.name = name;
        }
        Ok(())
    }

    pub(crate) fn name_of(&self, id: ClientId) -> String {
        let state = self.state();
        state
            .clients
            .get(&id)
            .map(|client| client.name.clone())
            .unwrap_or_default()
    }

    /// Makes a room without anybody in it.
    pub(crate) fn create_room(&self, room: &str) -> Result<(), Refusal> {
        let room = checked(room)?;
        let mut state = self.state();
        if state.rooms.contains_key(&room) {
            return Err(format!("{room} exists"));
        }
        let gathering = self.gathering().map_err(|error| error.to_string())?;
        state.rooms.insert(room, gathering);
        self.show_room_count(&state);
        Ok(())
    }

    pub(crate) fn join_room(&self, id: ClientId, room: &str) -> Result<(), Refusal> {
        let mut state = self.state();
        if !state.rooms.contains_key(room) {
            return Err(format!("{room} is not here"));
        }
        self.leave(&mut state, id);
        if let Some(gathering) = state.rooms.get_mut(room) {
            gathering.members.insert(id);
        }
        if let Some(client) = state.clients.get_mut(&id) {
            client.room = Some(room.to_owned());
        }
        self.tidy(&mut state);
        Ok(())
    }

    /// Takes a client out of its room and says which that was.
    pub(crate) fn leave_room(&self, id: ClientId) -> Result<String, Refusal> {
        let mut state = self.state();
        let room = self.leave(&mut state, id);
        self.tidy(&mut state);
        room.ok_or_else(|| "you are in no room".to_owned())
    }

    pub(crate) fn say(&self, id: ClientId, text: &str) -> Result<(), Refusal> {
        let mut state = self.state();
        let client = state.clients.get(&id);
        let Some((name, room)) = client.and_then(|c| Some((c.name.clone(), c.room.clone()?)))
        else {
            return Err("you are in no room".to_owned());
        };
        let members = state.rooms.get(&room).map(|room| room.members.clone());
        state.pass_on(
            &members.unwrap_or_default(),
            &format!("room {room} {name}: {text}"),
        );
        Ok(())
    }

    /// Joins a group; makes it if this server has none of that name.
    pub(crate) fn join_group(&self, id: ClientId, group: &str) -> Result<(), Refusal> {
        let group = checked(group)?;
        let mut state = self.state();
        if !state.groups.contains_key(&group) {
            let gathering = self.gathering().map_err(|error| error.to_string())?;
            state.groups.insert(group.clone(), gathering);
        }
        if let Some(gathering) = state.groups.get_mut(&group) {
            gathering.members.insert(id);
        }
        Ok(())
    }

    pub(crate) fn is_in_group(&self, id: ClientId, group: &str) -> bool {
        let state = self.state();
        state
            .groups
            .get(group)
            .is_some_and(|group| group.members.contains(&id))
    }

    /// Hands a line to the members of a group that are here.
    pub(crate) fn pass_on(&self, group: &str, line: &str) {
        let mut state = self.state();
        let members = state.groups.get(group).map(|group| group.members.clone());
        state.pass_on(&members.unwrap_or_default(), line);
    }

    pub(crate) fn rooms(&self) -> Vec<String> {
        self.state().rooms.keys().cloned().collect()
    }

    /// Waits for the server to go offline and closes what is empty: nobody can be waited for there.
    pub(crate) async fn wind_up(&self) {
        self.mesh.admission().on_offline().await;
        self.tidy(&mut self.state());
    }

    /// A place for a new room or group, if one may still be made.
    fn gathering(&self) -> Result<Gathering, AdmissionError> {
        let _permit = self.mesh.admission().room()?;
        Ok(Gathering {
            members: BTreeSet::new(),
            _permit,
        })
    }

    fn leave(&self, state: &mut State, id: ClientId) -> Option<String> {
        let room = state.clients.get_mut(&id)?.room.take()?;
        state.rooms.get_mut(&room)?.members.remove(&id);
        Some(room)
    }

    /// A group ends with its last member. A room waits for its first and for new ones while clients come.
    fn tidy(&self, state: &mut State) {
        state.groups.retain(|_, group| !group.members.is_empty());
        if !self.mesh.is_online() {
            state.rooms.retain(|_, room| !room.members.is_empty());
            self.show_room_count(state);
        }
    }

    fn show_room_count(&self, state: &State) {
        let count = state.rooms.len() as u64;
        // Where the mesh is shut down nobody wants to know any more.
        let _ = self.mesh.set_value(ROOM_COUNT, count);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no panic while the hall is locked")
    }
}

impl State {
    fn gatherings(&mut self) -> impl Iterator<Item = &mut Gathering> {
        self.rooms.values_mut().chain(self.groups.values_mut())
    }

    fn pass_on(&mut self, to: &BTreeSet<ClientId>, line: &str) {
        for id in to {
            let outbox = self.clients.get(id).map(|client| &client.outbox);
            if outbox.is_some_and(|outbox| outbox.try_send(line.to_owned()).is_err()) {
                // Without a sender its receiver ends, and with it the connection.
                self.clients.remove(id);
            }
        }
    }
}

fn checked(name: &str) -> Result<String, Refusal> {
    if name.is_empty() || name.len() > NAME_BYTES || name.contains(char::is_whitespace) {
        return Err(format!("a name is one word of at most {NAME_BYTES} bytes"));
    }
    Ok(name.to_owned())
}
