//! Which messages of a peer came already, and which of them were refused.

use alloc::collections::VecDeque;

use hobnob_wire::{MessageId, RefusalReason};

use crate::limits::MESSAGE_WINDOW;

/// Bits of a message's state.
const STATE_BITS: u64 = 4;
/// Messages in a word.
const WORD: u64 = 64 / STATE_BITS;
/// Words of the table, at most: the window, and a word that it starts in the middle of.
#[allow(clippy::cast_possible_truncation, reason = "4,097")]
const WORDS_MAX: usize = (MESSAGE_WINDOW / WORD) as usize + 1;

const NEW: u64 = 0;
const TAKEN: u64 = 1;
const HELD: u64 = 6;
/// Set in the state of a refused message of a stream once those before it are settled.
const PASSED: u64 = 8;
/// A word whose messages were all taken.
const ALL_TAKEN: u64 = 0x1111_1111_1111_1111;

/// The duplicate table: the state of each message from the lowest that may still be new.
///
/// It begins where ids begin to be missing or refused, or at the sender's floor if that is higher. So it is
/// a word long as long as nothing is lost, and [`MESSAGE_WINDOW`] states of 4 bits at most. A refused message
/// stays refused until the sender has given it up: a copy of it is never taken.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Ids below this one count as taken.
    floor: u64,
    /// States of the ids from `floor` rounded down to a word.
    words: VecDeque<u64>,
}

/// What is known of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// It never came.
    New,
    /// It was taken, or its sender had given it up.
    Taken,
    /// It was taken or skipped, and waits for its turn.
    Held,
    /// It was refused.
    Refused(RefusalReason),
    /// It is further ahead than a sender may go.
    Beyond,
}

impl Seen {
    pub(crate) fn look(&self, id: MessageId) -> Look {
        let id = id.get();
        if id < self.floor {
            return Look::Taken;
        }
        if id - self.floor >= MESSAGE_WINDOW {
            return Look::Beyond;
        }
        match self.state(id) {
            NEW => Look::New,
            TAKEN => Look::Taken,
            HELD => Look::Held,
            state => Look::Refused(reason_of(state & !PASSED)),
        }
    }

    /// Remembers that a new message was taken.
    pub(crate) fn take(&mut self, id: MessageId) {
        self.set(id, TAKEN);
        self.drop_taken_words();
    }

    /// Remembers that a new message was taken and waits for its turn. It does so no longer than until the
    /// floor passes it.
    pub(crate) fn hold(&mut self, id: MessageId) {
        self.set(id, HELD);
    }

    /// A message that was held or refused has its turn: those before it in its stream are settled.
    pub(crate) fn pass(&mut self, id: MessageId) {
        let change = match self.look(id) {
            Look::Held => HELD ^ TAKEN,
            Look::Refused(_) if !self.is_settled(id) => PASSED,
            _ => return,
        };
        let (word, shift) = self.place(id.get());
        self.words[word] ^= change << shift;
        self.drop_taken_words();
    }

    /// Whether the message and those before it in its stream need not be waited for: it was taken and not
    /// held, or had its turn.
    pub(crate) fn is_settled(&self, id: MessageId) -> bool {
        match self.look(id) {
            Look::Taken => true,
            Look::Refused(_) => self.state(id.get()) & PASSED != 0,
            _ => false,
        }
    }

    /// Remembers that a new message was refused.
    pub(crate) fn refuse(&mut self, id: MessageId, reason: RefusalReason) {
        self.set(id, state_of(reason));
    }

    /// The sender will never send what is below `floor` again.
    pub(crate) fn raise(&mut self, floor: MessageId) {
        let floor = floor.get();
        if floor <= self.floor {
            return;
        }
        let passed = usize::try_from(floor / WORD - self.floor / WORD).unwrap_or(usize::MAX);
        self.words.drain(..passed.min(self.words.len()));
        if let Some(first) = self.words.front_mut() {
            *first = with_taken_below(*first, floor);
        }
        self.floor = floor;
        self.drop_taken_words();
    }

    fn set(&mut self, id: MessageId, state: u64) {
        if self.look(id) != Look::New {
            return;
        }
        if self.words.is_empty() {
            self.words.push_back(with_taken_below(0, self.floor));
        }
        let (word, shift) = self.place(id.get());
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        debug_assert!(self.words.len() <= WORDS_MAX, "the window bounds the table");
        self.words[word] |= state << shift;
    }

    fn drop_taken_words(&mut self) {
        while self.words.front() == Some(&ALL_TAKEN) {
            self.words.pop_front();
            self.floor = (self.floor / WORD + 1) * WORD;
        }
    }

    fn state(&self, id: u64) -> u64 {
        let (word, shift) = self.place(id);
        let word = self.words.get(word).copied().unwrap_or_default();
        word >> shift & 0xf
    }

    fn place(&self, id: u64) -> (usize, u64) {
        let word = usize::try_from(id / WORD - self.floor / WORD).unwrap_or(usize::MAX);
        (word, id % WORD * STATE_BITS)
    }
}

/// The word with the states of all ids below `floor` overwritten.
const fn with_taken_below(word: u64, floor: u64) -> u64 {
    let below = (1 << (floor % WORD * STATE_BITS)) - 1;
    word & !below | ALL_TAKEN & below
}

const fn state_of(reason: RefusalReason) -> u64 {
    match reason {
        RefusalReason::NoHandler => 2,
        RefusalReason::TooLarge => 3,
        RefusalReason::Malformed => 4,
        _ => 5,
    }
}

const fn reason_of(state: u64) -> RefusalReason {
    match state {
        2 => RefusalReason::NoHandler,
        3 => RefusalReason::TooLarge,
        4 => RefusalReason::Malformed,
        _ => RefusalReason::Overloaded,
    }
}

#[cfg(test)]
#[path = "../tests/unit/seen.rs"]
mod tests;
