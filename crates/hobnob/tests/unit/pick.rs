use std::collections::BTreeMap;

use hobnob_endpoint::{
    gossip::{Gossip, Identity, Metadata, MetadataFields, Profile},
    wire::{Generation, Instant},
};

use super::{rendezvous::minus_ln, *};

const KEYS: usize = 10_000;

fn address(number: usize) -> SocketAddr {
    let number = u16::try_from(number).unwrap();
    SocketAddr::from((
        [10, 1, number.to_be_bytes()[0], number.to_be_bytes()[1]],
        7400,
    ))
}

fn node_at(address: SocketAddr, generation: u64, name: &str) -> Node {
    let fields = MetadataFields {
        node_type: "rooms".into(),
        name: name.into(),
        ..MetadataFields::default()
    };
    let identity = Identity {
        addr: address,
        generation: Generation(generation),
    };
    let metadata = Metadata::new(fields).unwrap();
    let gossip = Gossip::new(Profile::Lan.into(), identity, metadata, 0, Instant::ZERO);
    Node::new(gossip.me().clone())
}

/// So many nodes, unnamed, each at its own address.
fn nodes(count: usize) -> Vec<Node> {
    (0..count)
        .map(|number| node_at(address(number), 1, ""))
        .collect()
}

fn named(count: usize) -> Vec<Node> {
    (0..count)
        .map(|number| node_at(address(number), 1, &format!("rooms-{number}")))
        .collect()
}

fn pick_from(mut nodes: Vec<Node>, seed: u64) -> Pick {
    nodes.sort_by_key(Node::address);
    Pick::new(nodes.into(), address(0), Arc::new(Dice::new(seed)), |_| {
        true
    })
}

fn key(number: usize) -> String {
    format!("room {number}")
}

/// Whose each of the keys is.
fn owners(pick: &Pick) -> Vec<SocketAddr> {
    (0..KEYS)
        .map(|number| pick.by_key(key(number)).unwrap().address())
        .collect()
}

fn counted(addresses: impl IntoIterator<Item = SocketAddr>) -> BTreeMap<SocketAddr, usize> {
    let mut counts = BTreeMap::new();
    for address in addresses {
        *counts.entry(address).or_default() += 1;
    }
    counts
}

/// Six standard deviations of how often something of a probability happens: less than once in 10^8 looks it is more.
#[allow(clippy::cast_precision_loss, reason = "small numbers")]
fn is_about(count: usize, of: usize, probability: f64) -> bool {
    let (count, of) = (count as f64, of as f64);
    let deviation = (of * probability * (1.0 - probability)).sqrt();
    (count - of * probability).abs() <= 6.0 * deviation
}

#[test]
fn nobody_is_chosen_from_nobody() {
    let none = pick_from(Vec::new(), 1);
    assert!(none.is_empty());
    assert_eq!(none.random(), None);
    assert_eq!(none.round_robin(&RoundRobin::new()), None);
    assert_eq!(none.least_loaded(|_| 0), None);
    assert_eq!(none.by_key("a"), None);
    assert_eq!(none.by_key_weighted("a", |_| 1), None);
    assert!(none.replicas("a", 3).is_empty());
}

#[test]
fn one_is_always_chosen_from_one() {
    let one = pick_from(nodes(1), 1);
    let only = Some(address(0));
    for choice in [
        one.random(),
        one.round_robin(&RoundRobin::new()),
        one.least_loaded(|_| f64::NAN),
        one.by_key("a"),
        one.by_key_weighted("a", |_| u32::MAX),
    ] {
        assert_eq!(choice.map(|node| node.address()), only);
    }
    assert_eq!(one.replicas("a", 3).len(), 1);
    assert_eq!(one.by_key_weighted("a", |_| 0), None);
}

#[test]
fn random_choices_are_even() {
    let pick = pick_from(nodes(7), 42);
    let counts = counted((0..KEYS).map(|_| pick.random().unwrap().address()));
    assert_eq!(counts.len(), 7);
    for count in counts.into_values() {
        assert!(is_about(count, KEYS, 1.0 / 7.0), "{count}");
    }
}

#[test]
fn a_round_visits_everybody_before_anybody_twice() {
    let pick = pick_from(nodes(5), 42);
    let turns = RoundRobin::new();
    let chosen = |pick: &Pick| pick.round_robin(&turns).unwrap().address();
    let two_rounds: Vec<_> = (0..10).map(|_| chosen(&pick)).collect();
    assert!(counted(two_rounds[..5].iter().copied()).len() == 5);
    assert_eq!(two_rounds[..5], two_rounds[5..]);

    // Whoever was chosen last is gone: the next one is that after it.
    let last = two_rounds[9];
    let next = two_rounds[0];
    let fewer = pick.clone().filter(|node| node.address() != last);
    assert_eq!(chosen(&fewer), next);
    // And when it is back, it waits for its turn.
    let rest: Vec<_> = (0..4).map(|_| chosen(&pick)).collect();
    assert_eq!(rest, two_rounds[1..5]);
}

