//! What is refused, and that nothing changes then.

use bytes::Bytes;
use hobnob_shared::values::{
    ValueError, Values,
    limits::{STRANGERS_MAX, VALUE_KEY_BYTES_MAX, VALUES_BYTES_MAX, VALUES_MAX},
};
use hobnob_wire::Instant;

use crate::net::process;

const NOW: Instant = Instant::ZERO;

fn values() -> Values {
    Values::new(process(0, 1), 1, NOW)
}

#[test]
fn a_key_has_1_to_64_bytes_and_none_of_them_garbles_a_list() {
    let mut values = values();
    for key in ["", &"k".repeat(VALUE_KEY_BYTES_MAX + 1)] {
        let refused = values.set(NOW, key, Bytes::new());
        assert_eq!(refused, Err(ValueError::Key { key: key.into() }));
    }
    let refused = values.set(NOW, "a\nb", Bytes::new());
    assert_eq!(
        refused,
        Err(ValueError::ControlCharacter { key: "a\nb".into() })
    );
    assert_eq!(values.set(NOW, &"k".repeat(64), Bytes::new()), Ok(true));
    assert_eq!(values.stats().refused, 3);
}

#[test]
fn all_values_together_are_4_kib_and_64() {
    let mut values = values();
    let half = Bytes::from(vec![0; VALUES_BYTES_MAX / 2 - 1]);
    assert_eq!(values.set(NOW, "a", half.clone()), Ok(true));
    assert_eq!(values.set(NOW, "b", half.clone()), Ok(true));
    assert_eq!(values.own().bytes(), VALUES_BYTES_MAX);
    let refused = values.set(NOW, "c", Bytes::new()).unwrap_err();
    assert_eq!(
        refused,
        ValueError::TooLarge {
            key: "c".into(),
            len: 0,
            total: VALUES_BYTES_MAX + 1,
            max: VALUES_BYTES_MAX
        }
    );
    assert_eq!(
        refused.to_string(),
        "with 0 bytes under \"c\" the values of this node would have 4097 bytes, keys included; they may have 4096: \
         remove some, or say where to find it instead"
    );
    assert!(values.own().get("c").is_none());
    assert_eq!(values.set(NOW, "a", half.slice(1..)), Ok(true), "less does");

    assert!(values.remove(NOW, "a") && values.remove(NOW, "b"));
    for number in 0..VALUES_MAX {
        assert_eq!(values.set(NOW, &number.to_string(), Bytes::new()), Ok(true));
    }
    let refused = values.set(NOW, "one more", Bytes::new());
    let max = VALUES_MAX;
    let key = "one more".into();
    assert_eq!(refused, Err(ValueError::TooMany { key, max }));
    assert_eq!(values.set(NOW, "7", "other".into()), Ok(true));
}

#[test]
fn what_is_the_same_is_no_change() {
    let mut values = values();
    assert_eq!(values.set(NOW, "a", "1".into()), Ok(true));
    let (version, changes) = (values.own().version(), values.changes());
    assert_eq!(values.set(NOW, "a", "1".into()), Ok(false));
    assert!(!values.remove(NOW, "b"));
    assert_eq!(
        (values.own().version(), values.changes()),
        (version, changes)
    );
}

#[test]
fn strangers_have_room_for_a_while_and_only_so_many() {
    let mut values = values();
    for number in 1..=2 * STRANGERS_MAX {
        let mut stranger = Values::new(process(number, 1), 1, NOW);
        stranger.set(NOW, "a", "1".into()).unwrap();
        stranger.member_up(NOW, process(0, 1));
        let transmit = stranger.poll_transmit().expect("it introduces itself");
        values
            .handle_payload(NOW, process(number, 1).addr, &transmit.payload)
            .unwrap();
    }
    let stats = values.stats();
    let refused = u64::try_from(STRANGERS_MAX).unwrap();
    assert_eq!(
        (stats.strangers, stats.strangers_refused),
        (STRANGERS_MAX, refused)
    );
    assert!(values.poll_event().is_none(), "they are nobody yet");
    values.member_up(NOW, process(1, 1));
    values.forget_strangers();
    assert_eq!(values.stats().strangers, 0);
    assert!(
        values
            .of(process(1, 1))
            .is_some_and(|set| set.get("a").is_some())
    );
    assert!(values.of(process(2, 1)).is_none());
}
