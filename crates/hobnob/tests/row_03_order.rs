//! Row 3, further: `mesh.send(..).in_order(stream)` and `mesh.try_send(..)`.

mod common;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use common::{
    Apart, COMMAND, Counter, Faults, NEVER, Relay, ends, eventually, is_pending, pair, patient,
    quick, sees, start,
};
use futures_util::{StreamExt, future::join_all, stream::FuturesOrdered};
use hobnob::{Bytes, Context, Mesh, NodeState, RequestError, SendError};
use tokio::{sync::Notify, task::JoinSet};

/// What handlers did, by stream.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Streams>>);

/// The numbers that began, and how many are at work.
type Streams = BTreeMap<u32, (Vec<u32>, u32)>;

impl Log {
    fn begin(&self, (stream, number): (u32, u32)) {
        let mut log = self.0.lock().unwrap();
        let (numbers, at_work) = log.entry(stream).or_default();
        numbers.push(number);
        *at_work += 1;
        assert_eq!(*at_work, 1, "stream {stream}: one after the other");
    }

    fn end(&self, (stream, _): (u32, u32)) {
        self.0.lock().unwrap().get_mut(&stream).unwrap().1 -= 1;
    }

    fn of(&self, stream: u32) -> Vec<u32> {
        let log = self.0.lock().unwrap();
        log.get(&stream)
            .map_or(Vec::new(), |(numbers, _)| numbers.clone())
    }

    async fn has(&self, stream: u32, numbers: u32) {
        eventually(&format!("all of stream {stream}"), || {
            self.of(stream).len() >= numbers as usize
        })
        .await;
        assert_eq!(self.of(stream), (0..numbers).collect::<Vec<_>>());
    }
}

fn message(stream: u32, number: u32) -> Vec<u8> {
    [stream.to_le_bytes(), number.to_le_bytes()].concat()
}

fn parts(payload: &[u8]) -> (u32, u32) {
    let number = |from: usize| u32::from_le_bytes(payload[from..from + 4].try_into().unwrap());
    (number(0), number(4))
}

/// Registers a handler that waits now and then.
fn logs(mesh: &Mesh, command: u16, log: &Log) {
    let log = log.clone();
    mesh.handle(command, move |_: Context, payload: Bytes| {
        let (log, message) = (log.clone(), parts(&payload));
        async move {
            log.begin(message);
            for _ in 0..message.1 % 4 {
                tokio::task::yield_now().await;
            }
            log.end(message);
            Ok::<_, Infallible>(())
        }
    })
    .unwrap();
}

fn gauge(mesh: &Mesh, name: &str) -> u64 {
    mesh.stats().get(name).expect("there is such a counter")
}

/// Begins all of them in this order. Each may take its time: on a busy machine all of them together take long.
async fn all_are_sent(sends: impl Iterator<Item: Future<Output = Result<(), SendError>>>) {
    let mut sends: FuturesOrdered<_> = sends.collect();
    while let Some(sent) = ends("the next send", sends.next()).await {
        assert_eq!(sent, Ok(()));
    }
}

async fn gives_all_places_back(mesh: &Mesh) {
    eventually("all places are free", || {
        gauge(mesh, "messages_incoming") == 0 && gauge(mesh, "streams_at_handlers") == 0
    })
    .await;
}

#[tokio::test]
async fn a_streams_handlers_run_one_after_the_other_in_the_order_of_sending() {
    const NUMBERS: u32 = 300;
    let (a, b) = pair().await;
    let log = Log::default();
    // Whatever the command, the order is that of the stream.
    logs(&b, COMMAND, &log);
    logs(&b, COMMAND + 1, &log);
    let sends = (0..NUMBERS * 3).map(|number| {
        let (stream, number) = (number % 3, number / 3);
        let mut payload = message(stream, number);
        payload.resize(8 + number as usize % 7 * 400, 0);
        let command = COMMAND + u16::from(number % 5 == 0);
        a.send(command, b.address(), payload)
            .in_order(&format!("stream {stream}"))
            .timeout(NEVER)
            .into_future()
    });
    all_are_sent(sends).await;
    for stream in 0..3 {
        log.has(stream, NUMBERS).await;
    }
    gives_all_places_back(&b).await;
}

