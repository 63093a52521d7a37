//! Crashes, pauses and partitions.

use std::time::Duration;

use hobnob_gossip::{Event, NodeState};

use crate::net::{Net, Weather, addr, largest_metadata};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_crash_is_failed_everywhere_and_never_left() {
    for (size, loss) in [(2, 0), (3, 0), (10, 0), (64, 0), (10, 30), (64, 20)] {
        for seed in 0..3 {
            let mut net = Net::joined(seed, Weather::lossy(loss), size);
            net.run_for(SECOND);
            net.stop(1);
            let took = net.run_until(60 * SECOND, |net| net.all_see(1, NodeState::Failed));
            assert!(took < 15 * SECOND, "{size} nodes, seed {seed}: {took:?}");
            net.run_for(5 * SECOND);
            assert!(net.all_see(1, NodeState::Failed));
            for by in (0..size).filter(|by| *by != 1) {
                assert!(!net.ever_left(by, 1));
            }
        }
    }
}

#[test]
fn the_last_peer_to_fail_leaves_a_node_alone() {
    let mut net = Net::joined(1, Weather::CALM, 2);
    net.stop(1);
    net.run_until(20 * SECOND, |net| net.hosts[0].gossip.is_alone());
    assert!(net.ever(0, |event| *event == Event::Alone));
    net.run_for(SECOND);
    net.restart(1, 2_000);
    net.announce(0, 1);
    net.run_until(SECOND, Net::all_see_all);
}

#[test]
fn a_failing_node_is_suspect_first() {
    let mut net = Net::joined(2, Weather::CALM, 10);
    net.stop(4);
    net.run_until(30 * SECOND, |net| net.all_see(4, NodeState::Failed));
    for by in (0..10).filter(|by| *by != 4) {
        let suspected = net.hosts[by].events.iter().position(|(_, event)| {
            matches!(event, Event::StateChanged { node, to: NodeState::Suspect, .. } if node.addr() == addr(4))
        });
        let failed = net.hosts[by]
            .events
            .iter()
            .position(|(_, event)| matches!(event, Event::Failed(node) if node.addr() == addr(4)));
        assert!(suspected.is_some() && suspected < failed, "at {by}");
    }
}

/// What is refuted in time is forgotten: the node does not have to come back as a new one.
#[test]
fn a_short_pause_is_suspicion_and_nothing_else() {
    for seed in 0..5 {
        let mut net = Net::joined(seed, Weather::CALM, 10);
        net.stop(4);
        net.run_until(30 * SECOND, |net| {
            net.state(0, 4) == Some(NodeState::Suspect)
        });
        net.resume(4);
        net.run_until(3 * SECOND, |net| net.all_see(4, NodeState::Online));
        net.run_for(10 * SECOND);
        assert!(net.all_see_all(), "seed {seed}");
        assert!(
            !net.ever(4, |e| matches!(e, Event::SelfRenewed { .. })),
            "seed {seed}"
        );
        assert!((0..10).all(|by| !net.ever_failed(by, 4)), "seed {seed}");
    }
}

#[test]
fn a_third_of_all_payloads_lost_is_no_reason_to_declare_anybody_dead() {
    let mut net = Net::joined(1, Weather::lossy(30), 16);
    net.run_for(60 * SECOND);
    for by in 0..16 {
        assert!((0..16).all(|whom| !net.ever_failed(by, whom)));
    }
    assert!(net.all_see_all());
}

#[test]
fn a_node_declared_dead_by_mistake_comes_back_as_itself() {
    for (seed, loss) in [(0, 0), (1, 0), (2, 30), (3, 30)] {
        let mut net = Net::joined(seed, Weather::lossy(loss), 10);
        let before = net.seen(0, 4).expect("joined").identity;
        net.stop(4);
        net.run_until(60 * SECOND, |net| net.all_see(4, NodeState::Failed));
        net.resume(4);
        let took = net.run_until(10 * SECOND, Net::all_see_all);
        assert!(took < 4 * SECOND, "seed {seed}: {took:?}");
        assert_eq!(net.seen(0, 4).expect("seen again").identity, before);
        assert!(net.ever(
            4,
            |e| matches!(e, Event::SelfRenewed { identity } if *identity == before)
        ));
        for by in (0..10).filter(|by| *by != 4) {
            assert!(!net.ever_left(by, 4));
            assert!(!net.ever(by, |e| matches!(e, Event::Replaced { .. })));
        }
    }
}

