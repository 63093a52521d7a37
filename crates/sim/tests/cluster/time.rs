//! Virtual time.

use std::time::Duration;

use hobnob::{Context, Mesh, RequestError};
use hobnob_sim::{Cluster, Conditions};

const SLEEP: u16 = 100;

async fn sleeper(mesh: Mesh) -> Result<(), hobnob::HandleError> {
    mesh.handle(SLEEP, |_: Context, seconds: String| async move {
        let seconds = seconds.parse().map_err(|_| "seconds are a number")?;
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        Ok::<_, &str>(())
    })
}

#[test]
fn run_for_takes_exactly_that_long() {
    let mut cluster = Cluster::new(1);
    cluster.node("idle", |_| async {});
    cluster.run_for(Duration::from_nanos(1_234_567));
    assert_eq!(cluster.now(), Duration::from_nanos(1_234_567));
    let node = cluster.node("idle", |_| async {});
    cluster.run_for(Duration::from_secs(600));
    assert_eq!(
        cluster.now(),
        Duration::from_secs(600) + Duration::from_nanos(1_234_567)
    );
    let uptime = cluster.run(node, |_| async {
        let start = tokio::time::Instant::now();
        tokio::time::sleep(Duration::from_millis(5)).await;
        start.elapsed()
    });
    // A sleep ends at a whole millisecond after the start of its process.
    assert!((5..=6).contains(&uptime.as_millis()), "{uptime:?}");
}

#[test]
fn a_handler_that_sleeps_ten_seconds_takes_ten_virtual_seconds() {
    let mut cluster = Cluster::new(2);
    let room = cluster.node("room", sleeper);
    let gate = cluster.node("gate", |_| async {});
    cluster.run_for(Duration::from_secs(1));
    let to = cluster.address(room);
    let before = cluster.now();
    let answer = cluster.run(gate, move |mesh| async move {
        mesh.request(SLEEP, to, "10")
            .timeout(Duration::from_secs(20))
            .await
    });
    let took = cluster.now() - before;
    assert!(answer.is_ok(), "{answer:?}");
    assert!((10_000..10_010).contains(&took.as_millis()), "{took:?}");

    let before = cluster.now();
    let answer = cluster.run(gate, move |mesh| async move {
        mesh.request(SLEEP, to, "10").await
    });
    let took = cluster.now() - before;
    assert_eq!(answer.unwrap_err(), RequestError::Timeout);
    assert!((5_000..5_010).contains(&took.as_millis()), "{took:?}");
}

#[test]
fn a_request_takes_as_long_as_the_network() {
    let mut cluster = Cluster::new(3);
    let leg = Duration::from_micros(20_300);
    cluster.set_conditions(Conditions::LAN.with_latency(leg, leg));
    let room = cluster.node("room", sleeper);
    let gate = cluster.node("gate", |_| async {});
    cluster.run_for(Duration::from_secs(1));
    let to = cluster.address(room);
    let before = cluster.now();
    let answer = cluster.run(gate, move |mesh| async move {
        mesh.request(SLEEP, to, "zero").await
    });
    assert!(
        matches!(answer, Err(RequestError::Handler(_))),
        "{answer:?}"
    );
    assert_eq!(cluster.now() - before, leg * 2, "to the nanosecond");
}

#[test]
fn timers_of_tasks_nobody_knows_go_off_in_time() {
    let mut cluster = Cluster::new(4);
    let node = cluster.node("ticker", |mesh: Mesh| async move {
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(250));
            for tick in 0_u32.. {
                ticks.tick().await;
                mesh.set_value("tick", tick).unwrap();
            }
        });
    });
    let tick = |cluster: &Cluster| {
        let me = cluster.mesh(node).me();
        me.value_as::<u32>("tick").expect("it was set")
    };
    assert_eq!(tick(&cluster), 0);
    cluster.run_for(Duration::from_millis(999));
    assert_eq!(tick(&cluster), 3);
    cluster.run_for(Duration::from_millis(1));
    assert_eq!(tick(&cluster), 4);
}

#[test]
#[should_panic(expected = "not done after 600s of virtual time")]
fn a_task_that_never_ends_is_given_up() {
    let mut cluster = Cluster::new(5);
    let node = cluster.node("idle", |_| async {});
    cluster.run(node, |_| std::future::pending::<()>());
}

#[test]
#[should_panic(expected = "outside of any runtime")]
fn a_cluster_inside_of_a_runtime_says_so() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async { Cluster::new(6).run_for(Duration::ZERO) });
}

#[test]
#[should_panic(expected = "outside of any runtime")]
fn so_does_one_whose_first_node_is_started_there() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async { Cluster::new(6).node("idle", |_| async {}) });
}

#[test]
#[should_panic(expected = "this task never waits")]
fn a_task_that_never_waits_is_told() {
    let mut cluster = Cluster::new(9);
    let node = cluster.node("busy", |_| async {});
    cluster.run(node, |mesh| async move {
        while mesh.nodes().online().is_empty() {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
#[should_panic(expected = "this task never waits")]
fn so_is_a_set_up() {
    Cluster::new(10).node("busy", |mesh| async move {
        while mesh.nodes().online().is_empty() {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn much_work_at_one_moment_is_no_endless_work() {
    let mut cluster = Cluster::new(11);
    let node = cluster.node("busy", |_| async {});
    let before = cluster.now();
    cluster.run(node, |_| async {
        for _ in 0..100_000 {
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(cluster.now(), before);
}
