//! What there is to measure: groups of contenders that do the same work.

use crate::contender::Contender;

/// Bytes of every message, in every benchmark.
pub(crate) const PAYLOAD_BYTES: usize = 64;

/// Receivers of a fan-out.
const RECEIVERS: usize = 64;

/// Several groups that are run together.
#[derive(Debug)]
pub(crate) struct Benchmark {
    pub(crate) name: &'static str,
    /// What one operation is, in the plural.
    pub(crate) operations: &'static str,
    /// What a latency is the time of.
    pub(crate) latency_of: &'static str,
    pub(crate) groups: &'static [Group],
}

/// Contenders that do the same work.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) name: &'static str,
    /// Calls in flight; of a fan-out: deliveries in flight, or datagrams a burst.
    pub(crate) concurrency: usize,
    pub(crate) receivers: usize,
    pub(crate) contenders: &'static [Contender],
    /// What the others are divided by.
    pub(crate) baseline: Contender,
}

const ROUND_TRIPS: &[Contender] = &[
    Contender::HobnobRequest,
    Contender::TcpBatch,
    Contender::UdpEcho,
];

const ONE_WAY: &[Contender] = &[Contender::HobnobSend, Contender::TcpBatchAck];

/// Request round trips between two processes.
pub(crate) static REQUEST: Benchmark = Benchmark {
    name: "request",
    operations: "requests",
    latency_of: "one request",
    groups: &[
        to_one("c=1", 1, ROUND_TRIPS, Contender::TcpBatch),
        to_one("c=64", 64, ROUND_TRIPS, Contender::TcpBatch),
        to_one("c=512", 512, ROUND_TRIPS, Contender::TcpBatch),
    ],
};

/// Acknowledged one-way messages between two processes.
pub(crate) static STREAM: Benchmark = Benchmark {
    name: "stream",
    operations: "messages",
    latency_of: "one message and its acknowledgement",
    groups: &[
        to_one("64 tasks", 64, ONE_WAY, Contender::TcpBatchAck),
        to_one("512 tasks", 512, ONE_WAY, Contender::TcpBatchAck),
    ],
};

/// One sender, many receivers in another process.
pub(crate) static FANOUT: Benchmark = Benchmark {
    name: "fanout",
    operations: "deliveries",
    latency_of: "one fan-out to all receivers",
    groups: &[
        Group {
            name: "reliable, 32 in flight",
            concurrency: 32,
            receivers: RECEIVERS,
            contenders: &[Contender::HobnobSendMany, Contender::TcpAck],
            baseline: Contender::TcpAck,
        },
        Group {
            name: "unreliable, bursts of 32",
            concurrency: 32,
            receivers: RECEIVERS,
            contenders: &[Contender::HobnobUsendMany, Contender::UdpSendTo],
            baseline: Contender::UdpSendTo,
        },
    ],
};

const fn to_one(
    name: &'static str,
    concurrency: usize,
    contenders: &'static [Contender],
    baseline: Contender,
) -> Group {
    Group {
        name,
        concurrency,
        receivers: 1,
        contenders,
        baseline,
    }
}
