//! What there is to count.

/// Counters of the relay trees a node is part of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayStats {
    /// Relayed fan-outs begun here.
    pub begun: u64,
    /// Relayed messages taken for handlers here.
    pub taken: u64,
    /// Hops for fan-outs that were known here already.
    pub repeated: u64,
    /// Hops sent.
    pub hops: u64,
    /// Children that were given up, and their parts taken over.
    pub taken_over: u64,
    /// Hops whose part was declined for want of memory.
    pub declined: u64,
    /// Relay messages whose bytes made no sense.
    pub malformed: u64,
    /// Now: errands, this node's own fan-outs included.
    pub errands: usize,
    /// Now: bytes of payloads and targets held for them, with the copies that hops of others' errands may be.
    pub bytes: usize,
    /// Now: fan-outs that are remembered.
    pub remembered: usize,
}

impl RelayStats {
    /// Every number with its name as a metric.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        [
            ("relays_begun_total", self.begun),
            ("relays_taken_total", self.taken),
            ("relays_repeated_total", self.repeated),
            ("relay_hops_total", self.hops),
            ("relays_taken_over_total", self.taken_over),
            ("relays_declined_total", self.declined),
            ("relays_malformed_total", self.malformed),
            ("relay_errands", self.errands as u64),
            ("relay_bytes", self.bytes as u64),
            ("relays_remembered", self.remembered as u64),
        ]
        .into_iter()
    }
}
