//! Saying goodbye.

use std::time::Duration;

use hobnob_gossip::{DeclaredState, Event, NodeState};

use crate::net::{Net, Weather, addr};

const SECOND: Duration = Duration::from_secs(1);

fn leave_and_check(mut net: Net, seed: u64, loss: u32) {
    let size = net.hosts.len();
    net.leave(1);
    net.run_until(2 * SECOND, |net| {
        net.ever(1, |event| matches!(event, Event::LeaveFinished { .. }))
    });
    let (confirmed, total) = net.hosts[1]
        .events
        .iter()
        .find_map(|(_, event)| match event {
            Event::LeaveFinished { confirmed, total } => Some((*confirmed, *total)),
            _ => None,
        })
        .expect("it has finished");
    assert_eq!(
        (confirmed, total),
        (size - 1, size - 1),
        "seed {seed}, loss {loss}"
    );
    assert!(net.all_see(1, NodeState::Left), "who confirmed, knows");
    net.stop(1);
    net.run_for(5 * SECOND);
    assert!(net.all_see(1, NodeState::Left));
    for by in (0..size).filter(|by| *by != 1) {
        assert!(!net.ever_failed(by, 1), "seed {seed}, loss {loss}, at {by}");
    }
}

#[test]
fn a_leave_is_left_everywhere_and_never_failed() {
    for (size, seeds) in [(2, 20), (10, 20), (64, 2)] {
        for loss in [0, 30] {
            for seed in 0..seeds {
                let net = Net::joined(seed, Weather::lossy(loss), size);
                leave_and_check(net, seed, loss);
            }
        }
    }
}

/// The process ends in the middle of its goodbye, when only one peer has heard it.
#[test]
fn a_goodbye_heard_by_one_peer_reaches_all_before_they_miss_the_node() {
    for seed in 0..20 {
        let mut net = Net::joined(seed, Weather::lossy(30), 16);
        net.declare(1, DeclaredState::Offline);
        net.run_until(5 * SECOND, |net| net.all_know(1, DeclaredState::Offline));
        net.partition(|index| u8::from(![1, 9].contains(&index)));
        net.leave(1);
        net.run_until(SECOND, |net| net.state(9, 1) == Some(NodeState::Left));
        net.stop(1);
        net.partition(|_| 0);
        net.run_for(8 * SECOND);
        assert!(net.all_see(1, NodeState::Left), "seed {seed}");
        for by in (0..16).filter(|by| *by != 1) {
            assert!(!net.ever_failed(by, 1), "seed {seed}, at {by}");
        }
    }
}

/// The node was out of reach for so long that it is declared dead, and says goodbye about then.
#[test]
fn a_verdict_that_overtakes_the_goodbye_of_a_node_shutting_down_is_not_believed_at_once() {
    for seed in 0..20 {
        let mut net = Net::joined(seed, Weather::CALM, 8);
        net.declare(1, DeclaredState::Offline);
        net.run_until(SECOND, |net| net.all_see(1, NodeState::Offline));
        net.partition(|index| u8::from(index == 1));
        let suspects = |net: &Net, by| net.state(by, 1) == Some(NodeState::Suspect);
        net.run_until(30 * SECOND, |net| (0..8).any(|by| suspects(net, by)));
        net.run_for(Duration::from_millis(500));
        net.leave(1);
        // The suspicion of this profile is over half a second after others have confirmed it.
        net.run_for(Duration::from_millis(300));
        assert!(
            (0..8).all(|by| by == 1 || suspects(&net, by)),
            "seed {seed}"
        );
        net.partition(|_| 0);
        net.run_for(20 * SECOND);
        assert!(net.all_see(1, NodeState::Left), "seed {seed}");
        for by in (0..8).filter(|by| *by != 1) {
            assert!(!net.ever_failed(by, 1), "seed {seed}, at {by}");
        }
    }
}

#[test]
fn a_node_shutting_down_that_dies_without_a_goodbye_has_failed() {
    let mut net = Net::joined(3, Weather::CALM, 8);
    net.declare(1, DeclaredState::Offline);
    net.run_for(SECOND);
    net.stop(1);
    net.run_until(20 * SECOND, |net| net.all_see(1, NodeState::Failed));
    assert!((0..8).all(|by| !net.ever_left(by, 1)));
}

