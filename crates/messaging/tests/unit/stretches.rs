//! Ranges against a set of their members.

use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*};

use super::*;

proptest! {
    #[test]
    fn holds_what_a_set_would(pieces in vec((0u32..200, 1u32..20), 1..100)) {
        let mut stretches = Stretches::default();
        let mut model = BTreeSet::new();
        for (start, len) in pieces {
            let piece = start..start + len;
            prop_assert_eq!(stretches.contains(&piece), piece.clone().all(|place| model.contains(&place)));
            let before = model.len();
            model.extend(piece.clone());
            let new = stretches.insert(piece.clone());
            prop_assert_eq!(new as usize, model.len() - before);
            prop_assert_eq!(stretches.bytes() as usize, model.len());
            prop_assert!(stretches.contains(&piece));
            let gaps = stretches.ranges.windows(2).all(|pair| pair[0].end < pair[1].start);
            prop_assert!(gaps, "ranges are ordered and do not touch: {:?}", stretches);
        }
    }
}
