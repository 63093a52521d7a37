//! Row 2: `mesh.request(command, node, payload)`.

mod common;

use std::{convert::Infallible, future::pending, num::ParseIntError, sync::Arc, time::Duration};

use common::{
    Apart, COMMAND, Counter, CountsDrop, NEVER, black_hole, ends, eventually, is_pending,
    own_address, pair, patient, pattern, quick, sees, start,
};
use hobnob::{Bytes, Context, Mesh, MeshBuilder, NodeState, RequestError};
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinSet,
};

/// Long enough for a request to time out in, where that is what is wanted.
const SHORT: Duration = Duration::from_millis(100);

async fn echo(_: Context, payload: Bytes) -> Result<Bytes, Infallible> {
    Ok(payload)
}

async fn hang(_: Context, _: Bytes) -> Result<Bytes, Infallible> {
    pending().await
}

/// A node on a thread of its own that echoes 100, hangs on 101, and counts what it gets.
async fn apart(builder: MeshBuilder, begun: &Counter) -> Apart {
    let begun = begun.clone();
    Apart::start(builder, move |mesh| {
        mesh.handle(COMMAND, echo).unwrap();
        mesh.handle(COMMAND + 1, move |context: Context, payload: Bytes| {
            begun.add();
            hang(context, payload)
        })
        .unwrap();
    })
    .await
}

/// A request under way to a handler that has begun and never ends.
async fn hanging_request(
    from: &Mesh,
    to: &Apart,
    begun: &Counter,
) -> tokio::task::JoinHandle<Result<hobnob::Payload, RequestError>> {
    let (from, to, before) = (from.clone(), to.address(), begun.get());
    let request =
        tokio::spawn(async move { from.request(COMMAND + 1, to, "").timeout(NEVER).await });
    begun.reaches(before + 1).await;
    request
}

#[tokio::test]
async fn the_response_comes_back() {
    let (a, b) = pair().await;
    a.handle(COMMAND, echo).unwrap();
    b.handle(COMMAND, echo).unwrap();
    for payload in ["", "a", "some more"] {
        for (from, to) in [(&a, &b), (&b, &a)] {
            let answer = ends("request", from.request(COMMAND, to.address(), payload)).await;
            assert_eq!(answer.unwrap().as_ref(), payload.as_bytes());
        }
    }
    let node = a.node(b.address()).unwrap();
    let answer = ends("request", a.request(COMMAND, &node, "by node"))
        .await
        .unwrap();
    assert_eq!(answer.as_ref(), b"by node");
}

#[tokio::test]
async fn the_handlers_error_comes_back_as_text() {
    let (a, b) = pair().await;
    b.handle(COMMAND, |_: Context, number: String| async move {
        number.parse::<u8>().map(|number| number.to_string())
    })
    .unwrap();
    let to = b.address();
    let answer = ends("request", a.request(COMMAND, to, "007"))
        .await
        .unwrap();
    assert_eq!(answer.as_ref(), b"7");
    let text = "256".parse::<u8>().unwrap_err().to_string();
    let error = ends("request", a.request(COMMAND, to, "256"))
        .await
        .unwrap_err();
    assert_eq!(error, RequestError::Handler(text.clone()));
    assert_eq!(error.to_string(), format!("the handler failed: {text}"));
}

#[tokio::test]
async fn an_unknown_command_is_an_error_of_its_own() {
    let (a, b) = pair().await;
    let answer = ends("request", a.request(COMMAND, b.address(), "")).await;
    assert_eq!(answer, Err(RequestError::NoHandler));
}