#[test]
fn a_late_goodbye_corrects_a_failure() {
    for seed in 0..5 {
        let mut net = Net::joined(seed, Weather::CALM, 10);
        // 1 and 2 are cut off; 1 says goodbye, which only 2 hears, while the others declare both failed.
        net.partition(|index| u8::from(index == 1 || index == 2));
        net.leave(1);
        net.run_for(2 * SECOND);
        net.stop(1);
        net.run_until(30 * SECOND, |net| {
            [0, 3, 9]
                .iter()
                .all(|by| net.state(*by, 1) == Some(NodeState::Failed))
        });
        net.partition(|_| 0);
        net.run_until(30 * SECOND, |net| net.all_see(1, NodeState::Left));
        assert!(net.ever(0, |event| matches!(
            event,
            Event::StateChanged { node, from: NodeState::Failed, to: NodeState::Left }
                if node.addr() == addr(1)
        )));
        net.run_until(30 * SECOND, Net::all_see_all);
    }
}

#[test]
fn offline_is_seen_before_left() {
    let mut net = Net::joined(4, Weather::CALM, 12);
    net.declare(1, DeclaredState::Offline);
    net.run_until(SECOND, |net| net.all_see(1, NodeState::Offline));
    net.leave(1);
    net.run_until(SECOND, |net| net.all_see(1, NodeState::Left));
    for by in (0..12).filter(|by| *by != 1) {
        let states: Vec<NodeState> = net.hosts[by]
            .events
            .iter()
            .filter_map(|(_, event)| match event {
                Event::NodeUp(node) | Event::Left(node) => Some(node),
                Event::StateChanged { node, .. } => Some(node),
                _ => None,
            })
            .filter(|node| node.addr() == addr(1))
            .map(|node| node.state)
            .collect();
        let expected = [NodeState::Online, NodeState::Offline, NodeState::Left];
        assert_eq!(states, expected, "at {by}");
    }
}

#[test]
fn peers_that_do_not_answer_hold_up_a_leave_no_longer_than_its_timeout() {
    let mut net = Net::joined(5, Weather::CALM, 6);
    net.stop(2);
    net.stop(3);
    net.leave(1);
    let took = net.run_until(2 * SECOND, |net| {
        net.ever(1, |event| {
            matches!(
                event,
                Event::LeaveFinished {
                    confirmed: 3,
                    total: 5
                }
            )
        })
    });
    assert_eq!(took, SECOND, "the leave timeout of the profile");
}

#[test]
fn a_node_alone_leaves_at_once() {
    let mut net = Net::new(1, Weather::CALM);
    net.add(0, 1_000);
    net.leave(0);
    let finished = Event::LeaveFinished {
        confirmed: 0,
        total: 0,
    };
    assert!(net.ever(0, |event| *event == finished));
    assert_eq!(net.hosts[0].gossip.me().state, NodeState::Left);
}

#[test]
fn a_node_that_is_leaving_answers_pings_and_nothing_brings_it_back() {
    let mut net = Net::joined(9, Weather::CALM, 8);
    // 5 does not hear the goodbye, and goes on probing.
    net.partition(|index| u8::from(index == 5));
    net.leave(1);
    net.run_for(200 * Duration::from_millis(1));
    net.partition(|index| u8::from(![1, 5].contains(&index)));
    net.run_for(500 * Duration::from_millis(1));
    assert_eq!(net.state(5, 1), Some(NodeState::Left), "told again");
    net.declare(1, DeclaredState::Online);
    net.partition(|_| 0);
    net.run_for(10 * SECOND);
    assert_eq!(net.hosts[1].gossip.me().state, NodeState::Left);
    assert!(net.all_see(1, NodeState::Left));
    assert!(!net.ever(1, |event| matches!(event, Event::SelfRenewed { .. })));
}

/// It has announced itself a moment ago, and counts nobody as a member yet.
#[test]
fn a_goodbye_reaches_those_who_know_the_node_although_it_does_not_know_them() {
    let mut net = Net::joined(6, Weather::CALM, 4);
    net.add(4, 1_000);
    net.announce(4, 0);
    net.run_until(SECOND, |net| net.seen(0, 4).is_some());
    // What it would have learnt is lost with the process that asked for it.
    net.restart(4, 2_000);
    net.with(4, |gossip, now| {
        let myself = addr(4);
        gossip.leave_telling(now, &[addr(0), addr(0), myself]);
    });
    net.run_until(SECOND, |net| {
        net.ever(4, |event| {
            matches!(
                event,
                Event::LeaveFinished {
                    confirmed: 1,
                    total: 1
                }
            )
        })
    });
    net.stop(4);
    net.run_for(10 * SECOND);
    for by in 0..4 {
        assert!(net.seen(by, 4).is_none(), "replaced by one that has left");
        assert!(!net.ever_failed(by, 4));
    }
}
