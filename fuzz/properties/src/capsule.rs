//! Capsules: the packed format, text, and the types they are read as.

use std::collections::BTreeMap;

use hobnob_capsule::{Capsule, Map, Value};
use serde::{Deserialize, Serialize};

/// Bytes are the one packing of a capsule, or no packing; and whatever a peer packed can be read in
/// every way there is.
///
/// # Panics
///
/// If that does not hold for `data`.
pub fn capsule(data: &[u8]) {
    let Ok(capsule) = Capsule::unpack(data) else {
        return;
    };
    assert_eq!(
        capsule.pack().as_deref(),
        Ok(data),
        "a capsule has one packing"
    );
    assert_eq!(capsule.clone(), capsule, "a clone equals its source");
    assert_eq!(
        Capsule::import(&capsule).as_ref(),
        Ok(&capsule),
        "import keeps a capsule as it is"
    );
    assert_eq!(
        capsule.export::<Capsule>().as_ref(),
        Ok(&capsule),
        "export keeps a capsule as it is"
    );
    read_typed(&capsule);
    export_typed(&capsule);
    write_text(&capsule);
}

/// Text is a capsule that can be packed, or no capsule.
///
/// # Panics
///
/// If that does not hold for `data`.
pub fn capsule_json(data: &[u8]) {
    let Ok(capsule) = serde_json::from_slice::<Capsule>(data) else {
        return;
    };
    let packed = capsule.pack().expect("text is no deeper than a packing");
    assert_eq!(
        Capsule::unpack(&packed).as_ref(),
        Ok(&capsule),
        "a packing is unpacked"
    );
    export_typed(&capsule);
    let text = write_text(&capsule);
    assert!(
        serde_json::from_str::<Capsule>(&text).is_ok(),
        "what was text can be text again"
    );
}

/// Reads every value as every type: most reads are errors, none is a panic.
fn read_typed(capsule: &Capsule) {
    for (name, value) in capsule {
        assert_eq!(capsule.get::<&Value>(name), Ok(value));
        let reads = [
            capsule.get::<bool>(name).is_ok(),
            capsule.get::<i8>(name).is_ok(),
            capsule.get::<i64>(name).is_ok(),
            capsule.get::<u64>(name).is_ok(),
            capsule.get::<f64>(name).is_ok(),
            capsule.get::<&str>(name).is_ok(),
            capsule.get::<&[u8]>(name).is_ok(),
            capsule.get::<&[Value]>(name).is_ok(),
            capsule.get::<&Map>(name).is_ok(),
        ];
        assert!(
            reads.contains(&true),
            "`{name}` is of a type that can be read"
        );
        let _ = capsule.get::<Vec<u8>>(name).map_err(|e| e.to_string());
        let _ = capsule
            .get::<Vec<&Capsule>>(name)
            .map_err(|e| e.to_string());
        let _ = capsule
            .get::<Vec<BTreeMap<String, i32>>>(name)
            .map_err(|e| e.to_string());
    }
}

/// A type with a field of each shape serde knows; the names are short enough to be found.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Shapes<'a> {
    #[serde(borrow)]
    a: Option<&'a str>,
    b: Option<Vec<Shape>>,
    c: Option<BTreeMap<i16, char>>,
    d: Option<Box<Shapes<'a>>>,
    e: Option<Value>,
    f: Option<Map>,
    g: Option<(u8, i64, bool)>,
    h: Option<()>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum Shape {
    A,
    B(u32),
    C(u8, Box<Shape>),
    D { a: i8 },
}

/// Exports to types that fit now and then. What was exported comes back from its import.
fn export_typed(capsule: &Capsule) {
    let _ = capsule
        .export::<serde_json::Value>()
        .map_err(|error| error.to_string());
    let _ = capsule.export::<Shape>().map_err(|error| error.to_string());
    match capsule.export::<Shapes<'_>>() {
        Ok(shapes) => {
            let imported = Capsule::import(&shapes).expect("it was in a capsule");
            let again = imported.export::<Shapes<'_>>();
            assert_eq!(again.as_ref(), Ok(&shapes), "import and export are inverse");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Writes and prints the capsule, and reads the text if it can be.
fn write_text(capsule: &Capsule) -> String {
    let text = serde_json::to_string(capsule).expect("every capsule has a text");
    if let Err(error) = serde_json::from_str::<Capsule>(&text) {
        let reason = error.to_string();
        assert!(reason.contains("is null"), "only a NaN is lost: {reason}");
    }
    assert!(!format!("{capsule:?}").is_empty());
    text
}
