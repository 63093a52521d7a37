//! The wheel against a map ordered by tick.

use std::{collections::BTreeMap, vec::Vec};

use proptest::{collection::vec, prelude::*};

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Insert { after: u64 },
    Remove { which: usize },
    Advance { by: u64 },
}

/// From less than a tick to beyond the last level.
fn span() -> impl Strategy<Value = u64> {
    (0u32..62, any::<u64>()).prop_map(|(bits, noise)| noise & ((1 << bits) - 1))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => span().prop_map(|after| Step::Insert { after }),
        1 => any::<usize>().prop_map(|which| Step::Remove { which }),
        2 => span().prop_map(|by| Step::Advance { by }),
    ]
}

const fn tick_of(at: u64) -> u64 {
    at.div_ceil(1 << TICK_BITS)
}

proptest! {
    #[test]
    fn fires_what_a_sorted_map_would(start in span(), steps in vec(step(), 1..200)) {
        let mut now = start;
        let mut wheel = Wheel::new(Instant::from_nanos(now));
        let mut model = BTreeMap::new();
        let mut keys = Vec::new();
        for (name, step) in steps.into_iter().enumerate() {
            match step {
                Step::Insert { after } => {
                    let at = now.saturating_add(after);
                    keys.push((tick_of(at), name, wheel.insert(Instant::from_nanos(at), name)));
                    model.insert((tick_of(at), name), at);
                }
                Step::Remove { which } if !keys.is_empty() => {
                    let (tick, name, key) = keys.swap_remove(which % keys.len());
                    wheel.remove(key);
                    model.remove(&(tick, name));
                }
                Step::Remove { .. } => {}
                Step::Advance { by } => {
                    now = now.saturating_add(by);
                    let mut last = 0;
                    while let Some(name) = wheel.pop_due(Instant::from_nanos(now)) {
                        let (&(tick, name), &at) = model.iter().find(|((_, other), _)| *other == name).unwrap();
                        prop_assert!(at <= now, "never before its deadline");
                        prop_assert!(tick >= last, "in due order");
                        last = tick;
                        model.remove(&(tick, name));
                    }
                    let late = model.keys().find(|(tick, _)| *tick <= now >> TICK_BITS);
                    prop_assert_eq!(late, None, "at most a tick late");
                }
            }
            let first = model.keys().next().map(|(tick, _)| *tick);
            match (wheel.next(), first) {
                (None, None) => {}
                (Some(Next::Due(at, _)), Some(tick)) => {
                    prop_assert!(tick_of(at.as_nanos()) == tick.max(wheel.elapsed));
                }
                (Some(Next::Sort(at)), Some(tick)) => prop_assert!(at.as_nanos() >> TICK_BITS <= tick),
                (next, first) => prop_assert!(false, "{:?} where {:?} is first", next, first),
            }
        }
    }
}

#[test]
fn the_farthest_deadline_is_kept() {
    let mut wheel = Wheel::new(Instant::ZERO);
    wheel.insert(Instant::from_nanos(u64::MAX), ());
    assert_eq!(wheel.pop_due(Instant::from_nanos(u64::MAX / 2)), None);
    assert!(wheel.next().is_some());
}

#[test]
fn a_timer_that_fired_is_not_found_again() {
    let mut wheel = Wheel::new(Instant::ZERO);
    let key = wheel.insert(Instant::from_nanos(1), "first");
    assert_eq!(
        wheel.pop_due(Instant::from_nanos(1 << TICK_BITS)),
        Some("first")
    );
    wheel.insert(Instant::from_nanos(1), "second");
    wheel.remove(key);
    assert_eq!(
        wheel.pop_due(Instant::from_nanos(1 << TICK_BITS)),
        Some("second")
    );
}

#[test]
fn a_far_timer_wakes_a_few_times_at_most() {
    let mut wheel = Wheel::new(Instant::ZERO);
    let deadline = Instant::from_nanos(3_600_000_000_000);
    wheel.insert(deadline, ());
    let mut wakes = 0;
    while let Some(Next::Sort(at)) = wheel.next() {
        assert_eq!(wheel.pop_due(at), None);
        wakes += 1;
    }
    assert!(wakes < LEVELS, "{wakes} wake-ups");
    let Some(Next::Due(at, ())) = wheel.next() else {
        panic!("it is still there")
    };
    assert!(at >= deadline && at.as_nanos() < deadline.as_nanos() + (1 << TICK_BITS));
}
