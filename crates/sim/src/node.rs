//! A simulated process and the machine it runs on.

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
};

use bytes::Bytes;
use hobnob_endpoint::{Endpoint, EndpointConfig, wire::Instant};

use crate::{
    application::{At, Wakes},
    clock::Clock,
    host::Host,
    socket::Socket,
};

/// The port of every node that did not move.
const PORT: u16 = 7_946;

/// Names a node of one simulation, in the order of their starts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) usize);

impl NodeId {
    /// The node's number: 0 for the first that was started.
    pub const fn index(self) -> usize {
        self.0
    }

    /// The address a node has: 10.x.y.z:7946, made from its number; one port higher each time it moved.
    pub(crate) fn addr(self, moves: u16) -> SocketAddr {
        let [_, a, b, c] = u32::try_from(self.0 + 1).unwrap_or(u32::MAX).to_be_bytes();
        SocketAddr::from((Ipv4Addr::new(10, a, b, c), PORT.saturating_add(moves)))
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

pub(crate) struct Node {
    pub(crate) config: EndpointConfig,
    pub(crate) host: Host,
    /// `None` while the process is dead.
    pub(crate) process: Option<Process>,
    /// Parts per million its clock runs fast; the next process has the same clock.
    pub(crate) ppm: i32,
    /// How often it came up at another address.
    pub(crate) moves: u16,
    /// The earliest entry in the schedule.
    pub(crate) scheduled: Option<Instant>,
}

/// What dies with the process.
pub(crate) struct Process {
    pub(crate) endpoint: Endpoint,
    pub(crate) clock: Clock,
    pub(crate) wakes: Wakes,
    pub(crate) socket: Socket,
    /// When it runs for another reason than a timer: its socket holds something, or it has something to send.
    pub(crate) runs_at: Option<Instant>,
    pub(crate) is_paused: bool,
    /// Its timers go off, but it reads nothing from its socket, and what it sends is held.
    pub(crate) is_blocked: bool,
    /// What it has sent since it is blocked.
    pub(crate) held: Vec<(SocketAddr, Bytes)>,
    /// What was added last is not sent before the process runs again.
    pub(crate) is_unsent: bool,
    /// When its next timer goes off in the world's time, as of the last [`Process::wind`].
    timer: Option<Instant>,
}

impl Node {
    pub(crate) const fn new(config: EndpointConfig, host: Host) -> Self {
        Self {
            config,
            host,
            process: None,
            ppm: 0,
            moves: 0,
            scheduled: None,
        }
    }

    /// The process as its application sees it; `None` when it is dead or paused.
    pub(crate) fn at(&mut self, id: NodeId, world_now: Instant) -> Option<At<'_>> {
        let process = self.process.as_mut().filter(|process| !process.is_paused)?;
        Some(At {
            node: id,
            generation: self.config.generation,
            now: process.clock.at(world_now),
            world_now,
            endpoint: &mut process.endpoint,
            wakes: &mut process.wakes,
            is_unsent: &mut process.is_unsent,
        })
    }

    /// When the process runs next, in the world's time.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.process
            .as_ref()
            .filter(|process| !process.is_paused)?
            .due()
    }
}

impl Process {
    pub(crate) fn new(endpoint: Endpoint, clock: Clock) -> Self {
        Self {
            endpoint,
            clock,
            wakes: Wakes::default(),
            socket: Socket::default(),
            runs_at: None,
            is_paused: false,
            is_blocked: false,
            held: Vec::new(),
            is_unsent: false,
            timer: None,
        }
    }

    /// Makes it run at `at`, or earlier if it would anyway.
    pub(crate) fn run_by(&mut self, at: Instant) {
        self.runs_at = Some(self.runs_at.map_or(at, |other| other.min(at)));
    }

    /// Looks when the next timer goes off: after whatever may have changed that.
    pub(crate) fn wind(&mut self) {
        let timeout = self.endpoint.poll_timeout().map(|deadline| deadline.at);
        let timer = timeout.into_iter().chain(self.wakes.next()).min();
        self.timer = timer.map(|at| self.clock.world_at(at));
    }

    fn due(&self) -> Option<Instant> {
        let runs_at = self.runs_at.filter(|_| !self.is_blocked);
        self.timer.into_iter().chain(runs_at).min()
    }
}
