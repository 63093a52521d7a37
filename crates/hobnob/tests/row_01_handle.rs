//! Row 1: `mesh.handle(command, handler)`.

mod common;

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::{Arc, Mutex},
};

use common::{COMMAND, Counter, ends, pair};
use hobnob::{Bytes, Context, HandleError, RequestError, SendError, USendError};

/// The names of the handlers that ran.
type Log = Arc<Mutex<Vec<&'static str>>>;

/// What a handler that notes its name answers.
type Noted = Result<Option<&'static str>, &'static str>;

fn note(log: &Log, name: &'static str) {
    log.lock().expect("no test panics with it").push(name);
}

fn noted(log: &Log) -> Vec<&'static str> {
    std::mem::take(&mut log.lock().expect("no test panics with it"))
}

/// A handler that answers with `answer`, or fails, or does neither.
fn noting(
    log: &Log,
    name: &'static str,
    answer: Noted,
) -> impl Fn(Context, Bytes) -> Ready<Noted> + use<> {
    let log = log.clone();
    move |_, _| {
        note(&log, name);
        ready(answer)
    }
}

#[tokio::test]
async fn handlers_of_a_command_run_in_the_order_of_registration() {
    let (a, b) = pair().await;
    let log = Log::default();
    for name in ["first", "second", "third", "fourth"] {
        b.handle(COMMAND, noting(&log, name, Ok(None))).unwrap();
    }
    for _ in 0..3 {
        ends("request", a.request(COMMAND, b.address(), ""))
            .await
            .unwrap();
        assert_eq!(noted(&log), ["first", "second", "third", "fourth"]);
    }
}

#[tokio::test]
async fn a_later_handler_starts_when_the_one_before_has_ended() {
    let (a, b) = pair().await;
    let log = Log::default();
    let waiting = log.clone();
    b.handle(COMMAND, move |_: Context, (): ()| {
        let log = waiting.clone();
        async move {
            note(&log, "begun");
            tokio::task::yield_now().await;
            note(&log, "ended");
            Ok::<_, Infallible>(())
        }
    })
    .unwrap();
    b.handle(COMMAND, noting(&log, "later", Ok(None))).unwrap();
    ends("request", a.request(COMMAND, b.address(), ""))
        .await
        .unwrap();
    assert_eq!(noted(&log), ["begun", "ended", "later"]);
}

#[tokio::test]
async fn an_error_ends_the_chain_and_reaches_the_caller() {
    let (a, b) = pair().await;
    let log = Log::default();
    b.handle(COMMAND, noting(&log, "first", Ok(None))).unwrap();
    b.handle(COMMAND, noting(&log, "second", Err("no such room")))
        .unwrap();
    b.handle(COMMAND, noting(&log, "third", Ok(Some("never"))))
        .unwrap();

    let answer = ends("request", a.request(COMMAND, b.address(), "")).await;
    assert_eq!(answer, Err(RequestError::Handler("no such room".into())));
    assert_eq!(noted(&log), ["first", "second"]);

    // A one-way message has nobody to tell; the chain ends all the same.
    b.handle(COMMAND + 1, noting(&log, "bad", Err("no")))
        .unwrap();
    b.handle(COMMAND + 1, noting(&log, "never", Ok(None)))
        .unwrap();
    let last = Counter::default();
    let handled = last.clone();
    b.handle(COMMAND + 2, move |_: Context, (): ()| {
        handled.add();
        async { Ok::<_, Infallible>(()) }
    })
    .unwrap();
    ends("send", a.send(COMMAND + 1, b.address(), ""))
        .await
        .unwrap();
    ends("send", a.send(COMMAND + 2, b.address(), ""))
        .await
        .unwrap();
    last.reaches(1).await;
    assert_eq!(noted(&log), ["bad"]);
    assert_eq!(b.stats().get("handler_errors_total"), Some(2));
}

#[tokio::test]
async fn the_first_answer_is_the_response_and_the_others_still_run() {
    let (a, b) = pair().await;
    let log = Log::default();
    b.handle(COMMAND, noting(&log, "silent", Ok(None))).unwrap();
    b.handle(COMMAND, noting(&log, "first", Ok(Some("first's"))))
        .unwrap();
    b.handle(COMMAND, noting(&log, "second", Ok(Some("second's"))))
        .unwrap();
    let answer = ends("request", a.request(COMMAND, b.address(), ""))
        .await
        .unwrap();
    assert_eq!(answer.as_ref(), b"first's");
    common::eventually("all handlers", || log.lock().unwrap().len() == 3).await;
    assert_eq!(noted(&log), ["silent", "first", "second"]);
}

#[tokio::test]
async fn an_error_after_the_answer_changes_nothing_for_the_caller() {
    let (a, b) = pair().await;
    let log = Log::default();
    b.handle(COMMAND, noting(&log, "answer", Ok(Some("done"))))
        .unwrap();
    b.handle(COMMAND, noting(&log, "bad", Err("no"))).unwrap();
    b.handle(COMMAND, noting(&log, "never", Ok(None))).unwrap();
    let answer = ends("request", a.request(COMMAND, b.address(), ""))
        .await
        .unwrap();
    assert_eq!(answer.as_ref(), b"done");
    common::eventually("the error", || {
        b.stats().get("handler_errors_total") == Some(1)
    })
    .await;
    assert_eq!(noted(&log), ["answer", "bad"]);
}

