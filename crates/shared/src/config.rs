//! What an operator may choose.

use thiserror::Error;

use crate::limits::{BYTES_DEFAULT, BYTES_MAX};

/// How much may be shared. Checked once, by [`SharedData::new`](crate::SharedData::new).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Bytes of all entries in the cluster, each counted with its key and 128 bytes more, up to which this node
    /// writes new ones; removals count for as long as they are remembered. At most 32 MiB. Every node holds them
    /// all and a node that joins gets them all. Choose the same on every node: each refuses by its own.
    pub bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bytes_max: BYTES_DEFAULT,
        }
    }
}

/// A configuration that cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Out of range.
    #[error("shared bytes_max is {0}; it must be at most {BYTES_MAX}")]
    BytesMax(usize),
}

impl Config {
    pub(crate) const fn check(self) -> Result<Self, ConfigError> {
        if self.bytes_max > BYTES_MAX {
            return Err(ConfigError::BytesMax(self.bytes_max));
        }
        Ok(self)
    }
}
