//! Who may still come in.

use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicUsize, Ordering},
};

use hobnob_endpoint::gossip::DeclaredState;
use thiserror::Error;
use tokio::sync::watch;

use crate::flag::Flag;

/// Gives out permits, for as long as the node's state allows.
///
/// | state | new clients | new rooms and groups |
/// |---|---|---|
/// | Online | yes | yes |
/// | Taken | no | yes, for the clients it has |
/// | Offline | no | no |
///
/// A permit stands for something that lives on this node. A node that shuts down waits for its permits.
#[derive(Clone, Debug)]
pub struct Admission {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<DeclaredState>,
    offline: Flag,
    /// Permits out. A watch, so that whoever waits for zero misses no change.
    permits: watch::Sender<usize>,
    clients: AtomicUsize,
}

/// Why there is no permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AdmissionError {
    /// The node takes no new clients.
    #[error("the node is taken: it accepts no new clients")]
    Taken,
    /// The node is shutting down.
    #[error("the node is offline: it accepts neither clients nor rooms")]
    Offline,
}

/// Stands for one client, room or group on this node, until it is dropped.
#[derive(Debug)]
pub struct Permit {
    shared: Arc<Shared>,
    is_client: bool,
}

impl Admission {
    pub(crate) fn new() -> Self {
        let shared = Shared {
            state: Mutex::new(DeclaredState::Online),
            offline: Flag::new(),
            permits: watch::Sender::new(0),
            clients: AtomicUsize::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// A permit for a client that wants to connect.
    ///
    /// # Errors
    ///
    /// [`AdmissionError`]: tell the client to connect elsewhere.
    pub fn client(&self) -> Result<Permit, AdmissionError> {
        self.admit(true)
    }

    /// A permit for a room, a group, or whatever clients do together here.
    ///
    /// # Errors
    ///
    /// [`AdmissionError::Offline`]: it must be made elsewhere.
    pub fn room(&self) -> Result<Permit, AdmissionError> {
        self.admit(false)
    }

    /// Permits that are out.
    pub fn permits(&self) -> usize {
        *self.shared.permits.borrow()
    }

    /// Permits for clients that are out.
    pub fn clients(&self) -> usize {
        self.shared.clients.load(Ordering::Relaxed)
    }

    /// Resolves when the node goes Offline; at once if it is.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only watches.
    pub async fn on_offline(&self) {
        self.shared.offline.wait().await;
    }

    fn admit(&self, is_client: bool) -> Result<Permit, AdmissionError> {
        // Counted before the state is read: a node that goes Offline in between waits for this permit.
        let permit = Permit {
            shared: self.shared.clone(),
            is_client,
        };
        permit.shared.permits.send_modify(|permits| *permits += 1);
        permit
            .shared
            .clients
            .fetch_add(usize::from(is_client), Ordering::Relaxed);
        match self.state() {
            DeclaredState::Offline => Err(AdmissionError::Offline),
            DeclaredState::Taken if is_client => Err(AdmissionError::Taken),
            _ => Ok(permit),
        }
    }

    pub(crate) fn state(&self) -> DeclaredState {
        *self.shared.state()
    }

    /// Changes the state; Offline is final. Says whether anything changed.
    pub(crate) fn set_state(&self, state: DeclaredState) -> bool {
        let mut current = self.shared.state();
        let changes = *current != state && *current != DeclaredState::Offline;
        if changes {
            *current = state;
        }
        drop(current);
        if changes && state == DeclaredState::Offline {
            self.shared.offline.set();
        }
        changes
    }

    pub(crate) async fn all_returned(&self) {
        let mut permits = self.shared.permits.subscribe();
        // Its sender lives in `self`, so waiting ends only by the count.
        let _ = permits.wait_for(|permits| *permits == 0).await;
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, DeclaredState> {
        self.state.lock().expect("no panic while it is locked")
    }
}

impl Permit {
    /// Resolves when the node goes Offline; at once if it is. Tell the client to reconnect elsewhere then,
    /// and serve it until it does.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only watches.
    pub async fn on_offline(&self) {
        self.shared.offline.wait().await;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shared
            .clients
            .fetch_sub(usize::from(self.is_client), Ordering::Relaxed);
        self.shared.permits.send_modify(|permits| *permits -= 1);
    }
}
