//! Row 14: `mesh.set_value()`, `mesh.value()`, and the values of a node in the snapshot.

mod common;

use std::{collections::BTreeMap, net::SocketAddr, slice, sync::Arc};

use common::{acquainted, cluster, ends, eventually, own_address, quick, start};
use hobnob::{
    Capsule, Event, Mesh, SetValueError, StartError, ValueError,
    capsule::{Map, Value},
};

/// Each of some nodes with the values of all of them that it knows.
fn known(meshes: &[Mesh], of: SocketAddr) -> Vec<Map> {
    let nodes = meshes.iter().map(|mesh| mesh.node(of));
    nodes
        .map(|node| node.map(|node| node.values().clone()).unwrap_or_default())
        .collect()
}

#[tokio::test]
async fn three_nodes_read_what_each_has_set_as_it_was_set() {
    let meshes = cluster(&["a", "b", "c"]).await;
    let mut expected = BTreeMap::new();
    for (number, mesh) in (0_u8..).zip(&meshes) {
        let values = Map::new()
            .with("number", number)
            .with("load", f64::from(number) / 3.0)
            .with("name", format!("node {number}"))
            .with("bytes", vec![number; 100])
            .with("list", vec![Value::from(1_u64), Value::from("two")])
            .with(
                "capsule",
                Capsule::new().with("deep", Map::new().with("er", true)),
            )
            .with("large", vec![number; 3_000]);
        for (key, value) in &values {
            mesh.set_value(key, value.clone()).unwrap();
        }
        assert_eq!(mesh.me().values(), &values, "its own node sees it at once");
        expected.insert(mesh.address(), values);
    }
    for (address, values) in &expected {
        eventually("all values", || {
            known(&meshes, *address).iter().all(|known| known == values)
        })
        .await;
    }
    for key in ["large", "name"] {
        assert!(meshes[1].remove_value(key));
        assert!(!meshes[1].remove_value(key));
    }
    let of = meshes[1].address();
    eventually("two are gone", || {
        let mut known = known(&meshes, of).into_iter();
        known.all(|known| known.len() == 5 && known.get_value("large").is_none())
    })
    .await;
    let stats = meshes[0].stats();
    assert!(stats.get("values_merged_total") >= Some(2));
    assert_eq!(stats.get("values_processes"), Some(2));
    assert_eq!(stats.get("values_unreadable_total"), Some(0));
    assert!(stats.get("values_own_bytes") > Some(3_000));
}

#[tokio::test]
async fn a_change_is_told_with_its_keys_and_then_it_is_there() {
    let meshes = cluster(&["a", "b", "c"]).await;
    let mut events = meshes[0].events();
    let b = meshes[1].address();
    for load in 1..=20_u32 {
        meshes[1].set_value("load", load).unwrap();
        // The same again is no change.
        meshes[1].set_value("load", load).unwrap();
        loop {
            let event = ends("the change", events.recv()).await.unwrap();
            let Event::ValuesChanged { node, keys } = event else {
                continue;
            };
            assert_eq!((node.address(), &keys[..]), (b, &[Arc::from("load")][..]));
            assert_eq!(node.value_as::<u32>("load"), Some(load));
            assert_eq!(meshes[0].value(b, "load"), Some(load.into()));
            assert_eq!(meshes[0].value(&node, "load"), Some(load.into()));
            break;
        }
    }
}

#[tokio::test]
async fn who_joins_late_reads_what_was_set_before() {
    let meshes = cluster(&["a", "b", "c"]).await;
    for mesh in &meshes {
        mesh.set_value("large", vec![7_u8; 4_000]).unwrap();
    }
    let late = quick("d")
        .value("zone", "south")
        .seed(meshes[2].address().to_string());
    let late = start(late).await;
    acquainted(&[&meshes[..], slice::from_ref(&late)].concat()).await;
    eventually("all large ones", || {
        let all = meshes.iter().map(Mesh::address);
        let mut all = all.map(|address| late.value(address, "large"));
        all.all(|value| value.is_some())
    })
    .await;
    eventually("its zone", || {
        let all = meshes.iter();
        let mut all = all.map(|mesh| mesh.value(late.address(), "zone"));
        all.all(|zone| zone == Some("south".into()))
    })
    .await;
}

