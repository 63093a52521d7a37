//! How well crashes are told from slowness, and what is said about it.

use std::{collections::BTreeSet, time::Duration};

use hobnob_gossip::{Event, Gossip, Identity, NodeState, Profile, Why};
use hobnob_wire::{Generation, Instant};

use crate::{
    forge,
    net::{Net, Weather, addr},
};

const SECOND: Duration = Duration::from_secs(1);
/// The first byte of a payload that is a nack.
const NACK: u8 = 8;

/// How a host is slow.
#[derive(Clone, Copy, Debug)]
enum Slow {
    /// Its timers run, its network does not.
    Blocked,
    /// Nothing runs; its datagrams wait in the socket.
    Stopped,
}

/// A cluster under the profile for data centres.
fn lan(seed: u64, size: usize) -> Net {
    let mut net = Net::with_config(seed, Weather::CALM, Profile::Lan.into());
    for index in 0..size {
        net.add(index, 1_000);
    }
    net.join_all();
    net.run_for(2 * SECOND);
    net
}

fn set_slow(net: &mut Net, how: Slow, index: usize, slow: bool) {
    match (how, slow) {
        (Slow::Blocked, true) => net.block(index),
        (Slow::Blocked, false) => net.unblock(index),
        (Slow::Stopped, true) => net.freeze(index),
        (Slow::Stopped, false) => net.thaw(index),
    }
}

/// Failures reported of hosts that were never slow, while `slow` others are slow for 16 of every 20 seconds.
fn false_downs(net: &mut Net, slow: usize, how: Slow, rounds: u32) -> usize {
    let began = net.now;
    for _ in 0..rounds {
        (0..slow).for_each(|index| set_slow(net, how, index, true));
        net.run_for(16 * SECOND);
        (0..slow).for_each(|index| set_slow(net, how, index, false));
        net.run_for(4 * SECOND);
    }
    let healthy: BTreeSet<_> = (slow..net.hosts.len()).map(addr).collect();
    let wrong =
        |event: &Event| matches!(event, Event::Failed(node) if healthy.contains(&node.addr()));
    net.hosts
        .iter()
        .flat_map(|host| &host.events)
        .filter(|(at, event)| *at > began && wrong(event))
        .count()
}

/// Plain SWIM declares healthy nodes dead here, some at each round.
#[test]
fn slow_nodes_do_not_get_healthy_ones_declared_dead() {
    for how in [Slow::Blocked, Slow::Stopped] {
        for (seed, slow) in [(0, 1), (1, 4), (2, 8)] {
            let mut net = lan(seed, 64);
            assert_eq!(
                false_downs(&mut net, slow, how, 3),
                0,
                "{how:?}, {slow} slow"
            );
        }
    }
}

fn has_failed_somewhere(net: &Net, whom: usize) -> bool {
    (0..net.hosts.len()).any(|by| by != whom && net.state(by, whom) == Some(NodeState::Failed))
}

#[test]
fn a_crash_is_known_to_all_soon_after_the_first() {
    for (size, seeds) in [(8, 5), (32, 5), (128, 2)] {
        for seed in 0..seeds {
            let mut net = lan(seed, size);
            net.stop(5);
            let first = net.run_until(30 * SECOND, |net| has_failed_somewhere(net, 5));
            assert!(first < 10 * SECOND, "{size} nodes, seed {seed}: {first:?}");
            let last = net.run_until(30 * SECOND, |net| net.all_see(5, NodeState::Failed));
            assert!(last <= 3 * SECOND, "{size} nodes, seed {seed}: {last:?}");
        }
    }
}

/// With the own rounds of probing of the others alone it is 5.6 s on average with 128 nodes.
#[test]
fn a_crash_is_confirmed_by_those_who_hear_of_it() {
    for size in [20, 128] {
        let seeds = 12;
        let all: Duration = (0..seeds)
            .map(|seed| {
                let mut net = lan(seed, size);
                net.stop(5);
                net.run_until(30 * SECOND, |net| has_failed_somewhere(net, 5))
            })
            .sum();
        let mean = all / u32::try_from(seeds).unwrap();
        assert!(mean < 5 * SECOND, "{size} nodes: {mean:?}");
    }
}

