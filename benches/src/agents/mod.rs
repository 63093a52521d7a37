//! Clusters of real agents: Hobnob's own beside Serf's, in one run.
//!
//! Each round starts a fresh cluster of each kind, one process for each agent, all on loopback with the timers
//! for a LAN, and takes these figures of it:
//!
//! 1. *Joined*: from the start of the first process until each agent has told that every other one joined. The
//!    first has to be ready before the others start, all at once, with the first as their seed.
//! 2. *At rest*: CPU time and resident memory of each process while nothing happens, of both clusters over the
//!    same seconds.
//! 3. *Crash*: from `SIGKILL` of one process, in both clusters at the same time, until the first and the last of the
//!    others have told that it failed.
//! 4. *Leave*: from the signal by which an agent is asked to leave until all others have told that it left.
//!
//! What an agent knows is read from its log as it is written; nobody polls an agent, which would cost it time.
//! What an agent has not told after [`PATIENCE`] is counted as never told. The run fails where an agent ends by
//! itself, never because something was slow.

mod cluster;
mod kind;
mod report;
mod serf;

use std::{
    io::{Write, stdout},
    path::PathBuf,
    thread::sleep,
    time::{Duration, Instant},
};

use self::{
    cluster::Cluster,
    kind::{Kind, Sighting},
    report::{Figures, Report},
};
use crate::{Result, args::AgentOptions, json::JsonFile};

/// What was not told by then never will be.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs all rounds, prints the report, and writes the file that was asked for.
pub(crate) fn run(options: &AgentOptions) -> Result<()> {
    let json = JsonFile::create(options.json.as_deref())?;
    let mut kinds = vec![Kind::Hobnob(hobnob(options)?)];
    match serf::find(options.install) {
        Ok(program) => kinds.push(Kind::Serf(program)),
        Err(reason) => writeln!(stdout(), "serf skipped: {reason}")?,
    }
    let mut figures = Vec::new();
    for round in 0..options.rounds {
        kinds.rotate_left(1);
        figures.extend(measure(&kinds, round, options)?);
    }
    let report = Report::new(options, figures);
    write!(stdout(), "{report}")?;
    json.write(&report)
}

/// The agent's program: the one named, or the one built beside this one.
fn hobnob(options: &AgentOptions) -> Result<PathBuf> {
    let beside = std::env::current_exe()?.with_file_name("hobnob");
    let program = options.hobnob.clone().unwrap_or(beside);
    if program.is_file() {
        return Ok(program);
    }
    let program = program.display();
    Err(format!("{program} is not there: build it in the same profile, with `cargo build --release --package hobnob-cli`").into())
}

fn measure(kinds: &[Kind], round: u32, options: &AgentOptions) -> Result<Vec<Figures>> {
    let mut clusters = Vec::new();
    for kind in kinds {
        let begin = Instant::now();
        let mut cluster = Cluster::start(kind.clone(), options.agents)?;
        let all = cluster.all_joined();
        let seen = cluster.await_sightings(&all)?;
        let joined = seen.last.saturating_duration_since(begin);
        let mut figures = Figures::new(kind.name(), round, joined);
        figures.missed += seen.missed;
        clusters.push((cluster, figures));
    }
    rest(&mut clusters, options)?;
    crash(&mut clusters)?;
    for (cluster, figures) in &mut clusters {
        let leaver = cluster.newest();
        let begin = Instant::now();
        let expected = cluster.all_tell(leaver, Sighting::Left);
        cluster.ask_to_leave(leaver)?;
        let seen = cluster.await_sightings(&expected)?;
        figures.left = seen.last.saturating_duration_since(begin);
        figures.missed += seen.missed;
    }
    Ok(clusters.into_iter().map(|(_, figures)| figures).collect())
}

fn rest(clusters: &mut [(Cluster, Figures)], options: &AgentOptions) -> Result<()> {
    // What joining left behind is over by then: both gossip what is new for a few periods of a second at most.
    sleep(options.settle);
    let mut before = Vec::new();
    for (cluster, _) in &mut *clusters {
        before.push(cluster.cpu_time()?);
    }
    let begin = Instant::now();
    sleep(options.rest);
    let processes = f64::from(options.agents);
    for ((cluster, figures), before) in clusters.iter_mut().zip(before) {
        let spent = cluster.cpu_time()?.since(&before);
        figures.cpu_percent =
            100.0 * spent.as_secs_f64() / begin.elapsed().as_secs_f64() / processes;
        figures.memory_mib = cluster.memory_mib()?;
    }
    Ok(())
}

fn crash(clusters: &mut [(Cluster, Figures)]) -> Result<()> {
    let mut killed = Vec::new();
    for (cluster, _) in &mut *clusters {
        let victim = cluster.newest();
        let expected = cluster.all_tell(victim, Sighting::Failed);
        cluster.kill(victim)?;
        killed.push((Instant::now(), expected));
    }
    for ((cluster, figures), (begin, expected)) in clusters.iter_mut().zip(killed) {
        let seen = cluster.await_sightings(&expected)?;
        let since = |at: Instant| at.saturating_duration_since(begin);
        figures.failed_first = since(seen.first);
        figures.failed_last = since(seen.last);
        figures.missed += seen.missed;
    }
    Ok(())
}
