//! Calls under way and who waits for them.

use std::task::{Poll, Waker};

use bytes::Bytes;
use hobnob_endpoint::{
    DeliveryError,
    messaging::{Event, Failure, Token},
    wire::Peer,
};

use crate::error::Trouble;

/// How a call ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Sent(Result<(), Trouble>),
    Answered(Result<Bytes, Trouble>),
    FannedOut(Vec<(Peer, Result<(), Failure>)>),
    Relayed(Vec<Result<(), DeliveryError>>),
    Closed,
}

#[derive(Debug)]
enum Slot {
    Free { next: Option<u32> },
    Waiting(Option<Waker>),
    Done(Outcome),
}

/// A table of calls, indexed by the slot in their token; a stale token finds nothing.
///
/// Its size is bounded by the messaging core's queues: a call that core does not take is taken off here.
#[derive(Debug, Default)]
pub(crate) struct Completions {
    slots: Vec<(u32, Slot)>,
    free: Option<u32>,
    closed: bool,
}

impl Completions {
    /// A place for a new call; `None` once the table is closed.
    pub(crate) fn begin(&mut self) -> Option<Token> {
        if self.closed {
            return None;
        }
        let index = match self.free {
            Some(index) => index,
            None => {
                let index = u32::try_from(self.slots.len()).ok()?;
                self.slots.push((0, Slot::Free { next: None }));
                index
            }
        };
        let (epoch, slot) = self.slots.get_mut(index as usize)?;
        if let Slot::Free { next } = slot {
            self.free = *next;
        }
        *slot = Slot::Waiting(None);
        Some(token(index, *epoch))
    }

    /// The outcome, once there is one; the place is free then.
    pub(crate) fn poll(&mut self, call: Token, waker: &Waker) -> Poll<Outcome> {
        let Some(slot) = self.slot(call) else {
            return Poll::Ready(Outcome::Closed);
        };
        match slot {
            Slot::Waiting(Some(old)) if old.will_wake(waker) => return Poll::Pending,
            Slot::Waiting(old) => {
                *old = Some(waker.clone());
                return Poll::Pending;
            }
            _ => {}
        }
        match self.release(call) {
            Some(Slot::Done(outcome)) => Poll::Ready(outcome),
            _ => Poll::Ready(Outcome::Closed),
        }
    }

    /// Nobody waits any more. Says whether the call was still under way.
    pub(crate) fn abandon(&mut self, call: Token) -> bool {
        matches!(self.release(call), Some(Slot::Waiting(_)))
    }

    /// Files the end of a call under its token; returns who is to be woken once the lock is released.
    pub(crate) fn complete(&mut self, event: Event) -> Result<Option<Waker>, Event> {
        let (call, outcome) = match event {
            Event::Sent { token, result } => {
                (token, Outcome::Sent(result.map_err(Trouble::Failed)))
            }
            Event::Answered { token, result } => {
                (token, Outcome::Answered(result.map_err(Trouble::Failed)))
            }
            Event::FannedOut { token, report } => (token, Outcome::FannedOut(report)),
            other => return Err(other),
        };
        Ok(self.file(call, outcome))
    }

    /// Files the outcome of a call; returns who is to be woken once the lock is released.
    pub(crate) fn file(&mut self, call: Token, outcome: Outcome) -> Option<Waker> {
        self.slot(call).and_then(|slot| finish(slot, outcome))
    }

    /// Ends every call: the node is gone.
    pub(crate) fn close(&mut self) -> Vec<Waker> {
        self.closed = true;
        let waiting = self
            .slots
            .iter_mut()
            .filter(|(_, slot)| matches!(slot, Slot::Waiting(_)));
        waiting
            .filter_map(|(_, slot)| finish(slot, Outcome::Closed))
            .collect()
    }

    fn slot(&mut self, call: Token) -> Option<&mut Slot> {
        let (index, epoch) = parts(call);
        let (current, slot) = self.slots.get_mut(index as usize)?;
        (*current == epoch && !matches!(slot, Slot::Free { .. })).then_some(slot)
    }

    fn release(&mut self, call: Token) -> Option<Slot> {
        self.slot(call)?;
        let (index, _) = parts(call);
        let (epoch, slot) = self.slots.get_mut(index as usize)?;
        *epoch = epoch.wrapping_add(1);
        let next = self.free.replace(index);
        Some(std::mem::replace(slot, Slot::Free { next }))
    }
}

/// The first end counts: what ended with the node does not end again.
fn finish(slot: &mut Slot, outcome: Outcome) -> Option<Waker> {
    let Slot::Waiting(waker) = slot else {
        return None;
    };
    let waker = waker.take();
    *slot = Slot::Done(outcome);
    waker
}

fn token(index: u32, epoch: u32) -> Token {
    Token(u64::from(epoch) << 32 | u64::from(index))
}

const fn parts(Token(token): Token) -> (u32, u32) {
    #[allow(clippy::cast_possible_truncation, reason = "the low half is meant")]
    (token as u32, (token >> 32) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_token_finds_nothing() {
        let mut calls = Completions::default();
        let first = calls.begin().unwrap();
        assert!(calls.abandon(first));
        let second = calls.begin().unwrap();
        assert_ne!(first, second, "the slot is used again under another epoch");
        assert!(matches!(
            calls.complete(Event::Sent {
                token: first,
                result: Ok(())
            }),
            Ok(None)
        ));
        assert!(matches!(calls.poll(second, Waker::noop()), Poll::Pending));
        assert!(
            calls
                .complete(Event::Sent {
                    token: second,
                    result: Ok(())
                })
                .unwrap()
                .is_some()
        );
        assert!(matches!(
            calls.poll(second, Waker::noop()),
            Poll::Ready(Outcome::Sent(Ok(())))
        ));
    }

    #[test]
    fn closing_ends_what_waits_and_refuses_what_comes() {
        let mut calls = Completions::default();
        let call = calls.begin().unwrap();
        assert!(calls.poll(call, Waker::noop()).is_pending());
        assert_eq!(calls.close().len(), 1);
        let late = Event::Sent {
            token: call,
            result: Ok(()),
        };
        assert!(matches!(calls.complete(late), Ok(None)));
        assert!(matches!(
            calls.poll(call, Waker::noop()),
            Poll::Ready(Outcome::Closed)
        ));
        assert!(calls.begin().is_none());
    }
}
