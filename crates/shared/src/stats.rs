//! Counters and gauges.

/// What there is, and what happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Keys with a value.
    pub entries: usize,
    /// Keys whose removal is remembered.
    pub removed: usize,
    /// Bytes of both.
    pub bytes: usize,
    /// Counters.
    pub counters: usize,
    /// Shares of processes in them.
    pub shares: usize,
    /// Items that wait to be told.
    pub news: usize,
    /// Bytes on their way to the peer to which most are.
    pub unfinished_bytes: usize,
    /// Milliseconds that the clock of the cluster is ahead of this node's.
    pub clock_ahead_millis: u64,
    /// Writes refused here.
    pub writes_refused: u64,
    /// Items of peers that were new here.
    pub items_merged: u64,
    /// Items of peers that were not believed, as their time is too far ahead.
    pub items_ahead: u64,
    /// Entries and shares that gave way, as there were too many.
    pub items_evicted: u64,
    /// Items that were not told as news, as too many waited.
    pub news_dropped: u64,
    /// Payloads not composed, as too much was on its way to their peer.
    pub payloads_withheld: u64,
    /// Payloads that were not understood.
    pub payloads_refused: u64,
    /// Comparisons that were begun with a peer.
    pub syncs: u64,
    /// Comparisons that found a difference.
    pub syncs_differing: u64,
    /// Events that were lost because `poll_event` was not drained.
    pub events_dropped: u64,
}

impl Stats {
    /// Every count with its name as a metric.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        [
            ("shared_entries", self.entries as u64),
            ("shared_removed", self.removed as u64),
            ("shared_bytes", self.bytes as u64),
            ("shared_counters", self.counters as u64),
            ("shared_shares", self.shares as u64),
            ("shared_news", self.news as u64),
            ("shared_unfinished_bytes", self.unfinished_bytes as u64),
            ("shared_clock_ahead_millis", self.clock_ahead_millis),
            ("shared_writes_refused_total", self.writes_refused),
            ("shared_items_merged_total", self.items_merged),
            ("shared_items_ahead_total", self.items_ahead),
            ("shared_items_evicted_total", self.items_evicted),
            ("shared_news_dropped_total", self.news_dropped),
            ("shared_payloads_withheld_total", self.payloads_withheld),
            ("shared_payloads_refused_total", self.payloads_refused),
            ("shared_syncs_total", self.syncs),
            ("shared_syncs_differing_total", self.syncs_differing),
            ("shared_events_dropped_total", self.events_dropped),
        ]
        .into_iter()
    }
}
