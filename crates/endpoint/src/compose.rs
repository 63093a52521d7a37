//! Puts the frames of all cores into datagrams.

use core::net::SocketAddr;

use hobnob_session::TRAILER_BYTES;
use hobnob_wire::{Frame, Instant, Peer, Transmit, Writer};

use crate::endpoint::Endpoint;

/// Segments of one transmit, at most: the kernel's UDP_MAX_SEGMENTS has been 64 since Linux 4.18.
const SEGMENTS_MAX: usize = 64;

/// Bytes of one transmit, at most: segmentation offload hands the kernel one IP packet of up to 65,535
/// bytes, headers included.
const TRANSMIT_BYTES_MAX: usize = 65_000;

/// How a datagram turned out.
struct Composed {
    len: usize,
    more: bool,
}

impl Endpoint {
    /// Writes the next datagrams for one peer into `buffer`, as many as fit and the peer has use for.
    ///
    /// `buffer` should hold a whole number of datagrams: one without segmentation offload, up to 64 with
    /// it. It must hold at least one of the configured size.
    pub fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Transmit> {
        if let Some(handshake) = self.sessions.poll_transmit(now, buffer) {
            return Some(handshake);
        }
        while let Some(peer) = self
            .gossip_queue
            .next_ready()
            .or_else(|| self.messaging.poll_ready(now))
        {
            let transmit = self.compose(now, peer, buffer);
            if self.gossip_queue.has(peer) && self.is_connected(peer) {
                self.gossip_queue.release(peer);
            }
            if transmit.is_some() {
                return transmit;
            }
        }
        None
    }

    fn compose(&mut self, now: Instant, peer: Peer, buffer: &mut [u8]) -> Option<Transmit> {
        let to = self
            .sessions
            .remote(peer)
            .filter(|remote| remote.is_established)?
            .addr;
        let room = buffer
            .len()
            .min(TRANSMIT_BYTES_MAX.max(self.datagram_bytes));
        let (mut len, mut segment, mut segments) = (0, self.datagram_bytes, 0);
        while segments < SEGMENTS_MAX && len + segment <= room {
            let wants_next = segments + 1 < SEGMENTS_MAX && len + 2 * segment <= room;
            let buffer = &mut buffer[len..len + segment];
            let Some(datagram) = self.datagram(now, (peer, to), buffer, wants_next) else {
                break;
            };
            len += datagram.len;
            segments += 1;
            if !datagram.more || datagram.len < segment {
                break;
            }
            segment = datagram.len;
        }
        (segments > 0).then_some(Transmit {
            to,
            len,
            segment_size: (segments > 1).then_some(segment),
        })
    }

    /// One datagram over exactly `buffer`; padded to its length if another one shall follow.
    fn datagram(
        &mut self,
        now: Instant,
        (peer, to): (Peer, SocketAddr),
        buffer: &mut [u8],
        pad: bool,
    ) -> Option<Composed> {
        let mut w = Writer::new(buffer);
        w.hold_back(TRAILER_BYTES);
        let packet = self.sessions.begin(peer, &mut w).ok()?;
        let header = w.len();
        if let Some(warning) = self.gossip.warning(now, to) {
            // It stands first in a datagram that has room for any gossip payload.
            let written = Frame::Gossip(&warning).encode(&mut w);
            debug_assert!(written.is_ok(), "an empty datagram holds a warning");
        }
        self.write_gossip(peer, &mut w);
        let filled = self.messaging.fill(now, peer, packet, &mut w);
        if w.len() == header {
            return None;
        }
        let more = filled.more || self.gossip_queue.has(peer);
        if more && pad && w.room() > 0 {
            let padding = Frame::Padding(w.room()).encode(&mut w);
            debug_assert!(padding.is_ok(), "padding fills just the room there is");
        }
        w.hold_back(0);
        self.sessions.seal(peer, &mut w).ok()?;
        Some(Composed { len: w.len(), more })
    }

    fn write_gossip(&mut self, peer: Peer, w: &mut Writer<'_>) {
        while let Some(payload) = self.gossip_queue.front(peer) {
            if Frame::Gossip(payload).encode(w).is_err() {
                return;
            }
            self.gossip_queue.pop(peer);
        }
    }
}
