//! Whole nodes under virtual time: the bridge between sessions, membership and messages.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use hobnob_sim::{
    Application, At, Conditions, NodeId, Sim,
    endpoint::{
        CallError, Event, Target,
        gossip::{self, DeclaredState, Metadata, MetadataFields, NodeState, Profile},
        messaging::{self, Call, Failure, Token},
        wire::{Command, Instant, ResponseStatus},
    },
};

const ECHO: Command = Command(200);
const COUNT: Command = Command(201);
const NEVER: Command = Command(202);
const SECOND: Duration = Duration::from_secs(1);

/// Answers, counts, and remembers what came of calls.
#[derive(Default)]
struct App {
    answered: BTreeMap<u64, Result<Bytes, Failure>>,
    sent: BTreeMap<u64, Result<(), Failure>>,
    handled: BTreeMap<(NodeId, Bytes), u32>,
    changes: Vec<(NodeId, gossip::Event)>,
}

impl Application for App {
    fn on_start(&mut self, at: &mut At<'_>) {
        [ECHO, COUNT, NEVER]
            .into_iter()
            .for_each(|c| at.endpoint.register(c));
    }

    fn on_event(&mut self, at: &mut At<'_>, event: Event) {
        match event {
            Event::Message(messaging::Event::Answered { token, result }) => {
                assert!(
                    self.answered.insert(token.0, result).is_none(),
                    "a call ends once"
                );
            }
            Event::Message(messaging::Event::Sent { token, result }) => {
                assert!(
                    self.sent.insert(token.0, result).is_none(),
                    "a call ends once"
                );
            }
            Event::Message(messaging::Event::Message { payload, .. }) => {
                *self.handled.entry((at.node, payload)).or_default() += 1;
                at.endpoint.handled(1);
            }
            Event::Message(messaging::Event::Request {
                key,
                command: ECHO,
                payload,
                ..
            }) => {
                at.endpoint
                    .respond(at.now, key, ResponseStatus::Ok, payload)
                    .unwrap();
            }
            Event::Member(change) => self.changes.push((at.node, change)),
            _ => {}
        }
    }
}

fn cluster(seed: u64, conditions: Conditions, size: usize) -> (Sim<App>, Vec<NodeId>) {
    let mut sim = Sim::new(seed, conditions, App::default());
    let ids: Vec<NodeId> = (0..size).map(|_| start(&mut sim)).collect();
    let formed = (0..60).any(|_| {
        greet(&mut sim, &ids);
        sim.run_until(SECOND, |sim| {
            ids.iter().all(|id| online(sim, *id) == size - 1)
        })
    });
    assert!(formed, "seed {seed}: the cluster forms");
    (sim, ids)
}

/// Whoever is alone greets the first node, as the driver does with its seeds.
fn greet(sim: &mut Sim<App>, ids: &[NodeId]) {
    let first = sim.addr(ids[0]);
    for &id in &ids[1..] {
        sim.with(id, |at| {
            if at.endpoint.members().is_alone() {
                at.endpoint.join(at.now, first);
            }
        });
    }
}

fn start(sim: &mut Sim<App>) -> NodeId {
    let fields = MetadataFields {
        node_type: "udp".into(),
        ..MetadataFields::default()
    };
    sim.start(Metadata::new(fields).unwrap(), |config| {
        config.gossip = gossip::GossipConfig::new(Profile::Local);
    })
}

fn nth(ids: &[NodeId], number: u64) -> NodeId {
    ids[usize::try_from(number).expect("it is small") % ids.len()]
}

fn online(sim: &Sim<App>, id: NodeId) -> usize {
    let endpoint = sim.endpoint(id).expect("alive");
    endpoint
        .members()
        .nodes()
        .filter(|node| node.is_online())
        .count()
}

fn state(sim: &Sim<App>, at: NodeId, of: NodeId) -> Option<NodeState> {
    Some(sim.endpoint(at)?.members().node(sim.addr(of))?.state)
}

fn target(sim: &Sim<App>, to: NodeId) -> Target {
    Target {
        addr: sim.addr(to),
        generation: None,
    }
}

fn call(command: Command, payload: Bytes, deadline: Instant, token: u64) -> Call {
    Call {
        command,
        payload,
        deadline,
        token: Token(token),
    }
}

