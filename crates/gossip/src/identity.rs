//! Who is meant: an address and which life of a process lives there.

use core::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
};

use hobnob_wire::{DecodeError, Full, Generation, Reader, Writer};

use crate::limits::GENERATION_MAX;

/// A node of the mesh: where it listens, and which process it is there.
///
/// A process that starts again at the same address has a greater generation, so it always wins over its
/// past self.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// Where the node's mesh port is, in [canonical](canonical_addr) form.
    pub addr: SocketAddr,
    /// Which process at this address.
    pub generation: Generation,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.addr, self.generation)
    }
}

/// The form of an address in which nodes speak of each other: IPv4 never wrapped into IPv6, no flow label,
/// no scope.
///
/// A scope is a number of one machine's interface, meaningless elsewhere. Link-local addresses, which need
/// one, are therefore no mesh addresses.
#[must_use]
pub const fn canonical_addr(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

/// Whether a node can be reached there at all: a port, and an address that means one machine.
pub(crate) fn is_node_addr(addr: SocketAddr) -> bool {
    let ip = addr.ip();
    let one_machine = !ip.is_unspecified()
        && !ip.is_multicast()
        && !matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    addr.port() != 0 && one_machine && canonical_addr(addr) == addr
}

/// What SWIM tells apart: an [`Identity`], and how often that process had to come back from being declared
/// dead by mistake.
///
/// In SWIM "down" is final for a life, so a process that is still there goes on under its next one. It is
/// the same process for everybody else, which is why the renewal stays inside this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) addr: SocketAddr,
    pub(crate) generation: Generation,
    pub(crate) renewal: u32,
}

impl Life {
    pub(crate) fn first(identity: Identity) -> Self {
        Self {
            addr: canonical_addr(identity.addr),
            generation: Generation(identity.generation.0.min(GENERATION_MAX)),
            renewal: 0,
        }
    }

    /// Stands for whoever lives at `addr`: addressed to announce to an address of which no more is known.
    pub(crate) const fn unknown(addr: SocketAddr) -> Self {
        Self {
            addr,
            generation: Generation(0),
            renewal: 0,
        }
    }

    pub(crate) const fn identity(self) -> Identity {
        Identity {
            addr: self.addr,
            generation: self.generation,
        }
    }

    /// Orders the lives of one address.
    pub(crate) const fn age(self) -> (Generation, u32) {
        (self.generation, self.renewal)
    }

    pub(crate) fn is_newer_than(self, other: Self) -> bool {
        self.age() > other.age()
    }

    /// The next life of the same process, or of the next generation once renewals are used up.
    pub(crate) fn next(self) -> Option<Self> {
        match self.renewal.checked_add(1) {
            Some(renewal) => Some(Self { renewal, ..self }),
            None => self.next_generation(),
        }
    }

    /// The first life of the generation after this one, while there is one.
    pub(crate) fn next_generation(self) -> Option<Self> {
        (self.generation.0 < GENERATION_MAX).then(|| Self {
            addr: self.addr,
            generation: self.generation.next(),
            renewal: 0,
        })
    }

    pub(crate) fn encode(self, writer: &mut Writer<'_>) -> Result<(), Full> {
        put_addr(writer, self.addr)?;
        writer.u64(self.generation.0)?;
        writer.varint(self.renewal)
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let addr = take_addr(reader)?;
        let field = "generation";
        let generation = reader.u64(field)?;
        if generation > GENERATION_MAX {
            return Err(DecodeError::Invalid { field });
        }
        let field = "renewal";
        let renewal = u32::try_from(reader.varint(field)?.get())
            .map_err(|_| DecodeError::Invalid { field })?;
        Ok(Self {
            addr,
            generation: Generation(generation),
            renewal,
        })
    }
}

impl foca::Identity for Life {
    type Addr = SocketAddr;

    fn renew(&self) -> Option<Self> {
        self.next()
    }

    fn addr(&self) -> SocketAddr {
        self.addr
    }

    fn win_addr_conflict(&self, adversary: &Self) -> bool {
        self.is_newer_than(*adversary)
    }
}

pub(crate) fn put_addr(writer: &mut Writer<'_>, addr: SocketAddr) -> Result<(), Full> {
    match addr.ip() {
        IpAddr::V4(ip) => {
            writer.u8(4)?;
            writer.put(&ip.octets())?;
        }
        IpAddr::V6(ip) => {
            writer.u8(6)?;
            writer.put(&ip.octets())?;
        }
    }
    writer.u16(addr.port())
}

pub(crate) fn take_addr(reader: &mut Reader<'_>) -> Result<SocketAddr, DecodeError> {
    let field = "address";
    let ip = match reader.u8(field)? {
        4 => IpAddr::from(reader.array::<4>(field)?),
        6 => IpAddr::V6(Ipv6Addr::from(reader.array::<16>(field)?)),
        _ => return Err(DecodeError::Invalid { field }),
    };
    let addr = SocketAddr::new(ip, reader.u16(field)?);
    if is_node_addr(addr) {
        Ok(addr)
    } else {
        Err(DecodeError::Invalid { field })
    }
}
