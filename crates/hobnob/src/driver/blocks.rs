//! The receive buffers.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use quinn_udp::RecvMeta;

/// Blocks received by one system call, at most. With GRO each holds up to 64 datagrams.
pub(super) const BLOCKS: usize = 8;

/// Bytes of a block: the largest that one receive can return, with or without GRO.
const BLOCK_BYTES: usize = 65_536;

/// Blocks that handlers may hold at once: 16 MiB. One small payload holds a whole block, so beyond this
/// payloads are copied and hold nothing.
const LENT_MAX: usize = 256;

/// The receive buffers. Payloads are handed on as slices of them. A block that is still held by a handler
/// when the next batch is received is lent out and replaced; it is used again once nobody holds it.
pub(crate) struct Blocks {
    pub(super) buffers: Vec<BytesMut>,
    lent: Vec<Bytes>,
    pub(super) metas: [RecvMeta; BLOCKS],
}

impl Blocks {
    pub(crate) fn new() -> Self {
        Self {
            buffers: (0..BLOCKS).map(|_| BytesMut::zeroed(BLOCK_BYTES)).collect(),
            lent: Vec::new(),
            metas: [RecvMeta::default(); BLOCKS],
        }
    }

    /// Puts one datagram into the `index`th block of a batch, cut off where the block ends; false when a
    /// batch has no such block.
    pub(crate) fn fill(&mut self, index: usize, from: SocketAddr, datagram: &[u8]) -> bool {
        let Some(block) = self.buffers.get_mut(index) else {
            return false;
        };
        let len = datagram.len().min(block.len());
        block[..len].copy_from_slice(&datagram[..len]);
        let meta = &mut self.metas[index];
        meta.addr = from;
        meta.len = len;
        meta.stride = len;
        true
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
