//! Data that the whole cluster shares: a map and counters, of which every node has a copy.

use std::{fmt, sync::Arc};

use hobnob_endpoint::shared;
use thiserror::Error;
use tokio::sync::broadcast;

use crate::{
    driver::Shared,
    events::EventsError,
    mesh::Mesh,
    payload::{DecodeError, EncodeError, FromPayload, IntoPayload, Payload},
};

pub use hobnob_endpoint::shared::{AddError, Version, WriteError};

/// Changes a reader may lag behind before it loses the oldest: as many as of the membership.
const EVENTS_MAX: usize = crate::events::EVENTS_MAX;

/// What the cluster shares, made by [`Mesh::shared`]. Cheap to clone.
///
/// A map from names to values and, apart from it, counters. Every node reads its own copy, and writes to it without
/// asking anybody; the copies tell each other, within milliseconds if nothing is lost, and become equal again
/// after every partition. Of two writes to a key the later one wins, everywhere the same, by a clock that orders
/// what has seen each other right even where the machines' clocks are wrong. Values are anything that
/// [`send`](Mesh::send) takes: bytes, text, [`Typed`](crate::Typed) values, capsules.
///
/// ```
/// use hobnob::{Mesh, Typed};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mesh = Mesh::builder("room").start().await?;
/// let shared = mesh.shared();
///
/// shared.set("map", "desert")?;
/// shared.set("slots", Typed((4_u8, 12_u8)))?;
/// let map = shared.get("map").expect("it was set");
/// assert_eq!(map.decode::<String>()?, "desert");
///
/// // Only if nobody, as far as this node knows, has written since it was read.
/// shared.compare_and_set("map", Some(map.version()), "jungle")?;
/// assert!(shared.compare_and_set("map", Some(map.version()), "arctic").is_err());
///
/// shared.counter("games").add(1)?;
/// assert_eq!(shared.counter("games").value(), 1);
/// # Ok(())
/// # }
/// ```
///
/// # What it is not
///
/// - No lock, no election: two nodes may [`compare_and_set`](Self::compare_and_set) the same version at once, both
///   are told that it worked, and one of them is overwritten.
/// - No database: it lives as long as one node that has it. What a node wrote in the moment before it crashed is
///   lost with it.
/// - Not for much: 8 MiB of entries unless [set otherwise](crate::MeshBuilder::shared_bytes_max), 32 KiB a value.
///
/// # What is forgotten
///
/// A removal is remembered for a day. A node that was cut off for longer than that brings back what was removed
/// meanwhile; and of what two sides added to a counter, both apart for longer than a day, the lesser part is lost.
#[derive(Clone)]
pub struct SharedData {
    mesh: Mesh,
}

impl fmt::Debug for SharedData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedData").field(&self.mesh).finish()
    }
}

impl Mesh {
    /// What the whole cluster shares: a map that any node writes to, and counters that add up.
    pub fn shared(&self) -> SharedData {
        SharedData { mesh: self.clone() }
    }
}

impl SharedData {
    /// What a key has, as far as this node knows.
    pub fn get(&self, key: &str) -> Option<SharedEntry> {
        let core = self.mesh.shared.core();
        core.endpoint.shared().get(key).map(SharedEntry::new)
    }

    /// All keys with what they have, in their order. A copy of this moment.
    pub fn entries(&self) -> Vec<(Arc<str>, SharedEntry)> {
        let core = self.mesh.shared.core();
        let entries = core.endpoint.shared().entries();
        entries
            .map(|(key, entry)| (key.clone(), SharedEntry::new(entry)))
            .collect()
    }

    /// Gives a key of 1 to 256 bytes a value of at most 32 KiB, whatever it had. Done here when it returns, told to
    /// the others at once.
    ///
    /// # Errors
    ///
    /// [`ShareError`]; nothing changed.
    pub fn set(&self, key: &str, value: impl IntoPayload) -> Result<Version, ShareError> {
        let value = value.into_payload()?;
        Ok(self.change(|endpoint, now| endpoint.share(now, key, value))??)
    }

    /// Gives a key a value if it has the version that was read, or none if `None` is given.
    ///
    /// Best effort: it compares with what this node knows. Another one may have written already, or do so at this
    /// moment: then both are told that it worked, and one value is overwritten by the other.
    ///
    /// # Errors
    ///
    /// [`CompareError`]; nothing changed.
    pub fn compare_and_set(
        &self,
        key: &str,
        version: Option<Version>,
        value: impl IntoPayload,
    ) -> Result<Version, CompareError> {
        let value = value.into_payload().map_err(ShareError::from)?;
        let written =
            self.change(|endpoint, now| endpoint.compare_and_share(now, key, version, value))?;
        written.map_err(|error| match error {
            shared::CompareError::Changed { current } => CompareError::Changed { current },
            shared::CompareError::Write(error) => CompareError::Share(error.into()),
            other => CompareError::Other(other),
        })
    }

    /// Takes a key's value away. Says whether it had one, as far as this node knows; if not, nothing happens.
    ///
    /// # Errors
    ///
    /// [`ShareError`]; nothing changed.
    pub fn remove(&self, key: &str) -> Result<bool, ShareError> {
        Ok(self.change(|endpoint, now| endpoint.remove_shared(now, key))??)
    }

    /// A counter: there is one for each name of 1 to 256 bytes. It is never removed, and there may be 1,024: name it
    /// after what is counted, not after each of the things.
    pub fn counter(&self, name: impl Into<String>) -> SharedCounter {
        SharedCounter {
            shared: self.clone(),
            name: name.into(),
        }
    }