#[tokio::test]
async fn a_handler_that_waits_holds_up_its_own_stream_only() {
    let (a, b) = pair().await;
    let (log, gate) = (Log::default(), Arc::new(Notify::new()));
    let (begun, waits) = (log.clone(), gate.clone());
    b.handle(COMMAND, move |_: Context, payload: Bytes| {
        let (log, gate, message) = (begun.clone(), waits.clone(), parts(&payload));
        async move {
            log.begin(message);
            if message == (0, 0) {
                gate.notified().await;
            }
            log.end(message);
            Ok::<_, Infallible>(())
        }
    })
    .unwrap();
    let plain = Counter::default();
    let count = plain.clone();
    b.handle(COMMAND + 1, move |_: Context, (): ()| {
        count.add();
        async { Ok::<_, Infallible>(()) }
    })
    .unwrap();
    for number in 0..10 {
        for stream in 0..3 {
            let send = a.send(COMMAND, b.address(), message(stream, number));
            let send = send.in_order(&stream.to_string()).timeout(NEVER);
            ends("it is taken, before its turn", send).await.unwrap();
        }
        ends("no stream", a.send(COMMAND + 1, b.address(), ""))
            .await
            .unwrap();
    }
    log.has(1, 10).await;
    log.has(2, 10).await;
    plain.reaches(10).await;
    assert_eq!(log.of(0), [0]);
    assert_eq!(gauge(&b, "messages_incoming"), 10);
    gate.notify_one();
    log.has(0, 10).await;
    gives_all_places_back(&b).await;
}

#[tokio::test]
async fn a_handler_that_fails_or_panics_does_not_end_its_stream() {
    let (a, b) = pair().await;
    let count = Counter::default();
    let handled = count.clone();
    b.handle(COMMAND, move |_: Context, _: Bytes| {
        let number = handled.add();
        async move {
            tokio::task::yield_now().await;
            assert!(number != 2, "panics");
            if number == 3 { Err("fails") } else { Ok(()) }
        }
    })
    .unwrap();
    let sends = (0..5).map(|_| {
        a.send(COMMAND, b.address(), "")
            .in_order("one")
            .into_future()
    });
    for sent in ends("the sends", join_all(sends)).await {
        assert_eq!(sent, Ok(()));
    }
    count.reaches(5).await;
    gives_all_places_back(&b).await;
}

#[tokio::test]
async fn order_holds_over_a_bad_network() {
    const NUMBERS: u32 = 500;
    let faults = Faults {
        lost: 0.2,
        doubled: 0.05,
        late: 0.3,
    };
    let relay = Relay::start(3, faults).await;
    let [a, b] = relay.between([patient("a"), patient("b")]);
    let (a, b) = (start(a).await, start(b).await);
    sees(&a, b.address(), NodeState::Online).await;
    let log = Log::default();
    logs(&b, COMMAND, &log);
    let sends = (0..NUMBERS * 4).map(|number| {
        let (stream, number) = (number % 4, number / 4);
        let mut payload = message(stream, number);
        payload.resize(8 + number as usize * 13 % 3_000, 0);
        a.send(COMMAND, b.address(), payload)
            .in_order(&stream.to_string())
            .timeout(NEVER)
            .into_future()
    });
    all_are_sent(sends).await;
    for stream in 0..4 {
        log.has(stream, NUMBERS).await;
    }
    assert!(gauge(&b, "messages_held_total") > 0, "some came early");
    gives_all_places_back(&b).await;
}

/// A node that is there and does not answer, its membership patient with it.
async fn frozen_peer(a: &Mesh, log: &Log) -> (Apart, common::Frozen) {
    let log = log.clone();
    let b = Apart::start(patient("b").seed(a.address().to_string()), move |mesh| {
        logs(mesh, COMMAND, &log);
    })
    .await;
    sees(a, b.address(), NodeState::Online).await;
    let frozen = b.freeze().await;
    (b, frozen)
}

/// As much as the queue to a node holds: four of them are 64 MiB.
fn large(stream: u32, number: u32) -> Vec<u8> {
    let mut payload = message(stream, number);
    payload.resize(16 << 20, 0);
    payload
}

#[tokio::test]
async fn who_waits_for_room_is_not_overtaken_in_its_stream() {
    const NUMBERS: u32 = 12;
    let a = start(patient("a")).await;
    let log = Log::default();
    let (b, frozen) = frozen_peer(&a, &log).await;
    let mut sends = Vec::new();
    for number in 0..NUMBERS {
        // Small ones would find room that a large one in front of them does not.
        let payload = if number % 2 == 0 {
            large(1, number)
        } else {
            message(1, number)
        };
        let send = a.send(COMMAND, b.address(), payload).in_order("one");
        let mut send = Box::pin(send.timeout(NEVER).into_future());
        assert!(is_pending(&mut send).await);
        sends.push(send);
    }
    let refused = a
        .try_send(COMMAND, b.address(), message(1, 99))
        .in_order("one");
    assert_eq!(ends("at once", refused).await, Err(SendError::QueueFull));
    // One of those that wait is given up.
    let given_up = sends.remove(9);
    drop(given_up);
    drop(frozen);
    let mut sends: JoinSet<_> = sends.into_iter().rev().collect();
    while let Some(sent) = ends("the sends", sends.join_next()).await {
        assert_eq!(sent.unwrap(), Ok(()));
    }
    let expected: Vec<u32> = (0..NUMBERS).filter(|number| *number != 9).collect();
    eventually("all", || log.of(1).len() == expected.len()).await;
    assert_eq!(log.of(1), expected);
}

