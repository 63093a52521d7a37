//! What a node is made of.

use core::{net::SocketAddr, time::Duration};

use hobnob_gossip as gossip;
use hobnob_messaging as messaging;
use hobnob_session as session;
use hobnob_shared as shared;
use hobnob_wire::{
    Generation,
    limits::{DATAGRAM_BYTES_DEFAULT, DATAGRAM_BYTES_MAX, DATAGRAM_BYTES_MIN, PEERS_MAX},
};
use thiserror::Error;

/// Everything an [`Endpoint`](crate::Endpoint) needs to know at birth.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// The address under which the others reach this node. Must be the one its datagrams come from.
    pub addr: SocketAddr,
    /// Which life of the process this is: must be above every earlier one at `addr`.
    pub generation: Generation,
    /// Names the cluster; nodes with another one refuse each other.
    pub cluster: u64,
    /// Bytes of the largest datagram, 1,200 to 65,000. Larger ones cost less a byte, and are lost whole
    /// where the path cannot carry them: choose the path's MTU less 48.
    pub datagram_bytes: usize,
    /// Addresses remembered at once, at most [`PEERS_MAX`].
    pub peers_max: usize,
    /// What the others learn about this node.
    pub metadata: gossip::Metadata,
    /// How membership behaves.
    pub gossip: gossip::GossipConfig,
    /// How messages behave; its `datagram_bytes` is overwritten by the one above.
    pub messaging: messaging::Config,
    /// How much may be shared.
    pub shared: shared::Config,
    /// What the wall clock shows at birth, as the time since 1970: shared data goes by it. `None` takes the
    /// generation, which is made from it.
    pub unix_time: Option<Duration>,
}

impl EndpointConfig {
    /// A node at `addr` with defaults for everything that has one.
    pub fn new(addr: SocketAddr, generation: Generation, metadata: gossip::Metadata) -> Self {
        Self {
            addr,
            generation,
            cluster: 0,
            datagram_bytes: DATAGRAM_BYTES_DEFAULT,
            peers_max: PEERS_MAX,
            metadata,
            gossip: gossip::GossipConfig::new(gossip::Profile::Lan),
            messaging: messaging::Config::default(),
            shared: shared::Config::default(),
            unix_time: None,
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if !(DATAGRAM_BYTES_MIN..=DATAGRAM_BYTES_MAX).contains(&self.datagram_bytes) {
            return Err(ConfigError::DatagramBytes(self.datagram_bytes));
        }
        if !(1..=PEERS_MAX).contains(&self.peers_max) {
            return Err(ConfigError::PeersMax(self.peers_max));
        }
        if self.addr.ip().is_unspecified() || self.addr.port() == 0 {
            return Err(ConfigError::Addr(self.addr));
        }
        Ok(())
    }
}

/// A configuration no node can run with.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Out of range.
    #[error("datagram_bytes is {0}; it must be {DATAGRAM_BYTES_MIN} to {DATAGRAM_BYTES_MAX}")]
    DatagramBytes(usize),
    /// Out of range.
    #[error("peers_max is {0}; it must be 1 to {PEERS_MAX}")]
    PeersMax(usize),
    /// No other node could reach it there.
    #[error("{0} is not an address other nodes can reach: give the one they should use")]
    Addr(SocketAddr),
    /// The membership part is wrong.
    #[error(transparent)]
    Gossip(#[from] gossip::ConfigError),
    /// The session part is wrong.
    #[error(transparent)]
    Session(#[from] session::ConfigError),
    /// The messaging part is wrong.
    #[error(transparent)]
    Messaging(#[from] messaging::ConfigError),
    /// The part of shared data is wrong.
    #[error(transparent)]
    Shared(#[from] shared::ConfigError),
}
