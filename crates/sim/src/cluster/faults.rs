//! What can be done to a cluster, and what ends it.

use std::fmt::Debug;

use hobnob::ShutdownReport;

use super::Cluster;
use crate::{conditions::Conditions, counters::Fault, host::Host, node::NodeId};

impl Cluster {
    /// Kills a node's process: nothing of it remains, nobody is told. One that is down stays down.
    pub fn crash(&mut self, node: NodeId) {
        if self.end(node) {
            self.note(Fault::Crash, node);
        }
    }

    /// Starts a node that is down again: a new process, of a new generation, at the same address, set up from
    /// scratch. What its set-up has captured is what it finds again, as on a disk.
    ///
    /// # Panics
    ///
    /// When the node is up.
    pub fn restart(&mut self, node: NodeId) {
        self.note(Fault::Restart, node);
        self.come_up(node);
    }

    /// The same at another address: from now on nobody has the old one.
    ///
    /// # Panics
    ///
    /// When the node is up.
    pub fn restart_elsewhere(&mut self, node: NodeId) {
        self.network.unbind(self.address(node));
        self.member_mut(node).moves += 1;
        self.note(Fault::Relocation, node);
        self.come_up(node);
    }

    /// Lets a node leave in good order, as on SIGTERM, and lets the time pass that this takes. Its process
    /// has ended then.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    pub fn shutdown(&mut self, node: NodeId) -> ShutdownReport {
        let report = self.run(node, |mesh| async move { mesh.shutdown().await });
        // What the set-up still does after its mesh has closed.
        self.run_node(node);
        self.end(node);
        report
    }

    /// Stops a node's process as SIGSTOP would: none of its tasks goes on, what arrives waits in its socket
    /// until that is full. One that is down or frozen stays as it is.
    pub fn freeze(&mut self, node: NodeId) {
        if self.set_frozen(node, true) {
            self.note(Fault::Pause, node);
        }
    }

    /// Lets a frozen node go on: it finds the time gone by, and reads its socket before it believes its timers.
    pub fn thaw(&mut self, node: NodeId) {
        if self.set_frozen(node, false) {
            self.note(Fault::Resume, node);
            self.run_node(node);
        }
    }

    fn set_frozen(&mut self, node: NodeId, is_frozen: bool) -> bool {
        let member = self.member_mut(node);
        let changes = member.process.is_some() && member.is_frozen != is_frozen;
        member.is_frozen ^= changes;
        changes
    }

    /// Cuts the network in two between these nodes. What is under way is lost too.
    pub fn cut(&mut self, one: &[NodeId], other: &[NodeId]) {
        self.set_cut(one, other, true);
        self.set_cut(other, one, true);
        self.note(Fault::Partition, (one, other));
    }

    /// Cuts one direction: `from` hears `to`, but not the other way round.
    pub fn cut_one_way(&mut self, from: &[NodeId], to: &[NodeId]) {
        self.set_cut(from, to, true);
        self.note(Fault::Cut, (from, to));
    }

    /// Ends all cuts between these nodes.
    pub fn heal(&mut self, one: &[NodeId], other: &[NodeId]) {
        self.set_cut(one, other, false);
        self.set_cut(other, one, false);
        self.note(Fault::Heal, (one, other));
    }

    /// Ends all cuts, and what was said of single paths.
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
        self.assert_ours(from);
        self.assert_ours(to);
        let checked = conditions.map(Conditions::checked);
        self.network.paths.set_conditions(direction, checked);
        self.note(Fault::Conditions, (direction, conditions));
    }

    /// Puts a node on another machine: how wide its links are, and how soon its process wakes up. Its socket
    /// gets the machine's buffer when the node is started again.
    pub fn set_host(&mut self, node: NodeId, host: Host) {
        self.member_mut(node).host = host;
        self.network.set_links(node, host.egress, host.ingress);
        self.note(Fault::Host, (node, host));
    }

    fn set_cut(&mut self, from: &[NodeId], to: &[NodeId], is_cut: bool) {
        for &node in from.iter().chain(to) {
            self.assert_ours(node);
        }
        for &from in from {
            for &to in to {
                self.network.paths.set_cut((from, to), is_cut);
            }
        }
    }

    fn note(&mut self, fault: Fault, what: impl Debug) {
        let now = self.clock.now();
        self.network.record.fault(now, fault, what);
    }
}