#[tokio::test]
async fn a_call_has_its_own_deadline_or_the_default_one() {
    let a = start(quick("a").request_timeout(SHORT)).await;
    let b = start(quick("b").seed(a.address().to_string())).await;
    sees(&b, a.address(), NodeState::Online).await;
    for mesh in [&a, &b] {
        mesh.handle(COMMAND, hang).unwrap();
    }
    // Each of them would hang if its deadline were not the one that is meant.
    let default = ends("default", a.request(COMMAND, b.address(), "")).await;
    assert_eq!(default, Err(RequestError::Timeout));
    let own = ends("own", b.request(COMMAND, a.address(), "").timeout(SHORT)).await;
    assert_eq!(own, Err(RequestError::Timeout));

    let released = Arc::new(Notify::new());
    let release = released.clone();
    b.handle(COMMAND + 1, move |context: Context, (): ()| {
        let release = release.clone();
        async move {
            // Longer than the caller's default.
            tokio::time::sleep(SHORT * 3).await;
            release.notified().await;
            Ok::<_, Infallible>(context.deadline().is_some().to_string())
        }
    })
    .unwrap();
    released.notify_one();
    let longer = ends(
        "longer",
        a.request(COMMAND + 1, b.address(), "").timeout(NEVER),
    )
    .await;
    assert_eq!(longer.unwrap().as_ref(), b"true");
}

#[tokio::test]
async fn nobody_at_the_address_is_a_timeout() {
    let a = start(quick("a")).await;
    let (_socket, address) = black_hole();
    let answer = ends("request", a.request(COMMAND, address, "").timeout(SHORT)).await;
    assert_eq!(answer, Err(RequestError::Timeout));
}

#[tokio::test]
async fn a_stranger_is_as_good_as_a_member() {
    let (a, b) = (start(quick("a")).await, start(quick("b")).await);
    b.handle(COMMAND, echo).unwrap();
    let answer = ends("request", a.request(COMMAND, b.address(), "hello")).await;
    assert_eq!(answer.unwrap().as_ref(), b"hello");
}

#[tokio::test]
async fn a_dead_peer_ends_the_request_with_an_error() {
    let a = start(quick("a")).await;
    let begun = Counter::default();
    let b = apart(quick("b").seed(a.address().to_string()), &begun).await;
    sees(&a, b.address(), NodeState::Online).await;

    let request = hanging_request(&a, &b, &begun).await;
    let address = b.crash().await;
    let answer = ends("the request in flight", request).await.unwrap();
    assert_eq!(answer, Err(RequestError::PeerDown));

    sees(&a, address, NodeState::Failed).await;
    // With a deadline beyond the end of the test: this is known at once.
    let next = ends(
        "the next request",
        a.request(COMMAND, address, "").timeout(NEVER),
    )
    .await;
    assert_eq!(next, Err(RequestError::PeerDown));
}

#[tokio::test]
async fn a_peer_that_left_is_down() {
    let (a, b) = pair().await;
    b.handle(COMMAND, echo).unwrap();
    ends("shutdown", b.shutdown()).await;
    sees(&a, b.address(), NodeState::Left).await;
    let answer = ends(
        "request",
        a.request(COMMAND, b.address(), "").timeout(NEVER),
    )
    .await;
    assert_eq!(answer, Err(RequestError::PeerDown));
}

#[tokio::test]
async fn a_restarted_peer_ends_the_request_with_an_error_of_its_own() {
    // Patient, so that the crash is not seen before the restart.
    let a = start(patient("a")).await;
    let begun = Counter::default();
    let seed = a.address().to_string();
    let builder = patient("b").bind(own_address()).seed(seed.clone());
    let before = apart(builder, &begun).await;
    let address = before.address();
    sees(&a, address, NodeState::Online).await;
    let past = a.node(address).unwrap();

    let request = hanging_request(&a, &before, &begun).await;
    before.crash().await;
    let after = apart(patient("b").bind(address).seed(seed), &begun).await;
    assert_eq!(after.address(), address);

    let answer = ends("the request in flight", request).await.unwrap();
    assert_eq!(answer, Err(RequestError::PeerRestarted));
    assert_eq!(begun.get(), 1, "the new process did not get it");

    // The address stands for whoever is there, the node for the process that is gone.
    let answer = ends("by address", a.request(COMMAND, address, "hello")).await;
    assert_eq!(answer.unwrap().as_ref(), b"hello");
    let answer = ends("by node", a.request(COMMAND, &past, "").timeout(NEVER)).await;
    assert_eq!(answer, Err(RequestError::PeerRestarted));
    eventually("a new generation", || {
        a.node(address)
            .is_some_and(|node| node.generation() > past.generation())
    })
    .await;
    let present = a.node(address).unwrap();
    let answer = ends("by the new node", a.request(COMMAND, &present, "hi")).await;
    assert_eq!(answer.unwrap().as_ref(), b"hi");
}

