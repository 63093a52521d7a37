//! Who is shown under a name that another one claims is asked whether it is there: whom that concerns, and whom not.

use std::time::Duration;

use hobnob_gossip::{
    DeclaredState, Gossip, Identity, Metadata, MetadataFields, NodeState, Profile,
};
use hobnob_wire::{Generation, Instant};

use crate::{
    forge,
    net::{Net, Weather, addr, metadata},
};

const SECOND: Duration = Duration::from_secs(1);
const MOMENT: Duration = Duration::from_millis(10);
const NOW: Instant = Instant::from_nanos(5);

/// How long an inquiry takes in a single core, under the profile for data centres.
const INQUIRY: Duration = Duration::from_millis(500);

const OBSERVER: usize = 0;
const OLD: usize = 1;
const NEW: usize = 2;

fn named(name: &str) -> Metadata {
    let fields = MetadataFields {
        name: name.into(),
        ..MetadataFields::default()
    };
    Metadata::new(fields).expect("within limits")
}

fn core(index: usize, generation: u64, name: &str) -> Gossip {
    let me = Identity {
        addr: addr(index),
        generation: Generation(generation),
    };
    Gossip::new(Profile::Lan.into(), me, named(name), 1, NOW)
}

/// An observer that knows five others, of which one has the name for which there will be a contest.
fn observer(old: &mut Gossip) -> Gossip {
    let mut observer = core(OBSERVER, 1_000, "observer");
    hear(&mut observer, NOW, old);
    for index in 10..14 {
        let mut other = core(index, 1_000, "");
        hear(&mut observer, NOW, &mut other);
    }
    observer
}

/// The observer hears of another node by its own word, and answers into the void.
fn hear(observer: &mut Gossip, now: Instant, other: &mut Gossip) {
    other.announce(now, addr(OBSERVER));
    while let Some((_, payload)) = other.poll_transmit() {
        let taken = observer.handle_payload(now, other.me().addr(), &payload);
        taken.expect("sound");
    }
    while observer.poll_transmit().is_some() {}
}

/// Lets time pass for the observer, and returns how often it has asked a node for its record.
fn let_pass(observer: &mut Gossip, until: Instant, whom: usize) -> usize {
    const WANT: u8 = 5;
    let mut asked = 0;
    while let Some(next) = observer.poll_timeout().filter(|next| next.at <= until) {
        observer.handle_timeout(next.at);
        while let Some((to, payload)) = observer.poll_transmit() {
            asked += usize::from(to == addr(whom) && payload[0] == WANT);
        }
    }
    asked
}

fn is_accused(observer: &Gossip, whom: usize, by: usize) -> bool {
    let why = observer.why(addr(whom));
    let mut accusers = why.iter().flat_map(|why| &why.accusers);
    accusers.any(|accuser| accuser.addr == addr(by))
}

#[test]
fn the_one_that_is_shown_is_asked_eight_times_and_accused() {
    let mut observer = observer(&mut core(OLD, 100, "twin"));
    hear(&mut observer, NOW, &mut core(NEW, 200, "twin"));
    // The first question went out when the newcomer was heard.
    assert_eq!(let_pass(&mut observer, NOW + INQUIRY - MOMENT, OLD), 7);
    assert!(!is_accused(&observer, OLD, OBSERVER));
    let_pass(&mut observer, NOW + INQUIRY, OLD);
    assert!(is_accused(&observer, OLD, OBSERVER));
}

#[test]
fn a_third_that_claims_the_name_does_not_make_the_inquiry_longer() {
    let mut observer = observer(&mut core(OLD, 100, "twin"));
    hear(&mut observer, NOW, &mut core(NEW, 200, "twin"));
    let soon = NOW + INQUIRY / 2;
    let_pass(&mut observer, soon, OLD);
    hear(&mut observer, soon, &mut core(NEW + 1, 300, "twin"));
    let_pass(&mut observer, NOW + INQUIRY, OLD);
    assert!(is_accused(&observer, OLD, OBSERVER));
}

#[test]
fn who_is_shutting_down_is_not_asked_and_asks_for_nobody() {
    for going in [OLD, NEW] {
        let mut old = core(OLD, 100, "twin");
        let mut new = core(NEW, 200, "twin");
        let node = if going == OLD { &mut old } else { &mut new };
        node.set_state(NOW, DeclaredState::Offline);
        let mut observer = observer(&mut old);
        hear(&mut observer, NOW, &mut new);
        assert_eq!(let_pass(&mut observer, NOW + INQUIRY, OLD), 0, "{going}");
        assert!(!is_accused(&observer, OLD, OBSERVER), "{going}");
    }
}

#[test]
fn who_is_leaving_asks_and_accuses_nobody() {
    for later in [false, true] {
        let mut observer = observer(&mut core(OLD, 100, "twin"));
        if !later {
            observer.leave(NOW);
        }
        hear(&mut observer, NOW, &mut core(NEW, 200, "twin"));
        if later {
            observer.leave(NOW);
        }
        while observer.poll_transmit().is_some() {}
        assert_eq!(let_pass(&mut observer, NOW + 2 * INQUIRY, OLD), 0);
        assert!(observer.why(addr(OLD)).is_none());
    }
}

