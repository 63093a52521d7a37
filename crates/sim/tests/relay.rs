//! Messages to many by way of a tree of nodes, under faults, compared with what really happened.

mod field;

use std::time::Duration;

use field::{COMMAND, Field, MILLISECOND, SECOND, UNHANDLED};
use hobnob_sim::{
    Conditions, NodeId,
    endpoint::{DeliveryError, gossip, messaging::Failure},
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng, seq::SliceRandom};

/// Deliveries at once, in most of these tests.
const LIMIT: usize = 4;

/// The places of a fan-out's relays: the heads of its parts, and of their parts, down to the leaves.
fn heads(from: usize, to: usize) -> Vec<usize> {
    let parts = LIMIT.min(to - from);
    let parts = (0..parts).map(|k| {
        let at = |k| from + (to - from) * k / parts;
        (at(k), at(k + 1))
    });
    let parts: Vec<(usize, usize)> = parts.collect();
    let below = parts.iter().flat_map(|(head, end)| heads(head + 1, *end));
    let below: Vec<usize> = below.collect();
    parts.iter().map(|(head, _)| *head).chain(below).collect()
}

/// Relays to kill and when: `big` of the origin's own children, the others from anywhere in the tree, while
/// the message is on its way.
fn victims(seed: u64, targets: usize, big: usize, all: usize) -> Vec<(Duration, usize)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let tree = heads(0, targets);
    let (top, rest) = tree.split_at(LIMIT);
    let (mut top, mut rest) = (top.to_vec(), rest.to_vec());
    // Those that serve others: in the order of the tree, the leaves come last.
    rest.truncate(targets / 4);
    top.shuffle(&mut rng);
    rest.shuffle(&mut rng);
    let chosen = top.into_iter().take(big).chain(rest).take(all);
    let mut victims: Vec<_> = chosen
        .map(|place| (Duration::from_micros(rng.random_range(0..15_000)), place))
        .collect();
    victims.sort_unstable();
    victims
}

/// Kills relays while a message is on its way down, and checks the report against what was handled.
fn kill_relays(field: &mut Field, seed: u64, big: usize, all: usize) {
    let alive = |node: &&NodeId| field.sim.endpoint(**node).is_some();
    let targets: Vec<NodeId> = field.ids[1..].iter().filter(alive).copied().collect();
    let begun = field.sim.now();
    let fan_out = field.relay(COMMAND, &targets, LIMIT, 5 * SECOND);
    let victims = victims(seed, targets.len(), big, all);
    for (after, place) in &victims {
        field.run_until_time(begun + *after);
        field.sim.kill(targets[*place]);
    }
    let report = field.ended(fan_out);
    field.check(fan_out, &report, |node| {
        !victims.iter().any(|(_, place)| targets[*place] == node)
    });
}

#[test]
fn of_512_nodes_every_live_one_handles_it_once_and_the_report_is_exact() {
    // Little else is going on: the membership takes its time.
    let mut field = Field::with(1, 512, Conditions::LAN, |config| {
        config.gossip = gossip::GossipConfig::new(gossip::Profile::Wan);
    });
    field.sim.set_conditions(Conditions::LAN.with_loss(0.05));
    for (seed, big) in [(0, 1), (1, 2), (2, 4)] {
        kill_relays(&mut field, seed, big, 10);
    }
    assert!(field.taken_over() > 0, "dead relays were noticed");
}

#[test]
fn dead_relays_are_replaced_whichever_they_are() {
    for seed in 0..20 {
        let mut field = Field::new(seed, 48, Conditions::LAN);
        let rough = Conditions::LAN.with_loss(0.05).with_duplication(0.02);
        field.sim.set_conditions(rough);
        kill_relays(&mut field, seed, usize::try_from(seed).unwrap() % 5, 6);
    }
}