    /// All counters that anybody has touched, with their values, in the order of their names.
    pub fn counters(&self) -> Vec<(Arc<str>, i64)> {
        let core = self.mesh.shared.core();
        let counters = core.endpoint.shared().counters();
        counters
            .map(|(name, value)| (name.clone(), value))
            .collect()
    }

    /// Receives every change from now on, this node's own included.
    pub fn events(&self) -> SharedEvents {
        let events = self.mesh.shared.shared_events.lock();
        let events = events.expect("no panic while telling events");
        let receiver = events.as_ref().map(broadcast::Sender::subscribe);
        SharedEvents {
            // A closed mesh has no sender: a channel whose sender is gone says Closed at once.
            receiver: receiver.unwrap_or_else(|| broadcast::channel(1).1),
        }
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut hobnob_endpoint::Endpoint, hobnob_endpoint::wire::Instant) -> T,
    ) -> Result<T, ShareError> {
        let shared = &self.mesh.shared;
        if shared.is_closed() {
            return Err(ShareError::Closed);
        }
        let result = shared.command(|core, now| {
            shared.read_wall_clock(core, now);
            change(&mut core.endpoint, now)
        });
        shared.flush_now();
        Ok(result)
    }
}

/// What a key of the shared map has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedEntry {
    payload: Payload,
    version: Version,
}

impl SharedEntry {
    fn new(entry: shared::Entry) -> Self {
        Self {
            payload: Payload::new(entry.value),
            version: entry.version,
        }
    }

    /// The value as plain bytes.
    pub const fn bytes(&self) -> &crate::Bytes {
        self.payload.bytes()
    }

    /// Reads the value as text, a capsule, a [`Typed`](crate::Typed) value …
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when it is something else.
    pub fn decode<T: FromPayload>(&self) -> Result<T, DecodeError> {
        self.payload.decode()
    }

    /// Which write it is from: for [`SharedData::compare_and_set`].
    pub const fn version(&self) -> Version {
        self.version
    }
}

/// A number to which every node adds for itself. Made by [`SharedData::counter`].
///
/// The value is the sum of what all processes have added, on both sides of a partition, those that are gone included.
#[derive(Clone, Debug)]
pub struct SharedCounter {
    shared: SharedData,
    name: String,
}

impl SharedCounter {
    /// Adds, or takes away what is negative.
    ///
    /// # Errors
    ///
    /// [`CountError`]; nothing changed.
    pub fn add(&self, delta: i64) -> Result<(), CountError> {
        let added = self
            .shared
            .change(|endpoint, now| endpoint.add_shared(now, &self.name, delta));
        Ok(added.map_err(|_| CountError::Closed)??)
    }

    /// The sum, as far as this node knows.
    pub fn value(&self) -> i64 {
        let core = self.shared.mesh.shared.core();
        core.endpoint.shared().counter(&self.name)
    }
}

/// A key of the shared map was not written. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ShareError {
    /// The value has no encoding.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// It is too long, there is too much, or this node's clock is wrong.
    #[error(transparent)]
    Refused(#[from] WriteError),
    /// The mesh is shut down.
    #[error("the mesh is shut down")]
    Closed,
}

/// A key of the shared map was not compared and set. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CompareError {
    /// Somebody has written since the version was read. Happens in normal operation: read again.
    #[error("the entry has another version than was read")]
    Changed {
        /// The version it has now; `None` when there is no such entry.
        current: Option<Version>,
    },
    /// It could not be written.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// Another reason.
    #[error(transparent)]
    Other(shared::CompareError),
}

/// A counter was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CountError {
    /// There are too many, or this node's clock is wrong.
    #[error(transparent)]
    Refused(#[from] AddError),
    /// The mesh is shut down.
    #[error("the mesh is shut down")]
    Closed,
}

/// Something that is shared changed, in this node's copy. Of several changes of one thing that came together, only
/// the last may be told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SharedEvent {
    /// A key has another value, or one at all.
    Set {
        /// Which key.
        key: Arc<str>,
        /// What it has now.
        entry: SharedEntry,
    },
    /// A key has no value any more.
    Removed {
        /// Which key.
        key: Arc<str>,
    },
    /// A counter has another value.
    Counted {
        /// Which counter.
        name: Arc<str>,
        /// Its value now.
        value: i64,
    },
}

/// Receives every [`SharedEvent`] since it was made.
#[derive(Debug)]
pub struct SharedEvents {
    receiver: broadcast::Receiver<SharedEvent>,
}

impl SharedEvents {
    /// The next event.
    ///
    /// # Errors
    ///
    /// [`EventsError`]; after [`EventsError::Lagged`] the stream goes on, and [`SharedData::entries`] tells how things
    /// stand.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no event is lost when the future is dropped.
    pub async fn recv(&mut self) -> Result<SharedEvent, EventsError> {
        self.receiver.recv().await.map_err(EventsError::from)
    }
}

impl Shared {
    pub(crate) fn new_shared_events() -> broadcast::Sender<SharedEvent> {
        broadcast::Sender::new(EVENTS_MAX)
    }

    pub(crate) fn tell_shared(&self, event: shared::Event) {
        let event = match event {
            shared::Event::Set { key, entry } => SharedEvent::Set {
                key,
                entry: SharedEntry::new(entry),
            },
            shared::Event::Removed { key } => SharedEvent::Removed { key },
            shared::Event::Counted { name, value } => SharedEvent::Counted { name, value },
            _ => return,
        };
        let events = self.shared_events.lock();
        if let Some(events) = &*events.expect("no panic while telling events") {
            // Nobody listening is fine.
            let _ = events.send(event);
        }
    }
}
