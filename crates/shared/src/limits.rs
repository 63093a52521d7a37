//! Named limits of shared data, with where each number comes from.

use core::time::Duration;

/// Bytes of a key or of a counter's name: a path of a few words.
pub const KEY_BYTES_MAX: usize = 256;

/// Bytes of one value. What everybody is to have is small; a payload with the largest one goes in some twenty
/// datagrams.
pub const VALUE_BYTES_MAX: usize = 32 << 10;

/// Bytes that an entry counts besides its key and its value: its version, and its places in the tables by which
/// it is found and compared.
pub const ENTRY_OVERHEAD: usize = 128;

/// Bytes of all entries unless configured: 50,000 of some hundred bytes.
pub const BYTES_DEFAULT: usize = 8 << 20;

/// Bytes of all entries that can be configured, at most: everybody holds them, and whoever joins gets them.
pub const BYTES_MAX: usize = 32 << 20;

/// Bytes of all entries that are held, however they came together: both sides of a partition at the largest limit,
/// eight at the usual one. The same on every node, whatever is configured: what gives way does so everywhere.
pub const BYTES_HARD_MAX: usize = 2 * BYTES_MAX;

/// Counters that a node may begin. A name for each subject is a mistake that shows early.
pub const COUNTERS_MAX: usize = 1_024;

/// Counters that are held, however they came together: both sides of a partition. Those whose names come first.
pub const COUNTERS_HARD_MAX: usize = 2 * COUNTERS_MAX;

/// Shares in all counters together to which a node may add one of its own, some hundred bytes each: a hundred
/// counters to each of which 400 processes have added in every period that is remembered.
pub const SHARES_MAX: usize = 1 << 17;

/// Shares that are held, however they came together: both sides of a partition. Those of the latest periods.
pub const SHARES_HARD_MAX: usize = 2 * SHARES_MAX;

/// How long a removal is remembered, and how long the share of a process can be told from others. Longer than a
/// partition is left alone by whoever is on call; short enough that removals, a hundred bytes each, find room at
/// one every two seconds.
pub const KEPT: Duration = Duration::from_secs(24 * 3_600);

/// How far a version may be ahead of this node's clock. Clocks that anybody sets right are within a second.
pub const CLOCK_AHEAD_MAX: Duration = Duration::from_secs(60);

/// Time between two rounds of news: what is written in it leaves together.
pub const NEWS_INTERVAL: Duration = Duration::from_millis(100);

/// Peers that are all told of news directly. More would be a burst.
pub const DIRECT_PEERS_MAX: usize = 16;

/// Peers that are told of news, where there are more than [`DIRECT_PEERS_MAX`]. Each passes it on to as many: it
/// reaches 98 of 100 nodes; the others compare.
pub const NEWS_PEERS: usize = 4;

/// Items that wait to be told as news. What does not find room is found by comparing.
pub const NEWS_MAX: usize = 1 << 16;

/// Time between two comparisons with a peer, give or take a quarter. What news missed is missed for about so long.
pub const SYNC_INTERVAL: Duration = Duration::from_secs(5);

/// Time within which a node compares that has found company, or has learnt something by comparing: a random part of
/// it, so that those who do so together do not all ask at once.
pub const SYNC_SOON: Duration = Duration::from_secs(1);

/// Peers who come to compare with one that came back or joined, on average: one of them is enough.
pub const SYNC_GREETERS: u32 = 4;

/// How long a node that misses more than one answer holds does not compare with others than who tells it, counted
/// from the last word.
pub const SYNC_PATIENCE: Duration = Duration::from_secs(1);

/// Bytes of one payload, at most: the largest item and what is around it. No more, as whoever carries payloads may
/// have a limit of its own for messages.
pub const PAYLOAD_BYTES_MAX: usize = 33 << 10;

/// Payloads of items that are sent in answer to one: 528 KiB. Who still misses something asks again.
pub const ANSWER_PAYLOADS_MAX: usize = 16;

/// Items that are looked up to answer one payload: more than fit, but for the smallest.
pub(crate) const ANSWER_ITEMS_MAX: usize = 8_192;

/// Bytes to one peer that have not been confirmed. Beyond, nothing is composed for it, so that a slow peer gets
/// what is new when it has room instead of everything that was; one whole answer fits.
pub const UNFINISHED_BYTES_PEER_MAX: usize = (ANSWER_PAYLOADS_MAX + 4) * PAYLOAD_BYTES_MAX;

/// Events waiting to be fetched by `poll_event`: as many items as there can be removed at once, and more than a
/// payload can bring.
pub const EVENTS_MAX: usize = BYTES_HARD_MAX / ENTRY_OVERHEAD;

/// Encoded bytes of an item besides its key and its value, at most: tag, lengths, version or process, numbers.
pub(crate) const ITEM_OVERHEAD_MAX: usize = 1 + 2 + 8 + PROCESS_BYTES_MAX + 4 + 16;

/// Encoded bytes of a process: family, IPv6 address, port, generation.
pub(crate) const PROCESS_BYTES_MAX: usize = 1 + 16 + 2 + 8;

/// Encoded bytes of a payload before its items: kind, flags, floor.
pub(crate) const PAYLOAD_HEAD_BYTES: usize = 1 + 1 + 8;

const _: () = assert!(
    PAYLOAD_HEAD_BYTES + ITEM_OVERHEAD_MAX + KEY_BYTES_MAX + VALUE_BYTES_MAX <= PAYLOAD_BYTES_MAX,
    "the largest item fits into a payload"
);
const _: () = assert!(
    BYTES_DEFAULT <= BYTES_MAX
        && COUNTERS_MAX <= COUNTERS_HARD_MAX
        && SHARES_MAX <= SHARES_HARD_MAX
);
