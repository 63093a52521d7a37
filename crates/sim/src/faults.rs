//! What makes a day bad, and what ends it.

use std::time::Duration;

use hobnob_endpoint::wire::Generation;

use crate::{
    application::Application, clock::Clock, conditions::Conditions, counters::Fault, host::Host,
    node::NodeId, sim::Sim,
};

impl<A: Application> Sim<A> {
    /// Kills a process: nothing of it remains, nobody is told. A dead one stays dead.
    pub fn kill(&mut self, node: NodeId) {
        if self.nodes[node.0].process.take().is_some() {
            self.note(Fault::Crash, node);
        }
    }

    /// Starts a killed node again, at the same address, as a new generation.
    ///
    /// # Panics
    ///
    /// When the node is alive.
    pub fn restart(&mut self, node: NodeId) {
        let generation = self.next_generation();
        self.restart_with_generation(node, generation);
    }

    /// The same with a generation of the caller's choice: one below the last is what comes of a wall clock
    /// that was set back.
    ///
    /// # Panics
    ///
    /// When the node is alive.
    pub fn restart_with_generation(&mut self, node: NodeId, generation: Generation) {
        self.note(Fault::Restart, node);
        if generation <= self.generation(node) {
            self.note(Fault::ClockSetBack, (node, generation));
        }
        self.come_up_as(node, generation);
    }

    /// Starts a killed node again as a new generation at another address. Nobody has the old one any more.
    ///
    /// # Panics
    ///
    /// When the node is alive.
    pub fn restart_elsewhere(&mut self, node: NodeId) {
        let generation = self.next_generation();
        self.network.unbind(self.addr(node));
        let moved = &mut self.nodes[node.0];
        moved.moves += 1;
        moved.config.addr = node.addr(moved.moves);
        self.note(Fault::Relocation, node);
        self.come_up_as(node, generation);
    }

    fn come_up_as(&mut self, node: NodeId, generation: Generation) {
        let restarted = &mut self.nodes[node.0];
        assert!(
            restarted.process.is_none(),
            "only a dead node can be started again"
        );
        restarted.config.generation = generation;
        self.come_up(node);
    }

    /// Whether the node has a process, paused or not.
    pub fn is_alive(&self, node: NodeId) -> bool {
        self.nodes[node.0].process.is_some()
    }

    /// Whether the node's process is stopped.
    pub fn is_paused(&self, node: NodeId) -> bool {
        let process = self.nodes[node.0].process.as_ref();
        process.is_some_and(|process| process.is_paused)
    }

    /// Stops a process as SIGSTOP would: what arrives waits in its socket until that is full; its clock goes
    /// on and none of its timers goes off. A dead or stopped one stays as it is.
    pub fn pause(&mut self, node: NodeId) {
        self.set_paused(node, true, Fault::Pause);
    }

    /// Lets a paused process go on: it reads its socket before it believes its timers.
    pub fn resume(&mut self, node: NodeId) {
        if self.set_paused(node, false, Fault::Resume) {
            self.run(node);
        }
    }

    /// Blocks a process as an overloaded machine does: its timers go off, but what arrives waits in its socket
    /// until that is full, and what it sends is held. A dead or blocked one stays as it is. (Lifeguard,
    /// section V: its threads block before they send and after they receive.)
    pub fn block(&mut self, node: NodeId) {
        if self.set_blocked(node, true) {
            self.note(Fault::Block, node);
        }
    }

    /// Ends that: what was held is sent, and the socket is read.
    pub fn unblock(&mut self, node: NodeId) {
        if self.set_blocked(node, false) {
            self.note(Fault::Unblock, node);
            let from = self.addr(node);
            let process = self.nodes[node.0].process.as_mut();
            let held = process.map(|process| std::mem::take(&mut process.held));
            for (to, bytes) in held.into_iter().flatten() {
                self.network.send(self.now, node, from, to, bytes);
            }
            self.run(node);
        }
    }