#[test]
fn without_faults_the_origin_sends_little_and_nobody_is_suspected() {
    let mut field = Field::new(1, 128, Conditions::LAN);
    let targets: Vec<NodeId> = field.ids[1..].to_vec();
    let relayed = field.relay(COMMAND, &targets, LIMIT, 10 * SECOND);
    let report = field.ended(relayed);
    field.check(relayed, &report, |_| true);
    assert_eq!(field.taken_over(), 0);
    let origin = field.sim.endpoint(field.ids[0]).unwrap();
    assert_eq!(origin.relay_stats().hops, 4, "one for each part");
    let by_relay = origin.messages().stats().messages_sent;
    let plain = field.fan_out(&targets, LIMIT, 10 * SECOND);
    field.fanned_out(plain);
    let origin = field.sim.endpoint(field.ids[0]).unwrap();
    let plainly = origin.messages().stats().messages_sent - by_relay;
    assert_eq!(plainly, 127);
    assert!(by_relay <= 8, "{by_relay} messages instead of 127");
}

#[test]
fn one_at_a_time_and_all_at_once_work_too() {
    for limit in [1, 2, 63, 1_000] {
        let mut field = Field::new(2, 64, Conditions::LAN.with_loss(0.02));
        let targets: Vec<NodeId> = field.ids[1..].to_vec();
        let relayed = field.relay(COMMAND, &targets, limit, 30 * SECOND);
        let report = field.ended(relayed);
        field.check(relayed, &report, |_| true);
    }
}

#[test]
fn a_relay_that_was_only_paused_costs_nobody_anything() {
    for seed in 0..10 {
        let mut field = Field::new(seed, 48, Conditions::LAN.with_loss(0.02));
        let targets: Vec<NodeId> = field.ids[1..].to_vec();
        let begun = field.sim.now();
        let relayed = field.relay(COMMAND, &targets, LIMIT, 20 * SECOND);
        // The first three: one that has not got its hop yet, one that has, and one of their children.
        let paused: Vec<NodeId> = [0, 12, 1].map(|place| targets[place]).to_vec();
        for (number, node) in (0..).zip(&paused) {
            field.run_until_time(begun + number * MILLISECOND);
            field.sim.pause(*node);
        }
        // Not long enough for them to count as failed.
        field.run_until_time(begun + 2 * SECOND);
        for node in paused {
            field.sim.resume(node);
        }
        let report = field.ended(relayed);
        field.check(relayed, &report, |_| true);
        assert!(field.taken_over() > 0, "seed {seed}: silence was noticed");
    }
}

#[test]
fn a_relay_that_sleeps_past_the_end_makes_nobody_handle_it_again() {
    let mut field = Field::new(3, 32, Conditions::LAN);
    let targets: Vec<NodeId> = field.ids[1..].to_vec();
    let begun = field.sim.now();
    let relayed = field.relay(COMMAND, &targets, LIMIT, 20 * SECOND);
    // Its hop is on its way, or waits in its socket.
    field.run_until_time(begun + MILLISECOND / 10);
    field.sim.pause(targets[0]);
    let report = field.ended(relayed);
    field.check(relayed, &report, |node| node != targets[0]);
    field.run_until_time(begun + 600 * SECOND);
    field.sim.resume(targets[0]);
    field.sim.run_for(60 * SECOND);
    field.check(relayed, &report, |node| node != targets[0]);
}

#[test]
fn a_process_that_took_a_place_during_the_fan_out_gets_nothing() {
    for seed in 0..10 {
        let mut field = Field::new(seed, 32, Conditions::LAN.with_loss(0.02));
        let targets: Vec<NodeId> = field.ids[1..].to_vec();
        let begun = field.sim.now();
        let relayed = field.relay(COMMAND, &targets, LIMIT, 20 * SECOND);
        let restarted: Vec<NodeId> = [0, 7, 20].map(|place| targets[place]).to_vec();
        for (number, node) in (0..).zip(&restarted) {
            field.run_until_time(begun + number * MILLISECOND / 2);
            field.sim.kill(*node);
            field.restart(*node);
        }
        let report = field.ended(relayed);
        field.check(relayed, &report, |node| !restarted.contains(&node));
    }
}

