//! Named limits of the handshake, with where each number comes from.

use core::time::Duration;

use hobnob_wire::limits::PEERS_MAX;

/// An attempt's first hello is sent again after at most this: some round trips of a slow day inside one
/// region, so that a lost hello is not felt.
pub const HELLO_DELAY_FIRST: Duration = Duration::from_millis(25);

/// The delay between hellos doubles up to this.
pub const HELLO_DELAY_MAX: Duration = Duration::from_secs(1);

/// An attempt that was not answered ends after this. Ten hellos fit: with 30 % loss both ways (51 % of
/// round trips fail) one attempt in 800 ends in vain.
pub const ATTEMPT_LASTS: Duration = Duration::from_secs(5);

/// A candidate that was neither proven nor asked for again ends after this: longer than the greatest delay
/// between hellos, and a dozen probe timeouts of the data that would prove it. What the initiator has sent
/// into a session that ends so is lost for it, so a queue that is full for seconds must not bring it about.
pub const CANDIDATE_LASTS: Duration = Duration::from_secs(10);

/// Candidates of addresses of which nothing else is known. A cluster of 10,000 nodes that all find a new
/// one within a second, at round trips of 100 ms, has 1,000 of them under way at a time. The oldest gives
/// way when there are more.
pub const STRANGERS_MAX: usize = 1_024;

/// Answers to hellos that wait to be sent: one for each stranger. Further ones are not sent; whoever waits
/// for them says hello again.
pub const ANSWERS_QUEUED_MAX: usize = STRANGERS_MAX;

/// Resets that wait to be sent. They are of use to peers that talk to a past life of the node; what does
/// not fit is caused again by their next datagram.
pub const RESETS_QUEUED_MAX: usize = 128;

/// Resets sent in one go after a quiet time: as many as may wait.
pub const RESETS_BURST: u32 = 128;

/// Resets a second in the long run: a node of 10,000 peers that restarts has told them all within ten
/// seconds, and forged data makes it send no more than 20 kB/s.
pub const RESETS_PER_SECOND: u32 = 1_000;

/// Packet numbers a session remembers behind the highest one. A sender at 10 Gbit/s with datagrams of
/// 1,400 bytes sends that many in 1.1 ms, more than a network reorders; what is older is dropped, and sent
/// again by who needs it.
pub const REPLAY_WINDOW: u64 = 1_024;

/// Events that wait to be polled, when they are drained after each call: a timeout ends at most one
/// attempt for each peer, and any other call causes at most two events.
pub const EVENTS_MAX: usize = PEERS_MAX + 2;

const _: () = assert!(
    HELLO_DELAY_MAX.as_nanos() < CANDIDATE_LASTS.as_nanos(),
    "a candidate outlives the longest silence of an attempt that is alive"
);
const _: () = assert!(
    RESETS_BURST as usize <= RESETS_QUEUED_MAX,
    "what the rate allows at once can wait"
);
const _: () = assert!(
    REPLAY_WINDOW.is_multiple_of(64) && REPLAY_WINDOW.is_power_of_two(),
    "the window is a bitmap of whole words"
);
