//! Data datagrams: begun and sealed for a peer, opened from one.

use core::net::SocketAddr;

use hobnob_wire::{
    CHECKSUM_BYTES, DataHeader, Handshake, Instant, Kind, PacketNumber, Peer, Reader, VarInt,
    Writer, append_checksum, peek_kind, verify_checksum,
};

use crate::{
    Sessions,
    error::{Dropped, SealError},
    event::Opened,
    ids::slot_of,
    table::{Addressee, Session},
};

/// Bytes that [`Sessions::seal`] appends to a datagram.
pub const TRAILER_BYTES: usize = CHECKSUM_BYTES;

impl Sessions {
    /// Begins a data datagram for a peer: writes its header, with the next packet number.
    ///
    /// The writer is that of one datagram. Frames follow, then [`seal`](Self::seal).
    ///
    /// # Errors
    ///
    /// [`SealError`]; nothing was written, and no number was used.
    pub fn begin(&mut self, peer: Peer, w: &mut Writer<'_>) -> Result<PacketNumber, SealError> {
        let session = self.session_mut(peer).ok_or(SealError::NoSession)?;
        let packet = session.next_packet;
        debug_assert!(
            packet.get() < VarInt::MAX.get(),
            "2^62 datagrams take longer than any session lasts"
        );
        let header = DataHeader {
            version: session.version,
            session: session.remote.session,
            packet,
        };
        let start = w.len();
        header.encode(w).inspect_err(|_| w.truncate(start))?;
        session.next_packet = packet.next();
        Ok(packet)
    }

    /// Ends a data datagram: appends the trailer over all that stands in the writer, which is exactly one
    /// datagram that was begun for `peer`. Leave [`TRAILER_BYTES`] of room.
    ///
    /// # Errors
    ///
    /// [`SealError`]; nothing was written.
    pub fn seal(&mut self, peer: Peer, w: &mut Writer<'_>) -> Result<(), SealError> {
        self.session_mut(peer).ok_or(SealError::NoSession)?;
        Ok(append_checksum(w)?)
    }

    pub(crate) fn open<'d>(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &'d [u8],
    ) -> Result<Opened<'d>, Dropped> {
        let mut reader = Reader::new(verify_checksum(datagram)?);
        let (version, kind) = peek_kind(&mut reader)?;
        if kind == Kind::Data {
            let header = DataHeader::decode(version, &mut reader)?;
            return self.open_data(now, from, header, reader.take_rest());
        }
        let handshake = Handshake::decode(kind, &mut reader)?;
        self.handle_handshake(now, from, &handshake)?;
        Ok(Opened::Handshake)
    }

    fn open_data<'d>(
        &mut self,
        now: Instant,
        from: SocketAddr,
        header: DataHeader,
        body: &'d [u8],
    ) -> Result<Opened<'d>, Dropped> {
        let slot = slot_of(header.session);
        let tenant = self.table.tenant(slot);
        let Some((tenant, addressee)) =
            tenant.and_then(|tenant| Some((tenant, tenant.addressee(header.session)?)))
        else {
            if self.outbox.reset(now, from, header.session).is_err() {
                self.stats.resets_dropped += 1;
            }
            return Err(Dropped::UnknownSession);
        };
        if tenant.addr != from {
            return Err(Dropped::WrongAddress);
        }
        let version = match addressee {
            Addressee::Session { version } | Addressee::Candidate { version } => version,
            // The remote was faster: it has the session already. No reset, the answer is on its way.
            Addressee::Attempt => return Err(Dropped::UnknownSession),
        };
        if header.version != version {
            return Err(Dropped::Version);
        }
        if matches!(addressee, Addressee::Candidate { .. }) {
            self.promote(slot);
        }
        let peer = self.table.peer(slot).ok_or(Dropped::UnknownSession)?;
        let session = self.session_mut(peer).ok_or(Dropped::UnknownSession)?;
        let order = session.came.take(header.packet)?;
        let before = session.came_at.replace(now);
        self.hearing.note(now, before, order);
        Ok(Opened::Frames {
            peer,
            packet: header.packet,
            body,
        })
    }

    fn session_mut(&mut self, peer: Peer) -> Option<&mut Session> {
        let slot = self.table.slot(peer)?;
        self.table.tenant_mut(slot)?.session_mut()
    }
}
