//! Versions of an application that do not work together, and nodes that work with both.

use std::time::Duration;

use hobnob_gossip::{Event, Identity, Metadata, MetadataError, MetadataFields, NodeState, limits};

use crate::{
    forge,
    net::{Net, Weather, addr, metadata},
};

const SECOND: Duration = Duration::from_secs(1);

/// Old ones, those that bridge, and new ones.
const OLD: [usize; 4] = [0, 3, 6, 9];
const NEW: [usize; 4] = [2, 5, 8, 11];
const SIZE: usize = 12;

fn released(index: usize, version: &str, compatible_with: &str) -> Metadata {
    let mut fields = metadata(index).into_fields();
    fields.app_version = version.into();
    fields.compatible_with = compatible_with.into();
    Metadata::new(fields).expect("within limits")
}

fn metadata_of(index: usize) -> Metadata {
    match index % 3 {
        0 => released(index, "1.4", "1..2"),
        1 => released(index, "1.9", "1..3"),
        _ => released(index, "2.0", "1.9..3"),
    }
}

fn work_together(one: usize, other: usize) -> bool {
    let release = |index| metadata_of(index).release();
    release(one).is_compatible_with(release(other))
}

/// Everybody greets one that works with all.
fn mixed(seed: u64, weather: Weather) -> Net {
    let mut net = Net::new(seed, weather);
    for index in 0..SIZE {
        net.add(index, 1_000);
        net.with(index, |gossip, now| {
            gossip.set_metadata(now, metadata_of(index));
        });
    }
    greet(&mut net);
    net
}

fn greet(net: &mut Net) {
    for _ in 0..100 {
        for index in (0..SIZE).filter(|index| *index != 1) {
            if net.hosts[index].gossip.is_alone() {
                net.announce(index, 1);
            }
        }
        net.run_for(SECOND / 10);
    }
}

fn tells_of(event: &Event, whom: usize) -> bool {
    let node = match event {
        Event::NodeUp(node) | Event::Left(node) | Event::Failed(node) => node,
        Event::StateChanged { node, .. } | Event::MetadataChanged { node, .. } => node,
        Event::Replaced { old, .. } => old,
        _ => return false,
    };
    node.addr() == addr(whom)
}

fn check_views(net: &Net, context: &str) {
    for by in 0..SIZE {
        for whom in (0..SIZE).filter(|whom| *whom != by) {
            let state = net.state(by, whom);
            if work_together(by, whom) {
                let is_there = matches!(state, Some(NodeState::Online | NodeState::Suspect));
                assert!(is_there, "{context}: {whom} is {state:?} at {by}");
            } else {
                assert_eq!(state, None, "{context}: {whom} at {by}");
                let was_told = net.ever(by, |event| tells_of(event, whom));
                assert!(!was_told, "{context}: of {whom} at {by}");
            }
        }
    }
}

#[test]
fn those_that_do_not_work_together_never_see_each_other_by_way_of_a_third() {
    for (seed, loss) in (0..15).flat_map(|seed| [(seed, 0), (seed, 30)]) {
        let mut net = mixed(seed, Weather::lossy(loss));
        let context = format!("seed {seed}, loss {loss} %");
        net.run_for(30 * SECOND);
        check_views(&net, &context);
        for by in 0..SIZE {
            for whom in 0..SIZE {
                assert!(!net.ever_failed(by, whom), "{context}: {whom} at {by}");
            }
            let stats = net.hosts[by].gossip.stats();
            if loss == 0 {
                assert_eq!(stats.suspicions, 0, "{context}: at {by}");
                assert_eq!(net.hosts[by].gossip.health(), 0, "{context}: at {by}");
            }
            // Who knows better does not even speak of them.
            let strangers = if by % 3 == 1 { 0 } else { 4 };
            assert!(stats.nodes_shunned <= strangers, "{context}: at {by}");
        }
    }
}

#[test]
fn whoever_is_not_spoken_of_is_told_of_once() {
    let mut net = mixed(1, Weather::CALM);
    net.run_for(30 * SECOND);
    for by in OLD {
        for whom in NEW {
            let is_it = |event: &&(_, Event)| matches!(&event.1, Event::Incompatible(node) if node.addr() == addr(whom));
            let told = net.hosts[by].events.iter().filter(is_it).count();
            assert!(told <= 1, "of {whom} at {by}: {told} times");
        }
    }
}

/// A crash is found out on both sides of the split, and by those in between as ever.
#[test]
fn crashes_are_noticed_by_all_that_can_see_them() {
    let mut net = mixed(2, Weather::CALM);
    for (crashed, witnesses) in [(5, [1, 4, 2, 8]), (6, [1, 4, 0, 9])] {
        net.stop(crashed);
        net.run_until(20 * SECOND, |net| {
            let failed = |by: &usize| net.state(*by, crashed) == Some(NodeState::Failed);
            witnesses.iter().all(failed)
        });
    }
    for by in OLD {
        assert_eq!(net.seen(by, 5), None);
    }
}

/// Nobody confirms what nobody else can see: the word of the only witness counts in the end, however many others it
/// hears.
#[test]
fn a_crash_that_only_one_can_see_is_noticed_by_that_one() {
    let mut net = Net::new(5, Weather::CALM);
    for (index, metadata) in (0..3).map(|index| (index, metadata_of(index))) {
        net.add(index, 1_000);
        net.with(index, |gossip, now| gossip.set_metadata(now, metadata));
    }
    net.announce(0, 1);
    net.announce(2, 1);
    net.run_for(10 * SECOND);
    assert_eq!(net.state(1, 0), Some(NodeState::Online));
    net.stop(0);
    net.run_until(60 * SECOND, |net| {
        net.state(1, 0) == Some(NodeState::Failed)
    });
    assert_eq!(net.hosts[1].gossip.stats().verdicts_put_off, 5);
    assert_eq!(net.state(1, 2), Some(NodeState::Online));
}

