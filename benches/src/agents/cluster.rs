//! The processes of one cluster, and what they tell.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader, Read},
    process::{Child, Stdio},
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::Instant,
};

use rustix::process::{Pid, kill_process};

use super::{
    PATIENCE,
    kind::{Kind, Line, Sighting},
};
use crate::{
    Result,
    usage::{self, CpuTime},
};

/// Who tells what of whom.
type Told = (u32, Sighting, String);

/// When something was told by all who should.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sightings {
    pub(crate) first: Instant,
    pub(crate) last: Instant,
    /// How many never told it.
    pub(crate) missed: usize,
}

/// What came of waiting for a line.
enum Received {
    Line(Line),
    Nothing,
}

/// A cluster of agents, numbered from 0. Dropping it kills them.
pub(crate) struct Cluster {
    kind: Kind,
    agents: BTreeMap<u32, Child>,
    lines: Receiver<(u32, Instant, Line)>,
    told: BTreeMap<Told, Instant>,
}

impl Cluster {
    /// Starts the first agent, and the others with its address once it is ready.
    pub(crate) fn start(kind: Kind, agents: u32) -> Result<Self> {
        let (sender, lines) = mpsc::channel();
        let mut cluster = Self {
            kind,
            agents: BTreeMap::new(),
            lines,
            told: BTreeMap::new(),
        };
        let chosen = cluster.spawn(0, None, &sender)?;
        let seed = cluster.await_ready(chosen)?;
        for agent in 1..agents {
            cluster.spawn(agent, Some(&seed), &sender)?;
        }
        Ok(cluster)
    }

    /// Everybody tells of everybody else that it joined.
    pub(crate) fn all_joined(&self) -> BTreeSet<Told> {
        let all = self.agents.keys().copied();
        all.flat_map(|of| self.all_tell(of, Sighting::Joined))
            .collect()
    }

    /// All others tell this of one.
    pub(crate) fn all_tell(&self, of: u32, sighting: Sighting) -> BTreeSet<Told> {
        let others = self.agents.keys().copied().filter(|agent| *agent != of);
        others.map(|agent| (agent, sighting, name(of))).collect()
    }

    /// Waits until all of it was told, or for [`PATIENCE`].
    pub(crate) fn await_sightings(&mut self, expected: &BTreeSet<Told>) -> Result<Sightings> {
        let until = Instant::now() + PATIENCE;
        while expected.iter().any(|told| !self.told.contains_key(told)) {
            if let Received::Nothing = self.receive(until)? {
                break;
            }
        }
        let times: Vec<Instant> = expected
            .iter()
            .filter_map(|told| self.told.get(told))
            .copied()
            .collect();
        let (first, last) = (times.iter().min(), times.iter().max());
        let (Some(first), Some(last)) = (first.copied(), last.copied()) else {
            return Err(format!("{}: nobody told anything of it", self.kind.name()).into());
        };
        Ok(Sightings {
            first,
            last,
            missed: expected.len() - times.len(),
        })
    }

    /// The agent that was started last of those that run.
    pub(crate) fn newest(&self) -> u32 {
        self.agents.keys().next_back().copied().unwrap_or_default()
    }

    /// Ends an agent without a word.
    pub(crate) fn kill(&mut self, agent: u32) -> Result<()> {
        let mut child = self.take(agent)?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Asks an agent to leave, and waits until its process has ended.
    pub(crate) fn ask_to_leave(&mut self, agent: u32) -> Result<()> {
        let mut child = self.take(agent)?;
        kill_process(Pid::from_child(&child), self.kind.leave_signal())?;
        child.wait()?;
        Ok(())
    }

    /// What all processes have used so far.
    pub(crate) fn cpu_time(&self) -> Result<CpuTime> {
        CpuTime::of(self.agents.values().map(Child::id))
    }

    /// Resident memory of a process, the mean of all.
    pub(crate) fn memory_mib(&mut self) -> Result<f64> {
        let all: Result<f64> = self
            .agents
            .values()
            .map(|child| usage::memory_mib(child.id()))
            .sum();
        let agents = u32::try_from(self.agents.len())?;
        Ok(all? / f64::from(agents.max(1)))
    }

    fn spawn(
        &mut self,
        agent: u32,
        seed: Option<&str>,
        lines: &Sender<(u32, Instant, Line)>,
    ) -> Result<Option<String>> {
        let (mut command, address) = self.kind.command(&name(agent), seed)?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", self.kind.name()))?;
        let stdout = child.stdout.take().ok_or("a child without a stdout")?;
        let stderr = child.stderr.take().ok_or("a child without a stderr")?;
        self.agents.insert(agent, child);
        read(agent, stdout, self.kind.clone(), lines.clone());
        read(agent, stderr, self.kind.clone(), lines.clone());
        Ok(address)
    }

    fn await_ready(&mut self, chosen: Option<String>) -> Result<String> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.receive(until)? {
                Received::Line(Line::Ready(address)) => {
                    let address = address.or(chosen);
                    return address.ok_or_else(|| "an agent without an address".into());
                }
                Received::Line(_) => {}
                Received::Nothing => return Err("the first agent was never ready".into()),
            }
        }
    }

    /// Waits for a line and notes what it tells.
    fn receive(&mut self, until: Instant) -> Result<Received> {
        let patience = until.saturating_duration_since(Instant::now());
        let Ok((agent, at, line)) = self.lines.recv_timeout(patience) else {
            return Ok(Received::Nothing);
        };
        match &line {
            Line::Ready(_) => {}
            Line::Seen(sighting, of) => {
                let told = (agent, *sighting, of.clone());
                self.told.entry(told).or_insert(at);
            }
            Line::End(last) if self.agents.contains_key(&agent) => {
                let (kind, name) = (self.kind.name(), name(agent));
                return Err(format!("{kind}: {name} ended by itself: {last}").into());
            }
            Line::End(_) => {}
        }
        Ok(Received::Line(line))
    }

    fn take(&mut self, agent: u32) -> Result<Child> {
        let child = self.agents.remove(&agent);
        child.ok_or_else(|| format!("{} does not run", name(agent)).into())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in self.agents.values_mut() {
            // Both fail only for a child that has ended and was waited for.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn name(agent: u32) -> String {
    format!("agent-{agent}")
}

/// Hands on what the lines of an agent tell, as soon as they are written, and the end of them.
fn read(
    agent: u32,
    from: impl Read + Send + 'static,
    kind: Kind,
    lines: Sender<(u32, Instant, Line)>,
) {
    thread::spawn(move || {
        let mut last = String::new();
        let texts = BufReader::new(from).lines();
        for text in texts.map_while(std::result::Result::ok) {
            if let Some(line) = kind.parse(&text) {
                // Where nobody listens any more, the agent is read all the same: it never waits for a full pipe.
                let _ = lines.send((agent, Instant::now(), line));
            }
            last = text;
        }
        let _ = lines.send((agent, Instant::now(), Line::End(last)));
    });
}
