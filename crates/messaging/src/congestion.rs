//! How many bytes may be in flight: NewReno as in RFC 9002, section 7, with three changes.
//!
//! - A window of less than [`SMALL_WINDOW_DATAGRAMS`] grows by half a datagram a round trip. Sixteen senders
//!   at a short queue have about three each, and a third more each round trip drops a ninth of all datagrams.
//! - A reduction is undone once every packet that it was made for has turned out to be late, not lost: as
//!   RFC 4015 does it, from the acks themselves.
//! - Where much is lost though the round trip says that no queue is filled, as on a bad radio link, the window
//!   keeps [`BAD_PATH_WINDOW_DATAGRAMS`]. A smaller one would lose as large a part, and need an ack for each datagram.

use core::time::Duration;

use hobnob_wire::Instant;

use crate::limits::{
    BAD_PATH_LOSS_PERCENT, BAD_PATH_WINDOW_DATAGRAMS, INITIAL_WINDOW_BYTES_MAX,
    INITIAL_WINDOW_DATAGRAMS, MINIMUM_WINDOW_DATAGRAMS, SMALL_WINDOW_DATAGRAMS,
};

/// Packets that a part is measured over.
const SAMPLE: u32 = 64;

const ALL: u32 = 1 << 20;

const BAD_PATH: u32 = ALL / 100 * BAD_PATH_LOSS_PERCENT;

/// The congestion window of one peer, in bytes of ack-eliciting datagrams.
#[derive(Debug)]
pub(crate) struct Congestion {
    datagram: usize,
    max: usize,
    window: usize,
    slow_start_below: usize,
    /// Losses of packets sent until then belong to the reduction made then.
    recovery_since: Option<Instant>,
    /// The last reduction, while it may turn out to be a mistake.
    undo: Option<Undo>,
    /// Bytes acknowledged towards the next datagram of growth.
    progress: usize,
    /// The part of the latest packets that were lost, of [`ALL`].
    lost_part: u32,
    /// There was not enough to send to fill the window, so that acks say nothing about it.
    pub(crate) is_underused: bool,
}

/// What was before a reduction.
#[derive(Clone, Copy, Debug)]
struct Undo {
    since: Instant,
    window: usize,
    slow_start_below: usize,
    /// Packets that count as lost and have not come late.
    missing: u64,
}

/// Packets that were lost together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loss {
    /// How many.
    pub(crate) packets: u64,
    /// When the last of them was sent.
    pub(crate) sent_at: Instant,
    /// Nothing arrived for so long that nothing is known of the path.
    pub(crate) is_persistent: bool,
    /// Bytes that may be in flight whatever is lost, if the path is a bad one: 0 where it may be full.
    pub(crate) harmless: usize,
    /// How long after a reduction a late packet may still tell that it was a mistake.
    pub(crate) patience: Duration,
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
            undo: None,
            progress: 0,
            lost_part: 0,
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
        self.lost_part -= self.lost_part / SAMPLE;
        if self.is_underused || self.recovery_since.is_some_and(|since| sent_at <= since) {
            return;
        }
        if self.window < self.slow_start_below {
            self.window = (self.window + bytes).min(self.max);
            return;
        }
        self.progress += bytes;
        let is_small = self.window < SMALL_WINDOW_DATAGRAMS * self.datagram;
        let step = self.window * if is_small { 2 } else { 1 };
        if self.progress >= step {
            self.progress -= step;
            self.window = (self.window + self.datagram).min(self.max);
        }
    }

    /// Packets were lost. The window is halved once a round trip; says whether it was now.
    pub(crate) fn on_lost(&mut self, now: Instant, loss: Loss) -> bool {
        for _ in 0..loss.packets.min(SAMPLE.into()) {
            self.lost_part += (ALL - self.lost_part) / SAMPLE;
        }
        let minimum = MINIMUM_WINDOW_DATAGRAMS * self.datagram;
        let is_new = self.recovery_since.is_none_or(|since| loss.sent_at > since);
        if is_new {
            self.remember(now, loss.patience);
            self.recovery_since = Some(now);
            self.window = (self.window / 2)
                .max(self.floor(loss.harmless))
                .min(self.max);
            self.slow_start_below = self.window;
            self.progress = 0;
        }
        if let Some(undo) = &mut self.undo {
            undo.missing += loss.packets;
        }
        if loss.is_persistent {
            self.window = minimum;
            self.recovery_since = None;
        }
        is_new
    }

    /// What a reduction leaves at least.
    fn floor(&self, harmless: usize) -> usize {
        let minimum = MINIMUM_WINDOW_DATAGRAMS * self.datagram;
        if self.lost_part > BAD_PATH {
            let floor = (BAD_PATH_WINDOW_DATAGRAMS * self.datagram).min(INITIAL_WINDOW_BYTES_MAX);
            floor.min(harmless).max(minimum)
        } else {
            minimum
        }
    }

    /// A packet came late that was given up then. When the last one of a reduction did, there was no reason
    /// to reduce.
    pub(crate) fn on_late(&mut self, given_up_at: Instant) {
        let Some(undo) = self.undo.as_mut().filter(|undo| given_up_at >= undo.since) else {
            return;
        };
        undo.missing = undo.missing.saturating_sub(1);
        if undo.missing > 0 {
            return;
        }
        self.window = self.window.max(undo.window);
        self.slow_start_below = undo.slow_start_below;
        self.recovery_since = None;
        self.undo = None;
    }

    /// Keeps the window as it is before a reduction. One that follows soon shares the fate of the one before:
    /// its packets may come late as well.
    fn remember(&mut self, now: Instant, patience: Duration) {
        let is_open = |undo: &Undo| undo.since + patience > now;
        if self.undo.as_ref().is_some_and(is_open) {
            return;
        }
        self.undo = Some(Undo {
            since: now,
            window: self.window,
            slow_start_below: self.slow_start_below,
            missing: 0,
        });
    }
}

#[cfg(test)]
#[path = "../tests/unit/congestion.rs"]
mod tests;
