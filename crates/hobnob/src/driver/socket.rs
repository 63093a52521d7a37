//! The node's socket: the kernel's, or a simulated network's.
//!
//! An enum and no trait object: the kernel's pays for one branch that always goes the same way.

use std::{io, net::SocketAddr, sync::Arc};

use hobnob_endpoint::wire::Transmit;

use super::{blocks::Blocks, udp::UdpSocket};
use crate::simulation::VirtualSocket;

/// Where datagrams come from and go to.
#[derive(Debug)]
pub(crate) enum Socket {
    Udp(UdpSocket),
    Virtual(Arc<VirtualSocket>),
}

impl Socket {
    pub(crate) fn bind(addr: SocketAddr) -> io::Result<Self> {
        UdpSocket::bind(addr).map(Self::Udp)
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Udp(socket) => socket.local_addr(),
            Self::Virtual(socket) => Ok(socket.address()),
        }
    }

    /// Bytes of datagrams that wait until they are read, at most. `None` when nobody says.
    pub(crate) fn receive_buffer_bytes(&self) -> Option<usize> {
        match self {
            Self::Udp(socket) => socket.receive_buffer_bytes(),
            Self::Virtual(socket) => Some(socket.receive_buffer_bytes()),
        }
    }

    /// Datagrams one send can carry.
    pub(crate) fn segments_max(&self) -> usize {
        match self {
            Self::Udp(socket) => socket.segments_max(),
            Self::Virtual(socket) => socket.segments_max(),
        }
    }

    pub(crate) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.readable().await,
            Self::Virtual(socket) => {
                socket.readable().await;
                Ok(())
            }
        }
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.writable().await,
            Self::Virtual(socket) => {
                socket.writable().await;
                Ok(())
            }
        }
    }

    /// Hands datagrams to the network. `WouldBlock` when it has no room; nothing was sent then.
    pub(crate) fn send(&self, transmit: &Transmit, contents: &[u8]) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.send(transmit, contents),
            Self::Virtual(socket) => socket.send(transmit, contents),
        }
    }

    /// Receives one batch. Says whether the socket may hold more.
    pub(crate) fn receive(&self, blocks: &mut Blocks) -> io::Result<Batch> {
        match self {
            Self::Udp(socket) => socket.receive(blocks),
            Self::Virtual(socket) => Ok(socket.receive(blocks)),
        }
    }

    /// Receives one batch, even if the runtime was not told yet that there is something.
    pub(crate) fn receive_unannounced(&self, blocks: &mut Blocks) -> io::Result<Batch> {
        match self {
            Self::Udp(socket) => socket.receive_unannounced(blocks),
            Self::Virtual(socket) => Ok(socket.receive(blocks)),
        }
    }
}

/// What one receive brought.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch {
    pub(crate) received: usize,
    pub(crate) more: bool,
}

impl Batch {
    pub(crate) const NOTHING: Self = Self {
        received: 0,
        more: false,
    };
}
