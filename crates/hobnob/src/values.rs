//! Values that a node sets and every other one reads.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, LazyLock},
};

use hobnob_capsule::{Map, PackError, Value};
use hobnob_endpoint::{
    Endpoint, gossip,
    shared::{
        Process,
        values::{self, ValueSet},
    },
    wire::Instant,
};
use thiserror::Error;

use crate::{calls::Target, mesh::Mesh, nodes::Node};

pub use hobnob_endpoint::shared::values::ValueError;

/// A value was not set. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SetValueError {
    /// The key or the value does not fit.
    #[error(transparent)]
    Refused(#[from] ValueError),
    /// The value has no encoding.
    #[error("the value of {key:?} cannot be packed: {source}")]
    Pack {
        /// Under which key.
        key: String,
        /// What is wrong with it.
        source: PackError,
    },
    /// The mesh is shut down.
    #[error("the mesh is shut down")]
    Closed,
}

impl Mesh {
    /// Sets a value of this node that every other node can read, whatever it was: a number, a text, bytes, a list, a
    /// map … all that a [`Capsule`](crate::Capsule) holds. Seen here when it returns, and by the others mostly within
    /// half a second; each then has a [`ValuesChanged`](crate::Event::ValuesChanged).
    ///
    /// ```
    /// use hobnob::{Capsule, Mesh, capsule::Map};
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize, Debug, PartialEq)]
    /// struct Load {
    ///     guests: u32,
    ///     maps: Vec<String>,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mesh = Mesh::builder("rooms").value("zone", "south").start().await?;
    /// mesh.set_value("guests", 12_u32)?;
    /// mesh.set_value("maps", Map::new().with("desert", 3_u8).with("jungle", 1_u8))?;
    ///
    /// // Any node reads any other's, this one's too, without waiting for the network.
    /// let node = mesh.me();
    /// assert_eq!(node.value_as::<u64>("guests"), Some(12));
    /// assert_eq!(node.values().get::<&str>("zone")?, "south");
    /// assert_eq!(node.values().get::<&Map>("maps")?.get::<u8>("desert")?, 3);
    /// assert_eq!(mesh.value(mesh.address(), "guests"), Some(12_u32.into()));
    ///
    /// // A type of one's own goes as a capsule: its fields are told by name, so versions of it may differ.
    /// let load = Load { guests: 12, maps: vec!["desert".into()] };
    /// mesh.set_value("load", Capsule::import(&load)?)?;
    /// let read = mesh.me().value_as::<Capsule>("load").expect("it was set");
    /// assert_eq!(read.export::<Load>()?, load);
    ///
    /// // The one of two with fewer guests; who says nothing counts as idle.
    /// let least = mesh.pick("rooms").least_loaded(|node| node.value_as::<u32>("guests"));
    /// assert_eq!(least, Some(mesh.me()));
    /// assert!(mesh.remove_value("guests"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Numbers are read as the type they were set as or a wider one: a plain `12` is an `i32`, which is no `u32`, so say
    /// `12_u32`.
    ///
    /// All values of a node together take at most 4 KiB, packed and with their keys of 1 to 64 bytes, and there are 64
    /// of them at most. They are told apart from membership, by messages that stand behind it: however large they are
    /// and however often they change, nobody takes longer to notice a crash. A change costs what has changed, to each
    /// node once or a few times, so setting a load once a second is fine, and at each request is not. They end with
    /// the process: one that starts again at the same address begins with nothing.
    ///
    /// # Errors
    ///
    /// [`SetValueError`]; the old value stays.
    pub fn set_value(&self, key: &str, value: impl Into<Value>) -> Result<(), SetValueError> {
        if self.shared.is_closed() {
            return Err(SetValueError::Closed);
        }
        let value = value.into();
        let changed = self
            .shared
            .command(|core, now| set(&mut core.endpoint, now, key, &value))?;
        self.show_values(changed);
        Ok(())
    }

    /// Removes a value of this node. Says whether there was one.
    pub fn remove_value(&self, key: &str) -> bool {
        let removed = self
            .shared
            .command(|core, now| core.endpoint.remove_value(now, key));
        self.show_values(removed);
        removed
    }

    /// What a node has set under a key, as far as this node knows; its own too. A [`Node`] stands for the process it was
    /// seen as.
    pub fn value(&self, node: impl Into<Target>, key: &str) -> Option<Value> {
        let Target(target) = node.into();
        let snapshot = self.shared.snapshot.load();
        let node = snapshot.node(target.addr)?;
        let is_meant = target
            .generation
            .is_none_or(|meant| meant.0 == node.generation());
        node.value(key).filter(|_| is_meant).cloned()
    }

    fn show_values(&self, changed: bool) {
        if changed {
            self.publish();
            self.shared.flush_now();
        }
    }
}

/// Sets a value of a node. Says whether it was another one.
pub(crate) fn set(
    endpoint: &mut Endpoint,
    now: Instant,
    key: &str,
    value: &Value,
) -> Result<bool, SetValueError> {
    let packed = value.pack().map_err(|source| SetValueError::Pack {
        key: key.to_owned(),
        source,
    })?;
    Ok(endpoint.set_value(now, key, packed.into())?)
}

/// The values of a node that has none, or of which nothing is known.
static NONE: LazyLock<Arc<Map>> = LazyLock::new(Arc::default);

pub(crate) fn none() -> Arc<Map> {
    NONE.clone()
}

/// The values of all nodes, unpacked: each version of them once.
#[derive(Debug, Default)]
pub(crate) struct Unpacked {
    by_process: BTreeMap<Process, (u64, Arc<Map>)>,
    /// Values that were no packing: a later version's, or of a node that is no Hobnob's.
    unreadable: u64,
}

impl Unpacked {
    /// A node as users see it.
    pub(crate) fn node(&mut self, endpoint: &Endpoint, seen: &Arc<gossip::Node>) -> Node {
        let values = self.of(endpoint.values(), seen.identity);
        Node::with_values(seen.clone(), values)
    }

    pub(crate) const fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Forgets those of processes that are not among these.
    pub(crate) fn keep(&mut self, nodes: &[Node]) {
        if self.by_process.len() > nodes.len() {
            self.by_process.retain(|process, _| {
                let place = nodes.binary_search_by_key(&process.addr, Node::address);
                let node = place.ok().and_then(|place| nodes.get(place));
                node.is_some_and(|node| node.generation() == process.generation.0)
            });
        }
    }

    fn of(&mut self, values: &values::Values, identity: gossip::Identity) -> Arc<Map> {
        let process = Process {
            addr: identity.addr,
            generation: identity.generation,
        };
        let Some(set) = values.of(process).filter(|set| set.version() > 0) else {
            return none();
        };
        if let Some((version, unpacked)) = self.by_process.get(&process)
            && *version == set.version()
        {
            return unpacked.clone();
        }
        let unpacked = Arc::new(self.unpack(process.addr, set));
        self.by_process
            .insert(process, (set.version(), unpacked.clone()));
        unpacked
    }

    fn unpack(&mut self, node: SocketAddr, set: &ValueSet) -> Map {
        let mut map = Map::new();
        for (key, packed) in set.iter() {
            match Value::unpack(packed) {
                Ok(value) => drop(map.set(&**key, value)),
                Err(error) => {
                    self.unreadable += 1;
                    tracing::debug!(%node, key = &**key, %error, "a value cannot be read");
                }
            }
        }
        map
    }
}
