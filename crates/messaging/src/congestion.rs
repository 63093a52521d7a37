//! How many bytes may be in flight: NewReno as in RFC 9002, section 7.

use hobnob_wire::Instant;

use crate::limits::{INITIAL_WINDOW_BYTES_MAX, INITIAL_WINDOW_DATAGRAMS, MINIMUM_WINDOW_DATAGRAMS};

/// The congestion window of one peer, in bytes of ack-eliciting datagrams.
#[derive(Debug)]
pub(crate) struct Congestion {
    datagram: usize,
    max: usize,
    window: usize,
    slow_start_below: usize,
    /// Losses of packets sent until then belong to the reduction made then.
    recovery_since: Option<Instant>,
    /// Bytes acknowledged towards the next datagram of growth.
    credit: usize,
    /// There was not enough to send to fill the window, so that acks say nothing about it.
    pub(crate) is_underused: bool,
}

impl Congestion {
    pub(crate) fn new(datagram: usize, max: usize) -> Self {
        let initial = (INITIAL_WINDOW_DATAGRAMS * datagram).min(INITIAL_WINDOW_BYTES_MAX);
        Self {
            datagram,
            max,
            window: initial.max(MINIMUM_WINDOW_DATAGRAMS * datagram).min(max),
            slow_start_below: usize::MAX,
            recovery_since: None,
            credit: 0,
            is_underused: true,
        }
    }

    pub(crate) const fn window(&self) -> usize {
        self.window
    }

    /// Whether another full datagram may go with `in_flight` bytes under way.
    pub(crate) const fn allows(&self, in_flight: usize) -> bool {
        in_flight + self.datagram <= self.window
    }

    pub(crate) fn on_acked(&mut self, bytes: usize, sent_at: Instant) {
        if self.is_underused || self.recovery_since.is_some_and(|since| sent_at <= since) {
            return;
        }
        if self.window < self.slow_start_below {
            self.window = (self.window + bytes).min(self.max);
            return;
        }
        self.credit += bytes;
        if self.credit >= self.window {
            self.credit -= self.window;
            self.window = (self.window + self.datagram).min(self.max);
        }
    }

    /// Packets were lost, the last of them sent at `sent_at`. The window is halved once a round trip.
    pub(crate) fn on_lost(&mut self, now: Instant, sent_at: Instant, is_persistent: bool) {
        let minimum = MINIMUM_WINDOW_DATAGRAMS * self.datagram;
        if self.recovery_since.is_none_or(|since| sent_at > since) {
            self.recovery_since = Some(now);
            self.window = (self.window / 2).max(minimum);
            self.slow_start_below = self.window;
            self.credit = 0;
        }
        if is_persistent {
            self.window = minimum;
            self.recovery_since = None;
        }
    }
}

#[cfg(test)]
#[path = "../tests/unit/congestion.rs"]
mod tests;