#[tokio::test]
async fn a_handler_that_waits_keeps_nobody_else_waiting() {
    let (a, b) = pair().await;
    let open = Arc::new(Semaphore::new(0));
    let gate = open.clone();
    b.handle(COMMAND, move |_: Context, payload: Bytes| {
        let gate = gate.clone();
        async move {
            gate.acquire().await.expect("never closed").forget();
            Ok::<_, Infallible>(payload)
        }
    })
    .unwrap();
    b.handle(COMMAND + 1, echo).unwrap();
    let to = b.address();

    let mut waiting = JoinSet::new();
    for number in 0..50_u32 {
        let a = a.clone();
        waiting.spawn(async move {
            let number = number.to_string();
            let answer = a.request(COMMAND, to, number.clone()).timeout(NEVER).await;
            assert_eq!(answer.unwrap().as_ref(), number.as_bytes());
        });
    }
    for _ in 0..50 {
        ends("a request past them", a.request(COMMAND + 1, to, ""))
            .await
            .unwrap();
    }
    assert!(waiting.try_join_next().is_none(), "the others wait");
    open.add_permits(50);
    while let Some(done) = ends("the waiting ones", waiting.join_next()).await {
        done.unwrap();
    }
}

#[tokio::test]
async fn a_handler_may_sleep() {
    let (a, b) = pair().await;
    b.handle(COMMAND, |_: Context, (): ()| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok::<_, Infallible>("rested")
    })
    .unwrap();
    let answer = ends("request", a.request(COMMAND, b.address(), ""))
        .await
        .unwrap();
    assert_eq!(answer.as_ref(), b"rested");
}

#[tokio::test]
async fn a_handler_may_call_another_node_and_the_one_that_asked() {
    let meshes = common::cluster(&["a", "b", "c"]).await;
    let [a, b, c] = <[Mesh; 3]>::try_from(meshes).unwrap();
    let third = c.address();
    for (mesh, name) in [(&a, "a"), (&c, "c")] {
        mesh.handle(COMMAND + 1, move |_: Context, (): ()| async move {
            Ok::<_, Infallible>(name)
        })
        .unwrap();
    }
    b.handle(COMMAND, move |context: Context, (): ()| async move {
        let mut names = Vec::new();
        for node in [third, context.sender()] {
            let answer = context.mesh().request(COMMAND + 1, node, ()).await?;
            names.extend_from_slice(answer.as_ref());
        }
        context
            .mesh()
            .send(COMMAND + 2, context.sender(), ())
            .await?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(names)
    })
    .unwrap();
    let sent_back = Counter::default();
    let count = sent_back.clone();
    a.handle(COMMAND + 2, move |_: Context, (): ()| {
        count.add();
        async { Ok::<_, Infallible>(()) }
    })
    .unwrap();
    let answer = ends("request", a.request(COMMAND, b.address(), ()))
        .await
        .unwrap();
    assert_eq!(answer.as_ref(), b"ca");
    sent_back.reaches(1).await;
}

