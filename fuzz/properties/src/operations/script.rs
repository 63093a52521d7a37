//! Bytes as operations: some of configuration, then three for each operation.

use std::time::Duration;

use hobnob_endpoint::{
    EndpointConfig,
    wire::{Command, limits::DATAGRAM_BYTES_MIN},
};

/// Bytes before the operations: the limits of both nodes, what they do with each other from the beginning,
/// and their random choices.
const SETTING_BYTES: usize = 4;

/// Operations of one run, at most: longer runs find little that two shorter ones do not, and the fuzzer
/// tries fewer of them.
const STEPS_MAX: usize = 400;

/// Payload lengths that a call may have: some share a datagram, some need their own, some need pieces, and
/// the last ones are above the small and the large limit.
const LENGTHS: [usize; 8] = [4, 5, 60, 600, 1_150, 2_900, 9_000, 20_001];

/// How long callers wait: not at all, shorter and longer than what they meet on the way.
const PATIENCE_MS: [u64; 8] = [0, 2, 20, 100, 400, 1_500, 6_000, 20_000];

/// How far time goes on, in microseconds.
const SPANS_US: [u64; 8] = [
    50, 1_000, 5_000, 30_000, 150_000, 1_000_000, 5_000_000, 70_000_000,
];

/// Bytes of the largest datagram: the least that may be configured.
pub(super) const DATAGRAM_BYTES: usize = DATAGRAM_BYTES_MIN;

/// Streams whose messages a node sends in order.
pub(super) const STREAMS: usize = 2;

/// The command both nodes handle from the beginning, and one they learn to handle.
pub(super) const COMMANDS: [Command; 2] = [Command(200), Command(201)];

/// What may be done, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Send,
    Request,
    Unreliable,
    FanOut,
    Cancel,
    CancelFanOut,
    Answer,
    Fail,
    AnswerLate,
    Finish,
    Register,
    Kill,
    Restart,
    RestartInThePast,
    Reset,
    Tick,
    Oversleep,
    Deliver,
    Drop,
    Duplicate,
    Corrupt,
    Truncate,
    Replay,
    Pass,
    Pause,
    Cut,
    Defer,
    Join,
    Leave,
    Declare,
    Run,
    SendInOrder,
}

impl Code {
    pub(super) const ALL: [Self; 32] = [
        Self::Send,
        Self::Request,
        Self::Unreliable,
        Self::FanOut,
        Self::Cancel,
        Self::CancelFanOut,
        Self::Answer,
        Self::Fail,
        Self::AnswerLate,
        Self::Finish,
        Self::Register,
        Self::Kill,
        Self::Restart,
        Self::RestartInThePast,
        Self::Reset,
        Self::Tick,
        Self::Oversleep,
        Self::Deliver,
        Self::Drop,
        Self::Duplicate,
        Self::Corrupt,
        Self::Truncate,
        Self::Replay,
        Self::Pass,
        Self::Pause,
        Self::Cut,
        Self::Defer,
        Self::Join,
        Self::Leave,
        Self::Declare,
        Self::Run,
        Self::SendInOrder,
    ];
}

/// One operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) code: Code,
    a: u8,
    b: u8,
}

/// To whom a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// The latest process at the other address that the caller has met.
    Process,
    /// Whoever is at the other address.
    Address,
    /// An earlier process at the other address.
    Former,
    /// An address at which there never is anybody.
    Nobody,
}

impl Step {
    /// Which of the two nodes it is about.
    pub(super) const fn node(self) -> usize {
        (self.a & 1) as usize
    }

    pub(super) const fn at(self) -> At {
        match self.a >> 1 & 3 {
            0 => At::Process,
            1 => At::Address,
            2 => At::Former,
            _ => At::Nobody,
        }
    }

    pub(super) fn command(self) -> Command {
        COMMANDS[usize::from(self.a >> 3 & 1)]
    }

    /// Of a fan-out.
    pub(super) fn limit(self) -> usize {
        1 + usize::from(self.a >> 4 & 1)
    }

    /// Of a message that keeps an order: one of [`STREAMS`].
    pub(super) fn stream(self) -> usize {
        usize::from(self.a >> 4) % STREAMS
    }

    pub(super) fn length(self) -> usize {
        LENGTHS[usize::from(self.b & 7)]
    }

    pub(super) fn patience(self) -> Duration {
        Duration::from_millis(PATIENCE_MS[usize::from(self.b >> 3 & 7)])
    }

    pub(super) fn span(self) -> Duration {
        Duration::from_micros(SPANS_US[usize::from(self.b & 7)])
    }

    /// Which of `count` things; `None` when there are none.
    pub(super) fn choice(self, count: usize) -> Option<usize> {
        usize::from(self.b).checked_rem(count)
    }

    /// A place in something that long, far or near.
    pub(super) fn place(self, len: usize) -> usize {
        usize::from(self.a) * len / 256
    }

    pub(super) const fn bit(self) -> u8 {
        1 << (self.a & 7)
    }
}

/// What the nodes are like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    limits: [u8; 2],
    habits: u8,
    pub(super) seed: u64,
}

impl Setting {
    /// Whether the nodes know each other as members from the beginning.
    pub(super) const fn is_joined(self) -> bool {
        self.habits & 1 > 0
    }

    /// Datagrams that a node may hand over at once.
    pub(super) const fn segments(self) -> usize {
        if self.habits & 2 > 0 { 4 } else { 1 }
    }

    /// Whether datagrams leave a node only when that is an operation of its own.
    pub(super) const fn is_deferred(self, node: usize) -> bool {
        self.habits >> (2 + node) & 1 > 0
    }

    /// Makes some of a node's limits so small that they are met.
    pub(super) fn limit(self, node: usize, config: &mut EndpointConfig) {
        let is_small = |bit: u8| self.limits[node] >> bit & 1 > 0;
        let pick = |bit, small, large| if is_small(bit) { small } else { large };
        let messaging = &mut config.messaging;
        messaging.message_bytes_max = pick(0, 2_900, 20_000);
        messaging.incoming_max = pick(1, 2, 100);
        messaging.queue_messages_peer = pick(2, 2, 100);
        messaging.queue_bytes_peer = pick(3, 20_000, 200_000);
        messaging.reassembly_bytes_peer = pick(4, 52_000, 100_000);
        messaging.reassembly_bytes_node = pick(5, 100_000, 200_000);
        messaging.window_bytes_max = pick(6, 2 * DATAGRAM_BYTES, 100_000);
        messaging.unreliable_messages_peer = pick(7, 1, 100);
        config.datagram_bytes = DATAGRAM_BYTES;
        config.peers_max = 4;
    }
}

/// Reads all of an input.
pub(super) fn read(bytes: &[u8]) -> (Setting, impl Iterator<Item = Step>) {
    let mut first = [0; SETTING_BYTES];
    let len = bytes.len().min(SETTING_BYTES);
    first[..len].copy_from_slice(&bytes[..len]);
    let [one, other, habits, seed] = first;
    let setting = Setting {
        limits: [one, other],
        habits,
        seed: seed.into(),
    };
    let steps = bytes[len..].chunks_exact(3).map(|step| Step {
        code: Code::ALL[usize::from(step[0]) % Code::ALL.len()],
        a: step[1],
        b: step[2],
    });
    (setting, steps.take(STEPS_MAX))
}
