//! One core, and peers that know something else than it does.

use std::time::Duration;

use hobnob_gossip::{Event, Gossip, Identity, NodeState, Profile};
use hobnob_wire::{Generation, Instant};

use crate::{
    forge::{self, ALIVE, GOSSIP, Life, PING, SUSPECT, life},
    net::{addr, metadata},
};

const NOW: Instant = Instant::from_nanos(5);
/// Of the profile used here.
const PROBE_PERIOD: Duration = Duration::from_millis(250);

const LIVENESS_ALIVE: u8 = 1;
const LIVENESS_LEFT: u8 = 3;
const LIVENESS_FAILED: u8 = 4;

/// The core at address 0, and what it has sent and seen.
struct Core {
    gossip: Gossip,
    sent: Vec<(usize, Vec<u8>)>,
    events: Vec<Event>,
}

impl Core {
    /// It knows 1 and 2, which are both online.
    fn introduced() -> Self {
        let identity = Identity {
            addr: addr(0),
            generation: Generation(1_000),
        };
        let mut core = Self {
            gossip: Gossip::new(Profile::Local.into(), identity, metadata(0), 1, NOW),
            sent: Vec::new(),
            events: Vec::new(),
        };
        for peer in [1, 2] {
            core.receive(peer, &forge::record(node(peer), 3, 1));
        }
        core.forget();
        assert_eq!(core.state(1), Some(NodeState::Online));
        core
    }

    fn receive(&mut self, from: usize, payload: &[u8]) {
        let received = self.gossip.handle_payload(NOW, addr(from), payload);
        received.expect("sound");
        self.drain();
    }

    fn wait(&mut self, until: Duration) {
        self.gossip.handle_timeout(NOW + until);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some((to, payload)) = self.gossip.poll_transmit() {
            let to = (0..1_500).find(|index| addr(*index) == to);
            self.sent.push((to.expect("a node of the test"), payload));
        }
        self.events
            .extend(std::iter::from_fn(|| self.gossip.poll_event()));
    }

    fn forget(&mut self) {
        self.sent.clear();
        self.events.clear();
    }

    fn has_sent(&self, to: usize, payload: &[u8]) -> bool {
        self.sent
            .iter()
            .any(|(whom, sent)| *whom == to && sent == payload)
    }

    fn has_sent_kind(&self, to: usize, kind: u8) -> bool {
        self.sent
            .iter()
            .any(|(whom, sent)| *whom == to && sent[0] == kind)
    }

    fn state(&self, of: usize) -> Option<NodeState> {
        self.gossip.node(addr(of)).map(|node| node.state)
    }
}

fn node(index: usize) -> Life {
    life(addr(index), 1_000)
}

#[test]
fn a_node_that_a_peer_holds_for_failed_is_told_and_suspected_if_it_stays_silent() {
    for (reacts, state) in [(true, NodeState::Online), (false, NodeState::Suspect)] {
        for claim in [
            forge::digest(node(2), 3, LIVENESS_FAILED, 0),
            forge::failed(node(2)),
        ] {
            let mut core = Core::introduced();
            core.receive(1, &claim);
            assert!(core.has_sent(2, &forge::failed(node(2))), "it is told");
            assert_eq!(core.state(2), Some(NodeState::Online), "not on one word");
            core.forget();
            core.receive(1, &claim);
            assert!(!core.has_sent_kind(2, 3), "once");
            if reacts {
                core.receive(2, &forge::swim(node(2), node(0), PING, &[]));
            }
            core.wait(PROBE_PERIOD);
            assert_eq!(core.state(2), Some(state));
        }
    }
}

#[test]
fn a_claim_about_an_earlier_life_is_nothing() {
    let mut core = Core::introduced();
    let renewed = Life {
        renewal: 1,
        ..node(2)
    };
    core.receive(2, &forge::record(renewed, 4, 1));
    core.receive(1, &forge::failed(node(2)));
    assert!(!core.has_sent_kind(2, 3));
    core.wait(PROBE_PERIOD);
    assert_eq!(core.state(2), Some(NodeState::Online));
}

#[test]
fn a_refutation_that_was_missed_is_learnt_by_comparing() {
    let mut core = Core::introduced();
    let suspicion = forge::swim(node(1), node(0), GOSSIP, &[(node(2), 0, SUSPECT)]);
    core.receive(1, &suspicion);
    core.wait(Duration::from_millis(1));
    assert_eq!(core.state(2), Some(NodeState::Suspect));

    core.receive(1, &forge::digest(node(2), 3, LIVENESS_ALIVE, 0));
    core.wait(Duration::from_millis(100));
    assert_eq!(core.state(2), Some(NodeState::Suspect), "no refutation");
    core.receive(1, &forge::digest(node(2), 3, LIVENESS_ALIVE, 1));
    core.wait(Duration::from_millis(200));
    assert_eq!(core.state(2), Some(NodeState::Online));
}

