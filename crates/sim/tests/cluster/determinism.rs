//! Everything comes from the seed.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use hobnob::{Context, HandleError, Mesh, Typed};
use hobnob_sim::{Cluster, Conditions, NodeId};

const GREET: u16 = 100;
const TELL: u16 = 101;

/// Everything a run showed.
#[derive(Debug, PartialEq)]
struct Run {
    lines: Vec<String>,
    heard: Vec<String>,
    trace: u64,
}

/// Answers, some of them late, and writes down what it was told.
async fn serve(mesh: Mesh, heard: Arc<Mutex<Vec<String>>>) -> Result<(), HandleError> {
    mesh.handle(GREET, |_: Context, Typed(number): Typed<u64>| async move {
        tokio::time::sleep(Duration::from_millis(number % 50)).await;
        Ok::<_, String>(Typed(number + 1))
    })?;
    let me = mesh.address();
    mesh.handle(TELL, move |context: Context, text: String| {
        let line = format!("{} to {me}: {text}", context.sender());
        heard.lock().unwrap().push(line);
        async { Ok::<_, String>(()) }
    })
}

/// Calls its way around the cluster, several at a time, and tells everybody what it got.
async fn chat(mesh: Mesh) {
    let mut number = u64::from(mesh.address().port());
    loop {
        tokio::time::sleep(Duration::from_millis(70)).await;
        let nodes = mesh.nodes().online();
        let mut calls = Vec::new();
        for node in nodes.iter().cloned() {
            number += 7;
            let (mesh, number) = (mesh.clone(), Typed(number));
            calls.push(tokio::spawn(async move {
                let answer = mesh.request(GREET, node, number).await;
                answer.map(|answer| answer.decode::<Typed<u64>>().unwrap().0)
            }));
        }
        for call in calls {
            let text = format!("{:?}", call.await.unwrap());
            mesh.send_many(TELL, &nodes, text, 2).await;
        }
    }
}

/// A bad day: loss, repetition, reordering, corruption, a cut, a crash, a freeze, a goodbye.
fn a_bad_day(seed: u64) -> Run {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let mut cluster = Cluster::new(seed);
    let sink = lines.clone();
    cluster.trace_into(move |line| sink.lock().unwrap().push(line.to_owned()));
    cluster.set_conditions(Conditions {
        loss: 0.05,
        duplication: 0.05,
        reordering: 0.2,
        corruption: 0.01,
        ..Conditions::LAN
    });
    let nodes: Vec<NodeId> = (0..4)
        .map(|_| {
            let heard = heard.clone();
            cluster.node("chatter", move |mesh| {
                let heard = heard.clone();
                async move {
                    serve(mesh.clone(), heard).await?;
                    chat(mesh).await;
                    Ok::<_, HandleError>(())
                }
            })
        })
        .collect();
    cluster.run_for(Duration::from_secs(3));
    cluster.cut(&nodes[..2], &nodes[2..]);
    cluster.run_for(Duration::from_secs(2));
    cluster.heal_all();
    cluster.crash(nodes[1]);
    cluster.freeze(nodes[2]);
    cluster.run_for(Duration::from_millis(1_500));
    cluster.thaw(nodes[2]);
    cluster.restart(nodes[1]);
    cluster.run_for(Duration::from_secs(2));
    cluster.shutdown(nodes[3]);
    cluster.run_for(Duration::from_secs(1));
    let trace = cluster.trace();
    drop(cluster);
    Run {
        lines: std::mem::take(&mut lines.lock().unwrap()),
        heard: std::mem::take(&mut heard.lock().unwrap()),
        trace,
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let (one, two) = (a_bad_day(42), a_bad_day(42));
    assert!(one.heard.len() > 500, "there was something to compare");
    let differs = one.lines.iter().zip(&two.lines).position(|(a, b)| a != b);
    if let Some(at) = differs {
        panic!("line {at}: {} / {}", one.lines[at], two.lines[at]);
    }
    assert_eq!(one, two);
}

#[test]
fn another_seed_gives_another_run() {
    assert_ne!(a_bad_day(42).trace, a_bad_day(43).trace);
}

/// In the order in which they began to wait: nothing the runtime draws by itself decides it.
#[test]
fn whoever_waits_for_the_end_is_woken_in_order() {
    let woken: Arc<Mutex<Vec<(&str, u32)>>> = Arc::default();
    let mut cluster = Cluster::new(44);
    let log = woken.clone();
    let node = cluster.node("room", move |mesh: Mesh| {
        let log = log.clone();
        async move {
            for number in 0..16 {
                let (offline, closed) = (log.clone(), log.clone());
                let permit = mesh.admission().client().unwrap();
                tokio::spawn(async move {
                    permit.on_offline().await;
                    offline.lock().unwrap().push(("offline", number));
                });
                let mesh = mesh.clone();
                tokio::spawn(async move {
                    mesh.closed().await;
                    closed.lock().unwrap().push(("closed", number));
                });
            }
        }
    });
    cluster.run_for(Duration::from_secs(1));
    cluster.shutdown(node);
    let offline = (0..16).map(|number| ("offline", number));
    let closed = (0..16).map(|number| ("closed", number));
    assert_eq!(
        *woken.lock().unwrap(),
        offline.chain(closed).collect::<Vec<_>>()
    );
}
