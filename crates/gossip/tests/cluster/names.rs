//! One name, one node: who comes back elsewhere takes its place, who claims another's is refused.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use hobnob_gossip::{
    DeclaredState, Event, Gossip, GossipConfig, Identity, Metadata, MetadataFields, NodeState,
    Profile,
};
use hobnob_wire::{Generation, Instant};

use crate::net::{Net, Weather, addr, metadata};

const SECOND: Duration = Duration::from_secs(1);

/// The probe period of the profile the networks run with.
const PERIOD: Duration = Duration::from_millis(250);

/// Long enough for a name to be settled twice over, with losses.
const SETTLED: Duration = Duration::from_secs(6);

const CLUSTER: usize = 10;
const OLD: usize = 6;
const NEW: usize = CLUSTER;

fn named(index: usize, name: &str) -> Metadata {
    let mut fields = metadata(index).into_fields();
    fields.name = name.into();
    Metadata::new(fields).expect("within limits")
}

fn busy(index: usize, name: &str) -> Metadata {
    let mut fields = named(index, name).into_fields();
    fields.role = "busy".into();
    Metadata::new(fields).expect("within limits")
}

/// A node begins at a new place, with the name of another.
fn begin(net: &mut Net, new: usize, generation: u64, name_of: usize, by: usize) {
    net.add(new, generation);
    let name = metadata(name_of).into_fields().name;
    net.with(new, |gossip, now| {
        gossip.set_metadata(now, named(new, &name));
    });
    net.announce(new, by);
    while net.hosts[new].gossip.is_alone() {
        net.run_for(PERIOD / 5);
        net.announce(new, by);
    }
}

fn conflicts(net: &Net, at: usize) -> Vec<(SocketAddr, bool)> {
    let conflict = |event: &Event| match event {
        Event::NameConflict {
            other, is_refused, ..
        } => Some((other.addr, *is_refused)),
        _ => None,
    };
    let events = net.hosts[at].events.iter();
    events.filter_map(|(_, event)| conflict(event)).collect()
}

fn was_shown(net: &Net, by: usize, whom: usize) -> bool {
    net.ever(
        by,
        |event| matches!(event, Event::NodeUp(node) if node.addr() == addr(whom)),
    )
}

fn was_replaced(net: &Net, by: usize, whom: usize) -> bool {
    net.ever(
        by,
        |event| matches!(event, Event::Replaced { old, .. } if old.addr() == addr(whom)),
    )
}

/// `holder` is in every view, `refused` in none, and both know it.
fn check_refused(net: &Net, holder: usize, refused: usize) {
    for by in 0..net.hosts.len() {
        if by != holder {
            let state = net.state(by, holder);
            let here = matches!(state, Some(NodeState::Online | NodeState::Suspect));
            assert!(here, "{holder} is {state:?} at {by}");
        }
        if by != refused {
            assert_eq!(net.seen(by, refused), None, "at {by}");
        }
    }
    let refused = &net.hosts[refused].gossip;
    assert_eq!(refused.me().state, NodeState::Refused);
    let by = refused.refused_by().expect("it is refused");
    assert_eq!(by.addr, addr(holder));
    assert_eq!(net.hosts[holder].gossip.refused_by(), None);
    assert_eq!(net.hosts[holder].gossip.me().state, NodeState::Online);
}

