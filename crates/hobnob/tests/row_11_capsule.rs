//! Row 11, as far as handlers are concerned: each can take a capsule, a serde type, or bytes. What a
//! capsule can do is tested with the capsule itself.

mod common;

use std::convert::Infallible;

use common::{COMMAND, Counter, ends, pair};
use hobnob::{
    Bytes, Capsule, Context, DecodeError, Payload, RequestError, Typed,
    capsule::{GetError, Map, Value},
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Appointment {
    date: String,
    title: String,
    minutes: Option<u16>,
}

fn piano() -> Appointment {
    Appointment {
        date: "2031-04-02".into(),
        title: "Piano".into(),
        minutes: Some(45),
    }
}

#[tokio::test]
async fn a_handler_takes_and_answers_a_capsule() {
    let (a, b) = pair().await;
    b.handle(COMMAND, |_: Context, mut capsule: Capsule| async move {
        let minutes: u64 = capsule.get("minutes")?;
        capsule.set("minutes", minutes * 2);
        Ok::<_, GetError>(capsule)
    })
    .unwrap();
    let everything = Capsule::new()
        .with("minutes", 30_u8)
        .with("bool", true)
        .with("i8", i8::MIN)
        .with("i16", i16::MIN)
        .with("i32", i32::MIN)
        .with("i64", i64::MIN)
        .with("u8", u8::MAX)
        .with("u16", u16::MAX)
        .with("u32", u32::MAX)
        .with("u64", u64::MAX)
        .with("f32", f32::MIN_POSITIVE)
        .with("f64", f64::NAN)
        .with("string", "größe")
        .with("bytes", vec![0_u8, 255])
        .with("list", vec![Value::from(1_u8), Value::from("two")])
        .with("map", Map::new().with("2031-04-01", "Dentist"))
        .with("capsule", Capsule::new().with("inner", Capsule::new()));
    let to = b.address();
    for answer in [
        ends("by reference", a.request(COMMAND, to, &everything)).await,
        ends("by value", a.request(COMMAND, to, everything.clone())).await,
    ] {
        let answer: Capsule = answer.unwrap().decode().unwrap();
        let expected = everything.clone().with("minutes", 60_u64);
        assert_eq!(answer, expected);
    }

    // The getter's error is the handler's, and says which of three things was wrong.
    for (capsule, text) in [
        (Capsule::new(), "`minutes` is missing"),
        (
            Capsule::new().with("minutes", "30"),
            "`minutes` is of type string, not u64",
        ),
        (
            Capsule::new().with("minutes", -1_i8),
            "`minutes` is the i8 -1 and u64 does not hold every i8: read it as i8",
        ),
    ] {
        let answer = ends("request", a.request(COMMAND, to, capsule)).await;
        assert_eq!(answer, Err(RequestError::Handler(text.into())));
    }
}

#[tokio::test]
async fn a_handler_takes_and_answers_a_serde_type() {
    let (a, b) = pair().await;
    b.handle(
        COMMAND,
        |_: Context, Typed(mut appointment): Typed<Appointment>| async move {
            appointment.minutes = None;
            Ok::<_, Infallible>(Typed(vec![appointment]))
        },
    )
    .unwrap();
    let answer = ends("request", a.request(COMMAND, b.address(), Typed(piano())))
        .await
        .unwrap();
    let Typed(appointments) = answer.decode::<Typed<Vec<Appointment>>>().unwrap();
    assert_eq!(
        appointments,
        [Appointment {
            minutes: None,
            ..piano()
        }]
    );
    // By reference too: nothing is cloned for it.
    let answer = ends("request", a.request(COMMAND, b.address(), Typed(&piano()))).await;
    assert!(answer.is_ok());
}

#[tokio::test]
async fn a_capsule_and_a_serde_type_stand_for_each_other() {
    let (a, b) = pair().await;
    b.handle(COMMAND, |_: Context, capsule: Capsule| async move {
        let appointment: Appointment = capsule.export().map_err(|error| error.to_string())?;
        assert_eq!(appointment, piano());
        Capsule::import(&appointment).map_err(|error| error.to_string())
    })
    .unwrap();
    let capsule = Capsule::import(&piano()).unwrap();
    let answer = ends("request", a.request(COMMAND, b.address(), &capsule))
        .await
        .unwrap();
    assert_eq!(answer.decode::<Capsule>().unwrap(), capsule);
}

#[tokio::test]
async fn a_handler_takes_and_answers_bytes_and_text() {
    let (a, b) = pair().await;
    b.handle(100, |_: Context, bytes: Bytes| async move {
        Ok::<_, Infallible>(bytes)
    })
    .unwrap();
    b.handle(101, |_: Context, bytes: Vec<u8>| async move {
        Ok::<_, Infallible>(bytes)
    })
    .unwrap();
    b.handle(102, |_: Context, text: String| async move {
        Ok::<_, Infallible>(text)
    })
    .unwrap();
    b.handle(103, |_: Context, payload: Payload| async move {
        Ok::<_, Infallible>(payload)
    })
    .unwrap();
    b.handle(104, |_: Context, text: String| async move {
        Ok::<_, Infallible>((!text.is_empty()).then_some(text))
    })
    .unwrap();
    b.handle(104, |_: Context, _: Bytes| async {
        Ok::<_, Infallible>("second")
    })
    .unwrap();
    let to = b.address();
    let bytes = Bytes::from_static(b"text");
    for command in 100..=104 {
        for answer in [
            ends("&str", a.request(command, to, "text")).await,
            ends("String", a.request(command, to, "text".to_owned())).await,
            ends("&[u8]", a.request(command, to, &b"text"[..])).await,
            ends("&[u8; 4]", a.request(command, to, b"text")).await,
            ends("Vec", a.request(command, to, b"text".to_vec())).await,
            ends("Bytes", a.request(command, to, Bytes::from_static(b"text"))).await,
            ends("&Bytes", a.request(command, to, &bytes)).await,
        ] {
            let answer = answer.unwrap();
            assert_eq!(answer.as_ref(), b"text");
            assert_eq!(answer.decode::<String>().unwrap(), "text");
            assert_eq!(answer.into_bytes(), Bytes::from_static(b"text"));
        }
    }
    let answer = ends("no answer", a.request(104, to, ())).await.unwrap();
    assert_eq!(answer.as_ref(), b"second", "an empty Option is no answer");
}

#[tokio::test]
async fn handlers_of_one_command_may_read_the_payload_differently() {
    let (a, b) = pair().await;
    let bytes = Counter::default();
    let seen = bytes.clone();
    b.handle(COMMAND, move |_: Context, payload: Bytes| {
        assert!(!payload.is_empty());
        seen.add();
        async { Ok::<_, Infallible>(()) }
    })
    .unwrap();
    b.handle(COMMAND, |_: Context, capsule: Capsule| async move {
        capsule.get::<String>("name")
    })
    .unwrap();
    let capsule = Capsule::new().with("name", "Mary");
    let answer = ends("request", a.request(COMMAND, b.address(), capsule))
        .await
        .unwrap();
    assert_eq!(answer.as_ref(), b"Mary");
    assert_eq!(bytes.get(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_the_handlers_error_and_the_handler_does_not_run() {
    let (a, b) = pair().await;
    let ran = Counter::default();
    let (one, two, three, four) = (ran.clone(), ran.clone(), ran.clone(), ran.clone());
    let done = || async { Ok::<_, Infallible>(()) };
    b.handle(100, move |_: Context, _: Capsule| {
        one.add();
        done()
    })
    .unwrap();
    b.handle(101, move |_: Context, _: Typed<Appointment>| {
        two.add();
        done()
    })
    .unwrap();
    b.handle(102, move |_: Context, _: String| {
        three.add();
        done()
    })
    .unwrap();
    b.handle(103, move |_: Context, (): ()| {
        four.add();
        done()
    })
    .unwrap();
    let to = b.address();
    for (command, payload, what) in [
        (100, &b"\xff\xff\xff"[..], "a capsule"),
        (100, b"", "a capsule"),
        (101, b"\x05", "Appointment"),
        (101, b"\0\0\0\0", "Appointment"),
        (102, b"\xff", "text"),
        (103, b"1", "empty"),
    ] {
        let answer = ends("request", a.request(command, to, payload)).await;
        let Err(RequestError::Handler(text)) = answer else {
            panic!("{command} took {payload:?}");
        };
        assert!(
            text.starts_with("the payload is not ") && text.contains(what),
            "{text}"
        );
    }
    assert_eq!(ran.get(), 0);
    // The same on the way back.
    let answer = ends("empty", b.request(103, to, ())).await.unwrap();
    let error: DecodeError = answer.decode::<Capsule>().unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the payload is not a capsule: "),
        "{error}"
    );
}

#[tokio::test]
async fn what_cannot_be_encoded_is_an_error_before_anything_is_sent() {
    let (a, b) = pair().await;
    let count = Counter::default();
    let handled = count.clone();
    b.handle(COMMAND, move |_: Context, _: Bytes| {
        handled.add();
        async { Ok::<_, Infallible>(()) }
    })
    .unwrap();
    let mut deep = Capsule::new();
    for _ in 0..10_000 {
        deep = Capsule::new().with("deeper", deep);
    }
    let to = b.address();
    let request = ends("request", a.request(COMMAND, to, &deep)).await;
    assert!(
        matches!(request, Err(RequestError::Encode(_))),
        "{request:?}"
    );
    let send = ends("send", a.send(COMMAND, to, &deep)).await;
    assert!(
        matches!(send, Err(hobnob::SendError::Encode(_))),
        "{send:?}"
    );
    let usend = ends("usend", a.usend(COMMAND, to, &deep)).await;
    assert!(
        matches!(usend, Err(hobnob::USendError::Encode(_))),
        "{usend:?}"
    );
    let many = ends("send_many", a.send_many(COMMAND, [to], &deep, 1)).await;
    assert_eq!((many.delivered(), many.failures().count()), (0, 1));
    let many = ends("usend_many", a.usend_many(COMMAND, [to], &deep, 1)).await;
    assert_eq!((many.delivered(), many.failures().count()), (0, 1));
    ends("a good one", a.request(COMMAND, to, ""))
        .await
        .unwrap();
    assert_eq!(count.get(), 1);
    // A handler's answer is no different, and its caller is told.
    b.handle(COMMAND + 1, move |_: Context, (): ()| {
        let deep = deep.clone();
        async move { Ok::<_, Infallible>(deep) }
    })
    .unwrap();
    let answer = ends("request", a.request(COMMAND + 1, to, ())).await;
    assert!(
        matches!(&answer, Err(RequestError::Handler(text)) if text.contains("encoded")),
        "{answer:?}"
    );
}
