//! Why a node does not start.

use std::{io, net::SocketAddr};

use hobnob_endpoint::{ConfigError, gossip::MetadataError};
use thiserror::Error;

use crate::values::SetValueError;

/// Why a node did not start. Nothing is left behind.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The port is taken.
    #[error(
        "{addr} is already in use: stop what uses it, or bind another port (0 picks a free one)"
    )]
    AddressInUse {
        /// What was to be bound.
        addr: SocketAddr,
    },
    /// The address is not this machine's.
    #[error(
        "{addr} is not an address of this machine: bind one of its own, or 0.0.0.0 and advertise one"
    )]
    AddressNotAvailable {
        /// What was to be bound.
        addr: SocketAddr,
    },
    /// The socket could not be made for another reason.
    #[error("cannot bind {addr}: {source}")]
    Bind {
        /// What was to be bound.
        addr: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Datagrams are not sealed, and the address can be reached from other machines.
    #[error(
        "{addr} can be reached from other machines and datagrams are not sealed: bind a loopback address, or \
         set insecure = true where the network itself keeps strangers out"
    )]
    Unsealed {
        /// What was to be bound or advertised.
        addr: SocketAddr,
    },
    /// A field has a value no node can run with.
    #[error("{field} is {value}: {reason}")]
    Config {
        /// Which field.
        field: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// What the node says of itself does not fit.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// A value it has from the start does not fit.
    #[error(transparent)]
    Value(#[from] SetValueError),
    /// The endpoint's configuration is wrong.
    #[error(transparent)]
    Endpoint(#[from] ConfigError),
    /// The system gives out no random numbers.
    #[error("the system gives out no random numbers")]
    NoEntropy,
}
