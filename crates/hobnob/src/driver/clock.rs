//! The one place where real time becomes the cores' time.

use std::{
    sync::Arc,
    time::{Duration, Instant as StdInstant, SystemTime, UNIX_EPOCH},
};

use hobnob_endpoint::wire::Instant;
use tokio::time::Instant as TokioInstant;

use crate::simulation::VirtualClock;

/// The node's clock.
#[derive(Clone, Debug)]
pub(crate) enum Clock {
    /// Nanoseconds since the node was made.
    System { epoch: StdInstant },
    /// The time of a simulated world, wherever it is read: outside of a runtime too.
    Virtual {
        clock: Arc<VirtualClock>,
        /// One moment, as the world and as the runtime has it.
        same: (Instant, TokioInstant),
    },
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self::System {
            epoch: StdInstant::now(),
        }
    }

    /// A clock that shows `clock`'s time; the current runtime's must show the same.
    pub(crate) fn of_simulation(clock: Arc<VirtualClock>) -> Self {
        let same = (clock.now(), TokioInstant::now());
        Self::Virtual { clock, same }
    }

    pub(crate) fn now(&self) -> Instant {
        match self {
            Self::System { epoch } => Instant::from_duration(epoch.elapsed()),
            Self::Virtual { clock, .. } => clock.now(),
        }
    }

    /// What the system's wall clock shows, as the time since 1970. A simulated world has none: what a node was
    /// started with goes on.
    pub(crate) fn unix_time(&self) -> Option<Duration> {
        match self {
            Self::System { .. } => SystemTime::now().duration_since(UNIX_EPOCH).ok(),
            Self::Virtual { .. } => None,
        }
    }

    /// The runtime's instant for one of the cores'.
    pub(crate) fn to_tokio(&self, at: Instant) -> TokioInstant {
        match self {
            Self::System { epoch } => {
                TokioInstant::from_std(*epoch + at.saturating_since(Instant::ZERO))
            }
            Self::Virtual { same, .. } => same.1 + at.saturating_since(same.0),
        }
    }

    pub(crate) const fn is_virtual(&self) -> bool {
        matches!(self, Self::Virtual { .. })
    }
}
