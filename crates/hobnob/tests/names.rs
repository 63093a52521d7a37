//! One name, one node, over real sockets.

mod common;

use common::{
    Apart, COMMAND, HANG, acquainted, ends, events_until, eventually, quick, sees, start,
};
use hobnob::{Bytes, Context, Event, Mesh, NodeState, RequestError};

fn is_conflict(event: &Event) -> bool {
    matches!(event, Event::NameConflict { .. })
}

async fn of_one_name() -> (Mesh, Mesh, Mesh) {
    let a = start(quick("a")).await;
    let seed = a.address().to_string();
    let old = start(quick("b").name("bob").seed(seed.clone())).await;
    acquainted(&[a.clone(), old.clone()]).await;
    let mut told = old.events();
    let new = start(quick("b").name("bob").seed(seed)).await;
    let mut refused = new.events();
    let seen = events_until(&mut refused, "NameConflict", is_conflict).await;
    assert_eq!(
        seen.last(),
        Some(&Event::NameConflict {
            name: "bob".into(),
            address: old.address(),
            generation: old.me().generation(),
            is_refused: true,
        })
    );
    let seen = events_until(&mut told, "NameConflict", is_conflict).await;
    assert_eq!(
        seen.last(),
        Some(&Event::NameConflict {
            name: "bob".into(),
            address: new.address(),
            generation: new.me().generation(),
            is_refused: false,
        })
    );
    (a, old, new)
}

#[tokio::test]
async fn the_newer_of_two_live_nodes_is_refused_and_says_why() {
    let (a, old, new) = of_one_name().await;
    let mut events = a.events();
    let refusal = new.refusal().expect("it is refused");
    assert_eq!((&*refusal.name, refusal.address), ("bob", old.address()));
    let text = refusal.to_string();
    for part in ["\"bob\"", &old.address().to_string(), "another name"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(new.me().state(), NodeState::Refused);
    assert!(!new.is_online() && !new.is_node_online(new.address()));
    assert_eq!(old.refusal(), None);
    // It is in no view, and nobody gives it work, itself included.
    for mesh in [&a, &old] {
        assert_eq!(mesh.node(new.address()), None);
        assert!(mesh.is_node_online(old.address()));
    }
    for mesh in [&a, &old, &new] {
        let picked = mesh.pick("b").random().map(|node| node.address());
        assert_eq!(picked, Some(old.address()), "by {mesh:?}");
    }
    // The older one has a place of its own in what is told, and the refused one comes in when that is gone.
    let mut free = new.events();
    ends("shutdown", old.shutdown()).await;
    sees(&a, new.address(), NodeState::Online).await;
    events_until(
        &mut free,
        "NameFree",
        |event| matches!(event, Event::NameFree { name } if name == "bob"),
    )
    .await;
    assert_eq!(new.refusal(), None);
    assert!(new.is_online());
    let seen = events_until(
        &mut events,
        "NodeUp",
        |event| matches!(event, Event::NodeUp(node) if node.address() == new.address()),
    )
    .await;
    assert!(!seen.iter().any(|event| matches!(event, Event::Failed(_))));
    assert_eq!(new.stats().get("gossip_name_conflicts_total"), Some(1));
}

#[tokio::test]
async fn whoever_shards_sees_the_older_one_only() {
    let (a, old, new) = of_one_name().await;
    for mesh in [&a, &old, &new] {
        eventually(&format!("a settled view of {mesh:?}"), || {
            let Some(view) = mesh.view() else {
                return false;
            };
            let members: Vec<_> = view.members().iter().map(|node| node.address()).collect();
            members.contains(&old.address()) && !members.contains(&new.address())
        })
        .await;
    }
}

#[tokio::test]
async fn calls_to_the_one_that_is_gone_end_when_it_comes_back_elsewhere() {
    let a = start(quick("a")).await;
    let seed = a.address().to_string();
    let named = || quick("b").name("bob").seed(seed.clone());
    let old = Apart::start(named(), |mesh| {
        mesh.handle(COMMAND, |_: Context, _: Bytes| async {
            std::future::pending::<()>().await;
            Ok::<_, String>(())
        })
        .expect("not reserved");
    })
    .await;
    sees(&a, old.address(), NodeState::Online).await;
    a.shared().set("key", "before").expect("it fits");
    let request = a.request(COMMAND, old.address(), "").timeout(HANG);
    let under_way = tokio::spawn(request.into_future());
    let frozen = old.freeze().await;
    let again = start(named()).await;
    sees(&a, again.address(), NodeState::Online).await;
    assert_eq!(a.node(old.address()), None);
    assert_eq!(again.refusal(), None);
    let answer = ends("the call", under_way).await.expect("no panic");
    assert_eq!(answer.map(|_| ()), Err(RequestError::PeerDown));
    // What is shared reaches the one that took the place.
    eventually("the key", || again.shared().get("key").is_some()).await;
    assert_eq!(
        a.pick("b").random().map(|node| node.address()),
        Some(again.address())
    );
    // When the old one goes on after all, it was there first: it has its name back, and the other is told.
    let mut events = again.events();
    drop(frozen);
    events_until(&mut events, "NameConflict", is_conflict).await;
    sees(&a, old.address(), NodeState::Online).await;
    eventually("one of them", || a.node(again.address()).is_none()).await;
    assert_eq!(again.refusal().map(|it| it.address), Some(old.address()));
    old.crash().await;
}
