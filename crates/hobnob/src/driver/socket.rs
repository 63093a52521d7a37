//! The UDP socket, in batches.

use std::{
    io::{self, IoSliceMut},
    net::SocketAddr,
};

use bytes::{Bytes, BytesMut};
use hobnob_endpoint::wire::Transmit;
use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use tokio::{io::Interest, net::UdpSocket};

/// Blocks received by one system call, at most. With GRO each holds up to 64 datagrams.
const BLOCKS: usize = 8;

/// Bytes of a block: the largest that one receive can return, with or without GRO.
const BLOCK_BYTES: usize = 65_536;

/// Blocks that handlers may hold at once: 16 MiB. One small payload holds a whole block, so beyond this
/// payloads are copied and hold nothing.
const LENT_MAX: usize = 256;

/// Receive and send buffer asked of the kernel. Loopback bursts of a full congestion window from some
/// thirty peers fit; the kernel grants at most `net.core.rmem_max`.
const SOCKET_BUFFER_BYTES: usize = 4 << 20;

/// A bound socket and what the kernel can do with it.
#[derive(Debug)]
pub(crate) struct Socket {
    io: UdpSocket,
    state: UdpSocketState,
}

impl Socket {
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
        let io = UdpSocket::from_std(socket.into())?;
        let state = UdpSocketState::new(UdpSockRef::from(&io))?;
        Ok(Self { io, state })
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.io.local_addr()
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
        let mut metas = [RecvMeta::default(); BLOCKS];
        let result = self.io.try_io(Interest::READABLE, || {
            let mut buffers = blocks.buffers.iter_mut();
            let mut slices: [IoSliceMut<'_>; BLOCKS] = std::array::from_fn(|_| {
                IoSliceMut::new(buffers.next().map_or(&mut [], |b| &mut b[..]))
            });
            received = self
                .state
                .recv(UdpSockRef::from(&self.io), &mut slices, &mut metas)?;
            if received < BLOCKS {
                Err(io::ErrorKind::WouldBlock.into())
            } else {
                Ok(())
            }
        });
        match result {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
            outcome => {
                blocks.metas = metas;
                Ok(Batch {
                    received,
                    more: outcome.is_ok(),
                })
            }
        }
    }
}

/// What one receive brought.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch {
    pub(crate) received: usize,
    pub(crate) more: bool,
}

/// The receive buffers. Payloads are handed on as slices of them. A block that is still held by a handler
/// when the next batch is received is lent out and replaced; it is used again once nobody holds it.
pub(crate) struct Blocks {
    buffers: Vec<BytesMut>,
    lent: Vec<Bytes>,
    metas: [RecvMeta; BLOCKS],
}

impl Blocks {
    pub(crate) fn new() -> Self {
        Self {
            buffers: (0..BLOCKS).map(|_| BytesMut::zeroed(BLOCK_BYTES)).collect(),
            lent: Vec::new(),
            metas: [RecvMeta::default(); BLOCKS],
        }
    }

    /// Whether so many blocks are lent out that payloads must be copied instead.
    pub(crate) fn are_scarce(&self) -> bool {
        self.lent.len() >= LENT_MAX
    }

    /// Takes the `index`th block of a batch out, to be given back by [`Blocks::give_back`].
    pub(crate) fn take(&mut self, index: usize) -> Block {
        Block {
            bytes: std::mem::take(&mut self.buffers[index]).freeze(),
            meta: self.metas[index],
        }
    }

    pub(crate) fn give_back(&mut self, index: usize, block: Block) {
        self.buffers[index] = block.bytes.try_into_mut().unwrap_or_else(|held| {
            if self.lent.len() < LENT_MAX {
                self.lent.push(held);
            }
            self.reclaim()
                .unwrap_or_else(|| BytesMut::zeroed(BLOCK_BYTES))
        });
    }

    fn reclaim(&mut self) -> Option<BytesMut> {
        let free = self.lent.iter().position(Bytes::is_unique)?;
        self.lent.swap_remove(free).try_into_mut().ok()
    }
}

/// One received block: one datagram, or several of one sender.
pub(crate) struct Block {
    bytes: Bytes,
    meta: RecvMeta,
}

impl Block {
    pub(crate) const fn from(&self) -> SocketAddr {
        self.meta.addr
    }

    pub(crate) fn datagrams(&self) -> impl Iterator<Item = Bytes> + '_ {
        let (len, stride) = (self.meta.len, self.meta.stride.max(1));
        (0..len)
            .step_by(stride)
            .map(move |start| self.bytes.slice(start..len.min(start + stride)))
    }
}
