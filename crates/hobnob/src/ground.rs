//! What a node is started on: the operating system, or a simulated machine.

use std::{
    io,
    net::SocketAddr,
    time::{SystemTime, UNIX_EPOCH},
};

use hobnob_endpoint::wire::Generation;
use rand::{TryRng, rngs::SysRng};

use crate::{
    builder::StartError,
    driver::{Clock, Socket},
    seeds::Resolver,
    simulation::Machine,
};

/// What a node is started on.
pub(crate) struct Ground {
    pub(crate) socket: Socket,
    pub(crate) bound: SocketAddr,
    pub(crate) clock: Clock,
    pub(crate) resolver: Resolver,
    pub(crate) seed: u64,
    pub(crate) generation: Generation,
}

impl Ground {
    /// The operating system: a socket bound to `bind`, its clock, its random numbers.
    pub(crate) fn system(bind: SocketAddr) -> Result<Self, StartError> {
        let socket = Socket::bind(bind).map_err(|source| bind_error(bind, source))?;
        let bound = socket
            .local_addr()
            .map_err(|source| bind_error(bind, source))?;
        Ok(Self {
            socket,
            bound,
            clock: Clock::start(),
            resolver: Resolver::System,
            seed: SysRng.try_next_u64().map_err(|_| StartError::NoEntropy)?,
            generation: generation(),
        })
    }

    pub(crate) fn simulated(machine: &Machine) -> Self {
        Self {
            socket: Socket::Virtual(machine.socket.clone()),
            bound: machine.socket.address(),
            clock: Clock::of_simulation(machine.clock.clone()),
            resolver: Resolver::Virtual(machine.names.clone()),
            seed: machine.seed,
            generation: Generation(machine.generation),
        }
    }
}

fn bind_error(addr: SocketAddr, source: io::Error) -> StartError {
    match source.kind() {
        io::ErrorKind::AddrInUse => StartError::AddressInUse { addr },
        io::ErrorKind::AddrNotAvailable => StartError::AddressNotAvailable { addr },
        _ => StartError::Bind { addr, source },
    }
}

/// Microseconds since 1970: above every earlier generation, unless the clock was set back. Then the first
/// node that knows better says so, and the generation is raised above what it has seen.
fn generation() -> Generation {
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Generation(u64::try_from(since_1970.as_micros()).unwrap_or(u64::MAX))
}