/// Its accusations are heard and refuted, and the refutations are lost.
#[test]
fn a_node_that_hears_badly_has_nobody_declared_dead() {
    for seed in 0..6 {
        let mut net = lan(seed, 24);
        net.deafness.insert(0, 95);
        net.run_for(180 * SECOND);
        for whom in 1..24 {
            let failed = (1..24).filter(|by| net.ever_failed(*by, whom)).count();
            assert_eq!(failed, 0, "seed {seed}: {whom}");
        }
    }
}

#[test]
fn whoever_hears_nobody_else_goes_by_its_own_word() {
    let mut net = lan(1, 8);
    net.partition(|index| u8::from(index == 0));
    net.run_for(120 * SECOND);
    assert!((1..8).all(|whom| net.ever_failed(0, whom)));
}

/// Whether the host has accused another by its own probe.
fn accuses(net: &Net, by: usize, whom: usize) -> bool {
    let why = net.hosts[by].gossip.why(addr(whom));
    why.is_some_and(|why| why.accusers.iter().any(|accuser| accuser.addr == addr(by)))
}

/// In SWIM only who suspects has a timer, which dies with it.
#[test]
fn the_crash_of_the_first_accusers_delays_nothing() {
    for seed in 0..5 {
        let mut net = lan(seed, 32);
        net.stop(5);
        let began = net.now;
        let mut crashed = BTreeSet::from([5]);
        while !has_failed_somewhere(&net, 5) {
            net.run_for(Duration::from_millis(50));
            let accusers = (0..32).filter(|by| accuses(&net, *by, 5));
            for by in accusers.collect::<Vec<_>>() {
                if crashed.len() < 4 && crashed.insert(by) {
                    net.stop(by);
                }
            }
            assert!(net.now.saturating_since(began) < 20 * SECOND, "seed {seed}");
        }
        net.run_until(5 * SECOND, |net| net.all_see(5, NodeState::Failed));
        assert_eq!(crashed.len(), 4, "seed {seed}: who noticed first is gone");
    }
}

/// The others say that they have no answer either, so who asked them has no reason to doubt itself.
#[test]
fn a_crash_is_nobody_elses_fault() {
    let mut net = lan(3, 16);
    net.recorded = Some(Vec::new());
    net.stop(5);
    net.run_until(20 * SECOND, |net| net.all_see(5, NodeState::Failed));
    let is_nack = |payload: &Vec<u8>| payload.first() == Some(&NACK);
    let nacks = net.recorded.iter().flatten().filter(|p| is_nack(p)).count();
    assert!(nacks >= 3, "{nacks} nacks");
    for host in net.hosts.iter().filter(|host| host.addr != addr(5)) {
        assert_eq!(host.gossip.health(), 0, "{}", host.addr);
    }
    let probed = |why: Why| why.probes.iter().all(|probe| probe.nacks == probe.helpers);
    assert!((0..16).all(|by| net.hosts[by].gossip.why(addr(5)).is_none_or(probed)));
}

#[test]
fn a_node_that_is_cut_off_doubts_itself_and_recovers() {
    let mut net = lan(4, 16);
    net.partition(|index| u8::from(index == 7));
    net.run_for(3 * SECOND);
    let cut_off = net.hosts[7].gossip.health();
    assert!(cut_off >= 3, "{cut_off}");
    let others = (0..16).filter(|by| *by != 7);
    assert!(others.clone().all(|by| net.hosts[by].gossip.health() == 0));
    net.partition(|_| 0);
    net.run_for(40 * SECOND);
    assert!(net.all_see_all());
    assert_eq!(net.hosts[7].gossip.health(), 0);
}

#[test]
fn a_node_that_stood_still_says_so_and_blames_nobody() {
    let mut net = lan(5, 16);
    let began = net.now;
    net.freeze(7);
    net.run_for(2 * SECOND);
    net.thaw(7);
    net.run_for(10 * SECOND);
    assert!(net.hosts[7].gossip.stats().standstills >= 1);
    let blamed = |(at, event): &(Instant, Event)| {
        *at > began
            && matches!(
                event,
                Event::StateChanged {
                    to: NodeState::Suspect,
                    ..
                }
            )
    };
    assert!(!net.hosts[7].events.iter().any(blamed));
}

