//! Row 13: `mesh.shared()`.

mod common;

use common::{ends, eventually, pair, quick, start};
use hobnob::{
    Capsule, CompareError, CountError, EventsError, ShareError, SharedEvent, SharedEvents, Typed,
    WriteError,
};

#[tokio::test]
async fn what_one_node_sets_the_other_gets_as_it_was_set() {
    let (a, b) = pair().await;
    let (here, there) = (a.shared(), b.shared());
    let mut capsule = Capsule::new();
    capsule.set("name", "blue");
    here.set("bytes", vec![1_u8, 2]).unwrap();
    here.set("text", "desert").unwrap();
    here.set("typed", Typed((4_u8, String::from("x")))).unwrap();
    let version = here.set("capsule", &capsule).unwrap();
    eventually("all is told", || there.entries().len() == 4).await;
    assert_eq!(there.get("bytes").unwrap().bytes().as_ref(), [1, 2]);
    assert_eq!(
        there.get("text").unwrap().decode::<String>().unwrap(),
        "desert"
    );
    let Typed(typed) = there
        .get("typed")
        .unwrap()
        .decode::<Typed<(u8, String)>>()
        .unwrap();
    assert_eq!(typed, (4, String::from("x")));
    let told = there.get("capsule").unwrap();
    assert_eq!(
        (told.decode::<Capsule>().unwrap(), told.version()),
        (capsule, version)
    );
    let keys: Vec<String> = there
        .entries()
        .iter()
        .map(|(key, _)| key.to_string())
        .collect();
    assert_eq!(keys, ["bytes", "capsule", "text", "typed"]);

    assert!(there.remove("text").unwrap());
    assert!(!there.remove("text").unwrap());
    eventually("the removal is told", || here.get("text").is_none()).await;
}

#[tokio::test]
async fn counters_add_up_and_a_version_that_is_not_the_last_is_refused() {
    let (a, b) = pair().await;
    let (here, there) = (a.shared().counter("games"), b.shared().counter("games"));
    here.add(5).unwrap();
    there.add(-2).unwrap();
    eventually("both know all", || here.value() == 3 && there.value() == 3).await;
    assert_eq!(a.shared().counters(), [("games".into(), 3)]);

    let first = a.shared().compare_and_set("lease", None, "a").unwrap();
    eventually("it is told", || b.shared().get("lease").is_some()).await;
    let taken = b.shared().compare_and_set("lease", None, "b");
    assert_eq!(
        taken,
        Err(CompareError::Changed {
            current: Some(first)
        })
    );
    let second = b
        .shared()
        .compare_and_set("lease", Some(first), "b")
        .unwrap();
    assert!(second > first);
    assert_eq!(second.writer().addr, b.address());
}

/// The next event that is about something of this name.
async fn next_of(events: &mut SharedEvents, wanted: &str) -> SharedEvent {
    loop {
        let event = ends("an event", events.recv()).await.unwrap();
        match &event {
            SharedEvent::Set { key, .. } | SharedEvent::Removed { key } if &**key == wanted => {}
            SharedEvent::Counted { name, .. } if &**name == wanted => {}
            _ => continue,
        }
        return event;
    }
}

#[tokio::test]
async fn every_change_is_an_event_here_and_there() {
    let (a, b) = pair().await;
    for (key, mesh) in [("here", &a), ("there", &b)] {
        let mut events = mesh.shared().events();
        a.shared().set(key, "v").unwrap();
        let event = next_of(&mut events, key).await;
        let SharedEvent::Set { key: set, entry } = event else {
            panic!("{event:?}");
        };
        assert_eq!(entry.bytes().as_ref(), b"v");
        a.shared().remove(key).unwrap();
        let event = next_of(&mut events, key).await;
        assert_eq!(event, SharedEvent::Removed { key: set });
        a.shared().counter(key).add(2).unwrap();
        let event = next_of(&mut events, key).await;
        let name = key.into();
        assert_eq!(event, SharedEvent::Counted { name, value: 2 });
    }
}

#[tokio::test]
async fn a_reader_that_lags_is_told_how_much_it_lost_and_goes_on() {
    let mesh = start(quick("a")).await;
    let mut events = mesh.shared().events();
    let counter = mesh.shared().counter("n");
    for _ in 0..5_000 {
        counter.add(1).unwrap();
    }
    let mut last = 0;
    let mut lost = 0;
    while last < 5_000 {
        match ends("an event", events.recv()).await {
            Ok(SharedEvent::Counted { value, .. }) => {
                assert!(value > last, "in their order");
                last = value;
            }
            Err(EventsError::Lagged(more)) => lost += more,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(lost, 5_000 - 4_096);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_the_field_and_the_way_out() {
    let mesh = start(quick("a").shared_bytes_max(10_000)).await;
    let shared = mesh.shared();
    shared.set("a", vec![0; 9_000]).unwrap();
    let refused = shared.set("b", vec![0; 900]).unwrap_err();
    assert!(matches!(
        refused,
        ShareError::Refused(WriteError::Full { max: 10_000, .. })
    ));
    assert!(
        refused
            .to_string()
            .contains("bytes_max is 10000: remove entries"),
        "{refused}"
    );
    let refused = shared.set("a", vec![0; 40_000]).unwrap_err();
    assert_eq!(refused, ShareError::Refused(WriteError::Value(40_000)));
    assert_eq!(mesh.stats().get("shared_entries"), Some(1));
    assert_eq!(mesh.stats().get("shared_writes_refused_total"), Some(2));
    let refused = quick("a")
        .shared_bytes_max(usize::MAX)
        .start()
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("bytes_max"), "{refused}");
}

#[tokio::test]
async fn a_mesh_that_is_shut_down_shares_no_more() {
    let (a, b) = pair().await;
    let mut events = a.shared().events();
    a.shared().set("k", "v").unwrap();
    ends("a shutdown", a.shutdown()).await;
    assert!(matches!(
        ends("the event", events.recv()).await,
        Ok(SharedEvent::Set { .. })
    ));
    assert_eq!(
        ends("the end", events.recv()).await,
        Err(EventsError::Closed)
    );
    assert_eq!(a.shared().set("k", "w"), Err(ShareError::Closed));
    assert_eq!(a.shared().counter("n").add(1), Err(CountError::Closed));
    assert_eq!(a.shared().events().recv().await, Err(EventsError::Closed));
    // What was written before is not lost with it.
    eventually("it was told", || b.shared().get("k").is_some()).await;
}
