//! Time goes on, and datagrams arrive or do not.

use std::time::Duration;

use bytes::Bytes;
use hobnob_endpoint::wire::Instant;

use super::{
    network::Flight,
    node::Node,
    script::{Code, Step},
    world::World,
};

/// Datagrams that wait in the socket of a paused process, at most; further ones are lost.
const SOCKET_MAX: usize = 256;

impl World {
    /// Time goes on, and each node does what is due when it is due.
    pub(super) fn tick(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(due) = self
            .next_due()
            .filter(|due| *due <= end && !self.is_spent())
        {
            self.run_due(due);
        }
        self.run_due(end);
    }

    /// Time goes on, and the nodes notice it late.
    pub(super) fn oversleep(&mut self, span: Duration) {
        self.run_due(self.now + span);
    }

    /// Time goes on, and the network works.
    pub(super) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        self.pass();
        while let Some(due) = self
            .next_due()
            .filter(|due| *due <= end && !self.is_spent())
        {
            self.run_due(due);
            self.pass();
        }
        self.run_due(end);
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        self.nodes()
            .filter(|node| !node.is_paused)
            .filter_map(Node::due)
            .min()
    }

    pub(super) fn run_due(&mut self, now: Instant) {
        self.now = self.now.max(now);
        for place in [0, 1] {
            self.act(place, Node::run);
        }
        self.fuel = self.fuel.saturating_sub(1);
        self.settle();
    }

    /// Everything arrives that is on its way, and what is sent because of it.
    pub(super) fn pass(&mut self) {
        while !self.is_spent()
            && let Some(flight) = self.network.take(0)
        {
            self.deliver(flight);
            self.settle();
        }
    }

    pub(super) fn deliver(&mut self, flight: Flight) {
        self.fuel = self.fuel.saturating_sub(1);
        self.journal.note(|| format!("  {flight}"));
        let Some(to) = self.places.iter().position(|place| place.addr == flight.to) else {
            return;
        };
        let place = &mut self.places[to];
        if place.node.as_ref().is_some_and(|node| node.is_paused) {
            if place.waiting.len() < SOCKET_MAX {
                place.waiting.push(flight);
            }
            return;
        }
        let datagram = Bytes::from(flight.bytes);
        self.act(to, |node, told| {
            node.endpoint
                .handle_datagram(told.now, flight.from, &datagram);
        });
    }

    /// Does something to one of the datagrams on their way.
    pub(super) fn meddle(&mut self, step: Step) {
        if step.code == Code::Replay {
            if let Some(place) = step.choice(self.network.captured()) {
                self.network.replay(place);
            }
            return;
        }
        let Some(place) = step.choice(self.network.len()) else {
            return;
        };
        match step.code {
            Code::Deliver => {
                if let Some(flight) = self.network.take(place) {
                    self.deliver(flight);
                }
            }
            Code::Drop => drop(self.network.take(place)),
            Code::Duplicate => self.network.duplicate(place),
            Code::Reset => {
                let taken = self.network.take(place);
                if let Some(reset) = taken.and_then(|flight| flight.reset()) {
                    self.deliver(reset);
                }
            }
            _ => {
                if let Some(flight) = self.network.at(place) {
                    let at = step.place(flight.bytes.len());
                    if step.code == Code::Truncate {
                        flight.bytes.truncate(at);
                    } else if let Some(byte) = flight.bytes.get_mut(at) {
                        *byte ^= step.bit();
                    }
                }
            }
        }
    }
}