#[tokio::test]
async fn a_full_queue_refuses_who_tries() {
    let a = start(patient("a")).await;
    let log = Log::default();
    let (b, frozen) = frozen_peer(&a, &log).await;
    let mut sends = Vec::new();
    for number in 0..4 {
        let send = a.try_send(COMMAND, b.address(), large(number, 0));
        let mut send = Box::pin(send.timeout(NEVER).into_future());
        assert!(is_pending(&mut send).await, "there is room");
        sends.push(send);
    }
    let sent = ends(
        "at once",
        a.try_send(COMMAND, b.address(), message(9, 0))
            .timeout(NEVER),
    );
    assert_eq!(sent.await, Err(SendError::QueueFull));
    let asked = ends(
        "at once",
        a.try_request(COMMAND, b.address(), message(9, 0))
            .timeout(NEVER),
    );
    assert_eq!(asked.await.map(drop), Err(RequestError::QueueFull));
    let mut waits = Box::pin(
        a.send(COMMAND, b.address(), message(4, 0))
            .timeout(NEVER)
            .into_future(),
    );
    assert!(is_pending(&mut waits).await);
    drop(frozen);
    for sent in ends("the sends", join_all(sends)).await {
        assert_eq!(sent, Ok(()));
    }
    ends("the one that waited", waits).await.unwrap();
    let sent = ends(
        "now",
        a.try_send(COMMAND, b.address(), message(5, 0))
            .timeout(NEVER),
    );
    sent.await.unwrap();
    for stream in 0..6 {
        log.has(stream, 1).await;
    }
    assert_eq!(log.of(9), [], "what was refused was not sent");
}

#[tokio::test]
async fn a_node_may_send_to_itself_in_order() {
    let a = start(quick("a")).await;
    let log = Log::default();
    logs(&a, COMMAND, &log);
    for number in 0..100 {
        let send = a.send(COMMAND, a.address(), message(1, number));
        ends("send", send.in_order("one")).await.unwrap();
    }
    log.has(1, 100).await;
    gives_all_places_back(&a).await;
}

#[tokio::test]
async fn what_was_taken_before_a_shutdown_is_handled() {
    let (a, b) = pair().await;
    let (count, gate) = (Counter::default(), Arc::new(Notify::new()));
    let (handled, waits) = (count.clone(), gate.clone());
    b.handle(COMMAND, move |_: Context, (): ()| {
        let (handled, gate) = (handled.clone(), waits.clone());
        async move {
            gate.notified().await;
            handled.add();
            gate.notify_one();
            Ok::<_, Infallible>(())
        }
    })
    .unwrap();
    for _ in 0..5 {
        let send = a.send(COMMAND, b.address(), "").in_order("one");
        ends("send", send).await.unwrap();
    }
    ends("shutdown", b.shutdown()).await;
    assert_eq!(count.get(), 0);
    gate.notify_one();
    count.reaches(5).await;
    gives_all_places_back(&b).await;
}

#[tokio::test]
async fn a_stream_whose_receiver_never_answers_ends_at_its_deadlines() {
    let a = start(patient("a")).await;
    let log = Log::default();
    let (b, frozen) = frozen_peer(&a, &log).await;
    let sends = (0..50).map(|number| {
        let send = a.send(COMMAND, b.address(), message(1, number));
        send.in_order("one")
            .timeout(Duration::from_millis(20 + u64::from(number)))
            .into_future()
    });
    for sent in ends("the sends", join_all(sends)).await {
        assert_eq!(sent, Err(SendError::Timeout));
    }
    drop(frozen);
    let last = a.send(COMMAND, b.address(), message(1, 50)).in_order("one");
    ends("the last", last.timeout(NEVER)).await.unwrap();
    eventually("the last is handled", || log.of(1).last() == Some(&50)).await;
    assert!(log.of(1).is_sorted(), "{:?}", log.of(1));
}