#[test]
fn a_verdict_is_explained() {
    let mut net = lan(6, 32);
    let began = net.now;
    net.stop(5);
    net.run_until(20 * SECOND, |net| net.all_see(5, NodeState::Failed));
    let mut own = 0;
    for host in net.hosts.iter().filter(|host| host.addr != addr(5)) {
        let why = host.gossip.why(addr(5)).expect("it was declared dead");
        assert_eq!(why.identity.addr, addr(5));
        let verdict = why.verdict.expect("it was declared dead");
        own += usize::from(verdict.is_own);
        assert!(began < why.since && why.since <= verdict.at);
        assert!(!why.accusers.is_empty() && why.accusers.len() <= 4);
        let times: Vec<Instant> = why.accusers.iter().map(|accuser| accuser.at).collect();
        assert!(times.is_sorted() && times.iter().all(|at| *at <= verdict.at));
        for probe in &why.probes {
            assert!(began < probe.ended && probe.began < probe.ended);
            assert!([0, 3].contains(&probe.helpers), "a check is one's own");
        }
        let accuses = why.accusers.iter().any(|accuser| accuser.addr == host.addr);
        assert!(!accuses || !why.probes.is_empty(), "an accuser has probed");
        assert_eq!(host.gossip.why(addr(6)), None, "nothing is wrong with it");
    }
    assert!(own >= 1, "somebody's timer ran out");
}

/// Two nodes that know each other, and the time of the suspicion of the second by the first.
fn suspected() -> ([Gossip; 2], Instant) {
    let mut now = Instant::from_nanos(1);
    let node = |index| {
        let me = Identity {
            addr: addr(index),
            generation: Generation(1_000),
        };
        let metadata = crate::net::metadata(index);
        Gossip::new(Profile::Lan.into(), me, metadata, index as u64, now)
    };
    let mut pair = [node(0), node(1)];
    pair[1].announce(now, addr(0));
    exchange(&mut pair, now);
    while pair[0].why(addr(1)).is_none() {
        now = pair[0].poll_timeout().expect("it probes").at;
        pair[0].handle_timeout(now);
        while pair[0].poll_transmit().is_some() {}
    }
    (pair, now)
}

fn exchange(pair: &mut [Gossip; 2], now: Instant) {
    let mut quiet = false;
    while !quiet {
        quiet = true;
        for from in [0, 1] {
            while let Some((_, payload)) = pair[from].poll_transmit() {
                quiet = false;
                pair[1 - from]
                    .handle_payload(now, addr(from), &payload)
                    .expect("sound");
            }
        }
    }
}

fn state(gossip: &Gossip) -> Option<NodeState> {
    gossip.node(addr(1)).map(|node| node.state)
}

/// Whatever is sent to it for whatever reason is preceded by the word that it is suspected, and that alone makes it
/// refute the suspicion.
#[test]
fn a_suspect_hears_of_it_in_the_first_payload() {
    let (mut pair, now) = suspected();
    let later = now + SECOND;
    pair[0].announce(later, addr(1));
    let (to, warning) = pair[0].poll_transmit().expect("the warning");
    assert_eq!(to, addr(1));
    assert_eq!(pair[0].warning(later, addr(1)), None, "it was told");
    while pair[0].poll_transmit().is_some() {}
    pair[1]
        .handle_payload(later, addr(0), &warning)
        .expect("sound");
    exchange(&mut pair, later);
    assert_eq!(
        state(&pair[0]),
        Some(NodeState::Suspect),
        "not looked up yet"
    );
    let soon = later + SECOND;
    pair[0].handle_timeout(soon);
    assert_eq!(state(&pair[0]), Some(NodeState::Online));
}

#[test]
fn a_warning_is_repeated_but_not_with_every_datagram() {
    let (mut pair, now) = suspected();
    let later = now + SECOND;
    assert!(pair[0].warning(later, addr(1)).is_some());
    assert_eq!(pair[0].warning(later, addr(1)), None);
    assert!(pair[0].warning(later + SECOND, addr(1)).is_some());
    assert_eq!(pair[0].warning(later + SECOND, addr(2)), None, "a stranger");
}