fn request(sim: &mut Sim<App>, from: NodeId, to: NodeId, command: Command, token: u64) {
    let to = target(sim, to);
    let payload = Bytes::from(token.to_be_bytes().to_vec());
    let request = |at: &mut At<'_>| {
        let call = call(command, payload, at.now + 20 * SECOND, token);
        at.endpoint.request(at.now, to, call)
    };
    sim.with(from, request).expect("alive").expect("taken on");
}

#[test]
fn a_request_finds_its_way_without_any_membership() {
    let mut sim = Sim::new(1, Conditions::LAN, App::default());
    let (a, b) = (start(&mut sim), start(&mut sim));
    request(&mut sim, a, b, ECHO, 7);
    assert!(sim.run_until(SECOND, |sim| sim.app.answered.contains_key(&7)));
    assert_eq!(
        sim.app.answered[&7],
        Ok(Bytes::from(7_u64.to_be_bytes().to_vec()))
    );
}

#[test]
fn calls_get_through_a_bad_network() {
    for seed in 0..20 {
        let bad = Conditions::LAN
            .with_loss(0.2)
            .with_reordering(0.3)
            .with_duplication(0.05)
            .with_corruption(0.02);
        let (mut sim, ids) = cluster(seed, bad, 4);
        for token in 0..100 {
            let (from, to) = (nth(&ids, token), nth(&ids, token + 1));
            request(&mut sim, from, to, ECHO, token);
            let to = target(&sim, to);
            let payload = Bytes::from(format!("message {token}"));
            sim.with(from, |at| {
                let call = call(COUNT, payload, at.now + 20 * SECOND, 1_000 + token);
                at.endpoint.send(at.now, to, call).unwrap();
            });
        }
        assert!(
            sim.run_until(25 * SECOND, |sim| sim.app.answered.len() == 100
                && sim.app.sent.len() == 100),
            "seed {seed}"
        );
        assert!(sim.app.answered.values().all(Result::is_ok), "seed {seed}");
        assert!(sim.app.sent.values().all(Result::is_ok), "seed {seed}");
        assert_eq!(
            sim.app.handled.len(),
            100,
            "seed {seed}: each message was handled"
        );
        assert!(
            sim.app.handled.values().all(|times| *times == 1),
            "seed {seed}: none was handled twice"
        );
    }
}

#[test]
fn a_restart_ends_what_waits_for_the_old_process() {
    let (mut sim, ids) = cluster(3, Conditions::LAN, 3);
    request(&mut sim, ids[0], ids[1], NEVER, 1);
    sim.run_for(Duration::from_millis(50));
    sim.kill(ids[1]);
    sim.restart(ids[1]);
    let first = sim.addr(ids[0]);
    sim.with(ids[1], |at| at.endpoint.join(at.now, first));
    assert!(
        sim.run_until(2 * SECOND, |sim| sim.app.answered.contains_key(&1)),
        "it does not hang"
    );
    assert_eq!(sim.app.answered[&1], Err(Failure::PeerRestarted));
    request(&mut sim, ids[0], ids[1], ECHO, 2);
    assert!(sim.run_until(SECOND, |sim| sim.app.answered.contains_key(&2)));
    assert!(
        sim.app.answered[&2].is_ok(),
        "the new process is talked to as if nothing had been"
    );
}

#[test]
fn a_call_meant_for_the_old_process_is_not_given_to_the_new_one() {
    let (mut sim, ids) = cluster(4, Conditions::LAN, 2);
    let meant = sim
        .endpoint(ids[0])
        .unwrap()
        .members()
        .node(sim.addr(ids[1]))
        .unwrap()
        .identity
        .generation;
    sim.kill(ids[1]);
    sim.restart(ids[1]);
    request(&mut sim, ids[0], ids[1], ECHO, 1);
    assert!(sim.run_until(2 * SECOND, |sim| sim.app.answered.contains_key(&1)));
    let old = Target {
        addr: sim.addr(ids[1]),
        generation: Some(meant),
    };
    let refused = sim.with(ids[0], |at| {
        let call = call(ECHO, Bytes::new(), at.now + SECOND, 2);
        at.endpoint.request(at.now, old, call)
    });
    assert_eq!(refused.unwrap().unwrap_err(), CallError::PeerRestarted);
}

