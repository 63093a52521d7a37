//! A process of the cluster: a node with handlers, which calls the others and writes down what it sees.

mod callers;
mod handlers;
mod payload;
mod workload;

use std::{
    io::{Write, stdout},
    net::SocketAddr,
    panic,
    path::PathBuf,
    process::exit,
    sync::Arc,
    time::Duration,
};

use clap::{Args, ValueEnum};
use hobnob::{Mesh, NodeState, Nodes};
use tokio::{
    io::{AsyncBufReadExt, BufReader, stdin},
    time::{MissedTickBehavior, interval},
};

use crate::{
    Result,
    journal::{Entry, Journal, Sighting, View},
    orders::{Order, Word},
};

use self::{callers::Callers, payload::CallNumbers};

/// How often a worker looks whom it sees, and notes that it runs.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Which process to be.
#[derive(Args, Debug)]
pub struct WorkerOptions {
    /// Number of the process, unique in the run; later ones are greater
    #[arg(long)]
    process: u32,
    /// The node's address
    #[arg(long)]
    bind: SocketAddr,
    /// Address of another node; repeated for each of them
    #[arg(long)]
    peer: Vec<SocketAddr>,
    /// The file to write the journal to
    #[arg(long, value_name = "FILE")]
    journal: PathBuf,
    /// What the calls are chosen by
    #[arg(long)]
    seed: u64,
    /// A fault to have, for the test of the checker
    #[arg(long)]
    plant: Option<Plant>,
}

/// A fault a worker can be told to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Plant {
    /// One message in ten is handled twice.
    DoubleHandling,
    /// One answer in ten is that to another request.
    StrayAnswer,
    /// A handler panics.
    Panic,
}

impl Plant {
    /// Its name on the command line.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

/// Runs a worker until it is told to finish, or nobody holds its standard input any more.
///
/// # Errors
///
/// If the node can't be started. Everything later is written down.
pub fn run(options: WorkerOptions) -> Result<()> {
    end_with_parent()?;
    let journal = Arc::new(Journal::begin(&options.journal)?);
    end_with_panic(journal.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(serve(options, journal))
}

async fn serve(options: WorkerOptions, journal: Arc<Journal>) -> Result<()> {
    let mesh = Mesh::builder("worker")
        .bind(options.bind)
        .seeds(options.peer.iter().map(ToString::to_string))
        .name(options.bind.to_string())
        .insecure(true)
        .start()
        .await?;
    journal.write(&Entry::Started {
        address: mesh.address(),
        generation: mesh.me().generation(),
    });
    handlers::register(&mesh, &journal, options.seed, options.plant)?;
    say(Word::Ready)?;
    tokio::spawn(look(mesh.clone(), journal.clone()));
    let numbers = CallNumbers::of_process(options.process);
    let callers = Callers::new(mesh.clone(), journal.clone(), numbers);
    let mut work = workload::Workload::new(callers, options.peer, options.seed);
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match serde_json::from_str(&line)? {
            Order::Work => work.begin(),
            Order::Flood(target) => work.flood(target),
            Order::Rest => {
                work.end().await;
                say(Word::Rests)?;
            }
            Order::Look => {
                let nodes = mesh.nodes();
                journal.write(&sees(&nodes));
                say(Word::Looked(nodes.online().len()))?;
            }
            Order::Finish => exit(0),
        }
    }
    // Whoever gave the orders is gone.
    Ok(())
}

/// Says how many are Online when that changes; notes from time to time that this process runs.
async fn look(mesh: Mesh, journal: Arc<Journal>) {
    let mut generation = mesh.me().generation();
    let mut online = None;
    let mut ticks = interval(LOOK_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        journal.write(&Entry::Ran);
        let current = mesh.me().generation();
        if current != generation {
            generation = current;
            journal.write(&Entry::Renewed { generation });
        }
        let seen = mesh.nodes().online().len();
        if online.replace(seen) != Some(seen) && say(Word::Online(seen)).is_err() {
            // Nobody listens: this process is about to end.
            return;
        }
    }
}

fn sees(nodes: &Nodes) -> Entry {
    let sightings = nodes.iter().map(|node| Sighting {
        address: node.address(),
        generation: node.generation(),
        state: match node.state() {
            NodeState::Online => View::Online,
            NodeState::Taken => View::Taken,
            NodeState::Offline => View::Offline,
            NodeState::Suspect => View::Suspect,
            NodeState::Left => View::Left,
            _ => View::Failed,
        },
    });
    Entry::Sees {
        nodes: sightings.collect(),
    }
}

fn say(word: Word) -> Result<()> {
    let line = serde_json::to_string(&word)? + "\n";
    let mut stdout = stdout().lock();
    stdout.write_all(line.as_bytes())?;
    Ok(stdout.flush()?)
}

/// A stopped process does not notice that its standard input has ended: the kernel kills it.
fn end_with_parent() -> Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    Ok(())
}

/// A panic anywhere, in a task of the runtime too, is written down and ends the process.
fn end_with_panic(journal: Arc<Journal>) {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        journal.write(&Entry::Panicked {
            message: panicked.to_string(),
        });
        print(panicked);
        exit(101);
    }));
}
