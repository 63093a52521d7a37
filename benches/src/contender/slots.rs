//! Answers on their way to the tasks that wait for them.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use super::Payload;

/// One place for each caller, which has one call in flight at most.
pub(super) struct Slots(Mutex<Vec<Slot>>);

#[derive(Clone, Default)]
struct Slot {
    answer: Option<Answer>,
    waker: Option<Waker>,
}

/// What came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Payload(Payload),
    Empty,
}

impl Answer {
    /// An answer's bytes; `None` when they are none that was ever sent.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [] => Some(Self::Empty),
            bytes => bytes.try_into().ok().map(Self::Payload),
        }
    }
}

impl Slots {
    pub(super) fn new(callers: usize) -> Self {
        Self(Mutex::new(vec![Slot::default(); callers]))
    }

    /// Takes the answer to the caller's call, once it is there.
    pub(super) fn poll(&self, caller: usize, cx: &Context<'_>) -> Poll<Answer> {
        let mut slots = self.lock();
        let slot = &mut slots[caller];
        match slot.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                slot.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Files answers by caller, and wakes who waits for them once the lock is released.
    pub(super) fn file(&self, answers: &mut Vec<(u32, Answer)>, wakers: &mut Vec<Waker>) {
        let mut slots = self.lock();
        for (caller, answer) in answers.drain(..) {
            if let Some(slot) = slots.get_mut(caller as usize) {
                slot.answer = Some(answer);
                wakers.extend(slot.waker.take());
            }
        }
        drop(slots);
        wakers.drain(..).for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
