//! Versions of an application that do not work together, over real sockets.

mod common;

use std::time::Duration;

use common::{COMMAND, acquainted, ends, events_until, quick, sees, start};
use hobnob::{Event, Incompatibility, Mesh, NodeState, RequestError, StartError};
use tokio::time::sleep;

async fn incompatible(mesh: &Mesh, with: &Mesh) -> Incompatibility {
    let mut events = mesh.events();
    let known = |mesh: &Mesh| {
        let mut all = mesh.incompatible().into_iter();
        all.find(|(address, _)| *address == with.address())
    };
    if let Some((_, reason)) = known(mesh) {
        return reason;
    }
    let is_it = |event: &Event| matches!(event, Event::Incompatible { address, .. } if *address == with.address());
    let seen = events_until(&mut events, "Incompatible", is_it).await;
    match seen.into_iter().last() {
        Some(Event::Incompatible { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn incompatible_versions_never_meet_on_the_same_seeds() {
    let old = start(quick("a").application("game").version("1.4")).await;
    let seed = old.address().to_string();
    let new = quick("b")
        .application("game")
        .version("2.0.1")
        .compatible_with("2..3");
    let new = start(new.seed(seed.clone())).await;
    // Both are told, with what the two declare.
    assert_eq!(
        incompatible(&new, &old).await,
        Incompatibility::Version {
            version: "1.4.0".into(),
            compatible_with: String::new(),
            own_version: "2.0.1".into(),
            own_compatible_with: "2.0.0..3.0.0".into(),
        }
    );
    assert_eq!(
        incompatible(&old, &new).await,
        Incompatibility::Version {
            version: "2.0.1".into(),
            compatible_with: "2.0.0..3.0.0".into(),
            own_version: "1.4.0".into(),
            own_compatible_with: String::new(),
        }
    );
    // A call ends: they answer, and refuse.
    for (from, to) in [(&old, &new), (&new, &old)] {
        let answer = ends("request", from.request(COMMAND, to.address(), "")).await;
        assert_eq!(answer.map(|_| ()), Err(RequestError::PeerDown));
        assert!(from.nodes().is_empty());
    }
    // Once one of its own has joined by the same seed, the other has had its chance too.
    let kin = start(quick("c").application("game").version("1.5").seed(seed)).await;
    acquainted(&[old.clone(), kin.clone()]).await;
    assert_eq!(new.nodes().len(), 0);
    assert_eq!((old.nodes().len(), kin.nodes().len()), (1, 1));
    let refused = old.stats().get("datagrams_dropped_incompatible_total");
    assert!(refused >= Some(1), "{refused:?}");
}

#[tokio::test]
async fn a_third_that_works_with_both_makes_no_acquaintances() {
    let middle = start(quick("m").version("1.9").compatible_with("1..3")).await;
    let seed = middle.address().to_string();
    let old = start(
        quick("o")
            .version("1.4")
            .compatible_with("1..2")
            .seed(seed.clone()),
    )
    .await;
    let new = start(
        quick("n")
            .version("2.0")
            .compatible_with("1.9..3")
            .seed(seed),
    )
    .await;
    let mut events = [old.events(), new.events()];
    for (by, whom) in [
        (&middle, &old),
        (&middle, &new),
        (&old, &middle),
        (&new, &middle),
    ] {
        sees(by, whom.address(), NodeState::Online).await;
    }
    // Time for a dozen rounds of gossip and of probes.
    sleep(Duration::from_secs(3)).await;
    assert_eq!(
        (old.nodes().len(), new.nodes().len(), middle.nodes().len()),
        (1, 1, 2)
    );
    ends("shutdown", middle.shutdown()).await;
    for (events, me) in events.iter_mut().zip([&old, &new]) {
        let seen = events_until(events, "Left", |event| matches!(event, Event::Left(_))).await;
        for event in seen {
            let is_of_middle = match &event {
                Event::NodeUp(node) | Event::Left(node) => node.address() == middle.address(),
                Event::StateChanged { node, to, .. } => {
                    node.address() == middle.address() && *to != NodeState::Suspect
                }
                Event::Incompatible { .. } => true,
                _ => false,
            };
            assert!(is_of_middle, "{event:?} at {me:?}");
        }
        assert_eq!(me.stats().get("gossip_suspicions_total"), Some(0));
    }
    assert_eq!(middle.stats().get("gossip_suspicions_total"), Some(0));
}

#[tokio::test]
async fn what_nobody_could_work_with_is_refused_at_the_start() {
    for (version, range, says) in [
        ("1.4", "2..3", "1.4.0 is not among them"),
        ("nightly", "1..2", "no number to compare"),
        ("", "..", "names no version of its own: set one"),
    ] {
        let builder = quick("a").version(version).compatible_with(range);
        let error = builder.start().await.unwrap_err();
        assert!(
            matches!(&error, StartError::Config { field: "compatible_with", value, .. } if value == range),
            "{error}"
        );
        assert!(error.to_string().contains(says), "{error}");
    }
    let error = quick("a")
        .version("1")
        .compatible_with("1.x")
        .start()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("such as 1.2..2"), "{error}");
    start(quick("a").version("nightly")).await;
}
