//! Datagrams on their way between the two nodes, in the fuzzer's hands.

use std::{collections::VecDeque, fmt, net::SocketAddr};

use hobnob_endpoint::wire::{
    DataHeader, Frames, Handshake, Kind, Reader, Writer, append_checksum, peek_kind,
    verify_checksum,
};

/// Datagrams that are on their way, at most; further ones are lost.
const FLIGHTS_MAX: usize = 256;

/// Datagrams that somebody has captured, at most; they take the place of older ones.
const CAPTURED_MAX: usize = 32;

/// Bytes of the longest reset, its trailer included, with some to spare.
const RESET_ROOM: usize = 64;

/// A datagram that will arrive.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

/// Everything between the nodes.
#[derive(Debug, Default)]
pub(super) struct Network {
    flights: VecDeque<Flight>,
    captured: VecDeque<Flight>,
}

impl Network {
    pub(super) fn send(&mut self, flight: Flight) {
        if self.captured.len() == CAPTURED_MAX {
            self.captured.pop_front();
        }
        self.captured.push_back(flight.clone());
        if self.flights.len() < FLIGHTS_MAX {
            self.flights.push_back(flight);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.flights.len()
    }

    /// Takes the datagram at `place` off the line, whether or not it is its turn.
    pub(super) fn take(&mut self, place: usize) -> Option<Flight> {
        self.flights.remove(place)
    }

    pub(super) fn at(&mut self, place: usize) -> Option<&mut Flight> {
        self.flights.get_mut(place)
    }

    /// Lets the datagram at `place` come a second time, after all others.
    pub(super) fn duplicate(&mut self, place: usize) {
        if let Some(flight) = self.flights.get(place).cloned()
            && self.flights.len() < FLIGHTS_MAX
        {
            self.flights.push_back(flight);
        }
    }

    pub(super) fn captured(&self) -> usize {
        self.captured.len()
    }

    /// Sends a captured datagram once more.
    pub(super) fn replay(&mut self, place: usize) {
        if let Some(flight) = self.captured.get(place).cloned()
            && self.flights.len() < FLIGHTS_MAX
        {
            self.flights.push_back(flight);
        }
    }
}

impl Flight {
    /// What the receiver answers if it does not know the session of this datagram: as if it had lost it.
    pub(super) fn reset(&self) -> Option<Self> {
        let mut reader = Reader::new(&self.bytes);
        let Ok((version, Kind::Data)) = peek_kind(&mut reader) else {
            return None;
        };
        let header = DataHeader::decode(version, &mut reader).ok()?;
        let mut buffer = [0; RESET_ROOM];
        let mut w = Writer::new(&mut buffer);
        let reset = Handshake::Reset(header.session);
        reset.encode(&mut w).expect("a reset is short");
        append_checksum(&mut w).expect("its trailer, too");
        Some(Self {
            from: self.to,
            to: self.from,
            bytes: w.written().to_vec(),
        })
    }
}

impl fmt::Display for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}: ", self.from, self.to)?;
        let Ok(covered) = verify_checksum(&self.bytes) else {
            return write!(f, "{} bytes that were damaged", self.bytes.len());
        };
        let mut reader = Reader::new(covered);
        match peek_kind(&mut reader) {
            Ok((version, Kind::Data)) => {
                let header = DataHeader::decode(version, &mut reader);
                let frames: Vec<_> = Frames::new(reader.take_rest()).flatten().collect();
                write!(f, "{header:?} {frames:?}")
            }
            Ok((_, kind)) => write!(f, "{:?}", Handshake::decode(kind, &mut reader)),
            Err(error) => write!(f, "{error}"),
        }
    }
}
