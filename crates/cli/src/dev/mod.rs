//! `hobnob dev`: a small mesh on this machine, to look at.
//!
//! Each node is a process of its own: this binary again, as `hobnob node`. The
//! first one is the seed of the others and the observer whose events fill the
//! table. The nodes ask each other and tell each other things through their
//! admin endpoints until Ctrl-C, a key, or the end of `--duration`; then they
//! leave one after the other, the observer last.
//!
//! No node outlives this process: each leaves when its stdin ends, and the
//! other end of that pipe is here.

mod board;
mod child;
mod plain;
mod screen;
mod stage;
mod traffic;

use std::env;
use std::io::IsTerminal;
use std::time::Duration;

use board::{Board, Phase, Row, Update};
use child::NodeProcess;
use plain::Plain;
use screen::Screen;
use stage::{Stage, Until, View};
use tokio::sync::mpsc;

use crate::args::DevArgs;
use crate::client::Lines;
use crate::failure::Failure;

/// Updates that may wait to be shown: a second's worth of the largest mesh.
const UPDATE_QUEUE: usize = 1024;

/// How long the observer may take to see every node online, and to hear that
/// one has left: many rounds of gossip on loopback.
const GOSSIP_PATIENCE: Duration = Duration::from_secs(10);

/// How long a node may take to leave: its shutdown timeout of 10 s, the leave
/// itself, and some room.
const LEAVE_PATIENCE: Duration = Duration::from_secs(20);

/// Between two leaves on a screen, so that each can be seen.
const LEAVE_PAUSE: Duration = Duration::from_millis(700);

/// Runs the mesh to its end.
///
/// # Errors
///
/// [`Failure::Runtime`] when a node does not start or does not leave cleanly.
pub(crate) async fn run(args: &DevArgs) -> Result<(), Failure> {
    let (updates, queue) = mpsc::channel(UPDATE_QUEUE);
    watch_signals(updates.clone())?;
    let mut nodes = start(args, &updates).await?;
    let ended = show(args, &mut nodes, updates, queue).await;
    child::end_all(nodes).await;
    let board = ended?;
    crate::output::line(&board.summary())?;
    if board.all_left() {
        Ok(())
    } else {
        Err(Failure::runtime("not every node left cleanly"))
    }
}

async fn start(
    args: &DevArgs,
    updates: &mpsc::Sender<Update>,
) -> Result<Vec<NodeProcess>, Failure> {
    let count = args.nodes.map_or(args.types.len(), usize::from);
    let types = args.types.iter().cycle().take(count);
    let named = types
        .enumerate()
        .map(|(i, t)| (format!("{t}-{}", i + 1), t));
    let mut nodes: Vec<NodeProcess> = Vec::with_capacity(count);
    for (name, node_type) in named {
        let seed = nodes.first().map(|first| first.mesh);
        match NodeProcess::start(&name, node_type, seed, updates).await {
            Ok(node) => nodes.push(node),
            Err(failure) => {
                child::end_all(nodes).await;
                return Err(failure);
            }
        }
    }
    Ok(nodes)
}

async fn show(
    args: &DevArgs,
    nodes: &mut [NodeProcess],
    updates: mpsc::Sender<Update>,
    queue: mpsc::Receiver<Update>,
) -> Result<Board, Failure> {
    let Some(observer) = nodes.first().map(|node| node.admin.clone()) else {
        return Err(Failure::usage("--types: names no type"));
    };
    let lines = observer.follow("/events").await?;
    tokio::spawn(observe(lines, updates.clone()));
    let view = view(&updates);
    let mut stage = Stage::new(board(nodes), view, queue);

    let everyone = stage
        .until(GOSSIP_PATIENCE, Board::everyone_is_online)
        .await?;
    stage.table()?;
    if everyone != Until::Stopped {
        exchange(args, nodes, &mut stage, updates).await?;
    }
    leave(nodes, &mut stage).await?;
    stage.end()
}

fn board(nodes: &[NodeProcess]) -> Board {
    let rows = nodes
        .iter()
        .map(|node| Row::new(&node.name, &node.node_type, node.mesh));
    let mut board = Board::new(rows.collect());
    for node in nodes {
        let NodeProcess {
            name,
            mesh,
            admin,
            pid,
            ..
        } = node;
        board.note(format!(
            "{name} runs as process {pid} at {mesh}, admin {admin}"
        ));
    }
    if let Some(NodeProcess { admin, .. }) = nodes.first() {
        // As it was typed: under `cargo run` it is in no directory of the PATH.
        let program = env::args().next().unwrap_or_else(|| "hobnob".to_owned());
        board.note(format!(
            "look for yourself with {program} members --admin {admin}; Ctrl-C lets them leave"
        ));
    }
    board
}

/// Lets the nodes talk until somebody wants to stop.
async fn exchange(
    args: &DevArgs,
    nodes: &[NodeProcess],
    stage: &mut Stage,
    updates: mpsc::Sender<Update>,
) -> Result<(), Failure> {
    stage.enter(Phase::Running);
    let traffic = traffic::start(nodes, updates);
    let patience = args.duration.unwrap_or(Duration::MAX);
    stage.until(patience, |_| false).await?;
    stage.during(traffic.stop()).await?;
    Ok(())
}

/// Lets the nodes leave, the observer last. Being told to stop once more ends
/// it at once.
async fn leave(nodes: &mut [NodeProcess], stage: &mut Stage) -> Result<(), Failure> {
    stage.enter(Phase::Leaving);
    for (index, node) in nodes.iter_mut().enumerate().rev() {
        stage.note(format!("{} is asked to leave", node.name));
        node.ask_to_leave();
        let Some(ended) = stage.during(node.ended(LEAVE_PATIENCE)).await? else {
            return Err(Failure::runtime("stopped again: the nodes were killed"));
        };
        if index > 0 {
            stage
                .until(GOSSIP_PATIENCE, |board| board.is_gone(index))
                .await?;
            if stage.is_watched() {
                stage.during(tokio::time::sleep(LEAVE_PAUSE)).await?;
            }
        }
        stage.ended(index, ended);
        stage.table()?;
    }
    Ok(())
}

/// Hands on the observer's events until it leaves.
async fn observe(mut lines: Lines, updates: mpsc::Sender<Update>) {
    while let Ok(Some(line)) = lines.next().await {
        let Ok(event) = serde_json::from_str(&line) else {
            continue;
        };
        if updates.send(Update::Event(event)).await.is_err() {
            return;
        }
    }
}

/// A live screen for a person at a terminal, lines for everything else.
fn view(updates: &mpsc::Sender<Update>) -> View {
    let person = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if person && let Ok(screen) = Screen::open(updates.clone()) {
        return View::Screen(screen);
    }
    View::Plain(Plain::default())
}

/// Turns SIGINT and SIGTERM into [`Update::Stop`].
fn watch_signals(updates: mpsc::Sender<Update>) -> Result<(), Failure> {
    use tokio::signal::unix::{SignalKind, signal};
    let watch = |kind| {
        signal(kind).map_err(|error| Failure::runtime(format!("cannot watch signals: {error}")))
    };
    let mut interrupt = watch(SignalKind::interrupt())?;
    let mut terminate = watch(SignalKind::terminate())?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if updates.send(Update::Stop).await.is_err() {
                return;
            }
        }
    });
    Ok(())
}