#[test]
fn a_call_that_waits_for_a_session_is_not_given_to_a_later_process() {
    let mut sim = Sim::new(4, Conditions::LAN, App::default());
    let (a, b) = (start(&mut sim), start(&mut sim));
    let seen = sim.endpoint(b).unwrap().sessions().generation();
    sim.kill(b);
    sim.restart(b);
    // The first word between the two: nothing but the target says which process is meant.
    let meant = Target {
        addr: sim.addr(b),
        generation: Some(seen),
    };
    sim.with(a, |at| {
        let payload = Bytes::from_static(b"for the first");
        let call = call(COUNT, payload, at.now + 5 * SECOND, 1);
        at.endpoint.send(at.now, meant, call).unwrap();
    });
    assert!(sim.run_until(2 * SECOND, |sim| sim.app.sent.contains_key(&1)));
    assert_eq!(sim.app.sent[&1], Err(Failure::PeerRestarted));
    assert!(sim.app.handled.is_empty());
}

#[test]
fn nobody_can_be_called_at_an_address_no_node_can_have() {
    let mut sim = Sim::new(5, Conditions::LAN, App::default());
    let a = start(&mut sim);
    for addr in ["10.0.0.2:0", "0.0.0.0:7946", "224.0.0.1:7946"] {
        let to = Target {
            addr: addr.parse().unwrap(),
            generation: None,
        };
        let refused = sim.with(a, |at| {
            let call = call(ECHO, Bytes::new(), at.now + SECOND, 1);
            at.endpoint.request(at.now, to, call)
        });
        assert_eq!(
            refused.unwrap().unwrap_err(),
            CallError::BadAddress,
            "{addr}"
        );
    }
    assert_eq!(sim.datagrams_sent(), 0);
}

#[test]
fn a_dead_node_ends_its_calls_and_is_failed() {
    let (mut sim, ids) = cluster(5, Conditions::LAN, 4);
    request(&mut sim, ids[0], ids[3], NEVER, 1);
    sim.run_for(Duration::from_millis(50));
    sim.kill(ids[3]);
    assert!(sim.run_until(15 * SECOND, |sim| sim.app.answered.contains_key(&1)));
    assert_eq!(sim.app.answered[&1], Err(Failure::PeerDown));
    let failed = |sim: &Sim<App>| {
        ids[..3]
            .iter()
            .all(|at| state(sim, *at, ids[3]) == Some(NodeState::Failed))
    };
    assert!(sim.run_until(15 * SECOND, failed));
    let again = target(&sim, ids[3]);
    let refused = sim.with(ids[0], |at| {
        let call = call(ECHO, Bytes::new(), at.now + SECOND, 2);
        at.endpoint.request(at.now, again, call)
    });
    assert_eq!(
        refused.unwrap().unwrap_err(),
        CallError::PeerDown,
        "known to be dead: no waiting"
    );
}

#[test]
fn leaving_is_seen_as_offline_then_left_and_never_as_failed() {
    for seed in 0..20 {
        let (mut sim, ids) = cluster(seed, Conditions::LAN.with_loss(0.1), 5);
        sim.with(ids[4], |at| {
            at.endpoint.set_state(at.now, DeclaredState::Offline);
        });
        let offline = |sim: &Sim<App>| {
            ids[..4]
                .iter()
                .all(|at| state(sim, *at, ids[4]) == Some(NodeState::Offline))
        };
        assert!(sim.run_until(5 * SECOND, offline), "seed {seed}");
        request(&mut sim, ids[0], ids[4], ECHO, 1);
        assert!(sim.run_until(2 * SECOND, |sim| sim.app.answered.contains_key(&1)));
        assert!(
            sim.app.answered[&1].is_ok(),
            "seed {seed}: an offline node still serves"
        );
        sim.with(ids[4], |at| at.endpoint.leave(at.now));
        let finished = |sim: &Sim<App>| {
            sim.app
                .changes
                .iter()
                .any(|(_, change)| matches!(change, gossip::Event::LeaveFinished { .. }))
        };
        assert!(sim.run_until(10 * SECOND, finished), "seed {seed}");
        sim.kill(ids[4]);
        sim.run_for(20 * SECOND);
        for &at in &ids[..4] {
            assert_eq!(
                state(&sim, at, ids[4]),
                Some(NodeState::Left),
                "seed {seed}"
            );
        }
        let gone = sim.addr(ids[4]);
        let failed = |(_, change): &(NodeId, gossip::Event)| matches!(change, gossip::Event::Failed(node) if node.addr() == gone);
        assert!(
            !sim.app.changes.iter().any(failed),
            "seed {seed}: never failed"
        );
    }
}

