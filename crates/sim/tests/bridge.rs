//! What bad days have found in the bridge between sessions, membership and messages, each by itself.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use hobnob_sim::{
    Application, At, Conditions, NodeId, Sim,
    endpoint::{
        Event, Target,
        gossip::{GossipConfig, Metadata, Profile},
        messaging::{self, Call, Failure, Token},
        wire::{Command, Generation, Instant},
    },
};

const COUNT: Command = Command(200);
const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Counts what is handled, and keeps how calls ended.
#[derive(Default)]
struct App {
    handled: BTreeMap<(NodeId, Bytes), u32>,
    sent: BTreeMap<u64, Result<(), Failure>>,
}

impl Application for App {
    fn on_start(&mut self, at: &mut At<'_>) {
        at.endpoint.register(COUNT);
    }

    fn on_event(&mut self, at: &mut At<'_>, event: Event) {
        match event {
            Event::Message(messaging::Event::Message { payload, .. }) => {
                *self.handled.entry((at.node, payload)).or_default() += 1;
                at.endpoint.handled(1);
            }
            Event::Message(messaging::Event::Sent { token, result }) => {
                self.sent.insert(token.0, result);
            }
            _ => {}
        }
    }
}

fn two() -> (Sim<App>, NodeId, NodeId) {
    let mut sim = Sim::new(1, Conditions::LAN, App::default());
    let [a, b] = [0; 2].map(|_| {
        sim.start(Metadata::default(), |config| {
            config.gossip = GossipConfig::new(Profile::Local);
        })
    });
    (sim, a, b)
}

fn call(text: &'static str, deadline: Instant, token: u64) -> Call {
    Call {
        command: COUNT,
        payload: Bytes::from(text),
        deadline,
        token: Token(token),
    }
}

fn send(sim: &mut Sim<App>, from: NodeId, to: Target, text: &'static str, token: u64) {
    sim.with(from, |at| {
        let call = call(text, at.now + 5 * SECOND, token);
        at.endpoint.send(at.now, to, call).expect("taken on");
    })
    .expect("alive");
}

fn whoever(sim: &Sim<App>, node: NodeId) -> Target {
    Target {
        addr: sim.addr(node),
        generation: None,
    }
}

fn times_handled(sim: &Sim<App>, node: NodeId, text: &'static str) -> u32 {
    let key = (node, Bytes::from(text));
    sim.app.handled.get(&key).copied().unwrap_or(0)
}

#[test]
fn the_datagram_that_proves_a_session_belongs_to_it() {
    let (mut sim, a, b) = two();
    let (to_a, to_b) = (whoever(&sim, a), whoever(&sim, b));
    send(&mut sim, a, to_b, "to the old process", 1);
    assert!(sim.run_until(SECOND, |sim| sim.app.sent.contains_key(&1)));
    sim.kill(b);
    sim.restart(b);
    // Its first datagram proves its session and carries this message; the ack is lost.
    send(&mut sim, b, to_a, "from the new process", 2);
    let came = |sim: &Sim<App>| times_handled(sim, a, "from the new process") > 0;
    assert!(sim.run_until(SECOND, came));
    sim.cut(a, b, true);
    sim.run_for(20 * MILLISECOND);
    sim.cut(a, b, false);
    assert!(sim.run_until(5 * SECOND, |sim| sim.app.sent.contains_key(&2)));
    assert_eq!(sim.app.sent[&2], Ok(()));
    assert_eq!(times_handled(&sim, a, "from the new process"), 1);
}

#[test]
fn the_first_message_of_a_session_is_not_sent_twice() {
    let (mut sim, a, b) = two();
    let to_b = whoever(&sim, b);
    send(&mut sim, a, to_b, "hello", 1);
    assert!(sim.run_until(10 * MILLISECOND, |sim| sim.app.sent.contains_key(&1)));
    let retransmissions = sim
        .endpoint(a)
        .expect("alive")
        .messages()
        .stats()
        .retransmissions;
    assert_eq!(retransmissions, 0);
}

