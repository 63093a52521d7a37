//! Counters.

/// What happened since the core was created, of all peers together; at the end, what is held now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Reliable messages transmitted for the first time: one-way messages, requests and responses.
    pub messages_sent: u64,
    /// One-way messages and requests given to the application.
    pub messages_received: u64,
    /// Messages and pieces of messages transmitted again.
    pub retransmissions: u64,
    /// Packets that were lost.
    pub packets_lost: u64,
    /// Packets that had counted as lost and were acknowledged after all.
    pub packets_late: u64,
    /// Times a peer did not answer within a probe timeout.
    pub probe_timeouts: u64,
    /// Ack frames written.
    pub acks_sent: u64,
    /// Credits told to peers: how much they may have in flight.
    pub credits_sent: u64,
    /// Messages and pieces of messages that came again.
    pub duplicates: u64,
    /// Messages and requests refused for want of a handler.
    pub refused_no_handler: u64,
    /// Messages and requests refused for want of a place.
    pub refused_overloaded: u64,
    /// Messages refused for their size.
    pub refused_too_large: u64,
    /// Messages refused because their bytes made no sense.
    pub refused_malformed: u64,
    /// Unfinished messages dropped for another one, or because no more pieces came. Each is refused as
    /// overloaded.
    pub reassemblies_dropped: u64,
    /// Packets not acknowledged because something in them could be neither taken nor refused.
    pub packets_withheld: u64,
    /// Packets whose frames made no sense.
    pub packets_malformed: u64,
    /// Responses for which no request was waiting any more.
    pub responses_stray: u64,
    /// Answers dropped, as too many for the same peer were not acknowledged. Each caller is told.
    pub answers_dropped: u64,
    /// Messages given up of which the peer was not told one by one, as too many others were to be told.
    pub cancels_skipped: u64,
    /// Messages beside the queue of the callers for which there was no room.
    pub asides_refused: u64,
    /// Messages of streams that came before their turn.
    pub messages_held: u64,
    /// Unreliable messages sent.
    pub unreliable_sent: u64,
    /// Unreliable messages given to the application.
    pub unreliable_received: u64,
    /// Unreliable messages that came without a handler or a place, or that waited when their session ended.
    pub unreliable_dropped: u64,
    /// Calls whose deadline passed.
    pub timeouts: u64,
    /// Now: places of [`Config::incoming_max`](crate::Config::incoming_max) in use.
    pub incoming: usize,
    /// Now: messages held for transmission or for their answer.
    pub messages: usize,
    /// Now: bytes reserved for messages that come in pieces.
    pub reassembly_bytes: usize,
    /// Now: messages of streams that wait for their turn, and gaps where one was refused or skipped before its turn.
    pub held: usize,
    /// Now: bytes of their payloads.
    pub held_bytes: usize,
    /// Now: streams to peers that are remembered for the order of their messages.
    pub streams: usize,
}

impl Stats {
    /// Every number with its name as a metric.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        [
            ("messages_sent_total", self.messages_sent),
            ("messages_received_total", self.messages_received),
            ("retransmissions_total", self.retransmissions),
            ("packets_lost_total", self.packets_lost),
            ("packets_late_total", self.packets_late),
            ("probe_timeouts_total", self.probe_timeouts),
            ("acks_sent_total", self.acks_sent),
            ("credits_sent_total", self.credits_sent),
            ("duplicates_total", self.duplicates),
            ("refused_no_handler_total", self.refused_no_handler),
            ("refused_overloaded_total", self.refused_overloaded),
            ("refused_too_large_total", self.refused_too_large),
            ("refused_malformed_total", self.refused_malformed),
            ("reassemblies_dropped_total", self.reassemblies_dropped),
            ("packets_withheld_total", self.packets_withheld),
            ("packets_malformed_total", self.packets_malformed),
            ("responses_stray_total", self.responses_stray),
            ("answers_dropped_total", self.answers_dropped),
            ("cancels_skipped_total", self.cancels_skipped),
            ("asides_refused_total", self.asides_refused),
            ("messages_held_total", self.messages_held),
            ("unreliable_sent_total", self.unreliable_sent),
            ("unreliable_received_total", self.unreliable_received),
            ("unreliable_dropped_total", self.unreliable_dropped),
            ("call_timeouts_total", self.timeouts),
            ("messages_incoming", self.incoming as u64),
            ("messages_outgoing", self.messages as u64),
            ("reassembly_bytes", self.reassembly_bytes as u64),
            ("messages_held", self.held as u64),
            ("held_bytes", self.held_bytes as u64),
            ("streams", self.streams as u64),
        ]
        .into_iter()
    }
}
