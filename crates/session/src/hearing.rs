//! How much of what is sent to this node reaches it.

use core::time::Duration;

use hobnob_wire::Instant;

use crate::window::Order;

/// Datagrams, those that came and those that did not, that are worth a judgement.
const WORTH: u32 = 40;
/// So many missing ones at once are believed, at most: what is behind a longer gap is a time without any way
/// between the two rather than a bad one.
const GAP_MAX: u64 = 8;
/// Who misses so many of ten hears badly. At 30 %, which a node can live with, it takes a miracle.
const BAD_OF_TEN: u32 = 6;
/// So many in a row without a gap before them, and all is well. Where four of five are lost that takes the luck
/// of one in 200 million.
const WELL_AFTER: u32 = 12;
/// An outage leaves gaps too, in each session one, long after it is over: only what goes on counts.
const BAD_FOR: Duration = Duration::from_secs(10);

/// The gaps in the packet numbers of all sessions, lately.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hearing {
    came: u32,
    missed: u32,
    in_a_row: u32,
    bad_since: Option<Instant>,
    /// When it last ceased to be bad: what was lost before is explained.
    well_since: Option<Instant>,
}

impl Hearing {
    /// A datagram came. That a later one was there already is neither a gap nor the lack of one: where many are sent
    /// at once, those of them that come may do so in any order.
    ///
    /// `before` is when the one before it came in its session, if there was one. In a large cluster that may be long ago.
    pub(crate) fn note(&mut self, now: Instant, before: Option<Instant>, order: Order) {
        let gap = match order {
            Order::First => return,
            Order::After { .. } if self.is_explained(before) => return,
            Order::After { gap } => gap,
            Order::Late => {
                self.came += 1;
                self.missed = self.missed.saturating_sub(1);
                return;
            }
        };
        if self.came + self.missed >= 2 * WORTH {
            self.came /= 2;
            self.missed /= 2;
        }
        self.came += 1;
        self.missed += u32::try_from(gap.min(GAP_MAX)).unwrap_or(u32::MAX);
        self.in_a_row = if gap == 0 { self.in_a_row + 1 } else { 0 };
        let all = self.came + self.missed;
        if self.in_a_row >= WELL_AFTER {
            *self = Self {
                well_since: self.bad_since.map_or(self.well_since, |_| Some(now)),
                ..Self::default()
            };
        } else if all >= WORTH && self.missed * 10 >= all * BAD_OF_TEN {
            self.bad_since.get_or_insert(now);
        }
    }

    /// Whether a gap may be from the time before this node heard well again.
    fn is_explained(&self, before: Option<Instant>) -> bool {
        let well_since = self.well_since.zip(before);
        well_since.is_some_and(|(since, before)| before < since)
    }

    /// Whether most of what is sent to this node has been lost for some time.
    pub(crate) fn is_bad(&self, now: Instant) -> bool {
        self.bad_since.is_some_and(|since| since + BAD_FOR <= now)
    }
}
