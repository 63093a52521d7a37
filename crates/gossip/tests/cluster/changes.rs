//! What a node says about itself, and who it is.

use std::{collections::BTreeSet, time::Duration};

use hobnob_gossip::{
    DeclaredState, Event, Gossip, Identity, Metadata, MetadataError, MetadataFields, NodeState,
    Profile, limits,
};
use hobnob_wire::{Generation, Instant};

use crate::net::{Net, Weather, addr, metadata, metadata_with_role};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn changed_metadata_and_state_reach_everybody_at_30_percent_loss() {
    for (size, seeds) in [(2, 10), (16, 10), (64, 3)] {
        for seed in 0..seeds {
            let mut net = Net::joined(seed, Weather::lossy(30), size);
            net.with(1, |gossip, now| {
                gossip.set_metadata(now, metadata_with_role(1, "harbour"));
                gossip.set_state(now, DeclaredState::Taken);
            });
            let took = net.run_until(10 * SECOND, |net| net.all_know(1, DeclaredState::Taken));
            assert!(took < 2 * SECOND, "{size} nodes, seed {seed}: {took:?}");
            let seen = net.seen(0, 1).expect("joined");
            assert_eq!(seen.metadata.role(), "harbour");
            assert!(net.ever(0, |event| matches!(
                event,
                Event::MetadataChanged { node, old }
                    if node.metadata.role() == "harbour" && old.role().is_empty()
            )));
        }
    }
}

#[test]
fn news_spreads_within_a_few_gossip_rounds() {
    let mut net = Net::joined(1, Weather::CALM, 64);
    net.run_for(2 * SECOND);
    net.declare(9, DeclaredState::Taken);
    let took = net.run_until(SECOND, |net| net.all_see(9, NodeState::Taken));
    assert!(took < Duration::from_millis(300), "{took:?}");
}

#[test]
fn the_last_of_many_changes_wins() {
    let mut net = Net::joined(2, Weather::lossy(30), 10);
    for round in 0..50u8 {
        let metadata = metadata_with_role(3, &round.to_string());
        net.with(3, |gossip, now| gossip.set_metadata(now, metadata));
        net.run_for(Duration::from_millis(13));
    }
    net.run_until(5 * SECOND, Net::all_see_all);
    for by in (0..10).filter(|by| *by != 3) {
        let rounds: Vec<u8> = net.hosts[by]
            .events
            .iter()
            .filter_map(|(_, event)| match event {
                Event::MetadataChanged { node, .. } => node.metadata.role().parse().ok(),
                _ => None,
            })
            .collect();
        assert!(rounds.is_sorted(), "never back to an older one: {rounds:?}");
    }
}

#[test]
fn the_version_grows_with_every_visible_change_and_only_then() {
    let mut net = Net::joined(3, Weather::CALM, 5);
    net.run_for(2 * SECOND);
    let before = net.hosts[0].gossip.version();
    net.run_for(5 * SECOND);
    assert_eq!(net.hosts[0].gossip.version(), before, "quiet");
    net.declare(4, DeclaredState::Taken);
    net.run_for(SECOND);
    assert_eq!(net.hosts[0].gossip.version(), before + 1);
    net.declare(0, DeclaredState::Taken);
    assert_eq!(net.hosts[0].gossip.version(), before + 2, "its own counts");
}

#[test]
fn a_restart_at_the_same_address_replaces_the_process_before() {
    for loss in [0, 30] {
        let mut net = Net::joined(4, Weather::lossy(loss), 10);
        let old = net.seen(0, 6).expect("joined").identity;
        net.stop(6);
        net.restart(6, 2_000);
        while net.hosts[6].gossip.is_alone() {
            net.announce(6, 0);
            net.run_for(Duration::from_millis(50));
        }
        net.run_until(5 * SECOND, Net::all_see_all);
        for by in (0..10).filter(|by| *by != 6) {
            let seen = net.seen(by, 6).expect("back").identity;
            assert_eq!(seen.generation, Generation(2_000));
            let replaced = |event: &Event| matches!(event, Event::Replaced { old: o, new } if o.identity == old && *new == seen);
            assert!(net.ever(by, replaced), "at {by}");
            assert!(!net.ever_failed(by, 6), "it was never missed");
        }
    }
}

#[test]
fn a_restart_after_the_crash_was_noticed_is_a_new_node() {
    let mut net = Net::joined(5, Weather::CALM, 10);
    net.stop(6);
    net.run_until(30 * SECOND, |net| net.all_see(6, NodeState::Failed));
    net.restart(6, 2_000);
    net.announce(6, 3);
    net.run_until(3 * SECOND, Net::all_see_all);
    let last: Vec<_> = net.hosts[0]
        .events
        .iter()
        .rev()
        .take(2)
        .map(|(_, e)| e)
        .collect();
    assert!(
        matches!(last[..], [Event::NodeUp(up), Event::Replaced { old, .. }]
            if up.addr() == addr(6) && old.state == NodeState::Failed),
        "{last:?}"
    );
}