#[test]
fn a_named_node_that_comes_back_elsewhere_replaces_its_old_address_at_once() {
    for (seed, loss) in (0..20).flat_map(|seed| [(seed, 0), (seed, 30)]) {
        let mut net = Net::joined(seed, Weather::lossy(loss), CLUSTER);
        net.run_for(4 * SECOND);
        net.stop(OLD);
        begin(&mut net, NEW, 2_000, OLD, 0);
        let others = || (0..CLUSTER).filter(|by| *by != OLD);
        let taken = |net: &Net| {
            others().all(|by| {
                matches!(
                    net.state(by, NEW),
                    Some(NodeState::Online | NodeState::Suspect)
                ) && net.seen(by, OLD).is_none()
            })
        };
        // All ask at the same time, for two fifths of a period, and the news takes a few rounds of gossip. With losses
        // one in ten takes longer than five periods: whoever misses the accusations learns of them as of any crash.
        net.run_until(if loss == 0 { 2 * PERIOD } else { 40 * PERIOD }, taken);
        for by in others() {
            let in_place = |event: &Event| {
                matches!(event, Event::Replaced { old, new }
                    if old.addr() == addr(OLD) && new.addr == addr(NEW))
            };
            assert!(net.ever(by, in_place), "seed {seed}: at {by}");
            // Where the verdict comes first, it is told first.
            let failed = net.ever_failed(by, OLD);
            assert!(!failed || loss > 0, "seed {seed}: at {by}");
        }
        assert!(conflicts(&net, NEW).is_empty(), "seed {seed}");
        // Or it hears of the verdict of the others before.
        let missed = net.hosts[NEW].gossip.stats().namesakes_missed;
        assert!(missed == 1 || loss > 0, "seed {seed}");
    }
}

/// Only some ask where there are many, and the others go by their word.
#[test]
fn a_large_cluster_finds_out_as_soon() {
    const SIZE: usize = 64;
    for seed in 0..5 {
        let mut net = Net::with_config(seed, Weather::CALM, Profile::Lan.into());
        for index in 0..SIZE {
            net.add(index, 1_000);
        }
        net.join_all();
        net.run_for(3 * SECOND);
        net.stop(OLD);
        begin(&mut net, SIZE, 2_000, OLD, 0);
        let others = || (0..SIZE).filter(|by| *by != OLD);
        net.run_until(2 * SECOND, |net| {
            others().all(|by| net.seen(by, SIZE).is_some() && net.seen(by, OLD).is_none())
        });
    }
}

/// To be asked is no suspicion.
#[test]
fn a_live_node_whose_name_another_claims_is_not_suspected() {
    for seed in 0..10 {
        let mut net = Net::joined(seed, Weather::CALM, CLUSTER);
        begin(&mut net, NEW, 2_000, OLD, 0);
        net.run_for(SETTLED);
        check_refused(&net, OLD, NEW);
        let suspicions = net.hosts.iter().map(|host| host.gossip.stats().suspicions);
        assert_eq!(suspicions.sum::<u64>(), 0, "seed {seed}");
    }
}

#[test]
fn a_node_that_was_found_to_be_dead_makes_way_without_a_question() {
    let mut net = Net::joined(8, Weather::CALM, CLUSTER);
    net.stop(OLD);
    net.run_until(30 * SECOND, |net| net.all_see(OLD, NodeState::Failed));
    begin(&mut net, NEW, 2_000, OLD, 0);
    net.run_until(PERIOD, |net| {
        let others = (0..CLUSTER).filter(|by| *by != OLD);
        others
            .into_iter()
            .all(|by| net.state(by, NEW) == Some(NodeState::Online) && net.seen(by, OLD).is_none())
    });
    assert_eq!(net.hosts[NEW].gossip.stats().namesakes_missed, 0);
}

#[test]
fn of_two_live_nodes_of_one_name_the_newer_is_refused_and_both_are_told() {
    for (seed, loss) in (0..15).flat_map(|seed| [(seed, 0), (seed, 20)]) {
        // A newcomer whose clock is behind, or that came when the other's was ahead, is no older for it.
        for generation in [2_000, 500] {
            let mut net = Net::joined(seed, Weather::lossy(loss), CLUSTER);
            net.run_for(4 * SECOND);
            let by = usize::try_from(seed).expect("small") % CLUSTER;
            begin(&mut net, NEW, generation, OLD, by);
            net.run_for(SETTLED);
            check_refused(&net, OLD, NEW);
            for by in 0..CLUSTER {
                assert!(!was_replaced(&net, by, OLD), "seed {seed}: at {by}");
                assert!(!net.ever_failed(by, OLD), "seed {seed}: at {by}");
                assert!(!was_shown(&net, by, NEW), "seed {seed}: at {by}");
            }
            assert_eq!(conflicts(&net, NEW), [(addr(OLD), true)], "seed {seed}");
            assert_eq!(conflicts(&net, OLD), [(addr(NEW), false)], "seed {seed}");
        }
    }
}

