//! Two nodes, what is between them, and time.

use std::{net::SocketAddr, time::Duration};

use hobnob_endpoint::{
    Target,
    session::limits::{ANSWERS_QUEUED_MAX, RESETS_QUEUED_MAX},
    wire::{Generation, Instant},
};
use hobnob_sim::model::{CallId, Model, Rules};

use super::{
    Journal, Told,
    calls::Saying,
    network::{Flight, Network},
    node::Node,
    processes::GENERATION_STEP,
    script::{At, Code, DATAGRAM_BYTES, Setting, Step},
};
use crate::frames::addr;

/// Datagrams and timers that one run may cost before it comes to its end: enough for a minute of the
/// virtual time that nothing but membership uses.
const FUEL: u32 = 20_000;

/// Datagrams that a node has to send at one moment, at most: answers to handshakes, if it was not asked to
/// send for long, and a window.
const BURST_MAX: usize = ANSWERS_QUEUED_MAX + RESETS_QUEUED_MAX + 200;

/// How long after the faults everything has ended: after the longest patience, the idle time of pieces and
/// the sweep of silent strangers, which takes up to two minutes.
const SETTLED_AFTER: Duration = Duration::from_secs(200);

/// An address, and who has lived there.
pub(super) struct Place {
    pub(super) addr: SocketAddr,
    pub(super) node: Option<Node>,
    /// Datagrams that wait in the socket of a paused process.
    pub(super) waiting: Vec<Flight>,
    /// The highest generation that was ever started or taken here, and the last one that ended.
    pub(super) highest: Generation,
    pub(super) former: Option<Generation>,
    /// Whether datagrams from here get lost.
    pub(super) is_cut: bool,
}

pub(super) struct World {
    pub(super) setting: Setting,
    pub(super) now: Instant,
    pub(super) places: [Place; 2],
    pub(super) network: Network,
    pub(super) model: Model,
    calls: u64,
    pub(super) processes: u32,
    pub(super) fuel: u32,
    pub(super) journal: Journal,
    buffer: Vec<u8>,
}

impl World {
    /// Two processes that were just started; what they do is noted in `journal`.
    pub(super) fn new(setting: Setting, journal: Journal) -> Self {
        let place = |host| Place {
            addr: addr(host),
            node: None,
            waiting: Vec::new(),
            highest: Generation(0),
            former: None,
            is_cut: false,
        };
        let mut world = Self {
            setting,
            now: Instant::from_nanos(1),
            places: [place(1), place(2)],
            network: Network::default(),
            model: Model::new(Rules::default()),
            calls: 0,
            processes: 0,
            fuel: FUEL,
            journal,
            buffer: vec![0; setting.segments() * DATAGRAM_BYTES],
        };
        world.start(0, Generation(GENERATION_STEP));
        world.start(1, Generation(GENERATION_STEP));
        if setting.is_joined() {
            world.join(0);
            world.pass();
        }
        world
    }

    /// Whether there is strength left for another operation.
    pub(super) const fn is_spent(&self) -> bool {
        self.fuel == 0
    }

    pub(super) fn step(&mut self, step: Step) {
        let (now, flights) = (self.now, self.network.len());
        self.journal
            .note(|| format!("{now} {step:?}, {flights} on their way"));
        let node = step.node();
        match step.code {
            Code::Send | Code::SendInOrder | Code::Request | Code::Unreliable | Code::FanOut => {
                self.call(step);
            }
            Code::Kill => self.kill(node),
            Code::Restart => self.restart(node),
            Code::RestartInThePast => {
                self.kill(node);
                // As many as there were processes: none of them was started with it.
                self.start(node, Generation(self.processes.into()));
            }
            Code::Tick => self.tick(step.span()),
            Code::Oversleep => self.oversleep(step.span()),
            Code::Pass => self.pass(),
            Code::Run => self.run(step.span()),
            Code::Pause => self.pause(node),
            Code::Cut => self.places[node].is_cut ^= true,
            Code::Join => self.join(node),
            Code::Deliver
            | Code::Drop
            | Code::Duplicate
            | Code::Corrupt
            | Code::Truncate
            | Code::Reset
            | Code::Replay => self.meddle(step),
            _ => self.act(node, |node, told| node.apply(told, step)),
        }
        self.settle();
    }

