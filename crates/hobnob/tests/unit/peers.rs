use hobnob_endpoint::{
    gossip::{self, Gossip, Identity, Metadata, MetadataFields, NodeState, Profile},
    wire::{Generation, Instant},
};

use super::*;
use crate::nodes::Node;

fn address(number: usize) -> SocketAddr {
    let [.., high, low] = number.to_be_bytes();
    SocketAddr::from(([10, 0, high, low], 7946))
}

fn node(number: usize, state: NodeState) -> Node {
    let fields = MetadataFields {
        node_type: "rooms".into(),
        ..MetadataFields::default()
    };
    let identity = Identity {
        addr: address(number),
        generation: Generation(1),
    };
    let metadata = Metadata::new(fields).unwrap();
    let gossip = Gossip::new(Profile::Lan.into(), identity, metadata, 0, Instant::ZERO);
    let mut node = gossip::Node::clone(gossip.me());
    node.state = state;
    Node::new(Arc::new(node))
}

/// Node 0 among others.
fn snapshot(others: &[Node]) -> Snapshot {
    Snapshot::new(node(0, NodeState::Online), others.to_vec())
}

fn online(numbers: impl IntoIterator<Item = usize>) -> Vec<Node> {
    let node = |number| node(number, NodeState::Online);
    numbers.into_iter().map(node).collect()
}

fn addresses(numbers: impl IntoIterator<Item = usize>) -> Vec<SocketAddr> {
    numbers.into_iter().map(address).collect()
}

fn chosen(others: &[Node], before: &[SocketAddr], seed: u64) -> Option<Vec<SocketAddr>> {
    choose(&snapshot(others), before, &Dice::new(seed))
}

#[test]
fn all_others_are_remembered_those_that_are_gone_too() {
    let mut others = online(1..4);
    others.push(node(4, NodeState::Left));
    others.push(node(5, NodeState::Failed));
    others.push(node(6, NodeState::Suspect));
    assert_eq!(chosen(&others, &[], 1), Some(addresses(1..7)));
    // And those that have not come up yet.
    assert_eq!(chosen(&others, &addresses(5..9), 1), Some(addresses(1..9)));
}

#[test]
fn without_company_nothing_is_changed() {
    let others = [node(1, NodeState::Failed), node(2, NodeState::Left)];
    for others in [&[][..], &others] {
        assert_eq!(chosen(others, &addresses(1..3), 1), None);
    }
}

#[test]
fn of_many_those_that_live_and_are_known_stay() {
    let mut others = online(1..=2 * PEERS_MAX);
    let first = chosen(&others, &[], 1).unwrap();
    assert_eq!(first.len(), PEERS_MAX);
    assert!(first.is_sorted());
    let by_another = chosen(&others, &[], 2).unwrap();
    assert_ne!(first, by_another, "each remembers others");
    assert_eq!(chosen(&others, &first, 3).unwrap(), first);

    // One of them fails, another one is not listed: they make room for two that live, and nobody else does.
    let place = |address| {
        others
            .iter()
            .position(|node| node.address() == address)
            .unwrap()
    };
    let failed = place(first[7]);
    let unlisted = place(first[9]);
    others[failed] = node(failed + 1, NodeState::Failed);
    others.remove(unlisted);
    let second = chosen(&others, &first, 4).unwrap();
    assert_eq!(second.len(), PEERS_MAX);
    let stayed = first.iter().filter(|address| second.contains(address));
    assert_eq!(stayed.count(), PEERS_MAX - 2);
    assert!(!second.contains(&first[7]) && !second.contains(&first[9]));
}

#[test]
fn what_is_written_is_read() {
    let v6 = |number: u16| {
        SocketAddr::from((std::net::Ipv6Addr::from([u16::MAX - number; 8]), u16::MAX))
    };
    let largest: Vec<_> = (0..256).map(v6).collect();
    assert_eq!(largest.len(), PEERS_MAX);
    for peers in [Vec::new(), addresses(0..3), largest] {
        let text = encode(&peers);
        assert!(text.len() <= FILE_BYTES_MAX, "{} bytes", text.len());
        assert_eq!(decode(text.as_bytes()), Ok(peers));
    }
}

/// Whatever happens to a file: it is as it was, or it is refused.
#[test]
fn no_damage_is_taken_for_peers() {
    let text = encode(&addresses(0..5)).into_bytes();
    for length in 0..text.len() {
        assert!(decode(&text[..length]).is_err(), "cut at {length}");
    }
    for place in 0..text.len() {
        for bit in 0..8 {
            let mut damaged = text.clone();
            damaged[place] ^= 1 << bit;
            assert!(decode(&damaged).is_err(), "bit {bit} of byte {place}");
        }
    }
    let mut longer = text.clone();
    longer.push(b'\n');
    assert_eq!(decode(&longer), Err(DamageError::Sum));
    assert_eq!(
        decode(&[text.clone(), text].concat()),
        Err(DamageError::Sum)
    );
    assert_eq!(decode(&[]), Err(DamageError::Head));
    assert_eq!(decode(&[0; FILE_BYTES_MAX]), Err(DamageError::Head));
    assert_eq!(
        decode(&vec![0; FILE_BYTES_MAX + 1]),
        Err(DamageError::TooLong)
    );
}

/// A sum proves that nothing was damaged, not that it was this program which wrote it.
#[test]
fn what_has_the_right_sum_is_checked_all_the_same() {
    let sealed = |body: &str| {
        let sum = twox_hash::XxHash3_64::oneshot(body.as_bytes());
        format!("{body}sum {sum:016x}\n").into_bytes()
    };
    let many = (0..=PEERS_MAX).map(|number| format!("{}\n", address(number)));
    let many = format!("hobnob peers 1\n{}", many.collect::<String>());
    for (body, error) in [
        ("hobnob peers 2\n", DamageError::Head),
        (
            "hobnob peers 1\n1.2.3.4:5\nrooms:7946\n",
            DamageError::Address { line: 3 },
        ),
        ("hobnob peers 1\n\n", DamageError::Address { line: 2 }),
        (&many, DamageError::TooMany),
    ] {
        assert_eq!(decode(&sealed(body)), Err(error), "{body}");
    }
}

#[test]
fn a_first_start_has_no_file_but_its_directory() {
    let nothing_there = read(&std::env::temp_dir().join("hobnob-peers-of-nobody"));
    assert_eq!(nothing_there.unwrap(), []);
    let in_no_directory = read(Path::new("/no such directory/peers"));
    assert!(matches!(in_no_directory, Err(ReadError::NoDirectory)));
    assert_eq!(directory(Path::new("peers")), Path::new("."));
}