#[tokio::test]
async fn a_process_that_starts_again_begins_with_nothing() {
    let a = start(quick("a")).await;
    let seed = a.address().to_string();
    let b = quick("b").bind(own_address()).value("zone", "south");
    let b = start(b.seed(&seed)).await;
    let address = b.address();
    eventually("its zone", || a.value(address, "zone").is_some()).await;
    let before = a.node(address).unwrap();
    b.shutdown().await;
    let left = a.node(address).unwrap();
    assert_eq!(
        left.value_as::<&str>("zone"),
        Some("south"),
        "of the gone it can be read"
    );

    let again = start(quick("b").bind(address).value("turn", 2_u8).seed(&seed)).await;
    eventually("its turn", || a.value(address, "turn").is_some()).await;
    let now = a.node(address).unwrap();
    assert_eq!(now.generation(), again.me().generation());
    assert_eq!(now.values(), &Map::new().with("turn", 2_u8));
    assert_eq!(a.value(&before, "turn"), None, "another process is meant");
    assert_eq!(
        before.value_as::<&str>("zone"),
        Some("south"),
        "a snapshot stays what it was"
    );
}

#[tokio::test]
async fn the_less_loaded_is_told_by_a_value() {
    let a = start(quick("room").value("guests", 9_u32)).await;
    let b = quick("room")
        .value("guests", 3_u32)
        .value("weight", 0_u32)
        .seed(a.address().to_string());
    let b = start(b).await;
    acquainted(&[a.clone(), b.clone()]).await;
    eventually("its guests", || a.value(b.address(), "guests").is_some()).await;
    let least = |mesh: &Mesh| {
        let rooms = mesh.pick("room");
        rooms.least_loaded(|room| room.value_as::<u32>("guests"))
    };
    for _ in 0..20 {
        assert_eq!(least(&a).map(|room| room.address()), Some(b.address()));
    }
    b.set_value("guests", 10_u32).unwrap();
    let moved = || least(&a).is_some_and(|room| room.address() == a.address());
    eventually("the load", moved).await;
    // Whoever says nothing, or something that is no number, counts as idle.
    a.set_value("guests", "many").unwrap();
    assert_eq!(least(&a).map(|room| room.address()), Some(a.address()));
    let weight = |room: &hobnob::Node| room.value_as("weight").unwrap_or(1);
    let owner = a.pick("room").by_key_weighted("red", weight);
    assert_eq!(owner.map(|room| room.address()), Some(a.address()));
}

#[tokio::test]
async fn what_does_not_fit_is_refused_by_name_and_changes_nothing() {
    let a = start(quick("a").value("zone", "south")).await;
    let refused = a.set_value("map", vec![0_u8; 5_000]).unwrap_err();
    let SetValueError::Refused(ValueError::TooLarge { key, max, .. }) = &refused else {
        panic!("{refused:?}");
    };
    assert_eq!((key.as_str(), *max), ("map", 4_096));
    assert!(refused.to_string().contains("remove some"), "{refused}");
    let deep = (0..200).fold(Value::from(1_u8), |value, _| Value::List(vec![value]));
    let refused = a.set_value("deep", deep).unwrap_err();
    assert!(
        matches!(&refused, SetValueError::Pack { key, .. } if key == "deep"),
        "{refused}"
    );
    assert!(a.set_value("", 1_u8).is_err());
    assert_eq!(a.me().values(), &Map::new().with("zone", "south"));
    assert_eq!(a.stats().get("values_refused_total"), Some(2));

    let started = quick("a").value("map", vec![0_u8; 5_000]).start().await;
    assert!(matches!(started, Err(StartError::Value(_))), "{started:?}");

    a.shutdown().await;
    assert_eq!(a.set_value("zone", "north"), Err(SetValueError::Closed));
}