#[test]
fn who_joins_later_never_sees_the_refused_one() {
    let mut net = Net::joined(3, Weather::CALM, CLUSTER);
    net.run_for(4 * SECOND);
    begin(&mut net, NEW, 2_000, OLD, 0);
    net.run_for(SETTLED);
    net.add(NEW + 1, 3_000);
    // By way of the refused one itself.
    net.announce(NEW + 1, NEW);
    net.run_for(SETTLED);
    check_refused(&net, OLD, NEW);
    assert!(!was_shown(&net, NEW + 1, NEW));
    assert_eq!(net.state(NEW + 1, OLD), Some(NodeState::Online));
}

#[test]
fn a_refused_node_comes_in_when_the_older_one_is_gone() {
    for (seed, says_goodbye) in (0..10).flat_map(|seed| [(seed, true), (seed, false)]) {
        let mut net = Net::joined(seed, Weather::CALM, CLUSTER);
        net.run_for(4 * SECOND);
        begin(&mut net, NEW, 2_000, OLD, 0);
        net.run_for(SETTLED);
        check_refused(&net, OLD, NEW);
        if says_goodbye {
            net.leave(OLD);
        } else {
            net.stop(OLD);
        }
        net.run_until(30 * SECOND, |net| {
            let others = (0..CLUSTER).filter(|by| *by != OLD);
            others.into_iter().all(|by| {
                net.state(by, NEW) == Some(NodeState::Online) && net.seen(by, OLD).is_none()
            })
        });
        assert_eq!(net.hosts[NEW].gossip.me().state, NodeState::Online);
        assert_eq!(net.hosts[NEW].gossip.refused_by(), None);
        assert!(net.ever(NEW, |event| matches!(event, Event::NameFree { .. })));
    }
}

/// Whoever takes nobody new claims nothing either, so what becomes of its namesakes meanwhile shows when it goes on.
#[test]
fn a_refused_node_that_was_offline_when_the_older_one_went_comes_in_afterwards() {
    let mut net = Net::joined(3, Weather::CALM, CLUSTER);
    net.run_for(4 * SECOND);
    begin(&mut net, NEW, 2_000, OLD, 0);
    net.run_for(SETTLED);
    check_refused(&net, OLD, NEW);
    net.declare(NEW, DeclaredState::Offline);
    net.stop(OLD);
    net.run_for(30 * SECOND);
    net.declare(NEW, DeclaredState::Online);
    net.run_until(5 * SECOND, |net| {
        let others = (0..CLUSTER).filter(|by| *by != OLD);
        others
            .into_iter()
            .all(|by| net.state(by, NEW) == Some(NodeState::Online))
    });
    assert_eq!(net.hosts[NEW].gossip.refused_by(), None);
}

#[test]
fn a_node_that_is_shutting_down_makes_way_at_once_and_that_is_no_conflict() {
    let mut net = Net::joined(5, Weather::CALM, CLUSTER);
    net.declare(OLD, DeclaredState::Offline);
    net.run_for(SECOND);
    begin(&mut net, NEW, 2_000, OLD, 0);
    net.run_until(PERIOD, |net| {
        (0..CLUSTER)
            .filter(|by| *by != OLD)
            .all(|by| net.state(by, NEW) == Some(NodeState::Online) && net.seen(by, OLD).is_none())
    });
    net.run_for(SETTLED);
    net.leave(OLD);
    net.run_for(SECOND);
    for at in [OLD, NEW] {
        assert!(conflicts(&net, at).is_empty(), "{:?}", conflicts(&net, at));
    }
    assert_eq!(net.hosts[NEW].gossip.stats().namesakes_missed, 0);
}

