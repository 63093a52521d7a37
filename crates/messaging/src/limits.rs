//! Named limits of reliable delivery, with where each number comes from.
//!
//! Sizes an operator may want to change are fields of [`Config`](crate::Config) instead.

use core::time::Duration;

use hobnob_wire::{ContentHead, limits::ACK_REFUSALS_MAX};

/// Message ids beyond the receiver's floor that may be in flight, and messages that may come before their turn in
/// a stream: 32 KiB of duplicate table a peer at worst, and a round trip of 10 ms at 6 million messages a second.
pub const MESSAGE_WINDOW: u64 = 65_536;

/// How far the floor moves before the receiver is told: a frame of at most 9 bytes for 1,024 messages, and
/// 512 bytes of duplicate table that the receiver holds in vain.
pub const FLOOR_STEP: u64 = 1_024;

/// Ack frames that tell of a packet before it is forgotten: at 30 % loss one packet in 120 is told in
/// vain, and costs a retransmission which the duplicate table recognises.
pub const ACKS_TOLD: usize = 4;

/// Requests of one peer whose responses are not acknowledged yet; more are not acknowledged themselves.
/// As many as the peer can have in flight.
#[allow(clippy::cast_possible_truncation, reason = "65,536 fits everywhere")]
pub const OPEN_REQUESTS_PEER_MAX: usize = MESSAGE_WINDOW as usize;

/// Messages of the owner's own to one peer that have not ended, beside those of callers: what nodes share comes in
/// payloads that are as long as they may be, or few.
pub const ASIDE_MESSAGES_PEER_MAX: usize = 1_024;

/// Bytes of their payloads.
pub const ASIDE_BYTES_PEER_MAX: usize = 2 << 20;

/// Messages given up that a peer was not told of yet, 24 bytes each. One more is not told: the far side stops
/// at a request's own deadline, and what is missing in a stream is told by the floor.
pub const CANCELS_MAX: usize = 4_096;

/// Unfinished fan-out deliveries of a node: 64 bytes each, a hundred fan-outs to every peer of a large mesh.
pub const FAN_OUT_DELIVERIES_MAX: usize = 1 << 20;

/// Messages of one peer that are put together at once, 128 bytes each besides their content. A sender
/// transmits one large message after another, so that only lost pieces keep several open: 750 of two
/// datagrams fill a window of 1 MiB.
pub const REASSEMBLIES_PEER_MAX: usize = 1_024;

/// How long a message without any new piece stays open before it is refused: longer than the deadline of a
/// call is in practice, as a sender that gave up says so.
pub const REASSEMBLY_IDLE: Duration = Duration::from_secs(60);

/// How far a piece may lie beyond what came already, besides as much again, and how much of one peer's messages
/// may be filled in between pieces before more comes: a congestion window's worth of loss. So a lone datagram
/// cannot make the receiver allocate a whole message, nor each of many a part of one.
pub const REASSEMBLY_AHEAD: usize = 1 << 20;

/// Bytes between pieces that each byte of a piece pays for: filling as many takes less time than handling a
/// small piece, and what comes at 5 % loss pays for a thousand times what is missing.
pub const GAP_BYTES_PAID: usize = 64;

/// Messages that wait for their turn hold no more than one part in this many of the places of
/// [`Config::incoming_max`](crate::Config::incoming_max), and at least one: no handler gives these back, so the
/// other half is for what can be handled now.
pub const HELD_PLACES_PART: usize = 2;

/// As [`HELD_PLACES_PART`], those of one peer: so that it takes more than one to refuse the others theirs.
pub const HELD_PLACES_PEER_PART: usize = 4;

/// Separate stretches of one message: every second datagram of a window of [`REASSEMBLY_AHEAD`] lost is
/// 440 of them.
pub const STRETCHES_MAX: usize = 1_024;

/// Smallest piece of a message worth a frame of its own, when the message has more left: its overhead of
/// at most 21 bytes stays below a tenth.
pub const PIECE_BYTES_MIN: usize = 256;

/// Messages in a datagram, where the receiver may have to refuse them all: an ack can refuse only so many.
/// That is assumed of what was not acknowledged, and of everything while the last ack refused something.
pub const CAUTIOUS_MESSAGES_MAX: usize = ACK_REFUSALS_MAX;

/// Round trip assumed before the first one was measured: a busy local network's. RFC 9002 says 333 ms,
/// for the internet.
pub const INITIAL_RTT: Duration = Duration::from_millis(25);

/// Shortest time that is told apart from jitter, RFC 9002 section 6.1.2: a receiver's thread that was not
/// scheduled at once.
pub const GRANULARITY: Duration = Duration::from_millis(1);

/// Packets acknowledged after one that was not, until that one is lost. RFC 9002, section 6.1.1.
pub const PACKET_THRESHOLD: u64 = 3;

/// [`PACKET_THRESHOLD`] at most, where packets that were given up came after all: more than a window of full
/// datagrams unless configured, so that there only time tells of a loss.
pub const PACKET_THRESHOLD_MAX: u64 = 1_024;