#[test]
fn whoever_holds_a_failed_node_for_alive_is_told_so() {
    let mut core = Core::introduced();
    core.receive(3, &forge::record(node(3), 3, 1));
    for by in [1, 3] {
        assert_ne!(core.state(2), Some(NodeState::Failed), "on one node's word");
        let down = forge::swim(node(by), node(0), GOSSIP, &[(node(2), 0, forge::DOWN)]);
        core.receive(by, &down);
    }
    assert_eq!(core.state(2), Some(NodeState::Failed));
    core.forget();
    core.receive(1, &forge::digest(node(2), 3, LIVENESS_ALIVE, 0));
    let claim = &forge::failed(node(2))[1..];
    let answered = |(to, sent): &(usize, Vec<u8>)| {
        *to == 1 && sent.windows(claim.len()).any(|part| part == claim)
    };
    assert!(core.sent.iter().any(answered));
    assert_eq!(core.state(2), Some(NodeState::Failed), "not revived");

    let renewed = Life {
        renewal: 1,
        ..node(2)
    };
    core.receive(1, &forge::digest(renewed, 4, LIVENESS_ALIVE, 0));
    let want = forge::payload(5, |writer| forge::put_addr(writer, addr(2)));
    assert!(core.has_sent(1, &want), "a later life is another matter");
    core.receive(1, &forge::record(renewed, 4, 1));
    assert_eq!(core.state(2), Some(NodeState::Online));
}

#[test]
fn strangers_are_asked_for_only_if_they_are_alive() {
    let mut core = Core::introduced();
    for (liveness, asked) in [
        (LIVENESS_FAILED, false),
        (LIVENESS_LEFT, false),
        (LIVENESS_ALIVE, true),
    ] {
        core.forget();
        core.receive(1, &forge::digest(node(9), 3, liveness, 0));
        assert_eq!(core.has_sent_kind(1, 5), asked, "{liveness}");
    }
    assert_eq!(core.state(9), None);
}

#[test]
fn a_member_whose_record_is_missing_is_asked_for_it_and_not_shown() {
    let mut core = Core::introduced();
    let hearsay = forge::swim(node(1), node(0), GOSSIP, &[(node(9), 0, ALIVE)]);
    core.receive(1, &hearsay);
    let want = forge::payload(5, |writer| forge::put_addr(writer, addr(9)));
    assert!(!core.has_sent(9, &want), "the record may be on its way");
    core.wait(Duration::from_millis(100));
    assert!(core.has_sent(9, &want));
    core.forget();
    core.wait(Duration::from_millis(300));
    assert!(core.has_sent(9, &want), "again");
    assert_eq!(core.state(9), None);
    assert_eq!(core.events, []);

    core.receive(9, &forge::record(node(9), 1, 2));
    assert_eq!(core.state(9), Some(NodeState::Taken));
    assert!(matches!(&core.events[..], [Event::NodeUp(node)] if node.addr() == addr(9)));
}

#[test]
fn who_was_never_seen_alive_is_not_shown_gone() {
    let mut core = Core::introduced();
    let left = 4;
    core.receive(1, &forge::record(node(9), 8, left));
    let down = forge::swim(node(1), node(0), GOSSIP, &[(node(8), 0, forge::DOWN)]);
    core.receive(1, &down);
    assert_eq!((core.state(9), core.state(8)), (None, None));

    // And what is known of them keeps hearsay from reviving them.
    for gone in [8, 9] {
        let alive = forge::swim(node(1), node(0), GOSSIP, &[(node(gone), 5, ALIVE)]);
        core.receive(1, &alive);
        core.receive(1, &forge::record(node(gone), 7, 1));
        assert_eq!(core.state(gone), None);
    }
    assert_eq!(core.events, []);
}

#[test]
fn older_words_change_nothing() {
    let mut core = Core::introduced();
    core.receive(1, &forge::record(node(2), 5, 2));
    assert_eq!(core.state(2), Some(NodeState::Taken));
    core.forget();
    let version = core.gossip.version();
    let earlier = life(addr(2), 999);
    for stale in [
        forge::record(node(2), 4, 1),
        forge::record(node(2), 5, 1),
        forge::record(earlier, 99, 4),
        forge::failed(earlier),
        forge::swim(node(1), node(0), GOSSIP, &[(earlier, 9, forge::DOWN)]),
    ] {
        core.receive(1, &stale);
    }
    assert_eq!(core.gossip.version(), version);
    assert_eq!(core.events, []);
}

#[test]
fn whoever_knows_something_else_soon_hears_of_all_that_is_known_however_much() {
    const SUMMARY: u8 = 9;
    const DIGEST: u8 = 4;
    // More than the digests of one round hold.
    let known = 1..1_500;
    let mut core = Core::introduced();
    for peer in known.clone() {
        core.receive(1, &forge::record(node(peer), 3, 1));
    }
    core.forget();
    core.receive(1, &forge::raw(SUMMARY, &[7; 8]));

    let told = |core: &Core| {
        let to_it = core.sent.iter().filter(|(to, _)| *to == 1);
        let digests: Vec<&[u8]> = to_it
            .map(|(_, payload)| &payload[..])
            .filter(|payload| payload[0] == DIGEST)
            .collect();
        let is_in = |payload: &&[u8], index: usize| {
            let [.., high, low] = index.to_be_bytes();
            let bytes = [4, 10, 0, high, low];
            payload.windows(5).any(|window| window == bytes)
        };
        let is_told = |index: &usize| digests.iter().any(|payload| is_in(payload, *index));
        known.clone().filter(is_told).count()
    };
    let at_once = told(&core);
    assert!((100..1_400).contains(&at_once), "one round holds {at_once}");
    // Three rounds, each within five quarters of the shortest interval.
    for step in 1..=20 {
        core.wait(Duration::from_millis(50) * step);
    }
    assert_eq!(told(&core), 1_499);
}
