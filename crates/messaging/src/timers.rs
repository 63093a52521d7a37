//! What happens because time passes.

use hobnob_wire::{Deadline, Instant};

use crate::{
    event::Failure,
    key::Key,
    messaging::Messaging,
    shared::{Ending, Timer},
    wheel::Next,
};

/// Why the core wants [`Messaging::handle_timeout`] called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeoutReason {
    /// The deadline of a message or request this node sent.
    CallDeadline,
    /// The deadline of a fan-out.
    FanOutDeadline,
    /// The deadline of a request this node received.
    RequestDeadline,
    /// Packets count as lost, or a peer is asked for an answer.
    Retransmission,
    /// The next datagram to a peer may go.
    Pacing,
    /// A message whose pieces stopped coming.
    Reassembly,
    /// No deadline: timers that were far off are sorted anew.
    FarTimers,
}

impl Messaging {
    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.shared.wheel.pop_due(now) {
            match timer {
                Timer::Call(key) => self.on_call_deadline(now, key),
                Timer::FanOut(key) => self.on_fan_out_deadline(now, key),
                Timer::Request(key) => self.on_request_deadline(key),
                Timer::Peer(peer) => {
                    if let Some(state) = self.peers.get_mut(peer) {
                        state.timer_fired();
                        state.on_alarm(&mut self.shared, now);
                        state.refresh(&mut self.shared);
                    }
                }
                Timer::Pacing(peer) => {
                    if let Some(state) = self.peers.get_mut(peer) {
                        state.on_pacing_timer(now);
                        state.refresh(&mut self.shared);
                    }
                }
                Timer::Reassembly(peer, id) => {
                    if let Some(state) = self.peers.get_mut(peer) {
                        state.on_reassembly_timer(&mut self.shared, now, id);
                        state.refresh(&mut self.shared);
                    }
                }
            }
            self.settle(now);
        }
    }

    /// When to call [`Messaging::handle_timeout`], and why. Calling it earlier changes nothing.
    pub fn poll_timeout(&self) -> Option<Deadline<TimeoutReason>> {
        self.shared.wheel.next().map(|next| match next {
            Next::Sort(at) => Deadline {
                at,
                reason: TimeoutReason::FarTimers,
            },
            Next::Due(at, timer) => {
                let reason = match timer {
                    Timer::Call(_) => TimeoutReason::CallDeadline,
                    Timer::FanOut(_) => TimeoutReason::FanOutDeadline,
                    Timer::Request(_) => TimeoutReason::RequestDeadline,
                    Timer::Peer(_) => TimeoutReason::Retransmission,
                    Timer::Pacing(_) => TimeoutReason::Pacing,
                    Timer::Reassembly(..) => TimeoutReason::Reassembly,
                };
                Deadline { at, reason }
            }
        })
    }

    fn on_call_deadline(&mut self, now: Instant, key: Key) {
        let Some(message) = self.shared.messages.get_mut(key) else {
            return;
        };
        message.timer = None;
        let peer = message.peer;
        self.shared.stats.timeouts += 1;
        self.abandon(peer, key, now, Ending::Failed(Failure::Timeout));
    }

    fn on_request_deadline(&mut self, key: Key) {
        let Some(request) = self.shared.requests.get_mut(key) else {
            return;
        };
        request.timer = None;
        let peer = request.peer;
        if let Some(state) = self.peers.get_mut(peer) {
            state.drop_request(&mut self.shared, key);
            state.refresh(&mut self.shared);
        }
    }
}