#[tokio::test]
async fn dropping_a_request_stops_the_far_handler() {
    let (a, b) = pair().await;
    let (begun, stopped) = (Counter::default(), Counter::default());
    let counters = (begun.clone(), stopped.clone());
    b.handle(COMMAND, move |_: Context, (): ()| {
        let (begun, guard) = (counters.0.clone(), CountsDrop(counters.1.clone()));
        async move {
            begun.add();
            let _guard = guard;
            pending::<Result<(), Infallible>>().await
        }
    })
    .unwrap();
    let mut request = Box::pin(
        a.request(COMMAND, b.address(), "")
            .timeout(NEVER)
            .into_future(),
    );
    assert!(is_pending(&mut request).await);
    begun.reaches(1).await;
    assert_eq!(stopped.get(), 0);
    drop(request);
    stopped.reaches(1).await;

    // So does the deadline, and nobody needs to be told.
    let late = ends("late", a.request(COMMAND, b.address(), "").timeout(SHORT)).await;
    assert_eq!(late, Err(RequestError::Timeout));
    stopped.reaches(2).await;
    assert_eq!(begun.get(), 2);
}

#[tokio::test]
async fn a_request_dropped_before_it_was_polled_is_never_sent() {
    let (a, b) = pair().await;
    let count = Counter::default();
    let handled = count.clone();
    b.handle(COMMAND, move |_: Context, (): ()| {
        handled.add();
        async { Ok::<_, Infallible>(()) }
    })
    .unwrap();
    drop(a.request(COMMAND, b.address(), "").into_future());
    ends("the next", a.request(COMMAND, b.address(), ""))
        .await
        .unwrap();
    assert_eq!(count.get(), 1);
}

#[tokio::test]
async fn a_node_may_ask_itself() {
    let a = start(quick("a")).await;
    let me = a.address();
    let unknown = ends("unknown", a.request(COMMAND, me, "")).await;
    assert_eq!(unknown, Err(RequestError::NoHandler));

    a.handle(COMMAND, echo).unwrap();
    a.handle(COMMAND + 1, |_: Context, (): ()| async {
        Err::<(), _>("no")
    })
    .unwrap();
    a.handle(COMMAND + 2, hang).unwrap();
    let answer = ends("echo", a.request(COMMAND, me, "me")).await.unwrap();
    assert_eq!(answer.as_ref(), b"me");
    let answer = ends("by node", a.request(COMMAND, a.me(), "me"))
        .await
        .unwrap();
    assert_eq!(answer.as_ref(), b"me");
    let error = ends("error", a.request(COMMAND + 1, me, "")).await;
    assert_eq!(error, Err(RequestError::Handler("no".into())));
    let timeout = ends("timeout", a.request(COMMAND + 2, me, "").timeout(SHORT)).await;
    assert_eq!(timeout, Err(RequestError::Timeout));
}