#[test]
fn after_a_partition_the_older_one_is_the_one_everywhere() {
    for seed in 0..15 {
        let mut net = Net::joined(seed, Weather::lossy(5), CLUSTER);
        net.run_for(4 * SECOND);
        let side = |index: usize| u8::from(index >= 5 && index != NEW);
        net.add(NEW, 2_000);
        net.partition(side);
        net.with(NEW, |gossip, now| {
            gossip.set_metadata(now, named(NEW, "node-6"));
        });
        net.announce(NEW, 0);
        net.run_for(20 * SECOND);
        // The old one cannot be reached on this side, so the new one has its place; on the other it is as it was.
        assert_eq!(net.state(1, NEW), Some(NodeState::Online), "seed {seed}");
        assert!(net.seen(1, OLD).is_none_or(|old| old.state.is_gone()));
        assert!(matches!(
            net.state(7, OLD),
            Some(NodeState::Online | NodeState::Suspect)
        ));
        net.partition(|_| 0);
        net.run_for(20 * SECOND);
        check_refused(&net, OLD, NEW);
        for by in 5..CLUSTER {
            assert!(!was_replaced(&net, by, OLD), "seed {seed}: at {by}");
            assert!(!was_shown(&net, by, NEW), "seed {seed}: at {by}");
        }
        assert_eq!(conflicts(&net, NEW), [(addr(OLD), true)], "seed {seed}");
        assert_eq!(conflicts(&net, OLD), [(addr(NEW), false)], "seed {seed}");
    }
}

/// Both sides of a partition have had the name for long, so it goes by the generations, however far one is ahead.
#[test]
fn a_generation_set_far_ahead_gains_nothing() {
    for seed in 0..10 {
        let mut net = Net::joined(seed, Weather::CALM, CLUSTER);
        net.run_for(4 * SECOND);
        begin(&mut net, NEW, u64::MAX >> 2, OLD, 0);
        net.run_for(SETTLED);
        check_refused(&net, OLD, NEW);
        net.partition(|index| u8::from(index == NEW));
        // A node that is cut off doubts itself before it gives all others up.
        net.run_for(90 * SECOND);
        assert_eq!(net.hosts[NEW].gossip.me().state, NodeState::Online);
        net.partition(|_| 0);
        net.announce(NEW, 1);
        net.run_for(SETTLED);
        check_refused(&net, OLD, NEW);
        for by in 0..CLUSTER {
            assert!(!was_replaced(&net, by, OLD), "seed {seed}: at {by}");
            assert!(!was_shown(&net, by, NEW), "seed {seed}: at {by}");
        }
    }
}

/// Whoever goes by the events must not take the name for its own after it has lost it again.
#[test]
fn a_refusal_after_the_name_was_free_is_told_again() {
    let mut net = Net::joined(6, Weather::CALM, CLUSTER);
    net.run_for(4 * SECOND);
    begin(&mut net, NEW, 2_000, OLD, 0);
    net.run_for(SETTLED);
    net.partition(|index| u8::from(index == NEW));
    net.run_for(90 * SECOND);
    net.partition(|_| 0);
    net.announce(NEW, 1);
    net.run_for(SETTLED);
    check_refused(&net, OLD, NEW);
    let told = |event: &Event| match event {
        Event::NameConflict { is_refused, .. } => Some(*is_refused),
        Event::NameFree { .. } => Some(false),
        _ => None,
    };
    let events = net.hosts[NEW].events.iter();
    let told: Vec<bool> = events.filter_map(|(_, event)| told(event)).collect();
    assert_eq!(told, [true, false, true]);
    assert_eq!(conflicts(&net, OLD), [(addr(NEW), false)]);
}

