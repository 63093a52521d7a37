//! Payloads on their way to the driver.

use alloc::{collections::VecDeque, vec::Vec};
use core::net::SocketAddr;

use crate::limits::TRANSMITS_MAX;

/// Two queues, so that records, however many and large, never hold up a probe or its answer. A full queue
/// loses its oldest payload: of SWIM the least likely to be still of use, of the rest repaired by the next
/// round of anti-entropy.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    swim: VecDeque<(SocketAddr, Vec<u8>)>,
    rest: VecDeque<(SocketAddr, Vec<u8>)>,
    dropped: u64,
}

impl Outbox {
    pub(crate) fn push_swim(&mut self, to: SocketAddr, payload: Vec<u8>) {
        self.dropped += push(&mut self.swim, to, payload);
    }

    pub(crate) fn push(&mut self, to: SocketAddr, payload: Vec<u8>) {
        self.dropped += push(&mut self.rest, to, payload);
    }

    pub(crate) fn push_all(&mut self, to: SocketAddr, payloads: Vec<Vec<u8>>) {
        for payload in payloads {
            self.push(to, payload);
        }
    }

    /// Whom the next payload is for.
    pub(crate) fn next_to(&self) -> Option<SocketAddr> {
        let next = self.swim.front().or_else(|| self.rest.front());
        next.map(|(to, _)| *to)
    }

    pub(crate) fn pop(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        self.swim.pop_front().or_else(|| self.rest.pop_front())
    }

    /// Payloads that were lost here because nobody fetched them.
    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }
}

fn push(queue: &mut VecDeque<(SocketAddr, Vec<u8>)>, to: SocketAddr, payload: Vec<u8>) -> u64 {
    let full = queue.len() >= TRANSMITS_MAX;
    if full {
        queue.pop_front();
    }
    queue.push_back((to, payload));
    u64::from(full)
}