#[test]
fn a_partition_that_heals_delays_and_one_that_stays_is_told() {
    for heals in [true, false] {
        let mut field = Field::new(4, 40, Conditions::LAN);
        let targets: Vec<NodeId> = field.ids[1..].to_vec();
        let (near, far) = field.ids.split_at(25);
        let (near, far) = (near.to_vec(), far.to_vec());
        let relayed = field.relay(COMMAND, &targets, LIMIT, 60 * SECOND);
        field.sim.run_for(MILLISECOND);
        field.sim.partition(&near, &far, true);
        if heals {
            field.sim.run_for(2 * SECOND);
            field.sim.partition(&near, &far, false);
        }
        let report = field.ended(relayed);
        field.check(relayed, &report, |node| heals || near.contains(&node));
    }
}

#[test]
fn who_cannot_be_reached_by_a_relay_is_tried_by_the_origin() {
    let mut field = Field::new(5, 32, Conditions::LAN);
    let targets: Vec<NodeId> = field.ids[1..].to_vec();
    // Two of the first relay's own part.
    for leaf in [targets[3], targets[5]] {
        for relay in &targets {
            field.sim.partition(&[*relay], &[leaf], true);
        }
    }
    let relayed = field.relay(COMMAND, &targets, LIMIT, 20 * SECOND);
    let report = field.ended(relayed);
    field.check(relayed, &report, |_| true);
}

#[test]
fn no_handler_and_no_place_are_told_and_relays_relay_nevertheless() {
    for seed in 0..5 {
        let mut field = Field::new(seed, 32, Conditions::LAN.with_loss(0.05));
        let targets: Vec<NodeId> = field.ids[1..].to_vec();
        let relayed = field.relay(UNHANDLED, &targets, LIMIT, 10 * SECOND);
        let report = field.ended(relayed);
        field.check(relayed, &report, |_| false);
        let no_handler = Err(DeliveryError::Failed(Failure::NoHandler));
        assert!(report.iter().all(|result| *result == no_handler));

        let full: Vec<NodeId> = [0, 1, 9].map(|place| targets[place]).to_vec();
        for node in &full {
            field.fill(*node);
        }
        let relayed = field.relay(COMMAND, &targets, LIMIT, 10 * SECOND);
        let report = field.ended(relayed);
        field.check(relayed, &report, |node| !full.contains(&node));
        let overloaded = Err(DeliveryError::Failed(Failure::Overloaded));
        for (node, result) in targets.iter().zip(&report) {
            assert_eq!(*result == overloaded, full.contains(node), "seed {seed}");
        }
    }
}

#[test]
fn at_the_deadline_everything_ends() {
    let mut field = Field::new(6, 32, Conditions::LAN);
    let targets: Vec<NodeId> = field.ids[1..].to_vec();
    field.sim.set_conditions(Conditions::LAN.with_loss(1.0));
    let begun = field.sim.now();
    let relayed = field.relay(COMMAND, &targets, LIMIT, SECOND);
    let report = field.ended(relayed);
    assert!(field.sim.now() <= begun + SECOND, "not later");
    let timeout = Err(DeliveryError::Failed(Failure::Timeout));
    assert!(report.iter().all(|result| *result == timeout), "{report:?}");
    field.sim.set_conditions(Conditions::LAN);
    field.sim.run_for(5 * SECOND);
    field.check(relayed, &report, |_| false);
    field.is_idle();
}

#[test]
fn an_origin_that_gives_up_stops_its_relays() {
    let mut field = Field::new(7, 16, Conditions::LAN);
    let targets: Vec<NodeId> = field.ids[1..].to_vec();
    // The first relay gets its hop, and cannot pass it on.
    let (near, far) = field.ids.split_at(2);
    let (near, far) = (near.to_vec(), far.to_vec());
    field.sim.partition(&near, &far, true);
    let relayed = field.relay(COMMAND, &targets, 1, 20 * SECOND);
    field.sim.run_for(300 * MILLISECOND);
    field.give_up(relayed);
    field.sim.run_for(100 * MILLISECOND);
    field.sim.partition(&near, &far, false);
    field.sim.run_for(10 * SECOND);
    assert_eq!(field.handled(relayed), 1, "nothing is sent again");
    assert!(field.sim.app.reports.is_empty(), "no completion");
    field.is_idle();
}

