use std::{
    collections::BTreeSet,
    future::{pending, ready},
    sync::atomic::AtomicUsize,
    task::Waker,
};

use super::{turns::GREETED_AT_ONCE_MAX, *};
use crate::pick::Dice;

fn addresses(count: usize) -> Vec<SocketAddr> {
    let address = |number: usize| {
        let [.., high, low] = number.to_be_bytes();
        SocketAddr::from(([10, 0, high, low], 7946))
    };
    (0..count).map(address).collect()
}

#[test]
fn few_addresses_are_all_greeted_each_time() {
    let dice = Dice::new(1);
    let mut turns = Turns::new();
    let mut named = addresses(GREETED_AT_ONCE_MAX);
    named.extend(addresses(GREETED_AT_ONCE_MAX));
    for _ in 0..3 {
        let greeted: Vec<_> = turns.next(named.clone(), &dice).collect();
        assert_eq!(greeted.len(), GREETED_AT_ONCE_MAX, "none of them twice");
    }
    assert_eq!(turns.next(Vec::new(), &dice).count(), 0);
}

#[test]
fn of_many_addresses_all_have_their_turn_whatever_their_order() {
    let dice = Dice::new(2);
    let mut turns = Turns::new();
    let mut named = addresses(10 * GREETED_AT_ONCE_MAX);
    let mut greeted = BTreeSet::new();
    for round in 0..10 {
        named.rotate_left(17 * round);
        let now: Vec<_> = turns.next(named.clone(), &dice).collect();
        assert_eq!(now.len(), GREETED_AT_ONCE_MAX);
        greeted.extend(now);
    }
    assert_eq!(greeted.len(), named.len());
    // Those that are absent from one answer do not keep the others from their turn.
    named.retain(|address| address.ip().to_string().ends_with('7'));
    let again: BTreeSet<_> = turns.next(named.clone(), &dice).collect();
    assert_eq!(again.len(), GREETED_AT_ONCE_MAX.min(named.len()));
}

#[test]
fn nodes_begin_at_different_addresses() {
    let first = |seed| {
        let named = addresses(10 * GREETED_AT_ONCE_MAX);
        Turns::new().next(named, &Dice::new(seed)).next()
    };
    let firsts: BTreeSet<_> = (0..100).map(first).collect();
    assert!(firsts.len() > 50, "{}", firsts.len());
}

#[test]
fn a_lookup_that_hangs_holds_up_no_other_and_is_not_begun_twice() {
    let begun = Arc::new(AtomicUsize::new(0));
    let counted = begun.clone();
    let resolver = Resolver::Fake(Box::new(move |name| {
        counted.fetch_add(1, Ordering::Relaxed);
        match name {
            "hangs:1" => Box::pin(pending()),
            "fails:1" => Box::pin(ready(Err(io::ErrorKind::NotFound.into()))),
            _ => Box::pin(ready(Ok(addresses(3)))),
        }
    }));
    let names = ["hangs:1", "fails:1", "found:1", "10.0.0.9:1"];
    let mut seeds: Vec<Seed> = names
        .map(|name| Seed::new(Source::Name(name.to_owned())))
        .into();
    let mut context = Context::from_waker(Waker::noop());
    for tries in 1..=3 {
        seeds.iter_mut().for_each(|seed| seed.look_up(&resolver));
        let mut next = || match poll_found(&mut seeds, &mut context) {
            Poll::Ready(Some((index, found))) => Some((index, found.ok())),
            Poll::Ready(None) => panic!("one hangs"),
            Poll::Pending => None,
        };
        assert_eq!(next(), Some((1, None)));
        assert_eq!(next(), Some((2, Some(addresses(3)))));
        let literal = vec!["10.0.0.9:1".parse().unwrap()];
        assert_eq!(next(), Some((3, Some(literal))));
        assert_eq!(next(), None);
        // The one that hangs once, the two others each time; an address is not looked up.
        assert_eq!(begun.load(Ordering::Relaxed), 1 + 2 * tries);
    }
    seeds.remove(0);
    assert!(matches!(
        poll_found(&mut seeds, &mut context),
        Poll::Ready(None)
    ));
}

#[test]
fn what_no_try_could_find_is_refused() {
    for seed in [
        "127.0.0.1:7946",
        "[::1]:7946",
        "rooms:7946",
        "rooms.game.svc.cluster.local:7946",
    ] {
        assert!(check(&[seed.to_owned()]).is_ok(), "{seed}");
    }
    for seed in [
        "",
        "rooms",
        "rooms:",
        ":7946",
        "rooms:0",
        "rooms:70000",
        "::1",
        "udp://rooms:1",
    ] {
        let error = check(&["rooms:1".to_owned(), seed.to_owned()]).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(&format!("seed is {seed}: ")), "{text}");
    }
}
