//! The capsule as a whole: a map of names to typed values that is built, sent, checked and read.

mod common;

use hobnob_capsule::{Capsule, GetError, Kind, MAX_DEPTH, Map, UnpackError, Value};
use serde::{Deserialize, Serialize};

#[test]
fn capsule_holds_every_type_and_comes_back_the_same() {
    let sent = common::every_type();
    let received = Capsule::unpack(&sent.pack().unwrap()).unwrap();
    assert_eq!(received, sent);

    assert!(received.get::<bool>("bool").unwrap());
    assert_eq!(received.get::<i8>("i8"), Ok(i8::MIN));
    assert_eq!(received.get::<i16>("i16"), Ok(i16::MIN));
    assert_eq!(received.get::<i32>("i32"), Ok(i32::MIN));
    assert_eq!(received.get::<i64>("i64"), Ok(i64::MIN));
    assert_eq!(received.get::<u8>("u8"), Ok(u8::MAX));
    assert_eq!(received.get::<u16>("u16"), Ok(u16::MAX));
    assert_eq!(received.get::<u32>("u32"), Ok(u32::MAX));
    assert_eq!(received.get::<u64>("u64"), Ok(u64::MAX));
    assert_eq!(received.get::<f32>("f32"), Ok(1.5));
    assert_eq!(received.get::<f64>("f64"), Ok(-2.5));
    assert_eq!(received.get::<&str>("string"), Ok("héllo"));
    assert_eq!(received.get::<&[u8]>("bytes"), Ok(&[0, 255][..]));
    assert_eq!(
        received.get::<&[Value]>("list"),
        Ok(&[Value::U8(1), Value::from("two")][..])
    );
    let map = received.get::<&Map>("map").unwrap();
    assert_eq!(map.get::<i32>("key"), Ok(3));
    let nested = received.get::<&Capsule>("capsule").unwrap();
    assert_eq!(nested.get::<u64>("field"), Ok(4));
}

#[test]
fn capsule_get_tells_missing_from_wrong_type_and_out_of_range() {
    let capsule = Capsule::new().with("room", 70_000u32);
    assert_eq!(
        capsule.get::<u32>("rom"),
        Err(GetError::Missing { name: "rom".into() })
    );
    assert_eq!(
        capsule.get::<&str>("room"),
        Err(GetError::WrongType {
            name: "room".into(),
            wanted: Kind::String,
            found: Kind::U32,
        })
    );
    assert_eq!(
        capsule.get::<u16>("room"),
        Err(GetError::OutOfRange {
            name: "room".into(),
            wanted: Kind::U16,
            found: Kind::U32,
            value: "70000".into(),
        })
    );
}

#[test]
fn capsule_widens_integers_and_never_narrows_them() {
    let capsule = Capsule::new().with("small", 5u8).with("wide", 5i64);
    assert_eq!(capsule.get::<u64>("small"), Ok(5));
    assert_eq!(capsule.get::<i16>("small"), Ok(5));
    assert!(matches!(
        capsule.get::<i32>("wide"),
        Err(GetError::OutOfRange { .. })
    ));
    assert!(matches!(
        capsule.get::<f64>("small"),
        Err(GetError::WrongType { .. })
    ));
}

#[test]
fn capsule_unpack_of_what_is_bad_or_too_deep_is_an_error() {
    let packed = common::every_type().pack().unwrap();
    assert!(Capsule::unpack(&packed[..packed.len() - 1]).is_err());
    assert!(Capsule::unpack(&[]).is_err());

    // A capsule of one nameless list, in which each list holds one list.
    let mut deep = vec![1, 1, 0];
    deep.extend([14, 1].repeat(MAX_DEPTH));
    deep.extend([14, 0]);
    assert!(matches!(
        Capsule::unpack(&deep),
        Err(UnpackError::TooDeep { .. })
    ));
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Appointment {
    date: String,
    title: String,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Schedule {
    owner: String,
    appointments: Vec<Appointment>,
}

#[test]
fn capsule_is_exported_to_and_imported_from_a_type() {
    let capsule = Capsule::new().with("owner", "mary").with(
        "appointments",
        [Map::new()
            .with("date", "2031-04-01")
            .with("title", "Dentist")],
    );
    let mut schedule: Schedule = capsule.export().unwrap();
    assert_eq!(schedule.appointments[0].title, "Dentist");

    schedule.appointments.push(Appointment {
        date: "2031-04-02".into(),
        title: "Piano".into(),
    });
    let capsule = Capsule::import(&schedule).unwrap();
    let appointments: Vec<&Map> = capsule.get("appointments").unwrap();
    assert_eq!(appointments.len(), 2);
    assert_eq!(appointments[1].get::<&str>("date"), Ok("2031-04-02"));
}

#[test]
fn capsule_gets_an_appointment_added_in_place() {
    let mut schedule = Capsule::new().with("appointments", [Map::new().with("title", "Dentist")]);
    match schedule.get_value_mut("appointments") {
        Some(Value::List(list)) => list.push(Map::new().with("title", "Piano").into()),
        other => panic!("the list was just set, not {other:?}"),
    }
    let schedule = Capsule::unpack(&schedule.pack().unwrap()).unwrap();
    let titles: Vec<&str> = schedule
        .get::<Vec<&Map>>("appointments")
        .unwrap()
        .into_iter()
        .map(|appointment| appointment.get("title").unwrap())
        .collect();
    assert_eq!(titles, ["Dentist", "Piano"]);
}
