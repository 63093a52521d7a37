//! The sending side: drains the endpoint into the socket.

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use hobnob_endpoint::wire::Transmit;

use super::{shared::Core, socket::Socket};
use crate::driver::Clock;

/// Bytes of the send buffer: one transmit.
const BUFFER_BYTES: usize = 65_000;

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drained {
    /// The endpoint has nothing more to send.
    Empty,
    /// The kernel has no room: wait until the socket is writable, then drain again.
    Blocked,
}

/// The send buffer, and a transmit the kernel had no room for.
#[derive(Debug)]
pub(crate) struct Sender {
    /// `None` once the node is closed: its port is free then.
    socket: Option<Arc<Socket>>,
    buffer: Vec<u8>,
    stalled: Option<Transmit>,
    datagram_bytes: usize,
    errors: Arc<AtomicU64>,
}

impl Sender {
    /// Counts in `errors` what the kernel refuses for another reason than lack of room.
    pub(crate) fn new(datagram_bytes: usize, socket: Arc<Socket>, errors: Arc<AtomicU64>) -> Self {
        Self {
            socket: Some(socket),
            buffer: vec![0; BUFFER_BYTES],
            stalled: None,
            datagram_bytes,
            errors,
        }
    }

    /// Sends nothing any more and lets go of the socket.
    pub(crate) fn close(&mut self) {
        self.socket = None;
    }

    /// Sends until nothing is left. The core is locked for each transmit, not for the system call; `at_rest`
    /// sees it as it is left, still locked.
    pub(crate) fn drain(
        &mut self,
        core: &Mutex<Core>,
        clock: &Clock,
        at_rest: impl FnOnce(&Core),
    ) -> Drained {
        let Some(socket) = &self.socket else {
            return Drained::Empty;
        };
        // Asked each time: the kernel may turn out to be unable to segment.
        let datagrams = (BUFFER_BYTES / self.datagram_bytes).clamp(1, socket.segments_max());
        let room = datagrams * self.datagram_bytes;
        loop {
            let transmit = match self.stalled.take() {
                Some(transmit) => transmit,
                None => {
                    let mut core = core.lock().expect("no panic while the core is locked");
                    let Some(transmit) = core
                        .endpoint
                        .poll_transmit(clock.now(), &mut self.buffer[..room])
                    else {
                        at_rest(&core);
                        return Drained::Empty;
                    };
                    transmit
                }
            };
            match socket.send(&transmit, &self.buffer[..transmit.len]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.stalled = Some(transmit);
                    return Drained::Blocked;
                }
                // An unreachable peer or an interface that went down is the same as loss: what is reliable is
                // sent again, and membership finds out who is gone.
                Err(_) => {
                    self.errors.fetch_add(1, Ordering::Relaxed);
                }
                Ok(()) => {}
            }
        }
    }
}
