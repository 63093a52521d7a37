//! Who looks after whom, and how soon a crash is known for it.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hobnob_gossip::{Gossip, Identity, NodeState, Profile};
use hobnob_wire::{Generation, Instant};

use crate::{
    forge,
    net::{Net, Weather, addr, metadata},
};

const SECOND: Duration = Duration::from_secs(1);
const SIZE: usize = 20;
const VICTIM: usize = 5;

/// A cluster under the profile for data centres, whose probe period is a second.
fn lan(seed: u64) -> Net {
    let mut net = Net::with_config(seed, Weather::CALM, Profile::Lan.into());
    for index in 0..SIZE {
        net.add(index, 1_000);
    }
    net.join_all();
    // Somewhere in a round.
    net.run_for(3 * SECOND + Duration::from_millis(37) * u32::try_from(seed).unwrap());
    net
}

fn accusers(net: &Net, by: usize) -> usize {
    let why = net.hosts[by].gossip.why(addr(VICTIM));
    why.map_or(0, |why| why.accusers.len())
}

fn most_accusers(net: &Net) -> usize {
    let others = (0..SIZE).filter(|by| *by != VICTIM);
    others.map(|by| accusers(net, by)).max().unwrap_or(0)
}

/// With random probes alone one node in seven is not probed for two periods, and one in fifty not for four.
#[test]
fn every_node_is_probed_by_its_predecessor_at_least_every_other_period() {
    for seed in 0..40 {
        let mut net = lan(seed);
        net.stop(VICTIM);
        // Until the round in which it is probed begins, and until that is over.
        net.run_for(2 * SECOND + SECOND);
        assert_ne!(most_accusers(&net), 0, "seed {seed}");
    }
}

/// Whoever hears of a suspicion finds out for itself, in whatever way it has heard of it: SWIM's own word, which names
/// no accuser, is often there first.
#[test]
fn a_suspicion_without_an_accuser_is_looked_into_as_well() {
    let mut net = lan(0);
    net.block(VICTIM);
    let life = |index| forge::life(addr(index), 1_000);
    let suspect = (life(VICTIM), 0, forge::SUSPECT);
    for by in (0..SIZE).filter(|by| ![VICTIM, 1].contains(by)) {
        let gossip = forge::swim(life(1), life(by), forge::GOSSIP, &[suspect]);
        net.with(by, |host, now| {
            host.handle_payload(now, addr(1), &gossip).expect("sound");
        });
    }
    // A question takes a period; the word of who began it is heard within another one.
    net.run_for(2 * SECOND);
    assert_eq!(most_accusers(&net), 4, "as many as count");
}

/// Two periods until it is probed, one until that has failed, one and a third until it is dead, and four rounds of
/// gossip.
#[test]
fn a_crash_is_known_to_all_within_five_periods() {
    for seed in 0..40 {
        let mut net = lan(seed);
        net.stop(VICTIM);
        net.run_until(5 * SECOND, |net| net.all_see(VICTIM, NodeState::Failed));
    }
}

/// In a ring of two there is nobody else to look after, and in one of three there is.
#[test]
fn small_clusters_notice_a_crash_as_well() {
    for size in [2, 3] {
        let mut net = Net::with_config(1, Weather::CALM, Profile::Lan.into());
        for index in 0..size {
            net.add(index, 1_000);
        }
        net.join_all();
        net.run_for(3 * SECOND);
        net.stop(1);
        net.run_until(10 * SECOND, |net| net.all_see(1, NodeState::Failed));
    }
}

/// Whoever hears nothing of its successor does not call it dead: others are asked to probe it, and hear it.
#[test]
fn a_bad_path_to_the_successor_is_nobodys_failure() {
    // One of the distances is that of a neighbour in the ring, for each host.
    for distance in 1..SIZE {
        let mut net = lan(3);
        for by in 0..SIZE {
            let whom = (by + distance) % SIZE;
            net.cuts.insert((addr(whom), addr(by)));
        }
        net.run_for(20 * SECOND);
        for whom in 0..SIZE {
            let failed = (0..SIZE).filter(|by| net.ever_failed(*by, whom)).count();
            assert_eq!(failed, 0, "distance {distance}: {whom}");
        }
    }
}

/// A core that has just begun its first round: it asks its successor, and nobody answers anything. With when the round
/// ends.
fn in_mid_round(seed: u64) -> (Gossip, Instant) {
    let peers: Vec<SocketAddr> = (1..SIZE).map(addr).collect();
    in_mid_round_among(addr(0), &peers, seed)
}

