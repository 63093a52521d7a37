//! What can be done to a node, and what the others see of it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use hobnob::{Events, EventsError, HandleError, Mesh, NodeState, RequestError};
use hobnob_sim::{Cluster, Conditions, NodeId};

const SLEEP: u16 = 100;

/// A handler that never answers before a minute has passed.
async fn slow(mesh: Mesh) -> Result<(), HandleError> {
    mesh.handle(SLEEP, |_: hobnob::Context, (): ()| async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        Ok::<_, String>("good morning")
    })
}

/// A room with a slow handler and a gate, which know each other.
fn pair(seed: u64) -> (Cluster, NodeId, NodeId) {
    let mut cluster = Cluster::new(seed);
    let room = cluster.node("room", slow);
    let gate = cluster.node("gate", |_| async {});
    cluster.run_for(Duration::from_secs(2));
    assert_eq!(state(&cluster, gate, room), NodeState::Online);
    (cluster, room, gate)
}

fn state(cluster: &Cluster, asked: NodeId, of: NodeId) -> NodeState {
    let node = cluster.mesh(asked).node(cluster.address(of));
    node.expect("it is remembered").state()
}

/// Asks the room for what takes a minute.
fn call(cluster: &mut Cluster, room: NodeId, gate: NodeId) -> hobnob_sim::Task<Answer> {
    let to = cluster.address(room);
    cluster.spawn(gate, move |mesh| async move {
        let request = mesh.request(SLEEP, to, ());
        let answer = request.timeout(Duration::from_secs(300)).await;
        answer.map(|answer| answer.decode().unwrap())
    })
}

type Answer = Result<String, RequestError>;

#[test]
fn a_cut_in_two_is_seen_by_both_sides_and_heals() {
    let mut cluster = Cluster::new(21);
    let nodes: Vec<NodeId> = (0..5).map(|_| cluster.node("room", |_| async {})).collect();
    cluster.run_for(Duration::from_secs(5));
    let (left, right) = nodes.split_at(2);
    let online = |cluster: &Cluster, node: &NodeId| cluster.mesh(*node).nodes().online().len();
    assert!(nodes.iter().all(|node| online(&cluster, node) == 4));

    cluster.cut(left, right);
    cluster.run_for(Duration::from_secs(30));
    assert!(left.iter().all(|node| online(&cluster, node) == 1));
    assert!(right.iter().all(|node| online(&cluster, node) == 2));

    cluster.heal_all();
    let is_whole = |cluster: &Cluster| nodes.iter().all(|node| online(cluster, node) == 4);
    assert!(cluster.run_until(Duration::from_secs(60), is_whole));
}

#[test]
fn a_crash_ends_calls_as_soon_as_it_is_found_out() {
    let (mut cluster, room, gate) = pair(22);
    let call = call(&mut cluster, room, gate);
    cluster.run_for(Duration::from_secs(1));
    assert!(!call.is_finished());
    cluster.crash(room);
    let crashed = cluster.now();
    assert_eq!(cluster.wait(call), Some(Err(RequestError::PeerDown)));
    let took = cluster.now() - crashed;
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert_eq!(state(&cluster, gate, room), NodeState::Failed);
}

#[test]
fn a_restart_ends_calls_to_the_process_before() {
    let (mut cluster, room, gate) = pair(23);
    let before = cluster.mesh(gate).node(cluster.address(room)).unwrap();
    let call = call(&mut cluster, room, gate);
    cluster.run_for(Duration::from_secs(1));
    cluster.crash(room);
    cluster.restart(room);
    assert_eq!(cluster.wait(call), Some(Err(RequestError::PeerRestarted)));
    cluster.run_for(Duration::from_secs(2));
    let after = cluster.mesh(gate).node(cluster.address(room)).unwrap();
    assert!(after.generation() > before.generation());
    assert_eq!(cluster.mesh(room).me().generation(), after.generation());
}