/// An answer to anything sent since the suspicion began puts the verdict off, and does so once.
#[test]
fn a_suspect_that_is_vouched_for_gets_its_time_once_more() {
    let (mut pair, began) = suspected();
    let suspect = loop {
        let now = pair[0].poll_timeout().expect("a deadline").at;
        let due = pair[0].suspects_due(now).next();
        if let Some(suspect) = due {
            break suspect;
        }
        pair[0].handle_timeout(now);
        while pair[0].poll_transmit().is_some() {}
    };
    assert_eq!(suspect.whom.addr, addr(1));
    assert!(suspect.since >= began - SECOND);
    let now = pair[0].poll_timeout().expect("a deadline").at;
    let stranger = Identity {
        generation: Generation(999),
        ..suspect.whom
    };
    pair[0].vouch(now, stranger);
    assert!(
        pair[0].suspects_due(now).next().is_some(),
        "another process"
    );
    pair[0].vouch(now, suspect.whom);
    assert_eq!(pair[0].suspects_due(now).next(), None);
    pair[0].handle_timeout(now);
    assert_eq!(state(&pair[0]), Some(NodeState::Suspect));
    let why = pair[0].why(addr(1)).expect("it is suspected");
    assert_eq!(why.vouched_at, Some(now));
    assert_eq!(pair[0].stats().verdicts_put_off, 1);
    // Nobody vouches for it again.
    let end = now + 30 * SECOND;
    while let Some(next) = pair[0].poll_timeout().filter(|next| next.at <= end) {
        pair[0].handle_timeout(next.at);
        while pair[0].poll_transmit().is_some() {}
    }
    assert_eq!(state(&pair[0]), Some(NodeState::Failed));
}

/// Nobody is suspected by the word of strangers, nor in a life it does not have.
#[test]
fn only_members_accuse_members() {
    let mut net = lan(7, 4);
    let life = |index, generation| forge::life(addr(index), generation);
    let cases = [
        (life(2, 1_000), addr(3), true),
        (life(2, 1_000), addr(9), false),
        (life(2, 999), addr(3), false),
        (life(2, 1_001), addr(3), false),
        (life(9, 1_000), addr(3), false),
    ];
    for (accused, accuser, counts) in cases.into_iter().rev() {
        let payload = forge::accusation(accused, accuser);
        let now = net.now;
        net.hosts[0]
            .gossip
            .handle_payload(now, addr(1), &payload)
            .expect("sound");
        let why = net.hosts[0].gossip.why(addr(2));
        let accusers: Vec<_> = why.iter().flat_map(|why| &why.accusers).collect();
        assert_eq!(accusers.len(), usize::from(counts), "{accused:?} {accuser}");
        assert!(accusers.iter().all(|known| known.addr == accuser));
    }
}

/// However many pass on the word that it is suspected, a node refutes it once and doubts itself once.
#[test]
fn an_accused_node_refutes_once() {
    let mut net = lan(8, 6);
    let accusation = forge::accusation(forge::life(addr(0), 1_000), addr(1));
    for from in 1..6 {
        net.with(0, |gossip, now| {
            gossip
                .handle_payload(now, addr(from), &accusation)
                .expect("sound");
        });
    }
    assert_eq!(net.hosts[0].gossip.health(), 1);
    net.run_for(20 * SECOND);
    assert!((1..6).all(|by| !net.ever_failed(by, 0)));
    assert!(!net.ever(0, |event| matches!(event, Event::SelfRenewed { .. })));
    assert_eq!(net.hosts[0].gossip.health(), 0);
}

/// Nobody else can know: they hear it, and some of them are heard.
#[test]
fn a_node_that_hears_badly_goes_by_its_own_word_and_comes_back() {
    let mut net = lan(9, 12);
    net.with(3, |gossip, _| gossip.set_hearing(false));
    net.run_until(10 * SECOND, |net| net.all_see(3, NodeState::Failed));
    for by in (0..12).filter(|by| *by != 3) {
        let why = net.hosts[by].gossip.why(addr(3)).expect("it has failed");
        assert!(why.accusers.iter().any(|accuser| accuser.addr == addr(3)));
    }
    net.run_for(30 * SECOND);
    assert!(net.all_see(3, NodeState::Failed), "and stays so");
    net.with(3, |gossip, _| gossip.set_hearing(true));
    net.run_until(30 * SECOND, Net::all_see_all);
    assert!((0..12).all(|by| by == 3 || (0..12).all(|w| w == 3 || !net.ever_failed(by, w))));
}