    /// The faults end, time passes, and with it everything must come to its end.
    pub(super) fn end(mut self) {
        for node in [0, 1] {
            self.places[node].is_cut = false;
            if self.places[node]
                .node
                .as_ref()
                .is_some_and(|it| it.is_paused)
            {
                self.pause(node);
            }
            if let Some(node) = &mut self.places[node].node {
                node.is_deferred = false;
            }
        }
        self.settle();
        let end = self.now + SETTLED_AFTER;
        loop {
            self.fuel = FUEL;
            self.pass();
            for node in [0, 1] {
                self.act(node, Node::finish_all);
            }
            self.settle();
            if self.network.len() > 0 {
                continue;
            }
            let is_busy = self.nodes().any(|node| !node.held().is_empty());
            match self.next_due() {
                Some(due) if is_busy && due <= end => self.run_due(due),
                _ => break,
            }
        }
        for node in self.nodes() {
            assert_eq!(node.held(), [], "nothing is left of what has ended");
        }
        self.model.finish();
        assert_eq!(self.model.violations(), [], "all ended well");
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.places.iter().filter_map(|place| place.node.as_ref())
    }

    fn call(&mut self, step: Step) {
        let other = &self.places[1 - step.node()];
        let caller = self.places[step.node()].node.as_ref();
        let met = caller.and_then(|caller| caller.has_met(other.addr));
        let generation = match step.at() {
            At::Process => met,
            At::Former => other.former.min(met),
            At::Address | At::Nobody => None,
        };
        let nobody = Target {
            addr: addr(9),
            generation: None,
        };
        let target = match step.at() {
            At::Nobody => nobody,
            _ => Target {
                addr: other.addr,
                generation,
            },
        };
        self.calls += 1;
        let saying = Saying {
            call: CallId(self.calls),
            command: step.command(),
            len: step.length(),
            deadline: self.now + step.patience(),
        };
        self.act(step.node(), |node, told| match step.code {
            Code::Send => node.send(told, target, saying),
            Code::SendInOrder => node.send_in_order(told, target, step.stream(), saying),
            Code::Request => node.request(told, target, saying),
            Code::Unreliable => node.unreliable(told, target, saying),
            _ if target == nobody => node.fan_out(told, &[target], 1, saying),
            _ => node.fan_out(told, &[nobody, target], step.limit(), saying),
        });
    }

    /// Lets the process at a place do something, if there is one that runs.
    pub(super) fn act(&mut self, place: usize, act: impl FnOnce(&mut Node, &mut Told<'_>)) {
        let mut told = Told {
            model: &mut self.model,
            now: self.now,
            journal: self.journal,
        };
        let place = &mut self.places[place];
        if let Some(node) = place.node.as_mut().filter(|node| !node.is_paused) {
            act(node, &mut told);
            node.drain(&mut told);
            place.highest = place.highest.max(node.generation());
        }
    }

    /// Sends what the nodes have to send.
    pub(super) fn settle(&mut self) {
        for place in [0, 1] {
            let is_deferred = self.places[place]
                .node
                .as_ref()
                .is_some_and(|it| it.is_deferred);
            if !is_deferred {
                self.flush(place);
            }
        }
    }

    fn flush(&mut self, place: usize) {
        let place = &mut self.places[place];
        let Some(node) = place.node.as_mut().filter(|node| !node.is_paused) else {
            return;
        };
        let mut told = Told {
            model: &mut self.model,
            now: self.now,
            journal: self.journal,
        };
        let mut bursts = 0;
        while let Some(transmit) = node.endpoint.poll_transmit(self.now, &mut self.buffer) {
            for bytes in transmit.datagrams(&self.buffer) {
                node.sent += 1;
                let (from, to) = (place.addr, transmit.to);
                self.journal
                    .note(|| format!("  {from} sends {} bytes to {to}", bytes.len()));
                if !place.is_cut {
                    self.network.send(Flight {
                        from: place.addr,
                        to: transmit.to,
                        bytes: bytes.to_vec(),
                    });
                }
            }
            bursts += 1;
            assert!(bursts < BURST_MAX, "a node has datagrams without end");
        }
        node.drain(&mut told);
    }
}