#[test]
fn a_partition_heals_without_help() {
    for (seed, size, loss) in [(0, 6, 0), (1, 16, 0), (2, 16, 20), (3, 40, 0)] {
        let mut net = Net::joined(seed, Weather::lossy(loss), size);
        net.partition(|index| u8::from(index % 2 == 0));
        net.run_until(120 * SECOND, |net| {
            (0..size).all(|by| {
                (0..size)
                    .filter(|whom| whom % 2 != by % 2)
                    .all(|whom| net.state(by, whom) == Some(NodeState::Failed))
            })
        });
        net.run_for(5 * SECOND);
        let quiet: Vec<usize> = net.hosts.iter().map(|host| host.events.len()).collect();
        net.partition(|_| 0);
        let took = net.run_until(30 * SECOND, Net::all_see_all);
        assert!(took < 10 * SECOND, "{size} nodes, seed {seed}: {took:?}");
        for (by, quiet) in quiet.into_iter().enumerate() {
            let since = &net.hosts[by].events[quiet..];
            let same_side_failed = since.iter().any(|(_, event)| {
                matches!(event, Event::Failed(node)
                    if (0..size).any(|w| w % 2 == by % 2 && addr(w) == node.addr()))
            });
            assert!(
                !same_side_failed,
                "healing must not fail one's own side: {since:?}"
            );
        }
    }
}

#[test]
fn large_records_do_not_get_in_the_way_of_failure_detection() {
    let mut net = Net::joined(5, Weather::lossy(10), 24);
    let mut round = 0;
    net.stop(7);
    let began = net.now;
    while !net.all_see(7, NodeState::Failed) {
        // Everybody changes all of its metadata ten times a second.
        for index in (0..24).filter(|index| *index != 7) {
            let large = largest_metadata(index, round);
            net.with(index, |gossip, now| gossip.set_metadata(now, large));
        }
        round = round.wrapping_add(1);
        net.run_for(Duration::from_millis(100));
        assert!(net.now.saturating_since(began) < 15 * SECOND);
    }
    net.run_for(3 * SECOND);
    let false_alarms = (0..24)
        .flat_map(|by| &net.hosts[by].events)
        .filter(|(_, event)| matches!(event, Event::Failed(node) if node.addr() != addr(7)))
        .count();
    assert_eq!(false_alarms, 0);
    assert!(net.all_see_all(), "and the records arrive");
}

#[test]
fn nobody_gone_is_revived_by_a_joiner_or_a_comparison() {
    let mut net = Net::joined(6, Weather::CALM, 12);
    net.stop(3);
    net.leave(5);
    net.run_for(2 * SECOND);
    net.stop(5);
    net.run_until(60 * SECOND, |net| {
        (0..12).all(|by| [3, 5].contains(&by) || net.state(by, 3) == Some(NodeState::Failed))
    });
    let events: Vec<usize> = net.hosts.iter().map(|host| host.events.len()).collect();

    net.add(12, 1_000);
    net.announce(12, 0);
    net.run_for(20 * SECOND);
    assert_eq!(net.seen(12, 3), None);
    assert_eq!(net.seen(12, 5), None);
    for by in (0..12).filter(|by| ![3, 5].contains(by)) {
        assert_eq!(net.state(by, 3), Some(NodeState::Failed));
        assert_eq!(net.state(by, 5), Some(NodeState::Left));
        let since = &net.hosts[by].events[events[by]..];
        assert!(
            matches!(since, [(_, Event::NodeUp(node))] if node.addr() == addr(12)),
            "{since:?}"
        );
    }
}

#[test]
fn gone_nodes_are_forgotten_after_a_while() {
    let mut net = Net::with_config(
        8,
        Weather::CALM,
        crate::net::config(|config| {
            config.suspicion_multiplier = 1;
            config.suspicion_stretch = 1;
            config.forget_after = 13 * SECOND;
        }),
    );
    for index in 0..5 {
        net.add(index, 1_000);
    }
    net.join_all();
    net.stop(3);
    net.leave(4);
    net.run_for(8 * SECOND);
    net.stop(4);
    assert_eq!(net.state(0, 3), Some(NodeState::Failed));
    assert_eq!(net.state(0, 4), Some(NodeState::Left));
    let before = net.hosts[0].gossip.version();
    net.run_for(15 * SECOND);
    assert_eq!(net.hosts[0].gossip.nodes().count(), 2);
    assert!(net.hosts[0].gossip.version() > before);
}