#[test]
fn who_leaves_right_after_joining_has_left_and_not_failed() {
    for micros in (0..6_000).step_by(250) {
        let (mut sim, ids) = cluster(9, Conditions::LAN, 3);
        let seed = sim.addr(ids[0]);
        let late = start(&mut sim);
        sim.with(late, |at| at.endpoint.join(at.now, seed));
        sim.run_for(Duration::from_micros(micros));
        sim.with(late, |at| at.endpoint.leave(at.now));
        let finished = |(node, change): &(NodeId, gossip::Event)| {
            *node == late && matches!(change, gossip::Event::LeaveFinished { .. })
        };
        let leave = sim.run_until(5 * SECOND, |sim| sim.app.changes.iter().any(finished));
        assert!(leave, "{micros} µs");
        sim.kill(late);
        sim.run_for(30 * SECOND);
        for &at in &ids {
            let seen = state(&sim, at, late);
            assert!(
                matches!(seen, None | Some(NodeState::Left)),
                "{micros} µs: {seen:?}"
            );
        }
    }
}

#[test]
fn a_paused_node_comes_back() {
    let (mut sim, ids) = cluster(6, Conditions::LAN, 4);
    sim.pause(ids[2]);
    sim.run_for(10 * SECOND);
    assert_eq!(state(&sim, ids[0], ids[2]), Some(NodeState::Failed));
    sim.resume(ids[2]);
    let whole = |sim: &Sim<App>| ids.iter().all(|id| online(sim, *id) == 3);
    assert!(sim.run_until(90 * SECOND, whole));
    request(&mut sim, ids[0], ids[2], ECHO, 1);
    assert!(sim.run_until(2 * SECOND, |sim| sim.app.answered.contains_key(&1)));
    assert!(sim.app.answered[&1].is_ok());
}

#[test]
fn a_stale_generation_is_raised_above_what_was_seen() {
    let (mut sim, ids) = cluster(8, Conditions::LAN, 2);
    let (first, second) = (sim.addr(ids[0]), sim.addr(ids[1]));
    let seen = sim.endpoint(ids[1]).unwrap().sessions().generation();
    sim.kill(ids[1]);
    sim.run_for(15 * SECOND);
    // The clock was set back: the process comes up with a generation before its last one.
    sim.restart_with_generation(ids[1], hobnob_sim::endpoint::wire::Generation(seen.0 - 1));
    sim.with(ids[1], |at| at.endpoint.join(at.now, first));
    let back = |sim: &Sim<App>| {
        let node = sim
            .endpoint(ids[0])
            .and_then(|e| e.members().node(second).cloned());
        node.is_some_and(|node| node.is_online() && node.identity.generation > seen)
    };
    let rejoined = (0..60).any(|_| {
        sim.with(ids[1], |at| {
            if at.endpoint.members().is_alone() {
                at.endpoint.join(at.now, first);
            }
        });
        sim.run_until(SECOND, back)
    });
    assert!(rejoined);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let (mut sim, ids) = cluster(
            seed,
            Conditions::LAN.with_loss(0.2).with_duplication(0.1),
            6,
        );
        for token in 0..50 {
            request(&mut sim, ids[0], nth(&ids[1..], token), ECHO, token);
        }
        sim.kill(ids[5]);
        sim.run_for(10 * SECOND);
        (sim.trace(), sim.datagrams_sent(), sim.datagrams_lost())
    };
    assert_eq!(run(42), run(42));
    assert_ne!(run(42).0, run(43).0);
}

/// Times anybody began to suspect anybody.
fn suspicions(sim: &Sim<App>) -> usize {
    let begins = |event: &gossip::Event| {
        matches!(
            event,
            gossip::Event::StateChanged {
                to: NodeState::Suspect,
                ..
            }
        )
    };
    let changes = sim.app.changes.iter();
    changes.filter(|(_, event)| begins(event)).count()
}

