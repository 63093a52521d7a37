//! Counts since the start.

use crate::error::Dropped;

/// What was counted since the start. Every number only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Data datagrams handed on.
    pub opened: u64,
    /// Hellos sent, first ones and repeated ones.
    pub hellos_sent: u64,
    /// Hello acks and refuses sent.
    pub answers_sent: u64,
    /// Hello acks and refuses not sent because too many waited.
    pub answers_dropped: u64,
    /// Resets sent.
    pub resets_sent: u64,
    /// Resets not sent because of their rate or because too many waited.
    pub resets_dropped: u64,
    /// Sessions established.
    pub established: u64,
    /// Sessions that the remote reset.
    pub lost: u64,
    /// Attempts that timed out or were refused.
    pub failed: u64,
    /// Candidates that were never proven in time.
    pub candidates_expired: u64,
    /// Candidates of strangers that gave way to newer ones.
    pub strangers_evicted: u64,
    dropped: [u64; LABELS.len()],
}

/// Names of the reasons, in the order of [`index`].
const LABELS: [&str; 12] = [
    "malformed",
    "reflected",
    "wrong_cluster",
    "version",
    "stale_generation",
    "table_full",
    "unsolicited",
    "unknown_session",
    "wrong_address",
    "replayed",
    "too_old",
    "incompatible",
];

/// Their names as metrics, in the same order.
const METRICS: [&str; LABELS.len()] = [
    "datagrams_dropped_malformed_total",
    "datagrams_dropped_reflected_total",
    "datagrams_dropped_wrong_cluster_total",
    "datagrams_dropped_version_total",
    "datagrams_dropped_stale_generation_total",
    "datagrams_dropped_table_full_total",
    "datagrams_dropped_unsolicited_total",
    "datagrams_dropped_unknown_session_total",
    "datagrams_dropped_wrong_address_total",
    "datagrams_dropped_replayed_total",
    "datagrams_dropped_too_old_total",
    "datagrams_dropped_incompatible_total",
];

impl Stats {
    /// Every count with its name as a metric.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let named = [
            ("datagrams_opened_total", self.opened),
            ("hellos_sent_total", self.hellos_sent),
            ("hello_answers_sent_total", self.answers_sent),
            ("hello_answers_dropped_total", self.answers_dropped),
            ("resets_sent_total", self.resets_sent),
            ("resets_dropped_total", self.resets_dropped),
            ("sessions_established_total", self.established),
            ("sessions_lost_total", self.lost),
            ("session_attempts_failed_total", self.failed),
            ("session_candidates_expired_total", self.candidates_expired),
            ("session_strangers_evicted_total", self.strangers_evicted),
        ];
        named
            .into_iter()
            .chain(METRICS.into_iter().zip(self.dropped))
    }

    /// Datagrams dropped, by the name of the reason.
    pub fn dropped(&self) -> impl Iterator<Item = (&'static str, u64)> {
        LABELS.into_iter().zip(self.dropped)
    }

    /// Datagrams dropped for a reason like `reason`; every [`Dropped::Malformed`] counts as one.
    pub const fn dropped_for(&self, reason: Dropped) -> u64 {
        self.dropped[index(reason)]
    }

    pub(crate) const fn count_dropped(&mut self, reason: Dropped) {
        self.dropped[index(reason)] += 1;
    }
}

const fn index(reason: Dropped) -> usize {
    match reason {
        Dropped::Malformed(_) => 0,
        Dropped::Reflected => 1,
        Dropped::WrongCluster => 2,
        Dropped::Version => 3,
        Dropped::StaleGeneration => 4,
        Dropped::TableFull => 5,
        Dropped::Unsolicited => 6,
        Dropped::UnknownSession => 7,
        Dropped::WrongAddress => 8,
        Dropped::Replayed => 9,
        Dropped::TooOld => 10,
        Dropped::Incompatible => 11,
    }
}
