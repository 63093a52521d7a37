//! Named limits of values, with where each number comes from.

use core::time::Duration;

use hobnob_wire::{VarInt, limits::PEERS_MAX};

use crate::limits::{PAYLOAD_BYTES_MAX, PROCESS_BYTES_MAX};

/// Bytes of all values of a node together, each with its key: what a node says of itself is small, and every other one
/// holds it. At a thousand nodes 4 MiB.
pub const VALUES_BYTES_MAX: usize = 4 << 10;

/// Values of a node: as many as find room at 64 bytes each, key included.
pub const VALUES_MAX: usize = 64;

/// Bytes of a value's key: a path of a few words.
pub const VALUE_KEY_BYTES_MAX: usize = 64;

/// Removals of a node that are remembered: who missed no more of them is told the difference, who missed more is told
/// everything. Half as many as there can be values.
pub const REMOVED_MAX: usize = VALUES_MAX / 2;

/// The last version that an owner outbids when somebody says that its values have it: no process changes its values so
/// often, and as many versions are left for what it has to say.
pub(super) const VERSION_OUTBID_MAX: u64 = VarInt::MAX.get() / 2;

/// Processes whose values are held although they are no members: for a moment, as values may come before the word that
/// there is somebody. A full payload of the largest.
pub const STRANGERS_MAX: usize = 256;

/// Bytes of values that are told as news; of more it is told that they are there, and who lacks them asks one of
/// those that say so. As much as shares a datagram with other things.
pub const TOLD_BYTES_MAX: usize = 1_000;

/// Processes whose values are asked for and have not come. With all values of each that is as much as an answer holds:
/// so a node that joins gets them as fast as they arrive, and never more than it can take.
pub const WANTED_MAX: usize = 128;

/// How long somebody who was asked is waited for, before another one is: as long as a payload may take.
pub const WANT_PATIENCE: Duration = Duration::from_secs(5);

/// Events waiting to be fetched by `poll_event`: everybody could have changed something four times.
pub const EVENTS_MAX: usize = 4 * PEERS_MAX;

/// Encoded bytes of a process and a version, with their tag: an offer, a want, an entry of a digest.
pub(super) const NAMED_BYTES_MAX: usize = 1 + PROCESS_BYTES_MAX + 8;

/// Encoded bytes of a payload before its items: kind and flags; of a digest before its entries: kind and two bounds.
pub(super) const HEAD_BYTES_MAX: usize = 1 + 2 * (1 + 1 + 16 + 2);

/// Encoded bytes of a slot besides its key and its value: two lengths of two bytes, version, tag.
pub(super) const SLOT_OVERHEAD_MAX: usize = 2 + 2 + 8 + 1;

/// Encoded bytes of the largest values item: process and three versions, a count, all values, all removals.
pub(super) const SET_BYTES_MAX: usize = NAMED_BYTES_MAX
    + 2 * 8
    + 2
    + VALUES_BYTES_MAX
    + VALUES_MAX * SLOT_OVERHEAD_MAX
    + REMOVED_MAX * (SLOT_OVERHEAD_MAX + VALUE_KEY_BYTES_MAX);

/// Entries of one digest: a cluster of so many with values is compared at once, of a larger one a part each time.
pub(super) const DIGEST_ENTRIES_MAX: usize = (PAYLOAD_BYTES_MAX - HEAD_BYTES_MAX) / NAMED_BYTES_MAX;

const _: () = assert!(
    HEAD_BYTES_MAX + SET_BYTES_MAX <= PAYLOAD_BYTES_MAX,
    "all values of a node fit into a payload: they change as one"
);
const _: () = assert!(
    HEAD_BYTES_MAX + WANTED_MAX * NAMED_BYTES_MAX <= PAYLOAD_BYTES_MAX,
    "all that is wanted fits into a payload"
);
const _: () = assert!(
    VALUE_KEY_BYTES_MAX < 1 << 14 && VALUES_BYTES_MAX < 1 << 14,
    "a length takes two bytes"
);