/// A node that is accused by as many as count.
fn accuse(observer: &mut Gossip, now: Instant, whom: forge::Life) {
    for by in 10..14 {
        let accusation = forge::accusation(whom, addr(by));
        let taken = observer.handle_payload(now, addr(by), &accusation);
        taken.expect("sound");
    }
    while observer.poll_transmit().is_some() {}
}

fn state_after(observer: &mut Gossip, now: Instant) -> Option<NodeState> {
    let_pass(observer, now, OLD);
    observer.node(addr(OLD)).map(|node| node.state)
}

/// Only a contest makes a verdict come as soon as there are enough accusers, and only as long as it lasts.
#[test]
fn whoever_gives_its_name_up_gets_the_usual_time_again() {
    for gives_up in [false, true] {
        let mut old = core(OLD, 100, "twin");
        let mut observer = observer(&mut old);
        hear(&mut observer, NOW, &mut core(NEW, 200, "twin"));
        if gives_up {
            old.set_metadata(NOW, named(""));
            hear(&mut observer, NOW, &mut old);
        }
        accuse(&mut observer, NOW, forge::life(addr(OLD), 100));
        let expected = gives_up.then_some(NodeState::Suspect);
        assert_eq!(state_after(&mut observer, NOW + MOMENT), expected);
    }
}

#[test]
fn whoever_is_vouched_for_gets_the_usual_time() {
    let mut observer = observer(&mut core(OLD, 100, "twin"));
    hear(&mut observer, NOW, &mut core(NEW, 200, "twin"));
    accuse(&mut observer, NOW, forge::life(addr(OLD), 100));
    let due: Vec<Identity> = observer.suspects_due(NOW).map(|due| due.whom).collect();
    assert_eq!(due.len(), 1, "the owner is asked");
    observer.vouch(NOW, due[0]);
    let usual = NOW + 9 * SECOND / 10;
    assert_eq!(state_after(&mut observer, usual), Some(NodeState::Suspect));
}

/// The paper's rule for those with enough accusers holds for those whose name is claimed after that, too.
#[test]
fn a_node_that_doubts_itself_calls_once_more_first() {
    for is_in_doubt in [false, true] {
        let mut observer = observer(&mut core(OLD, 100, "twin"));
        if is_in_doubt {
            let me = forge::life(addr(OBSERVER), 1_000);
            let from = forge::life(addr(10), 1_000);
            let word = forge::swim(from, me, forge::GOSSIP, &[(me, 0, forge::SUSPECT)]);
            let taken = observer.handle_payload(NOW, addr(10), &word);
            taken.expect("sound");
        }
        accuse(&mut observer, NOW, forge::life(addr(OLD), 100));
        hear(&mut observer, NOW, &mut core(NEW, 200, "twin"));
        let expected = is_in_doubt.then_some(NodeState::Suspect);
        assert_eq!(state_after(&mut observer, NOW + MOMENT), expected);
    }
}

/// Whether it has answered messages is asked before it is accused, as with any other look at a suspect.
#[test]
fn whoever_answers_messages_is_neither_accused_nor_replaced() {
    const SIZE: usize = 10;
    let mut net = Net::with_config(1, Weather::CALM, Profile::Lan.into());
    for index in 0..SIZE {
        net.add(index, 1_000);
    }
    net.join_all();
    net.run_for(3 * SECOND);
    net.block(OLD);
    net.vouched_for.insert(addr(OLD));
    net.add(SIZE, 2_000);
    net.with(SIZE, |gossip, now| {
        let name = metadata(OLD).into_fields().name;
        gossip.set_metadata(now, named(&name));
    });
    net.announce(SIZE, 0);
    net.run_for(4 * SECOND);
    for by in (0..SIZE).filter(|by| *by != OLD) {
        let state = net.state(by, OLD);
        let is_shown = matches!(state, Some(NodeState::Online | NodeState::Suspect));
        assert!(is_shown, "{state:?} at {by}");
        assert!(!net.ever_failed(by, OLD), "at {by}");
    }
}

/// In a cluster of three two are enough to replace the third.
#[test]
fn in_small_clusters_no_live_node_loses_its_name() {
    for (size, seed) in [2, 3]
        .into_iter()
        .flat_map(|size| (0..40).map(move |seed| (size, seed)))
    {
        let mut net = Net::joined(seed, Weather::lossy(20), size);
        net.run_for(4 * SECOND);
        // It comes without having met the one whose name it claims, and may not be able to.
        net.add(size, 2_000);
        let name = metadata(OLD).into_fields().name;
        net.with(size, |gossip, now| gossip.set_metadata(now, named(&name)));
        if seed % 2 == 1 {
            net.cuts.insert((addr(OLD), addr(size)));
            net.cuts.insert((addr(size), addr(OLD)));
        }
        for _ in 0..20 {
            if net.hosts[size].gossip.is_alone() {
                net.announce(size, 0);
            }
            net.run_for(SECOND / 2);
        }
        for by in (0..size).filter(|by| *by != OLD) {
            let failed = net.ever_failed(by, OLD);
            assert!(!failed, "seed {seed}: one of {size}, at {by}");
            assert!(
                net.seen(by, OLD).is_some(),
                "seed {seed}: one of {size}, at {by}"
            );
        }
    }
}