#[tokio::test]
async fn without_an_answer_the_response_is_empty() {
    let (a, b) = pair().await;
    b.handle(COMMAND, noting(&Log::default(), "silent", Ok(None)))
        .unwrap();
    let answer = ends("request", a.request(COMMAND, b.address(), ""))
        .await
        .unwrap();
    assert!(answer.bytes().is_empty());
}

#[tokio::test]
async fn commands_below_100_are_refused() {
    let (a, b) = pair().await;
    let to = b.address();
    for command in [0, 1, 99] {
        let handler = noting(&Log::default(), "never", Ok(None));
        assert_eq!(
            b.handle(command, handler),
            Err(HandleError::Reserved { command })
        );

        let request = ends("request", a.request(command, to, "")).await;
        assert_eq!(request, Err(RequestError::Reserved { command }));
        let send = ends("send", a.send(command, to, "")).await;
        assert_eq!(send, Err(SendError::Reserved { command }));
        let usend = ends("usend", a.usend(command, to, "")).await;
        assert_eq!(usend, Err(USendError::Reserved { command }));
        let report = ends("send_many", a.send_many(command, [to], "", 1)).await;
        assert_eq!(
            report.failures().next(),
            Some((to, &SendError::Reserved { command }))
        );
        let report = ends("usend_many", a.usend_many(command, [to], "", 1)).await;
        assert_eq!(
            report.failures().next(),
            Some((to, &USendError::Reserved { command }))
        );
    }
    for command in [100, 101, u16::MAX] {
        b.handle(command, noting(&Log::default(), "fine", Ok(Some("fine"))))
            .unwrap();
        let answer = ends("request", a.request(command, to, "")).await.unwrap();
        assert_eq!(answer.as_ref(), b"fine");
    }
    let text = HandleError::Reserved { command: 7 }.to_string();
    assert_eq!(text, "command 7 is reserved: use one from 100 to 65535");
}

fn boom() -> Result<&'static str, Infallible> {
    panic!("boom {}", 7)
}

#[tokio::test]
async fn a_panicking_handler_is_an_error_to_the_caller_and_nothing_more() {
    let (a, b) = pair().await;
    let to = b.address();
    let booms = |now: bool| async move {
        if !now {
            tokio::task::yield_now().await;
        }
        boom()
    };
    b.handle(COMMAND, move |_: Context, (): ()| booms(true))
        .unwrap();
    b.handle(COMMAND + 1, move |_: Context, (): ()| booms(false))
        .unwrap();
    b.handle(COMMAND + 2, |_: Context, text: String| {
        assert!(text.is_empty(), "before its future");
        async { Ok::<_, Infallible>("well") }
    })
    .unwrap();

    for (command, payload, text) in [
        (COMMAND, "", "boom 7"),
        (COMMAND + 1, "", "boom 7"),
        (COMMAND + 2, "x", "before its future"),
    ] {
        let answer = ends("request", a.request(command, to, payload)).await;
        let text = format!("the handler panicked: {text}");
        assert_eq!(answer, Err(RequestError::Handler(text)));
    }
    let answer = ends("request", a.request(COMMAND + 2, to, ""))
        .await
        .unwrap();
    assert_eq!(answer.as_ref(), b"well");

    // The node's own requests are no exception.
    let answer = ends("request", b.request(COMMAND, to, "")).await;
    assert_eq!(
        answer,
        Err(RequestError::Handler("the handler panicked: boom 7".into()))
    );
}

#[tokio::test]
async fn a_handler_learns_who_asks_for_what() {
    let (a, b) = pair().await;
    let seen: Arc<Mutex<Vec<Context>>> = Arc::default();
    let sink = seen.clone();
    b.handle(COMMAND, move |context: Context, _: Bytes| {
        sink.lock().unwrap().push(context);
        async { Ok::<_, Infallible>(()) }
    })
    .unwrap();
    ends("request", a.request(COMMAND, b.address(), ""))
        .await
        .unwrap();
    ends("send", a.send(COMMAND, b.address(), ""))
        .await
        .unwrap();
    common::eventually("both", || seen.lock().unwrap().len() == 2).await;

    let seen = seen.lock().unwrap();
    for context in seen.iter() {
        assert_eq!(context.sender(), a.address());
        assert_eq!(context.command(), COMMAND);
        assert_eq!(context.mesh().address(), b.address());
    }
    assert!(seen[0].is_request() && seen[0].deadline().is_some());
    assert!(!seen[1].is_request() && seen[1].deadline().is_none());
}

#[tokio::test]
async fn a_handler_may_be_added_at_any_time() {
    let (a, b) = pair().await;
    let unknown = ends("request", a.request(COMMAND, b.address(), "")).await;
    assert_eq!(unknown, Err(RequestError::NoHandler));
    b.handle(COMMAND, noting(&Log::default(), "late", Ok(Some("now"))))
        .unwrap();
    let answer = ends("request", a.request(COMMAND, b.address(), ""))
        .await
        .unwrap();
    assert_eq!(answer.as_ref(), b"now");
}
