//! Row 12: `mesh.events()`.

mod common;

use std::{
    collections::BTreeMap,
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    thread,
    time::Duration,
};

use common::{
    Apart, Counter, acquainted, cluster, ends, events_until, own_address, pair, patient, quick,
    sees, start,
};
use hobnob::{Bytes, Event, EventsError, Mesh, Node, NodeState, Profile};
use hobnob_endpoint::{
    Endpoint, EndpointConfig,
    gossip::{GossipConfig, Metadata, MetadataFields},
    wire::{Generation, Instant},
};

/// Changes that wait for a reader before the oldest are lost.
const EVENTS_MAX: usize = 4_096;

/// What a mesh makes of an application without a name: the offset basis of FNV-1a.
const CLUSTER: u64 = 0xcbf2_9ce4_8422_2325;

/// How often there is news of the node that talks most.
const TICK: Duration = Duration::from_millis(1);

/// The node an event is about.
fn node(event: &Event) -> &Node {
    match event {
        Event::NodeUp(node)
        | Event::StateChanged { node, .. }
        | Event::ValuesChanged { node, .. }
        | Event::MetadataChanged(node)
        | Event::Left(node)
        | Event::Failed(node)
        | Event::Replaced { old: node, .. } => node,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_node_that_comes_up_is_told_with_all_that_is_known_of_it() {
    let a = start(quick("a")).await;
    let mut events = a.events();
    let b = quick("b")
        .name("bob")
        .endpoint("example.org:1")
        .role("spare");
    let b = start(b.seed(a.address().to_string())).await;
    let seen = events_until(&mut events, "NodeUp", |_| true).await;
    let [Event::NodeUp(up)] = &seen[..] else {
        panic!("{seen:?}");
    };
    assert_eq!(
        (up.address(), up.node_type(), up.name()),
        (b.address(), "b", "bob")
    );
    assert_eq!((up.endpoint(), up.role()), ("example.org:1", "spare"));
    assert_eq!(up.state(), NodeState::Online);
    // Who hears of it finds it in the snapshot.
    assert!(a.is_node_online(b.address()));
}

#[tokio::test]
async fn changes_of_state_and_metadata_are_told_in_their_order() {
    let (a, b) = pair().await;
    let mut events = a.events();
    b.set_taken(true);
    let seen = events_until(&mut events, "StateChanged", |_| true).await;
    let Event::StateChanged {
        node: taken,
        from,
        to,
    } = &seen[0]
    else {
        panic!("{seen:?}");
    };
    assert_eq!((*from, *to), (NodeState::Online, NodeState::Taken));
    assert_eq!(
        (taken.address(), taken.state()),
        (b.address(), NodeState::Taken)
    );

    for load in [1_u8, 2] {
        b.set_value("load", load).unwrap();
        let seen = events_until(&mut events, "ValuesChanged", |_| true).await;
        let Event::ValuesChanged { node, keys } = &seen[0] else {
            panic!("{seen:?}");
        };
        assert_eq!(node.address(), b.address());
        assert_eq!(keys[..], [Arc::from("load")]);
        assert_eq!(node.value_as::<u8>("load"), Some(load));
        assert_eq!(a.value(b.address(), "load"), Some(load.into()));
    }
    b.set_taken(false);
    let seen = events_until(&mut events, "StateChanged", |_| true).await;
    assert!(matches!(
        seen[..],
        [Event::StateChanged {
            from: NodeState::Taken,
            to: NodeState::Online,
            ..
        }]
    ));
}

#[tokio::test]
async fn a_goodbye_is_left_and_never_failed() {
    let (a, b) = pair().await;
    let mut events = a.events();
    ends("shutdown", b.shutdown()).await;
    let seen = events_until(&mut events, "Left", |event| matches!(event, Event::Left(_))).await;
    let [
        Event::StateChanged {
            to: NodeState::Offline,
            ..
        },
        Event::Left(left),
    ] = &seen[..]
    else {
        panic!("{seen:?}");
    };
    assert_eq!(
        (left.address(), left.state()),
        (b.address(), NodeState::Left)
    );
}

#[tokio::test]
async fn a_crash_is_failed_and_never_left() {
    let a = start(quick("a")).await;
    let b = Apart::start(quick("b").seed(a.address().to_string()), |_| {}).await;
    sees(&a, b.address(), NodeState::Online).await;
    let mut events = a.events();
    let address = b.crash().await;
    let seen = events_until(&mut events, "Failed", |event| {
        matches!(event, Event::Failed(_))
    })
    .await;
    let last = node(seen.last().unwrap());
    assert_eq!((last.address(), last.state()), (address, NodeState::Failed));
    let before = &seen[..seen.len() - 1];
    assert!(
        before.iter().all(|event| matches!(
            event,
            Event::StateChanged {
                to: NodeState::Suspect | NodeState::Online,
                ..
            }
        )),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_restart_is_told_as_replaced() {
    // Patient, so that the crash is not seen before the restart.
    let a = start(patient("a")).await;
    let seed = a.address().to_string();
    let builder = patient("b").bind(own_address()).seed(seed.clone());
    let b = Apart::start(builder, |_| {}).await;
    sees(&a, b.address(), NodeState::Online).await;
    let past = a.node(b.address()).unwrap();
    let mut events = a.events();
    let address = b.crash().await;
    let again = Apart::start(patient("b").bind(address).seed(seed), |_| {}).await;
    let (mut is_replaced, mut is_up) = (false, false);
    while !(is_replaced && is_up) {
        let seen = events_until(&mut events, "Replaced and NodeUp", |_| true).await;
        match &seen[0] {
            Event::Replaced {
                old,
                address,
                generation,
            } => {
                assert_eq!(old.generation(), past.generation());
                assert_eq!(*address, again.address());
                assert!(*generation > past.generation());
                assert!(!is_replaced, "once");
                is_replaced = true;
            }
            Event::NodeUp(node) => {
                assert_eq!(node.address(), address);
                assert!(node.generation() > past.generation());
                assert!(!is_up, "once");
                is_up = true;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(a.is_node_online(address));
    assert_eq!(a.nodes().len(), 1);
}

#[tokio::test]
async fn a_named_node_that_comes_back_elsewhere_replaces_its_past() {
    let a = start(quick("a")).await;
    let seed = a.address().to_string();
    let named = || quick("b").name("bob").seed(seed.clone());
    let b = Apart::start(named(), |_| {}).await;
    sees(&a, b.address(), NodeState::Online).await;
    let mut events = a.events();
    // Frozen, not crashed: its port is taken, so that the next one gets another.
    let frozen = b.freeze().await;
    let again = start(named()).await;
    assert_ne!(again.address(), b.address());
    let seen = events_until(&mut events, "Replaced", |event| {
        matches!(event, Event::Replaced { .. })
    })
    .await;
    let Some(Event::Replaced {
        old,
        address,
        generation,
    }) = seen.last()
    else {
        panic!("{seen:?}");
    };
    assert_eq!((old.address(), *address), (b.address(), again.address()));
    assert_eq!(*generation, again.me().generation());
    sees(&a, again.address(), NodeState::Online).await;
    assert!(!a.is_node_online(b.address()));
    b.crash_frozen(frozen).await;
}

#[tokio::test]
async fn every_reader_gets_everything_since_it_was_made() {
    let (a, b) = pair().await;
    let mut readers = [a.events(), a.events()];
    b.set_taken(true);
    sees(&a, b.address(), NodeState::Taken).await;
    let mut late = a.events();
    b.set_taken(false);
    for reader in &mut readers {
        let seen = events_until(reader, "Online again", |event| {
            matches!(
                event,
                Event::StateChanged {
                    to: NodeState::Online,
                    ..
                }
            )
        })
        .await;
        assert_eq!(seen.len(), 2, "{seen:?}");
    }
    let seen = events_until(&mut late, "Online again", |_| true).await;
    assert!(
        matches!(
            seen[..],
            [Event::StateChanged {
                to: NodeState::Online,
                ..
            }]
        ),
        "{seen:?}"
    );
}

/// A node of which there is news every millisecond, until it is told to stop. No [`Mesh`] has that to tell:
/// this is the core of one, on a thread and a clock of its own.
fn chatterbox(seed: SocketAddr, stop: Counter) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        let metadata = |turn: u32| {
            Metadata::new(MetadataFields {
                role: turn.to_string(),
                ..MetadataFields::default()
            })
            .unwrap()
        };
        let address = socket.local_addr().unwrap();
        let mut config = EndpointConfig::new(address, Generation(1), metadata(0));
        config.cluster = CLUSTER;
        config.gossip = GossipConfig::new(Profile::Local);
        config.gossip.gossip_interval = TICK;
        let begin = std::time::Instant::now();
        let now = || Instant::ZERO + begin.elapsed();
        let mut core = Endpoint::new(config, 7, now()).unwrap();
        core.join(now(), seed);
        let mut buffer = vec![0; 65_536];
        for turn in 1.. {
            core.set_metadata(now(), metadata(turn));
            core.handle_timeout(now());
            while let Some(transmit) = core.poll_transmit(now(), &mut buffer) {
                for datagram in transmit.datagrams(&buffer) {
                    socket.send_to(datagram, transmit.to).unwrap();
                }
            }
            while core.poll_event().is_some() {}
            while let Ok((len, from)) = socket.recv_from(&mut buffer) {
                core.handle_datagram(now(), from, &Bytes::copy_from_slice(&buffer[..len]));
            }
            if stop.get() > 0 {
                return;
            }
            thread::sleep(TICK);
        }
    })
}

#[tokio::test]
async fn a_slow_reader_learns_how_much_it_lost_and_goes_on() {
    const LOST: usize = 10;
    let a = start(quick("a")).await;
    let (mut slow, mut fast) = (a.events(), a.events());
    let stop = Counter::default();
    let chatterboxes: Vec<_> = (0..4)
        .map(|_| chatterbox(a.address(), stop.clone()))
        .collect();
    for number in 1..=EVENTS_MAX + LOST {
        let event = ends("an event", fast.recv()).await;
        assert!(event.is_ok(), "{event:?} after {number}");
    }
    stop.add();
    for chatterbox in chatterboxes {
        let joined = tokio::task::spawn_blocking(|| chatterbox.join()).await;
        joined.unwrap().unwrap();
    }

    // What still comes in meanwhile is lost besides.
    let lost = match ends("the lag", slow.recv()).await {
        Err(EventsError::Lagged(lost)) => lost,
        other => panic!("{other:?}"),
    };
    assert!(lost >= LOST as u64, "{lost}");
    // What is left comes in its order.
    let (mut last, mut seen) = (BTreeMap::new(), 0);
    while seen < 100 {
        let event = ends("the next", slow.recv()).await.unwrap();
        // On a busy machine a chatterbox may be missed for a while, and come back.
        let Event::MetadataChanged(node) = &event else {
            continue;
        };
        seen += 1;
        let turn: u32 = node.role().parse().unwrap();
        let before = last.insert(node.address(), turn);
        assert!(before < Some(turn), "{before:?} before {turn}");
    }
    assert_eq!(
        EventsError::Lagged(3).to_string(),
        "lagged behind and lost 3 events"
    );
}

#[tokio::test]
async fn a_wait_for_an_event_may_be_dropped() {
    let (a, b) = pair().await;
    let mut events = a.events();
    for _ in 0..3 {
        assert!(common::is_pending(&mut Box::pin(events.recv())).await);
    }
    b.set_taken(true);
    sees(&a, b.address(), NodeState::Taken).await;
    let event = ends("the event", events.recv()).await.unwrap();
    assert!(matches!(
        event,
        Event::StateChanged {
            to: NodeState::Taken,
            ..
        }
    ));
}

#[tokio::test]
async fn three_nodes_hear_of_each_other() {
    let meshes = cluster(&["a", "b"]).await;
    let mut events: Vec<_> = meshes.iter().map(Mesh::events).collect();
    let c = start(quick("c").seed(meshes[1].address().to_string())).await;
    for events in &mut events {
        let seen = events_until(events, "NodeUp", |_| true).await;
        assert!(matches!(&seen[0], Event::NodeUp(node) if node.address() == c.address()));
    }
    acquainted(&[meshes[0].clone(), meshes[1].clone(), c]).await;
}