/// The clock of the machine was set back, so the new process began below the old one.
#[test]
fn a_restart_with_a_smaller_generation_outgrows_its_past() {
    for gone in [false, true] {
        let mut net = Net::joined(6, Weather::CALM, 10);
        net.stop(6);
        if gone {
            net.run_until(30 * SECOND, |net| net.all_see(6, NodeState::Failed));
        }
        net.restart(6, 500);
        net.announce(6, 3);
        net.run_until(5 * SECOND, Net::all_see_all);
        let generation = net.seen(0, 6).expect("back").identity.generation;
        assert!(generation > Generation(1_000), "{generation}");
        assert!(net.ever(6, |event| matches!(
            event,
            Event::SelfRenewed { identity } if identity.generation == generation
        )));
    }
}

/// Of the process before it no more than its generation is known: it has not spoken yet.
#[test]
fn a_restart_with_a_smaller_generation_outgrows_a_past_without_a_record() {
    let now = Instant::ZERO;
    let node = |index, generation| {
        let me = Identity {
            addr: addr(index),
            generation: Generation(generation),
        };
        Gossip::new(Profile::Lan.into(), me, metadata(index), 6, now)
    };
    let mut pair = [node(0, 1_000), node(1, 1_000)];
    pair[1].announce(now, addr(0));
    exchange(&mut pair, now);
    pair[0].observed_restart(now, addr(1), Generation(2_000));
    pair[1] = node(1, 500);
    pair[1].announce(now, addr(0));
    exchange(&mut pair, now);
    let me = pair[1].me().identity;
    assert!(me.generation > Generation(2_000), "{me}");
    assert_eq!(pair[0].nodes().next().map(|node| node.identity), Some(me));
}

/// Lets two nodes talk until neither has anything to say.
fn exchange(pair: &mut [Gossip; 2], now: Instant) {
    for turn in 0..50 {
        let mut quiet = true;
        for from in [0, 1] {
            while let Some((_, payload)) = pair[from].poll_transmit() {
                quiet = false;
                pair[1 - from]
                    .handle_payload(now, addr(from), &payload)
                    .unwrap_or_else(|error| panic!("turn {turn}: {error}"));
            }
        }
        if quiet {
            return;
        }
    }
    panic!("two nodes have something to say for ever");
}

/// It began below its past twice, and the second time its past had said goodbye.
#[test]
fn a_restart_with_a_smaller_generation_outgrows_its_own_goodbye() {
    let mut net = Net::joined(6, Weather::CALM, 10);
    net.leave(6);
    net.run_for(2 * SECOND);
    for generation in [999, 1_000] {
        net.stop(6);
        net.restart(6, generation);
        net.announce(6, 3);
        net.run_until(5 * SECOND, Net::all_see_all);
        let identity = net.hosts[6].gossip.me().identity;
        assert!(identity.generation > Generation(1_000), "{identity}");
        net.leave(6);
        net.run_until(SECOND, |net| net.all_see(6, NodeState::Left));
    }
}

#[test]
fn a_restart_that_the_session_proved_ends_the_old_process_at_once() {
    let mut net = Net::joined(7, Weather::CALM, 10);
    net.stop(6);
    net.restart(6, 2_000);
    net.with(0, |gossip, now| {
        gossip.observed_restart(now, addr(6), Generation(2_000));
    });
    assert!(net.ever(0, |event| matches!(
        event,
        Event::Replaced { old, new }
            if old.addr() == addr(6) && new.generation == Generation(2_000)
    )));
    assert_eq!(net.seen(0, 6), None, "nothing is known of the new one yet");
    net.run_until(3 * SECOND, Net::all_see_all);

    let version = net.hosts[0].gossip.version();
    net.with(0, |gossip, now| {
        gossip.observed_restart(now, addr(6), Generation(2_000));
        gossip.observed_restart(now, addr(6), Generation(3));
        gossip.observed_restart(now, addr(999), Generation(9));
    });
    assert_eq!(net.hosts[0].gossip.version(), version, "nothing new");
}

#[test]
fn metadata_beyond_its_limits_is_refused_by_name() {
    let long = "x".repeat(limits::NAME_BYTES_MAX + 1);
    let fields = || MetadataFields::default();
    let name = Metadata::new(MetadataFields {
        name: long.clone(),
        ..fields()
    });
    assert_eq!(
        name,
        Err(MetadataError::TooLong {
            field: "name",
            value: long,
            limit: limits::NAME_BYTES_MAX
        })
    );
    let control = Metadata::new(MetadataFields {
        role: "a\nb".into(),
        ..fields()
    });
    assert!(matches!(
        control,
        Err(MetadataError::ControlCharacter { field: "role", .. })
    ));
    let empty = Metadata::new(MetadataFields {
        endpoint: Some(String::new()),
        ..fields()
    });
    assert_eq!(empty, Err(MetadataError::Empty { field: "endpoint" }));
}

#[test]
fn one_seed_is_one_history() {
    let history = |seed| {
        let mut net = Net::joined(seed, Weather::lossy(20), 12);
        net.stop(3);
        net.leave(5);
        net.declare(7, DeclaredState::Taken);
        net.run_for(5 * SECOND);
        net.resume(3);
        net.run_for(5 * SECOND);
        let events: Vec<_> = net.hosts.iter().map(|host| host.events.clone()).collect();
        (events, net.payloads_sent, net.bytes_sent)
    };
    assert_eq!(history(1), history(1));
    let different: BTreeSet<u64> = (0..4).map(|seed| history(seed).2).collect();
    assert_eq!(different.len(), 4, "and another seed is another one");
}