#[test]
fn of_many_that_begin_together_one_is_left() {
    for seed in 0..20 {
        let mut net = Net::joined(seed, Weather::lossy(5), CLUSTER);
        net.run_for(4 * SECOND);
        for new in NEW..NEW + 4 {
            let generation = 5_000 - 7 * (new as u64);
            net.add(new, generation);
            net.with(new, |gossip, now| {
                gossip.set_metadata(now, named(new, "twin"));
            });
        }
        for new in NEW..NEW + 4 {
            net.announce(new, new % CLUSTER);
        }
        net.run_for(2 * SETTLED);
        let standing: Vec<usize> = (NEW..NEW + 4)
            .filter(|new| net.hosts[*new].gossip.refused_by().is_none())
            .collect();
        assert_eq!(standing.len(), 1, "seed {seed}: {standing:?}");
        for refused in (NEW..NEW + 4).filter(|new| *new != standing[0]) {
            check_refused(&net, standing[0], refused);
        }
    }
}

#[test]
fn nodes_without_a_name_never_conflict() {
    let mut net = Net::joined(2, Weather::CALM, CLUSTER);
    for new in NEW..NEW + 2 {
        net.add(new, 2_000);
        net.with(new, |gossip, now| gossip.set_metadata(now, named(new, "")));
        net.announce(new, 0);
    }
    net.run_for(SETTLED);
    assert!(net.all_see_all());
    for at in 0..NEW + 2 {
        assert!(conflicts(&net, at).is_empty());
    }
}

/// A conflict ends when one of the two takes another name.
#[test]
fn another_name_ends_the_conflict() {
    let mut net = Net::joined(4, Weather::CALM, CLUSTER);
    net.run_for(4 * SECOND);
    begin(&mut net, NEW, 2_000, OLD, 0);
    net.run_for(SETTLED);
    check_refused(&net, OLD, NEW);
    net.with(NEW, |gossip, now| {
        gossip.set_metadata(now, named(NEW, "another"));
    });
    net.run_for(SECOND);
    assert!(net.all_see_all());
    assert_eq!(net.hosts[NEW].gossip.refused_by(), None);
}

/// What is shown in the end depends on who is there, not on the order in which a node heard of them.
#[test]
fn the_order_of_the_news_does_not_matter() {
    let now = Instant::from_nanos(1);
    let start = |index: usize, generation: u64| {
        let me = Identity {
            addr: addr(index),
            generation: Generation(generation),
        };
        let metadata = Metadata::new(MetadataFields {
            name: "twin".into(),
            ..MetadataFields::default()
        });
        let metadata = metadata.expect("within limits");
        Gossip::new(Profile::Lan.into(), me, metadata, 1, now)
    };
    let orders = [
        [1, 2, 3],
        [1, 3, 2],
        [2, 1, 3],
        [2, 3, 1],
        [3, 1, 2],
        [3, 2, 1],
    ];
    for order in orders {
        let me = Identity {
            addr: addr(0),
            generation: Generation(1),
        };
        // Nobody answers it, and is not to be declared dead for that.
        let mut config = GossipConfig::new(Profile::Lan);
        config.suspicion_multiplier = 20;
        config.forget_after = 24 * 3_600 * SECOND;
        let config = config.validate().expect("a sound configuration");
        let mut observer = Gossip::new(config, me, metadata(0), 1, now);
        for index in order {
            // The middle one is the oldest.
            let generation = [0, 300, 100, 200][index];
            let mut claimant = start(index, generation);
            claimant.announce(now, addr(0));
            while let Some((_, payload)) = claimant.poll_transmit() {
                let taken = observer.handle_payload(now, addr(index), &payload);
                taken.expect("a sound payload");
            }
        }
        let mut later = now;
        while let Some(next) = observer
            .poll_timeout()
            .filter(|next| next.at <= now + 9 * SECOND)
        {
            later = later.max(next.at);
            observer.handle_timeout(later);
            while observer.poll_transmit().is_some() {}
        }
        let shown: Vec<_> = observer.nodes().map(|node| node.addr()).collect();
        assert_eq!(shown, [addr(2)], "heard in the order {order:?}");
    }
}

