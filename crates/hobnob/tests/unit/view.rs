use std::{net::SocketAddr, sync::Arc, time::Duration};

use hobnob_endpoint::{
    gossip::{self, DeclaredState, Gossip, Identity, Metadata, MetadataFields, Profile},
    wire::{Generation, Instant},
};

use super::{Holding, Settling, settling::without};
use crate::nodes::Node;

const QUIET: u64 = 5;
const MAX: u64 = 30;

fn address(number: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, number], 7400))
}

fn process(number: u8, generation: u64) -> Gossip {
    let fields = MetadataFields {
        node_type: "rooms".into(),
        ..MetadataFields::default()
    };
    let identity = Identity {
        addr: address(number),
        generation: Generation(generation),
    };
    let metadata = Metadata::new(fields).unwrap();
    Gossip::new(Profile::Lan.into(), identity, metadata, 0, Instant::ZERO)
}

fn node(number: u8) -> Node {
    Node::new(process(number, 1).me().clone())
}

/// What its peers make of a node.
fn seen_as(number: u8, state: gossip::NodeState) -> Node {
    let mut seen = gossip::Node::clone(process(number, 1).me());
    seen.state = state;
    Node::new(Arc::new(seen))
}

fn declared(number: u8, state: DeclaredState) -> Node {
    let mut process = process(number, 1);
    process.set_state(Instant::ZERO, state);
    Node::new(process.me().clone())
}

