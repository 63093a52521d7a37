//! Row 8: `mesh.admission()`.

mod common;

use std::convert::Infallible;

use common::{COMMAND, ends, is_pending, pair, quick, sees, start};
use hobnob::{AdmissionError, Bytes, Context, NodeState};

#[tokio::test]
async fn what_each_state_admits() {
    let mesh = start(quick("a")).await;
    let admission = mesh.admission();
    let client = admission.client().unwrap();
    let room = admission.room().unwrap();

    mesh.set_taken(true);
    assert_eq!(admission.client().err(), Some(AdmissionError::Taken));
    drop(admission.room().unwrap());

    mesh.set_taken(false);
    drop(admission.client().unwrap());
    drop(admission.room().unwrap());

    let leaving = mesh.clone();
    let shutdown = tokio::spawn(async move { leaving.shutdown().await });
    ends("going offline", admission.on_offline()).await;
    assert_eq!(admission.client().err(), Some(AdmissionError::Offline));
    assert_eq!(admission.room().err(), Some(AdmissionError::Offline));
    // Nothing goes back from there.
    mesh.set_taken(false);
    assert_eq!(admission.client().err(), Some(AdmissionError::Offline));
    drop((client, room));
    ends("shutdown", shutdown).await.unwrap();
    assert_eq!(admission.room().err(), Some(AdmissionError::Offline));
}

#[tokio::test]
async fn permits_are_counted_until_they_are_dropped() {
    let mesh = start(quick("a")).await;
    let admission = mesh.admission().clone();
    let clients = [admission.client().unwrap(), admission.client().unwrap()];
    let room = admission.room().unwrap();
    assert_eq!((admission.permits(), admission.clients()), (3, 2));
    mesh.set_taken(true);
    assert!(admission.client().is_err());
    assert_eq!(
        (admission.permits(), admission.clients()),
        (3, 2),
        "a refusal is no permit"
    );
    assert_eq!(mesh.stats().get("permits"), Some(3));
    assert_eq!(mesh.stats().get("clients"), Some(2));
    drop(clients);
    assert_eq!((admission.permits(), admission.clients()), (1, 0));
    drop(room);
    assert_eq!((admission.permits(), admission.clients()), (0, 0));
}

#[tokio::test]
async fn each_permit_tells_when_to_move_while_everything_goes_on_working() {
    let (a, b) = pair().await;
    let admission = b.admission().clone();
    let permits = [
        admission.client().unwrap(),
        admission.client().unwrap(),
        admission.room().unwrap(),
    ];
    b.handle(COMMAND, |_: Context, payload: Bytes| async move {
        Ok::<_, Infallible>(payload)
    })
    .unwrap();
    a.handle(COMMAND, |_: Context, payload: Bytes| async move {
        Ok::<_, Infallible>(payload)
    })
    .unwrap();
    b.set_taken(true);
    for permit in &permits {
        assert!(
            is_pending(&mut Box::pin(permit.on_offline())).await,
            "Taken is not Offline"
        );
    }

    let leaving = b.clone();
    let shutdown = tokio::spawn(async move { leaving.shutdown().await });
    for permit in &permits {
        // As often as it is asked, and by whoever asks late.
        ends("on_offline", permit.on_offline()).await;
        ends("on_offline", permit.on_offline()).await;
    }
    sees(&a, b.address(), NodeState::Offline).await;
    for _ in 0..10 {
        let answer = ends("request", a.request(COMMAND, b.address(), "in"))
            .await
            .unwrap();
        assert_eq!(answer.as_ref(), b"in");
        let answer = ends("request", b.request(COMMAND, a.address(), "out"))
            .await
            .unwrap();
        assert_eq!(answer.as_ref(), b"out");
        ends("send", a.send(COMMAND, b.address(), "in"))
            .await
            .unwrap();
        ends("usend", b.usend(COMMAND, a.address(), "out"))
            .await
            .unwrap();
    }
    assert!(!shutdown.is_finished(), "it waits for the permits");
    assert_eq!(a.node(b.address()).unwrap().state(), NodeState::Offline);
    drop(permits);
    let report = ends("shutdown", shutdown).await.unwrap();
    assert_eq!(report.permits_outstanding, 0);
}

#[tokio::test]
async fn refusals_say_what_is_the_matter() {
    assert_eq!(
        AdmissionError::Taken.to_string(),
        "the node is taken: it accepts no new clients"
    );
    assert_eq!(
        AdmissionError::Offline.to_string(),
        "the node is offline: it accepts neither clients nor rooms"
    );
}
