//! Many real nodes in one process, over loopback: what each of them costs.
//!
//! The first is the seed of all others, which start at once. *Joined* is the time from the start of the first until each
//! has all others in its snapshot. CPU time and memory are those of the whole process while nothing happens, by
//! the number of nodes: what starting left behind is over by then. Memory is what the process has more than it had
//! before the first node. *Left* is the time until one node that leaves is in nobody's snapshot as online any more.

use std::{
    fmt,
    io::{Write, stdout},
    process,
    time::{Duration, Instant},
};

use hobnob::{Mesh, NodeState};
use serde::Serialize;
use tokio::{runtime::Runtime, time::sleep};

use crate::{
    Result,
    args::ScaleOptions,
    json::JsonFile,
    machine::Machine,
    usage::{self, CpuTime},
};

/// Pause between two looks at the snapshots.
const LOOK_PAUSE: Duration = Duration::from_millis(10);

/// How long nodes may take until all know all, or until all know of a leave.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Debug, Serialize)]
struct Report {
    machine: Machine,
    nodes: usize,
    rest_seconds: f64,
    joined_seconds: f64,
    /// Of one core, a node.
    cpu_percent: f64,
    memory_kib: f64,
    left_seconds: f64,
}

/// Runs it and shows the report.
pub(crate) fn run(options: &ScaleOptions) -> Result<()> {
    let json = JsonFile::create(options.json.as_deref())?;
    let report = Runtime::new()?.block_on(measure(options))?;
    write!(stdout(), "{report}")?;
    json.write(&report)
}

async fn measure(options: &ScaleOptions) -> Result<Report> {
    let this = process::id();
    let memory_before = usage::memory_mib(this)?;
    let begin = Instant::now();
    let meshes = start(options.nodes).await?;
    let others = meshes.len() - 1;
    wait_until(&meshes, |mesh| mesh.nodes().iter().count() == others).await?;
    let joined = begin.elapsed();

    sleep(options.settle).await;
    let cpu_before = CpuTime::of([this])?;
    let begin = Instant::now();
    sleep(options.rest).await;
    let cpu = CpuTime::of([this])?.since(&cpu_before);
    let rested = begin.elapsed();
    let memory = usage::memory_mib(this)? - memory_before;

    let left = leave(&meshes).await?;
    for mesh in &meshes {
        mesh.shutdown().await;
    }
    let nodes = f64::from(u32::try_from(meshes.len())?);
    Ok(Report {
        machine: Machine::this(),
        nodes: meshes.len(),
        rest_seconds: rested.as_secs_f64(),
        joined_seconds: joined.as_secs_f64(),
        cpu_percent: 100.0 * cpu.as_secs_f64() / rested.as_secs_f64() / nodes,
        memory_kib: 1_024.0 * memory / nodes,
        left_seconds: left.as_secs_f64(),
    })
}

async fn start(nodes: usize) -> Result<Vec<Mesh>> {
    let first = Mesh::builder("node").name("node-0").start().await?;
    let seed = first.address().to_string();
    let mut starting = Vec::new();
    for index in 1..nodes {
        let builder = Mesh::builder("node")
            .name(format!("node-{index}"))
            .seeds([&seed]);
        starting.push(tokio::spawn(builder.start()));
    }
    let mut meshes = vec![first];
    for started in starting {
        meshes.push(started.await??);
    }
    Ok(meshes)
}

/// How long it takes until all others know of a leave.
async fn leave(meshes: &[Mesh]) -> Result<Duration> {
    let Some((leaver, others)) = meshes.split_last() else {
        return Ok(Duration::ZERO);
    };
    let gone = leaver.address();
    let begin = Instant::now();
    let knows = |mesh: &Mesh| {
        let nodes = mesh.nodes();
        nodes
            .iter()
            .all(|node| node.address() != gone || node.state() == NodeState::Left)
    };
    let (_, known) = tokio::join!(leaver.shutdown(), wait_until(others, knows));
    known?;
    Ok(begin.elapsed())
}

async fn wait_until(meshes: &[Mesh], knows: impl Fn(&Mesh) -> bool) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    while !meshes.iter().all(&knows) {
        if Instant::now() > until {
            return Err(format!("not known to all after {PATIENCE:?}").into());
        }
        sleep(LOOK_PAUSE).await;
    }
    Ok(())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            machine,
            nodes,
            rest_seconds,
            joined_seconds,
            cpu_percent,
            memory_kib,
            left_seconds,
        } = self;
        writeln!(
            f,
            "{nodes} nodes in one process on loopback, {rest_seconds:.0} s at rest"
        )?;
        writeln!(
            f,
            "{} cores ({}), Linux {}",
            machine.cores, machine.cpu, machine.kernel
        )?;
        writeln!(f, "all know all       {joined_seconds:>10.2} s")?;
        writeln!(f, "CPU, a node        {cpu_percent:>10.3} % of a core")?;
        writeln!(f, "memory, a node     {memory_kib:>10.0} KiB")?;
        writeln!(f, "a leave, all know  {left_seconds:>10.2} s")
    }
}
