//! What a node stands on in a simulated world instead of the operating system. For `hobnob-sim`, which is
//! what a test uses; nothing here is promised to anybody else.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use hobnob_endpoint::wire::{Instant, Transmit};
use tokio::sync::Notify;

use crate::{
    driver::{Batch, Blocks},
    mesh::Mesh,
};

/// Datagrams one send can carry, as on Linux.
const SEGMENTS_MAX: usize = 64;

/// Everything a simulated process is given by its world.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The world's time.
    pub clock: Arc<VirtualClock>,
    /// The process's socket, plugged into the world's network.
    pub socket: Arc<VirtualSocket>,
    /// What all its randomness comes from.
    pub seed: u64,
    /// What names mean in the world.
    pub names: Arc<Names>,
    /// The process's generation: above those of earlier processes at its address.
    pub generation: u64,
}

/// The time of a world: nanoseconds since it began.
#[derive(Debug, Default)]
pub struct VirtualClock(AtomicU64);

impl VirtualClock {
    /// What time it is.
    pub fn now(&self) -> Instant {
        Instant::from_nanos(self.0.load(Ordering::Relaxed))
    }

    /// Lets it be `now`; time that has passed stays passed.
    pub fn advance_to(&self, now: Instant) {
        self.0.fetch_max(now.as_nanos(), Ordering::Relaxed);
    }
}

/// The name service of a world: what hosts have a name.
#[derive(Debug, Default)]
pub struct Names(Mutex<BTreeMap<String, Vec<IpAddr>>>);

impl Names {
    /// Has a name mean these hosts from now on; none of them, and nobody knows it any more.
    pub fn set(&self, name: &str, hosts: Vec<IpAddr>) {
        let mut names = self.names();
        if hosts.is_empty() {
            names.remove(name);
        } else {
            names.insert(name.to_owned(), hosts);
        }
    }

    /// The addresses behind a name and port.
    pub(crate) fn look_up(&self, seed: &str) -> io::Result<Vec<SocketAddr>> {
        let unknown = || io::Error::from(io::ErrorKind::NotFound);
        let (name, port) = seed.rsplit_once(':').ok_or_else(unknown)?;
        let port = port.parse().map_err(io::Error::other)?;
        let names = self.names();
        let hosts = names.get(name).ok_or_else(unknown)?;
        Ok(hosts.iter().map(|ip| SocketAddr::new(*ip, port)).collect())
    }

    fn names(&self) -> MutexGuard<'_, BTreeMap<String, Vec<IpAddr>>> {
        self.0.lock().expect("no panic while it is locked")
    }
}

/// A datagram, and the address it came from or goes to.
pub type Datagram = (SocketAddr, Bytes);

/// How much a socket holds in each direction.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Bytes in all. One datagram more is taken as long as there are fewer.
    pub bytes: usize,
    /// What a datagram counts besides its bytes.
    pub overhead: usize,
}

/// A socket whose other side is a world's network.
#[derive(Debug)]
pub struct VirtualSocket {
    address: SocketAddr,
    room: Room,
    buffers: Mutex<Buffers>,
    readable: Notify,
    writable: Notify,
}

#[derive(Debug, Default)]
struct Buffers {
    arrived: Buffer,
    sent: Buffer,
    is_unplugged: bool,
}

#[derive(Debug, Default)]
struct Buffer {
    datagrams: VecDeque<Datagram>,
    bytes: usize,
}

impl Buffer {
    fn is_full(&self, room: Room) -> bool {
        self.bytes + self.datagrams.len() * room.overhead >= room.bytes
    }

    fn push(&mut self, address: SocketAddr, datagram: Bytes) {
        self.bytes += datagram.len();
        self.datagrams.push_back((address, datagram));
    }

    fn pop(&mut self) -> Option<Datagram> {
        let datagram = self.datagrams.pop_front()?;
        self.bytes -= datagram.1.len();
        Some(datagram)
    }
}

// The world's side.

impl VirtualSocket {
    /// A socket bound to `address`.
    pub fn new(address: SocketAddr, room: Room) -> Self {
        Self {
            address,
            room,
            buffers: Mutex::default(),
            readable: Notify::new(),
            writable: Notify::new(),
        }
    }

    /// Lets a datagram arrive. False when the socket holds as much as it can: it is lost.
    pub fn deliver(&self, from: SocketAddr, datagram: Bytes) -> bool {
        let mut buffers = self.buffers();
        if buffers.arrived.is_full(self.room) || buffers.is_unplugged {
            return false;
        }
        buffers.arrived.push(from, datagram);
        drop(buffers);
        self.readable.notify_one();
        true
    }

    /// The next datagram the process has sent, for the network to carry.
    pub fn take_sent(&self) -> Option<Datagram> {
        let datagram = self.buffers().sent.pop()?;
        self.writable.notify_waiters();
        Some(datagram)
    }

    /// Cuts the process off for good: what it still does on its way out is seen by nobody.
    pub fn unplug(&self) {
        *self.buffers() = Buffers {
            is_unplugged: true,
            ..Buffers::default()
        };
        self.writable.notify_waiters();
    }

    fn buffers(&self) -> MutexGuard<'_, Buffers> {
        self.buffers.lock().expect("no panic while it is locked")
    }
}

// The process's side: as the UDP socket's.

impl VirtualSocket {
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) const fn segments_max(&self) -> usize {
        SEGMENTS_MAX
    }

    /// Half of it, as with the kernel's: the other half is for the bookkeeping.
    pub(crate) fn receive_buffer_bytes(&self) -> usize {
        (self.room.bytes / 2).max(1)
    }

    pub(crate) async fn readable(&self) {
        while self.buffers().arrived.datagrams.is_empty() {
            self.readable.notified().await;
        }
    }

    pub(crate) async fn writable(&self) {
        loop {
            let writable = self.writable.notified();
            if !self.buffers().sent.is_full(self.room) {
                return;
            }
            writable.await;
        }
    }

    pub(crate) fn send(&self, transmit: &Transmit, contents: &[u8]) -> io::Result<()> {
        let mut buffers = self.buffers();
        if buffers.is_unplugged {
            return Ok(());
        }
        if buffers.sent.is_full(self.room) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        for datagram in transmit.datagrams(contents) {
            buffers
                .sent
                .push(transmit.to, Bytes::copy_from_slice(datagram));
        }
        Ok(())
    }

    pub(crate) fn receive(&self, blocks: &mut Blocks) -> Batch {
        let mut buffers = self.buffers();
        let mut received = 0;
        while let Some((from, datagram)) = buffers.arrived.datagrams.front() {
            if !blocks.fill(received, *from, datagram) {
                break;
            }
            buffers.arrived.pop();
            received += 1;
        }
        Batch {
            received,
            more: !buffers.arrived.datagrams.is_empty(),
        }
    }
}

impl Mesh {
    /// When this node wakes by itself at the latest, and how many of its runtime's tasks are its own.
    ///
    /// As long as the runtime has no other tasks, nothing happens before.
    #[doc(hidden)]
    pub fn sleeps_until(&self) -> (Instant, usize) {
        self.shared.sleeps_until()
    }
}
