//! Named limits of relay trees, with where each number comes from.

use core::time::Duration;

use hobnob_wire::limits::PEERS_MAX;

/// Paces in the time a fan-out has: a dead relay is noticed after a tenth of it.
pub const PACES_PER_TIMEOUT: u32 = 40;

/// Shortest time between two words of a relay: at twice the round trip messaging assumes before it has
/// measured one, a lost datagram is not taken for silence.
pub const PACE_MIN: Duration = Duration::from_millis(50);

/// Longest time between two words of a relay: its death then costs its part a second.
pub const PACE_MAX: Duration = Duration::from_millis(250);

/// Paces without a word after which a child is given up: three words in a row may come late.
pub const SILENT_PACES: u32 = 4;

/// Fan-outs of this node's own that are under way. One more is refused.
pub const OWN_MAX: usize = 4_096;

/// Errands for others at once. A leaf's lasts one round trip, until its report is acknowledged: at 10 ms
/// that is 1.6 million fan-outs a second. One more is declined.
pub const ERRANDS_MAX: usize = 16_384;

/// Bytes of payloads, their copies in hops, and targets held for others' errands: as much as messaging puts
/// together at once. What does not fit is declined.
pub const ERRAND_BYTES_MAX: usize = 256 << 20;

/// Bytes of one payload's copies in a relay's hops that are in flight at once: as many as may wait for one peer.
/// A larger payload goes to fewer children at a time, to one at least.
pub const HOPS_BYTES_MAX: usize = 64 << 20;

/// Origins of which fan-outs are remembered: as many as a node has peers. The fan-outs of one more are not
/// taken.
pub const ORIGINS_MAX: usize = PEERS_MAX;

/// Fan-outs remembered of one origin beyond those that it says are over: those of a second at 4,000 a second.
/// The oldest gives way, and is not taken any more.
pub const REMEMBERED_PER_ORIGIN_MAX: usize = 4_096;

/// Fan-outs remembered of all origins together, some 50 bytes each. The oldest of the same origin gives way.
pub const REMEMBERED_MAX: usize = 1 << 18;

/// Looks an origin is remembered without any word of it, once it is no member any more; the endpoint looks
/// every minute. A relay that was stopped for so long could make this node take a message twice.
pub const IDLE_LOOKS_MAX: u32 = 60;

/// Children that were given up, whose late reports still count, for each errand; the oldest gives way.
pub const GIVEN_UP_MAX: usize = 1_024;