#[test]
fn a_session_waits_for_its_first_datagram() {
    let (mut sim, a, b) = two();
    let to_b = whoever(&sim, b);
    let answered = |sim: &Sim<App>| {
        let endpoint = sim.endpoint(a).expect("alive");
        let peer = endpoint.sessions().peer_at(to_b.addr);
        peer.is_some_and(|peer| endpoint.is_connected(peer))
    };
    sim.with(a, |at| {
        let call = call("patience", at.now + 20 * SECOND, 1);
        at.endpoint.send(at.now, to_b, call).expect("taken on");
    });
    assert!(sim.run_until(SECOND, answered));
    // Whatever goes into the session at first is lost, as at a queue that is full for long.
    sim.cut(a, b, true);
    sim.run_for(6 * SECOND);
    sim.cut(a, b, false);
    assert!(sim.run_until(5 * SECOND, |sim| sim.app.sent.contains_key(&1)));
    assert_eq!(sim.app.sent[&1], Ok(()));
    assert_eq!(times_handled(&sim, b, "patience"), 1);
}

#[test]
fn a_call_for_the_process_after_a_restart_reaches_it() {
    for hears_of_the_end in [false, true] {
        let (mut sim, a, b) = two();
        let to_b = whoever(&sim, b);
        send(&mut sim, a, to_b, "to the old process", 1);
        assert!(sim.run_until(SECOND, |sim| sim.app.sent.contains_key(&1)));
        sim.kill(b);
        if hears_of_the_end {
            // What is in flight has found nobody there; then the new process says so.
            send(&mut sim, a, to_b, "into the void", 2);
        }
        sim.run_for(500 * MILLISECOND);
        sim.restart(b);
        if hears_of_the_end {
            sim.cut(b, a, true);
            sim.run_for(2 * SECOND);
            sim.cut(b, a, false);
        }
        let new_b = Target {
            addr: sim.addr(b),
            generation: Some(sim.generation(b)),
        };
        send(&mut sim, a, new_b, "to the new process", 3);
        assert!(sim.run_until(5 * SECOND, |sim| sim.app.sent.contains_key(&3)));
        assert_eq!(sim.app.sent[&3], Ok(()));
        assert_eq!(times_handled(&sim, b, "to the new process"), 1);
        assert_eq!(times_handled(&sim, b, "into the void"), 0);
        if hears_of_the_end {
            assert_eq!(sim.app.sent[&2], Err(Failure::PeerRestarted));
        }
    }
}

#[test]
fn a_generation_that_was_renewed_by_hearsay_counts_for_sessions_too() {
    let mut sim = Sim::new(1, Conditions::LAN, App::default());
    let [a, b, c] = [0; 3].map(|_| {
        sim.start(Metadata::default(), |config| {
            config.gossip = GossipConfig::new(Profile::Local);
        })
    });
    // One hears of the other, but never has a session with it.
    sim.partition(&[a], &[b], true);
    let seed = sim.addr(c);
    for id in [a, b] {
        sim.with(id, |at| at.endpoint.join(at.now, seed));
    }
    let known = |sim: &Sim<App>| {
        let node = sim.endpoint(a)?.members().node(sim.addr(b))?;
        Some((node.identity.generation, node.state.is_gone()))
    };
    assert!(sim.run_until(10 * SECOND, |sim| known(sim).is_some()));
    let first = sim.generation(b);
    sim.kill(b);
    assert!(sim.run_until(20 * SECOND, |sim| known(sim) == Some((first, true))));
    // Its clock was set back, and only the one that never met it can tell it so.
    sim.partition(&[a], &[b], false);
    sim.partition(&[c], &[b], true);
    sim.restart_with_generation(b, Generation(first.0 - 1_000));
    let seed = sim.addr(a);
    sim.with(b, |at| at.endpoint.join(at.now, seed));
    let renewed = |sim: &Sim<App>| known(sim).filter(|(it, is_gone)| *it > first && !is_gone);
    assert!(sim.run_until(20 * SECOND, |sim| renewed(sim).is_some()));
    let to_b = Target {
        addr: sim.addr(b),
        generation: renewed(&sim).map(|(generation, _)| generation),
    };
    send(&mut sim, a, to_b, "to the renewed one", 1);
    assert!(sim.run_until(5 * SECOND, |sim| sim.app.sent.contains_key(&1)));
    assert_eq!(sim.app.sent[&1], Ok(()));
    assert_eq!(times_handled(&sim, b, "to the renewed one"), 1);
}
