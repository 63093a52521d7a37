//! Which packet numbers of a session have come already.

use hobnob_wire::PacketNumber;

use crate::{error::Dropped, limits::REPLAY_WINDOW};

#[allow(clippy::cast_possible_truncation, reason = "16 words")]
const WORDS: usize = (REPLAY_WINDOW / 64) as usize;

/// A bitmap over the last [`REPLAY_WINDOW`] numbers, up to the highest one that came: RFC 4303, section
/// 3.4.3. A number's bit stands at the number modulo the window, so nothing moves as the window does
/// (RFC 6479).
#[derive(Clone, Debug)]
pub(crate) struct ReplayWindow {
    /// One above the highest number that came: the window covers the numbers below.
    end: u64,
    came: [u64; WORDS],
}

/// When a datagram came, among those of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// It is the first that was sent: before it there was no session.
    First,
    /// After all others that came, and so many right before it have not come yet.
    After { gap: u64 },
    /// A later one came before.
    Late,
}

impl ReplayWindow {
    pub(crate) const fn new() -> Self {
        Self {
            end: 0,
            came: [0; WORDS],
        }
    }

    /// Takes `packet` if it never came before, and says when it came.
    pub(crate) fn take(&mut self, packet: PacketNumber) -> Result<Order, Dropped> {
        let number = packet.get();
        let order = match number.checked_sub(self.end) {
            Some(0) if number == 0 => Order::First,
            Some(gap) => Order::After { gap },
            None => Order::Late,
        };
        if number >= self.end {
            self.advance(number + 1);
        } else if self.end - number > REPLAY_WINDOW {
            return Err(Dropped::TooOld);
        }
        let (word, bit) = place(number);
        if self.came[word] & bit != 0 {
            return Err(Dropped::Replayed);
        }
        self.came[word] |= bit;
        Ok(order)
    }

    /// Forgets the numbers that fall out as those below `end` come in.
    fn advance(&mut self, end: u64) {
        if end - self.end >= REPLAY_WINDOW {
            self.came = [0; WORDS];
        } else {
            for number in self.end..end {
                let (word, bit) = place(number);
                self.came[word] &= !bit;
            }
        }
        self.end = end;
    }
}

#[allow(clippy::cast_possible_truncation, reason = "reduced modulo 16 words")]
const fn place(number: u64) -> (usize, u64) {
    ((number / 64) as usize % WORDS, 1 << (number % 64))
}