#[test]
fn a_node_comes_back_at_another_address() {
    let mut cluster = Cluster::new(24);
    let named = |builder: hobnob::MeshBuilder| builder.name("room-1");
    let room = cluster.node_with("room", named, slow);
    let gate = cluster.node("gate", |_| async {});
    cluster.run_for(Duration::from_secs(2));
    let before = cluster.address(room);
    cluster.crash(room);
    cluster.restart_elsewhere(room);
    assert_ne!(cluster.address(room), before);
    cluster.run_for(Duration::from_secs(5));
    let online = cluster.mesh(gate).nodes().online();
    assert_eq!(online.len(), 1);
    assert_eq!(online.first().unwrap().address(), cluster.address(room));
}

#[test]
fn a_crash_takes_every_task_of_the_node_with_it() {
    struct Counted(Arc<AtomicU32>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let alive = Arc::new(AtomicU32::new(0));
    let beats = Arc::new(AtomicU32::new(0));
    let mut cluster = Cluster::new(25);
    let (counter, beat) = (alive.clone(), beats.clone());
    let node = cluster.node("room", move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        let (counted, beat) = (Counted(counter.clone()), beat.clone());
        async move {
            tokio::spawn(async move {
                let _counted = counted;
                loop {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    beat.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    cluster.run_for(Duration::from_secs(1));
    assert_eq!(beats.load(Ordering::Relaxed), 10);
    let mesh = cluster.mesh(node);
    cluster.crash(node);
    assert_eq!(alive.load(Ordering::Relaxed), 0);
    cluster.run_for(Duration::from_secs(1));
    assert_eq!(beats.load(Ordering::Relaxed), 10);
    assert!(!cluster.is_up(node));
    assert!(has_ended(mesh.events()), "its mesh is closed");
}

/// Whether the next event is that there are no more.
fn has_ended(mut events: Events) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    let next = pin!(events.recv()).poll(&mut context);
    matches!(next, Poll::Ready(Err(EventsError::Closed)))
}

#[test]
fn a_crashed_node_says_nothing_on_its_way_out() {
    let (mut cluster, room, gate) = pair(26);
    let call = call(&mut cluster, room, gate);
    cluster.run_for(Duration::from_secs(1));
    let sent = cluster.counters().fate(hobnob_sim::Fate::Sent);
    cluster.crash(gate);
    cluster.run_for(Duration::ZERO);
    assert_eq!(cluster.counters().fate(hobnob_sim::Fate::Sent), sent);
    assert_eq!(cluster.wait(call), None, "the task died with its node");
}

#[test]
fn a_frozen_node_does_nothing_and_goes_on_where_it_was() {
    let (mut cluster, room, gate) = pair(27);
    let call = call(&mut cluster, room, gate);
    cluster.run_for(Duration::from_secs(1));
    cluster.freeze(room);
    cluster.run_for(Duration::from_secs(120));
    assert_eq!(state(&cluster, gate, room), NodeState::Failed);
    assert_eq!(cluster.wait(call), Some(Err(RequestError::PeerDown)));

    cluster.thaw(room);
    let address = cluster.address(room);
    let is_back = |cluster: &Cluster| cluster.mesh(gate).is_node_online(address);
    assert!(cluster.run_until(Duration::from_secs(60), is_back));
}

#[test]
fn a_short_freeze_only_delays() {
    let (mut cluster, room, gate) = pair(28);
    let call = call(&mut cluster, room, gate);
    let begun = cluster.now();
    cluster.run_for(Duration::from_millis(59_500));
    cluster.freeze(room);
    cluster.run_for(Duration::from_millis(1_500));
    assert!(!call.is_finished());
    cluster.thaw(room);
    let answer = cluster.wait(call).unwrap();
    assert_eq!(answer.as_deref(), Ok("good morning"));
    let took = cluster.now() - begun;
    assert!((61_000..61_100).contains(&took.as_millis()), "{took:?}");
}

#[test]
fn a_shutdown_is_a_goodbye() {
    let mut cluster = Cluster::new(29);
    let ended = Arc::new(AtomicU32::new(0));
    let at_end = ended.clone();
    let room = cluster.node("room", move |mesh: Mesh| {
        let ended = at_end.clone();
        async move {
            let report = mesh.run_until_signal().await?;
            assert_eq!(report.confirmed, 1);
            ended.fetch_add(1, Ordering::Relaxed);
            Ok::<_, std::io::Error>(())
        }
    });
    let gate = cluster.node("gate", |_| async {});
    cluster.run_for(Duration::from_secs(2));
    let report = cluster.shutdown(room);
    assert_eq!((report.confirmed, report.peers), (1, 1));
    assert!(report.flushed);
    assert_eq!(state(&cluster, gate, room), NodeState::Left);
    assert!(!cluster.is_up(room));
    assert_eq!(
        ended.load(Ordering::Relaxed),
        1,
        "its program came to its end"
    );
    cluster.restart(room);
    cluster.run_for(Duration::from_secs(2));
    assert_eq!(state(&cluster, gate, room), NodeState::Online);
}

#[test]
#[should_panic(expected = "the set-up of n0 (room, 10.0.0.1:7946) failed: command 7 is reserved")]
fn a_set_up_that_fails_fails_the_test() {
    Cluster::new(1).node("room", |mesh| async move {
        mesh.handle(7, |_: hobnob::Context, (): ()| async {
            Ok::<_, String>(())
        })
    });
}

#[test]
#[should_panic(expected = "what the test says")]
fn a_panic_in_a_task_fails_the_test() {
    let mut cluster = Cluster::new(1);
    let node = cluster.node("room", |_| async {});
    cluster.run(node, |_| async { panic!("what the test says") });
}

#[test]
#[should_panic(expected = "n0 (room, 10.0.0.1:7946) is up already")]
fn a_node_that_is_up_cannot_be_started() {
    let mut cluster = Cluster::new(1);
    let node = cluster.node("room", |_| async {});
    cluster.restart(node);
}

#[test]
fn a_panic_of_a_set_up_that_was_caught_is_told_once() {
    let mut cluster = Cluster::new(14);
    let start =
        |cluster: &mut Cluster| cluster.node("room", |_| async { panic!("only once") as () });
    let caught = catch_unwind(AssertUnwindSafe(|| start(&mut cluster)));
    let panic = caught.expect_err("it has panicked");
    assert_eq!(panic.downcast_ref(), Some(&"only once"));
    cluster.run_for(Duration::from_secs(1));
    assert_eq!(cluster.now(), Duration::from_secs(1));
}

#[test]
fn a_network_that_cannot_be_is_refused_by_name() {
    let lan = Conditions::LAN;
    let second = Duration::from_secs(1);
    for (conditions, field) in [
        (lan.with_loss(5.0), "loss is 5"),
        (lan.with_loss(f64::NAN), "loss is NaN"),
        (lan.with_corruption(-0.1), "corruption is -0.1"),
        (lan.with_tail(1.5, second), "tail.share is 1.5"),
        (
            lan.with_latency(second, Duration::ZERO),
            "latency_min is 1s",
        ),
    ] {
        let set = || Cluster::new(15).set_conditions(conditions);
        let panic = catch_unwind(set).expect_err("it panics");
        let text: &String = panic.downcast_ref().expect("a text");
        assert!(text.starts_with(field), "{text}");
    }
}

/// Two clusters in one test are easily mixed up.
#[test]
#[should_panic(expected = "n1 is another cluster's node: this one has 1")]
fn a_node_of_another_cluster_is_told_from_its_own() {
    let (_other, _, gate) = pair(9);
    let mut cluster = Cluster::new(9);
    let own = cluster.node("room", slow);
    cluster.cut(&[own], &[gate]);
}
