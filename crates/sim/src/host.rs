//! The machine a node runs on.

use std::time::Duration;

/// Bytes of a socket's receive buffer on a stock Linux: `net.core.rmem_max` is 212,992, which is what is left
/// of the 4 MiB the driver asks for, and the kernel doubles it for its own overhead (socket(7), SO_RCVBUF).
pub const SOCKET_BYTES_DEFAULT: usize = 2 * 212_992;

/// Bytes a datagram is charged with in the receive buffer besides its own: the kernel's sk_buff and shared
/// info on a 64-bit machine, rounded up.
pub const SOCKET_OVERHEAD_BYTES: usize = 768;

/// Bytes a datagram takes on a link besides its own: Ethernet 14, IPv4 20, UDP 8.
pub const LINK_OVERHEAD_BYTES: usize = 42;

/// What a node's machine can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// What all its datagrams leave through; `None` is as fast as you like.
    pub egress: Option<Link>,
    /// What all datagrams to it come in through; `None` is as fast as you like.
    pub ingress: Option<Link>,
    /// Bytes of the socket's receive buffer. What arrives while it is full is dropped.
    pub socket_bytes: usize,
    /// From a datagram's arrival until the process reads its socket: what arrives meanwhile is read with it.
    /// A sleeping process takes some 50 µs to wake up.
    pub wake_delay: Duration,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            egress: None,
            ingress: None,
            socket_bytes: SOCKET_BYTES_DEFAULT,
            wake_delay: Duration::ZERO,
        }
    }
}

/// A line with a queue in front of it, which drops what finds it full (drop-tail).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Bits it carries in a second, at least 1.
    pub bits_per_second: u64,
    /// Bytes that may wait, the datagram on the line included: must hold at least one.
    pub queue_bytes: usize,
}

/// What a link has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Datagrams it took.
    pub datagrams: u64,
    /// Bytes it took, [`LINK_OVERHEAD_BYTES`] for each datagram included.
    pub bytes: u64,
    /// Datagrams it dropped because its queue was full.
    pub dropped: u64,
    /// How long it takes, in all, to carry what it took: over the time that passed, its busy share.
    pub busy: Duration,
}
