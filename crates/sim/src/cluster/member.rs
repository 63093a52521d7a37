//! What a node of a cluster is made from, again after each crash.

use std::{fmt::Display, future::Future, pin::Pin, sync::Arc};

use hobnob::{Mesh, MeshBuilder};
use hobnob_endpoint::wire::Instant;

use super::process::Process;
use crate::host::Host;

/// How a node's set-up ended.
pub(super) type Set = Result<(), String>;

/// A node's set-up, its kind forgotten.
pub(super) type SetUp = Arc<dyn Fn(Mesh) -> Pin<Box<dyn Future<Output = Set> + Send>>>;

/// A node, whether its process lives or not.
pub(super) struct Member {
    pub(super) node_type: String,
    pub(super) adjust: Box<dyn Fn(MeshBuilder) -> MeshBuilder>,
    pub(super) set_up: SetUp,
    pub(super) host: Host,
    /// How often it came up at another address.
    pub(super) moves: u16,
    /// `None` while it is down.
    pub(super) process: Option<Process>,
    pub(super) is_frozen: bool,
    /// When it runs because of what arrived.
    pub(super) reads_at: Option<Instant>,
    /// When it runs by itself: asked again whenever it has run.
    pub(super) wakes_at: Option<Instant>,
}

impl Member {
    /// When its process runs next.
    pub(super) fn due(&self) -> Option<Instant> {
        if self.is_frozen || self.process.is_none() {
            return None;
        }
        self.reads_at.into_iter().chain(self.wakes_at).min()
    }
}

/// What a node's set-up may end with: nothing, or a [`Result`], whose error ends the test.
pub trait Outcome {
    /// The text of the error, if it is one.
    ///
    /// # Errors
    ///
    /// That text.
    #[doc(hidden)]
    fn into_result(self) -> Result<(), String>;
}

impl Outcome for () {
    fn into_result(self) -> Result<(), String> {
        Ok(())
    }
}

impl<T, E: Display> Outcome for Result<T, E> {
    fn into_result(self) -> Result<(), String> {
        self.map(drop).map_err(|error| error.to_string())
    }
}
