//! Named limits of the membership core, with where each number comes from.

use hobnob_wire::{
    Generation,
    limits::{GOSSIP_BYTES_MAX, PEERS_MAX},
};

/// Addresses a node remembers at once, gone ones included: one for each slot of the peer table. When it is
/// full, the node that has been gone longest makes room; with none gone, newcomers are refused and counted.
pub const MEMBERS_MAX: usize = PEERS_MAX;

/// Largest generation that is spoken of.
pub const GENERATION_MAX: u64 = Generation::LAST.0;

/// Bytes of a node type: a word, with room for a namespace.
pub const NODE_TYPE_BYTES_MAX: usize = 64;

/// Bytes of a role.
pub const ROLE_BYTES_MAX: usize = 64;

/// Bytes of a stable node name: a host name and a suffix.
pub const NAME_BYTES_MAX: usize = 128;

/// Bytes of a public endpoint: the longest DNS name (253) with a scheme and a port.
pub const ENDPOINT_BYTES_MAX: usize = 272;

/// Bytes of an application's name.
pub const APP_BYTES_MAX: usize = 64;

/// Bytes of an application's version: a semantic version with a build hash.
pub const APP_VERSION_BYTES_MAX: usize = 64;

/// Bytes of a range of application versions: two with build hashes would not fit, and say no more.
pub const COMPATIBLE_WITH_BYTES_MAX: usize = 64;

/// Encoded bytes of a node's metadata in all: every field as long as it may be, with its length. With everything
/// around it a record fits one payload, so that no record ever needs to be put together from pieces. What else a node
/// says of itself does not travel with membership.
pub const METADATA_BYTES_MAX: usize = NODE_TYPE_BYTES_MAX
    + ROLE_BYTES_MAX
    + NAME_BYTES_MAX
    + ENDPOINT_BYTES_MAX
    + APP_BYTES_MAX
    + APP_VERSION_BYTES_MAX
    + COMPATIBLE_WITH_BYTES_MAX
    + 7 * 2;

/// Peers that hear of a change of state at once, without waiting for the next round of gossip. All of a
/// usual cluster; in a larger one these tell the others within two rounds.
pub const TOLD_AT_ONCE_MAX: usize = 64;

/// Namesakes that are gone of which it is remembered that the user was told: more than mistakes produce. If one that was
/// forgotten comes back, the user is told again.
pub(crate) const GONE_NAMESAKES_TOLD_MAX: usize = 64;

/// Encoded bytes of a socket address: family, IPv6 address, port.
pub(crate) const ADDR_BYTES_MAX: usize = 1 + 16 + 2;

/// Encoded bytes of a life: address, generation, renewal.
pub(crate) const LIFE_BYTES_MAX: usize = ADDR_BYTES_MAX + 8 + 8;

/// Encoded bytes of a record: life, version, what the node declares, metadata.
pub(crate) const RECORD_BYTES_MAX: usize = LIFE_BYTES_MAX + 8 + 1 + METADATA_BYTES_MAX;

/// Encoded bytes of a digest entry: life, version, liveness, incarnation.
pub(crate) const DIGEST_ENTRY_BYTES_MAX: usize = LIFE_BYTES_MAX + 8 + 1 + 4;

/// Encoded bytes of the SWIM header: source, its incarnation, destination, message with a third life and a
/// probe number.
pub(crate) const SWIM_HEADER_BYTES_MAX: usize = 3 * LIFE_BYTES_MAX + 2 + 2;

/// Encoded bytes of a SWIM update: life, incarnation, state.
pub(crate) const SWIM_UPDATE_BYTES_MAX: usize = LIFE_BYTES_MAX + 2 + 1;

/// Bytes of a SWIM packet: a payload less the byte that says which kind it is.
pub(crate) const SWIM_PACKET_BYTES_MAX: usize = GOSSIP_BYTES_MAX - 1;

/// Encoded bytes of one end of an address range: present or not, address.
pub(crate) const BOUND_BYTES_MAX: usize = 1 + ADDR_BYTES_MAX;

/// Digest payloads of one round of anti-entropy. One holds 30 to 60 nodes, so clusters up to about 500
/// compare everything in one round and larger ones go on where it ended in the next.
pub(crate) const DIGESTS_PER_ROUND_MAX: usize = 16;

/// Payloads that one payload of a peer can cause. A joiner asks with one digest; what did not fit is asked
/// for again by name of the range where the answer stopped.
pub(crate) const ANSWER_PAYLOADS_MAX: usize = 16;

/// Payloads with news for each chosen peer in one gossip round: at 200 ms and three peers at most 35 kB/s,
/// whatever the size of the records.
pub(crate) const NEWS_PAYLOADS_PER_ROUND_MAX: usize = 2;

/// Questions of one peer (digests, summaries, wants and resumes) that are answered in one gossip interval: twice what a
/// round of anti-entropy can bring, with what its answers ask for in turn. An answer may be a thousand times as
/// long as its question. Who has more to ask does so in the next round.
pub const ASKS_PER_ROUND_MAX: usize = 2 * 4 * DIGESTS_PER_ROUND_MAX;

/// Nodes forgotten by hand that are passed on at once: far more than an operator forgets in the seconds that takes. The
/// others are forgotten by their own time.
pub(crate) const FORGOTTEN_TOLD_MAX: usize = 64;

/// Peers that are told of a leave in one go. With twenty repetitions within the leave timeout this reaches
/// every one of 10,000 peers, without a burst that a socket buffer could not take.
pub(crate) const LEAVE_TOLD_PER_ROUND_MAX: usize = 512;

/// Members that are asked for a missing record in one go, each by itself. The others are asked the next time,
/// if a peer's digest has not brought their records by then.
pub(crate) const ASKED_PER_ROUND_MAX: usize = 64;

/// Payloads waiting to be fetched by `poll_transmit`, of SWIM and of everything else each. A driver that
/// drains after every call sees at most one payload for each timer of the largest cluster.
pub(crate) const TRANSMITS_MAX: usize = MEMBERS_MAX;

/// Events waiting to be fetched by `poll_event`: the whole cluster could come, change twice and go.
pub(crate) const EVENTS_MAX: usize = 4 * MEMBERS_MAX;

const _: () = assert!(
    2 + RECORD_BYTES_MAX <= GOSSIP_BYTES_MAX,
    "a payload holds its kind, an item's tag and the largest record"
);
const _: () = assert!(
    SWIM_HEADER_BYTES_MAX + 2 + 5 * SWIM_UPDATE_BYTES_MAX <= SWIM_PACKET_BYTES_MAX,
    "foca answers a join with at least five members"
);
