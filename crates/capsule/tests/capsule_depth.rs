//! Values nested deeper than any message: refused where they would leave the process, and harmless
//! while they are in it.

use std::thread;

use hobnob_capsule::{
    Capsule, ExportError, ImportError, MAX_DEPTH, Map, PackError, UnpackError, Value,
};
use serde::{Deserialize, Serialize};

/// That many lists in each other.
fn lists(count: usize) -> Value {
    (1..count).fold(Value::List(Vec::new()), |inner, _| Value::List(vec![inner]))
}

/// That many maps in each other.
fn maps(count: usize) -> Value {
    (1..count)
        .fold(Map::new(), |inner, _| Map::new().with("m", inner))
        .into()
}

/// That many capsules in each other.
fn capsules(count: usize) -> Value {
    (1..count)
        .fold(Capsule::new(), |inner, _| Capsule::new().with("c", inner))
        .into()
}

const NESTS: [fn(usize) -> Value; 3] = [lists, maps, capsules];

#[test]
fn the_deepest_capsule_goes_everywhere() {
    for nest in NESTS {
        let deepest = Capsule::new().with("n", nest(MAX_DEPTH - 1));
        let packed = deepest.pack().unwrap();
        assert_eq!(Capsule::unpack(&packed).as_ref(), Ok(&deepest));
        assert_eq!(Capsule::import(&deepest).as_ref(), Ok(&deepest));
        assert_eq!(deepest.export::<Capsule>().as_ref(), Ok(&deepest));
        let json = serde_json::to_string(&deepest).unwrap();
        let back: Capsule = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), json);
    }
}

#[test]
fn one_level_more_is_refused_with_its_place() {
    let too_deep = Capsule::new().with("n", lists(MAX_DEPTH));
    let path = format!("n{}", "[0]".repeat(MAX_DEPTH - 1));
    assert_eq!(too_deep.pack(), Err(PackError::TooDeep { path }));
    let too_deep = Capsule::new().with("n", capsules(MAX_DEPTH));
    let path = format!("n{}", ".c".repeat(MAX_DEPTH - 1));
    assert_eq!(too_deep.pack(), Err(PackError::TooDeep { path }));
    let too_deep = Capsule::new().with("n", maps(MAX_DEPTH));
    let path = format!("n{}", ".m".repeat(MAX_DEPTH - 1));
    let error = too_deep.pack().unwrap_err();
    assert_eq!(error, PackError::TooDeep { path: path.clone() });
    assert_eq!(
        error.to_string(),
        format!("`{path}` is nested deeper than 32 levels")
    );

    for nest in NESTS {
        let too_deep = Capsule::new().with("n", nest(MAX_DEPTH));
        assert!(Capsule::import(&too_deep).is_err());
        assert!(too_deep.export::<Capsule>().is_err());
        assert!(too_deep.export::<Value>().is_err());
        let error = serde_json::to_string(&too_deep).unwrap_err().to_string();
        assert!(error.contains("deeper than 32"), "{error}");
    }
}

#[test]
fn unpack_stops_at_the_level_too_deep() {
    for (tag, name) in [(14, &[][..]), (15, &[0]), (16, &[0])] {
        let level = [&[tag, 1][..], name].concat();
        let mut packed = vec![1, 1, 0];
        // No end to it: the input would be wrong further on, but nobody looks there.
        packed.extend(level.repeat(100_000));
        let at = 3 + (MAX_DEPTH - 1) * level.len() + 1;
        assert_eq!(Capsule::unpack(&packed), Err(UnpackError::TooDeep { at }));
    }
}