#[test]
fn a_relay_that_leaves_hands_its_part_back_at_once() {
    let slow = Conditions::LAN.with_latency(20 * MILLISECOND, 30 * MILLISECOND);
    let mut field = Field::new(8, 32, Conditions::LAN);
    field.sim.set_conditions(slow);
    let targets: Vec<NodeId> = field.ids[1..].to_vec();
    let begun = field.sim.now();
    let relayed = field.relay(COMMAND, &targets, LIMIT, 20 * SECOND);
    while field.handled(relayed) == 0 {
        field.sim.run_for(MILLISECOND);
    }
    field
        .sim
        .with(targets[0], |at| at.endpoint.leave(at.now))
        .unwrap();
    let report = field.ended(relayed);
    field.check(relayed, &report, |node| node != targets[0]);
    let took = field.sim.now().saturating_since(begun);
    assert!(took < SECOND, "without waiting for silence: {took:?}");
}

#[test]
fn a_large_message_goes_down_the_tree() {
    let mut field = Field::new(9, 24, Conditions::LAN.with_loss(0.02));
    let targets: Vec<NodeId> = field.ids[1..].to_vec();
    let max = field
        .sim
        .endpoint(field.ids[0])
        .unwrap()
        .messages()
        .config()
        .message_bytes_max;
    assert!(field.try_relay_bytes(&targets, max + 1).is_err());
    let relayed = field.try_relay_bytes(&targets, 200_000).unwrap();
    let report = field.ended(relayed);
    field.check(relayed, &report, |_| true);
}

#[test]
fn a_message_as_large_as_may_be_passes() {
    let mut field = Field::with(10, 6, Conditions::LAN, |config| {
        config.messaging.message_bytes_max = 50_000;
        config.messaging.queue_bytes_peer = 50_000;
    });
    let targets: Vec<NodeId> = field.ids[1..].to_vec();
    let relayed = field.try_relay_bytes(&targets, 50_000).unwrap();
    let report = field.ended(relayed);
    field.check(relayed, &report, |_| true);
}

#[test]
fn an_unreliable_message_reaches_all_where_nothing_is_lost_and_none_twice_where_something_is() {
    for (loss, duplication) in [(0.0, 0.0), (0.1, 0.1)] {
        let mut field = Field::new(11, 100, Conditions::LAN);
        let conditions = Conditions::LAN.with_loss(loss);
        field
            .sim
            .set_conditions(conditions.with_duplication(duplication));
        let targets: Vec<NodeId> = field.ids[1..].to_vec();
        // The longer the message, the fewer names beside it: the last one leaves no room for any.
        for bytes in [8, 1_000, 1_330, 1_366] {
            let once = field.relay_once(&targets, LIMIT, bytes);
            field.sim.run_for(5 * SECOND);
            let most = field.handled_at_most(once);
            assert_eq!(most, 1, "{bytes} bytes, loss {loss}");
            let handled = field.handled(once);
            if loss == 0.0 {
                assert_eq!(handled, targets.len(), "{bytes} bytes");
            } else {
                assert!(handled < targets.len(), "one in ten is lost");
            }
        }
    }
}

#[test]
fn an_unreliable_message_goes_to_living_nodes_past_dead_ones() {
    let mut field = Field::new(12, 24, Conditions::LAN);
    let targets: Vec<NodeId> = field.ids[1..].to_vec();
    for place in [0, 5] {
        field.sim.kill(targets[place]);
    }
    // Until all know.
    field.sim.run_for(60 * SECOND);
    let once = field.relay_once(&targets, LIMIT, 8);
    field.sim.run_for(SECOND);
    assert_eq!(field.handled(once), targets.len() - 2);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let mut field = Field::new(seed, 24, Conditions::LAN.with_loss(0.1));
        kill_relays(&mut field, seed, 2, 4);
        (field.sim.trace(), field.sim.datagrams_sent())
    };
    assert_eq!(run(21), run(21));
    assert_ne!(run(21).0, run(22).0);
}