fn nodes(numbers: impl IntoIterator<Item = u8>) -> Vec<Node> {
    numbers.into_iter().map(node).collect()
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

/// A core, and what it has released by when.
struct Test {
    core: Settling,
    released: Vec<(Instant, u64, Vec<SocketAddr>)>,
}

impl Test {
    fn new() -> Self {
        let holding = Holding {
            quiet: Duration::from_secs(QUIET),
            max: Duration::from_secs(MAX),
        };
        Self {
            core: Settling::new(holding, Instant::ZERO),
            released: Vec::new(),
        }
    }

    /// One that has released its first version: so many nodes, at `QUIET`.
    fn settled(numbers: impl IntoIterator<Item = u8>) -> Self {
        let mut test = Self::new();
        test.sees(0, &nodes(numbers));
        test.runs_until(QUIET);
        assert_eq!(test.released.len(), 1);
        test.released.clear();
        test
    }

    fn sees(&mut self, seconds: u64, nodes: &[Node]) {
        self.runs_until(seconds);
        self.core.handle_nodes(at(seconds), nodes);
    }

    /// Lets the core's timeouts happen, each when it is due.
    fn runs_until(&mut self, seconds: u64) {
        while let Some(due) = self.core.poll_timeout().filter(|due| *due <= at(seconds)) {
            let before = Instant::from_nanos(due.as_nanos().saturating_sub(1));
            if due > Instant::ZERO {
                assert!(self.core.handle_timeout(before).is_none(), "not before");
            }
            let version = self.core.handle_timeout(due).expect("due is due");
            let members = version.members.iter().map(Node::address).collect();
            self.released.push((due, version.number, members));
        }
    }
}

fn addresses(numbers: impl IntoIterator<Item = u8>) -> Vec<SocketAddr> {
    numbers.into_iter().map(address).collect()
}

#[test]
fn the_first_version_settles_too() {
    let mut test = Test::new();
    test.sees(0, &nodes(0..1));
    test.sees(1, &nodes(0..5));
    test.sees(3, &nodes(0..9));
    test.runs_until(100);
    assert_eq!(test.released, [(at(3 + QUIET), 1, addresses(0..9))]);
    assert_eq!(
        test.core.poll_timeout(),
        None,
        "there is nothing to wait for"
    );
}

#[test]
fn ten_that_go_one_by_one_are_one_change() {
    let mut test = Test::settled(0..30);
    for gone in 0..10 {
        test.sees(10 + u64::from(gone) * 2, &nodes(gone + 1..30));
    }
    test.runs_until(1_000);
    assert_eq!(test.released, [(at(28 + QUIET), 2, addresses(10..30))]);
}

#[test]
fn what_never_settles_is_shown_after_the_bound() {
    let mut test = Test::settled(0..100);
    for gone in 0..30 {
        test.sees(10 + u64::from(gone) * 2, &nodes(gone + 1..100));
    }
    test.runs_until(1_000);
    // Those of the seconds 10 to 38, then the rest, the first of which went when the version was made.
    assert_eq!(
        test.released,
        [
            (at(10 + MAX), 2, addresses(15..100)),
            (at(10 + MAX + MAX), 3, addresses(30..100))
        ]
    );
}

#[test]
fn who_is_back_in_time_was_never_gone() {
    let mut test = Test::settled(0..4);
    test.sees(10, &nodes(1..4));
    test.sees(14, &nodes(0..4));
    test.runs_until(100);
    assert_eq!(test.released, []);
    // The next change is held back for its own time, not for what is left of the one before.
    test.sees(100, &nodes(0..3));
    for back in 0..20 {
        test.sees(101 + back, &nodes(0..3 - u8::from(back % 2 == 0)));
    }
    test.runs_until(1_000);
    assert_eq!(test.released, [(at(120 + QUIET), 2, addresses(0..3))]);
}

#[test]
fn a_suspect_is_a_member_and_holds_up_changes() {
    let suspect = seen_as(3, gossip::NodeState::Suspect);
    let mut test = Test::settled(0..4);
    test.sees(10, &[node(0), node(1), node(2), suspect.clone()]);
    test.runs_until(100);
    assert_eq!(test.released, [], "a suspicion alone is no change");

    test.sees(100, &[node(0), node(1), suspect.clone()]);
    test.sees(112, &[node(0), node(1)]);
    test.runs_until(200);
    assert_eq!(test.released, [(at(112 + QUIET), 2, addresses(0..2))]);
    test.released.clear();

    // One that stays suspected does not hold up for ever what happens to others.
    test.sees(200, &[node(0), node(1), suspect.clone()]);
    test.runs_until(300);
    assert_eq!(test.released, [(at(200 + MAX), 3, addresses([0, 1, 3]))]);
    test.released.clear();

    // And after one that was refuted the quiet begins anew.
    test.sees(300, &[node(0), node(1), node(2), suspect]);
    test.sees(310, &nodes(0..4));
    test.runs_until(400);
    assert_eq!(test.released, [(at(310 + QUIET), 4, addresses(0..4))]);
}

#[test]
fn who_is_going_or_gone_is_no_member_and_who_is_taken_is() {
    let taken = declared(1, DeclaredState::Taken);
    let offline = declared(2, DeclaredState::Offline);
    let left = seen_as(3, gossip::NodeState::Left);
    let failed = seen_as(4, gossip::NodeState::Failed);
    let mut test = Test::new();
    test.sees(0, &[node(0), taken, offline, left, failed]);
    test.runs_until(100);
    assert_eq!(test.released, [(at(QUIET), 1, addresses(0..2))]);
    // Neither a goodbye nor a free place is a change then.
    test.sees(100, &nodes(0..2));
    test.runs_until(200);
    assert_eq!(test.released.len(), 1);
}

#[test]
fn who_starts_again_goes_and_comes() {
    let mut test = Test::settled(0..3);
    let again = Node::new(process(1, 2).me().clone());
    let before = nodes(0..3);
    let after = [node(0), again.clone(), node(2)];
    test.sees(10, &after);
    test.runs_until(100);
    assert_eq!(test.released, [(at(10 + QUIET), 2, addresses(0..3))]);
    assert_eq!(without(&after, &before), [again]);
    assert_eq!(without(&before, &after), [node(1)]);
}

#[test]
fn a_version_shows_its_members_as_they_are_when_it_is_made() {
    let mut test = Test::settled(0..2);
    test.sees(10, &nodes(0..3));
    test.sees(11, &[declared(0, DeclaredState::Taken), node(1), node(2)]);
    let version = test
        .core
        .handle_timeout(at(10 + QUIET))
        .expect("due by then");
    assert_eq!(version.members[0].state(), gossip::NodeState::Taken);
}
