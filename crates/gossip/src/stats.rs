//! Counters.

/// What went wrong so far, counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GossipStats {
    /// Payloads refused with a [`PayloadError`](crate::PayloadError).
    pub payloads_refused: u64,
    /// Questions that were not answered, as their sender asks too much.
    pub asks_ignored: u64,
    /// Members of whom was heard while there was no room for them.
    pub members_refused: u64,
    /// Payloads that were lost because `poll_transmit` was not drained.
    pub transmits_dropped: u64,
    /// Events that were lost because `poll_event` was not drained.
    pub events_dropped: u64,
    /// Broken invariants of our own use of SWIM; anything but zero is a bug.
    pub swim_faults: u64,
    /// Suspicions that began here: this node's own, and those it heard of.
    pub suspicions: u64,
    /// Verdicts that were put off because the suspect answered messages.
    pub verdicts_put_off: u64,
    /// Times this node found that it had stood still, and gave everybody their time again.
    pub standstills: u64,
    /// Probes made for others without a nack, because too many were under way.
    pub nacks_skipped: u64,
    /// Processes of an incompatible version of the application that others know.
    pub nodes_shunned: u64,
    /// Other live nodes that were found to have this node's name.
    pub name_conflicts: u64,
    /// Nodes of this node's name that were asked whether they are there, and declared dead as they did not answer.
    pub namesakes_missed: u64,
}

impl GossipStats {
    /// Every count with its name as a metric.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        [
            ("gossip_payloads_refused_total", self.payloads_refused),
            ("gossip_asks_ignored_total", self.asks_ignored),
            ("gossip_members_refused_total", self.members_refused),
            ("gossip_transmits_dropped_total", self.transmits_dropped),
            ("gossip_events_dropped_total", self.events_dropped),
            ("gossip_swim_faults_total", self.swim_faults),
            ("gossip_suspicions_total", self.suspicions),
            ("gossip_verdicts_put_off_total", self.verdicts_put_off),
            ("gossip_standstills_total", self.standstills),
            ("gossip_nacks_skipped_total", self.nacks_skipped),
            ("gossip_nodes_shunned_total", self.nodes_shunned),
            ("gossip_name_conflicts_total", self.name_conflicts),
            ("gossip_namesakes_missed_total", self.namesakes_missed),
        ]
        .into_iter()
    }
}
