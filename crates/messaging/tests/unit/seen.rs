//! The duplicate table against a map.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Take(u64),
    Refuse(u64, RefusalReason),
    Hold(u64),
    Pass(u64),
    Raise(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let reason = prop_oneof![
        Just(RefusalReason::NoHandler),
        Just(RefusalReason::Overloaded),
        Just(RefusalReason::TooLarge),
        Just(RefusalReason::Malformed),
    ];
    prop_oneof![
        20 => (0u64..700).prop_map(Step::Take),
        1 => (0u64..700, reason).prop_map(|(id, reason)| Step::Refuse(id, reason)),
        3 => (0u64..700).prop_map(Step::Hold),
        3 => (0u64..700).prop_map(Step::Pass),
        1 => (0u64..700).prop_map(Step::Raise),
        1 => any::<u64>().prop_map(|id| Step::Take(id >> 2)),
        1 => (0u64..140_000).prop_map(Step::Take),
    ]
}

fn id(number: u64) -> MessageId {
    MessageId::new(number).unwrap()
}

proptest! {
    #[test]
    fn knows_what_a_map_would(steps in vec(step(), 1..2_000)) {
        let mut seen = Seen::default();
        let mut model = BTreeMap::new();
        let mut floor = 0;
        for step in steps {
            let (number, state) = match step {
                Step::Take(number) => (number, Look::Taken),
                Step::Refuse(number, reason) => (number, Look::Refused(reason)),
                Step::Hold(number) => (number, Look::Held),
                Step::Pass(number) => {
                    seen.pass(id(number));
                    if let Some(state) = model.get_mut(&number) {
                        if *state == Look::Held {
                            *state = Look::Taken;
                        }
                        prop_assert!(seen.is_settled(id(number)));
                    }
                    continue;
                }
                Step::Raise(to) => {
                    seen.raise(id(to));
                    floor = floor.max(to);
                    continue;
                }
            };
            let look = seen.look(id(number));
            let known = model.get(&number).copied().unwrap_or(Look::New);
            match look {
                _ if number < floor => prop_assert_eq!(look, Look::Taken),
                Look::Beyond => prop_assert!(number >= floor + MESSAGE_WINDOW, "never narrower than promised"),
                look => prop_assert_eq!(look, known),
            }
            match state {
                Look::Refused(reason) => seen.refuse(id(number), reason),
                Look::Held => seen.hold(id(number)),
                _ => seen.take(id(number)),
            }
            if look == Look::New {
                model.insert(number, state);
                prop_assert_eq!(seen.look(id(number)), state);
            } else {
                prop_assert_eq!(seen.look(id(number)), look, "the first verdict stands");
            }
            prop_assert!(seen.words.len() <= WORDS_MAX);
        }
    }
}

#[test]
fn a_lossless_stream_needs_one_word() {
    let mut seen = Seen::default();
    for number in 0..100_000 {
        assert_eq!(seen.look(id(number)), Look::New);
        seen.take(id(number));
        assert!(seen.words.len() <= 1);
    }
}

#[test]
fn a_refused_message_stays_refused_until_the_floor_passes_it() {
    let mut seen = Seen::default();
    for number in 0..MESSAGE_WINDOW {
        match number {
            10 => seen.refuse(id(10), RefusalReason::TooLarge),
            number => seen.take(id(number)),
        }
    }
    assert_eq!(seen.look(id(10)), Look::Refused(RefusalReason::TooLarge));
    assert_eq!(seen.look(id(MESSAGE_WINDOW)), Look::Beyond);
    seen.raise(id(11));
    assert_eq!(seen.look(id(10)), Look::Taken);
    assert_eq!(seen.look(id(MESSAGE_WINDOW)), Look::New);
    assert!(seen.words.is_empty());
}

#[test]
fn a_floor_far_ahead_is_cheap() {
    let mut seen = Seen::default();
    seen.take(id(5));
    seen.raise(id((1 << 62) - 1));
    assert_eq!(seen.look(id((1 << 62) - 2)), Look::Taken);
    assert!(seen.words.is_empty());
}
