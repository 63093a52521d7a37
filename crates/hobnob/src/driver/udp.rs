//! The UDP socket, in batches.

use std::{
    io::{self, IoSliceMut},
    net::SocketAddr,
};

use hobnob_endpoint::wire::Transmit;
use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use tokio::io::Interest;

use super::{
    blocks::{BLOCKS, Blocks},
    socket::Batch,
};

/// Receive and send buffer asked of the kernel. Loopback bursts of a full congestion window from some
/// thirty peers fit; the kernel grants at most `net.core.rmem_max`.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;

/// A bound socket and what the kernel can do with it.
#[derive(Debug)]
pub(crate) struct UdpSocket {
    io: tokio::net::UdpSocket,
    state: UdpSocketState,
}

impl UdpSocket {
    pub(crate) fn bind(addr: SocketAddr) -> io::Result<Self> {
        let socket = socket2::Socket::new(
            socket2::Domain::for_address(addr),
            socket2::Type::DGRAM,
            Some(socket2::Protocol::UDP),
        )?;
        socket.set_nonblocking(true)?;
        if addr.is_ipv6() {
            // Otherwise IPv4 peers come in under addresses that nobody else knows them by.
            socket.set_only_v6(true)?;
        }
        socket.bind(&addr.into())?;
        // A smaller buffer only costs retransmissions: what the kernel refuses is no reason not to start.
        let _ = socket.set_recv_buffer_size(SOCKET_BUFFER_BYTES);
        let _ = socket.set_send_buffer_size(SOCKET_BUFFER_BYTES);
        let io = tokio::net::UdpSocket::from_std(socket.into())?;
        let state = UdpSocketState::new(UdpSockRef::from(&io))?;
        Ok(Self { io, state })
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
    }

    /// Bytes of datagrams that the kernel keeps until they are read: half of the buffer it granted, as its
    /// own bookkeeping costs about as much as full datagrams do. `None` when it does not say.
    pub(crate) fn receive_buffer_bytes(&self) -> Option<usize> {
        let granted = socket2::SockRef::from(&self.io).recv_buffer_size().ok()?;
        Some(granted / 2)
    }

    /// Datagrams one send can carry.
    pub(crate) fn segments_max(&self) -> usize {
        self.state.max_gso_segments().max(1)
    }

    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.io.readable().await
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        self.io.writable().await
    }

    /// Hands datagrams to the kernel. `WouldBlock` when it has no room; nothing was sent then.
    pub(crate) fn send(&self, transmit: &Transmit, contents: &[u8]) -> io::Result<()> {
        let transmit = quinn_udp::Transmit {
            destination: transmit.to,
            ecn: None,
            contents,
            segment_size: transmit.segment_size,
            src_ip: None,
        };
        self.io.try_io(Interest::WRITABLE, || {
            self.state.try_send(UdpSockRef::from(&self.io), &transmit)
        })
    }

    /// Receives one batch. Says whether the socket may hold more.
    ///
    /// A batch that came back short has drained the socket: readiness is cleared inside the same `try_io`
    /// that read it, which saves the call that would say so. Cleared any later, a datagram that arrived in
    /// between would wake nobody.
    pub(crate) fn receive(&self, blocks: &mut Blocks) -> io::Result<Batch> {
        let mut received = 0;
        let result = self.io.try_io(Interest::READABLE, || {
            received = self.read(blocks)?;
            if received < BLOCKS {
                Err(io::ErrorKind::WouldBlock.into())
            } else {
                Ok(())
            }
        });
        match result {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            outcome => Ok(Batch {
                received,
                more: outcome.is_ok(),
            }),
        }
    }

    /// Receives one batch, even if the runtime was not told yet that there is something.
    pub(crate) fn receive_unannounced(&self, blocks: &mut Blocks) -> io::Result<Batch> {
        let received = self.read(blocks)?;
        Ok(Batch {
            received,
            more: received == BLOCKS,
        })
    }

    fn read(&self, blocks: &mut Blocks) -> io::Result<usize> {
        let mut metas = [RecvMeta::default(); BLOCKS];
        let mut buffers = blocks.buffers.iter_mut();
        let mut slices: [IoSliceMut<'_>; BLOCKS] = std::array::from_fn(|_| {
            IoSliceMut::new(buffers.next().map_or(&mut [], |b| &mut b[..]))
        });
        let socket = UdpSockRef::from(&self.io);
        let received = self.state.recv(socket, &mut slices, &mut metas)?;
        blocks.metas = metas;
        Ok(received)
    }
}