#[test]
fn text_too_deep_is_refused_with_its_place() {
    let object = |levels: usize| format!("{}1{}", r#"{"o":"#.repeat(levels), "}".repeat(levels));
    assert!(serde_json::from_str::<Capsule>(&object(MAX_DEPTH)).is_ok());
    let error = serde_json::from_str::<Capsule>(&object(MAX_DEPTH + 1)).unwrap_err();
    let path = vec!["o"; MAX_DEPTH].join(".");
    let expected = format!("`{path}` is nested deeper than 32 levels");
    assert!(error.to_string().starts_with(&expected), "{error}");

    let array = format!(
        r#"{{"a":{}{}}}"#,
        "[".repeat(MAX_DEPTH),
        "]".repeat(MAX_DEPTH)
    );
    let error = serde_json::from_str::<Capsule>(&array)
        .unwrap_err()
        .to_string();
    let expected = format!("`a{}` is nested deeper", "[0]".repeat(MAX_DEPTH - 1));
    assert!(error.starts_with(&expected), "{error}");
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Chain {
    next: Option<Box<Chain>>,
}

#[test]
fn types_nested_too_deep_are_refused_with_their_place() {
    let chain = |levels: usize| {
        (1..levels).fold(Chain { next: None }, |next, _| Chain {
            next: Some(Box::new(next)),
        })
    };
    let deepest = Capsule::import(&chain(MAX_DEPTH)).unwrap();
    assert_eq!(deepest.export::<Chain>().unwrap(), chain(MAX_DEPTH));

    let path = vec!["next"; MAX_DEPTH].join(".");
    let error = Capsule::import(&chain(MAX_DEPTH + 1)).unwrap_err();
    assert_eq!(error, ImportError::TooDeep { path: path.clone() });

    let too_deep = (0..MAX_DEPTH).fold(Capsule::new(), |next, _| Capsule::new().with("next", next));
    let error = too_deep.export::<Chain>().unwrap_err();
    assert_eq!(error, ExportError::TooDeep { path });
}

/// A type of nothing but wrappers: it could be read out of any value for ever.
#[derive(Serialize, Deserialize, Debug)]
struct Onion(Option<Box<Onion>>);

#[derive(Serialize, Deserialize, Debug)]
struct Kitchen {
    onion: Onion,
}

#[test]
fn types_that_never_end_are_refused() {
    let onion = (0..1000).fold(Onion(None), |inner, _| Onion(Some(Box::new(inner))));
    assert_eq!(
        Capsule::import(&Kitchen { onion }).unwrap_err(),
        ImportError::TooDeep {
            path: "onion".into()
        }
    );
    assert_eq!(
        Capsule::new()
            .with("onion", 1u8)
            .export::<Kitchen>()
            .unwrap_err(),
        ExportError::TooDeep {
            path: "onion".into()
        }
    );
}

#[derive(Serialize, Deserialize, Debug)]
enum Tree {
    Leaf,
    Newtype(Box<Tree>),
    Tuple(Box<Tree>, u8),
    Struct { tree: Box<Tree> },
}

#[test]
fn variants_nested_too_deep_are_refused() {
    let wraps: [fn(Tree) -> Tree; 3] = [
        |tree| Tree::Newtype(Box::new(tree)),
        |tree| Tree::Tuple(Box::new(tree), 0),
        |tree| Tree::Struct {
            tree: Box::new(tree),
        },
    ];
    for wrap in wraps {
        let tree = |levels: usize| (0..levels).fold(Tree::Leaf, |tree, _| wrap(tree));
        let capsule = Capsule::import(&tree(MAX_DEPTH / 2)).unwrap();
        assert!(capsule.pack().is_ok());
        capsule.export::<Tree>().unwrap();
        let error = Capsule::import(&tree(MAX_DEPTH + 1)).unwrap_err();
        assert!(matches!(error, ImportError::TooDeep { .. }), "{error}");
    }
    let mut value = Value::from("Leaf");
    for _ in 0..=MAX_DEPTH {
        value = Capsule::new().with("Newtype", value).into();
    }
    let error = Capsule::try_from(value)
        .unwrap()
        .export::<Tree>()
        .unwrap_err();
    assert!(matches!(error, ExportError::TooDeep { .. }), "{error}");
}

/// Far more levels than the stack has room for: recursion over them would abort.
#[test]
fn a_local_value_of_any_depth_is_harmless() {
    let work = || {
        for nest in NESTS {
            let deep = nest(100_000);
            let copy = deep.clone();
            assert!(deep == copy, "a copy equals its source");
            assert!(deep != nest(99_999), "another depth is another value");
            let shown = format!("{deep:?}");
            assert!(shown.contains('…') && shown.len() < 1000, "{shown}");

            let capsule = Capsule::new().with("deep", copy);
            let mut buffer = Vec::new();
            let error = capsule.pack_into(&mut buffer).unwrap_err();
            assert!(matches!(error, PackError::TooDeep { .. }));
            assert!(buffer.is_empty());
            assert!(Capsule::import(&capsule).is_err());
            assert!(serde_json::to_string(&capsule).is_err());
            let error = capsule.export::<serde_json::Value>().unwrap_err();
            assert!(matches!(error, ExportError::TooDeep { .. }), "{error}");
            drop(capsule);
            drop(deep);
        }
    };
    let thread = thread::Builder::new().stack_size(256 * 1024).spawn(work);
    thread.unwrap().join().unwrap();
}
