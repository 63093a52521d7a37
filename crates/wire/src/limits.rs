//! Named limits of the datagram format, with where each number comes from.

use crate::header::DATA_OVERHEAD_MAX;

/// Smallest datagram payload a mesh may be configured to: fits every IPv6 path (1,280 bytes, RFC 8200
/// section 5) after IPv6 and UDP headers (48), with room for a tunnel.
pub const DATAGRAM_BYTES_MIN: usize = 1_200;

/// Datagram payload unless configured: an Ethernet frame of 1,500 bytes less IPv6 and UDP headers (48),
/// with room for a VLAN tag or a tunnel.
pub const DATAGRAM_BYTES_DEFAULT: usize = 1_400;

/// Largest datagram payload a mesh may be configured to: UDP's own limit is 65,507 bytes over IPv4.
pub const DATAGRAM_BYTES_MAX: usize = 65_000;

/// Bytes of a hello: not shorter than any answer to it, so that an unproven address never gets more
/// bytes than it sent, with room for the key material of a sealed handshake.
pub const HELLO_BYTES: usize = 128;

/// Remote addresses a node remembers at once. Membership is comfortable to about 10,000 members; the slot
/// of a peer is 16 bits of a session id.
pub const PEERS_MAX: usize = 16_384;

/// Packet number ranges an ack carries. 32 ranges of at most 16 bytes are half of the smallest datagram;
/// what falls out is retransmitted and recognised as a duplicate.
pub const ACK_RANGES_MAX: usize = 32;

/// Refusals an ack carries; 32 of 9 bytes are a quarter of the smallest datagram.
pub const ACK_REFUSALS_MAX: usize = 32;

/// Largest content of a reliable message that can be configured: its total and offsets are varints of at
/// most four bytes.
pub const MESSAGE_BYTES_MAX: usize = (1 << 30) - 1;

/// Largest content of a reliable message unless configured.
pub const MESSAGE_BYTES_DEFAULT: usize = 16 << 20;

/// Frame bytes that a gossip frame costs besides its payload: tag and a two-byte length (payloads are
/// below 16,384 bytes, see [`GOSSIP_BYTES_MAX`]).
pub const GOSSIP_FRAME_OVERHEAD: usize = 3;

/// Largest gossip payload: what fits into the smallest datagram, so that membership never depends on how
/// a peer is configured.
pub const GOSSIP_BYTES_MAX: usize = DATAGRAM_BYTES_MIN - DATA_OVERHEAD_MAX - GOSSIP_FRAME_OVERHEAD;

/// Frame bytes that an unreliable message costs besides its payload: tag, command, a length of at most
/// four bytes.
pub const UNRELIABLE_FRAME_OVERHEAD: usize = 1 + 2 + 4;

/// Frame bytes that a fragment costs besides its piece: tag, id (8), total, offset and length (4 each).
pub const FRAGMENT_FRAME_OVERHEAD: usize = 1 + 8 + 4 + 4 + 4;

/// Nodes of one relayed fan-out: a hundred times a comfortable cluster.
pub const RELAY_PLACES_MAX: u32 = 1 << 20;

/// Nodes a relay is asked to serve by one message. Five levels of degree 4; a larger fan-out begins with
/// more relays.
pub const RELAY_TARGETS_MAX: usize = 1_024;

/// Bytes that a relay's message carries besides its payload, at most: flags, address, port and generation
/// (27) and a gap of at most 4 bytes for each target, and less than 128 for all of them together.
pub const RELAY_HEAD_BYTES_MAX: usize = RELAY_TARGETS_MAX * (4 + 27) + 128;

/// Payload bytes that messages of the nodes' own may always have, however little callers are allowed: what is shared
/// comes in payloads of up to 33 KiB.
pub const INNER_BYTES_MIN: usize = 33 << 10;

const _: () = assert!(
    GOSSIP_BYTES_MAX < 1 << 14,
    "the gossip frame overhead counts a two-byte length"
);
const _: () = assert!(
    DATAGRAM_BYTES_MIN < DATAGRAM_BYTES_DEFAULT && DATAGRAM_BYTES_DEFAULT < DATAGRAM_BYTES_MAX
);
const _: () = assert!(
    DATA_OVERHEAD_MAX + 32 * ACK_RANGES_MAX / 2 + 9 * ACK_REFUSALS_MAX < DATAGRAM_BYTES_MIN,
    "a full ack leaves room in the smallest datagram"
);
const _: () = assert!(
    MESSAGE_BYTES_MAX < 1 << 30,
    "a varint of four bytes ends there"
);