#[tokio::test]
async fn a_mebibyte_goes_both_ways() {
    let (a, b) = pair().await;
    b.handle(COMMAND, |_: Context, payload: Bytes| async move {
        Ok::<_, Infallible>(payload.iter().rev().copied().collect::<Vec<u8>>())
    })
    .unwrap();
    let payload: Vec<u8> = pattern(1 << 20);
    let answer = ends(
        "request",
        a.request(COMMAND, b.address(), payload.clone())
            .timeout(NEVER),
    );
    let answer = answer.await.unwrap();
    assert!(answer.bytes().iter().rev().eq(payload.iter()));
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let (a, b) = pair().await;
    let (len, max) = ((16 << 20) + 1, 16 << 20);
    for mesh in [&a, &b] {
        mesh.handle(COMMAND, echo).unwrap();
        mesh.handle(COMMAND + 1, move |_: Context, (): ()| async move {
            Ok::<_, Infallible>(vec![0; len])
        })
        .unwrap();
    }
    for to in [a.address(), b.address()] {
        let answer = ends("request", a.request(COMMAND, to, vec![0; len])).await;
        assert_eq!(answer, Err(RequestError::TooLarge { len, max }));
        let answer = ends("response", a.request(COMMAND + 1, to, "")).await;
        assert!(
            matches!(&answer, Err(RequestError::Handler(text)) if text.contains("allowed")),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn the_largest_message_can_be_chosen() {
    const SMALL: usize = 1_000;
    const LARGE: usize = 20 << 20;
    let large = start(quick("large").message_bytes_max(LARGE)).await;
    let seed = large.address().to_string();
    let small = start(quick("small").message_bytes_max(SMALL).seed(seed.clone())).await;
    let other = start(quick("large").message_bytes_max(LARGE).seed(seed)).await;
    for mesh in [&small, &other] {
        mesh.handle(COMMAND, echo).unwrap();
    }
    let request = |to: &Mesh, bytes| {
        let request = large.request(COMMAND, to.address(), vec![7; bytes]);
        request.timeout(NEVER)
    };
    let answer = ends("all of it", request(&other, LARGE)).await;
    assert_eq!(answer.unwrap().bytes().len(), LARGE);
    let answer = ends("more", request(&other, LARGE + 1)).await;
    let (len, max) = (LARGE + 1, LARGE);
    assert_eq!(answer, Err(RequestError::TooLarge { len, max }));

    let answer = ends("all of the other's", request(&small, SMALL)).await;
    assert_eq!(answer.unwrap().bytes().len(), SMALL);
    for bytes in [SMALL + 1, 1_200, 5_000, 1 << 20] {
        let answer = ends("more than the other's", request(&small, bytes)).await;
        assert_eq!(answer, Err(RequestError::TooLargeForPeer), "{bytes}");
    }
    let make = |_: Context, bytes: String| async move {
        let bytes = bytes.parse()?;
        Ok::<_, ParseIntError>(Bytes::from(vec![7; bytes]))
    };
    large.handle(COMMAND + 1, make).unwrap();
    for bytes in [SMALL + 1, 1_200, 5_000, 1 << 20] {
        let request = small.request(COMMAND + 1, large.address(), bytes.to_string());
        let answer = ends("more than is taken here", request.timeout(NEVER)).await;
        assert_eq!(answer, Err(RequestError::AnswerTooLarge), "{bytes}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_many_concurrent_requests_gets_its_own_answer() {
    let (a, b) = pair().await;
    for mesh in [&a, &b] {
        mesh.handle(COMMAND, |_: Context, payload: Bytes| async move {
            if payload.len().is_multiple_of(3) {
                tokio::task::yield_now().await;
            }
            Ok::<_, Infallible>(payload)
        })
        .unwrap();
    }
    let mut requests = JoinSet::new();
    for number in 0..2_000_usize {
        let (from, to) = if number % 2 == 0 { (&a, &b) } else { (&b, &a) };
        let (from, to) = (from.clone(), to.address());
        requests.spawn(async move {
            let payload = number.to_le_bytes().repeat(1 + number % 500);
            let answer = from
                .request(COMMAND, to, payload.clone())
                .timeout(NEVER)
                .await;
            assert!(
                answer.unwrap().as_ref() == payload,
                "the answer to another request"
            );
        });
    }
    while let Some(done) = ends("the requests", requests.join_next()).await {
        done.unwrap();
    }
}

#[tokio::test]
async fn after_a_shutdown_nothing_is_asked_any_more() {
    let (a, b) = pair().await;
    b.handle(COMMAND, hang).unwrap();
    a.handle(COMMAND, echo).unwrap();
    let mut request = Box::pin(
        a.request(COMMAND, b.address(), "")
            .timeout(NEVER)
            .into_future(),
    );
    assert!(is_pending(&mut request).await);
    ends("shutdown", a.shutdown()).await;
    let in_flight = ends("the request in flight", request).await;
    assert_eq!(in_flight, Err(RequestError::Closed));
    let next = ends("the next", a.request(COMMAND, b.address(), "")).await;
    assert_eq!(next, Err(RequestError::Closed));
    let own = ends("to itself", a.request(COMMAND, a.address(), "")).await;
    assert_eq!(own, Err(RequestError::Closed));
}