fn in_mid_round_among(me: SocketAddr, peers: &[SocketAddr], seed: u64) -> (Gossip, Instant) {
    let mut now = Instant::from_nanos(5);
    let identity = Identity {
        addr: me,
        generation: Generation(1_000),
    };
    let mut gossip = Gossip::new(Profile::Lan.into(), identity, metadata(0), seed, now);
    for peer in peers.iter().map(|peer| forge::life(*peer, 1_000)) {
        let hello = forge::swim(peer, forge::life(me, 1_000), forge::GOSSIP, &[]);
        for payload in [hello, forge::record(peer, 1, 1)] {
            let taken = gossip.handle_payload(now, peer.addr, &payload);
            taken.expect("sound");
        }
    }
    while gossip.probe().is_none() {
        now = gossip.poll_timeout().expect("it probes").at;
        gossip.handle_timeout(now);
    }
    drain(&mut gossip);
    (gossip, now + SECOND)
}

fn peer(index: usize) -> forge::Life {
    forge::life(addr(index), 1_000)
}

fn drain(gossip: &mut Gossip) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| gossip.poll_transmit())
        .map(|(_, payload)| payload)
        .collect()
}

/// Lets time pass until a moment, and returns for how many probes help was asked.
fn let_pass(gossip: &mut Gossip, until: Instant) -> usize {
    const MESSAGE_AT: usize = 1 + 16 + 2 + 16;
    let mut asked = 0;
    while let Some(next) = gossip.poll_timeout().filter(|next| next.at <= until) {
        gossip.handle_timeout(next.at);
        let sent = drain(gossip);
        let is_request =
            |sent: &&Vec<u8>| sent[0] == 1 && sent.get(MESSAGE_AT) == Some(&forge::PING_REQ);
        asked += sent.iter().filter(is_request).count();
    }
    asked
}

fn says_goodbye(gossip: &mut Gossip, now: Instant, whom: SocketAddr) {
    const LEFT: u8 = 4;
    let goodbye = forge::record(forge::life(whom, 1_000), 2, LEFT);
    let taken = gossip.handle_payload(now, whom, &goodbye);
    taken.expect("sound");
    drain(gossip);
}

/// What fails together must not have been looked after by each other.
#[test]
fn who_is_on_one_machine_is_not_in_one_row() {
    const PROCESSES: u16 = 4;
    let places = (1..=8).flat_map(|machine| {
        (0..PROCESSES).map(move |process| SocketAddr::from(([10, 0, 0, machine], 7_000 + process)))
    });
    let places: Vec<SocketAddr> = places.collect();
    let successor = |me: SocketAddr| {
        let peers: Vec<SocketAddr> = places.iter().copied().filter(|addr| *addr != me).collect();
        let (gossip, _) = in_mid_round_among(me, &peers, 0);
        gossip.probe().expect("it probes").whom.addr
    };
    for me in places.iter().copied() {
        let next = successor(me);
        let row = [me, next, successor(next)];
        assert!(row.iter().any(|addr| addr.ip() != me.ip()), "{row:?}");
    }
}

#[test]
fn a_successor_that_is_forgotten_in_mid_round_stays_forgotten() {
    for seed in 0..8 {
        let (mut gossip, end) = in_mid_round(seed);
        let successor = gossip.probe().expect("it probes").whom.addr;
        let now = end - SECOND / 2;
        says_goodbye(&mut gossip, now, successor);
        gossip.forget(now, successor).expect("it has left");
        let_pass(&mut gossip, end + SECOND / 2);
        assert_eq!(gossip.node(successor), None, "seed {seed}");
        assert!(gossip.why(successor).is_none(), "seed {seed}");
    }
}

/// Others know as well that it has left, and have no reason to answer for it.
#[test]
fn a_successor_that_leaves_in_mid_round_is_no_reason_to_doubt_oneself() {
    for seed in 0..8 {
        let (mut gossip, end) = in_mid_round(seed);
        let successor = gossip.probe().expect("it probes").whom.addr;
        says_goodbye(&mut gossip, end - 9 * SECOND / 10, successor);
        assert_eq!(let_pass(&mut gossip, end), 0, "nobody is asked about it");
        assert_eq!(gossip.health(), 0, "seed {seed}");
    }
}

/// `foca` asks nobody for help when the one that it chose is gone. The one that is probed in its stead has not had
/// its second chance then.
#[test]
fn a_successor_about_which_nobody_could_be_asked_is_not_accused() {
    for seed in 0..8 {
        let mut unhelped = 0;
        for chosen in 1..SIZE {
            let (mut gossip, end) = in_mid_round(seed);
            let successor = gossip.probe().expect("it probes").whom.addr;
            if addr(chosen) == successor {
                continue;
            }
            says_goodbye(&mut gossip, end - 9 * SECOND / 10, addr(chosen));
            let asked = let_pass(&mut gossip, end);
            let is_accused = gossip.why(successor).is_some();
            assert_eq!(is_accused, asked > 0, "seed {seed}, {chosen} left");
            unhelped += usize::from(asked == 0);
        }
        assert!(unhelped <= 1, "one of them is the one that was chosen");
    }
}