/// SWIM asks once, directly and by way of others; one lost datagram must not make a suspect.
#[test]
fn a_third_of_all_datagrams_lost_makes_nobody_a_suspect() {
    for seed in 0..3 {
        let (mut sim, _) = cluster(seed, Conditions::LAN, 8);
        // Time for each pair to shake hands: the first probe of a stranger needs that too.
        sim.run_for(10 * SECOND);
        sim.set_conditions(Conditions::LAN.with_loss(0.3));
        sim.run_for(Duration::from_secs(60));
        assert_eq!(suspicions(&sim), 0, "seed {seed}");
    }
}

/// What it sends says nothing about whether it hears: only its answers do.
#[test]
fn a_node_that_is_heard_but_hears_nothing_fails() {
    let (mut sim, ids) = cluster(1, Conditions::LAN, 5);
    for &other in &ids[1..] {
        sim.cut(other, ids[0], true);
    }
    let failed = sim.run_until(Duration::from_secs(30), |sim| {
        let gone = |at: &NodeId| state(sim, *at, ids[0]) == Some(NodeState::Failed);
        ids[1..].iter().all(gone)
    });
    assert!(failed, "everybody misses it");
}

/// Eight tries to reach it succeed more often than not, so it would stay for ever; but it knows, and says nothing
/// for itself.
#[test]
fn a_node_that_hears_a_fifth_fails_and_comes_back_when_it_hears_again() {
    for seed in 0..3 {
        let (mut sim, ids) = cluster(seed, Conditions::LAN, 8);
        sim.run_for(10 * SECOND);
        let others = &ids[1..];
        let lossy = Conditions::LAN.with_loss(0.8);
        for &other in others {
            sim.set_path_conditions(other, ids[0], Some(lossy));
        }
        let sees = |sim: &Sim<App>, at: &NodeId| state(sim, *at, ids[0]);
        let failed = |sim: &Sim<App>| {
            let mut seen = others.iter().map(|at| sees(sim, at));
            seen.all(|state| state == Some(NodeState::Failed))
        };
        assert!(sim.run_until(90 * SECOND, failed), "seed {seed}: it fails");
        for _ in 0..30 {
            sim.run_for(SECOND);
            assert!(failed(&sim), "seed {seed}: and stays so");
        }
        sim.heal_all();
        let back = |sim: &Sim<App>| {
            let mut seen = others.iter().map(|at| sees(sim, at));
            seen.all(|state| state == Some(NodeState::Online)) && online(sim, ids[0]) == 7
        };
        assert!(sim.run_until(60 * SECOND, back), "seed {seed}: it is back");
        let healthy: Vec<_> = others.iter().map(|id| sim.addr(*id)).collect();
        let is_wrong = |(at, event): &(NodeId, gossip::Event)| {
            *at != ids[0]
                && matches!(event, gossip::Event::Failed(node) if healthy.contains(&node.addr()))
        };
        let wrong = sim.app.changes.iter().find(|change| is_wrong(change));
        assert_eq!(wrong, None, "seed {seed}: nobody else fails");
    }
}

/// A bad network is not a bad node, nor is an outage that is over.
#[test]
fn nobody_takes_a_bad_network_for_its_own_deafness() {
    let hears_badly = |sim: &Sim<App>, id: NodeId| {
        let now = sim.clock(id).expect("alive");
        sim.endpoint(id).expect("alive").sessions().hears_badly(now)
    };
    let (mut sim, ids) = cluster(4, Conditions::LAN, 8);
    sim.set_conditions(Conditions::LAN.with_loss(0.4));
    for _ in 0..60 {
        sim.run_for(SECOND);
        assert!(
            !ids.iter().any(|id| hears_badly(&sim, *id)),
            "a bad network"
        );
    }
    sim.set_conditions(Conditions::LAN);
    for &other in &ids[1..] {
        sim.cut(other, ids[0], true);
    }
    sim.run_for(3 * SECOND);
    sim.heal_all();
    for _ in 0..30 {
        sim.run_for(SECOND);
        assert!(!hears_badly(&sim, ids[0]), "an outage that is over");
    }
}