    fn set_blocked(&mut self, node: NodeId, is_blocked: bool) -> bool {
        let process = self.nodes[node.0].process.as_mut();
        let changes = process.filter(|process| process.is_blocked != is_blocked);
        changes
            .map(|process| process.is_blocked = is_blocked)
            .is_some()
    }

    fn set_paused(&mut self, node: NodeId, is_paused: bool, fault: Fault) -> bool {
        let process = self.nodes[node.0].process.as_mut();
        let changes = process.filter(|process| process.is_paused != is_paused);
        let Some(process) = changes else {
            return false;
        };
        process.is_paused = is_paused;
        self.note(fault, node);
        true
    }

    /// A node's clock jumps forward: whatever is due by then happens at once. Without effect on a dead node.
    pub fn jump_clock(&mut self, node: NodeId, by: Duration) {
        if let Some(process) = &mut self.nodes[node.0].process {
            process.clock.jump(self.now, by);
            self.note(Fault::ClockJump, (node, by));
            self.touch(node);
        }
    }

    /// A node's clock runs faster than the world's by this many parts per million, slower when negative; its
    /// later processes have the same clock. At most 500,000 either way; crystals stay within some hundred.
    pub fn set_clock_rate(&mut self, node: NodeId, ppm: i32) {
        let ppm = ppm.clamp(-Clock::PPM_MAX, Clock::PPM_MAX);
        let rated = &mut self.nodes[node.0];
        rated.ppm = ppm;
        if let Some(process) = &mut rated.process {
            process.clock.set_ppm(self.now, ppm);
        }
        self.note(Fault::ClockRate, (node, ppm));
        self.touch(node);
    }

    /// Puts a node on another machine; what is on its links goes on as it is.
    pub fn set_host(&mut self, node: NodeId, host: Host) {
        self.nodes[node.0].host = host;
        self.network.set_links(node, host.egress, host.ingress);
        self.note(Fault::Host, (node, host));
    }

    /// The machine a node runs on.
    pub fn host(&self, node: NodeId) -> Host {
        self.nodes[node.0].host
    }

    /// Cuts (or heals) one direction between two nodes. What is under way is lost too.
    pub fn cut(&mut self, from: NodeId, to: NodeId, is_cut: bool) {
        self.network.paths.set_cut((from, to), is_cut);
        self.note(if is_cut { Fault::Cut } else { Fault::Heal }, (from, to));
    }

    /// Cuts (or heals) both directions between two groups of nodes.
    pub fn partition(&mut self, one: &[NodeId], other: &[NodeId], is_cut: bool) {
        for &a in one {
            for &b in other {
                self.network.paths.set_cut((a, b), is_cut);
                self.network.paths.set_cut((b, a), is_cut);
            }
        }
        let fault = if is_cut {
            Fault::Partition
        } else {
            Fault::Heal
        };
        self.note(fault, (one, other));
    }

    /// Ends all cuts, partitions and conditions of single paths.
    pub fn heal_all(&mut self) {
        self.network.paths.heal();
        self.note(Fault::Heal, ());
    }

    /// Changes the network for datagrams sent from now on.
    ///
    /// # Panics
    ///
    /// When a share is not from 0.0 to 1.0, or the shortest latency longer than the longest.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        self.network.conditions = conditions.checked();
        self.note(Fault::Conditions, conditions);
    }

    /// Changes one direction between two nodes; `None` makes it like the rest of the network again.
    ///
    /// # Panics
    ///
    /// When a share is not from 0.0 to 1.0, or the shortest latency longer than the longest.
    pub fn set_path_conditions(
        &mut self,
        from: NodeId,
        to: NodeId,
        conditions: Option<Conditions>,
    ) {
        let direction = (from, to);
        let checked = conditions.map(Conditions::checked);
        self.network.paths.set_conditions(direction, checked);
        self.note(Fault::Conditions, (direction, conditions));
    }

    fn note(&mut self, fault: Fault, what: impl std::fmt::Debug) {
        self.network.record.fault(self.now, fault, what);
    }
}
