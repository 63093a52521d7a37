//! What a core hands to whoever owns the socket.

use core::net::SocketAddr;

/// One or several datagrams for one peer, laid one after another in the caller's buffer.
///
/// All but the last are `segment_size` bytes long, so that one system call with segmentation offload can
/// send them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where to.
    pub to: SocketAddr,
    /// Bytes written to the buffer, all datagrams together.
    pub len: usize,
    /// Bytes of each datagram but the last, when there are several.
    pub segment_size: Option<usize>,
}

impl Transmit {
    /// The datagrams of this transmit, as they stand in `buffer`.
    pub fn datagrams<'b>(&self, buffer: &'b [u8]) -> impl Iterator<Item = &'b [u8]> {
        let written = buffer.get(..self.len).unwrap_or(buffer);
        written.chunks(self.segment_size.unwrap_or(self.len).max(1))
    }
}
