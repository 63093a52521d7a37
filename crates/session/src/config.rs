//! What a node says about itself, and how much it remembers.

use hobnob_wire::{AppRelease, Generation, limits::PEERS_MAX};
use thiserror::Error;

/// How [`Sessions`](crate::Sessions) is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionConfig {
    /// Names the cluster. Nodes with another name refuse each other, so derive it from all that must be
    /// the same, such as the application's name.
    pub cluster: u64,
    /// What the node declares of its application: it and nodes that are not compatible with it refuse each other.
    pub release: AppRelease,
    /// Which life of the process at its address it is. It must be greater than that of every earlier life,
    /// or peers that remember one refuse the node.
    pub generation: Generation,
    /// Remote addresses that are remembered at once, from 1 to
    /// [`PEERS_MAX`]. Choose at least twice the expected
    /// members: nodes that come back at new addresses overlap with their past selves. Each takes about
    /// 500 bytes, once used.
    pub peers_max: usize,
}

/// Why a [`SessionConfig`] was not accepted. Nothing was set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// `peers_max` was zero or above [`PEERS_MAX`].
    #[error("peers_max is {given}, it must be from 1 to {PEERS_MAX}")]
    PeersMax {
        /// What it was.
        given: usize,
    },
}

impl SessionConfig {
    /// Slots of the table, if the configuration is good.
    pub(crate) fn slots_max(&self) -> Result<u16, ConfigError> {
        match u16::try_from(self.peers_max) {
            Ok(slots) if (1..=PEERS_MAX).contains(&self.peers_max) => Ok(slots),
            _ => Err(ConfigError::PeersMax {
                given: self.peers_max,
            }),
        }
    }
}
