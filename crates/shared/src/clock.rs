//! When something was written, and by whom.

use core::{fmt, net::SocketAddr, time::Duration};

use hobnob_wire::{Generation, Instant};

use crate::limits::{CLOCK_AHEAD_MAX, KEPT};

/// One life of a node: everything it writes is written under this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    /// Its mesh address.
    pub addr: SocketAddr,
    /// Which process it is there.
    pub generation: Generation,
}

impl Process {
    /// As it comes back from the wire, where addresses have neither flow nor scope.
    pub(crate) const fn canonical(self) -> Self {
        Self {
            addr: SocketAddr::new(self.addr.ip(), self.addr.port()),
            generation: self.generation,
        }
    }
}

/// Names one write to one key, and tells which of two is the later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    pub(crate) time: Time,
    pub(crate) writer: Process,
}

impl Version {
    /// When it was written, since 1970, by the clock of the cluster: at most a minute ahead of that of anybody
    /// who has seen it.
    pub const fn unix_time(&self) -> Duration {
        Duration::from_millis(self.time.millis())
    }

    /// Which process wrote.
    pub const fn writer(&self) -> Process {
        self.writer
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.time.0, self.writer.addr)
    }
}

/// A time of the hybrid logical clock, as Kulkarni et al. 2014 pack it in section 6.2: milliseconds since 1970 and, in
/// the low 16 bits, a count. A count that overflows goes on in the next millisecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Time(pub(crate) u64);

const COUNT_BITS: u32 = 16;

impl Time {
    pub(crate) const ZERO: Self = Self(0);

    /// The first time of a millisecond; the last one that there is, in some 8,900 years, for all later ones.
    pub(crate) fn at_millis(millis: u64) -> Self {
        Self(millis.min(u64::MAX >> (COUNT_BITS + 1)) << COUNT_BITS)
    }

    pub(crate) const fn millis(self) -> u64 {
        self.0 >> COUNT_BITS
    }

    /// Which part of time this is in, each as long as [`KEPT`].
    pub(crate) fn period(self) -> u32 {
        u32::try_from(u128::from(self.millis()) / KEPT.as_millis()).unwrap_or(u32::MAX)
    }

    pub(crate) fn earlier(self, by: Duration) -> Self {
        Self::at_millis(self.millis().saturating_sub(millis(by)))
    }
}

/// The clock was set back: what would be written now is too far ahead of it. Says how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ahead(pub(crate) Duration);

/// The hybrid logical clock: not behind this node's wall clock, and later than anything it was shown.
#[derive(Debug)]
pub(crate) struct Clock {
    last: Time,
    /// A moment, and what the wall clock showed then, in milliseconds since 1970.
    read: (Instant, u64),
}

impl Clock {
    pub(crate) fn new(now: Instant, unix_time: Duration) -> Self {
        Self {
            last: Time::ZERO,
            read: (now, millis(unix_time)),
        }
    }

    pub(crate) fn read(&mut self, now: Instant, unix_time: Duration) {
        self.read = (now, millis(unix_time));
    }

    /// What the wall clock shows.
    pub(crate) fn wall(&self, now: Instant) -> Time {
        let passed = now.saturating_since(self.read.0);
        Time::at_millis(self.read.1.saturating_add(millis(passed)))
    }

    /// Whether something of that time can be taken for true.
    pub(crate) fn believes(&self, now: Instant, time: Time) -> bool {
        time <= self.latest(now)
    }

    /// Takes note of a time that is believed: what is written from now on is later.
    pub(crate) fn observe(&mut self, time: Time) {
        self.last = self.last.max(time);
    }

    /// A time that was not given out or shown before.
    pub(crate) fn next(&mut self, now: Instant) -> Result<Time, Ahead> {
        let next = Time(self.last.0.saturating_add(1)).max(self.wall(now));
        if !self.believes(now, next) {
            let ahead = next.millis().saturating_sub(self.wall(now).millis());
            return Err(Ahead(Duration::from_millis(ahead)));
        }
        self.last = next;
        Ok(next)
    }

    /// How far it is ahead of the wall clock.
    pub(crate) fn ahead(&self, now: Instant) -> Duration {
        let ahead = self.last.millis().saturating_sub(self.wall(now).millis());
        Duration::from_millis(ahead)
    }

    /// The latest time that is believed.
    pub(crate) fn latest(&self, now: Instant) -> Time {
        let latest = self
            .wall(now)
            .millis()
            .saturating_add(millis(CLOCK_AHEAD_MAX));
        Time::at_millis(latest)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