/// Nobody has had the name for long, so neither is believed to be older before it has answered.
#[test]
fn of_two_new_ones_the_older_one_is_left() {
    for (seed, loss) in (0..10).flat_map(|seed| [(seed, 0), (seed, 20)]) {
        let mut net = Net::joined(seed, Weather::lossy(loss), CLUSTER);
        begin(&mut net, NEW, 2_000, OLD, 0);
        net.run_for(SETTLED);
        check_refused(&net, OLD, NEW);
    }
}

/// As where a hundred servers are started from one template: who has the name is told of each of the others once, and
/// goes on hearing of them without being told again.
#[test]
fn many_nodes_of_one_name_are_told_of_once_each() {
    const NAMESAKES: usize = 80;
    let mut net = Net::new(11, Weather::CALM);
    net.add(0, 1_000);
    net.with(0, |gossip, now| {
        gossip.set_metadata(now, named(0, "server"));
    });
    for index in 1..=NAMESAKES {
        net.add(index, 1_000 + index as u64);
        net.with(index, |gossip, now| {
            gossip.set_metadata(now, named(index, "server"));
        });
    }
    for _ in 0..20 {
        for index in 1..=NAMESAKES {
            if net.hosts[index].gossip.is_alone() {
                net.announce(index, 0);
            }
        }
        net.run_for(SECOND);
    }
    for index in 1..=NAMESAKES {
        net.with(index, |gossip, now| {
            gossip.set_metadata(now, busy(index, "server"));
        });
    }
    net.run_for(10 * SECOND);
    let told = conflicts(&net, 0);
    let others: BTreeSet<SocketAddr> = told.iter().map(|(addr, _)| *addr).collect();
    assert_eq!(others.len(), NAMESAKES);
    assert_eq!(told.len(), NAMESAKES, "each once");
    assert!(told.iter().all(|(_, is_refused)| !is_refused));
    assert_eq!(net.hosts[0].gossip.stats().name_conflicts, NAMESAKES as u64);
}

/// The time in which a node counts as new ends while it waits for a namesake's answer. No timer is left behind by that.
#[test]
fn a_node_that_is_new_no_more_waits_for_the_answer_to_its_question() {
    let start = |index: usize, generation: u64, name: &str| {
        let me = Identity {
            addr: addr(index),
            generation: Generation(generation),
        };
        // Nobody answers it, and is not to be declared dead for that.
        let mut config = GossipConfig::new(Profile::Lan);
        config.suspicion_multiplier = 20;
        config.forget_after = 24 * 3_600 * SECOND;
        let config = config.validate().expect("a sound configuration");
        Gossip::new(config, me, named(index, name), 1, Instant::ZERO)
    };
    let hear_of = |gossip: &mut Gossip, now: Instant, mut other: Gossip| {
        let from = other.me().addr();
        other.announce(now, gossip.me().addr());
        while let Some((_, payload)) = other.poll_transmit() {
            let taken = gossip.handle_payload(now, from, &payload);
            taken.expect("a sound payload");
        }
    };
    let let_pass = |gossip: &mut Gossip, from: Instant, until: Instant| {
        let mut now = from;
        let mut steps = 0;
        while let Some(next) = gossip.poll_timeout().filter(|next| next.at <= until) {
            assert!(next.at >= now, "{next:?} at {now}");
            now = next.at;
            gossip.handle_timeout(now);
            while gossip.poll_transmit().is_some() {}
            steps += 1;
            assert!(steps < 10_000, "time does not go on at {now}: {next:?}");
        }
    };
    let met = Instant::ZERO + SECOND;
    let asked = met + 19 * SECOND / 2;
    let mut gossip = start(0, 300, "twin");
    hear_of(&mut gossip, met, start(1, 200, "another"));
    let_pass(&mut gossip, met, asked);
    hear_of(&mut gossip, asked, start(2, 100, "twin"));
    let_pass(&mut gossip, asked, asked + 5 * SECOND);
    assert_eq!(gossip.stats().namesakes_missed, 1);
    assert_eq!(gossip.refused_by(), None);
}
