//! The command line, also the one by which the processes of a measurement are started.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, value_parser};

use crate::contender::Contender;

/// Longest measured time of one measurement, in seconds.
const SECONDS_MAX: f64 = 3_600.0;

#[derive(Debug, Parser)]
#[command(
    about = "Measures Hobnob and what it is compared with, between real processes over loopback"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Request round trips, 64 bytes, at 1, 64 and 512 requests in flight
    Request(Options),
    /// Acknowledged one-way messages of many tasks to one peer
    Stream(Options),
    /// One message to 64 receivers, reliable and unreliable
    Fanout(Options),
    /// Clusters of agents, Hobnob's and Serf's: joining, rest, a crash and a leave
    Agents(AgentOptions),
    /// Many real nodes in one process: joining, CPU time and memory of each, a leave
    Scale(ScaleOptions),
    /// What the number of members adds to the cost of a datagram and of a second at rest
    Members(MemberOptions),
    /// Serves one contender until stdin ends
    #[command(hide = true)]
    Serve(ServeOrder),
    /// Drives one contender and prints what it measured
    #[command(hide = true)]
    Drive(DriveOrder),
}

/// How to run a benchmark.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// How often each contender is measured; the contenders take turns
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u32).range(1..=1_000))]
    pub(crate) rounds: u32,
    /// How long one measurement takes; a fifth more goes before it as warm-up
    #[arg(long, default_value = "1", value_parser = seconds)]
    pub(crate) seconds: Duration,
    /// Run each process on a current-thread runtime instead of a multi-thread one
    #[arg(long)]
    pub(crate) current_thread: bool,
    /// Write every figure to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// How to compare clusters of agents.
#[derive(Args, Debug)]
pub(crate) struct AgentOptions {
    /// Agents of each kind
    #[arg(long, default_value_t = 20, value_parser = value_parser!(u32).range(3..=200))]
    pub(crate) agents: u32,
    /// How often a fresh cluster of each kind is measured
    #[arg(long, default_value_t = 3, value_parser = value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
    /// How long the agents rest while their CPU time is taken
    #[arg(long, default_value = "20", value_parser = seconds)]
    pub(crate) rest: Duration,
    /// How long they are left alone before that
    #[arg(long, default_value = "5", value_parser = seconds)]
    pub(crate) settle: Duration,
    /// Hobnob's program; the one beside this one unless set
    #[arg(long, value_name = "FILE")]
    pub(crate) hobnob: Option<PathBuf>,
    /// Install Serf by apt-get if it is missing
    #[arg(long)]
    pub(crate) install: bool,
    /// Write every figure to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// How to run many nodes in one process.
#[derive(Args, Debug)]
pub(crate) struct ScaleOptions {
    /// Nodes
    #[arg(long, default_value_t = 200, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(2..=2_000))]
    pub(crate) nodes: usize,
    /// How long they rest while their CPU time is taken
    #[arg(long, default_value = "20", value_parser = seconds)]
    pub(crate) rest: Duration,
    /// How long they are left alone before that
    #[arg(long, default_value = "10", value_parser = seconds)]
    pub(crate) settle: Duration,
    /// Write every figure to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// How to measure a membership core by itself.
#[derive(Args, Debug)]
pub(crate) struct MemberOptions {
    /// Members in its table
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1_000, 10_000])]
    pub(crate) members: Vec<usize>,
    /// How often each is measured; the sizes take turns
    #[arg(long, default_value_t = 5, value_parser = value_parser!(u32).range(1..=1_000))]
    pub(crate) rounds: u32,
    /// Write every figure to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// What a serving process is told.
#[derive(Args, Debug)]
pub(crate) struct ServeOrder {
    #[arg(long)]
    pub(crate) contender: Contender,
    /// How many nodes or sockets, each with an address of its own
    #[arg(long, default_value_t = 1)]
    pub(crate) receivers: usize,
    #[arg(long)]
    pub(crate) current_thread: bool,
}

/// What a driving process is told.
#[derive(Args, Clone, Debug)]
pub(crate) struct DriveOrder {
    #[arg(long)]
    pub(crate) contender: Contender,
    /// Calls in flight at any moment; of a fan-out: deliveries in flight
    #[arg(long)]
    pub(crate) concurrency: usize,
    /// The addresses the serving process printed
    #[arg(long, value_delimiter = ',', required = true)]
    pub(crate) peers: Vec<SocketAddr>,
    /// The serving process, whose CPU time counts too
    #[arg(long)]
    pub(crate) server: u32,
    #[arg(long, value_parser = seconds)]
    pub(crate) seconds: Duration,
    #[arg(long)]
    pub(crate) current_thread: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .parse()
        .map_err(|_| "not a number of seconds".to_owned())?;
    if seconds > 0.0 && seconds <= SECONDS_MAX {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(format!("choose more than 0 and at most {SECONDS_MAX}"))
    }
}