#[test]
fn rounds_begin_anywhere() {
    let begins = (0..100).map(|seed| {
        let pick = pick_from(nodes(5), seed);
        pick.round_robin(&RoundRobin::new()).unwrap().address()
    });
    assert_eq!(counted(begins).len(), 5);
}

/// As many balls into as many bins: the fullest has about `ln n / ln ln n` by one choice and `ln ln n / ln 2` by two.
#[test]
fn two_choices_beat_one() {
    const BINS: usize = 1_000;
    for seed in 0..5 {
        let pick = pick_from(nodes(BINS), seed);
        let mut by_two: BTreeMap<SocketAddr, usize> = BTreeMap::new();
        for _ in 0..BINS {
            let load = |node: &Node| by_two.get(&node.address()).copied();
            let chosen = pick.least_loaded(load).unwrap().address();
            *by_two.entry(chosen).or_default() += 1;
        }
        let by_one = counted((0..BINS).map(|_| pick.random().unwrap().address()));
        let fullest = |bins: &BTreeMap<SocketAddr, usize>| bins.values().copied().max();
        assert!(fullest(&by_two) <= Some(4), "{:?}", fullest(&by_two));
        assert!(fullest(&by_one) >= Some(5), "{:?}", fullest(&by_one));
    }
}

#[test]
fn two_choices_are_two_and_the_most_loaded_is_never_chosen() {
    let pick = pick_from(nodes(4), 9);
    let most = address(2);
    let chosen = (0..KEYS).map(|_| {
        let node = pick.least_loaded(|node| node.address() == most);
        node.unwrap().address()
    });
    let counts = counted(chosen);
    assert_eq!(counts.len(), 3);
    for count in counts.into_values() {
        assert!(is_about(count, KEYS, 1.0 / 3.0), "{count}");
    }
    // Where nothing can be compared, the choice is an even one.
    let even = counted((0..KEYS).map(|_| pick.least_loaded(|_| f64::NAN).unwrap().address()));
    assert!(even.values().all(|count| is_about(*count, KEYS, 0.25)));
}

#[test]
fn keys_are_shared_out_evenly() {
    for all in [nodes(10), named(10)] {
        let counts = counted(owners(&pick_from(all, 0)));
        assert_eq!(counts.len(), 10);
        for count in counts.into_values() {
            assert!(is_about(count, KEYS, 0.1), "{count}");
        }
    }
}

#[test]
fn when_a_node_goes_only_its_keys_move_and_to_all_alike() {
    let before = owners(&pick_from(named(10), 0));
    for gone in 0..10 {
        let mut left = named(10);
        left.remove(gone);
        let after = owners(&pick_from(left, 0));
        let moved = before.iter().zip(&after).filter(|(old, new)| old != new);
        let (of, to): (Vec<SocketAddr>, Vec<SocketAddr>) = moved.unzip();
        assert!(of.iter().all(|owner| *owner == address(gone)));
        let lost = of.len();
        assert_eq!(
            lost,
            before.iter().filter(|old| **old == address(gone)).count()
        );
        let gained = counted(to);
        assert_eq!(gained.len(), 9);
        for count in gained.into_values() {
            assert!(is_about(count, lost, 1.0 / 9.0), "{count} of {lost}");
        }
    }
}

#[test]
fn a_node_that_comes_takes_its_share_and_no_more() {
    let before = owners(&pick_from(named(10), 0));
    let after = owners(&pick_from(named(11), 0));
    let moved = before.iter().zip(&after).filter(|(old, new)| old != new);
    let to: Vec<_> = moved.map(|(_, new)| *new).collect();
    assert!(to.iter().all(|owner| *owner == address(10)));
    assert!(is_about(to.len(), KEYS, 1.0 / 11.0), "{}", to.len());
}

#[test]
fn a_restart_moves_no_key_and_neither_does_a_new_address_under_a_name() {
    let before = owners(&pick_from(nodes(6), 0));
    let mut again = nodes(6);
    again[3] = node_at(address(3), 99, "");
    assert_eq!(owners(&pick_from(again, 0)), before);

    let before = owners(&pick_from(named(6), 0));
    let mut elsewhere = named(6);
    elsewhere[3] = node_at(address(77), 99, "rooms-3");
    let after = owners(&pick_from(elsewhere, 0));
    for (old, new) in before.iter().zip(&after) {
        let expected = if *old == address(3) {
            address(77)
        } else {
            *old
        };
        assert_eq!(*new, expected);
    }
}

#[test]
fn keys_follow_the_weights() {
    let weights = [1, 2, 3, 4, 0];
    let weight = |node: &Node| {
        let place = (0..5).find(|number| address(*number) == node.address());
        weights[place.unwrap()]
    };
    let pick = pick_from(named(5), 0);
    let owner = |number| pick.by_key_weighted(key(number), weight).unwrap();
    let counts = counted((0..KEYS).map(|number| owner(number).address()));
    assert_eq!(counts.len(), 4, "nothing for a weight of zero");
    for (number, share) in [0.1, 0.2, 0.3, 0.4].into_iter().enumerate() {
        let count = counts[&address(number)];
        assert!(is_about(count, KEYS, share), "{number}: {count}");
    }
}