/// The answers go to the life that asked.
#[test]
fn a_node_that_goes_on_under_another_life_accuses_nobody_for_it() {
    const ANSWER: Duration = Duration::from_millis(150);
    let weather = Weather {
        latency: (ANSWER, ANSWER),
        ..Weather::CALM
    };
    let mut net = Net::with_config(1, weather, Profile::Lan.into());
    for index in 0..6 {
        net.add(index, 1_000);
    }
    net.join_all();
    net.run_for(3 * SECOND);
    for renewals in 1..=40 {
        net.with(0, |gossip, now| {
            gossip.renew(now, Generation(1_000 + renewals));
        });
        net.run_for(SECOND + Duration::from_millis(37 * renewals));
    }
    for host in &net.hosts {
        assert_eq!(host.gossip.stats().suspicions, 0, "{}", host.addr);
        assert_eq!(host.gossip.health(), 0, "{}", host.addr);
    }
}

/// Rounds of different lengths begin anew with each life of this node: none of them ends another one early.
#[test]
fn a_node_in_doubt_that_goes_on_under_other_lives_waits_as_long_as_ever() {
    const MOMENT: Duration = Duration::from_millis(50);
    let (mut gossip, _) = in_mid_round(0);
    let suspect = |gossip: &mut Gossip, now, incarnation| {
        let me = forge::life(addr(0), 1_000);
        let word = forge::swim(
            peer(1),
            me,
            forge::GOSSIP,
            &[(me, incarnation, forge::SUSPECT)],
        );
        let taken = gossip.handle_payload(now, addr(1), &word);
        taken.expect("sound");
        drain(gossip);
    };
    let began = gossip.probe().expect("it probes").since;
    for incarnation in 0..8 {
        suspect(&mut gossip, began, incarnation);
    }
    gossip.probe_answered(began);
    let_pass(&mut gossip, began + 2 * SECOND);
    // Nine times as slow as usual.
    let since = gossip.probe().expect("it probes").since;
    assert_eq!(gossip.health(), 7);
    let end = since + 8 * SECOND;
    gossip.probe_answered(end - MOMENT);
    gossip.renew(end - MOMENT, Generation(1_001));
    let_pass(&mut gossip, end);
    gossip.renew(end + MOMENT, Generation(1_002));
    let lasts = SECOND * (u32::from(gossip.health()) + 1);
    let begins = end + MOMENT + lasts;
    // The next one is shorter by a period, as this one begins with an answer.
    let_pass(&mut gossip, begins + lasts - SECOND - MOMENT);
    assert_eq!(gossip.probe().expect("it probes").since, begins);
    assert_eq!(gossip.stats().suspicions, 0);
}

/// The address of the third party in a request to probe it.
fn whom_to_probe(payload: &[u8]) -> Option<&[u8]> {
    const LIFE_AFTER_IP: usize = 2 + 8 + 1;
    let ip_len = |at: usize| Some(if payload.get(at)? == &6 { 16 } else { 4 });
    let dst = 1 + (1 + 4 + LIFE_AFTER_IP) + 2;
    let message = dst + 1 + ip_len(dst)? + LIFE_AFTER_IP;
    let third = message + 1;
    let is_request = payload[0] == 1 && payload.get(message) == Some(&forge::PING_REQ);
    is_request.then(|| payload.get(third + 1..third + 1 + ip_len(third)?))?
}

/// While there is so much news that packets are full, a longer address takes the place of some of it.
#[test]
fn a_successor_with_a_long_address_is_probed_by_full_packets_as_well() {
    let mut probed = Vec::new();
    for seed in 0..8 {
        let now = Instant::from_nanos(5);
        let me = Identity {
            addr: addr(0),
            generation: Generation(1_000),
        };
        let mut gossip = Gossip::new(Profile::Lan.into(), me, metadata(0), seed, now);
        for index in 1..=100 {
            let long = SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, index], 7_003));
            for peer in [peer(index.into()), forge::life(long, 1_000)] {
                let hello = forge::swim(peer, forge::life(me.addr, 1_000), forge::GOSSIP, &[]);
                let taken = gossip.handle_payload(now, peer.addr, &hello);
                taken.expect("sound");
                drain(&mut gossip);
            }
        }
        while gossip.probe().is_none() {
            let now = gossip.poll_timeout().expect("it probes").at;
            gossip.handle_timeout(now);
            drain(&mut gossip);
        }
        let successor = gossip.probe().expect("it probes").whom.addr;
        probed.push(successor);
        let mut asked = Vec::new();
        while asked.is_empty() {
            let now = gossip.poll_timeout().expect("it asks for help").at;
            gossip.handle_timeout(now);
            let sent = drain(&mut gossip);
            asked.extend(
                sent.iter()
                    .filter_map(|sent| whom_to_probe(sent))
                    .map(Vec::from),
            );
        }
        for ip in asked {
            match successor.ip() {
                IpAddr::V4(expected) => assert_eq!(ip, expected.octets(), "seed {seed}"),
                IpAddr::V6(expected) => assert_eq!(ip, expected.octets(), "seed {seed}"),
            }
        }
    }
    probed.dedup();
    assert_eq!(probed.len(), 1, "{probed:?}");
    assert!(probed[0].is_ipv6());
}