/// How much later than a packet a following one must be acknowledged for it to be lost, at most, where that
/// is learned: the jitter of a bad wireless link. What is later is repeated in vain.
pub const REORDERING_DELAY_MAX: Duration = Duration::from_millis(100);

/// Packets given up that are remembered, 24 bytes each, to learn from those that come late: a window of full
/// datagrams. A reduction for more of them is never undone.
pub const LOST_REMEMBERED: usize = 1_024;

/// Reductions of the window, one after another without a late packet, until what was learned of late ones
/// is forgotten. RFC 8985, section 7.2.
pub const REORDERING_KEPT: u32 = 16;

/// Time whose worth of the rate may leave as one burst: eight ticks of the timer wheel, so that a late
/// timer costs no throughput. Where a round trip is shorter, acks alone set the pace.
pub const PACING_BURST: Duration = Duration::from_millis(2);

/// Datagrams that may always leave as one burst. RFC 9002, section 7.7, calls the initial window of 10 safe.
pub const PACING_BURST_DATAGRAMS: usize = 10;

/// Receive buffer unless configured: half of what Linux gives a socket by default, 208 KiB.
pub const RECEIVE_BUFFER_BYTES_DEFAULT: usize = 104 << 10;

/// How long the receive buffer is divided among those that were counted before: a few round trips between
/// data centres, and 175 datagrams of a 20 Mbit/s link, so that each of sixty senders is seen in it.
pub const CREDIT_INTERVAL: Duration = Duration::from_millis(100);

/// A peer is told its credit again when it differs by more than one part in this many: 9 bytes are not spent
/// on less.
pub const CREDIT_CHANGE_PART: u64 = 4;

/// Longest time between probes to a peer that does not answer.
pub const PROBE_TIMEOUT_MAX: Duration = Duration::from_secs(1);

/// How long a packet is remembered whose content was sent again as a probe: longer than an ack of it can
/// still be under way, a few of the longest probe timeouts.
pub const SUPERSEDED_KEPT: Duration = Duration::from_secs(10);

/// How long a peer that acknowledges nothing is asked again where no message waits for it, but only it should learn
/// what was given up. Then it is told once it is heard: as long as any of its acks could take.
pub const TOLD_IN_VAIN: Duration = SUPERSEDED_KEPT;

/// Doublings of the probe timeout, at most.
pub const PROBE_BACKOFF_MAX: u32 = 6;

/// Probe timeouts without any ack that make congestion persistent. RFC 9002, section 7.6.1.
pub const PERSISTENT_CONGESTION_TIMEOUTS: u32 = 3;

/// Datagrams of the first congestion window: what one call of segmentation offload sends of ordinary
/// datagrams, with as much again in reserve.
pub const INITIAL_WINDOW_DATAGRAMS: usize = 32;

/// Bytes of the first congestion window, at most (two datagrams are always allowed): about half of Linux's
/// default receive buffer of 208 KiB, bookkeeping included.
pub const INITIAL_WINDOW_BYTES_MAX: usize = 64 << 10;

/// Datagrams of the smallest congestion window. RFC 9002, section 7.2.
pub const MINIMUM_WINDOW_DATAGRAMS: usize = 2;

/// Datagrams of the smallest congestion window where losses are not for the window's size. Enough that one ack answers
/// several: with fewer, 30 % loss doubles the datagrams, most of the new ones being acks.
pub const BAD_PATH_WINDOW_DATAGRAMS: usize = 12;

/// Of a hundred datagrams, more than so many are lost on a bad path, if the round trip says that no queue is filled.
pub const BAD_PATH_LOSS_PERCENT: u32 = 3;

/// The part of a peer's credit that is in flight on a bad path at least. The credit is a share of the peer's socket
/// buffer, so together that is a fourth of what it takes at once: 26 KiB of Linux's default, less than a queue
/// anywhere.
pub const HARMLESS_PART: usize = 4;

/// Windows of fewer datagrams grow at half the pace: at equal shares of a queue of 64 KiB, sixteen senders
/// have three each.
pub const SMALL_WINDOW_DATAGRAMS: usize = 4;

/// A sender that met a full queue is told once no more than one part in this many is used.
pub const WRITABLE_PART: usize = 2;

/// Vectors for what a packet carries that are kept for reuse: a few windows' worth of packets.
pub const POOL_MAX: usize = 1_024;

/// Bytes a whole message's frame needs besides the payload, at most: tag, id, length, head.
pub const MESSAGE_OVERHEAD_MAX: usize = 1 + 8 + 4 + ContentHead::BYTES_MAX;

const _: () = assert!(
    MESSAGE_WINDOW <= 1 << 16,
    "the distance between two messages of a stream takes 16 bits"
);
const _: () = assert!(
    FLOOR_STEP * 4 <= MESSAGE_WINDOW,
    "the floor is told long before the window closes"
);
