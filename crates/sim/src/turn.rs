//! What a process does when it runs.

use bytes::Bytes;
use hobnob_endpoint::{Endpoint, wire::Generation};
use rand::RngExt;

use crate::{
    application::Application,
    clock::Clock,
    counters::Fate,
    host::{SOCKET_BYTES_DEFAULT, SOCKET_OVERHEAD_BYTES},
    network::Arrival,
    node::{NodeId, Process},
    record::Seen,
    sim::Sim,
};

/// Bytes of the send buffer: what the driver uses.
const BUFFER_BYTES: usize = 65_000;

/// Datagrams that a blocked process holds: what fits a socket's buffer, of the smallest.
const HELD_MAX: usize = SOCKET_BYTES_DEFAULT / SOCKET_OVERHEAD_BYTES;

impl<A: Application> Sim<A> {
    /// Starts the process of a node as its configuration says.
    pub(crate) fn come_up(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.0];
        let clock = Clock::starting(self.now, node.ppm);
        let seed = self.rng.random();
        let endpoint = match Endpoint::new(node.config.clone(), seed, clock.at(self.now)) {
            Ok(endpoint) => endpoint,
            Err(error) => panic!("a node that cannot start: {error}"),
        };
        node.process = Some(Process::new(endpoint, clock));
        let (addr, generation) = (node.config.addr, node.config.generation);
        self.network.bind(addr, id);
        self.network.record.start(self.now, id, addr, generation.0);
        if let Some(mut at) = self.nodes[id.0].at(id, self.now) {
            self.app.on_start(&mut at);
        }
        self.drain(id);
    }

    /// A node's timers may go off at other times than before.
    pub(crate) fn touch(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.0];
        if let Some(process) = &mut node.process {
            process.wind();
        }
        self.schedule.touch(node, id);
    }

    /// One turn of the process, in the driver's order: its socket, what is due, its events, the
    /// application's timers, what it sends.
    pub(crate) fn run(&mut self, id: NodeId) {
        let Some(process) = &mut self.nodes[id.0].process else {
            return;
        };
        process.runs_at = None;
        let now = process.clock.at(self.now);
        if !process.is_blocked {
            process.socket.read(&mut self.batch);
        }
        for (from, datagram) in self.batch.drain(..) {
            process.endpoint.handle_datagram(now, from, &datagram);
        }
        let due = process.endpoint.poll_timeout();
        if let Some(deadline) = due.filter(|deadline| deadline.at <= now) {
            let record = &mut self.network.record;
            record.timeout(self.now, id, deadline.reason);
            process.endpoint.handle_timeout(now);
        }
        self.hand_out(id);
        self.let_wakes_go_off(id);
        self.drain(id);
    }

    fn let_wakes_go_off(&mut self, id: NodeId) {
        let process = self.nodes[id.0].process.as_ref();
        // One that is set now, for now, waits for the next turn: it must not keep this one from ending.
        let count = process.map_or(0, |process| process.wakes.count());
        while let Some(mut at) = self.nodes[id.0].at(id, self.now)
            && let Some(token) = at.wakes.pop(at.now, count)
        {
            self.network.record.wake(self.now, id, token);
            self.app.on_wake(&mut at, token);
        }
    }

    /// Hands out events and sends what is to be sent, until neither is left.
    pub(crate) fn drain(&mut self, id: NodeId) {
        loop {
            self.hand_out(id);
            self.transmit(id);
            let process = self.nodes[id.0].process.as_ref();
            if !process.is_some_and(|process| process.endpoint.has_events()) {
                break;
            }
        }
        if let Some(at) = self.nodes[id.0].at(id, self.now) {
            self.app.on_idle(&at);
        }
        self.touch(id);
    }

    fn hand_out(&mut self, id: NodeId) {
        while let Some(mut at) = self.nodes[id.0].at(id, self.now)
            && let Some(event) = at.endpoint.poll_event()
        {
            self.network.record.event(self.now, id, &event);
            self.app.on_event(&mut at, event);
        }
    }

    /// Puts everything the endpoint has to send into the network.
    fn transmit(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.0];
        let Some(process) = &mut node.process else {
            return;
        };
        if std::mem::take(&mut process.is_unsent) {
            return;
        }
        let datagram = node.config.datagram_bytes;
        let room = (BUFFER_BYTES / datagram).max(1) * datagram;
        self.buffer.resize(room.max(self.buffer.len()), 0);
        let buffer = &mut self.buffer[..room];
        let now = process.clock.at(self.now);
        let from = process.endpoint.addr();
        while let Some(transmit) = process.endpoint.poll_transmit(now, buffer) {
            // One copy for all datagrams of the transmit, which share it.
            let mut rest = Bytes::copy_from_slice(&buffer[..transmit.len]);
            let segment = transmit.segment_size.unwrap_or(transmit.len).max(1);
            while !rest.is_empty() {
                let datagram = rest.split_to(segment.min(rest.len()));
                if process.is_blocked {
                    // A send buffer is as large as a receive buffer; what it has no room for is dropped.
                    if process.held.len() < HELD_MAX {
                        process.held.push((transmit.to, datagram));
                    }
                } else {
                    self.network.send(self.now, id, from, transmit.to, datagram);
                }
            }
        }
    }

    pub(crate) fn deliver(&mut self, arrival: Arrival) {
        let Arrival {
            node: id,
            from,
            to,
            bytes,
        } = arrival;
        let node = &mut self.nodes[id.0];
        let seen = Seen {
            from,
            to,
            bytes: &bytes,
        };
        let record = &mut self.network.record;
        let Some(process) = &mut node.process else {
            return record.datagram(self.now, Fate::LostToNobody, seen);
        };
        if !process.socket.has_room(node.host.socket_bytes, bytes.len()) {
            return record.datagram(self.now, Fate::LostAtSocket, seen);
        }
        record.datagram(self.now, Fate::Arrived, seen);
        process.socket.push(from, bytes);
        process.run_by(self.now + node.host.wake_delay);
        self.schedule.touch(node, id);
    }

    pub(crate) fn next_generation(&mut self) -> Generation {
        self.generations.next(self.now)
    }
}
