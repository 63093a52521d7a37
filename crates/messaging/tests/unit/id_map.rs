//! The map against a tree.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};

use super::*;

proptest! {
    #[test]
    fn finds_what_a_tree_would(steps in vec((0u64..400, any::<bool>()), 1..1_000)) {
        let mut map = IdMap::default();
        let mut model = BTreeMap::new();
        for (place, (id, adds)) in steps.into_iter().enumerate() {
            let index = u32::try_from(place).unwrap();
            if adds && !model.contains_key(&id) {
                map.insert(id, index);
                model.insert(id, index);
            } else {
                prop_assert_eq!(map.remove(id), model.remove(&id));
            }
            prop_assert_eq!(map.len(), model.len());
            prop_assert_eq!(map.first(), model.values().next().copied());
            prop_assert_eq!(map.get(id), model.get(&id).copied());
            prop_assert!(map.ring.len() <= COMPACT_MIN.max(2 * map.live + 2), "gaps are closed");
        }
        for id in 0..400 {
            prop_assert_eq!(map.get(id), model.get(&id).copied());
        }
    }
}

#[test]
fn what_comes_late_moves_nothing() {
    let mut map = IdMap::default();
    for id in (0..=1_000).step_by(2) {
        map.insert(id, 0);
    }
    let ring = map.ring.clone();
    for id in (1..1_000).step_by(2) {
        map.insert(id, 1);
    }
    assert!(map.ring == ring);
    assert_eq!(map.len(), 1_001);
}
