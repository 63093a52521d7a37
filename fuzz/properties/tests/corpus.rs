//! Every property over its corpus, and over changed copies of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use hobnob_endpoint::wire::{Content, DecodeError, Frame, Frames};
use hobnob_fuzz_properties::{PROPERTIES, seeds};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

/// Changed copies of all files of a corpus together, and of each at most: enough to hit every byte of a small
/// file once or twice, and few enough that the test takes seconds. The fuzzer goes on from there.
const CHANGED_COPIES: u64 = 3_000;
const CHANGED_COPIES_MAX: u64 = 300;

/// Bytes that mean something to a decoder more often than others do.
const TELLING: [u8; 8] = [0, 1, 14, 15, 16, 0x7f, 0x80, 0xff];

fn corpus(property: &str) -> BTreeMap<String, Vec<u8>> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    let folder = fs::read_dir(corpus.join(property)).expect("each property has a corpus");
    folder
        .map(|entry| {
            let entry = entry.expect("the folder can be read");
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).expect("the file can be read"))
        })
        .collect()
}

#[test]
fn the_corpus_holds_every_seed() {
    let all = seeds::all();
    let with_seeds: Vec<&str> = all.iter().map(|(property, _)| *property).collect();
    let properties: Vec<&str> = PROPERTIES.iter().map(|(property, _)| *property).collect();
    assert_eq!(with_seeds, properties);
    for (property, seeds) in all {
        let corpus = corpus(property);
        for (name, bytes) in seeds {
            assert_eq!(
                corpus.get(name),
                Some(&bytes),
                "{property}/{name}: write it with the example seed_corpus"
            );
        }
    }
}

#[test]
fn seeds_are_what_their_names_say() {
    for (property, seeds) in seeds::all() {
        let is_valid = |bytes: &[u8]| match property {
            "capsule" => Some(hobnob_capsule::Capsule::unpack(bytes).is_ok()),
            "capsule_json" => {
                Some(serde_json::from_slice::<hobnob_capsule::Capsule>(bytes).is_ok())
            }
            _ => None,
        };
        for (name, bytes) in seeds {
            if let Some(valid) = is_valid(&bytes) {
                assert_eq!(valid, name.starts_with("valid-"), "{property}/{name}");
            }
        }
    }
}

/// A frame or content that the format gains later is fuzzed only from a seed on.
#[test]
fn there_is_a_seed_of_every_frame_and_content() {
    let seeds = seeds::all();
    let (_, seeds) = seeds
        .iter()
        .find(|(property, _)| *property == "frames")
        .expect("frames have seeds");
    let frames: Vec<_> = seeds
        .iter()
        .filter_map(|(_, bytes)| Frames::new(bytes).next()?.ok())
        .collect();
    let tags: BTreeSet<u8> = seeds
        .iter()
        .filter(|(_, bytes)| matches!(Frames::new(bytes).next(), Some(Ok(_))))
        .map(|(_, bytes)| bytes[0])
        .collect();
    let contents: BTreeSet<u8> = frames
        .iter()
        .filter_map(|frame| match frame {
            Frame::Message { content, .. } => Content::decode(content).is_ok().then(|| content[0]),
            _ => None,
        })
        .collect();
    let unknown = |field| Some(DecodeError::Invalid { field });
    for byte in 0..=u8::MAX {
        let frame = Frames::new(&[byte]).next().expect("there is a byte").err();
        assert_eq!(
            tags.contains(&byte),
            frame != unknown("frame tag"),
            "the seed of frame {byte}"
        );
        assert_eq!(
            contents.contains(&byte),
            Content::decode(&[byte]).err() != unknown("content kind"),
            "the seed of content {byte}"
        );
    }
}

#[test]
fn every_property_holds_over_its_corpus() {
    for (property, holds) in PROPERTIES {
        let corpus = corpus(property);
        let copies = (CHANGED_COPIES / corpus.len() as u64).min(CHANGED_COPIES_MAX);
        for (name, bytes) in corpus {
            expect(*holds, &bytes, &format!("{property}/{name}"));
            for seed in 0..copies {
                let changed = change(&bytes, seed);
                expect(
                    *holds,
                    &changed,
                    &format!("{property}/{name}, change {seed}"),
                );
            }
        }
    }
}

/// Runs a property; if it does not hold, says for which input.
fn expect(holds: fn(&[u8]), bytes: &[u8], input: &str) {
    if panic::catch_unwind(AssertUnwindSafe(|| holds(bytes))).is_err() {
        panic!("{input} breaks the property: {bytes:02x?}");
    }
}

/// A copy with one to four changes, the same for the same seed.
fn change(bytes: &[u8], seed: u64) -> Vec<u8> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut changed = bytes.to_vec();
    for _ in 0..random.random_range(1..=4) {
        let at = random.random_range(0..=changed.len());
        let telling = TELLING[random.random_range(0..TELLING.len())];
        match random.random_range(0..6) {
            0 => changed.insert(at, telling),
            1 => changed.truncate(at),
            2 => {
                let end = random.random_range(at..=changed.len());
                let part = changed[at..end].to_vec();
                changed.splice(at..at, part);
            }
            kind => {
                let Some(byte) = changed.get_mut(at) else {
                    continue;
                };
                match kind {
                    3 => *byte = telling,
                    4 => *byte ^= 1 << random.random_range(0..8),
                    _ => *byte = random.random(),
                }
            }
        }
    }
    changed
}