#[test]
fn a_weight_that_grows_takes_keys_and_moves_no_other() {
    let pick = pick_from(named(8), 0);
    let owner = |number: usize, heavy: u32| {
        let weight = |node: &Node| {
            if node.address() == address(5) {
                heavy
            } else {
                10
            }
        };
        pick.by_key_weighted(key(number), weight).unwrap().address()
    };
    let moved: Vec<_> = (0..KEYS)
        .map(|number| (owner(number, 10), owner(number, 30)))
        .filter(|(old, new)| old != new)
        .collect();
    assert!(moved.iter().all(|(_, new)| *new == address(5)));
    // From 10 of 80 to 30 of 100.
    assert!(is_about(moved.len(), KEYS, 0.3 - 0.125), "{}", moved.len());
}

#[test]
fn equal_weights_are_no_weights() {
    let pick = pick_from(named(9), 0);
    for number in 0..KEYS {
        for weight in [1, 7, u32::MAX] {
            assert_eq!(
                pick.by_key_weighted(key(number), |_| weight),
                pick.by_key(key(number))
            );
        }
    }
}

#[test]
fn replicas_are_different_and_move_up() {
    let pick = pick_from(named(6), 0);
    for number in 0..500 {
        let three = pick.replicas(key(number), 3);
        assert_eq!(three.first(), pick.by_key(key(number)).as_ref());
        assert_eq!(counted(three.iter().map(Node::address)).len(), 3);
        assert_eq!(three, pick.replicas_weighted(key(number), 3, |_| 5));

        let gone = three[0].address();
        let left = pick.clone().filter(|node| node.address() != gone);
        let after = left.replicas(key(number), 3);
        assert_eq!(after[..2], three[1..]);
    }
    assert_eq!(pick.replicas("a", 100).len(), 6);
    assert!(pick.replicas("a", 0).is_empty());
}

#[test]
fn who_chooses_can_be_left_out() {
    let pick = pick_from(nodes(3), 0).without_me();
    let left: Vec<_> = pick.iter().map(Node::address).collect();
    assert_eq!(left, [address(1), address(2)]);
}

/// Computed by the reference implementation of XXH3 (python-xxhash). Another result gives keys two owners while a
/// cluster is updated.
#[test]
fn hashes_are_those_of_every_other_build() {
    let key = hash_of_key(b"room 7");
    assert_eq!(key, 0xe060_44e2_eb8e_b6bc);
    let at = |address: &str| Member::At(address.parse().unwrap()).hash(key);
    assert_eq!(Member::Named("rooms-1").hash(key), 0x7099_3d81_9331_161e);
    assert_eq!(
        Member::Named(&"x".repeat(128)).hash(key),
        0x980c_ceca_a018_8a53
    );
    assert_eq!(at("127.0.0.1:7400"), 0x7599_500e_6a91_8b50);
    assert_eq!(at("[::ffff:127.0.0.1]:7400"), 0x7599_500e_6a91_8b50);
    assert_eq!(at("[2001:db8::1]:7400"), 0x56af_5d40_be65_3594);
}

/// By a program in another language that was written from the module's text.
#[test]
fn owners_are_those_of_every_other_build() {
    const OWNERS: [usize; 16] = [0, 0, 1, 3, 4, 1, 1, 3, 0, 3, 1, 3, 2, 2, 1, 0];
    const WEIGHTED: [usize; 16] = [3, 3, 3, 3, 4, 2, 3, 3, 3, 3, 3, 3, 2, 2, 1, 4];
    let pick = pick_from(named(5), 0);
    let weight = |node: &Node| (0..5).find(|number| address(*number as usize) == node.address());
    for (number, (owner, weighted)) in OWNERS.into_iter().zip(WEIGHTED).enumerate() {
        let chosen = pick.by_key(key(number)).unwrap();
        assert_eq!(chosen.address(), address(owner));
        let chosen = pick.by_key_weighted(key(number), |node| weight(node).unwrap());
        assert_eq!(chosen.unwrap().address(), address(weighted));
    }
}

#[test]
fn the_logarithm_is_right_and_the_same_everywhere() {
    for step in 1..=100_000_u32 {
        let number = f64::from(step) / 100_001.0;
        let (ours, theirs) = (minus_ln(number), -number.ln());
        let error = (ours - theirs).abs() / theirs;
        assert!(error < 1e-15, "{number}: {ours} and {theirs}");
    }
    let least = 0.5 / (1_u64 << 52) as f64;
    assert_eq!(minus_ln(least), 53.0 * std::f64::consts::LN_2);
    assert!(minus_ln(1.0 - least) > 0.0);
    assert!(minus_ln(1.0 - least) < minus_ln(1.0 - 3.0 * least));
    // To the bit, from the same sum in another language.
    assert_eq!(minus_ln(0.3).to_bits(), 0x3ff3_4378_fcbd_a720);
    assert_eq!(minus_ln(0.7).to_bits(), 0x3fd6_d3c3_24e1_3f4f);
    assert_eq!(minus_ln(1e-9).to_bits(), 0x4034_b927_f32b_ffb8);
}
