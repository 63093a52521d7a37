//! Row 3: `mesh.send(command, node, payload)`.

mod common;

use std::{
    convert::Infallible,
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use common::{
    Apart, COMMAND, Counter, Faults, NEVER, Relay, acquainted, black_hole, ends, eventually,
    is_pending, own_address, pair, patient, pattern, quick, sees, start,
};
use hobnob::{Bytes, Context, Mesh, NodeState, RequestError, SendError, Stats};
use tokio::{sync::Notify, task::JoinSet};

/// Long enough for a message to time out in, where that is what is wanted.
const SHORT: Duration = Duration::from_millis(100);

/// Registers a handler that counts its calls.
fn counts(mesh: &Mesh, command: u16, count: &Counter) {
    let count = count.clone();
    mesh.handle(command, move |_: Context, _: Bytes| {
        count.add();
        async { Ok::<_, Infallible>(()) }
    })
    .unwrap();
}

/// How often each number came.
#[derive(Clone, Debug)]
struct Tally(Arc<Mutex<Vec<u32>>>);

impl Tally {
    fn new(numbers: u32) -> Self {
        Self(Arc::new(Mutex::new(vec![0; numbers as usize])))
    }

    fn take(&self, payload: &[u8]) {
        let number = u32::from_le_bytes(payload[..4].try_into().unwrap());
        self.0.lock().unwrap()[number as usize] += 1;
    }

    async fn each_came_once(&self) {
        common::eventually("every number", || {
            self.0.lock().unwrap().iter().all(|times| *times > 0)
        })
        .await;
        let times = self.0.lock().unwrap();
        assert!(times.iter().all(|times| *times == 1), "{times:?}");
    }
}

#[tokio::test]
async fn a_message_is_handled_once() {
    let (a, b) = pair().await;
    const MESSAGES: u32 = 500;
    let tally = Tally::new(MESSAGES);
    let handled = tally.clone();
    b.handle(COMMAND, move |_: Context, payload: Bytes| {
        handled.take(&payload);
        async { Ok::<_, Infallible>(()) }
    })
    .unwrap();
    for number in 0..MESSAGES {
        ends("send", a.send(COMMAND, b.address(), &number.to_le_bytes()))
            .await
            .unwrap();
    }
    tally.each_came_once().await;
}

#[tokio::test]
async fn it_is_acknowledged_when_it_was_taken_not_when_it_was_handled() {
    let (a, b) = pair().await;
    let begun = Counter::default();
    let count = begun.clone();
    b.handle(COMMAND, move |_: Context, (): ()| {
        count.add();
        pending::<Result<(), Infallible>>()
    })
    .unwrap();
    ends("send", a.send(COMMAND, b.address(), "").timeout(NEVER))
        .await
        .unwrap();
    begun.reaches(1).await;
}

#[tokio::test]
async fn what_becomes_of_it_at_the_handler_is_not_the_senders_affair() {
    let (a, b) = pair().await;
    b.handle(COMMAND, |_: Context, _: Bytes| async { Err::<(), _>("no") })
        .unwrap();
    ends("send", a.send(COMMAND, b.address(), ""))
        .await
        .unwrap();
    common::eventually("the error", || {
        b.stats().get("handler_errors_total") == Some(1)
    })
    .await;
}

#[tokio::test]
async fn without_a_handler_it_is_an_error() {
    let (a, b) = pair().await;
    let sent = ends("send", a.send(COMMAND, b.address(), "").timeout(NEVER)).await;
    assert_eq!(sent, Err(SendError::NoHandler));
}

#[tokio::test]
async fn it_is_sent_again_until_it_is_acknowledged() {
    let a = start(patient("a")).await;
    let count = Counter::default();
    let handled = count.clone();
    let b = Apart::start(patient("b").seed(a.address().to_string()), move |mesh| {
        counts(mesh, COMMAND, &handled);
    })
    .await;
    sees(&a, b.address(), NodeState::Online).await;
    ends("a first one", a.send(COMMAND, b.address(), ""))
        .await
        .unwrap();

    let before = a.stats();
    let frozen = b.freeze().await;
    let mut send = Box::pin(
        a.send(COMMAND, b.address(), "")
            .timeout(NEVER)
            .into_future(),
    );
    assert!(is_pending(&mut send).await);
    let probes = |stats: &Stats| stats.get("probe_timeouts_total").unwrap();
    common::eventually("more tries", || probes(&a.stats()) > probes(&before) + 2).await;
    assert!(is_pending(&mut send).await);
    drop(frozen);
    ends("send", send).await.unwrap();
    // Whatever else arrives of it now comes before this.
    ends("the next", a.send(COMMAND, b.address(), ""))
        .await
        .unwrap();
    count.reaches(3).await;
    assert_eq!(count.get(), 3);
}

#[tokio::test]
async fn it_is_handled_once_over_a_bad_network() {
    const MESSAGES: u32 = 2_000;
    const REQUESTS: u32 = 500;
    let seed = 7;
    let faults = Faults {
        lost: 0.2,
        doubled: 0.05,
        late: 0.3,
    };
    let relay = Relay::start(seed, faults).await;
    let [a, b] = relay.between([patient("a"), patient("b")]);
    let (a, b) = (start(a).await, start(b).await);
    sees(&a, b.address(), NodeState::Online).await;

    let (messages, requests) = (Tally::new(MESSAGES), Tally::new(REQUESTS));
    let taken = messages.clone();
    b.handle(COMMAND, move |_: Context, payload: Bytes| {
        taken.take(&payload);
        async { Ok::<_, Infallible>(()) }
    })
    .unwrap();
    let taken = requests.clone();
    b.handle(COMMAND + 1, move |_: Context, payload: Bytes| {
        taken.take(&payload);
        async move {
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(payload)
        }
    })
    .unwrap();

    let mut calls = JoinSet::new();
    for number in 0..MESSAGES {
        let (a, to) = (a.clone(), b.address());
        let len = 4 + number as usize % 900;
        let mut payload = number.to_le_bytes().to_vec();
        payload.resize(len, 0);
        calls.spawn(async move {
            let sent = a.send(COMMAND, to, payload).timeout(NEVER).await;
            sent.map_err(RequestError::from)
        });
    }
    for number in 0..REQUESTS {
        let (a, to) = (a.clone(), b.address());
        // Some of them in several datagrams, both ways.
        let mut payload = number.to_le_bytes().to_vec();
        payload.resize(4 + number as usize % 5_000, 1);
        calls.spawn(async move {
            let answer = a
                .request(COMMAND + 1, to, payload.clone())
                .timeout(NEVER)
                .await?;
            assert!(answer.as_ref() == payload);
            Ok(())
        });
    }
    while let Some(call) = ends("the calls", calls.join_next()).await {
        assert_eq!(call.unwrap(), Ok(()), "seed {seed}");
    }
    messages.each_came_once().await;
    requests.each_came_once().await;
}

#[tokio::test]
async fn past_its_deadline_it_is_a_timeout() {
    let a = start(quick("a").request_timeout(SHORT)).await;
    let (_socket, address) = black_hole();
    let sent = ends("default", a.send(COMMAND, address, "")).await;
    assert_eq!(sent, Err(SendError::Timeout));
    let sent = ends("own", a.send(COMMAND, address, "").timeout(SHORT / 2)).await;
    assert_eq!(sent, Err(SendError::Timeout));
}

#[tokio::test]
async fn after_a_timeout_it_may_still_be_handled_but_never_twice() {
    let a = start(patient("a")).await;
    let count = Counter::default();
    let handled = count.clone();
    let b = Apart::start(patient("b").seed(a.address().to_string()), move |mesh| {
        counts(mesh, COMMAND, &handled);
        counts(mesh, COMMAND + 1, &Counter::default());
    })
    .await;
    sees(&a, b.address(), NodeState::Online).await;
    ends("a first one", a.send(COMMAND + 1, b.address(), ""))
        .await
        .unwrap();
    let frozen = b.freeze().await;
    let sent = ends("send", a.send(COMMAND, b.address(), "").timeout(SHORT)).await;
    assert_eq!(sent, Err(SendError::Timeout));
    drop(frozen);
    for _ in 0..10 {
        ends("another", a.send(COMMAND + 1, b.address(), ""))
            .await
            .unwrap();
    }
    assert!(count.get() <= 1);
}

#[tokio::test]
async fn a_dead_peer_and_a_restarted_one_are_different_errors() {
    let a = start(quick("a")).await;
    let b = Apart::start(quick("b").seed(a.address().to_string()), |_| {}).await;
    sees(&a, b.address(), NodeState::Online).await;
    let frozen = b.freeze().await;
    let mut send = Box::pin(
        a.send(COMMAND, b.address(), "")
            .timeout(NEVER)
            .into_future(),
    );
    assert!(is_pending(&mut send).await);
    let address = b.crash_frozen(frozen).await;
    assert_eq!(ends("in flight", send).await, Err(SendError::PeerDown));
    sees(&a, address, NodeState::Failed).await;
    let next = ends("the next", a.send(COMMAND, address, "").timeout(NEVER)).await;
    assert_eq!(next, Err(SendError::PeerDown));

    // Another one, whose crash is not seen before it is back.
    let a = start(patient("a")).await;
    let seed = a.address().to_string();
    let builder = patient("b").bind(own_address()).seed(seed.clone());
    let before = Apart::start(builder, |_| {}).await;
    sees(&a, before.address(), NodeState::Online).await;
    let frozen = before.freeze().await;
    let mut send = Box::pin(
        a.send(COMMAND, before.address(), "")
            .timeout(NEVER)
            .into_future(),
    );
    assert!(is_pending(&mut send).await);
    let address = before.crash_frozen(frozen).await;
    let count = Counter::default();
    let handled = count.clone();
    let after = Apart::start(patient("b").bind(address).seed(seed), move |mesh| {
        counts(mesh, COMMAND, &handled);
    })
    .await;
    assert_eq!(ends("in flight", send).await, Err(SendError::PeerRestarted));
    ends("the next", a.send(COMMAND, after.address(), ""))
        .await
        .unwrap();
    count.reaches(1).await;
    assert_eq!(
        count.get(),
        1,
        "the one in flight was not for the new process"
    );
}

#[tokio::test]
async fn dropping_it_ends_the_retries() {
    let a = start(patient("a")).await;
    let count = Counter::default();
    let handled = count.clone();
    let b = Apart::start(patient("b").seed(a.address().to_string()), move |mesh| {
        counts(mesh, COMMAND, &handled);
    })
    .await;
    sees(&a, b.address(), NodeState::Online).await;
    drop(a.send(COMMAND, b.address(), "").into_future());
    ends("the next", a.send(COMMAND, b.address(), ""))
        .await
        .unwrap();
    count.reaches(1).await;
    assert_eq!(count.get(), 1, "what was never polled is never sent");
}

/// What a peer has not acknowledged is bounded: who sends more waits for room, no longer than its deadline.
#[tokio::test]
async fn who_meets_a_full_queue_waits_for_room() {
    let a = start(patient("a")).await;
    let count = Counter::default();
    let handled = count.clone();
    let b = Apart::start(patient("b").seed(a.address().to_string()), move |mesh| {
        counts(mesh, COMMAND, &handled);
    })
    .await;
    sees(&a, b.address(), NodeState::Online).await;
    let frozen = b.freeze().await;
    let payload = Bytes::from(vec![0; 16 << 20]);
    let send = |timeout| {
        let send = a.send(COMMAND, b.address(), &payload).timeout(timeout);
        Box::pin(send.into_future())
    };
    let mut sends: Vec<_> = (0..6).map(|_| send(NEVER)).collect();
    for send in &mut sends {
        assert!(is_pending(send).await);
    }
    let sent = ends("in vain", send(SHORT)).await;
    assert_eq!(sent, Err(SendError::Timeout));
    drop(frozen);
    // Together: those that were taken on later make room for none of the ones before.
    let mut sends: JoinSet<_> = sends.into_iter().collect();
    while let Some(sent) = ends("the sends", sends.join_next()).await {
        assert_eq!(sent.unwrap(), Ok(()));
    }
    count.reaches(6).await;
    assert_eq!(count.get(), 6);
}

#[tokio::test]
async fn a_node_may_send_to_itself() {
    let a = start(quick("a")).await;
    let me = a.address();
    let unknown = ends("send", a.send(COMMAND, me, "")).await;
    assert_eq!(unknown, Err(SendError::NoHandler));
    let count = Counter::default();
    counts(&a, COMMAND, &count);
    a.handle(COMMAND + 1, |_: Context, (): ()| {
        pending::<Result<(), Infallible>>()
    })
    .unwrap();
    ends("send", a.send(COMMAND, me, "")).await.unwrap();
    ends("without an end", a.send(COMMAND + 1, me, "").timeout(NEVER))
        .await
        .unwrap();
    count.reaches(1).await;
    assert_eq!(count.get(), 1);
}

#[tokio::test]
async fn a_large_message_arrives_whole() {
    let (a, b) = pair().await;
    let payload: Vec<u8> = pattern(1 << 20);
    let expected = payload.clone();
    let count = Counter::default();
    let handled = count.clone();
    b.handle(COMMAND, move |_: Context, payload: Bytes| {
        assert!(payload.as_ref() == expected);
        handled.add();
        async { Ok::<_, Infallible>(()) }
    })
    .unwrap();
    ends("send", a.send(COMMAND, b.address(), payload).timeout(NEVER))
        .await
        .unwrap();
    count.reaches(1).await;

    let sent = ends(
        "send",
        a.send(COMMAND, b.address(), vec![0; (16 << 20) + 1]),
    )
    .await;
    let (len, max) = ((16 << 20) + 1, 16 << 20);
    assert_eq!(sent, Err(SendError::TooLarge { len, max }));
}

#[tokio::test]
async fn how_large_a_message_may_be_is_each_nodes_own_choice() {
    let a = start(quick("a").message_bytes_max(17 << 20)).await;
    let seed = a.address().to_string();
    let b = start(quick("b").message_bytes_max(17 << 20).seed(seed.clone())).await;
    let c = start(quick("c").message_bytes_max(1_000).seed(seed)).await;
    acquainted(&[a.clone(), b.clone(), c.clone()]).await;
    let count = Counter::default();
    counts(&b, COMMAND, &count);
    counts(&c, COMMAND, &count);
    let send = |from: &Mesh, to: &Mesh, bytes| {
        let sent = from.send(COMMAND, to.address(), vec![0; bytes]);
        ends("send", sent.timeout(NEVER))
    };
    assert_eq!(send(&a, &b, 17 << 20).await, Ok(()));
    let too_large = |len, max| Err(SendError::TooLarge { len, max });
    let (len, max) = ((17 << 20) + 1, 17 << 20);
    assert_eq!(send(&a, &b, len).await, too_large(len, max));
    for bytes in [1_001, 17 << 20] {
        let refused = Err(SendError::TooLargeForPeer);
        assert_eq!(send(&a, &c, bytes).await, refused);
        assert_eq!(send(&c, &a, bytes).await, too_large(bytes, 1_000));
    }
    assert_eq!(send(&a, &c, 1_000).await, Ok(()));
    assert_eq!(count.get(), 2);
}

#[tokio::test]
async fn who_has_too_much_to_do_says_so_and_handles_none_of_it() {
    let a = start(quick("a")).await;
    let seed = a.address().to_string();
    let b = start(quick("b").incoming_max(3).seed(seed)).await;
    acquainted(&[a.clone(), b.clone()]).await;
    let (count, done) = (Counter::default(), Arc::new(Notify::new()));
    let (handled, gate) = (count.clone(), done.clone());
    b.handle(COMMAND, move |_: Context, _: Bytes| {
        handled.add();
        let gate = gate.clone();
        async move {
            gate.notified().await;
            Ok::<_, Infallible>(())
        }
    })
    .unwrap();
    for _ in 0..3 {
        let taken = a.send(COMMAND, b.address(), "").timeout(NEVER);
        assert_eq!(ends("one that is taken", taken).await, Ok(()));
    }
    for _ in 0..100 {
        let refused = a.send(COMMAND, b.address(), "").timeout(NEVER);
        let refused = ends("one too many", refused).await;
        assert_eq!(refused, Err(SendError::Overloaded));
        let refused = a.request(COMMAND, b.address(), "").timeout(NEVER);
        let refused = ends("one too many", refused).await;
        assert_eq!(refused, Err(RequestError::Overloaded));
    }
    assert_eq!(count.get(), 3);
    done.notify_waiters();
    eventually("there is room again", || {
        b.stats().get("messages_incoming") == Some(0)
    })
    .await;
    let taken = a.send(COMMAND, b.address(), "").timeout(NEVER);
    assert_eq!(ends("there is room again", taken).await, Ok(()));
}

#[tokio::test]
async fn after_a_shutdown_nothing_is_sent_any_more() {
    let (a, b) = pair().await;
    counts(&b, COMMAND, &Counter::default());
    ends("shutdown", a.shutdown()).await;
    let sent = ends("send", a.send(COMMAND, b.address(), "")).await;
    assert_eq!(sent, Err(SendError::Closed));
}
