//! Two nodes that connect to each other at the same moment.

mod common;

use std::time::Duration;

use common::{FAIR, Node, Packet, Weather, World, addr, config, ms};
use hobnob_session::Event;
use hobnob_wire::Instant;

fn established(events: &[Event]) -> usize {
    let is = |event: &&Event| matches!(event, Event::Established { .. });
    events.iter().filter(is).count()
}

/// Goes through all sequences of choices, the last one changing fastest.
struct Choices {
    taken: Vec<(usize, usize)>,
    next: usize,
}

impl Choices {
    fn choose(&mut self, of: usize) -> usize {
        if self.next == self.taken.len() {
            self.taken.push((0, of));
        }
        let (choice, options) = self.taken[self.next];
        assert_eq!(options, of, "the same choices lead to the same options");
        self.next += 1;
        choice
    }

    /// Moves on to the next sequence; false after the last one.
    fn advance(&mut self) -> bool {
        self.next = 0;
        while let Some((choice, of)) = self.taken.pop() {
            if choice + 1 < of {
                self.taken.push((choice + 1, of));
                return true;
            }
        }
        false
    }
}

/// Two nodes whose datagrams arrive, are doubled or lost as is chosen.
struct Opening {
    now: Instant,
    nodes: [Node; 2],
    under_way: Vec<Packet>,
}

impl Opening {
    /// `late` is how the second node comes to connect: at once, or after it got the first one's hello.
    fn new(late: bool) -> Self {
        let now = Instant::ZERO;
        let nodes = [0, 1].map(|number| Node::new(number, config(1), number as u64, now));
        let mut opening = Self {
            now,
            nodes,
            under_way: Vec::new(),
        };
        opening.connect(0);
        if late {
            let hello = opening.under_way.remove(0);
            opening.arrive(&hello);
        }
        opening.connect(1);
        opening
    }

    fn connect(&mut self, node: usize) {
        let to = addr(1 - node);
        self.nodes[node]
            .sessions
            .connect(self.now, to)
            .expect("room");
        self.drain(node);
    }

    fn drain(&mut self, node: usize) {
        let before = established(&self.nodes[node].events);
        let sent = self.nodes[node].drain(self.now);
        self.under_way.extend(sent);
        if established(&self.nodes[node].events) > before {
            self.say(node);
        }
    }

    fn say(&mut self, node: usize) {
        let data = self.nodes[node].data(addr(1 - node), b"data");
        self.under_way.extend(data);
    }

    fn arrive(&mut self, packet: &Packet) {
        let node = usize::from(packet.to == addr(1));
        self.nodes[node].take(self.now, packet.from, &packet.bytes);
        self.drain(node);
    }

    fn fire_timer(&mut self) {
        let due = |node: &Node| node.sessions.poll_timeout().map(|deadline| deadline.at);
        if let Some(at) = self.nodes.iter().filter_map(due).min() {
            self.now = self.now.max(at);
        }
        for node in 0..2 {
            self.nodes[node].sessions.handle_timeout(self.now);
            self.drain(node);
        }
    }

    fn one_choice(&mut self, choices: &mut Choices) {
        let choice = choices.choose(self.under_way.len() * 3 + 1);
        if choice == self.under_way.len() * 3 {
            return self.fire_timer();
        }
        let index = choice / 3;
        match choice % 3 {
            0 => {
                let packet = self.under_way.remove(index);
                self.arrive(&packet);
            }
            1 => {
                let packet = self.under_way[index].clone();
                self.arrive(&packet);
            }
            _ => {
                self.under_way.remove(index);
            }
        }
    }

    /// From now on everything arrives.
    fn settle(&mut self) {
        for _ in 0..100 {
            while !self.under_way.is_empty() {
                let packet = self.under_way.remove(0);
                self.arrive(&packet);
            }
            if self.nodes.iter().all(|node| !node.bodies.is_empty()) {
                return;
            }
            self.say(0);
            self.say(1);
            if self.under_way.is_empty() {
                self.fire_timer();
            }
        }
    }
}

fn every_interleaving(late: bool, depth: usize) -> usize {
    let mut choices = Choices {
        taken: Vec::new(),
        next: 0,
    };
    let mut runs = 0;
    loop {
        let mut opening = Opening::new(late);
        for _ in 0..depth {
            opening.one_choice(&mut choices);
        }
        opening.settle();
        for (number, node) in opening.nodes.iter_mut().enumerate() {
            let events = &node.events;
            let trace = &choices.taken;
            assert!(!node.bodies.is_empty(), "{number}: no data came, {trace:?}");
            assert_eq!(events.len(), 1, "{number}: {events:?} after {trace:?}");
            assert_eq!(established(events), 1);
            assert_eq!(node.sessions.stats().resets_sent, 0, "{trace:?}");
            assert_eq!(node.sessions.poll_timeout(), None, "{trace:?}");
        }
        runs += 1;
        if !choices.advance() {
            return runs;
        }
    }
}

#[test]
fn every_interleaving_of_two_hellos_ends_in_one_session() {
    assert!(every_interleaving(false, 5) > 10_000);
}

#[test]
fn every_interleaving_ends_in_one_session_when_one_connects_after_it_answered() {
    assert!(every_interleaving(true, 5) > 10_000);
}

/// Nodes that greet each other now and then, and connect again after each failure.
fn chat(world: &mut World, duration: Duration) {
    let until = world.now + duration;
    while world.now < until {
        world.run_for(ms(50));
        for node in 0..2 {
            let other = addr(1 - node);
            if !world.say(node, other, b"greeting") {
                world.connect(node, other);
            }
        }
    }
}

#[test]
fn a_thousand_simultaneous_opens_converge_in_bad_weather() {
    let weather = Weather {
        loss: 30,
        duplication: 5,
        delay_ms: 60,
    };
    for seed in 0..1_000 {
        let mut world = World::new(2, seed, weather);
        world.connect(0, addr(1));
        world.connect(1, addr(0));
        chat(&mut world, ms(4_000));
        world.weather = FAIR;
        chat(&mut world, ms(2_000));

        for node in 0..2 {
            let events = &world.nodes[node].events;
            assert_eq!(established(events), 1, "seed {seed}: {events:?}");
            assert_eq!(events.len(), 1, "seed {seed}: {events:?}");
            world.nodes[node].bodies.clear();
        }
        for node in 0..2 {
            assert!(world.say(node, addr(1 - node), b"final"), "seed {seed}");
        }
        world.run_for(ms(10));
        for node in &world.nodes {
            assert_eq!(node.bodies.last().expect("data came").2, b"final");
        }
    }
}
