//! What happened, for who wants to compare or to read it.

use std::{
    fmt::{self, Debug, Write},
    net::SocketAddr,
};

use hobnob_endpoint::wire::{Instant, Kind, Reader, peek_kind};
use twox_hash::XxHash3_64;

use crate::{
    counters::{Counters, Fate, Fault},
    node::NodeId,
};

/// Characters of an event in a trace, at most: payloads are written out in it.
const EVENT_CHARS_MAX: usize = 240;

/// Takes the lines of a trace, without line ends.
type Sink = Box<dyn FnMut(&str) + Send>;

/// Counts, hashes, and tells when somebody listens.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) counters: Counters,
    hash: u64,
    sink: Option<Sink>,
    line: String,
}

/// A datagram between two addresses.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) bytes: &'a [u8],
}

impl Record {
    pub(crate) fn set_sink(&mut self, sink: impl FnMut(&str) + Send + 'static) {
        self.sink = Some(Box::new(sink));
    }

    /// A hash over all that arrived and all that was done to the world.
    pub(crate) const fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn datagram(&mut self, now: Instant, fate: Fate, seen: Seen<'_>) {
        self.counters.count_fate(fate, seen.bytes.len());
        let arrived = fate == Fate::Arrived;
        if !arrived && self.sink.is_none() {
            return;
        }
        let hash = XxHash3_64::oneshot(seen.bytes);
        if arrived {
            self.fold([now.as_nanos(), both(seen), hash]);
        }
        self.tell(now, |line| {
            let (from, to, len) = (seen.from, seen.to, seen.bytes.len());
            let kind = kind(seen.bytes);
            write!(line, "{fate}: {from} > {to} {kind} {len} {hash:016x}")
        });
    }

    pub(crate) fn fault(&mut self, now: Instant, fault: Fault, what: impl Debug) {
        self.counters.count_fault(fault);
        self.fold([now.as_nanos(), fault as u64, 1]);
        self.tell(now, |line| write!(line, "fault: {fault} {what:?}"));
    }

    pub(crate) fn start(&mut self, now: Instant, node: NodeId, addr: SocketAddr, generation: u64) {
        self.fold([now.as_nanos(), node.0 as u64, generation]);
        self.tell(now, |line| {
            write!(line, "start: {node} {addr} generation {generation}")
        });
    }

    pub(crate) fn wake(&mut self, now: Instant, node: NodeId, token: u64) {
        self.fold([now.as_nanos(), node.0 as u64, token]);
        self.tell(now, |line| write!(line, "wake: {node} {token}"));
    }

    pub(crate) fn timeout(&mut self, now: Instant, node: NodeId, reason: impl Debug) {
        self.fold([now.as_nanos(), node.0 as u64, 2]);
        self.tell(now, |line| write!(line, "timeout: {node} {reason:?}"));
    }

    pub(crate) fn event(&mut self, now: Instant, node: NodeId, event: impl Debug) {
        self.tell(now, |line| {
            write!(line, "event: {node} ")?;
            let mut short = Short {
                line,
                room: EVENT_CHARS_MAX,
            };
            // An error only says that there was no room for all of it.
            if write!(short, "{event:?}").is_err() {
                line.push('…');
            }
            Ok(())
        });
    }

    fn tell(&mut self, now: Instant, write: impl FnOnce(&mut String) -> fmt::Result) {
        let Some(sink) = &mut self.sink else {
            return;
        };
        self.line.clear();
        let (seconds, nanos) = (
            now.as_nanos() / 1_000_000_000,
            now.as_nanos() % 1_000_000_000,
        );
        let written =
            write!(self.line, "{seconds}.{nanos:09} ").and_then(|()| write(&mut self.line));
        debug_assert!(written.is_ok(), "writing into a string does not fail");
        sink(&self.line);
    }

    fn fold(&mut self, words: [u64; 3]) {
        let mut bytes = [0; 32];
        let all = [self.hash, words[0], words[1], words[2]];
        for (place, word) in bytes.chunks_exact_mut(8).zip(all) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        self.hash = XxHash3_64::oneshot(&bytes);
    }
}

/// Writes up to `room` characters.
struct Short<'a> {
    line: &'a mut String,
    room: usize,
}

impl Write for Short<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            self.room = self.room.checked_sub(1).ok_or(fmt::Error)?;
            self.line.push(char);
        }
        Ok(())
    }
}

/// Both addresses as one number: two pairs that share one would have to swap places in the same run.
fn both(seen: Seen<'_>) -> u64 {
    let number = |addr: SocketAddr| {
        let ip = match addr.ip() {
            std::net::IpAddr::V4(ip) => u64::from(ip.to_bits()),
            std::net::IpAddr::V6(ip) => XxHash3_64::oneshot(&ip.octets()),
        };
        ip.rotate_left(16) ^ u64::from(addr.port())
    };
    number(seen.from).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number(seen.to)
}

fn kind(bytes: &[u8]) -> &'static str {
    match peek_kind(&mut Reader::new(bytes)) {
        Ok((_, Kind::Hello)) => "hello",
        Ok((_, Kind::HelloAck)) => "hello-ack",
        Ok((_, Kind::Refuse)) => "refuse",
        Ok((_, Kind::Reset)) => "reset",
        Ok((_, Kind::Data)) => "data",
        Err(_) => "noise",
    }
}