#[test]
fn a_process_of_another_version_in_place_of_one_ends_that_one() {
    let mut net = mixed(3, Weather::CALM);
    net.restart(3, 2_000);
    net.with(3, |gossip, now| {
        gossip.set_metadata(now, released(3, "2.1", "1.9..3"));
    });
    net.announce(3, 1);
    net.run_for(10 * SECOND);
    for by in [0, 6, 9] {
        assert!(net.seen(by, 3).is_none_or(|node| node.state.is_gone()));
        assert_eq!(net.state(2, 3), Some(NodeState::Online));
    }
    for (by, whom) in [(1, 3), (2, 3), (3, 1), (3, 2)] {
        assert_eq!(net.state(by, whom), Some(NodeState::Online));
    }
    assert_eq!(net.seen(3, 0), None);
    // And back again.
    net.restart(3, 3_000);
    net.with(3, |gossip, now| gossip.set_metadata(now, metadata_of(3)));
    net.announce(3, 1);
    net.run_for(10 * SECOND);
    for by in [0, 1, 6, 9] {
        assert_eq!(net.state(by, 3), Some(NodeState::Online), "at {by}");
    }
    assert!(net.seen(2, 3).is_none_or(|node| node.state.is_gone()));
}

/// Views that differ by right are not compared over and over.
#[test]
fn a_split_costs_no_more_than_a_whole() {
    let mut whole = Net::joined(4, Weather::CALM, SIZE);
    whole.run_for(10 * SECOND);
    let before = whole.bytes_sent;
    whole.run_for(60 * SECOND);
    let usual = whole.bytes_sent - before;
    let mut split = mixed(4, Weather::CALM);
    split.run_for(10 * SECOND);
    let before = split.bytes_sent;
    split.run_for(60 * SECOND);
    let bytes = split.bytes_sent - before;
    assert!(bytes * 10 < usual * 11, "{bytes} bytes, not {usual}");
}

/// The word of a third on what a process runs.
fn hearsay(net: &mut Net, at: usize, whom: usize, generation: u64) {
    let life = forge::life(addr(whom), generation);
    let record = forge::released(life, (99, 1), "7.0", "7..8");
    net.with(at, |gossip, now| {
        gossip.handle_payload(now, addr(1), &record).expect("sound");
    });
}

/// Whoever has a session with this node works with it, whatever others say that it runs.
#[test]
fn who_speaks_to_a_node_is_not_shunned_by_hearsay() {
    let mut net = Net::joined(6, Weather::CALM, 4);
    net.run_for(5 * SECOND);
    hearsay(&mut net, 0, 2, 1_000);
    net.run_for(20 * SECOND);
    assert_eq!(net.hosts[0].gossip.stats().nodes_shunned, 0);
    assert_eq!(net.state(0, 2), Some(NodeState::Online));
    assert!(!net.ever_failed(0, 2));
    assert!(!net.ever(0, |event| matches!(event, Event::Incompatible(_))));
}

/// As above, where the word of others was first, or of a later process that is not there.
#[test]
fn who_was_shunned_by_hearsay_is_heard_as_soon_as_it_speaks() {
    for generation in [1_000, 2_000, limits::GENERATION_MAX] {
        let mut net = Net::joined(7, Weather::CALM, 3);
        hearsay(&mut net, 0, 3, generation);
        assert_eq!(net.hosts[0].gossip.stats().nodes_shunned, 1);
        net.add(3, 1_000);
        net.announce(3, 1);
        net.run_for(20 * SECOND);
        let context = format!("generation {generation}");
        assert!(
            (0..3).all(|by| net.state(by, 3) == Some(NodeState::Online)),
            "{context}"
        );
        hearsay(&mut net, 0, 3, generation);
        net.run_for(60 * SECOND);
        assert!(net.all_see_all(), "{context}");
    }
}

/// What a process says of itself counts, whoever it talks to, and of that the latest.
#[test]
fn who_says_itself_that_it_does_not_work_with_a_node_is_shunned_until_it_says_otherwise() {
    let mut net = Net::joined(8, Weather::CALM, 3);
    net.run_for(5 * SECOND);
    let record = forge::released(forge::life(addr(2), 1_000), (99, 1), "7.0", "7..8");
    net.with(0, |gossip, now| {
        gossip.handle_payload(now, addr(2), &record).expect("sound");
    });
    assert_eq!(net.hosts[0].gossip.stats().nodes_shunned, 1);
    let me = Identity {
        generation: hobnob_wire::Generation(1_000),
        addr: addr(2),
    };
    let told = |event: &Event| matches!(event, Event::Incompatible(node) if node.identity == me);
    assert!(net.ever(0, told));
    assert!(net.seen(0, 2).is_none_or(|node| node.state.is_gone()));
    // And heard again once it says otherwise: it does, as that was not its word.
    net.run_for(20 * SECOND);
    assert_eq!(net.state(0, 2), Some(NodeState::Online));
}

#[test]
fn a_range_that_is_none_is_refused() {
    let fields = |text: &str| MetadataFields {
        compatible_with: text.into(),
        ..MetadataFields::default()
    };
    assert_eq!(
        Metadata::new(fields("1.x")),
        Err(MetadataError::NoRange {
            value: "1.x".into()
        })
    );
    let long = format!("{}..2", "0".repeat(limits::COMPATIBLE_WITH_BYTES_MAX));
    assert!(matches!(
        Metadata::new(fields(&long)),
        Err(MetadataError::TooLong {
            field: "compatible with",
            ..
        })
    ));
}
