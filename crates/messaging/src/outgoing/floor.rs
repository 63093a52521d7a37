//! What the receiver is told of messages that will not come: one by one, and by the floor below which all have ended.

use hobnob_wire::MessageId;

use super::Outgoing;
use crate::{
    limits::{CANCELS_MAX, FLOOR_STEP},
    message::{Lane, Messages},
    sent::{Cancel, Matters},
    shared::Shared,
};

/// Which ids the receiver need not remember any more.
#[derive(Debug, Default)]
pub(crate) struct Floor {
    told: u64,
    acked: u64,
    /// It is worth telling as soon as it is above this id.
    wanted_above: Option<u64>,
    /// The receiver must learn of it once it is above this id: it waits for a message that will never come.
    owed_above: Option<u64>,
    /// The receiver has been silent for long, so what is owed to it waits until it is heard.
    is_put_off: bool,
}

impl Floor {
    /// The receiver holds something for the message, which ended here.
    pub(crate) fn want_above(&mut self, id: u64) {
        self.wanted_above = self.wanted_above.max(Some(id));
    }

    /// There is no other way to tell that the message will never come.
    fn owe_above(&mut self, id: u64) {
        self.want_above(id);
        self.owed_above = self.owed_above.max(Some(id));
    }

    /// What the receiver has confirmed.
    pub(super) const fn acked(&self) -> u64 {
        self.acked
    }

    /// Whether the receiver waits for the floor.
    pub(crate) fn is_owed(&self, floor: u64) -> bool {
        !self.is_put_off && self.owed_above.is_some_and(|id| floor > id) && self.is_due(floor)
    }

    /// The receiver was heard.
    pub(crate) const fn resume(&mut self) {
        self.is_put_off = false;
    }

    pub(crate) fn is_due(&self, floor: u64) -> bool {
        let is_wanted = self.wanted_above.is_some_and(|id| floor > id);
        floor > self.told && (is_wanted || floor - self.told >= FLOOR_STEP)
    }

    pub(crate) fn on_told(&mut self, floor: u64) {
        self.told = floor;
        if self.wanted_above.is_some_and(|id| floor > id) {
            self.wanted_above = None;
        }
    }

    fn on_acked(&mut self, floor: u64) {
        self.acked = self.acked.max(floor);
        if self.owed_above.is_some_and(|id| floor > id) {
            self.owed_above = None;
        }
    }

    pub(crate) fn on_lost(&mut self, floor: u64) {
        if floor > self.acked && floor == self.told {
            self.told = self.acked;
            self.want_above(floor - 1);
        }
    }
}

impl Outgoing {
    /// The lowest id that may still be transmitted.
    pub(crate) fn current_floor(&self, messages: &Messages) -> u64 {
        let oldest = self.lanes.first(Lane::InFlight);
        let oldest = oldest.and_then(|index| messages.at(index).id);
        oldest.map_or(self.next_id, MessageId::get)
    }

    /// The receiver has learnt of the floor.
    pub(crate) fn on_floor_acked(&mut self, floor: u64) {
        self.floor.on_acked(floor);
        self.streams.raise(self.floor.acked);
    }

    pub(crate) fn cancel(&mut self, shared: &mut Shared, cancel: Cancel) {
        if self.cancels.len() < CANCELS_MAX {
            self.cancels.push_back(cancel);
            return;
        }
        shared.stats.cancels_skipped += 1;
        if matches!(cancel.matters, Matters::Always { .. }) {
            self.floor.owe_above(cancel.id.get());
        }
    }

    /// Nobody waits for the peer, which is silent: asks it nothing more, and puts off what is left to tell it. The
    /// floor says as much as every cancel that is left out.
    pub(crate) fn put_off(&mut self) {
        self.is_ping_due = false;
        for cancel in self.cancels.drain(..) {
            if matches!(cancel.matters, Matters::Always { .. }) {
                self.floor.owe_above(cancel.id.get());
            }
        }
        self.floor.is_put_off = true;
    }
}
