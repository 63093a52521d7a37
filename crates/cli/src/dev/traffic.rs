//! Lets the nodes talk: requests for an echo, and messages to a type.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::board::{Round, Sent, Update};
use super::child::NodeProcess;
use crate::admin::ROUND_TRIP_HEADER;
use crate::api::{Data, RequestBody, SendBody, SendReport, StatsBody};
use crate::client::Admin;
use crate::failure::Failure;
use crate::node::{COUNT, ECHO};

/// From one node's turn to the next's: calm enough to read along.
const TURN: Duration = Duration::from_millis(500);

/// How long one call to an admin endpoint may take. The calls of the mesh end
/// by their own deadline before.
const CALL_PATIENCE: Duration = Duration::from_secs(10);

/// Traffic under way.
#[derive(Debug)]
pub(super) struct Traffic {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Traffic {
    /// Lets the turn under way end, and the last counts be read.
    pub(super) async fn stop(self) {
        // An error means it has stopped already.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

/// What the traffic needs to know of a node.
#[derive(Clone, Debug)]
struct Talker {
    name: String,
    node_type: String,
    mesh: std::net::SocketAddr,
    admin: Admin,
}

/// Starts the traffic: one node's turn after the other's.
pub(super) fn start(nodes: &[NodeProcess], updates: mpsc::Sender<Update>) -> Traffic {
    let talkers = nodes.iter().map(|node| Talker {
        name: node.name.clone(),
        node_type: node.node_type.clone(),
        mesh: node.mesh,
        admin: node.admin.clone(),
    });
    let talkers: Vec<_> = talkers.collect();
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(take_turns(talkers, updates, stopped));
    Traffic { stop, task }
}

async fn take_turns(
    talkers: Vec<Talker>,
    updates: mpsc::Sender<Update>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut turns = interval(TURN);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for turn in 0.. {
        tokio::select! {
            biased;
            _ = &mut stopped => return,
            _ = turns.tick() => {}
        }
        let round = take_turn(&talkers, turn).await;
        if updates.send(Update::Round(round)).await.is_err() {
            return;
        }
        read_counts(&talkers, &updates).await;
    }
}

async fn take_turn(talkers: &[Talker], turn: usize) -> Round {
    let from = turn % talkers.len();
    let others = talkers.iter().enumerate().filter(|(to, _)| *to != from);
    let echoes = join_all(
        others.map(async |(to, other)| (to, ask(&talkers[from], other).await.map_err(told))),
    );
    let echoes = echoes.await;
    let sent = match told_by(from, turn, talkers) {
        Some(node_type) => tell(&talkers[from], node_type).await.ok(),
        None => None,
    };
    Round { from, echoes, sent }
}

/// The type a node tells in a turn: that of its next neighbour, of the one after
/// it in its next turn, so that in time every node tells every type.
fn told_by(from: usize, turn: usize, talkers: &[Talker]) -> Option<&str> {
    let neighbours = talkers.len().checked_sub(1).filter(|count| *count > 0)?;
    let distance = 1 + (turn / talkers.len()) % neighbours;
    let neighbour = &talkers[(from + distance) % talkers.len()];
    Some(&neighbour.node_type)
}

/// Asks another node for an echo and tells the round trip.
async fn ask(from: &Talker, to: &Talker) -> Result<Duration, Failure> {
    let text = format!("hello {}, this is {}", to.name, from.name);
    let body = RequestBody {
        command: ECHO,
        to: to.mesh,
        data: text_data(&text),
        timeout: None,
    };
    let answer = in_time(from.admin.post::<Data>("/request", &body)).await?;
    if answer.value.text.as_deref() != Some(&text) {
        return Err(Failure::runtime("the echo is not what was sent"));
    }
    let round_trip = answer.number(ROUND_TRIP_HEADER).unwrap_or_default();
    Ok(Duration::try_from_secs_f64(round_trip).unwrap_or_default())
}

/// Sends every other node of a type a message to count.
async fn tell(from: &Talker, node_type: &str) -> Result<Sent, Failure> {
    let body = SendBody {
        command: COUNT,
        to: Vec::new(),
        to_type: Some(node_type.to_owned()),
        data: text_data("one more"),
        limit: None,
        unreliable: false,
        timeout: None,
    };
    let report: SendReport = in_time(from.admin.post("/send", &body)).await?.value;
    Ok(Sent {
        node_type: node_type.to_owned(),
        delivered: report.delivered,
        failed: report.failed,
    })
}

async fn read_counts(talkers: &[Talker], updates: &mpsc::Sender<Update>) {
    let reads = talkers.iter().enumerate().map(async |(node, talker)| {
        if let Ok(stats) = in_time(talker.admin.get::<StatsBody>("/stats")).await {
            let count = stats.received;
            // An error means nobody looks any more.
            let _ = updates.send(Update::Received { node, count }).await;
        }
    });
    join_all(reads).await;
}

async fn in_time<T>(call: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let timely = timeout(CALL_PATIENCE, call).await;
    timely.unwrap_or_else(|_| Err(Failure::runtime("no answer in time")))
}

fn text_data(text: &str) -> Data {
    Data {
        text: Some(text.to_owned()),
        ..Data::default()
    }
}

fn told(failure: Failure) -> String {
    match failure {
        Failure::Usage(message) | Failure::Runtime(message) => message,
        Failure::Reported | Failure::ReaderGone => "failed".to_owned(),
    }
}
