//! Counters and gauges.

/// What there is, and what happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Bytes of this node's own values, keys included.
    pub own_bytes: usize,
    /// Other processes whose values are held.
    pub processes: usize,
    /// Those of them that are no members, as far as is known here.
    pub strangers: usize,
    /// Processes whose values are to be told as news.
    pub news: usize,
    /// Processes whose values were asked for and have not come.
    pub wanted: usize,
    /// Bytes on their way to the peer to which most are.
    pub unfinished_bytes: usize,
    /// Changes that were refused here.
    pub refused: u64,
    /// Differences of others' values that were new here.
    pub merged: u64,
    /// Versions of this node's own values that it never had and somebody held.
    pub outbid: u64,
    /// Differences that were known, came too early, or were of a process that is outlived.
    pub useless: u64,
    /// Differences with which a process would have had more than it may: its fault, or of who passed it on.
    pub excessive: u64,
    /// Differences of processes that are no members, without room for them.
    pub strangers_refused: u64,
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
            ("values_own_bytes", self.own_bytes as u64),
            ("values_processes", self.processes as u64),
            ("values_strangers", self.strangers as u64),
            ("values_news", self.news as u64),
            ("values_wanted", self.wanted as u64),
            ("values_unfinished_bytes", self.unfinished_bytes as u64),
            ("values_refused_total", self.refused),
            ("values_merged_total", self.merged),
            ("values_outbid_total", self.outbid),
            ("values_useless_total", self.useless),
            ("values_excessive_total", self.excessive),
            ("values_strangers_refused_total", self.strangers_refused),
            ("values_payloads_withheld_total", self.payloads_withheld),
            ("values_payloads_refused_total", self.payloads_refused),
            ("values_syncs_total", self.syncs),
            ("values_syncs_differing_total", self.syncs_differing),
            ("values_events_dropped_total", self.events_dropped),
        ]
        .into_iter()
    }
}
